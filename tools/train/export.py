"""Writes a trained run as a checkpoint folder in diffusers' layout:

    python -m tools.train.export --state DIR --name run --out checkpoints/mrt-tiny [--raw] [--dtype f16] [--sampling FILE]

What changes on the way: 2D kernels go into the last temporal tap of causal 3D kernels, fused q|k|v linears are split, rows
of q and k (and their norms) go from half-split to interleaved rotation pairs. The manifest's `sampling` is FILE as it stands
(`sampling.json` beside this module): steps, guidance and noise levels, for all tasks and by task (`sampling.tasks`).
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from . import dit, text, tokenizer, vae
from .evaluate import load_model
from .plan import TASKS
from .pool import frozen_vae

DTYPES = {"f16": torch.float16, "f32": torch.float32, "bf16": torch.bfloat16}
# The 8-step list was chosen on validation designs: a long first step, then refinement near zero (see the model card). Step
# counts without a list have uniform levels: the fallback neither shifts nor ends early.
SAMPLING = Path(__file__).with_name("sampling.json")

MANIFEST = {
    "format": "layerloom-mrt/1",
    "composedExtent": {"t2l": "window", "i2l": "window", "l2l": "window"},
    "i2lOutside": "keep",
    "i2lRefine": "picture",
    "rope": {"theta": dit.THETA},
    "cleanTimestep": "zero",
    "condEmbedding": {"tensor": "cond_embed", "addAt": "afterImgIn"},
    "predicts": "eps-z0",
    "latentInput": "rgba-premul",
    "decoderOutput": "rgba-premul",
    "encodeMode": "box",
    "decodeMode": "box",
    "decodeFill": "zero",
    "prompt": {"template": tokenizer.TEMPLATE, "dropTokens": tokenizer.DROP, "maxTokens": 64},
}


def interleave(rows):
    """[heads * 64, ...] or [64] half-split -> pairs side by side: (2k, 2k + 1) <- (k, k + 32)."""
    shape = rows.shape
    r = rows.reshape(-1, 2, dit.HEAD // 2, *shape[1:])
    return r.transpose(1, 2).reshape(shape)


def stream_tensors(state, prefix, out, names):
    """One stream's half of a block under the published names."""
    mod, q, k, v, o, nq, nk, mlp = names
    for kind in ("weight", "bias"):
        out[f"{mod}.1.{kind}"] = state[f"{prefix}.mod.{kind}"]
        parts = state[f"{prefix}.qkv.{kind}"].chunk(3, 0)
        out[f"attn.{q}.{kind}"], out[f"attn.{k}.{kind}"] = interleave(parts[0]), interleave(parts[1])
        out[f"attn.{v}.{kind}"], out[f"attn.{o}.{kind}"] = parts[2], state[f"{prefix}.out.{kind}"]
        out[f"{mlp}.net.0.proj.{kind}"], out[f"{mlp}.net.2.{kind}"] = state[f"{prefix}.up.{kind}"], state[f"{prefix}.down.{kind}"]
    out[f"attn.{nq}.weight"], out[f"attn.{nk}.weight"] = interleave(state[f"{prefix}.norm_q"]), interleave(state[f"{prefix}.norm_k"])


IMAGE = ("img_mod", "to_q", "to_k", "to_v", "to_out.0", "norm_q", "norm_k", "img_mlp")
TEXT = ("txt_mod", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out", "norm_added_q", "norm_added_k", "txt_mlp")


def transformer_tensors(net):
    state, out = net.state_dict(), {}
    for mine, theirs in (("img_in", "img_in"), ("txt_in", "txt_in"), ("proj_out", "proj_out"), ("norm_out", "norm_out.linear"),
                         ("time1", "time_text_embed.timestep_embedder.linear_1"),
                         ("time2", "time_text_embed.timestep_embedder.linear_2")):
        for kind in ("weight", "bias"):
            out[f"{theirs}.{kind}"] = state[f"{mine}.{kind}"]
    out["txt_norm.weight"], out["cond_embed"] = state["txt_norm"], state["cond_embed"]
    for i in range(net.size.blocks):
        block = {}
        stream_tensors(state, f"blocks.{i}.image", block, IMAGE)
        stream_tensors(state, f"blocks.{i}.text", block, TEXT)
        out.update({f"transformer_blocks.{i}.{k}": v for k, v in block.items()})
    return out


def vae_tensors(model):
    """2D weights -> the causal 3D class's tensors, the middle attention (zero proj) and the unused time convolutions."""
    out = {}
    for name, value in model.state_dict().items():
        if name in ("mean", "std"):
            continue
        if name.endswith("gamma"):
            value = value.view(-1, 1, 1, 1)
        elif name.endswith("weight") and "resample" not in name:
            last = value.unsqueeze(2)
            value = last if value.shape[-1] == 1 else torch.cat([torch.zeros_like(last)] * 2 + [last], 2)
        out[name] = value
    for side, c in (("encoder", model.encoder.norm_out.gamma.numel()), ("decoder", model.decoder.conv_in.out_channels)):
        at = f"{side}.mid_block.attentions.0."
        out[at + "norm.gamma"] = torch.ones(c, 1, 1)
        out[at + "to_qkv.weight"], out[at + "to_qkv.bias"] = torch.zeros(3 * c, c, 1, 1), torch.zeros(3 * c)
        out[at + "proj.weight"], out[at + "proj.bias"] = torch.zeros(c, c, 1, 1), torch.zeros(c)
    for name in list(out):
        if name.endswith("resample.1.weight"):
            stem, c = name.removesuffix("resample.1.weight"), out[name].shape[1]
            if stem in ("encoder.down_blocks.3.", "encoder.down_blocks.5."):
                out[stem + "time_conv.weight"], out[stem + "time_conv.bias"] = torch.zeros(c, c, 3, 1, 1), torch.zeros(c)
            if stem in ("decoder.up_blocks.0.upsamplers.0.", "decoder.up_blocks.1.upsamplers.0."):
                out[stem + "time_conv.weight"], out[stem + "time_conv.bias"] = torch.zeros(2 * c, c, 3, 1, 1), torch.zeros(2 * c)
    return out


def read_sampling(path=SAMPLING):
    """The manifest's `sampling`; what the runtime would refuse by name is refused here too."""
    sampling = json.loads(Path(path).read_text())
    unknown = set(sampling.get("tasks", {})) - set(TASKS)
    if unknown:
        raise SystemExit(f"{path}: tasks holds {', '.join(TASKS)}, nothing else, got {', '.join(sorted(unknown))}.")
    return sampling


def configs(net, model_vae, vocabulary, sampling):
    """Relative path -> JSON of every configuration."""
    ids = {s: tokenizer.shared().token_to_id(s) for s in tokenizer.SPECIALS}
    rounded = lambda values: [round(float(v), 4) for v in values]
    size = net.size
    return {
        "model_index.json": {
            "_class_name": "QwenImagePipeline", "_diffusers_version": "0.42.1",
            "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
            "text_encoder": ["transformers", "Qwen2_5_VLForConditionalGeneration"],
            "tokenizer": ["transformers", "Qwen2Tokenizer"], "transformer": ["diffusers", "QwenImageTransformer2DModel"],
            "vae": ["diffusers", "AutoencoderKLQwenImage"]},
        "scheduler/scheduler_config.json": {
            "_class_name": "FlowMatchEulerDiscreteScheduler", "_diffusers_version": "0.42.1", "num_train_timesteps": 1000,
            "shift": 1.0, "use_dynamic_shifting": False},
        "transformer/config.json": {
            "_class_name": "QwenImageTransformer2DModel", "_diffusers_version": "0.42.1", "attention_head_dim": dit.HEAD,
            "axes_dims_rope": list(dit.AXES), "guidance_embeds": False, "in_channels": 64, "joint_attention_dim": size.text,
            "num_attention_heads": size.heads, "num_layers": size.blocks, "out_channels": 16, "patch_size": 2,
            "use_additional_t_cond": False, "use_layer3d_rope": False, "zero_cond_t": True},
        "vae/config.json": {
            "_class_name": "AutoencoderKLQwenImage", "_diffusers_version": "0.42.1", "attn_scales": [], "base_dim": vae.BASE,
            "dim_mult": list(vae.MULT), "dropout": 0.0, "input_channels": 4, "latents_mean": rounded(model_vae.mean),
            "latents_std": rounded(model_vae.std), "num_res_blocks": 1, "temperal_downsample": [False, True, True], "z_dim": vae.Z},
        "text_encoder/config.json": {
            "architectures": ["Qwen2_5_VLForConditionalGeneration"], "dtype": "float16", "model_type": "qwen2_5_vl",
            "image_token_id": ids["<|image_pad|>"], "video_token_id": ids["<|video_pad|>"],
            "vision_start_token_id": ids["<|vision_start|>"], "vision_end_token_id": ids["<|vision_end|>"],
            "tie_word_embeddings": True,
            "text_config": {
                "bos_token_id": ids["<|endoftext|>"], "eos_token_id": ids["<|im_end|>"], "pad_token_id": ids["<|endoftext|>"],
                "hidden_act": "silu", "hidden_size": text.WIDTH, "intermediate_size": text.HIDDEN,
                "layer_types": ["full_attention"] * text.LAYERS, "max_position_embeddings": 4096,
                "model_type": "qwen2_5_vl_text", "num_attention_heads": text.HEADS, "num_hidden_layers": text.LAYERS,
                "num_key_value_heads": text.KV_HEADS, "rms_norm_eps": 1e-6,
                "rope_parameters": {"mrope_section": [6, 5, 5], "rope_theta": text.THETA, "rope_type": "default"},
                "rope_theta": text.THETA, "sliding_window": None, "tie_word_embeddings": True, "use_sliding_window": False,
                "vocab_size": vocabulary}},
        "mrt.json": {**MANIFEST, "sampling": sampling},
    }


def put_tensors(path, tensors, dtype):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {k: v.detach().to(dtype).contiguous().clone() for k, v in sorted(tensors.items())}
    assert all(torch.isfinite(v).all() for v in values.values()), path
    save_file(values, path, metadata={"format": "pt"})


def write(model, model_vae, folder, dtype=torch.float16, sampling=SAMPLING):
    """The whole folder."""
    folder, sampling = Path(folder), read_sampling(sampling)
    put_tensors(folder / "transformer/diffusion_pytorch_model.safetensors", transformer_tensors(model.net), dtype)
    put_tensors(folder / "vae/diffusion_pytorch_model.safetensors", vae_tensors(model_vae), dtype)
    put_tensors(folder / "text_encoder/model.safetensors", {"model." + k: v for k, v in model.text.state_dict().items()}, dtype)
    tokenizer.write(folder / "tokenizer")
    for name, value in configs(model.net, model_vae, model.text.embed_tokens.num_embeddings, sampling).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", required=True)
    parser.add_argument("--name", default="run")
    parser.add_argument("--out", required=True)
    parser.add_argument("--raw", action="store_true")
    parser.add_argument("--dtype", choices=DTYPES, default="f16")
    parser.add_argument("--sampling", default=SAMPLING, help="JSON file with the manifest's sampling")
    args = parser.parse_args()
    model, saved = load_model(Path(args.state) / f"{args.name}.pt", not args.raw)
    write(model, frozen_vae(args.state), args.out, DTYPES[args.dtype], args.sampling)
    total = sum(p.stat().st_size for p in Path(args.out).rglob("*.safetensors"))
    print(f"step {saved['step']}, {saved['total'] / 60:.1f} cpu-min -> {args.out}, {total / 1e6:.1f} MB of tensors")


if __name__ == "__main__":
    main()
