"""Teaches the text encoder what a phrase says before the transformer reads it:

    python -m tools.train.train_text --steps 1500 --state DIR      writes DIR/text.pt

On grammar captions, the feature at each element's last word must give its colour, shape and fill, and the feature at the
end must give the multiset of colours; words of other phrases must not leak in.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from . import captions, elements, glyphs, shapes
from .palette import NAMES, TONES
from .state import save
from .text import WIDTH, TextEncoder
from .tokenizer import ids_of, shared

SHAPES = [*shapes.SHAPES, "panel", "text", "shadow", "background"]
FILLS = [*elements.FILLS, "sheer", "soft"]


def phrase(rng):
    """(words, colour, shape, fill) of a random element."""
    colour = str(rng.choice(NAMES))
    u = rng.random()
    if u < 0.15:
        return f"text '{glyphs.string(rng)}' in {colour}", colour, "text", "solid"
    if u < 0.22:
        return f"{'sheer ' if rng.random() < 0.5 else ''}{colour} panel", colour, "panel", "sheer"
    if u < 0.3:
        return f"{rng.choice(['', *TONES[::2]])} {colour} background".strip(), colour, "background", "solid"
    shape, fill = str(rng.choice(list(shapes.SHAPES))), str(rng.choice(elements.FILLS, p=elements.FILL_SHARES))
    parts = [str(rng.choice(["", "", "large", "small"])), "" if fill == "solid" else fill, colour, shape]
    return " ".join(p for p in parts if p), colour, shape, fill


def sample(rng):
    """(ids, list of (token index of the phrase's last token, colour, shape, fill))."""
    made = [phrase(rng) for _ in range(rng.integers(1, 6))]
    u = rng.random()
    if u < 0.35:
        text = captions.tagged([m[0] for m in made[:2]])
        made = made[:2]
    elif u < 0.7:
        text = ", ".join(m[0] for m in made)
    else:
        parts = [m[0] if m[0].startswith("text") else f"a {m[0]}" for m in made]
        text = "A design with " + ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1] + "."
    encoding = shared().encode(f"<|im_start|>{text}<|im_end|>", add_special_tokens=False)
    offsets, marks, at = encoding.offsets, [], len("<|im_start|>")
    for words, colour, shape, fill in made:
        at = text.index(words, at - len("<|im_start|>")) + len("<|im_start|>") + len(words)
        last = max(i for i, (a, b) in enumerate(offsets) if a < at and b <= at and b > a)
        marks.append((last, NAMES.index(colour), SHAPES.index(shape), FILLS.index(fill)))
    return encoding.ids, marks


class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.colour, self.shape = nn.Linear(WIDTH, len(NAMES)), nn.Linear(WIDTH, len(SHAPES))
        self.fill, self.bag = nn.Linear(WIDTH, len(FILLS)), nn.Linear(WIDTH, len(NAMES))


def batch(rng, size):
    made = [sample(rng) for _ in range(size)]
    ids = torch.zeros(size, max(len(m[0]) for m in made), dtype=torch.long)
    rows, bag, ends = [], torch.zeros(size, len(NAMES)), []
    for i, (seq, marks) in enumerate(made):
        ids[i, : len(seq)] = torch.tensor(seq)
        ends.append(len(seq) - 1)
        for last, colour, shape, fill in marks:
            rows.append((i, last, colour, shape, fill))
            bag[i, colour] = 1
    return ids, torch.tensor(rows), bag, torch.tensor(ends)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--state", required=True)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(2)
    rng = np.random.default_rng(2)
    model, heads = TextEncoder(shared().get_vocab_size()), Heads()
    optimizer = torch.optim.AdamW([*model.parameters(), *heads.parameters()], lr=2e-3, betas=(0.9, 0.98), weight_decay=0.01)
    start = time.time()
    for step in range(1, args.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1, step / 50) * min(1, (args.steps - step + 1) / (0.5 * args.steps))
        ids, rows, bag, ends = batch(rng, 64)
        features = model(ids)
        at = features[rows[:, 0], rows[:, 1]]
        hits = [(heads.colour(at), rows[:, 2]), (heads.shape(at), rows[:, 3]), (heads.fill(at), rows[:, 4])]
        loss = sum(F.cross_entropy(a, b) for a, b in hits)
        end = features[torch.arange(len(ids)), ends]
        loss = loss + F.binary_cross_entropy_with_logits(heads.bag(end), bag)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 100 == 0:
            right = [float((a.argmax(1) == b).float().mean()) for a, b in hits]
            print(f"{time.time()-start:5.0f} s  step {step}  loss {loss.item():.3f}  colour {right[0]:.3f} shape {right[1]:.3f} fill {right[2]:.3f}", flush=True)
    save(Path(args.state) / "text.pt", {"model": model.state_dict()})


if __name__ == "__main__":
    main()
