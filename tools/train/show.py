"""Pictures of what a run makes, to look at:

    python -m tools.train.show --state DIR --name run --task i2l --count 6 --out show.png

One row a design: the input (or true picture), the merged result, then every generated region over its truth.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from .batches import caption_of
from .evaluate import cases_of, load_model, run
from .pool import frozen_vae
from .sampling import sigmas
from .sheet import on_checkerboard, save

CELL = 100


def fit(premul):
    """A picture on the checkerboard, cut or padded to a cell."""
    out = np.ones((CELL, CELL, 3), np.float32)
    p = on_checkerboard(premul)[:CELL, :CELL]
    out[: p.shape[0], : p.shape[1]] = p
    return out


def row_of(case, made, task):
    """[(picture above, picture below)] of a design."""
    top, record = [], case.record
    pictures = {i: case.truth["layer", i] for i in range(len(record["boxes"]))}
    pictures.update({i: p for (part, i), p in made.items() if part in ("layer", "restyled")})
    truth = {i: case.truth["layer", i] for i in range(len(record["boxes"]))}
    truth.update({i: case.truth["restyled", i] for (part, i) in made if part == "restyled"})
    top.append((case.paste(pictures), case.paste(truth)))
    for (part, i), p in made.items():
        below = case.truth["cond", i] if part == "restyled" else case.truth[part, i]
        top.append((p, below))
    return top[:9]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", required=True)
    parser.add_argument("--name", default="run")
    parser.add_argument("--task", default="i2l")
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--cfg", type=float, default=1.0)
    parser.add_argument("--zoom", type=int, default=2)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    vae = frozen_vae(args.state)
    model, _ = load_model(Path(args.state) / f"{args.name}.pt")
    cases = [c for c in cases_of(vae, "validation", 3 * args.count) if args.task != "restyle" or c.record["stylable"]][: args.count]
    rng = np.random.default_rng(5)
    texts = ["" if args.task == "i2l" else caption_of(c.record, args.task, rng) for c in cases]
    rows = []
    for case, made, text in zip(cases, run(model, vae, cases, args.task, texts, sigmas(args.steps), args.cfg), texts):
        print(text or "-")
        rows.append(row_of(case, made, args.task))
    width = max(len(r) for r in rows)
    sheet = np.ones((len(rows) * (2 * CELL + 8), width * CELL, 3), np.float32)
    for y, row in enumerate(rows):
        for x, (a, b) in enumerate(row):
            at = y * (2 * CELL + 8)
            sheet[at : at + CELL, x * CELL : (x + 1) * CELL] = fit(a)
            sheet[at + CELL : at + 2 * CELL, x * CELL : (x + 1) * CELL] = fit(b)
    save(sheet, args.out, args.zoom)


if __name__ == "__main__":
    main()
