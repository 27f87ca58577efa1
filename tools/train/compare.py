"""Checks an exported folder against the training code:

    python -m tools.train.compare --state DIR --name run --folder checkpoints/mrt-tiny

Text features, latents, decoded pixels and velocities of validation designs, as normalised mean square differences. The
training weights are first rounded as the export rounds them (f16), so what is left is f32 rounding.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from .batches import caption_of, collate, layout, text_ids
from .evaluate import load_model
from .plan import TASKS, regions_of
from .pool import SPLIT, encode_many, frozen_vae
from .reference import Folder
from .tokenizer import DROP


def nmse(a, e):
    a, e = a.double(), e.double()
    return float(((a - e) ** 2).sum() / (e**2).sum())


def plan_order(record, task):
    """(roles, positions, permutation): where clean and noise tokens stand in plan order."""
    p = layout(record, task)
    nc, nn = len(p["clean"]), len(p["noise"])
    regions = []
    at_clean, at_noise = 0, 0
    clean, noise = regions_of(task, len(record["boxes"]) - 1, record["targets"])
    slot = lambda r: {"composed": 0, "context": 0, "layer": 1, "restyled": 1, "cond": 3}[r[0]]
    listed = [(r, "clean") for r in clean] + [(r, "noise") for r in noise]
    for r, role in listed:
        a, b = record["spans"][r]
        if role == "clean":
            regions.append((slot(r), r[1], 2 if r[0] == "cond" else 1, at_clean, b - a))
            at_clean += b - a
        else:
            regions.append((slot(r), r[1], 0, nc + at_noise, b - a))
            at_noise += b - a
    regions.sort(key=lambda r: r[:2])
    order = np.concatenate([np.arange(start, start + n) for _, _, _, start, n in regions])
    roles = np.concatenate([np.full(n, role) for _, _, role, _, n in regions])
    positions = np.concatenate([p["clean_pos"], p["noise_pos"]])[order]
    assert len(order) == nc + nn
    return torch.from_numpy(roles), torch.from_numpy(positions), torch.from_numpy(order), p["start"]


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", required=True)
    parser.add_argument("--name", default="run")
    parser.add_argument("--folder", required=True)
    parser.add_argument("--raw", action="store_true")
    args = parser.parse_args()
    model, vae = load_model(Path(args.state) / f"{args.name}.pt", not args.raw)[0], frozen_vae(args.state)
    for module in (model, vae):
        for p in module.parameters():
            p.data = p.data.half().float()
    folder = Folder(args.folder)
    records = encode_many(vae, [(SPLIT["validation"], 900 + i) for i in range(4)], (96, 96))
    worst = {}
    note = lambda key, value: worst.__setitem__(key, max(worst.get(key, 0.0), value))
    rng = np.random.default_rng(1)
    for record in records:
        for task in TASKS:
            if task == "restyle" and not record["stylable"]:
                continue
            text = caption_of(record, task, rng)
            b = collate([record], task, [text])
            mine = model.features(b["ids"])[0, : len(text_ids(text)) - DROP]
            theirs = folder.features(text)
            assert list(text_ids(text)) == folder.ids(text)[: len(text_ids(text))]
            note("text", nmse(theirs, mine))
            noise = torch.randn(b["x0"].shape)
            v = model({**b, "noise": noise, "sigma": torch.tensor([0.625])})[0]
            roles, positions, order, start = plan_order(record, task)
            nc, nn = int((roles != 0).sum()), int((roles == 0).sum())
            tokens = torch.cat([b["clean"][0, :nc], noise[0, :nn]])[order]
            out = folder.velocity(tokens, roles, positions, theirs, start, 0.625)
            note(f"velocity {task}", nmse(out, v[:nn]))
    pixels = torch.rand(2, 4, 48, 80) * 2 - 1
    z = vae.encode(pixels)
    note("encode", nmse(folder.encode(pixels), z))
    note("decode", nmse(folder.decode(z), vae.decode(z).clamp(-1, 1)))
    for key, value in worst.items():
        print(f"{key:20s} nmse {value:.2e}")
    assert max(worst.values()) < 1e-8, "the export differs from the training code"
    print("the folder computes what was trained")


if __name__ == "__main__":
    main()
