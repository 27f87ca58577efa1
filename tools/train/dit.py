"""The MRT transformer for training: Qwen-Image blocks over [text | clean | noise] tokens.

Differences to the exported form, undone by `export.py`: q, k, v are one linear; rotation pairs lie half a head apart
instead of side by side. Clean and condition tokens take the modulation row of t = 0.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

HEAD, AXES, THETA = 64, (16, 24, 24), 100.0


@dataclass
class Size:
    """width = 64 * heads."""

    width: int = 128
    blocks: int = 8
    text: int = 128

    @property
    def heads(self):
        return self.width // HEAD


def rotation(positions):
    """positions [..., 3] -> (cos, sin) [..., 1, 32] for half-split rotation, broadcast over heads."""
    parts = []
    for axis, dim in enumerate(AXES):
        inverse = THETA ** (-torch.arange(0, dim, 2, device=positions.device).float() / dim)
        parts.append(positions[..., axis, None].float() * inverse)
    angle = torch.cat(parts, -1).unsqueeze(-2)
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    """x [B, N, heads, 64]."""
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


def sinusoids(t):
    """t [B] in [0, 1] -> [B, 256], cosines first, angle 1000 t f."""
    f = torch.exp(-math.log(10000) * torch.arange(128, device=t.device, dtype=torch.float32) / 128)
    angle = 1000 * (t[:, None] * f)
    return torch.cat([angle.cos(), angle.sin()], -1)


def modulated(x, shift, scale):
    """LayerNorm without affine, then scale and shift; bf16 out under autocast."""
    return F.layer_norm(x, (x.shape[-1],), eps=1e-6) * (1 + scale) + shift


class Stream(nn.Module):
    """One stream's half of a block: modulation, fused qkv, output and MLP."""

    def __init__(self, d):
        super().__init__()
        self.mod = nn.Linear(d, 6 * d)
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.norm_q, self.norm_k = nn.Parameter(torch.full((HEAD,), 2.0)), nn.Parameter(torch.full((HEAD,), 2.0))
        self.up, self.down = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)
        nn.init.zeros_(self.mod.weight)
        nn.init.zeros_(self.mod.bias)
        self.mod.bias.data.view(6, d)[[2, 5]] = 0.5
        for linear in (self.qkv, self.out, self.up, self.down):
            nn.init.zeros_(linear.bias)

    def heads(self, x, cos, sin):
        """x [B, N, d] -> q, k, v [B, heads, N, 64], normed and rotated."""
        b, n, d = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, d // HEAD, HEAD).unbind(2)
        q = rotate(F.rms_norm(q.float(), (HEAD,), self.norm_q, 1e-6), cos, sin)
        k = rotate(F.rms_norm(k.float(), (HEAD,), self.norm_k, 1e-6), cos, sin)
        return [y.transpose(1, 2) for y in (q * HEAD**-0.5, k, v)]

    def mlp(self, x):
        return self.down(F.gelu(self.up(x), approximate="tanh"))

    def place_heads(self):
        """Half of the heads start by looking at the same place in all regions: their q and k carry a constant on the six
        fastest turning pairs of y and x. The slow pairs stay free for content, text above all."""
        d = self.out.weight.shape[0]
        w, b = self.qkv.weight.data.view(3, d // HEAD, HEAD, d), self.qkv.bias.data.view(3, d // HEAD, HEAD)
        for h in range((d // HEAD + 1) // 2):
            for part in (0, 1):
                w[part, h] *= 0.3
                for axis in (1, 2):
                    first = sum(AXES[:axis]) // 2
                    for half in (0, HEAD // 2):
                        b[part, h, half + first : half + first + 6] = 1.0


class Block(nn.Module):
    """The last block feeds only the noise tokens on: its MLPs of clean and text tokens would never be read."""

    def __init__(self, d, last=False):
        super().__init__()
        self.last = last
        self.image, self.text = Stream(d), Stream(d)
        self.image.place_heads()

    def forward(self, clean, noise, text, m_clean, m_noise, m_text, turn, bias):
        """clean [B, C, d], noise [B, N, d], text [B, T, d]; modulations 6 x [B or 1, 1, d]; turn = (cos, sin) of text and
        image; bias [B, 1, 1, T + C + N] additive key mask. Returns the three streams."""
        t, c = text.shape[1], clean.shape[1]
        image = torch.cat([modulated(clean, m_clean[0], m_clean[1]), modulated(noise, m_noise[0], m_noise[1])], 1)
        qi, ki, vi = self.image.heads(image, *turn[1])
        qt, kt, vt = self.text.heads(modulated(text, m_text[0], m_text[1]), *turn[0])
        q, k, v = (torch.cat(p, 2) for p in ((qt, qi), (kt, ki), (vt, vi)))
        weights = (q @ k.transpose(-1, -2) + bias).softmax(-1)
        mixed = (weights.to(v.dtype) @ v).transpose(1, 2).flatten(2)
        a_image = self.image.out(mixed[:, t:])
        noise = noise + m_noise[2] * a_image[:, c:]
        if self.last:
            return clean, noise + m_noise[5] * self.image.mlp(modulated(noise, m_noise[3], m_noise[4])), text
        clean, text = clean + m_clean[2] * a_image[:, :c], text + m_text[2] * self.text.out(mixed[:, :t])
        image = torch.cat([modulated(clean, m_clean[3], m_clean[4]), modulated(noise, m_noise[3], m_noise[4])], 1)
        image = self.image.mlp(image)
        clean, noise = clean + m_clean[5] * image[:, :c], noise + m_noise[5] * image[:, c:]
        text = text + m_text[5] * self.text.mlp(modulated(text, m_text[3], m_text[4]))
        return clean, noise, text


class Transformer(nn.Module):
    def __init__(self, size=Size()):
        super().__init__()
        d = size.width
        self.size = size
        self.img_in, self.txt_in = nn.Linear(64, d), nn.Linear(size.text, d)
        self.txt_norm = nn.Parameter(torch.ones(size.text))
        self.time1, self.time2 = nn.Linear(256, d), nn.Linear(d, d)
        self.cond_embed = nn.Parameter(torch.randn(d) * 0.5)
        self.blocks = nn.ModuleList([Block(d, i == size.blocks - 1) for i in range(size.blocks)])
        self.norm_out, self.proj_out = nn.Linear(d, 2 * d), nn.Linear(d, 64)
        for linear in (self.norm_out, self.proj_out):
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)
        nn.init.normal_(self.proj_out.weight, std=0.02)

    def temb(self, t):
        return self.time2(F.silu(self.time1(sinusoids(t))))

    def forward(self, b):
        """b: dict of clean [B, C, 64], cond [B, C] (1 on condition tokens), noise [B, N, 64], text [B, T, width],
        sigma [B], bias [B, T + C + N] (0 or -inf-like), text_pos, image_pos. -> v [B, N, 64]."""
        clean = self.img_in(b["clean"]) + b["cond"][..., None] * self.cond_embed
        noise = self.img_in(b["noise"])
        text = self.txt_in(F.rms_norm(b["text"].float(), (b["text"].shape[-1],), self.txt_norm, 1e-6))
        clean, noise, text = clean.float(), noise.float(), text.float()
        turn = (rotation(b["text_pos"]), rotation(b["image_pos"]))
        bias = b["bias"][:, None, None, :]
        temb = F.silu(self.temb(torch.cat([b["sigma"], b["sigma"].new_zeros(1)])))
        for block in self.blocks:
            m = block.image.mod(temb).float()[:, None].chunk(6, -1)
            m_noise, m_clean = [p[:-1] for p in m], [p[-1:] for p in m]
            m_text = block.text.mod(temb[:-1]).float()[:, None].chunk(6, -1)
            clean, noise, text = block(clean, noise, text, m_clean, m_noise, m_text, turn, bias)
        scale, shift = self.norm_out(temb[:-1]).float()[:, None].chunk(2, -1)
        return self.proj_out(modulated(noise, shift, scale)).float()

    def split_parameters(self):
        """(matrices for Muon, everything else)."""
        chosen = lambda n: n.startswith("blocks") and n.endswith("weight") and ".mod." not in n
        named = list(self.named_parameters())
        return [p for n, p in named if chosen(n)], [p for n, p in named if not chosen(n)]
