"""Goes on from a checkpoint folder, where the run that made it is gone:

    python -m tools.train.adopt --folder checkpoints/mrt-tiny --state DIR --name shipped

The inverse of `export`: writes DIR/vae.pt, DIR/text.pt and DIR/NAME.pt from the folder's tensors (rounded to its dtype). What no
folder holds starts anew: optimizer moments and the running mean, which begins at the weights.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from .dit import HEAD, Size
from .export import IMAGE, TEXT
from .state import load, save
from .tokenizer import shared
from .train import DEFAULTS, Ema, Model, optimizer_of, state_of
from .vae import Vae


def half_split(rows):
    """[heads * 64, ...] or [64], pairs side by side -> half-split: (k, k + 32) <- (2k, 2k + 1)."""
    shape = rows.shape
    r = rows.reshape(-1, HEAD // 2, 2, *shape[1:])
    return r.transpose(1, 2).reshape(shape)


def stream_state(tensors, prefix, names):
    """One stream's half of a block under this project's names."""
    mod, q, k, v, o, nq, nk, mlp = names
    out = {}
    for kind in ("weight", "bias"):
        t = lambda name: tensors[f"{name}.{kind}"]
        out[f"{prefix}.mod.{kind}"] = t(f"{mod}.1")
        out[f"{prefix}.qkv.{kind}"] = torch.cat([half_split(t(f"attn.{q}")), half_split(t(f"attn.{k}")), t(f"attn.{v}")])
        out[f"{prefix}.out.{kind}"] = t(f"attn.{o}")
        out[f"{prefix}.up.{kind}"], out[f"{prefix}.down.{kind}"] = t(f"{mlp}.net.0.proj"), t(f"{mlp}.net.2")
    out[f"{prefix}.norm_q"], out[f"{prefix}.norm_k"] = (half_split(tensors[f"attn.{n}.weight"]) for n in (nq, nk))
    return out


def transformer_state(tensors, blocks):
    out = {"txt_norm": tensors["txt_norm.weight"], "cond_embed": tensors["cond_embed"]}
    for mine, theirs in (("img_in", "img_in"), ("txt_in", "txt_in"), ("proj_out", "proj_out"), ("norm_out", "norm_out.linear"),
                         ("time1", "time_text_embed.timestep_embedder.linear_1"),
                         ("time2", "time_text_embed.timestep_embedder.linear_2")):
        for kind in ("weight", "bias"):
            out[f"{mine}.{kind}"] = tensors[f"{theirs}.{kind}"]
    for i in range(blocks):
        at = f"transformer_blocks.{i}."
        block = {k.removeprefix(at): v for k, v in tensors.items() if k.startswith(at)}
        out.update(stream_state(block, f"blocks.{i}.image", IMAGE))
        out.update(stream_state(block, f"blocks.{i}.text", TEXT))
    return out


def vae_state(tensors, config):
    """The last temporal tap of each causal kernel; what has no counterpart in two dimensions is zero in the folder."""
    model = Vae()
    out = {"mean": torch.tensor(config["latents_mean"]), "std": torch.tensor(config["latents_std"])}
    for name, value in model.state_dict().items():
        if name in out:
            continue
        theirs = tensors[name]
        out[name] = (theirs[:, :, -1] if theirs.ndim == 5 else theirs).reshape(value.shape)
    return out


def floats(path):
    return {k: v.float() for k, v in load_file(path).items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--state", required=True)
    parser.add_argument("--name", default="shipped")
    args = parser.parse_args()
    folder, state = Path(args.folder), Path(args.state)
    config = json.loads((folder / "transformer/config.json").read_text())
    size = Size(config["num_attention_heads"] * config["attention_head_dim"], config["num_layers"], config["joint_attention_dim"])
    text = {k.removeprefix("model."): v for k, v in floats(folder / "text_encoder/model.safetensors").items()}
    model = Model(size)
    if text["embed_tokens.weight"].shape[0] != shared().get_vocab_size():
        parser.error(f"{folder}: its vocabulary of {text['embed_tokens.weight'].shape[0]} is not this tokenizer's {shared().get_vocab_size()}")
    model.text.load_state_dict(text)
    model.net.load_state_dict(transformer_state(floats(folder / "transformer/diffusion_pytorch_model.safetensors"), size.blocks))
    vae_config = json.loads((folder / "vae/config.json").read_text())
    vae = vae_state(floats(folder / "vae/diffusion_pytorch_model.safetensors"), vae_config)
    for name, value in (("vae", vae), ("text", text)):
        there = load(state / f"{name}.pt")
        if there is None:
            save(state / f"{name}.pt", {"model": value})
        elif any(not torch.equal(there["model"][k], v) for k, v in value.items()):
            parser.error(f"{state / name}.pt belongs to another run: choose an empty --state")
    start = {"step": 0, "used": 0.0, "total": 0.0, "phase": DEFAULTS}
    save(state / f"{args.name}.pt", state_of(model, Ema(model), *optimizer_of(model, DEFAULTS), start))
    print(f"{args.name}.pt: width {size.width}, {size.blocks} blocks")


if __name__ == "__main__":
    main()
