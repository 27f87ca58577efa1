"""Large type: masks of short strings from the font that Pillow carries (Aileron, CC0), emboldened by a stroke."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
WORDS = ("SALE NEW HI YES GO LOVE WOW ART OK JOY SUN HEY FUN EAT TEA POP ZOO BIG HOT ICE MAP RUN SKY TOP WIN CAFE JAZZ "
         "FREE OPEN PLAY STAR MOON ROSE GIFT SHOP 50 20 24 30 70 10").split()


@lru_cache(maxsize=4096)
def glyph(char, size):
    """(alpha mask [h, w] f32, left bearing, top) of a character whose capitals are about 0.75 * size high."""
    font = ImageFont.load_default(size)
    stroke = max(1, round(size * 0.055))
    x0, y0, x1, y1 = font.getbbox(char, stroke_width=stroke)
    picture = Image.new("L", (int(x1 - x0) + 2, int(y1 - y0) + 2), 0)
    ImageDraw.Draw(picture).text((1 - x0, 1 - y0), char, fill=255, font=font, stroke_width=stroke, stroke_fill=255)
    return np.asarray(picture, np.float32) / 255, int(y0)


def mask(string, height):
    """Alpha [height, w] of a string set solid with capitals `height` px high."""
    size = round(height / 0.76)
    parts = [glyph(c, size) for c in string]
    gap = max(1, round(height * 0.06))
    top = min(t for _, t in parts)
    full = max(t + m.shape[0] for m, t in parts) - top
    sheet = np.zeros((full, sum(m.shape[1] for m, _ in parts) + gap * (len(parts) - 1)), np.float32)
    at = 0
    for m, t in parts:
        h, w = m.shape
        sheet[t - top : t - top + h, at : at + w] = np.maximum(sheet[t - top : t - top + h, at : at + w], m)
        at += w + gap
    rows, cols = np.where(sheet.max(1) > 0.02)[0], np.where(sheet.max(0) > 0.02)[0]
    return sheet[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]


def string(rng):
    """A word of the list, or one to three random letters or digits."""
    if rng.random() < 0.65:
        return WORDS[rng.integers(len(WORDS))]
    return "".join(LETTERS[i] for i in rng.integers(len(LETTERS), size=rng.integers(1, 4)))
