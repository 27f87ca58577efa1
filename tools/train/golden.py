"""Writes golden cases for the shipped weights, a whole 8-step run of each task on pixels:

    python -m tools.train.golden --folder checkpoints/mrt-tiny --out test/golden/trained

OUT/cases/trained-TASK/{case.json, tensors.safetensors}, kind mrt_denoise. Everything is computed by `reference.py` from the
exported folder, in f32, and again in f64 to say how far f32 is from it.
"""

import argparse
import json
import os
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

from . import captions, restyle
from .design import compose, draw, unpremultiply
from .documents import base, with_task
from .make_set import to_bytes
from .plan import TASKS, positions, regions_of, rope_layer, text_start
from .pool import pack, unpack
from .reference import Folder
from .regions import grid_box, on_grid
from .sampling import sigmas as uniform

STEPS = 8
LOOP, PIXELS, CODE = {"nmse": 1e-7, "nmseF16": 1e-2}, {"nmse": 1e-7, "nmseF16": 1e-2}, {"nmse": 1e-9, "nmseF16": 1e-3}


def levels(manifest, task):
    """The task's noise levels: its own list, else the general one, else uniform (the fallback of `sampling.json`)."""
    sampling = manifest["sampling"]
    own = sampling.get("tasks", {}).get(task, {})
    listed = own.get("sigmas", sampling.get("sigmas", {})).get(str(STEPS))
    if listed:
        return listed
    fallback = {**sampling["fallback"], **own.get("fallback", {})}
    assert fallback["timeShift"] == "none" and fallback["terminal"] is None, fallback
    return uniform(STEPS)


class Scene:
    """A design as the case sees it: 8-bit pixels, grid boxes, targets."""

    def __init__(self, seed, size):
        self.design = draw([4, seed], size, size)
        self.window = (size // 16, size // 16)
        for layer in self.design["layers"]:
            layer["bytes"] = to_bytes(layer["rgba"])
            layer["rgba"] = layer["bytes"].astype(np.float32) / 255
        self.boxes = [grid_box(l["box"]) for l in self.design["layers"]]
        able = [i for i, l in enumerate(self.design["layers"]) if i and restyle.able(l)]
        self.targets = able[-1:]
        self.pair = restyle.pair(np.random.default_rng([seed, 1]), self.design, self.targets) if able else None

    def usable(self):
        return self.pair is not None and 2 <= len(self.boxes) - 1 <= 3

    def pictures(self, task):
        """What the case feeds: {name: uint8 [h, w, 4]}."""
        layers, size = self.design["layers"], (self.design["width"], self.design["height"])
        if task == "i2l":
            return {"image": to_bytes(unpremultiply(compose(layers, *size)))}
        if task == "t2l":
            return {}
        out = {f"source.{l['id']}": l["bytes"] for i, l in enumerate(layers) if i not in self.targets}
        if task == "restyle":
            for i, (cond, _, _) in zip(self.targets, self.pair):
                out[f"reference.{layers[i]['id']}"] = to_bytes(cond)
        return out

    def premultiplied(self, part, index, pictures):
        """Picture [h, w, 4] f32 premultiplied of a clean region on its grid box."""
        layers, size = self.design["layers"], (self.design["width"], self.design["height"])
        straight = lambda name: pictures[name].astype(np.float32) / 255
        if part == "composed":
            p = straight("image")
            return np.concatenate([p[..., :3] * p[..., 3:], p[..., 3:]], -1)
        if part == "context":
            return compose([l for i, l in enumerate(layers) if i not in self.targets], *size)
        name = ("reference." if part == "cond" else "source.") + layers[index]["id"]
        return on_grid(layers[index], straight(name))[0]

    def box(self, part, index):
        return [0, 0, *self.window] if part in ("composed", "context") else self.boxes[index]


def ordered(task, scene):
    """Regions in plan order: (part, index, role 0 noise, 1 clean, 2 cond)."""
    clean, noise = regions_of(task, len(scene.boxes) - 1, scene.targets)
    slot = {"composed": 0, "context": 0, "layer": 1, "restyled": 1, "cond": 2}
    listed = [(*r, 2 if r[0] == "cond" else 1) for r in clean] + [(*r, 0) for r in noise]
    return sorted(listed, key=lambda r: (slot[r[0]], r[1]))


def finish(decoded, manifest_alpha):
    """Decoder output [4, H, W] -> premultiplied RGBA [H, W, 4] after the manifest's alpha thresholds."""
    x = (decoded / 2 + 0.5).clamp(0, 1).permute(1, 2, 0)
    alpha = x[..., 3:]
    gap = min(float((alpha - t).abs().min()) for t in manifest_alpha)
    alpha = torch.where(alpha < manifest_alpha[0], 0 * alpha, torch.where(alpha > manifest_alpha[1], 0 * alpha + 1, alpha))
    rgb = torch.where(alpha > 0, (x[..., :3] / alpha.clamp(min=1e-6)).clamp(0, 1), 0 * x[..., :3])
    return torch.cat([rgb * alpha, alpha], -1), gap


@torch.no_grad()
def run(folder, task, scene, prompt, noise):
    """The whole computation in the folder's dtype: dict of outputs, and the smallest distance to an alpha threshold."""
    dtype, pictures, regions = folder.dtype, scene.pictures(task), ordered(task, scene)
    text = folder.features(prompt)
    tokens, roles, places, at = [], [], [], 0
    for part, index, role in regions:
        x0, y0, x1, y1 = scene.box(part, index)
        n = (x1 - x0) * (y1 - y0)
        if role == 0:
            tokens.append(noise[at : at + n].to(dtype))
            at += n
        else:
            p = torch.from_numpy(scene.premultiplied(part, index, pictures)).to(dtype)
            tokens.append(pack(folder.encode((2 * p - 1).permute(2, 0, 1)[None])[0]))
        roles.append(torch.full((n,), role))
        places.append(torch.from_numpy(positions([x0, y0, x1, y1], rope_layer(part, index), scene.window)))
    tokens, roles, places = torch.cat(tokens), torch.cat(roles), torch.cat(places)
    start = text_start(scene.boxes, scene.window)
    sigmas = levels(folder.manifest, task)
    out = {"text": text}
    for i, (s, following) in enumerate(zip(sigmas[:-1], sigmas[1:])):
        v = folder.velocity(tokens, roles, places, text, start, s)
        tokens[roles == 0] = tokens[roles == 0] + (following - s) * v
        out[f"latents.{i}"] = tokens[roles == 0].clone()
    if (roles != 0).any():
        out["clean"] = tokens[roles != 0]
    gap, at, made = 1.0, 0, {}
    for part, index, role in regions:
        x0, y0, x1, y1 = scene.box(part, index)
        n = (x1 - x0) * (y1 - y0)
        if role == 0 and part != "composed":
            latents = unpack(out[f"latents.{STEPS - 1}"][at : at + n], y1 - y0, x1 - x0)
            picture, near = finish(folder.decode(latents[None])[0], (2 / 255, 253 / 255))
            gap, made[index] = min(gap, near), picture
            out[f"layer.{scene.design['layers'][index]['id']}"] = picture
        at += n if role == 0 else 0
    out["merged"] = merge(scene, made, dtype)
    return out, gap


def merge(scene, made, dtype):
    """Everything over the canvas, premultiplied: generated layers at their grid boxes, kept ones at their own."""
    x0, y0 = min(0, *(b[0] for b in scene.boxes)), min(0, *(b[1] for b in scene.boxes))
    x1, y1 = max(scene.window[0], *(b[2] for b in scene.boxes)), max(scene.window[1], *(b[3] for b in scene.boxes))
    canvas = torch.zeros(16 * (y1 - y0), 16 * (x1 - x0), 4, dtype=dtype)
    for i, layer in enumerate(scene.design["layers"]):
        p = made[i] if i in made else torch.from_numpy(on_grid(layer)[0]).to(dtype)
        top, left = 16 * (scene.boxes[i][1] - y0), 16 * (scene.boxes[i][0] - x0)
        view = canvas[top : top + p.shape[0], left : left + p.shape[1]]
        view.copy_(p + view * (1 - p[..., 3:]))
    return canvas


def nmse(a, e):
    return float(((a.double() - e.double()) ** 2).sum() / (e.double() ** 2).sum())


def write_case(folder, exact, out, task, seed, size):
    """Writes one case; False where an alpha lies too near a threshold."""
    scene = Scene(seed, size)
    if not scene.usable():
        return False
    layers = scene.design["layers"]
    rng = np.random.default_rng([seed, 2])
    by_id = {l["id"]: captions.layer_caption(l, rng) for l in layers}
    prompt = captions.global_caption(scene.design, rng) if task == "t2l" else ""
    ids = [layers[i]["id"] for i in scene.targets]
    document = with_task(base(scene.design, lambda l: by_id[l["id"]]), task, ids, prompt, seed=seed)
    document["sampling"].update(steps=STEPS, cfg=1)
    words = {"t2l": prompt, "i2l": "", "add": captions.tagged([by_id[i] for i in ids]), "restyle": captions.INSTRUCTION}[task]
    boxes = [scene.box(p, i) for p, i, role in ordered(task, scene) if role == 0]
    count = sum((b[2] - b[0]) * (b[3] - b[1]) for b in boxes)
    noise = torch.from_numpy(np.random.default_rng([seed, 3]).standard_normal((count, 64)).astype(np.float32))
    made, gap = run(folder, task, scene, words, noise)
    if gap < 1e-5:
        return False
    made64, _ = run(exact, task, scene, words, noise)
    tensors, expect, distance = {"in.noise": noise.numpy()}, [], {}
    inputs = {"document": document, "noise": {"tensor": "in.noise"}}
    for name, data in scene.pictures(task).items():
        tensors[f"in.pixels.{name}"] = np.ascontiguousarray(data)
        inputs[f"pixels.{name}"] = {"tensor": f"in.pixels.{name}"}
    sigmas = np.array(levels(folder.manifest, task), np.float32)
    made = {"sigmas": torch.from_numpy(sigmas), **made}
    for name, value in made.items():
        check = {"maxAbs": 1e-6} if name == "sigmas" else LOOP if name.startswith("latents") else (
            CODE if name in ("clean", "text") else PIXELS)
        tensors[f"out.{name}"] = np.ascontiguousarray(value.numpy().astype(np.float32))
        expect.append({"output": name, "tensor": f"out.{name}", "check": check})
        if name != "sigmas":
            distance[name] = float(f"{nmse(value, made64[name]):.2g}")
    place = out / "cases" / f"trained-{task}"
    place.mkdir(parents=True, exist_ok=True)
    case = {"format": "layerloom-golden/1", "id": f"trained-{task}", "kind": "mrt_denoise",
            "about": f"The shipped weights: {task}, 8 Euler steps from pixels to pixels.",
            "model": os.path.relpath(folder.folder, out), "inputs": inputs, "expect": expect,
            "made": {"torch": torch.__version__.split("+")[0], "script": "tools/train/golden.py", "seed": seed,
                     "nmseToFloat64": distance}}
    (place / "case.json").write_text(json.dumps(case, indent=1, ensure_ascii=False) + "\n")
    save_file(tensors, place / "tensors.safetensors")
    print(f"{task}: seed {seed}, {sum(t.nbytes for t in tensors.values()) / 1e3:.0f} kB, f32 to f64 at most {max(distance.values()):.1e}")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--size", type=int, default=64)
    args = parser.parse_args()
    torch.set_num_threads(1)
    folder, exact = Folder(args.folder), Folder(args.folder, torch.float64)
    for k, task in enumerate(TASKS):
        seed = 1 + 100 * k
        while not write_case(folder, exact, Path(args.out), task, seed, args.size):
            seed += 1


if __name__ == "__main__":
    main()
