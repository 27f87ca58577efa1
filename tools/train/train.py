"""Trains transformer and text encoder:

    python -m tools.train.train --state DIR --phase tools/train/phases/i2l.json --minutes 60

Draws batches of encoded designs from DIR/pool (new shards are picked up as they appear), one task a batch. The state
(weights, EMA, optimizer, step, CPU seconds) lies in DIR/NAME.pt and is written every ten minutes and at the end, so that
the training can be cut at any moment and goes on with the same command. A phase file says the mix, the learning rates
and their course; a run goes from phase to phase with --start-from OTHER.
"""

import argparse
import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import torch

from .batches import Feed, collate
from .distill import Teacher, taught_loss
from .dit import Size, Transformer
from .muon import Optimizer
from .precision import autocast
from .ranks import Ranks
from .state import load, save
from .text import TextEncoder
from .tokenizer import DROP, shared

DEFAULTS = {
    "tasks": {"i2l": 1.0}, "batch": 32, "lr_matrix": 0.02, "lr_other": 0.002, "lr_text": 0.3, "decay": 0.02,
    "drop": {"i2l": 0.5, "t2l": 0.1, "add": 0.1, "restyle": 0.1}, "one": {"i2l": 0.5, "restyle": 0.5, "t2l": 0.1, "add": 0.25},
    "clock": "cpu", "warm": 60, "constant": 1.0, "seconds": 7200, "limit": 150, "captions": True, "few": {}, "lean": {}, "band": {},
    "taught": {},
}


NO_BAND = (0.0, 0.0, 1.0)


class Model(torch.nn.Module):
    """Transformer and text encoder together."""

    def __init__(self, size):
        super().__init__()
        self.text, self.net = TextEncoder(shared().get_vocab_size()), Transformer(size)

    def features(self, ids):
        return self.text(ids)[:, DROP:]

    def forward(self, batch):
        return self.net({**batch, "text": self.features(batch["ids"])})


def sigma_of(size, one, rng, band):
    """Noise levels [B]: 1 with probability `one`, else, with probability band[0], uniform between band[1] and band[2], else
    sqrt(u). The band is where a region of a few tokens shows which of several colours it will have: only there do several
    regions learn to share out a caption's words, and below it the text is not needed any more."""
    share, low, high = band
    u = np.where(rng.random(size) < share, rng.uniform(low, high, size), np.sqrt(rng.random(size)))
    return torch.from_numpy(np.where(rng.random(size) < one, 1.0, u)).float().clamp(min=0.02)


def loss_of(model, batch, sigma):
    """Velocity MSE per sample over its noise tokens, then the mean; eps - x0 is the target."""
    eps = torch.randn_like(batch["x0"])
    s = sigma[:, None, None]
    noisy = (1 - s) * batch["x0"] + s * eps
    device = batch["x0"].device.type
    with autocast(device):
        v = model({**batch, "noise": noisy, "sigma": sigma})
    error = ((v - (eps - batch["x0"])) ** 2).mean(-1) * batch["weight"]
    return error.sum() / batch["weight"].sum()


def factor_of(phase, step, used):
    """Learning-rate factor: warm-up, constant for a share of the phase's seconds, then linear to zero."""
    share = min(1.0, used / phase["seconds"])
    fall = 1.0 if share <= phase["constant"] else max(0.0, (1 - share) / (1 - phase["constant"]))
    return min(1.0, (step + 1) / phase["warm"]) * fall


class Pool:
    """Records of all shards in a folder; `refresh` adds new ones."""

    def __init__(self, folder):
        self.folder, self.seen, self.records = Path(folder), set(), []

    def refresh(self):
        for path in sorted(self.folder.glob("*.pt")):
            if path.name not in self.seen:
                self.seen.add(path.name)
                self.records.extend(load(path))
        return self.records


class Ema:
    """Running mean of the weights that follows early training too: weight min(0.9985, (n + 1) / (n + 15))."""

    def __init__(self, model):
        self.values, self.count = [p.detach().clone() for p in model.parameters()], 0

    @torch.no_grad()
    def update(self, model, every):
        self.count += 1
        keep = min(0.9985, (self.count + 1) / (self.count + 15)) ** every
        torch._foreach_lerp_(self.values, [p.detach() for p in model.parameters()], 1 - keep)


def build(size, folder, device):
    torch.manual_seed(3)
    model = Model(size)
    text = load(Path(folder) / "text.pt")
    if text:
        model.text.load_state_dict(text["model"])
    return model.to(device)


def optimizer_of(model, phase):
    matrices, others = model.net.split_parameters()
    text = [(n, p) for n, p in model.text.named_parameters()]
    optimizer = Optimizer(matrices, others, phase["lr_matrix"], phase["lr_other"], phase["decay"])
    side = torch.optim.AdamW([p for _, p in text], lr=phase["lr_other"] * phase["lr_text"], betas=(0.9, 0.98), weight_decay=0.0)
    return optimizer, side


def state_of(model, ema, optimizer, side, extra):
    return {"model": model.state_dict(), "ema": ema.values, "ema_count": ema.count, "optimizer": optimizer.state_dict(),
            "side": side.state_dict(), "size": vars(model.net.size), **extra}


def restore(saved, model, ema, optimizer=None, side=None):
    model.load_state_dict(saved["model"])
    for mine, value in zip(ema.values, saved["ema"]):
        mine.copy_(value)
    ema.count = saved["ema_count"]
    if optimizer is not None:
        optimizer.load_state_dict(saved["optimizer"])
        side.load_state_dict(saved["side"])


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", required=True)
    parser.add_argument("--name", default="run")
    parser.add_argument("--start-from", help="name of a saved run whose weights and optimizer start this one")
    parser.add_argument("--phase", required=True)
    parser.add_argument("--teacher", help="name of the run that teaches the phase's `taught` tasks (distill.py)")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=1e9, help="of wall time, then save and stop")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--scale", type=float, default=1.0, help="of the phase's seconds")
    parser.add_argument("--ranks", type=int, default=1, help="processes that average their gradients; each draws whole batches")
    parser.add_argument("--rank", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    folder, phase = Path(args.state), {**DEFAULTS, **json.loads(Path(args.phase).read_text())}
    phase["seconds"] *= args.scale
    model = build(Size(args.width, args.blocks), folder, args.device)
    ema = Ema(model)
    optimizer, side = optimizer_of(model, phase)
    path = folder / f"{args.name}.pt"
    ranks = Ranks(args.rank, args.ranks, folder / f"{args.name}.meeting")
    step, used, total = 0, 0.0, 0.0
    saved = load(path) or (load(folder / f"{args.start_from}.pt") if args.start_from else None)
    if saved:
        restore(saved, model, ema, optimizer, side)
        total = saved["total"]
        if path.exists():
            step, used = saved["step"], saved["used"]
    if not phase["captions"]:  # the text stream waits until there is text
        for name, p in model.named_parameters():
            if name.startswith("text.") or (".text." in name and ".mod." not in name):
                p.requires_grad_(False)
    teacher = Teacher(folder, args.teacher, lambda size: Model(Size(**size)), args.device) if args.teacher else None
    if args.compile:
        torch._dynamo.config.recompile_limit = 64
        for net in (model.net, *([teacher.model.net] if teacher else [])):
            for block in net.blocks:
                block.compile(dynamic=True)
    pool = Pool(folder / "pool")
    feed = Feed(pool.refresh(), [5, step, args.rank, os.getpid()], limit=phase["limit"], few=phase["few"])
    rng = np.random.default_rng([6, step, args.rank, os.getpid()])
    turns = np.random.default_rng([7, step])  # all ranks work on the same task, or they would wait for the longest
    torch.manual_seed(step + 11 + 1000003 * args.rank)
    names, shares = list(phase["tasks"]), np.array(list(phase["tasks"].values()))
    clock = time.process_time if args.device == "cpu" and phase["clock"] == "cpu" else time.time
    began, at, kept, seen = time.time(), clock(), time.time(), {}
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))  # save and leave
    over = used >= phase["seconds"]  # a phase that is complete is left alone
    while not over:
        task = str(turns.choice(names, p=shares / shares.sum()))
        drop = phase["drop"][task] if phase["captions"] else 1.0
        records, texts = feed.draw(task, phase["batch"], drop)
        lean = phase["lean"].get(task, 0.0)
        if teacher and task in phase["taught"]:
            loss = taught_loss(model, teacher, phase["taught"][task], records, task, texts, lean, rng, args.device)
        else:
            batch = collate(records, task, texts, args.device, lean)
            sigma = sigma_of(phase["batch"], phase["one"][task], rng, phase["band"].get(task, NO_BAND))
            loss = loss_of(model, batch, sigma.to(args.device))
        optimizer.zero_grad()
        side.zero_grad()
        loss.backward()
        used, over = ranks.average(list(model.parameters()), used, bool(stop))
        factor = factor_of(phase, step, used)
        optimizer.step(factor)
        for group in side.param_groups:
            group["lr"] = phase["lr_other"] * phase["lr_text"] * factor
        side.step()
        step += 1
        if step % 4 == 0:
            ema.update(model, 4)
        now = clock()
        used, total, at = used + now - at, total + (now - at) * args.ranks, now
        stop += [True] if used >= phase["seconds"] or time.time() - began >= 60 * args.minutes else []
        over = over or (args.ranks == 1 and bool(stop))
        seen.setdefault(task, []).append(loss.item())
        if step % 50 == 0 and ranks.first:
            means = " ".join(f"{k} {np.mean(v):.4f}" for k, v in seen.items())
            print(f"{used/60:7.2f} cpu-min (all {total/60:.1f})  step {step}  lr x{factor:.3f}  {means}", flush=True)
        if step % 50 == 0:
            seen, feed.records = {}, pool.refresh()
        if ranks.first and time.time() - kept > 600:
            save(path, state_of(model, ema, optimizer, side, {"step": step, "used": used, "total": total, "phase": phase}))
            kept = time.time()
    ranks.end()
    if not ranks.first:
        return
    save(path, state_of(model, ema, optimizer, side, {"step": step, "used": used, "total": total, "phase": phase}))
    print(f"saved {path.name} at step {step}, {total/60:.1f} cpu-min in all", flush=True)


if __name__ == "__main__":
    main()
