"""The whole training, stage by stage, each resumable; run it again after a cut and it goes on:

    python -m tools.train.all --state DIR --out checkpoints/mrt-tiny

`--scale 0.01` runs every stage for a hundredth of its time: a rehearsal, whose model knows nothing.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

PHASES = ("i2l", "mix", "more", "anneal", "distill")


def stage(module, *words):
    print("--", module, *words, flush=True)
    quiet = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "20000000000"}  # keeps glibc from handing pages back
    subprocess.run([sys.executable, "-m", f"tools.train.{module}", *map(str, words)], check=True, env={**os.environ, **quiet})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--shards", type=int, default=12, help="of 2,000 designs")
    parser.add_argument("--ranks", type=int, default=1, help="processes that train the transformer together")
    parser.add_argument("--scale", type=float, default=1.0, help="of all budgets of time and steps")
    args = parser.parse_args()
    state, scale = Path(args.state), args.scale
    stage("train_vae", "--state", state, "--minutes", 9 * scale)
    if not (state / "text.pt").exists():
        stage("train_text", "--state", state, "--steps", max(2, round(1200 * scale)))
    designs = ("--designs", max(200, round(2000 * min(1.0, scale))))
    stage("pool", "--state", state, "--shards", args.shards, *designs)
    stage("pool", "--state", state, *designs, "--first", 1000, "--shards", max(1, args.shards // 4), "--sizes", "96x128,128x96,128x128")
    last = None
    for phase in PHASES:
        start = ["--start-from", last] if last else []
        start += ["--teacher", last] if phase == "distill" else []
        stage("train", "--state", state, "--name", phase, "--phase", f"tools/train/phases/{phase}.json", "--device", args.device,
              "--ranks", args.ranks, "--scale", scale, "--compile", *start)
        last = phase
    stage("export", "--state", state, "--name", last, "--out", args.out)
    stage("compare", "--state", state, "--name", last, "--folder", args.out)


if __name__ == "__main__":
    main()
