"""Trains the VAE on regions of drawn designs:  python -m tools.train.train_vae --minutes 25 --state DIR

Batches mix random 48-px windows (cut on the 16-px grid) of backgrounds, composed pictures and layers, with smaller
regions whole. Saves DIR/vae.pt (weights, latent statistics) every two minutes and at the end; resumes from it.
"""

import argparse
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch

from . import regions
from .design import compose, draw, premultiply
from .muon import Optimizer
from .precision import autocast
from .state import load, save
from .vae import Vae, network_input

WINDOW = 48


def sources(seed):
    """Premultiplied pictures [h, w, 4] of a design, each on its quantised box."""
    d = draw([1, seed])
    out = [compose(d["layers"], d["width"], d["height"]), premultiply(d["layers"][0]["rgba"])]
    return out + [regions.on_grid(layer)[0] for layer in d["layers"][1:]]


def cut(rng, picture):
    """A 48 x 48 window on the 16-px grid."""
    h, w = picture.shape[:2]
    y, x = 16 * rng.integers((h - WINDOW) // 16 + 1), 16 * rng.integers((w - WINDOW) // 16 + 1)
    return picture[y : y + WINDOW, x : x + WINDOW]


class Feed:
    """Endless batches [B, 4, h, w] in [-1, 1], about 37k px each."""

    def __init__(self, seed):
        self.rng, self.next, self.windows, self.small = np.random.default_rng(seed), seed * 10_000_000, [], {}

    def fill(self):
        for picture in sources(self.next):
            if min(picture.shape[:2]) >= WINDOW:
                self.windows += [cut(self.rng, picture) for _ in range(3)]
            else:
                self.small.setdefault(picture.shape[:2], []).append(picture)
        self.next += 1

    def __call__(self):
        while True:
            ready = [k for k, v in self.small.items() if len(v) * k[0] * k[1] >= 30_000]
            if ready:
                return to_tensor(self.small.pop(ready[0]))
            if len(self.windows) >= 200:
                order = self.rng.permutation(len(self.windows))
                out = [self.windows[i] for i in order[:16]]
                self.windows = [self.windows[i] for i in order[16:]]
                return to_tensor(out)
            self.fill()


def to_tensor(pictures):
    x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return network_input(x).contiguous(memory_format=torch.channels_last)


def white(x):
    """x premultiplied in [-1, 1] -> (rgb - alpha): composited over white up to a constant."""
    return x[:, :3] - x[:, 3:]


def loss_of(model, x):
    with autocast(x.device.type) if x.device.type == "cpu" else nullcontext():
        z = model.moments(x)
        y = model.decoder(model.post_quant_conv(z))
    y, z = y.float(), z.float()
    edge = lambda v: torch.cat([(v[..., 1:, :] - v[..., :-1, :]).flatten(), (v[..., 1:] - v[..., :-1]).flatten()])
    error = (y - x).abs().mean() + 0.5 * (white(y) - white(x)).abs().mean()
    return error + 0.25 * edge(y - x).abs().mean() + 0.3 * ((y - x) ** 2).mean() + 3e-4 * (z**2).mean()


@torch.no_grad()
def measure(model, batches):
    """(PSNR of premultiplied RGBA in dB, alpha MAE)."""
    square, alpha, count = 0.0, 0.0, 0
    for x in batches:
        y = model.decode(model.encode(x)).clamp(-1, 1)
        e = (y - x) / 2
        square += float((e**2).sum())
        alpha += float(e[:, 3].abs().sum())
        count += e.numel()
    return -10 * np.log10(square / count), alpha / (count / 4)


@torch.no_grad()
def statistics(model, count=300):
    """Sets mean and std of the latents per channel from whole regions."""
    zs = []
    for i in range(count):
        for p in sources(90_000_000 + i):
            zs.append(model.moments(to_tensor([p]))[0].flatten(1))
    z = torch.cat(zs, 1)
    model.mean.copy_(z.mean(1).double().mul(1e4).round().div(1e4))
    model.std.copy_(z.std(1).double().mul(1e4).round().div(1e4))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=25, help="of CPU time")
    parser.add_argument("--state", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--lr", type=float, default=0.004)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    folder = Path(args.state)
    model = Vae()
    matrices = [p for n, p in model.named_parameters() if p.ndim == 4 and "conv_in" not in n and "decoder.conv_out" not in n]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    optimizer = Optimizer(matrices, others, args.lr, args.lr / 2)
    done, step, samples = 0.0, 0, 0
    saved = load(folder / "vae.pt")
    if saved:
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        done, step = saved["seconds"], saved["step"]
    feed = Feed(1 + step)
    held = Feed(7)
    held.next = 80_000_000
    held = [held() for _ in range(12)]
    total, at, last = args.minutes * 60, time.process_time(), time.time()
    while done < total:
        share = done / total
        factor = min(1.0, (step + 1) / 30) * (1.0 if share < 0.3 else max(0.02, (1 - share) / 0.7))
        x = feed()
        loss = loss_of(model, x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step(factor)
        step, samples, done, at = step + 1, samples + len(x), done + time.process_time() - at, time.process_time()
        if step % 100 == 0 or done >= total:
            psnr, alpha = measure(model, held)
            print(f"{done/60:6.2f} min  step {step}  loss {loss.item():.4f}  psnr {psnr:.2f}  alpha {alpha:.4f}", flush=True)
        if time.time() - last > 120 or done >= total:
            if done >= total:
                statistics(model)
            save(folder / "vae.pt", {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "seconds": done, "step": step})
            last = time.time()


if __name__ == "__main__":
    main()
