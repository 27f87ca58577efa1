"""PyTorch: python torch_peer.py cpu|cuda. On a CPU it shows how far WebGPU on a CPU driver is from a CPU library; on a GPU it
is the anchor. f16 inputs on a CPU are widened first: f16 products are 40 times slower than f32 there."""
import os
import sys

import torch
import torch.nn.functional as F

from serve import STREAMS, Unsupported, serve

EPS = 1e-6
device = sys.argv[1] if len(sys.argv) > 1 else "cpu"
if device == "cpu":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def modulate(x, shift, scale):
    return F.layer_norm(x, x.shape[-1:], eps=EPS) * (1 + scale) + shift


def rms_rope(x, weight, cos, sin):
    rows, heads, d = x.shape
    pairs = F.rms_norm(x, (d,), weight, EPS).view(rows, heads, d // 2, 2)
    a, b = pairs.unbind(-1)
    c, s = cos[:, None], sin[:, None]
    return torch.stack((a * c - b * s, a * s + b * c), -1).view(rows, heads, d)


def attention(q, k, v):
    s, heads, d = q.shape
    out = F.scaled_dot_product_attention(*(x.transpose(0, 1)[None] for x in (q, k, v)))
    return out[0].transpose(0, 1).reshape(s, heads * d)


def block(task, t):
    heads, d, txt, img = task["heads"], task["d"], task["txt"], task["img"]
    counts = {"txt": (0, txt), "img": (txt, txt + img)}
    linear = lambda x, name: F.linear(x, t[name + ".weight"], t[name + ".bias"])
    q, k, v, vectors = [], [], [], {}
    for name, q_layer, k_layer, v_layer, _, norm in STREAMS:
        start, end = counts[name]
        shift1, scale1, *vectors[name] = t[name + "_mod"].unbind(0)
        normed = modulate(t[name], shift1, scale1)
        split = lambda layer: linear(normed, "attn." + layer).view(end - start, heads, d)
        cos, sin = t["cos"][start:end], t["sin"][start:end]
        q.append(rms_rope(split(q_layer), t[f"attn.{norm}_q.weight"], cos, sin))
        k.append(rms_rope(split(k_layer), t[f"attn.{norm}_k.weight"], cos, sin))
        v.append(split(v_layer))
    attended = attention(torch.cat(q), torch.cat(k), torch.cat(v))
    results = []
    for name, _, _, _, out, _ in STREAMS:
        start, end = counts[name]
        gate1, shift2, scale2, gate2 = vectors[name]
        x = t[name] + gate1 * linear(attended[start:end], "attn." + out)
        hidden = F.gelu(linear(modulate(x, shift2, scale2), name + "_mlp.net.0.proj"), approximate="tanh")
        results.append(x + gate2 * linear(hidden, name + "_mlp.net.2"))
    return torch.cat(results)


def prepare(task, arrays):
    kind = task["kind"]
    t = {}
    for name, array in arrays.items():
        tensor = torch.from_numpy(array).to(device)
        t[name] = tensor.float() if device == "cpu" else tensor
    split = lambda x: x.view(x.shape[0], task["heads"], task["d"])
    restore = lambda y: y
    if kind == "matmul":
        call = lambda: t["x"] @ t["w"]
    elif kind == "attention":
        call = lambda: attention(split(t["q"]), split(t["k"]), split(t["v"]))
    elif kind == "conv":
        x = t["x"].permute(2, 0, 1)[None].contiguous(memory_format=torch.channels_last)
        weight = t["w"].contiguous(memory_format=torch.channels_last)
        call = lambda: F.conv2d(x, weight, t["b"], padding=1)
        restore = lambda y: y[0].permute(1, 2, 0)
    elif kind == "layer_norm_modulate":
        call = lambda: modulate(t["x"], t["shift"], t["scale"])
    elif kind == "rms_rope":
        call = lambda: rms_rope(split(t["x"]), t["weight"], t["cos"], t["sin"])
    elif kind == "block":
        call = lambda: block(task, t)
    else:
        raise Unsupported(f"no function for {kind}")
    state = {}

    def run():
        with torch.inference_mode():
            state["out"] = call()

    def wait():
        if device == "cuda":
            torch.cuda.synchronize()

    return run, wait, lambda: restore(state["out"]).float().cpu().contiguous().numpy()


if device == "cuda" and not torch.cuda.is_available():
    sys.exit("no CUDA device")
# f32 products on a GPU round their operands to TF32 only if asked to; the peers here do not.
name = torch.cuda.get_device_name() if device == "cuda" else "cpu"
serve(f"torch {torch.__version__} {name}", prepare)
