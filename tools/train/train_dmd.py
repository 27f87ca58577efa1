"""Distribution matching distillation of the text tasks (DMD2, Yin et al. 2024, arXiv 2405.14867, without its GAN):

    python -m tools.train.train_dmd --state DIR --name dmd --start-from distill --teacher anneal --phase tools/train/phases/dmd.json

The student's own few-step samples x are noised again to a random level; there the teacher's guess of the clean tokens (guided)
and that of a second network, trained on the student's samples all along, differ by the direction in which the two distributions
differ. The student follows it at every step of its list, on states that its own steps led to (backward simulation), so that it
learns what it does, not what the teacher would have done. Two updates of the second network go to one of the student (two time
scales). A share `anchor` of the batches keeps the data's velocity at the list's levels.
"""

import argparse
import json
import signal
import time
from pathlib import Path

import numpy as np
import torch

from .batches import Feed, collate
from .distill import Teacher
from .dit import Size
from .muon import Optimizer
from .precision import autocast
from .state import load, save
from .train import DEFAULTS, Ema, Model, Pool, factor_of, loss_of, restore, state_of


def velocity(model, batch, z, sigma):
    """[B, N, 64] in f32."""
    with autocast(z.device.type):
        v = model({**batch, "noise": z, "sigma": sigma})
    return v.float()


def simulate(model, batch, levels, stop):
    """(state z at levels[stop], sigma [B]) that the student's own steps lead to from pure noise; Euler, without gradients."""
    z = torch.randn_like(batch["x0"])
    with torch.no_grad():
        for a, b in zip(levels[:stop], levels[1 : stop + 1]):
            z = z + (b - a) * velocity(model, batch, z, z.new_full((len(z),), a))
    return z, z.new_full((len(z),), levels[stop])


def renoised(x, rng):
    """(z, sigma [B]): x at random levels between 0.05 and 0.95."""
    sigma = torch.from_numpy(rng.uniform(0.05, 0.95, len(x))).to(x)
    s = sigma[:, None, None]
    return (1 - s) * x + s * torch.randn_like(x), sigma


def weighted(error, weight):
    """Mean over real tokens of error [B, N, 64]."""
    return (error.mean(-1) * weight).sum() / weight.sum()


def matching_loss(student, teacher, fake, captioned, bare, levels, cfg, rng):
    """Half the squared distance from x to x minus the (normalised) difference of the two guesses: its gradient is that difference."""
    z, sigma = simulate(student, captioned, levels, int(rng.integers(len(levels) - 1)))
    x = z - sigma[:, None, None] * velocity(student, captioned, z, sigma)
    with torch.no_grad():
        noisy, level = renoised(x, rng)
        s = level[:, None, None]
        real = noisy - s * teacher.velocity(captioned, bare, noisy, level, cfg).float()
        false = noisy - s * velocity(fake, captioned, noisy, level)
        mask = (captioned["weight"] > 0)[..., None]
        size = ((x - real).abs() * mask).sum((1, 2), keepdim=True) / (64 * mask.sum((1, 2), keepdim=True))
        wanted = x - (false - real) / size.clamp(min=1e-3)
    return 0.5 * weighted((x - wanted) ** 2, captioned["weight"]), x.detach()


def fake_loss(fake, captioned, x, rng):
    """Velocity MSE of the second network on the student's samples."""
    z, sigma = renoised(x, rng)
    v = velocity(fake, captioned, z, sigma)
    s = sigma[:, None, None]
    eps = (z - (1 - s) * x) / s
    return weighted((v - (eps - x)) ** 2, captioned["weight"])


def copy_of(folder, name, size, device):
    """A network with the run's mean weights, to be trained."""
    teacher = Teacher(folder, name, lambda _: Model(Size(**size)), device)
    for p in teacher.model.parameters():
        p.requires_grad_(True)
    return teacher.model.train()


def optimizer_for(model, phase, scale=1.0):
    """Of the transformer alone: the text encoder stays the teacher's."""
    matrices, others = model.net.split_parameters()
    for p in model.text.parameters():
        p.requires_grad_(False)
    return Optimizer(matrices, others, scale * phase["lr_matrix"], scale * phase["lr_other"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", required=True)
    parser.add_argument("--name", default="dmd")
    parser.add_argument("--start-from", required=True, help="run whose mean weights the student starts from")
    parser.add_argument("--teacher", required=True, help="run whose mean weights guess the clean tokens of the data")
    parser.add_argument("--phase", required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--scale", type=float, default=1.0, help="of the phase's seconds")
    args = parser.parse_args()
    torch.set_num_threads(1)
    folder, phase = Path(args.state), {**DEFAULTS, **json.loads(Path(args.phase).read_text())}
    phase["seconds"] *= args.scale
    path, saved = folder / f"{args.name}.pt", load(folder / f"{args.name}.pt")
    size = load(folder / f"{args.start_from}.pt")["size"]
    student, fake = copy_of(folder, args.start_from, size, args.device), copy_of(folder, args.teacher, size, args.device)
    teacher = Teacher(folder, args.teacher, lambda given: Model(Size(**given)), args.device)
    optimizer, follower = optimizer_for(student, phase), optimizer_for(fake, phase, phase["lr_fake"])
    side = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])  # stands for the text encoder's, which is not trained
    ema, step, used = Ema(student), 0, 0.0
    if saved:
        restore(saved, student, ema)
        optimizer.load_state_dict(saved["optimizer"])
        fake.load_state_dict(saved["fake"])
        follower.load_state_dict(saved["follower"])
        step, used = saved["step"], saved["used"]
    pool = Pool(folder / "pool")
    feed = Feed(pool.refresh(), [5, step, 8], limit=phase["limit"], few=phase["few"])
    rng = np.random.default_rng([6, step, 8])
    torch.manual_seed(step + 17)
    names, shares = list(phase["tasks"]), np.array(list(phase["tasks"].values()))
    stop, kept, seen = [], time.time(), {}
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))

    def keep():
        extra = {"step": step, "used": used, "total": used, "phase": phase, "fake": fake.state_dict(), "follower": follower.state_dict()}
        save(path, state_of(student, ema, optimizer, side, extra))

    while used < phase["seconds"] and not stop:
        at = time.time()
        task = str(rng.choice(names, p=shares / shares.sum()))
        records, texts = feed.draw(task, phase["batch"], phase["drop"][task])
        captioned, bare = (collate(records, task, t, args.device) for t in (texts, [""] * len(texts)))
        levels, factor = phase["levels"][task], factor_of(phase, step, used)
        loss, x = matching_loss(student, teacher, fake, captioned, bare, levels, phase["cfg"], rng)
        if rng.random() < phase["anchor"]:
            sigma = torch.from_numpy(rng.choice(levels[:-1], phase["batch"])).float().to(args.device)
            loss = loss + loss_of(student, captioned, sigma)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step(factor)
        for _ in range(phase["fake_steps"]):
            follower.zero_grad()
            wrong = fake_loss(fake, captioned, x, rng)
            wrong.backward()
            follower.step(factor)
        step, used = step + 1, used + time.time() - at
        if step % 4 == 0:
            ema.update(student, 4)
        seen.setdefault(task, []).append(loss.item())
        seen.setdefault("fake", []).append(wrong.item())
        if step % 10 == 0:
            print(f"{used / 60:6.2f} min  step {step}  " + " ".join(f"{k} {np.mean(v):.4f}" for k, v in seen.items()), flush=True)
            seen = {}
        if time.time() - kept > 600:
            keep()
            kept = time.time()
    keep()
    print(f"saved {path.name} at step {step}", flush=True)


if __name__ == "__main__":
    main()
