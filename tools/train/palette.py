"""Named colours and the harmonic palettes that designs are drawn from.

A palette is (background colour names, accent colour names). Backgrounds are toned (pale, deep or as they are), accents
are used at full strength, so every accent reads on every background of its palette.
"""

import numpy as np

COLOURS = {
    "red": (0.90, 0.27, 0.29),
    "orange": (0.97, 0.55, 0.18),
    "yellow": (1.00, 0.83, 0.31),
    "green": (0.25, 0.65, 0.40),
    "teal": (0.10, 0.60, 0.62),
    "sky": (0.43, 0.76, 0.96),
    "blue": (0.18, 0.42, 0.87),
    "navy": (0.11, 0.16, 0.35),
    "purple": (0.50, 0.30, 0.78),
    "pink": (0.96, 0.55, 0.69),
    "brown": (0.52, 0.33, 0.22),
    "cream": (1.00, 0.96, 0.88),
}
NAMES = list(COLOURS)
TABLE = np.array([COLOURS[n] for n in NAMES], np.float32)
TONES = ("pale", "plain", "deep")
JITTER = 0.025

# (background (tone, colour) choices, accents)
PALETTES = [
    ((("pale", "pink"), ("plain", "cream")), ("red", "navy", "orange", "purple")),
    ((("plain", "cream"), ("pale", "orange")), ("teal", "orange", "navy", "red")),
    ((("plain", "navy"), ("deep", "blue")), ("yellow", "pink", "sky", "cream")),
    ((("pale", "sky"), ("plain", "cream")), ("blue", "orange", "navy", "yellow")),
    ((("deep", "purple"), ("plain", "navy")), ("pink", "yellow", "cream", "orange")),
    ((("pale", "yellow"), ("plain", "cream")), ("teal", "red", "brown", "blue")),
    ((("plain", "teal"), ("deep", "teal")), ("cream", "yellow", "pink", "navy")),
    ((("pale", "green"), ("plain", "cream")), ("green", "brown", "navy", "orange")),
    ((("plain", "yellow"), ("pale", "yellow")), ("navy", "red", "purple", "teal")),
    ((("deep", "green"), ("plain", "green")), ("cream", "yellow", "orange", "pink")),
    ((("plain", "sky"), ("pale", "blue")), ("navy", "red", "yellow", "cream")),
    ((("pale", "purple"), ("pale", "pink")), ("purple", "blue", "red", "navy")),
    ((("plain", "red"), ("deep", "red")), ("cream", "yellow", "navy", "sky")),
    ((("plain", "pink"), ("pale", "red")), ("navy", "purple", "cream", "red")),
    ((("deep", "brown"), ("plain", "brown")), ("cream", "orange", "sky", "yellow")),
    ((("plain", "orange"), ("pale", "orange")), ("navy", "cream", "brown", "purple")),
    ((("plain", "blue"), ("deep", "blue")), ("cream", "yellow", "orange", "pink")),
    ((("pale", "teal"), ("plain", "cream")), ("teal", "purple", "red", "navy")),
    ((("plain", "purple"), ("deep", "purple")), ("cream", "sky", "yellow", "pink")),
    ((("pale", "brown"), ("plain", "cream")), ("brown", "green", "red", "blue")),
]


def rgb_of(name, tone="plain"):
    """Nominal colour [3] of a name in a tone."""
    c = np.array(COLOURS[name], np.float32)
    if tone == "pale":
        return 0.35 * c + 0.65
    if tone == "deep":
        return 0.55 * c
    return c


def jitter(rng, c, amount=JITTER):
    return np.clip(c + rng.uniform(-amount, amount, 3), 0, 1).astype(np.float32)


def lighter(c, amount):
    return c + (1 - c) * amount


def darker(c, amount):
    return c * (1 - amount)


def nearest_name(rgb):
    """Index of the nearest of the twelve names to rgb [3]."""
    return int(((TABLE - np.asarray(rgb, np.float32)) ** 2).sum(1).argmin())


def pick(rng):
    """A palette: background (tone, name) twice (ground and figure of a pattern) and the accents, shuffled."""
    grounds, accents = PALETTES[rng.integers(len(PALETTES))]
    ground = grounds[rng.integers(len(grounds))]
    accents = [a for a in rng.permutation(accents) if contrast(rgb_of(a), rgb_of(ground[1], ground[0])) > 0.3]
    return ground, accents


def contrast(a, b):
    return float(np.sqrt(((np.asarray(a) - np.asarray(b)) ** 2).sum()))
