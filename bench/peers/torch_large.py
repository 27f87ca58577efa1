"""PyTorch on shapes that are too large to send: python torch_large.py cpu|cuda. The protocol of serve.py, but tensors are random
and made on the device. What it computes is torch's business; only its time is of interest.

Tasks: {"kind": "linear", "m", "n", "k", "dtype": "f16" | "bf16" | "i8" | "f8"}: x [m, k] times w [n, k] transposed; i8 sums in
i32, f8 gives bf16. {"kind": "sdpa", "s", "heads", "d", "backend": "flash" | "cudnn" | "efficient" | "math"}, f16.
{"kind": "conv", "h", "w", "cin", "cout", "dtype"}, 3x3. {"kind": "mmdit", "heads", "d", "txt", "img", "compiled"}: one MMDiT
block in bf16, given its modulation vectors. A task's "row" names the comparison it belongs to: what is ready is kept until
another row comes."""
import json
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from serve import Unsupported, serve

device = sys.argv[1] if len(sys.argv) > 1 else "cpu"
if device == "cuda" and not torch.cuda.is_available():
    sys.exit("no CUDA device")
if device == "cpu":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
torch.manual_seed(1)
DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
BACKENDS = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "cudnn": SDPBackend.CUDNN_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "math": SDPBackend.MATH,
}


def uniform(*shape, dtype=torch.float32, scale=1.0):
    return ((torch.rand(*shape, device=device) * 2 - 1) * scale).to(dtype)


def linear(task):
    m, n, k, dtype = task["m"], task["n"], task["k"], task["dtype"]
    if dtype == "i8":
        x, w = (torch.randint(-127, 128, shape, device=device, dtype=torch.int8) for shape in ((m, k), (n, k)))
        return lambda: torch._int_mm(x, w.t())
    if dtype == "f8":
        if not hasattr(torch, "float8_e4m3fn"):
            raise Unsupported("this torch has no float8")
        x, w = (uniform(*shape).to(torch.float8_e4m3fn) for shape in ((m, k), (n, k)))
        one = torch.ones((), device=device)
        return lambda: torch._scaled_mm(x, w.t(), scale_a=one, scale_b=one, out_dtype=torch.bfloat16)
    x = uniform(m, k, dtype=DTYPES[dtype])
    w = uniform(n, k, dtype=DTYPES[dtype], scale=(3 / k) ** 0.5)
    return lambda: F.linear(x, w)


def sdpa(task):
    shape = (1, task["heads"], task["s"], task["d"])
    q, k, v = (uniform(*shape, dtype=torch.float16) for _ in range(3))
    backend = BACKENDS[task["backend"]]

    def call():
        with sdpa_kernel(backend):
            return F.scaled_dot_product_attention(q, k, v)

    return call


def conv(task):
    dtype = DTYPES[task["dtype"]]
    x = uniform(1, task["cin"], task["h"], task["w"], dtype=dtype).contiguous(memory_format=torch.channels_last)
    w = uniform(task["cout"], task["cin"], 3, 3, dtype=dtype, scale=(1 / (3 * task["cin"])) ** 0.5)
    w = w.contiguous(memory_format=torch.channels_last)
    b = uniform(task["cout"], dtype=dtype)
    return lambda: F.conv2d(x, w, b, padding=1)


def mmdit(task):
    heads, d = task["heads"], task["d"]
    width, counts = heads * d, (task["txt"], task["img"])
    tokens = sum(counts)
    make = lambda *shape, scale=1.0: uniform(*shape, dtype=torch.bfloat16, scale=scale)
    layers = [
        {
            name: (make(outs, ins, scale=(3 / ins) ** 0.5), make(outs, scale=0.01))
            for name, outs, ins in (
                ("qkv", 3 * width, width),
                ("out", width, width),
                ("up", 4 * width, width),
                ("down", width, 4 * width),
            )
        }
        for _ in counts
    ]
    norms = [[make(d) for _ in range(2)] for _ in counts]
    mods = [[make(width, scale=0.2) for _ in range(6)] for _ in counts]
    streams = [make(count, width) for count in counts]
    cos, sin = (make(tokens, 1, d // 2) for _ in range(2))

    def rotate(x):
        a, b = x.view(tokens, heads, d // 2, 2).unbind(-1)
        return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).view(tokens, heads, d)

    def modulated(x, shift, scale):
        return F.layer_norm(x, (width,), eps=1e-6) * (1 + scale) + shift

    def block(txt, img):
        q, k, v = [], [], []
        for x, layer, norm, mod in zip((txt, img), layers, norms, mods):
            parts = F.linear(modulated(x, mod[0], mod[1]), *layer["qkv"]).view(x.shape[0], 3, heads, d).unbind(1)
            q.append(F.rms_norm(parts[0], (d,), norm[0], 1e-6))
            k.append(F.rms_norm(parts[1], (d,), norm[1], 1e-6))
            v.append(parts[2])
        q, k, v = rotate(torch.cat(q)), rotate(torch.cat(k)), torch.cat(v)
        attended = F.scaled_dot_product_attention(*(x.transpose(0, 1)[None] for x in (q, k, v)))
        attended = attended[0].transpose(0, 1).reshape(tokens, width).split(counts)
        results = []
        for x, part, layer, mod in zip((txt, img), attended, layers, mods):
            x = x + mod[2] * F.linear(part, *layer["out"])
            hidden = F.gelu(F.linear(modulated(x, mod[3], mod[4]), *layer["up"]), approximate="tanh")
            results.append(x + mod[5] * F.linear(hidden, *layer["down"]))
        return torch.cat(results)

    run = torch.compile(block) if task["compiled"] else block
    return lambda: run(*streams)


MAKERS = {"linear": linear, "sdpa": sdpa, "conv": conv, "mmdit": mmdit}


ready = {}


def prepare(task, _):
    key = json.dumps(task, sort_keys=True)
    if any(row != task["row"] for row, _ in ready.values()):
        ready.clear()
        if device == "cuda":
            torch.cuda.empty_cache()
    if key not in ready:
        ready[key] = (task["row"], MAKERS[task["kind"]](task))
    call = ready[key][1]
    state = {}

    def run():
        with torch.inference_mode():
            state["out"] = call()

    def wait():
        if device == "cuda":
            torch.cuda.synchronize()

    def read():
        # One value, so that an answer that is not finite shows.
        return np.array([state["out"].float().abs().max().item()], np.float32)

    return run, wait, read


name = torch.cuda.get_device_name() if device == "cuda" else "cpu"
serve(f"torch {torch.__version__} {name}", prepare)
