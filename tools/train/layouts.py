"""Composition: where the elements of a design go. Slots are in units of the window's shorter side, centre based.

A slot is (role, cx, cy, w, h): role "shape", "text", "panel" or "any"; the list is bottom first.
"""

import numpy as np


def wobble(rng, amount=0.02):
    return rng.uniform(-amount, amount)


def poster(rng, count, W, H):
    """A hero in the middle, a line of type above or below it, badges in corners."""
    flip = rng.choice([-1, 1])
    size = rng.uniform(0.45, 0.62)
    slots = [("shape", W / 2 + wobble(rng), H / 2 - flip * rng.uniform(0.08, 0.16), size, size)]
    ty = H / 2 + flip * (H / 2 - rng.uniform(0.15, 0.2))
    if count >= 3 and rng.random() < 0.4:
        slots.append(("panel", W / 2, ty, 0.86 * W, rng.uniform(0.32, 0.38)))
    slots.append(("text", W / 2, ty, 0.7 * W, rng.uniform(0.24, 0.32)))
    corners = [(0.2, 0.2), (W - 0.2, 0.2), (0.2, H - 0.2), (W - 0.2, H - 0.2)]
    corners = [c for c in corners if (c[1] - H / 2) * flip < 0]
    for i in rng.permutation(len(corners)):
        s = rng.uniform(0.3, 0.38)
        slots.append(("any", corners[i][0], corners[i][1], s, s))
    return slots


def grid(rng, count, W, H):
    """Cells of equal size, two or three a row."""
    cols = 2 if count <= 4 or rng.random() < 0.3 else 3
    rows = max(1, round(cols * H / W))
    cw, ch = W / cols, H / rows
    s = min(cw, ch) * rng.uniform(0.72, 0.86)
    cells = [(cw * (i + 0.5), ch * (j + 0.5)) for j in range(rows) for i in range(cols)]
    order = rng.permutation(len(cells)) if rng.random() < 0.3 else range(len(cells))
    return [("any", cells[i][0], cells[i][1], s, s) for i in order]


def row(rng, count, W, H):
    """Two or three elements on a line, type above or below."""
    n = 2 if W < 1.2 else 3
    s = min(0.82 * W / n, 0.46)
    flip = rng.choice([-1, 1])
    y = H / 2 - flip * rng.uniform(0.12, 0.2)
    slots = [("shape", W * (i + 0.5) / n, y, s, s) for i in range(n)]
    ty = H / 2 + flip * (H / 2 - 0.2)
    slots.append(("text", W / 2, ty, 0.75 * W, rng.uniform(0.25, 0.32)))
    return slots


def corners(rng, count, W, H):
    """Big shapes in opposite corners, reaching over the edge, and something in the middle."""
    at = [(0.06, 0.06), (W - 0.06, H - 0.06)] if rng.random() < 0.5 else [(W - 0.06, 0.06), (0.06, H - 0.06)]
    slots = []
    for x, y in at[: max(1, min(2, count - 1))]:
        s = rng.uniform(0.5, 0.75)
        slots.append(("shape", x + wobble(rng, 0.05), y + wobble(rng, 0.05), s, s))
    s = rng.uniform(0.4, 0.5)
    middle = "any" if rng.random() < 0.6 else "text"
    slots.append((middle, W / 2 + wobble(rng), H / 2 + wobble(rng), s if middle == "any" else 0.75 * W, s))
    return slots


def cluster(rng, count, W, H):
    """Shapes that overlap around the middle, large below small."""
    turn, n = rng.uniform(0, 2 * np.pi), max(2, min(count, 5))
    radius = rng.uniform(0.16, 0.24)
    slots = []
    for i in range(n):
        s = 0.58 - 0.28 * i / n + wobble(rng, 0.03)
        slots.append(("shape", W / 2 + radius * np.cos(turn + 2 * np.pi * i / n) * W,
                      H / 2 + radius * np.sin(turn + 2 * np.pi * i / n) * H, s, s))
    return slots


def card(rng, count, W, H):
    """A panel with a shape and a line of type on it."""
    w, h = rng.uniform(0.74, 0.88) * W, rng.uniform(0.7, 0.85) * H
    slots = [("panel", W / 2, H / 2, w, h)]
    if rng.random() < 0.6:
        s = rng.uniform(0.34, 0.42)
        slots.append(("shape", W / 2, H / 2 - 0.14, s, s))
        slots.append(("text", W / 2, H / 2 + 0.2, 0.75 * w, 0.22))
    else:
        slots.append(("text", W / 2, H / 2, 0.78 * w, rng.uniform(0.26, 0.34)))
    return slots


def diagonal(rng, count, W, H):
    """A falling or rising line of elements, each smaller than the last."""
    n, rise = max(2, min(count, 4)), rng.choice([-1, 1])
    slots = []
    for i in range(n):
        t = (i + 0.5) / n
        s = 0.56 - 0.26 * t
        slots.append(("any", t * W, H / 2 + rise * (t - 0.5) * 0.7 * H, s, s))
    return slots


def confetti(rng, count, W, H):
    """Many elements on a loose grid."""
    cols = int(np.ceil(np.sqrt(count * W / H)))
    rows = int(np.ceil(count / cols))
    cw, ch = W / cols, H / rows
    s = min(cw, ch) * rng.uniform(0.8, 1.0)
    cells = [(cw * (i + 0.5), ch * (j + 0.5)) for j in range(rows) for i in range(cols)]
    return [("shape", cells[i][0] + wobble(rng, 0.1 * cw), cells[i][1] + wobble(rng, 0.1 * ch), s, s)
            for i in rng.permutation(len(cells))]


LAYOUTS = (poster, grid, row, corners, cluster, card, diagonal)
SHARES = (0.24, 0.15, 0.13, 0.15, 0.13, 0.1, 0.1)
COUNTS, COUNT_SHARES = (1, 2, 3, 4, 5, 6, 7, 8), (0.09, 0.19, 0.24, 0.2, 0.12, 0.07, 0.03, 0.02)
MANY = 0.04  # share of designs with 9 to 24 layers


def count_layers(rng):
    if rng.random() < MANY:
        return int(rng.integers(9, 25))
    return int(rng.choice(COUNTS, p=np.array(COUNT_SHARES) / sum(COUNT_SHARES)))


def slots(rng, W, H, count):
    """`count` slots for a window of W x H units."""
    if count > 8:
        return confetti(rng, count, W, H)[:count]
    out = LAYOUTS[rng.choice(len(LAYOUTS), p=SHARES)](rng, count, W, H)
    if count < len(out) and out[0][0] == "panel":
        count = max(count, 2)
    while len(out) < count:
        s = rng.uniform(0.26, 0.36)
        out.append(("shape", rng.uniform(0.15, W - 0.15), rng.uniform(0.15, H - 0.15), s, s))
    return out[:count]
