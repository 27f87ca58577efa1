"""Batches for the transformer from pool records: one task a batch, parts padded to fixed steps."""

import numpy as np
import torch

from . import captions
from .plan import positions, regions_of, rope_layer, text_start
from .tokenizer import DROP, ids_of

MASKED = -1e4
MAX_TEXT = 64


def round_up(n, steps):
    return next((s for s in steps if n <= s), n)


# no part is ever padded to 0 or 1: compiled code would be specialised for those
CLEAN_STEPS = (2, 36, 80, 112, 144, 192, 256, 384)
NOISE_STEPS = (12, 24, 48, 64, 80, 96, 112, 128, 144, 160, 192, 224, 256, 320, 384)
TEXT_STEPS = (2, 8, 16, 24, 32, 48, MAX_TEXT)


def layout(record, task):
    """Token index arrays of one record: dict with clean and noise (indices into record tokens), cond flags, positions, and
    for each noise token how many its region has."""
    clean, noise = regions_of(task, len(record["boxes"]) - 1, record["targets"])
    whole = [0, 0, *record["window"]]
    def gather(regions):
        index, pos, cond = [], [], []
        for part, i in regions:
            a, b = record["spans"][part, i]
            box = whole if part in ("composed", "context") else record["boxes"][i]
            index.append(np.arange(a, b))
            pos.append(positions(box, rope_layer(part, i), record["window"]))
            cond.append(np.full(b - a, float(part == "cond"), np.float32))
        join = lambda parts, empty: np.concatenate(parts) if parts else empty
        return join(index, np.zeros(0, np.int64)), join(pos, np.zeros((0, 3), np.int16)), join(cond, np.zeros(0, np.float32))
    ci, cp, cc = gather(clean)
    ni, np_, _ = gather(noise)
    spans = [record["spans"][r] for r in noise]
    lengths = np.concatenate([np.full(b - a, b - a, np.float32) for a, b in spans])
    return {"clean": ci, "clean_pos": cp, "cond": cc, "noise": ni, "noise_pos": np_, "lengths": lengths,
            "start": text_start(record["boxes"], record["window"])}


def caption_of(record, task, rng):
    if task == "restyle":
        return captions.INSTRUCTION
    if task == "add":
        return captions.tagged([captions.layer_caption(record["layers"][i], rng) for i in record["targets"]])
    return captions.global_caption(record, rng)


def text_ids(text):
    return ids_of(text)[: DROP + MAX_TEXT]


def collate(records, task, texts, device="cpu", lean=0.0):
    """Records and their captions ('' = none) -> dict of tensors; `x0` [B, N, 64] is the truth of the noise tokens and
    `weight` [B, N] is (16 / tokens of the region) ** lean on real ones, 0 on padding: 0 counts every token alike, 1 every
    region."""
    plans = [layout(r, task) for r in records]
    ids = [text_ids(t) for t in texts]
    size = len(records)
    c = round_up(max(len(p["clean"]) for p in plans), CLEAN_STEPS)
    n = round_up(max(len(p["noise"]) for p in plans), NOISE_STEPS)
    t = round_up(max(len(i) for i in ids) - DROP, TEXT_STEPS)
    clean, x0 = torch.zeros(size, c, 64), torch.zeros(size, n, 64)
    cond, weight = torch.zeros(size, c), torch.zeros(size, n)
    bias = torch.full((size, t + c + n), MASKED)
    words = torch.zeros(size, t + DROP, dtype=torch.long)
    text_pos, image_pos = torch.zeros(size, t, 3), torch.zeros(size, c + n, 3)
    for i, (record, p, seq) in enumerate(zip(records, plans, ids)):
        nc, nn, nt = len(p["clean"]), len(p["noise"]), len(seq) - DROP
        clean[i, :nc] = record["tokens"][torch.from_numpy(p["clean"])].float()
        x0[i, :nn] = record["tokens"][torch.from_numpy(p["noise"])].float()
        cond[i, :nc] = torch.from_numpy(p["cond"])
        weight[i, :nn] = torch.from_numpy((16 / p["lengths"]) ** lean)
        bias[i, :nt], bias[i, t : t + nc], bias[i, t + c : t + c + nn] = 0, 0, 0
        words[i, : nt + DROP] = torch.tensor(seq)
        text_pos[i] = (p["start"] + torch.arange(t))[:, None]
        image_pos[i, :nc] = torch.from_numpy(p["clean_pos"]).float()
        image_pos[i, c : c + nn] = torch.from_numpy(p["noise_pos"]).float()
    out = {"clean": clean, "x0": x0, "cond": cond, "weight": weight, "bias": bias, "ids": words, "text_pos": text_pos,
           "image_pos": image_pos}
    return {k: v.to(device) for k, v in out.items()}


def noise_length(record, task):
    """Sorting key: how many noise tokens the task predicts."""
    clean, noise = regions_of(task, len(record["boxes"]) - 1, record["targets"])
    return sum(b - a for a, b in (record["spans"][r] for r in noise if r in record["spans"]))


class Feed:
    """Random batches from the pool. Draws `spread` batches' worth of records, sorts them by length, and hands them out in
    random order, so that padding is small."""

    def __init__(self, records, seed, spread=12, limit=320, few=None):
        """few: {task: share of its batches that hold designs of one or two layers only}."""
        self.records, self.rng, self.spread, self.limit = records, np.random.default_rng(seed), spread, limit
        self.ready, self.few = {}, few or {}

    def records_of(self, task, size):
        small = self.rng.random() < self.few.get(task, 0.0)
        queue = self.ready.setdefault((task, small), [])
        if not queue:
            pool = self.records
            picks = [pool[i] for i in self.rng.integers(len(pool), size=(12 if small else 3) * size * self.spread)]
            if small:
                picks = [r for r in picks if len(r["layers"]) <= 3]
            if task == "restyle":
                picks = [r for r in picks if r["stylable"]]
            picks = [r for r in picks if len(r["tokens"]) < 600 and noise_length(r, task) <= self.limit][: size * self.spread]
            picks.sort(key=lambda r: (noise_length(r, task), len(r["tokens"])))
            queue += [picks[i : i + size] for i in range(0, len(picks) - size + 1, size)]
            self.rng.shuffle(queue)
        return queue.pop()

    def draw(self, task, size, drop):
        """Records and captions; these are dropped with probability `drop` (for the whole batch in i2l, else each)."""
        records = self.records_of(task, size)
        whole = task == "i2l" and self.rng.random() < drop
        texts = ["" if whole or (task != "i2l" and self.rng.random() < drop) else caption_of(r, task, self.rng)
                 for r in records]
        return records, texts
