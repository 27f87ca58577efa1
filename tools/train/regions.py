"""Boxes on the token grid and pictures on them."""

import numpy as np

from .design import TOKEN, premultiply


def grid_box(box):
    """px [x0, y0, x1, y1) -> tokens, outward."""
    x0, y0, x1, y1 = box
    return [x0 // TOKEN, y0 // TOKEN, -(-x1 // TOKEN), -(-y1 // TOKEN)]


def on_grid(layer, rgba=None):
    """(premultiplied picture [16 gh, 16 gw, 4] of a layer on its quantised box, the grid box)."""
    g = grid_box(layer["box"])
    p = premultiply(layer["rgba"] if rgba is None else rgba)
    sheet = np.zeros((TOKEN * (g[3] - g[1]), TOKEN * (g[2] - g[0]), 4), np.float32)
    x, y = layer["box"][0] - TOKEN * g[0], layer["box"][1] - TOKEN * g[1]
    sheet[y : y + p.shape[0], x : x + p.shape[1]] = p
    return sheet, g
