"""The text encoder: a Qwen2.5-style causal decoder under the published names. Ids [B, T] -> features [B, T, width]
after the final norm."""

import torch
import torch.nn.functional as F
from torch import nn

WIDTH, LAYERS, HEADS, KV_HEADS, HIDDEN, THETA = 128, 2, 4, 2, 256, 1e6
HEAD = WIDTH // HEADS


class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return F.rms_norm(x.float(), (x.shape[-1],), self.weight, 1e-6)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj = nn.Linear(WIDTH, WIDTH)
        self.k_proj = nn.Linear(WIDTH, KV_HEADS * HEAD)
        self.v_proj = nn.Linear(WIDTH, KV_HEADS * HEAD)
        self.o_proj = nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x, cos, sin):
        """x [B, T, width]; cos, sin [T, HEAD]: half-split rotation."""
        b, t, _ = x.shape
        heads = lambda y, n: y.view(b, t, n, HEAD).transpose(1, 2).float()
        q, k, v = heads(self.q_proj(x), HEADS), heads(self.k_proj(x), KV_HEADS), heads(self.v_proj(x), KV_HEADS)
        turn = lambda y: y * cos + torch.cat([-y[..., HEAD // 2 :], y[..., : HEAD // 2]], -1) * sin
        q, k = turn(q), turn(k)
        k, v = (y.repeat_interleave(HEADS // KV_HEADS, 1) for y in (k, v))
        future = torch.full((t, t), float("-inf"), device=x.device).triu(1)
        weights = (q @ k.transpose(-1, -2) / HEAD**0.5 + future).softmax(-1)
        return self.o_proj((weights @ v).transpose(1, 2).reshape(b, t, WIDTH))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_proj = nn.Linear(WIDTH, HIDDEN, bias=False)
        self.up_proj = nn.Linear(WIDTH, HIDDEN, bias=False)
        self.down_proj = nn.Linear(HIDDEN, WIDTH, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_layernorm, self.self_attn = RmsNorm(WIDTH), Attention()
        self.post_attention_layernorm, self.mlp = RmsNorm(WIDTH), Mlp()

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class TextEncoder(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.embed_tokens = nn.Embedding(vocabulary, WIDTH)
        self.layers = nn.ModuleList([Layer() for _ in range(LAYERS)])
        self.norm = RmsNorm(WIDTH)
        nn.init.normal_(self.embed_tokens.weight, std=0.5)

    def forward(self, ids):
        """ids [B, T] padded at the right -> [B, T, width]; padding does not reach earlier tokens (causal)."""
        t = ids.shape[1]
        inverse = THETA ** (-torch.arange(0, HEAD, 2, device=ids.device).float() / HEAD)
        angle = torch.arange(t, device=ids.device).float()[:, None] * inverse
        cos, sin = torch.cat([angle.cos()] * 2, -1), torch.cat([angle.sin()] * 2, -1)
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x, cos, sin)
        return self.norm(x)
