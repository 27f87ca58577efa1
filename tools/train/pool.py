"""Designs encoded once into latent tokens, in shards:

    python -m tools.train.pool --state DIR --shards 20 --first 0 [--sizes 96x96,96x128]     writes DIR/pool/00000.pt ...

A record holds bf16 tokens of every part a task may need, and the words. A shard has 2,000 designs.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from . import captions, restyle
from .design import compose, draw
from .precision import autocast
from .regions import on_grid
from .state import load, save
from .train_vae import to_tensor
from .vae import Vae

SHARD = 2000
SPLIT = {"train": 1, "validation": 2, "test": 3}


def pack(latents):
    """[16, 2h, 2w] -> tokens [h*w, 64], channel order c*4 + dy*2 + dx."""
    c, h, w = latents.shape
    return latents.reshape(c, h // 2, 2, w // 2, 2).permute(1, 3, 0, 2, 4).reshape(h * w // 4, c * 4)


def unpack(tokens, gh, gw):
    return tokens.view(gh, gw, 16, 2, 2).permute(2, 0, 3, 1, 4).reshape(16, 2 * gh, 2 * gw)


def choose_targets(rng, design):
    """1-based indices of the layers that add and restyle generate: one, or two of three and more."""
    count = len(design["layers"]) - 1
    able = [i for i in range(1, count + 1) if restyle.able(design["layers"][i])]
    pick = able if able and rng.random() < 0.85 else list(range(1, count + 1))
    n = 2 if count >= 3 and len(pick) >= 2 and rng.random() < 0.25 else 1
    return sorted(int(i) for i in rng.choice(pick, n, replace=False))


def pictures_of(design, rng):
    """Everything to encode: {(part, index): (premultiplied picture, grid box)}, and the targets."""
    width, height, layers = design["width"], design["height"], design["layers"]
    whole = [0, 0, width // 16, height // 16]
    targets = choose_targets(rng, design)
    parts = {("composed", 0): (compose(layers, width, height), whole)}
    for i, layer in enumerate(layers):
        parts["layer", i] = on_grid(layer)
    kept = [l for i, l in enumerate(layers) if i not in targets]
    parts["context", 0] = (compose(kept, width, height), whole)
    made = restyle.pair(rng, design, targets)
    for i, pair in zip(targets, made or []):
        parts["cond", i] = on_grid(layers[i], pair[0])
        parts["restyled", i] = on_grid(layers[i], pair[1])
    return parts, targets, bool(made)


@torch.no_grad()
def encode_pictures(vae, pictures):
    """List of premultiplied pictures -> list of packed tokens; equal sizes go through together."""
    out, by_size = [None] * len(pictures), {}
    for i, p in enumerate(pictures):
        by_size.setdefault(p.shape[:2], []).append(i)
    for members in by_size.values():
        for at in range(0, len(members), 32):
            some = members[at : at + 32]
            with autocast("cpu"):
                z = vae.encode(to_tensor([pictures[i] for i in some])).float()
            for i, latents in zip(some, z):
                out[i] = pack(latents)
    return out


def words_of(layer):
    return {k: layer[k] for k in ("kind", "shape", "colour", "phrase", "brief")}


def encode_many(vae, seeds, size):
    """Records of the designs of `seeds`."""
    records, pictures = [], []
    for seed in seeds:
        design = draw(seed, *size)
        parts, targets, stylable = pictures_of(design, np.random.default_rng([*seed, 77]))
        spans, boxes = {}, []
        for key, (picture, box) in parts.items():
            spans[key] = len(pictures)
            pictures.append(picture)
        boxes = [parts["layer", i][1] for i in range(len(design["layers"]))]
        records.append({"spans": spans, "boxes": boxes, "window": (size[0] // 16, size[1] // 16), "targets": targets,
                        "stylable": stylable, "layers": [words_of(l) for l in design["layers"]]})
    tokens = encode_pictures(vae, pictures)
    for r in records:
        keys, at, spans = list(r["spans"]), 0, {}
        for k in keys:
            n = len(tokens[r["spans"][k]])
            spans[k] = (at, at + n)
            at += n
        r["tokens"] = torch.cat([tokens[r["spans"][k]] for k in keys]).bfloat16()
        r["spans"] = spans
    return records


def frozen_vae(folder):
    vae = Vae().eval()
    vae.load_state_dict(load(Path(folder) / "vae.pt")["model"])
    return vae


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", required=True)
    parser.add_argument("--shards", type=int, default=10)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--sizes", default="96x96")
    parser.add_argument("--designs", type=int, default=SHARD, help=f"in each shard, {SHARD} at most")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    vae, sizes = frozen_vae(args.state), [tuple(map(int, s.split("x"))) for s in args.sizes.split(",")]
    for shard in range(args.first, args.first + args.shards):
        path = Path(args.state) / "pool" / f"{shard:05d}.pt"
        if path.exists():
            continue
        start, records = time.time(), []
        for at in range(0, min(args.designs, SHARD), 50):
            size = sizes[(at // 50) % len(sizes)]
            records += encode_many(vae, [(SPLIT["train"], shard * SHARD + at + i) for i in range(50)], size)
        save(path, records)
        print(f"shard {shard}: {len(records) / (time.time() - start):.0f} designs/s, {time.process_time():.0f} s", flush=True)


if __name__ == "__main__":
    main()
