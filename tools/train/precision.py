"""The type of products in training: bf16 where the hardware multiplies it, else f32."""

import functools

import torch


@functools.cache
def has_fast_bf16(kind):
    """Of the device kind ("cpu", "cuda", ...). A CPU without bf16 instructions computes such products ten times slower than f32."""
    ask = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # private: another torch than the pinned one may lack them
    return kind != "cpu" or any(getattr(torch.cpu, name, lambda: False)() for name in ask)


def autocast(kind):
    """Context in which products run in bf16 where that is fast; without effect elsewhere."""
    return torch.autocast(kind, torch.bfloat16, enabled=has_fast_bf16(kind))


def fast_type(kind):
    """bf16 or f32, by the same rule."""
    return torch.bfloat16 if has_fast_bf16(kind) else torch.float32
