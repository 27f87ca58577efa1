"""A whole design: background, layers bottom first, composed picture, what is hidden.

Pixels are straight RGBA f32 in [0, 1]; `box` is px relative to the window, half-open, and may lie beyond it.
"""

import numpy as np

from . import backgrounds, elements, layouts
from .palette import contrast, pick, rgb_of

TOKEN = 16
OVERFLOW_SHARE, GROUP_SHARE, LOOSE_SHARE, CUT_SHARE = 0.66, 0.06, 0.25, 0.4


def premultiply(rgba):
    return np.concatenate([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], -1)


def over(canvas, premul, x0, y0):
    """Source-over of premul [h, w, 4] at (x0, y0) on canvas [H, W, 4], in place; what sticks out is cut."""
    height, width = canvas.shape[:2]
    h, w = premul.shape[:2]
    ax, ay, bx, by = max(x0, 0), max(y0, 0), min(x0 + w, width), min(y0 + h, height)
    if bx > ax and by > ay:
        part = premul[ay - y0 : by - y0, ax - x0 : bx - x0]
        canvas[ay:by, ax:bx] = part + canvas[ay:by, ax:bx] * (1 - part[..., 3:])


def compose(layers, width, height):
    """Premultiplied picture [h, w, 4] of a stack over the window."""
    canvas = np.zeros((height, width, 4), np.float32)
    for layer in layers:
        over(canvas, premultiply(layer["rgba"]), layer["box"][0], layer["box"][1])
    return canvas


def unpremultiply(p):
    return np.concatenate([np.where(p[..., 3:] > 0, p[..., :3] / np.maximum(p[..., 3:], 1e-6), 0), p[..., 3:]], -1)


def place(element, cx, cy):
    h, w = element["rgba"].shape[:2]
    x0, y0 = int(round(cx - w / 2)), int(round(cy - h / 2))
    return {**element, "box": [x0, y0, x0 + w, y0 + h]}


def push_over_edge(rng, layer, width, height):
    """Moves a layer to the nearest edge so that 15 to 50 % of its width or height lies beyond it."""
    x0, y0, x1, y1 = layer["box"]
    w, h, share = x1 - x0, y1 - y0, rng.uniform(0.15, 0.5)
    gaps = {"left": x0, "right": width - x1, "top": y0, "bottom": height - y1}
    side = min(gaps, key=lambda k: gaps[k] + rng.uniform(0, 8))
    if side == "left":
        x0 = -int(share * w)
    elif side == "right":
        x0 = width - int((1 - share) * w)
    elif side == "top":
        y0 = -int(share * h)
    else:
        y0 = height - int((1 - share) * h)
    return {**layer, "box": [x0, y0, x0 + w, y0 + h]}


def crop(layer, box):
    x0, y0 = layer["box"][:2]
    part = layer["rgba"][box[1] - y0 : box[3] - y0, box[0] - x0 : box[2] - x0]
    return {**layer, "rgba": part, "box": list(box)}


def clip_to(layer, limits):
    b = layer["box"]
    box = [max(b[0], limits[0]), max(b[1], limits[1]), min(b[2], limits[2]), min(b[3], limits[3])]
    return crop(layer, box) if box[2] - box[0] >= 6 and box[3] - box[1] >= 6 else None


def tighten(layer):
    """Cuts empty rows and columns."""
    alpha = layer["rgba"][..., 3]
    rows, cols = np.where(alpha.max(1) > 0.01)[0], np.where(alpha.max(0) > 0.01)[0]
    x0, y0 = layer["box"][:2]
    return crop(layer, [x0 + cols[0], y0 + rows[0], x0 + cols[-1] + 1, y0 + rows[-1] + 1])


def loosen(rng, layer):
    """Adds up to 5 empty px on each side: boxes drawn by a person are not tight."""
    l, t, r, b = rng.integers(0, 6, 4)
    rgba = np.pad(layer["rgba"], ((t, b), (l, r), (0, 0)))
    x0, y0, x1, y1 = layer["box"]
    return {**layer, "rgba": rgba, "box": [x0 - l, y0 - t, x1 + r, y1 + b]}


def merge(below, above):
    """Two neighbours in z as one layer."""
    a, b = below["box"], above["box"]
    box = [min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])]
    sheet = np.zeros((box[3] - box[1], box[2] - box[0], 4), np.float32)
    for layer in (below, above):
        over(sheet, premultiply(layer["rgba"]), layer["box"][0] - box[0], layer["box"][1] - box[1])
    return {**below, "kind": "group", "rgba": unpremultiply(sheet).astype(np.float32), "box": box,
            "phrase": f"{below['phrase']} with {above['phrase']}", "brief": f"{below['brief']} with {above['brief']}",
            "parts": [below["shape"], above["shape"]]}


def make_element(rng, slot, side, colours, stack):
    """The element of a slot, in a colour that no layer under its box has, where the palette allows it."""
    role, cx, cy, w, h = slot
    w, h = w * side, h * side
    reach = [cx * side - w / 2, cy * side - h / 2, cx * side + w / 2, cy * side + h / 2]
    taken = [l["colour"] for l in stack if touch(l["box"], reach)]
    free = [c for c in colours if c not in taken] or colours
    fresh = [c for c in free if c not in [l["colour"] for l in stack]] or free
    name = str(rng.choice(fresh if rng.random() < 0.7 else free))
    if role == "any":
        written = any(l["kind"] == "text" for l in stack)
        role = "text" if rng.random() < (0.02 if written else 0.15) else "shape"
    if role == "panel":
        light = [c for c in colours if c in ("cream", "navy", "sky", "pink")] or colours
        element = elements.panel_element(rng, str(rng.choice(light)), w, h)
    elif role == "text":
        element = elements.text_element(rng, name, w, h)
    else:
        element = elements.shape_element(rng, name, elements.pick_shape(rng), w, h, side)
    return place(element, cx * side, cy * side)


def draft(rng, width, height):
    """One attempt: layers bottom first, the background at index 0, or None."""
    ground, colours = pick(rng)
    if len(colours) < 2:
        return None
    side = min(width, height)
    back = backgrounds.draw(rng, ground, str(rng.choice(colours)), width, height)
    slots = layouts.slots(rng, width / side, height / side, layouts.count_layers(rng))
    stack = []
    for slot in slots:
        layer = make_element(rng, slot, side, colours, stack)
        stack.append(inside(layer, width, height) if layer["kind"] in ("text", "panel") else layer)
    if rng.random() < 0.05 and stack[0]["kind"] == "shape" and len(stack) < 8:
        x0, _, x1, y1 = stack[0]["box"]
        shade = elements.shadow_element(rng, 1.1 * (x1 - x0), 20)
        stack.insert(0, place(shade, (x0 + x1) / 2, y1 - 1))
    spill = rng.random() < OVERFLOW_SHARE
    if spill:
        able = [i for i, l in enumerate(stack) if l["kind"] == "shape"] or [0]
        outside = [i for i in able if beyond(stack[i]["box"], width, height) > 0.1]
        if not outside:
            for i in rng.permutation(able)[: 1 + (rng.random() < 0.3 and len(able) > 2)]:
                stack[i] = push_over_edge(rng, stack[i], width, height)
    limits = [-width // 2, -height // 2, width + width // 2, height + height // 2]
    if not spill:
        if rng.random() >= CUT_SHARE:  # pull everything inside
            stack = [inside(l, width, height) for l in stack]
        limits = [0, 0, width, height]
    stack = [clip_to(l, limits) for l in stack]
    if any(l is None or not (l["rgba"][..., 3] > 0.05).any() for l in stack):
        return None
    stack = [tighten(l) for l in stack]
    if rng.random() < GROUP_SHARE:
        for i in range(len(stack) - 1):
            if touch(stack[i]["box"], stack[i + 1]["box"]):
                stack[i : i + 2] = [merge(stack[i], stack[i + 1])]
                break
    stack = [loosen(rng, l) if rng.random() < LOOSE_SHARE else l for l in stack]
    stack = [clip_to(l, limits) for l in stack]
    if any(l is None for l in stack):
        return None
    bottom = {**back, "kind": "background", "shape": "background", "box": [0, 0, width, height], "brief": back["phrase"]}
    return [bottom, *stack]


def inside(layer, width, height):
    x0, y0, x1, y1 = layer["box"]
    dx = max(0, -x0) - max(0, x1 - width) if x1 - x0 <= width else 0
    dy = max(0, -y0) - max(0, y1 - height) if y1 - y0 <= height else 0
    return {**layer, "box": [x0 + dx, y0 + dy, x1 + dx, y1 + dy]}


def beyond(box, width, height):
    """Share of a box that lies outside the window."""
    x0, y0, x1, y1 = box
    seen = max(0, min(x1, width) - max(x0, 0)) * max(0, min(y1, height) - max(y0, 0))
    return 1 - seen / ((x1 - x0) * (y1 - y0))


def touch(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def plain_to_see(layers, width, height):
    """Every foreground layer shows: at least 40 px inside the window that differ by 0.12 from what lies below, and
    are not covered; a third of its visible alpha at least."""
    count = len(layers)
    cover = np.zeros((height, width), np.float32)
    below = [None] * count
    canvas = np.zeros((height, width, 4), np.float32)
    for i, layer in enumerate(layers):
        below[i] = canvas.copy()
        over(canvas, premultiply(layer["rgba"]), *layer["box"][:2])
    for i in range(count - 1, 0, -1):
        layer = layers[i]
        own = np.zeros((height, width, 4), np.float32)
        over(own, premultiply(layer["rgba"]), *layer["box"][:2])
        after = own + below[i] * (1 - own[..., 3:])
        seen = (np.abs(after - below[i]).max(-1) > 0.12) & (cover < 0.5)
        need = 12 if layer["kind"] == "shadow" else 40
        if seen.sum() < need or seen.sum() < 0.33 * (own[..., 3] > 0.3).sum():
            return False
        cover = 1 - (1 - cover) * (1 - own[..., 3])
    return True


def draw(seed, width=96, height=96):
    """The design of a seed (an int or a list of ints): dict with width, height, layers (bottom first; background first),
    each with kind, box, rgba and words. Drafts in which a layer cannot be seen are drawn again."""
    rng = np.random.default_rng(seed)
    while True:
        layers = draft(rng, width, height)
        if layers and plain_to_see(layers, width, height):
            break
    for i, layer in enumerate(layers):
        layer["id"] = "bg" if i == 0 else f"layer-{i}"
    return {"width": width, "height": height, "layers": layers}


def hidden(design):
    """Bool [h, w]: background pixels under foreground alpha above 0.5."""
    cover = compose(design["layers"][1:], design["width"], design["height"])[..., 3]
    return cover > 0.5


