"""Token plans for training: which tokens a task feeds, where they sit, what is predicted.

The conventions are the manifest's (`export.MANIFEST`): origin windowCenter, composed extent = window in every task, boxes
beyond the window kept in image-to-layers, condition tokens at their target's positions, text from canvasHalf on.
"""

import numpy as np

TASKS = ("i2l", "t2l", "add", "restyle")


def positions(grid_box, rope_layer, window):
    """[n, 3] (rope layer, y, x) of a region's tokens, row-major; grid_box in tokens, window (gw, gh)."""
    x0, y0, x1, y1 = grid_box
    ox, oy = window[0] - window[0] // 2, window[1] - window[1] // 2
    y, x = np.mgrid[y0:y1, x0:x1]
    return np.stack([np.full(y.size, rope_layer), y.ravel() - oy, x.ravel() - ox], 1).astype(np.int16)


def text_start(boxes, window):
    """First text position: boxes = grid boxes of all layers, background included."""
    x0, y0 = min(0, *(b[0] for b in boxes)), min(0, *(b[1] for b in boxes))
    x1, y1 = max(window[0], *(b[2] for b in boxes)), max(window[1], *(b[3] for b in boxes))
    return max((y1 - y0) // 2, (x1 - x0) // 2, len(boxes) - 1 + 2)


def regions_of(task, count, targets):
    """(clean regions, noise regions) of a task as (part, index) in plan order; count = foreground layers, targets =
    their indices (1-based) for add and restyle. Parts name what the pool holds: composed, context, layer, restyled, cond."""
    every = [("layer", i) for i in range(count + 1)]
    if task == "i2l":
        return [("composed", 0)], every
    if task == "t2l":
        return [], [("composed", 0), *every]
    kept = [("layer", i) for i in range(count + 1) if i not in targets]
    if task == "add":
        return [("context", 0), *kept], [("layer", i) for i in targets]
    return [("context", 0), *kept, *(("cond", i) for i in targets)], [("restyled", i) for i in targets]


def rope_layer(part, index):
    """First rotary axis: composed 0, background 1, foreground i (1-based) 1 + i; condition tokens as their target."""
    return 0 if part in ("composed", "context") else 1 + index
