"""Trajectory distillation with guidance folded in, as an objective of `train`:

    python -m tools.train.train --state DIR --name student --start-from anneal --teacher anneal --phase tools/train/phases/distill.json

For the tasks that the phase's `taught` names, the target is not the data's velocity but the mean velocity of the teacher
(running mean of its weights, guided) over one step of the student's sigma list, reached by `parts` Euler steps: the student
learns to make the step in one evaluation, without guidance (progressive distillation, Salimans and Ho 2022, with the
guidance of Meng et al. 2023 folded into its first round). Tasks that are not named keep the data's velocity, so that they
are not forgotten.
"""

from pathlib import Path

import numpy as np
import torch

from .batches import collate
from .precision import autocast
from .state import load


class Teacher:
    def __init__(self, folder, name, build, device):
        """build(size) -> an untrained model of that size."""
        saved = load(Path(folder) / f"{name}.pt")
        self.model = build(saved["size"]).to(device).eval()
        for p, value in zip(self.model.parameters(), saved["ema"]):
            p.data.copy_(value)
            p.requires_grad_(False)

    @torch.no_grad()
    def velocity(self, captioned, bare, z, sigma, scale):
        """Guided velocity [B, N, 64] at z [B, N, 64], sigma [B]; `bare` is the batch without captions."""
        with autocast(z.device.type):
            v = self.model({**captioned, "noise": z, "sigma": sigma})
            if scale == 1:
                return v
            free = self.model({**bare, "noise": z, "sigma": sigma})
        return free + scale * (v - free)

    def mean_velocity(self, captioned, bare, z, sigma, following, parts, scale):
        """Of the way from sigma to following [B] in `parts` equal steps."""
        at, part = z, (following - sigma) / parts
        for i in range(parts):
            at = at + part[:, None, None] * self.velocity(captioned, bare, at, sigma + i * part, scale)
        return (at - z) / (following - sigma)[:, None, None]


def taught_loss(model, teacher, lesson, records, task, texts, lean, rng, device):
    """Mean squared distance to the teacher's mean velocity. lesson: {"levels": [1, ..., 0], "parts": 2, "cfg": 2.5}."""
    captioned, bare = (collate(records, task, t, device, lean) for t in (texts, [""] * len(texts)))
    levels = np.array(lesson["levels"], np.float32)
    step = rng.integers(len(levels) - 1, size=len(records))
    sigma, following = (torch.from_numpy(levels[step + i]).to(device) for i in (0, 1))
    x0, s = captioned["x0"], sigma[:, None, None]
    z = (1 - s) * x0 + s * torch.randn_like(x0)
    wanted = teacher.mean_velocity(captioned, bare, z, sigma, following, lesson["parts"], lesson["cfg"])
    with autocast(z.device.type):
        v = model({**captioned, "noise": z, "sigma": sigma})
    error = ((v - wanted) ** 2).mean(-1) * captioned["weight"]
    return error.sum() / captioned["weight"].sum()
