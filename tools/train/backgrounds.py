"""Backgrounds: RGBA planes the size of the window, with a caption phrase."""

import numpy as np

from .palette import darker, jitter, lighter, rgb_of

KINDS = ("plain", "gradient", "radial", "striped", "dotted", "checkered", "split", "wavy")
SHARES = (0.26, 0.24, 0.12, 0.10, 0.10, 0.06, 0.06, 0.06)


def figure_weight(rng, kind, x, y, width, height):
    """How much of the second colour there is at each pixel, [h, w] in [0, 1], and the phrase's noun."""
    side = min(width, height)
    if kind == "gradient":
        turn = rng.uniform(0, 2 * np.pi)
        t = x * np.cos(turn) + y * np.sin(turn)
        return np.clip(0.5 + t / (0.9 * side), 0, 1)
    if kind == "radial":
        cx, cy = rng.uniform(-0.25, 0.25, 2) * side
        return np.clip(np.hypot(x - cx, y - cy) / (0.75 * side), 0, 1)
    if kind == "split":
        turn = rng.choice([0.0, np.pi / 2, np.pi / 4, -np.pi / 4])
        return np.clip(0.5 + x * np.cos(turn) + y * np.sin(turn) - rng.uniform(-0.15, 0.15) * side, 0, 1)
    if kind == "striped":
        turn, period = rng.choice([0.0, np.pi / 2, np.pi / 4]), rng.uniform(16, 28)
        t = (x * np.cos(turn) + y * np.sin(turn)) / period + rng.uniform(0, 1)
        return np.clip(0.5 + (np.abs(t - np.floor(t) - 0.5) - 0.25) * period, 0, 1)
    if kind == "dotted":
        period = rng.uniform(16, 26)
        radius = period * rng.uniform(0.2, 0.3)
        ox, oy = rng.uniform(0, period, 2)
        u, v = (x + ox) % period - period / 2, (y + oy) % period - period / 2
        return np.clip(0.5 + radius - np.hypot(u, v), 0, 1)
    if kind == "checkered":
        period = rng.uniform(18, 28)
        ox, oy = rng.uniform(0, period, 2)
        near = lambda t: np.clip(0.5 + (np.abs(t / period - np.floor(t / period) - 0.5) - 0.25) * period, 0, 1)
        a, b = near(x + ox), near(y + oy)
        return a * (1 - b) + b * (1 - a)
    if kind == "wavy":
        period, turn = rng.uniform(36, 60), rng.uniform(0, 2 * np.pi)
        sway = 5 * np.sin((x * np.sin(turn) - y * np.cos(turn)) / rng.uniform(9, 15))
        return 0.5 + 0.5 * np.sin(2 * np.pi * (x * np.cos(turn) + y * np.sin(turn) + sway) / period)
    return np.zeros_like(x)


def draw(rng, ground, accent, width, height):
    """ground: (tone, colour name); accent: a colour of the palette that tints the figure on light grounds.
    -> dict with rgba (straight, [h, w, 4] f32), pattern, tone, colour, sheer (how it is transparent), phrase."""
    tone, name = ground
    first = jitter(rng, rgb_of(name, tone))
    step = rng.uniform(0.16, 0.3)
    if first.mean() > 0.72:
        second = first * (1 - step) + rgb_of(accent) * step
    else:
        second = lighter(first, step) if rng.random() < 0.6 else darker(first, step)
    kind = str(rng.choice(KINDS, p=SHARES))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x + 0.5 - width / 2, y + 0.5 - height / 2
    weight = figure_weight(rng, kind, x, y, width, height)[..., None]
    rgb = first * (1 - weight) + second * weight
    alpha, sheer = np.ones((height, width, 1), np.float32), "opaque"
    if rng.random() < 0.15:
        if rng.random() < 0.6:
            sheer, alpha = "flat", alpha * rng.uniform(0.45, 0.85)
        else:
            sheer, turn = "fading", rng.choice(4) * np.pi / 2
            t = (x * np.cos(turn) + y * np.sin(turn)) / min(width, height)
            alpha = np.clip(0.7 + 0.9 * t, 0.15, 1)[..., None]
    words = [] if sheer == "opaque" else ["sheer"]
    words += [kind] if kind != "plain" else []
    words += [tone] if tone != "plain" else []
    phrase = " ".join(words + [name, "background"])
    rgba = np.concatenate([rgb, alpha], -1).astype(np.float32)
    return {"rgba": rgba, "pattern": kind, "tone": tone, "colour": name, "sheer": sheer, "phrase": phrase}
