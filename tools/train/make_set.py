"""Writes a set of designs with their truth, for the evaluation:

    python -m tools.train.make_set --seed 3 --count 80 --out DIR [--sizes 96x96,96x128,128x96]

DIR/set.json lists the designs. Each folder DIR/0000/ holds layout.json (a layered-design/1 document with the pixels of every
layer), t2l.json, i2l.json, add.json, restyle.json (the same document with a task; the last only where the design implies a
restyled colour), PNGs of every layer, composed.png (the window), layer-k.reference.png and layer-k.wanted.png of
restyle targets, and meta.json: words of every layer, captions, targets, visible share of every layer, and how many
background pixels are hidden. Seeds 1 and 2 are the training's and the validation's.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

from . import captions, restyle
from .design import beyond, compose, draw, hidden, unpremultiply
from .documents import base, with_task
from .pool import choose_targets
from .restyle import visible_alpha

WORDS = ("kind", "shape", "colour", "fill", "shadow", "string", "pattern", "tone", "sheer", "phrase", "brief", "parts")


def to_bytes(rgba):
    data = (np.clip(rgba, 0, 1) * 255 + 0.5).astype(np.uint8)
    data[data[..., 3] == 0] = 0
    return data


def put(path, rgba):
    Image.fromarray(to_bytes(rgba)).save(path, optimize=True)


def put_json(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def describe(design, targets, rng, operators):
    """meta.json of a design."""
    layers, w, h = design["layers"], design["width"], design["height"]
    seen = visible_alpha(layers, w, h)
    about = []
    for layer, visible in zip(layers, seen):
        words = {k: layer[k] for k in WORDS if k in layer}
        about.append({"id": layer["id"], **words, "box": [int(v) for v in layer["box"]],
                      "visibleShare": round(visible / max(1e-6, float(layer["rgba"][..., 3].sum())), 4),
                      "outsideShare": round(float(beyond(layer["box"], w, h)), 4)})
    return {"layers": about, "targets": [layers[i]["id"] for i in targets], "restyleOperators": operators,
            "hiddenBackgroundPixels": int(hidden(design).sum()),
            "captions": {"short": captions.short_caption(design, rng), "long": captions.long_caption(design, rng)}}


def write_design(folder, seed, size):
    """One folder; returns its entry of set.json."""
    design, rng = draw(seed, *size), np.random.default_rng([*seed, 77])
    targets = choose_targets(rng, design)
    pairs = restyle.pair(rng, design, targets)
    folder.mkdir(parents=True, exist_ok=True)
    for layer in design["layers"]:
        layer["rgba"] = to_bytes(layer["rgba"]).astype(np.float32) / 255
        put(folder / f"{layer['id']}.png", layer["rgba"])
    put(folder / "composed.png", unpremultiply(compose(design["layers"], *size)))
    ids = [design["layers"][i]["id"] for i in targets]
    operators = {}
    for i, pair in zip(ids, pairs or []):
        put(folder / f"{i}.reference.png", pair[0])
        put(folder / f"{i}.wanted.png", pair[1])
        operators[i] = pair[2]
    words = np.random.default_rng([*seed, 78])
    meta = describe(design, targets, words, operators)
    by_id = {l["id"]: captions.layer_caption(l, words) for l in design["layers"]}
    document = base(design, lambda layer: by_id[layer["id"]])
    whole = {**document, "layers": [{**l, "source": {"uri": f"{l['id']}.png"}} for l in document["layers"]]}
    put_json(folder / "layout.json", {**whole, "prompt": {"global": meta["captions"]["long"]}})
    tasks = ["t2l", "i2l", "add"] + (["restyle"] if pairs else [])
    for task in tasks:
        prompt = meta["captions"]["short" if seed[-1] % 2 else "long"] if task == "t2l" else ""
        put_json(folder / f"{task}.json", with_task(document, task, ids, prompt, seed=1 + seed[-1]))
    put_json(folder / "meta.json", meta)
    return {"folder": folder.name, "seed": [int(v) for v in seed], "width": size[0], "height": size[1],
            "layers": len(design["layers"]) - 1, "tasks": tasks}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--count", type=int, default=80)
    parser.add_argument("--out", required=True)
    parser.add_argument("--sizes", default="96x96")
    args = parser.parse_args()
    out, sizes = Path(args.out), [tuple(map(int, s.split("x"))) for s in args.sizes.split(",")]
    entries = [write_design(out / f"{i:04d}", (args.seed, i), sizes[i % len(sizes)]) for i in range(args.count)]
    put_json(out / "set.json", {"format": "layerloom-set/1", "seed": args.seed, "designs": entries})
    tasks = {t: sum(t in e["tasks"] for e in entries) for t in ("t2l", "i2l", "add", "restyle")}
    print(f"{len(entries)} designs in {out}: {tasks}")


if __name__ == "__main__":
    main()
