"""Signed distances of the drawn shapes on their own box, in px: negative inside, about 1 px of slope per px.

Every function takes px coordinates x, y [h, w] centred on the shape and half sizes a, b, and returns [h, w].
"""

import numpy as np


def circle(x, y, a, b):
    return np.hypot(x, y) - min(a, b)


def box(x, y, a, b, radius):
    qx, qy = np.abs(x) - (a - radius), np.abs(y) - (b - radius)
    return np.hypot(np.maximum(qx, 0), np.maximum(qy, 0)) + np.minimum(np.maximum(qx, qy), 0) - radius


def square(x, y, a, b):
    s = min(a, b)
    return box(x, y, s, s, 0.12 * s)


def rectangle(x, y, a, b):
    return box(x, y, a, b, 0.1 * min(a, b))


def panel(x, y, a, b):
    return box(x, y, a, b, min(6.0, 0.3 * min(a, b)))


def pill(x, y, a, b):
    return box(x, y, a, b, min(a, b))


def ring(x, y, a, b):
    r = min(a, b)
    return np.abs(np.hypot(x, y) - 0.74 * r) - 0.26 * r


def polygon(x, y, points):
    """Exact distance to a closed polygon; points [n, 2] px."""
    d = np.full(x.shape, 1e9)
    sign = np.ones(x.shape)
    n = len(points)
    for i in range(n):
        (px, py), (qx, qy) = points[i], points[i - 1]
        ex, ey, wx, wy = qx - px, qy - py, x - px, y - py
        t = np.clip((wx * ex + wy * ey) / (ex * ex + ey * ey), 0, 1)
        d = np.minimum(d, (wx - ex * t) ** 2 + (wy - ey * t) ** 2)
        c0, c1, c2 = y >= py, y < qy, ex * wy > ey * wx
        sign = np.where((c0 & c1 & c2) | (~c0 & ~c1 & ~c2), -sign, sign)
    return sign * np.sqrt(d)


def triangle(x, y, a, b):
    r = 0.12 * min(a, b)
    return polygon(x, y, [(0, -b + 1.6 * r), (a - 1.5 * r, b - r), (-a + 1.5 * r, b - r)]) - r


def regular(n, turn):
    def draw(x, y, a, b):
        r = min(a, b)
        at = turn + 2 * np.pi * np.arange(n) / n
        return polygon(x, y, np.stack([0.95 * r * np.sin(at), -0.95 * r * np.cos(at)], 1)) - 0.05 * r
    return draw


def star(x, y, a, b):
    r = min(a, b)
    at = np.pi * np.arange(10) / 5
    size = np.where(np.arange(10) % 2 == 0, 0.93, 0.47) * r
    return polygon(x, y, np.stack([size * np.sin(at), -size * np.cos(at) + 0.04 * r], 1)) - 0.06 * r


def diamond(x, y, a, b):
    return polygon(x, y, [(0, -b), (a, 0), (0, b), (-a, 0)])


def cross(x, y, a, b):
    r = min(a, b)
    return np.minimum(box(x, y, r, 0.36 * r, 0.08 * r), box(x, y, 0.36 * r, r, 0.08 * r))


def heart(x, y, a, b):
    r = min(a, b)
    px, py = np.abs(x) / (1.72 * r) , (0.88 * r - y) / (1.72 * r)
    upper = np.hypot(px - 0.25, py - 0.75) - np.sqrt(2) / 4
    m = 0.5 * np.maximum(px + py, 0)
    lower = np.sqrt(np.minimum(px**2 + (py - 1) ** 2, (px - m) ** 2 + (py - m) ** 2)) * np.sign(px - py)
    return np.where(py + px > 1, upper, lower) * 1.72 * r


def flower(x, y, a, b):
    r = min(a, b)
    d = np.hypot(x, y) - 0.42 * r
    for k in range(5):
        at = 2 * np.pi * k / 5
        d = np.minimum(d, np.hypot(x - 0.56 * r * np.sin(at), y + 0.56 * r * np.cos(at)) - 0.42 * r)
    return d


def moon(x, y, a, b):
    r = min(a, b)
    return np.maximum(np.hypot(x + 0.1 * r, y) - 0.98 * r, 0.8 * r - np.hypot(x - 0.52 * r, y + 0.18 * r))


def arch(x, y, a, b):
    cy = -b + a
    top = np.hypot(x, y - cy) - a
    body = box(x, y - (cy + b) / 2, a, (b - cy) / 2, 0.0)
    return np.minimum(top, body) if b > a else box(x, y, a, b, 0.1 * b)


SHAPES = {
    "circle": circle, "square": square, "rectangle": rectangle, "pill": pill, "ring": ring, "triangle": triangle,
    "star": star, "hexagon": regular(6, 0.0), "diamond": diamond, "cross": cross, "heart": heart, "flower": flower,
    "moon": moon, "arch": arch,
}
ROUND = ("circle", "square", "ring", "star", "hexagon", "cross", "heart", "flower", "moon")  # as wide as high
TILTABLE = ("square", "star", "triangle", "cross", "heart", "flower", "hexagon", "moon")


def grid(width, height, turn=0.0):
    """Pixel-centre coordinates [height, width] around the middle of a box, turned by `turn` radians."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x + 0.5 - width / 2, y + 0.5 - height / 2
    if turn:
        c, s = np.cos(turn), np.sin(turn)
        x, y = c * x + s * y, c * y - s * x
    return x, y


def coverage(distance):
    """Anti-aliased alpha [h, w] of a signed distance."""
    return np.clip(0.5 - distance, 0, 1).astype(np.float32)
