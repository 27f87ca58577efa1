"""Restyle pairs: an element in a foreign style and the same element as the design wants it.

The rule that makes the target follow from the design: the element takes, flat, the mean colour of the dominant other
foreground element (the one with the most visible alpha in the window; shapes and text before panels and shadows). The
alpha is the element's own. Operators of the foreign style: flat, two-tone gradient, hatch, checks, dots, noise.
"""

import numpy as np

from .design import over, premultiply

OPERATORS = ("flat", "gradient", "hatch", "checks", "dots", "noise")


def visible_alpha(layers, width, height):
    """Sum of visible alpha in the window, for each layer."""
    cover = np.zeros((height, width), np.float32)
    out = [0.0] * len(layers)
    for i in range(len(layers) - 1, -1, -1):
        own = np.zeros((height, width, 4), np.float32)
        over(own, premultiply(layers[i]["rgba"]), *layers[i]["box"][:2])
        out[i] = float((own[..., 3] * (1 - cover)).sum())
        cover = 1 - (1 - cover) * (1 - own[..., 3])
    return out


def mean_colour(layer):
    """Alpha-weighted mean rgb [3] of the parts with high alpha."""
    p = layer["rgba"]
    w = (p[..., 3:] > 0.9 * p[..., 3].max()) * p[..., 3:]
    return (p[..., :3] * w).sum((0, 1)) / w.sum()


def able(layer):
    return layer["kind"] in ("shape", "text") and not layer["shadow"]


def dominant(design, targets):
    """The layer whose colour the targets take, or None."""
    layers = design["layers"]
    seen = visible_alpha(layers, design["width"], design["height"])
    others = [i for i in range(1, len(layers)) if i not in targets]
    first = [i for i in others if layers[i]["kind"] in ("shape", "text")] or others
    return layers[max(first, key=lambda i: seen[i])] if first else None


def foreign_colour(rng, avoid):
    while True:
        c = rng.uniform(0.05, 0.95, 3)
        if c.max() - c.min() > 0.35 and np.sqrt(((c - avoid) ** 2).sum()) > 0.45:
            return c


def foreign(rng, layer, avoid):
    """(straight RGBA of a layer in a style that is not the design's, the operator's name)."""
    h, w = layer["rgba"].shape[:2]
    a, b = foreign_colour(rng, avoid), foreign_colour(rng, avoid)
    operator = str(rng.choice(OPERATORS))
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    if operator == "flat":
        t = np.zeros((h, w))
    elif operator == "gradient":
        turn = rng.uniform(0, 2 * np.pi)
        t = np.clip(0.5 + ((x - w / 2) * np.cos(turn) + (y - h / 2) * np.sin(turn)) / min(w, h), 0, 1)
    elif operator == "hatch":
        t = np.clip(0.5 + (np.abs(((x + y) / 9) % 1 - 0.5) - 0.25) * 9, 0, 1)
    elif operator == "checks":
        t = ((x // 6 + y // 6) % 2).astype(np.float32)
    elif operator == "dots":
        t = np.clip(3.0 - np.hypot(x % 9 - 4.5, y % 9 - 4.5), 0, 1)
    else:
        coarse = rng.uniform(0, 1, (h // 4 + 1, w // 4 + 1))
        t = np.repeat(np.repeat(coarse, 4, 0), 4, 1)[:h, :w]
    rgb = a * (1 - t[..., None]) + b * t[..., None]
    return np.concatenate([rgb, layer["rgba"][..., 3:]], -1).astype(np.float32), operator


def pair(rng, design, targets):
    """For each target (1-based index): (foreign RGBA, wanted RGBA, operator); None where the design cannot say."""
    source = dominant(design, targets)
    if source is None or not all(able(design["layers"][i]) for i in targets):
        return None
    colour, out = mean_colour(source), []
    for i in targets:
        layer = design["layers"][i]
        cond, operator = foreign(rng, layer, colour)
        alpha = layer["rgba"][..., 3:]
        wanted = np.concatenate([np.broadcast_to(colour, alpha.shape[:2] + (3,)), alpha], -1).astype(np.float32)
        out.append((cond, wanted, operator))
    return out
