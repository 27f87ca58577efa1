"""Captions of a design: global ones, short and long, and per layer. Never positions: regions are anonymous."""

INSTRUCTION = "Harmonize these layers"


def foreground(design, rng):
    """Foreground layers in a random order; many of them are named partly."""
    layers = list(design["layers"][1:])
    order = [layers[i] for i in rng.permutation(len(layers))]
    return order[:9]


def short_caption(design, rng):
    """red star, text 'SALE' in navy, pink background"""
    parts = [layer["brief"] for layer in foreground(design, rng)]
    back = design["layers"][0]
    tail = f"{back['colour']} background" if rng.random() < 0.5 else back["phrase"]
    return ", ".join(parts + [tail])


def long_caption(design, rng):
    """A design on a dotted pale pink background with a large red star, text 'SALE' in navy and a sheer cream panel."""
    parts = [layer["phrase"] for layer in foreground(design, rng)]
    parts = [p if p.startswith("text") else f"a {p}" for p in parts]
    listed = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
    return f"A design on a {design['layers'][0]['phrase']} with {listed}."


def global_caption(design, rng):
    return short_caption(design, rng) if rng.random() < 0.5 else long_caption(design, rng)


def layer_caption(layer, rng):
    return layer["brief"] if rng.random() < 0.5 else layer["phrase"]


def tagged(captions):
    """The prompt of an addition: captions of the targets in z order."""
    return "".join(f"<layer>{c.replace('<', '&lt;')}</layer>" for c in captions)
