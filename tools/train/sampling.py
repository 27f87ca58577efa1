"""Sampling with the training model: whole Euler runs on a batch, and pixels of the regions."""

import torch

from .batches import collate, layout
from .plan import regions_of
from .pool import unpack
from .precision import autocast


def sigmas(steps):
    """Uniform levels 1 ... 0."""
    return [1 - i / steps for i in range(steps)] + [0.0]


@torch.no_grad()
def denoise(model, records, task, texts, levels, cfg=1.0, seed=0, device="cpu"):
    """Noise tokens after the run, one [N_i, 64] per record. Guidance drops the text only."""
    b = collate(records, task, texts, device)
    plain = collate(records, task, [""] * len(records), device) if cfg > 1 else None
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(b["x0"].shape, generator=generator).to(device)
    for s, following in zip(levels[:-1], levels[1:]):
        sigma = torch.full((len(records),), s, device=device)
        with autocast(device):
            v = model({**b, "noise": z, "sigma": sigma})
            if cfg > 1:
                free = model({**plain, "noise": z, "sigma": sigma})
                v = free + cfg * (v - free)
        z = z + (following - s) * v
    return [z[i, : len(layout(r, task)["noise"])] for i, r in enumerate(records)]


def split_regions(record, task, tokens):
    """{(part, index): latents [16, 2 gh, 2 gw]} of the noise regions."""
    out, at = {}, 0
    for part, i in regions_of(task, len(record["boxes"]) - 1, record["targets"])[1]:
        x0, y0, x1, y1 = [0, 0, *record["window"]] if part in ("composed", "context") else record["boxes"][i]
        n = (x1 - x0) * (y1 - y0)
        out[part, i] = unpack(tokens[at : at + n], y1 - y0, x1 - x0)
        at += n
    return out


@torch.no_grad()
def decode_all(vae, latents):
    """List of latents -> list of premultiplied RGBA [h, w, 4] f32 numpy, alpha snapped near 0 and 1."""
    out, by_size = [None] * len(latents), {}
    for i, z in enumerate(latents):
        by_size.setdefault(tuple(z.shape), []).append(i)
    for members in by_size.values():
        for at in range(0, len(members), 32):
            some = members[at : at + 32]
            y = vae.decode(torch.stack([latents[i] for i in some]).float()).clamp(-1, 1)
            y = (y / 2 + 0.5).permute(0, 2, 3, 1)
            alpha = y[..., 3:]
            snapped = torch.where(alpha < 2 / 255, 0.0, torch.where(alpha > 253 / 255, 1.0, alpha))
            rgb = torch.where(snapped > 0, y[..., :3] / snapped.clamp(min=1e-6), 0.0).clamp(0, 1)
            for i, p in zip(some, torch.cat([rgb * snapped, snapped], -1).numpy()):
                out[i] = p
    return out
