"""An independent reading of an exported folder, in plain torch f32 (or f64): text encoder, transformer, VAE.

Shares no network code with the training modules: it follows the published layout (interleaved rotation, separate
projections, causal 3D kernels on one frame), so comparing the two checks the export.
"""

import json
import math
from pathlib import Path

import tokenizers
import torch
import torch.nn.functional as F
from safetensors.torch import load_file


class Folder:
    """Tensors and configurations of a checkpoint folder, widened to `dtype`."""

    def __init__(self, folder, dtype=torch.float32):
        self.folder, self.dtype = Path(folder), dtype
        self.manifest = json.loads((self.folder / "mrt.json").read_text())
        self.net = self.tensors("transformer")
        self.vae = self.tensors("vae")
        self.text = self.tensors("text_encoder")
        self.net_config, self.vae_config = self.config("transformer"), self.config("vae")
        self.text_config = self.config("text_encoder")["text_config"]
        self.tokenizer = tokenizers.Tokenizer.from_file(str(self.folder / "tokenizer/tokenizer.json"))

    def tensors(self, part):
        out = {}
        for file in sorted((self.folder / part).glob("*.safetensors")):
            out.update({k: v.to(self.dtype) for k, v in load_file(file).items()})
        return out

    def config(self, part):
        return json.loads((self.folder / part / "config.json").read_text())

    # ------------------------------------------------------------------ text

    def ids(self, prompt):
        text = self.manifest["prompt"]["template"].replace("{}", prompt)
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def features(self, prompt):
        """[T, width]: last hidden state after the final norm, prefix dropped."""
        w, c, ids = self.text, self.text_config, self.ids(prompt)
        heads, kv, width = c["num_attention_heads"], c["num_key_value_heads"], c["hidden_size"]
        size, n = width // heads, len(ids)
        rms = lambda x, name: x * torch.rsqrt((x * x).mean(-1, keepdim=True) + c["rms_norm_eps"]) * w[name]
        inverse = 1 / c["rope_parameters"]["rope_theta"] ** (torch.arange(0, size, 2, dtype=self.dtype) / size)
        angle = torch.arange(n, dtype=self.dtype)[:, None] * inverse
        angle = torch.cat([angle, angle], -1)[:, None]
        def turn(x):
            half = torch.cat([-x[..., size // 2 :], x[..., : size // 2]], -1)
            return x * angle.cos() + half * angle.sin()
        x = w["model.embed_tokens.weight"][torch.tensor(ids)]
        mask = torch.full((n, n), float("-inf"), dtype=self.dtype).triu(1)
        for i in range(c["num_hidden_layers"]):
            p = f"model.layers.{i}."
            h = rms(x, p + "input_layernorm.weight")
            project = lambda name, count: F.linear(h, w[f"{p}self_attn.{name}.weight"], w[f"{p}self_attn.{name}.bias"]).view(n, count, size)
            q, k, v = turn(project("q_proj", heads)), turn(project("k_proj", kv)), project("v_proj", kv)
            out = []
            for head in range(heads):
                g = head // (heads // kv)
                out.append(((q[:, head] @ k[:, g].T) / math.sqrt(size) + mask).softmax(-1) @ v[:, g])
            x = x + torch.cat(out, -1) @ w[p + "self_attn.o_proj.weight"].T
            h = rms(x, p + "post_attention_layernorm.weight")
            gate, up = h @ w[p + "mlp.gate_proj.weight"].T, h @ w[p + "mlp.up_proj.weight"].T
            x = x + (F.silu(gate) * up) @ w[p + "mlp.down_proj.weight"].T
        prompt_rules = self.manifest["prompt"]
        return rms(x, "model.norm.weight")[prompt_rules["dropTokens"] :][: prompt_rules["maxTokens"]]

    # ----------------------------------------------------------- transformer

    def linear(self, name, x):
        return F.linear(x, self.net[name + ".weight"], self.net[name + ".bias"])

    def temb(self, sigmas):
        f = torch.exp(-math.log(10000) * torch.arange(128, dtype=torch.float32) / 128)
        angle = 1000 * (torch.tensor(sigmas, dtype=torch.float32)[:, None] * f)
        emb = torch.cat([angle.cos(), angle.sin()], -1).to(self.dtype)
        e = "time_text_embed.timestep_embedder."
        return self.linear(e + "linear_2", F.silu(self.linear(e + "linear_1", emb)))

    def rotation(self, positions):
        """[n, 3] -> (cos, sin) [n, 1, 32]."""
        parts = []
        for axis, dim in enumerate(self.net_config["axes_dims_rope"]):
            inverse = 1 / self.manifest["rope"]["theta"] ** (torch.arange(0, dim, 2, dtype=torch.float32) / dim)
            parts.append(positions[:, axis : axis + 1].float() * inverse)
        angle = torch.cat(parts, -1)[:, None].to(self.dtype)
        return angle.cos(), angle.sin()

    def velocity(self, tokens, roles, positions, text, start, sigma):
        """tokens [N, 64] in plan order, roles [N] (0 noise, 1 clean, 2 cond), positions [N, 3], text [T, width] from
        position `start`. -> [N_noise, 64]."""
        heads, size = self.net_config["num_attention_heads"], self.net_config["attention_head_dim"]
        layer_norm = lambda x: F.layer_norm(x, (x.shape[-1],), eps=1e-6)
        rms = lambda x, name: x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-6) * self.net[name]
        x = self.linear("img_in", tokens) + (roles == 2)[:, None] * self.net["cond_embed"]
        c = self.linear("txt_in", rms(text, "txt_norm.weight"))
        temb = self.temb([sigma, 0.0])
        row, t = (roles != 0).long(), len(text)
        turn_x = self.rotation(positions)
        turn_c = self.rotation((start + torch.arange(t))[:, None].expand(t, 3))
        def rotate(y, turn):
            a, b = y[..., 0::2], y[..., 1::2]
            return torch.stack([a * turn[0] - b * turn[1], a * turn[1] + b * turn[0]], -1).flatten(-2)
        for i in range(self.net_config["num_layers"]):
            p = f"transformer_blocks.{i}."
            m = self.linear(p + "img_mod.1", F.silu(temb))[row].chunk(6, -1)
            n = self.linear(p + "txt_mod.1", F.silu(temb[:1])).chunk(6, -1)
            hx, hc = layer_norm(x) * (1 + m[1]) + m[0], layer_norm(c) * (1 + n[1]) + n[0]
            split = lambda name, y: self.linear(p + "attn." + name, y).view(-1, heads, size)
            q = torch.cat([rotate(rms(split("add_q_proj", hc), p + "attn.norm_added_q.weight"), turn_c),
                           rotate(rms(split("to_q", hx), p + "attn.norm_q.weight"), turn_x)])
            k = torch.cat([rotate(rms(split("add_k_proj", hc), p + "attn.norm_added_k.weight"), turn_c),
                           rotate(rms(split("to_k", hx), p + "attn.norm_k.weight"), turn_x)])
            v = torch.cat([split("add_v_proj", hc), split("to_v", hx)])
            weights = torch.einsum("qhd,khd->hqk", q, k).div(math.sqrt(size)).softmax(-1)
            mixed = torch.einsum("hqk,khd->qhd", weights, v).flatten(1)
            x = x + m[2] * self.linear(p + "attn.to_out.0", mixed[t:])
            c = c + n[2] * self.linear(p + "attn.to_add_out", mixed[:t])
            mlp = lambda name, y: self.linear(p + name + ".net.2", F.gelu(self.linear(p + name + ".net.0.proj", y), approximate="tanh"))
            x = x + m[5] * mlp("img_mlp", layer_norm(x) * (1 + m[4]) + m[3])
            c = c + n[5] * mlp("txt_mlp", layer_norm(c) * (1 + n[4]) + n[3])
        scale, shift = self.linear("norm_out.linear", F.silu(temb[:1])).chunk(2, -1)
        return self.linear("proj_out", layer_norm(x) * (1 + scale) + shift)[roles == 0]

    # ------------------------------------------------------------------- VAE

    def conv(self, name, x, padding=None):
        """A causal 3D kernel on one frame is its last temporal tap."""
        w = self.vae[name + ".weight"]
        w = w[:, :, -1] if w.ndim == 5 else w
        return F.conv2d(x, w, self.vae[name + ".bias"], padding=w.shape[-1] // 2)

    def norm(self, name, x):
        return F.normalize(x, dim=1) * x.shape[1] ** 0.5 * self.vae[name + ".gamma"].view(1, -1, 1, 1)

    def residual(self, p, x):
        y = self.conv(p + "conv1", F.silu(self.norm(p + "norm1", x)))
        y = self.conv(p + "conv2", F.silu(self.norm(p + "norm2", y)))
        return y + (self.conv(p + "conv_shortcut", x) if p + "conv_shortcut.weight" in self.vae else x)

    def middle(self, p, x):
        x = self.residual(p + "resnets.0.", x)
        a, (b, c, h, w) = p + "attentions.0.", x.shape
        q, k, v = self.conv(a + "to_qkv", self.norm(a + "norm", x)).flatten(2).transpose(1, 2).chunk(3, -1)
        mixed = ((q @ k.transpose(1, 2)) / math.sqrt(c)).softmax(-1) @ v
        x = x + self.conv(a + "proj", mixed.transpose(1, 2).reshape(b, c, h, w))
        return self.residual(p + "resnets.1.", x)

    def statistics(self):
        view = lambda key: torch.tensor(self.vae_config[key], dtype=self.dtype).view(1, -1, 1, 1)
        return view("latents_mean"), view("latents_std")

    def encode(self, pixels):
        """[B, 4, H, W] in [-1, 1] -> normalised latents [B, 16, H/8, W/8]."""
        x, i = self.conv("encoder.conv_in", pixels), 0
        while any(k.startswith(f"encoder.down_blocks.{i}.") for k in self.vae):
            p = f"encoder.down_blocks.{i}."
            if p + "resample.1.weight" in self.vae:
                x = F.conv2d(F.pad(x, (0, 1, 0, 1)), self.vae[p + "resample.1.weight"], self.vae[p + "resample.1.bias"], stride=2)
            else:
                x = self.residual(p, x)
            i += 1
        x = self.conv("encoder.conv_out", F.silu(self.norm("encoder.norm_out", self.middle("encoder.mid_block.", x))))
        mean, std = self.statistics()
        return (self.conv("quant_conv", x)[:, : self.vae_config["z_dim"]] - mean) / std

    def decode(self, latents):
        """Normalised latents -> [B, 4, H, W] in [-1, 1], clamped."""
        mean, std = self.statistics()
        x = self.conv("decoder.conv_in", self.conv("post_quant_conv", latents * std + mean))
        x = self.middle("decoder.mid_block.", x)
        for i in range(len(self.vae_config["dim_mult"])):
            for j in range(self.vae_config["num_res_blocks"] + 1):
                x = self.residual(f"decoder.up_blocks.{i}.resnets.{j}.", x)
            p = f"decoder.up_blocks.{i}.upsamplers.0.resample.1"
            if p + ".weight" in self.vae:
                x = self.conv(p, F.interpolate(x, scale_factor=2, mode="nearest-exact"))
        return self.conv("decoder.conv_out", F.silu(self.norm("decoder.norm_out", x))).clamp(-1, 1)
