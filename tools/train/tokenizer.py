"""A byte-level BPE tokenizer in Qwen2's form whose merges make every word of the captions one token.

    python -m tools.train.tokenizer --out DIR      writes tokenizer.json, vocab.json, merges.txt, tokenizer_config.json

Strings in quotes are spelt letter by letter; any other text falls back to smaller pieces and bytes.
"""

import argparse
import json
from functools import lru_cache
from pathlib import Path

import tokenizers

from . import backgrounds, captions, elements, shapes
from .palette import NAMES, TONES

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
            "<|image_pad|>", "<|video_pad|>"]
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
         r"\s+(?!\S)|\s+")
TEMPLATE, DROP = "<|im_start|>{}<|im_end|>", 1
PLAIN = ("a an the of on in with and to at text word design background panel shadow soft sheer large small layer group "
         "picture poster card image shape make add draw big light dark black white gray gold add color colour "
         "square word letter title this these layers").split()


def words():
    out = [*PLAIN, *NAMES, *TONES, *shapes.SHAPES, *elements.FILLS, *backgrounds.KINDS, *captions.INSTRUCTION.split(), "A", "Add"]
    return list(dict.fromkeys(out))


def train_merges(pieces):
    """Byte-pair encoding until every piece is one token; ties go to the smaller pair."""
    words, merges = {tuple(p): 1 for p in pieces}, []
    while True:
        pairs = {}
        for word in words:
            for pair in zip(word, word[1:]):
                pairs[pair] = pairs.get(pair, 0) + 1
        if not pairs:
            return merges
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        joined = {}
        for word in words:
            out, i = [], 0
            while i < len(word):
                step = 2 if word[i : i + 2] == best else 1
                out.append("".join(word[i : i + step]))
                i += step
            joined[tuple(out)] = 1
        words = joined


def byte_alphabet():
    """The printable stand-ins of the 256 bytes, in GPT-2's order."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in keep]
    return [chr(b) for b in keep] + [chr(256 + i) for i in range(len(rest))]


def build():
    pieces = [w for w in words()] + ["\u0120" + w for w in words()] + ["</", "\u0120'", "<layer", "&lt;"]
    merges, vocab = train_merges(pieces), {}
    for token in byte_alphabet() + [a + b for a, b in merges]:
        vocab.setdefault(token, len(vocab))
    tok = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocab, merges=merges, fuse_unk=False, byte_fallback=False))
    tok.normalizer = tokenizers.normalizers.NFC()
    tok.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([
        tokenizers.pre_tokenizers.Split(tokenizers.Regex(SPLIT), "isolated"),
        tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tok.post_processor = tokenizers.processors.ByteLevel(trim_offsets=False)
    tok.decoder = tokenizers.decoders.ByteLevel()
    tok.add_special_tokens([tokenizers.AddedToken(s, special=True, normalized=False) for s in SPECIALS])
    return tok, vocab, merges


@lru_cache
def shared():
    return build()[0]


@lru_cache(maxsize=200_000)
def ids_of(text):
    """Ids of the template filled with `text`, prefix included; characters that spell a special token are not expected."""
    return tuple(shared().encode(TEMPLATE.replace("{}", text), add_special_tokens=False).ids)


def write(folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tok, vocab, merges = build()
    tok.save(str(folder / "tokenizer.json"))
    put = lambda name, value: (folder / name).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    put("vocab.json", vocab)
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    added = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
    put("tokenizer_config.json", {
        "tokenizer_class": "Qwen2Tokenizer", "add_prefix_space": False, "add_bos_token": False, "bos_token": None,
        "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "unk_token": None, "errors": "replace",
        "model_max_length": 131072, "clean_up_tokenization_spaces": False, "split_special_tokens": False,
        "added_tokens_decoder": {str(len(vocab) + i): {"content": s, **added} for i, s in enumerate(SPECIALS)}})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True)
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
