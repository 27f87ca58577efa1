"""The RGBA VAE: AutoencoderKLQwenImage on one frame, as 2D convolutions under the published names.

Pixels [B, 4, H, W] premultiplied RGBA in [-1, 1] <-> latents [B, 16, H/8, W/8]. The middle attention stays at zero (its
`proj` is exported as zeros), so encoding a box depends on nothing beyond it.
"""

import torch
import torch.nn.functional as F
from torch import nn

BASE, Z, MULT = 16, 16, (1, 2, 4, 4)


class Norm(nn.Module):
    """x / |x| * sqrt(C) * gamma per pixel."""

    def __init__(self, channels):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))

    def forward(self, x):
        y = F.rms_norm(x.permute(0, 2, 3, 1), (x.shape[1],), self.gamma.to(x.dtype), 1e-12)
        return y.permute(0, 3, 1, 2)


def conv(cin, cout, size=3, zero=False):
    layer = nn.Conv2d(cin, cout, size, padding=size // 2)
    nn.init.zeros_(layer.bias)
    if zero:
        nn.init.zeros_(layer.weight)
    return layer


class Residual(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.norm1, self.conv1 = Norm(cin), conv(cin, cout)
        self.norm2, self.conv2 = Norm(cout), conv(cout, cout, zero=True)
        self.conv_shortcut = conv(cin, cout, 1) if cin != cout else nn.Identity()
        if cin != cout:
            nn.init.orthogonal_(self.conv_shortcut.weight.data.view(cout, cin))

    def forward(self, x):
        y = self.conv1(F.silu(self.norm1(x)))
        return self.conv_shortcut(x) + self.conv2(F.silu(self.norm2(y)))


class Down(nn.Module):
    """Zero row and column at right and bottom, 3x3 stride 2; starts as an orthogonal map of 2x2 patches."""

    def __init__(self, c):
        super().__init__()
        self.resample = nn.ModuleDict({"1": nn.Conv2d(c, c, 3, stride=2)})
        w = torch.zeros(c, c, 3, 3)
        w[:, :, :2, :2] = nn.init.orthogonal_(torch.empty(c, c * 4)).view(c, c, 2, 2)
        self.resample["1"].weight.data.copy_(w)
        nn.init.zeros_(self.resample["1"].bias)

    def forward(self, x):
        return self.resample["1"](F.pad(x, (0, 1, 0, 1)))


class Up(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.resample = nn.ModuleDict({"1": conv(c, c // 2)})

    def forward(self, x):
        return self.resample["1"](F.interpolate(x, scale_factor=2, mode="nearest"))


class Middle(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.resnets = nn.ModuleList([Residual(c, c), Residual(c, c)])

    def forward(self, x):
        return self.resnets[1](self.resnets[0](x))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [BASE * m for m in MULT]
        self.conv_in = conv(4, widths[0])
        blocks, c = [], widths[0]
        for i, w in enumerate(widths):
            blocks.append(Residual(c, w))
            c = w
            if i < 3:
                blocks.append(Down(w))
        self.down_blocks = nn.ModuleList(blocks)
        self.mid_block = Middle(c)
        self.norm_out, self.conv_out = Norm(c), conv(c, 2 * Z)

    def forward(self, x):
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)
        return self.conv_out(F.silu(self.norm_out(self.mid_block(x))))


class UpBlock(nn.Module):
    def __init__(self, cin, cout, up):
        super().__init__()
        self.resnets = nn.ModuleList([Residual(cin, cout), Residual(cout, cout)])
        self.upsamplers = nn.ModuleList([Up(cout)] if up else [])

    def forward(self, x):
        for layer in (*self.resnets, *self.upsamplers):
            x = layer(x)
        return x


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [BASE * m for m in reversed(MULT)]
        self.conv_in = conv(Z, widths[0])
        self.mid_block = Middle(widths[0])
        blocks, c = [], widths[0]
        for i, w in enumerate(widths):
            blocks.append(UpBlock(c, w, i < 3))
            c = w // 2
        self.up_blocks = nn.ModuleList(blocks)
        self.norm_out, self.conv_out = Norm(widths[-1]), conv(widths[-1], 4)

    def forward(self, z):
        x = self.mid_block(self.conv_in(z))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_out(F.silu(self.norm_out(x)))


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()
        self.quant_conv, self.post_quant_conv = conv(2 * Z, 2 * Z, 1), conv(Z, Z, 1)
        self.register_buffer("mean", torch.zeros(Z))
        self.register_buffer("std", torch.ones(Z))
        self.to(memory_format=torch.channels_last)

    def moments(self, pixels):
        """Posterior mean [B, 16, h, w], not normalised."""
        return self.quant_conv(self.encoder(pixels))[:, :Z]

    def encode(self, pixels):
        """Normalised latents [B, 16, H/8, W/8]."""
        return (self.moments(pixels) - self.mean.view(1, -1, 1, 1)) / self.std.view(1, -1, 1, 1)

    def decode(self, latents):
        """Normalised latents -> pixels [B, 4, H, W], not clamped."""
        return self.decoder(self.post_quant_conv(latents * self.std.view(1, -1, 1, 1) + self.mean.view(1, -1, 1, 1)))


def network_input(premul):
    """Premultiplied RGBA [..., 4] in [0, 1] -> [-1, 1]."""
    return premul * 2 - 1
