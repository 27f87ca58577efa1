"""Metrics on premultiplied RGBA pictures (spec: alpha soft IoU, PSNR on gray, hidden background, colour words)."""

import numpy as np

from .palette import TABLE, nearest_name


def soft_iou(p, g):
    """Alpha of p and g [h, w]."""
    low, high = np.minimum(p, g).sum(), np.maximum(p, g).sum()
    return 1.0 if high == 0 else float(low / high)


def psnr(a, b, mask=None):
    """dB between pictures [h, w, c], over a bool mask [h, w], at most 50."""
    square = ((a - b) ** 2).mean(-1)
    mean = square.mean() if mask is None else (square[mask].mean() if mask.any() else 0.0)
    return min(50.0, -10 * np.log10(max(mean, 1e-12)))


def on_gray(p):
    return p[..., :3] + 0.5 * (1 - p[..., 3:])


def leak(p, g):
    """Share of pixels that are opaque gray where the truth is not."""
    def gray(x):
        rgb = x[..., :3] / np.maximum(x[..., 3:], 1e-6)
        return (x[..., 3] > 0.9) & (np.abs(rgb - 0.5).max(-1) < 0.03)
    return float((gray(p) & ~gray(g)).mean())


def mean_colour(p):
    """Alpha-weighted mean rgb over the high-alpha part [3]; None where there is none."""
    alpha = p[..., 3]
    top = alpha.max()
    if top < 0.15:
        return None
    mask = alpha > 0.7 * top
    return p[..., :3][mask].sum(0) / p[..., 3][mask].sum()


def hits_colour(p, name_index, true_rgb=None):
    """The nearest of the twelve names to the mean colour is the wanted one (or within 0.15 of the true colour)."""
    c = mean_colour(p)
    if c is None:
        return False
    near = true_rgb is not None and np.sqrt(((c - true_rgb) ** 2).sum()) <= 0.15
    return near or nearest_name(c) == name_index or np.sqrt(((c - TABLE[name_index]) ** 2).sum()) <= 0.15


def multiset_overlap(found, wanted):
    """Size of the common multiset over the size of the wanted one."""
    left, hit = list(found), 0
    for w in wanted:
        if w in left:
            left.remove(w)
            hit += 1
    return hit / max(1, len(wanted))


def interval(values, rng, rounds=400):
    """Mean and bootstrap 95 % half width."""
    values = np.asarray(values, float)
    means = values[rng.integers(len(values), size=(rounds, len(values)))].mean(1)
    return values.mean(), (np.quantile(means, 0.975) - np.quantile(means, 0.025)) / 2
