"""A contact sheet of designs, to look at:  python -m tools.train.sheet --seed 1 --count 24 --out sheet.png"""

import argparse

import numpy as np
from PIL import Image

from .design import compose, draw, unpremultiply


def checkerboard(height, width, cell=6):
    y, x = np.mgrid[0:height, 0:width] // cell
    return np.where(((x + y) % 2)[..., None] == 0, 0.86, 0.97).astype(np.float32) * np.ones(3, np.float32)


def on_checkerboard(premul):
    """Premultiplied [h, w, 4] -> RGB [h, w, 3]."""
    return premul[..., :3] + checkerboard(*premul.shape[:2]) * (1 - premul[..., 3:])


def save(rgb, path, zoom=1):
    data = (np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)
    Image.fromarray(data).resize((data.shape[1] * zoom, data.shape[0] * zoom), Image.NEAREST).save(path)


def tile(pictures, columns, gap=4):
    """RGB pictures of one size -> one sheet."""
    h, w = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    out = np.ones((rows * (h + gap), columns * (w + gap), 3), np.float32)
    for i, p in enumerate(pictures):
        y, x = divmod(i, columns)
        out[y * (h + gap) : y * (h + gap) + h, x * (w + gap) : x * (w + gap) + w] = p
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--size", type=int, nargs=2, default=(96, 96))
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--zoom", type=int, default=2)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    pictures = []
    for i in range(args.count):
        d = draw([args.seed, i], *args.size)
        pictures.append(on_checkerboard(compose(d["layers"], *args.size)))
        print(i, " | ".join(layer["phrase"] for layer in d["layers"]))
    save(tile(pictures, args.columns), args.out, args.zoom)


if __name__ == "__main__":
    main()
