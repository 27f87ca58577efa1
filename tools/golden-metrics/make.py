"""What the evaluation's metrics are compared with:

    pip install scikit-image==0.26.0 && python tools/golden-metrics/make.py test/golden/metrics

scikit-image.json: PSNR and SSIM of small pictures. Pictures are bytes [height, width, channels], value / 255; `map` is the
whole SSIM map [height, width], mean over channels. shapes.json: signed distances of the drawn shapes at points (x, y) for
half sizes (a, b), by the functions that draw the designs.
"""

import base64
import json
import sys
from pathlib import Path

import numpy as np
import skimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tools.train import shapes  # noqa: E402

OPTIONS = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0)


def pictures(rng):
    """(name, a, b): uint8 pictures [h, w, c]."""
    yield "noise", rng.integers(0, 256, (16, 20, 3)), rng.integers(0, 256, (16, 20, 3))
    y, x = np.mgrid[0:19, 0:13]
    ramp = np.stack([8 * y, 9 * x + 3 * y, 255 - 10 * x], -1)
    yield "ramp and jitter", ramp, np.clip(ramp + rng.integers(-12, 13, ramp.shape), 0, 255)
    disc = 255 * (np.hypot(*(np.mgrid[0:24, 0:24] - 11.5)) < 8)[..., None]
    yield "disc moved by two", disc, np.roll(disc, 2, 1)
    yield "smallest window", rng.integers(0, 256, (11, 11, 1)), rng.integers(0, 256, (11, 11, 1))
    flat = np.full((12, 15, 3), 128)
    yield "flat and brighter", flat, flat + 20
    yield "equal", ramp, ramp


def case(name, a, b, rng):
    a, b = a.astype(np.uint8), b.astype(np.uint8)
    p, q = a / 255.0, b / 255.0
    mean, full = structural_similarity(p, q, channel_axis=-1, full=True, **OPTIONS)
    full = full.mean(-1)
    mask = rng.random(full.shape) < 0.4
    error = ((p - q) ** 2)[mask]
    text = lambda v: base64.b64encode(np.ascontiguousarray(v)).decode()
    return {
        "name": name, "height": a.shape[0], "width": a.shape[1], "channels": a.shape[2], "a": text(a), "b": text(b),
        "mask": text(mask.astype(np.uint8)),
        "psnr": None if np.array_equal(a, b) else float(peak_signal_noise_ratio(p, q, data_range=1.0)),
        "psnrMasked": None if not error.any() else float(-10 * np.log10(error.mean())),
        "ssim": float(mean), "ssimMasked": float(full[mask].mean()), "map": [round(float(v), 12) for v in full.ravel()],
    }


def distances(rng):
    """{shape: [[x, y, a, b, distance], ...]}"""
    out = {}
    for name, distance in shapes.SHAPES.items():
        rows = []
        for a, b in ((20, 20), (24, 13), (12, 19)):
            x, y = np.round(rng.uniform(-30, 30, (2, 1, 16)), 3)
            at = distance(x, y, a, b)
            rows += [[*map(float, p[:2]), a, b, round(float(p[2]), 9)] for p in zip(x[0], y[0], at[0])]
        out[name] = rows
    return out


def write(path, value):
    path.write_text(json.dumps(value) + "\n")


def main():
    out, rng = Path(sys.argv[1]), np.random.default_rng(20260101)
    made = {"scikit-image": skimage.__version__, "numpy": np.__version__, "script": "tools/golden-metrics/make.py", "seed": 20260101}
    write(out / "scikit-image.json", {"made": made, "cases": [case(name, a, b, rng) for name, a, b in pictures(rng)]})
    write(out / "shapes.json", {"made": made, "shapes": distances(rng)})


if __name__ == "__main__":
    main()
