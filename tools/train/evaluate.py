"""Scores a run on validation designs:

    python -m tools.train.evaluate --state DIR --name run --count 64 --steps 8 [--tasks i2l,restyle,add,t2l]

Chooses checkpoints while training; the official figures come from `layerloom eval`.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from . import scores
from .batches import caption_of, layout
from .design import compose, draw, hidden, over, premultiply
from .dit import Size
from .palette import NAMES
from .pool import SPLIT, encode_many, frozen_vae, pictures_of
from .sampling import decode_all, denoise, sigmas, split_regions
from .state import load
from .train import Model, Ema, restore


def load_model(path, ema=True):
    saved = load(path)
    model = Model(Size(**saved["size"]))
    average = Ema(model)
    restore(saved, model, average)
    if ema:
        for p, value in zip(model.parameters(), average.values):
            p.data.copy_(value)
    return model.eval(), saved


class Case:
    """A design with its record and its true pictures."""

    def __init__(self, design, record):
        seed = design["seed"]
        self.design, self.record = design, record
        self.truth = {k: v[0] for k, v in pictures_of(design, np.random.default_rng([*seed, 77]))[0].items()}

    def paste(self, pictures):
        """Merged window [h, w, 4] of layer pictures {index: picture on its grid box}."""
        canvas = np.zeros((self.design["height"], self.design["width"], 4), np.float32)
        for i, box in enumerate(self.record["boxes"]):
            over(canvas, pictures[i], 16 * box[0], 16 * box[1])
        return canvas

    def seen(self, i):
        """Bool on layer i's grid box: inside the window and not under another layer, with true alpha."""
        w, h = self.design["width"], self.design["height"]
        cover = compose(self.design["layers"][i + 1 :], w, h)[..., 3]
        x0, y0, x1, y1 = (16 * v for v in self.record["boxes"][i])
        out = np.zeros((y1 - y0, x1 - x0), bool)
        ax, ay, bx, by = max(x0, 0), max(y0, 0), min(x1, w), min(y1, h)
        out[ay - y0 : by - y0, ax - x0 : bx - x0] = cover[ay:by, ax:bx] < 0.05
        return out & (self.truth["layer", i][..., 3] > 0.02)


def cases_of(vae, split, count, size=(96, 96)):
    seeds = [(SPLIT[split], i) for i in range(count)]
    records = []
    for at in range(0, count, 32):
        records += encode_many(vae, seeds[at : at + 32], size)
    return [Case({**draw(s, *size), "seed": s}, r) for s, r in zip(seeds, records)]


def run(model, vae, cases, task, texts, levels, cfg, truth=False):
    """Decoded noise regions of every case: list of {(part, index): picture}; truth = decode the true latents instead."""
    out, order = [None] * len(cases), sorted(range(len(cases)), key=lambda i: len(cases[i].record["tokens"]))
    for at in range(0, len(order), 16):
        some = order[at : at + 16]
        records = [cases[i].record for i in some]
        if truth:
            tokens = [r["tokens"][torch.from_numpy(layout(r, task)["noise"])].float() for r in records]
        else:
            tokens = denoise(model, records, task, [texts[i] for i in some], levels, cfg, seed=at)
        parts = [split_regions(r, task, z) for r, z in zip(records, tokens)]
        flat = decode_all(vae, [z for p in parts for z in p.values()])
        for i, p in zip(some, parts):
            out[i] = dict(zip(p, flat[: len(p)]))
            flat = flat[len(p) :]
    return out


def score_i2l(cases, made):
    iou, seen, hit, bg, flat, merged, gray, pooled, by_kind = [], [], [], [], [], [], [], [0.0, 0.0], {}
    for case, out in zip(cases, made):
        layers = case.design["layers"]
        for i in range(1, len(layers)):
            p, g = out["layer", i], case.truth["layer", i]
            iou.append(scores.soft_iou(p[..., 3], g[..., 3]))
            by_kind.setdefault(layers[i]["shape"], []).append(iou[-1])
            pooled[0] += np.minimum(p[..., 3], g[..., 3]).sum()
            pooled[1] += np.maximum(p[..., 3], g[..., 3]).sum()
            mask = case.seen(i)
            if mask.any():
                seen.append(scores.psnr(scores.on_gray(p), scores.on_gray(g), mask))
            gray.append(scores.leak(p, g))
            hit.append(scores.hits_colour(p, NAMES.index(layers[i]["colour"]), scores.mean_colour(g)))
        covered, g = hidden(case.design), case.truth["layer", 0]
        if layers[0]["pattern"] != "plain" and covered.any():
            bg.append(scores.psnr(out["layer", 0], g, covered))
            free = compose(layers[1:], case.design["width"], case.design["height"])[..., 3] < 0.02
            flat.append(scores.psnr(np.broadcast_to(g[free].mean(0) if free.any() else g.mean((0, 1)), g.shape), g, covered))
        merged.append(scores.psnr(case.paste({i: out["layer", i] for i in range(len(layers))}), case.truth["composed", 0]))
    kinds = " ".join(f"{k}:{np.mean(v):.2f}" for k, v in sorted(by_kind.items(), key=lambda kv: np.mean(kv[1])))
    return (f"IoU {np.mean(iou):.3f} pooled {pooled[0]/pooled[1]:.3f} | visible {np.mean(seen):.2f} | hidden {np.mean(bg):.2f} "
            f"(flat {np.mean(flat):.2f}) | merged {np.mean(merged):.2f} | colour {np.mean(hit):.2f} | leak {100*np.mean(gray):.2f} %", kinds)


def score_restyle(cases, made):
    iou, before, after, right = [], [], [], []
    for case, out in zip(cases, made):
        for i in case.record["targets"]:
            p, g, c = out["restyled", i], case.truth["restyled", i], case.truth["cond", i]
            iou.append(scores.soft_iou(p[..., 3], g[..., 3]))
            others = [scores.mean_colour(case.truth["layer", j]) for j in range(1, len(case.design["layers"]))
                      if j not in case.record["targets"]]
            def distance(x):
                """Mean over opaque pixels of the distance to the nearest colour of the other layers."""
                m = x[..., 3] > 0.5
                if not m.any():
                    return 1.0
                rgb = x[m][:, :3] / x[m][:, 3:]
                return float(np.min([np.sqrt(((rgb - o) ** 2).sum(-1)) for o in others if o is not None], 0).mean())
            before.append(distance(c))
            after.append(distance(p))
            mine, wanted = scores.mean_colour(p), scores.mean_colour(g)
            right.append(mine is not None and bool(np.sqrt(((mine - wanted) ** 2).sum()) <= 0.15))
    return f"IoU {np.mean(iou):.3f} | palette distance {np.mean(before):.3f} -> {np.mean(after):.3f} | right colour {np.mean(right):.2f}"


def score_add(cases, made, wanted):
    """wanted: for each case the colour names that its caption asked for."""
    iou, hit = [], []
    for case, out, names in zip(cases, made, wanted):
        for i, name in zip(case.record["targets"], names):
            p, g = out["layer", i], case.truth["layer", i]
            iou.append(scores.soft_iou(p[..., 3], g[..., 3]))
            hit.append(scores.hits_colour(p, NAMES.index(name)))
    return f"colour {np.mean(hit):.3f} | IoU with truth {np.mean(iou):.3f}"


def score_t2l(cases, made, wanted):
    hit, consistent = [], []
    for case, out, names in zip(cases, made, wanted):
        found = []
        for i in range(1, len(case.design["layers"])):
            c = scores.mean_colour(out["layer", i])
            found.append(NAMES[scores.nearest_name(c)] if c is not None else None)
        hit.append(scores.multiset_overlap(found, names))
        pasted = case.paste({i: out["layer", i] for i in range(len(case.design["layers"]))})
        consistent.append(scores.psnr(pasted, out["composed", 0]))
    return f"colour {np.mean(hit):.3f} | merged against composed {np.mean(consistent):.2f} dB"


def evaluate(model, vae, cases, task, levels, cfg=1.0, captions_on=False, truth=False):
    """One line of figures for a task; text tasks carry the shuffled-caption control."""
    rng = np.random.default_rng(5)
    if task == "restyle":
        cases = [c for c in cases if c.record["stylable"]]
    if task == "add":
        cases = [c for c in cases if all(c.record["layers"][i]["kind"] in ("shape", "text", "panel") for i in c.record["targets"])]
    if task == "t2l":
        cases = [c for c in cases if len(c.record["layers"]) <= 9]
    texts = [caption_of(c.record, task, rng) for c in cases]
    if task == "i2l":
        made = run(model, vae, cases, task, texts if captions_on else [""] * len(cases), levels, 1.0, truth)
        return "  ".join(score_i2l(cases, made))
    if task == "restyle":
        return score_restyle(cases, run(model, vae, cases, task, texts, levels, 1.0, truth))
    names_of = (lambda c: [c.record["layers"][i]["colour"] for i in c.record["targets"]]) if task == "add" else (
        lambda c: [l["colour"] for l in c.record["layers"][1:]])
    score = score_add if task == "add" else score_t2l
    wanted = [names_of(c) for c in cases]
    line = score(cases, run(model, vae, cases, task, texts, levels, cfg, truth), wanted)
    if truth:
        return line
    groups = {}
    for i, names in enumerate(wanted):
        groups.setdefault(len(names), []).append(i)
    source = list(range(len(cases)))
    for members in groups.values():  # captions change places among designs that ask for as many colours
        for a, b in zip(members, members[1:] + members[:1]):
            source[a] = b
    made = run(model, vae, cases, task, [texts[j] for j in source], levels, cfg)
    return line + "  || shuffled captions, scored for the design's own: " + score(cases, made, wanted)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", required=True)
    parser.add_argument("--name", default="run")
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--steps", default="8")
    parser.add_argument("--cfg", type=float, default=1.0)
    parser.add_argument("--levels", help="sigma lists instead of step counts, as 1,0.5,0;1,0.3,0")
    parser.add_argument("--tasks", default="i2l,restyle,add,t2l")
    parser.add_argument("--split", default="validation")
    parser.add_argument("--bound", action="store_true", help="the VAE bound too")
    parser.add_argument("--raw", action="store_true", help="weights instead of their running mean")
    args = parser.parse_args()
    torch.set_num_threads(1)
    vae = frozen_vae(args.state)
    model, saved = load_model(Path(args.state) / f"{args.name}.pt", not args.raw)
    print(f"{args.name}: step {saved['step']}, {saved['total'] / 60:.1f} cpu-min")
    cases = cases_of(vae, args.split, args.count)
    for task in args.tasks.split(","):
        if args.bound:
            print(f"{task} bound: {evaluate(model, vae, cases, task, [1, 0], truth=True)}", flush=True)
        lists = [sigmas(int(n)) for n in args.steps.split(",")]
        if args.levels:
            lists = [[float(v) for v in one.split(",")] for one in args.levels.split(";")]
        for levels in lists:
            name = ",".join(f"{v:g}" for v in levels) if args.levels else f"{len(levels) - 1} steps"
            print(f"{task} {name}: {evaluate(model, vae, cases, task, levels, args.cfg)}", flush=True)


if __name__ == "__main__":
    main()
