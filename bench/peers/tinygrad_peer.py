"""tinygrad on its WEBGPU back end. A TinyJit captures at the second call, so the first answer is not yet the fast path."""
import math
from importlib.metadata import version

from tinygrad import Device, Tensor, TinyJit

from serve import STREAMS, Unsupported, serve

EPS = 1e-6


def modulate(x, shift, scale):
    return x.layernorm(eps=EPS) * (scale + 1) + shift


def rms_rope(x, weight, cos, sin):
    rows, heads, d = x.shape
    normed = x * (x.square().mean(-1, keepdim=True) + EPS).rsqrt() * weight
    pairs = normed.reshape(rows, heads, d // 2, 2)
    a, b = pairs[..., 0], pairs[..., 1]
    c, s = cos.reshape(rows, 1, d // 2), sin.reshape(rows, 1, d // 2)
    return Tensor.stack(a * c - b * s, a * s + b * c, dim=-1).reshape(rows, heads, d)


def attention(q, k, v):
    s, heads, d = q.shape
    q, k, v = (x.permute(1, 0, 2) for x in (q, k, v))
    weights = ((q @ k.transpose(1, 2)) * (1 / math.sqrt(d))).softmax(-1)
    return (weights @ v).permute(1, 0, 2).reshape(s, heads * d)


def block(task, t):
    heads, d, txt, img = task["heads"], task["d"], task["txt"], task["img"]
    counts = {"txt": (0, txt), "img": (txt, txt + img)}
    linear = lambda x, name: x @ t[name + ".weight"].transpose() + t[name + ".bias"]
    q, k, v, vectors = [], [], [], {}
    for name, q_layer, k_layer, v_layer, _, norm in STREAMS:
        start, end = counts[name]
        mod = [t[name + "_mod"][i] for i in range(6)]
        vectors[name] = mod[2:]
        normed = modulate(t[name], mod[0], mod[1])
        split = lambda layer: linear(normed, "attn." + layer).reshape(end - start, heads, d)
        cos, sin = t["cos"][start:end], t["sin"][start:end]
        q.append(rms_rope(split(q_layer), t[f"attn.{norm}_q.weight"], cos, sin))
        k.append(rms_rope(split(k_layer), t[f"attn.{norm}_k.weight"], cos, sin))
        v.append(split(v_layer))
    attended = attention(*(Tensor.cat(*parts, dim=0).contiguous() for parts in (q, k, v)))
    results = []
    for name, _, _, _, out, _ in STREAMS:
        start, end = counts[name]
        gate1, shift2, scale2, gate2 = vectors[name]
        x = (t[name] + linear(attended[start:end], "attn." + out) * gate1).contiguous()
        hidden = linear(modulate(x, shift2, scale2), name + "_mlp.net.0.proj").gelu()
        results.append(x + linear(hidden, name + "_mlp.net.2") * gate2)
    return Tensor.cat(*results, dim=0)


def prepare(task, arrays):
    kind = task["kind"]
    t = {name: Tensor(array, device="WEBGPU").realize() for name, array in arrays.items()}
    split = lambda x: x.reshape(x.shape[0], task["heads"], task["d"])
    restore = lambda y: y
    if kind == "matmul":
        call = lambda: t["x"] @ t["w"]
    elif kind == "attention":
        call = lambda: attention(split(t["q"]), split(t["k"]), split(t["v"]))
    elif kind == "conv":
        x = Tensor(arrays["x"].transpose(2, 0, 1)[None].copy(), device="WEBGPU").realize()
        call = lambda: x.conv2d(t["w"], t["b"], padding=1)
        restore = lambda y: y[0].transpose(1, 2, 0)
    elif kind == "layer_norm_modulate":
        call = lambda: modulate(t["x"], t["shift"], t["scale"])
    elif kind == "rms_rope":
        call = lambda: rms_rope(split(t["x"]), t["weight"], t["cos"], t["sin"])
    elif kind == "block":
        call = lambda: block(task, t)
    else:
        raise Unsupported(f"no function for {kind}")
    jitted = TinyJit(lambda: call().realize())
    state = {}

    def run():
        state["out"] = jitted()

    def wait():
        Device["WEBGPU"].synchronize()

    return run, wait, lambda: restore(state["out"].numpy())


serve(f"tinygrad {version('tinygrad')} WEBGPU", prepare)
