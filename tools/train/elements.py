"""One foreground element: its pixels on its own box, and the words that say what it is."""

import numpy as np

from . import glyphs, shapes
from .palette import NAMES, darker, jitter, lighter, rgb_of

FILLS, FILL_SHARES = ("solid", "shaded", "outlined", "striped"), (0.66, 0.18, 0.08, 0.08)
NOUN_SHARES = {"rectangle": 0.7, "pill": 0.8, "arch": 0.8, "triangle": 0.9}


def pick_shape(rng):
    names = list(shapes.SHAPES)
    weights = np.array([NOUN_SHARES.get(n, 1.0) for n in names])
    return str(rng.choice(names, p=weights / weights.sum()))


def paint(rng, fill, colour, distance, x, y, a, b):
    """(rgb [h, w, 3], alpha [h, w]) of a shape filled in a style."""
    alpha = shapes.coverage(distance)
    rgb = np.broadcast_to(colour, alpha.shape + (3,)).copy()
    if fill == "shaded":
        turn = rng.uniform(0, 2 * np.pi)
        t = np.clip(0.5 + (x * np.cos(turn) + y * np.sin(turn)) / (2 * min(a, b)), 0, 1)[..., None]
        rgb = lighter(colour, 0.22) * (1 - t) + darker(colour, 0.25) * t
    elif fill == "outlined":
        band = max(5.0, 0.2 * min(a, b))
        alpha = shapes.coverage(np.maximum(distance, -distance - band))
    elif fill == "striped":
        turn, period = rng.choice([0.0, np.pi / 2, np.pi / 4]), rng.uniform(10, 15)
        t = (x * np.cos(turn) + y * np.sin(turn)) / period + rng.uniform(0, 1)
        t = np.clip(0.5 + (np.abs(t - np.floor(t) - 0.5) - 0.25) * period, 0, 1)[..., None]
        other = lighter(colour, 0.45) if colour.mean() < 0.8 else darker(colour, 0.25)
        rgb = colour * (1 - t) + other * t
    return rgb, alpha


def finish(rgb, alpha, margin):
    """Straight RGBA, with `margin` empty px on each side."""
    rgba = np.concatenate([np.broadcast_to(rgb, alpha.shape + (3,)), alpha[..., None]], -1)
    return np.pad(rgba, ((margin, margin), (margin, margin), (0, 0))).astype(np.float32)


def size_word(w, h, side):
    r = np.sqrt(w * h) / side
    return "large" if r > 0.48 else "small" if r < 0.3 else ""


def shape_element(rng, name, shape, w, h, side, fill=None):
    """A filled shape in a w x h px box (round ones use the shorter side)."""
    if shape in shapes.ROUND:
        w = h = min(w, h)
    elif shape == "pill":
        h = w * rng.uniform(0.42, 0.55)
    elif shape == "rectangle":
        w, h = (w, h * rng.uniform(0.55, 0.75)) if rng.random() < 0.6 else (w * rng.uniform(0.55, 0.75), h)
    elif shape == "arch":
        w = h * rng.uniform(0.62, 0.8)
    w, h = max(14, w), max(14, h)
    fill = fill or str(rng.choice(FILLS, p=FILL_SHARES))
    if min(w, h) < 30 and fill in ("outlined", "striped"):
        fill = "solid"
    if shape in ("ring", "cross", "moon") and fill == "outlined":
        fill = "solid"
    turn = rng.uniform(-0.35, 0.35) if shape in shapes.TILTABLE and rng.random() < 0.35 else 0.0
    shadow = fill != "outlined" and min(w, h) >= 28 and rng.random() < 0.14
    grow = 1.0 + 0.35 * abs(turn)
    bw, bh = int(np.ceil(w * grow)) + 2, int(np.ceil(h * grow)) + 2
    pad = 5 if shadow else 0
    x, y = shapes.grid(bw + 2 * pad, bh + 2 * pad, turn)
    distance = shapes.SHAPES[shape](x, y, w / 2, h / 2)
    colour = jitter(rng, rgb_of(name))
    rgb, alpha = paint(rng, fill, colour, distance, x, y, w / 2, h / 2)
    if shadow:
        sx, sy = shapes.grid(bw + 2 * pad, bh + 2 * pad)
        c, s = np.cos(turn), np.sin(turn)
        sx, sy = sx - 1.5, sy - 2.5
        under = shapes.SHAPES[shape](c * sx + s * sy, c * sy - s * sx, w / 2, h / 2)
        dark = 0.38 * np.clip(0.5 - under / 6, 0, 1)
        total = alpha + dark * (1 - alpha)
        rgb = rgb * (alpha / np.maximum(total, 1e-6))[..., None]
        alpha = total
    rgba = finish(rgb, alpha, 0)
    words = [size_word(w, h, side), "" if fill == "solid" else fill, name, shape]
    phrase = " ".join(v for v in words if v)
    return {"kind": "shape", "shape": shape, "colour": name, "fill": fill, "shadow": bool(shadow), "rgba": rgba,
            "phrase": phrase + (" with a soft shadow" if shadow else ""), "brief": f"{name} {shape}"}


def panel_element(rng, name, w, h):
    x, y = shapes.grid(int(w), int(h))
    alpha = shapes.coverage(shapes.panel(x, y, w / 2, h / 2)) * rng.uniform(0.4, 0.8)
    rgba = finish(jitter(rng, rgb_of(name)), alpha, 0)
    return {"kind": "panel", "shape": "panel", "colour": name, "fill": "sheer", "shadow": False, "rgba": rgba,
            "phrase": f"sheer {name} panel", "brief": f"{name} panel"}


def text_element(rng, name, w, h):
    """A line of large type that fits w x h px."""
    string = glyphs.string(rng)
    height = int(np.clip(min(h, 1.25 * w / len(string)), 18, 60))
    alpha = glyphs.mask(string, height)
    rgba = finish(jitter(rng, rgb_of(name)), alpha, 1)
    return {"kind": "text", "shape": "text", "colour": name, "fill": "solid", "shadow": False, "rgba": rgba,
            "string": string, "phrase": f"text '{string}' in {name}", "brief": f"text '{string}' in {name}"}


def shadow_element(rng, w, h):
    """A soft dark ellipse: a shadow as a layer of its own."""
    x, y = shapes.grid(int(w), int(h))
    r = np.hypot(x / (w / 2), y / (h / 2))
    alpha = 0.5 * np.clip((1 - r) / 0.6, 0, 1)
    rgba = finish(rgb_of("navy", "deep"), alpha, 0)
    return {"kind": "shadow", "shape": "shadow", "colour": "navy", "fill": "soft", "shadow": False, "rgba": rgba,
            "phrase": "soft navy shadow", "brief": "navy shadow"}


