"""C6 in PyTorch on the CPU, f32, beside bench/tiny-model.ts: the same design, the same eight steps, the same decoded layers.

    PYTHONPATH=. python bench/tiny_model_torch.py [--folder checkpoints/mrt-tiny] [--case DIR] [--runs N]

The network is tools/train/reference.py, plain eager torch. The first run counts the import of torch and the weights.
"""
import time

started = time.perf_counter()

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from tools.train.golden import Scene, run
from tools.train.reference import Folder

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--folder", default="checkpoints/mrt-tiny")
parser.add_argument("--case", default="test/golden/trained/cases/trained-t2l")
parser.add_argument("--runs", type=int, default=5)
args = parser.parse_args()

case = json.loads((Path(args.case) / "case.json").read_text())
document = case["inputs"]["document"]
noise = load_file(str(Path(args.case) / "tensors.safetensors"))["in.noise"]
scene = Scene(document["sampling"]["seed"], document["canvas"]["width"])
boxes = [[round(v) for v in l["box"]] for l in document["layers"]]
assert [[round(v) for v in l["box"]] for l in scene.design["layers"]] == boxes, "the case is of another design"
folder = Folder(args.folder)
once = lambda: run(folder, document["task"]["type"], scene, document["prompt"]["global"], noise.clone())
made, _ = once()
first = (time.perf_counter() - started) * 1000
expected = load_file(str(Path(args.case) / "tensors.safetensors"))["out.merged"]
error = float(((made["merged"] - expected) ** 2).sum() / (expected**2).sum())
assert error < 1e-6, f"not what the case says: {error}"

samples = []
for _ in range(args.runs):
    start = time.perf_counter()
    once()
    samples.append((time.perf_counter() - start) * 1000)
p10, p50, p90 = np.percentile(samples, [10, 50, 90])
print(
    json.dumps(
        {
            "what": f"torch {torch.__version__} cpu, {torch.get_num_threads()} threads",
            "imageTokens": int(noise.shape[0]),
            "layers": len(scene.design["layers"]),
            "firstMs": first,
            "ms": {"p10": p10, "p50": p50, "p90": p90, "n": len(samples)},
        }
    )
)
