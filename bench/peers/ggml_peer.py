"""llama.cpp's ggml on Vulkan: python ggml_peer.py coopmat2|coopmat1|scalar [any]. The protocol of serve.py, through ctypes: no
NumPy. The shared libraries are those of npm's @node-llama-cpp/linux-x64-vulkan beside this file.

The first argument says which of its kernels for products to take: those for NVIDIA's cooperative matrices with addresses and
flexible sizes (coopmat2), those for the cooperative matrices that WebGPU's subgroup matrices are as well (coopmat1), or none;
it ends where the device has no such matrices. "any" takes a CPU driver too.

Task: {"kind": "linear", "m", "n", "k", "sum": "f32" | "default"}: x [m, k] times w [n, k] transposed, f32 out. x is f16 or f32,
w is f16 or q8_0 (blocks of 32 with an f16 scale each). "default" is what llama.cpp runs: sums in f16 where that is faster."""
import ctypes as c
import os
import sys

from serve import Unsupported, serve

mode = sys.argv[1] if len(sys.argv) > 1 else "coopmat2"
CORES = {"coopmat2": "NV_coopmat2", "coopmat1": "KHR_coopmat", "scalar": "none"}
if mode != "coopmat2":
    os.environ["GGML_VK_DISABLE_COOPMAT2"] = "1"
if mode == "scalar":
    os.environ["GGML_VK_DISABLE_COOPMAT"] = "1"
if "any" in sys.argv[2:]:
    os.environ.setdefault("GGML_VK_VISIBLE_DEVICES", "0")  # devices named are not asked for their kind

here = os.path.dirname(os.path.abspath(__file__))
package = os.path.join(here, "node_modules/@node-llama-cpp/linux-x64-vulkan/bins/linux-x64-vulkan")
base = c.CDLL(os.path.join(package, "libggml-base.so"), mode=c.RTLD_GLOBAL)

TYPES = {"f32": 0, "f16": 1, "q8_0": 8}
PRECISIONS = {"default": 0, "f32": 10}
MAX_NODES = 1024
TENSORS = 3


class InitParams(c.Structure):
    _fields_ = [("size", c.c_size_t), ("buffer", c.c_void_p), ("no_alloc", c.c_bool)]


def function(library, name, result, *arguments):
    found = getattr(library, name)
    found.restype, found.argtypes = result, arguments
    return found


P, N = c.c_void_p, c.c_size_t
init = function(base, "ggml_init", P, InitParams)
tensor_overhead = function(base, "ggml_tensor_overhead", N)
graph_overhead = function(base, "ggml_graph_overhead_custom", N, N, c.c_bool)
new_tensor_2d = function(base, "ggml_new_tensor_2d", P, P, c.c_int, c.c_int64, c.c_int64)
nbytes = function(base, "ggml_nbytes", N, P)
mul_mat = function(base, "ggml_mul_mat", P, P, P, P)
set_precision = function(base, "ggml_mul_mat_set_prec", None, P, c.c_int)
new_graph = function(base, "ggml_new_graph_custom", P, P, N, c.c_bool)
add_node = function(base, "ggml_graph_add_node", None, P, P)
clear_graph = function(base, "ggml_graph_clear", None, P)
expand = function(base, "ggml_build_forward_expand", None, P, P)
allocate = function(base, "ggml_backend_alloc_ctx_tensors", P, P, P)
supports = function(base, "ggml_backend_supports_op", c.c_bool, P, P)
upload = function(base, "ggml_backend_tensor_set", None, P, c.c_char_p, N, N)
download = function(base, "ggml_backend_tensor_get", None, P, P, N, N)
compute = function(base, "ggml_backend_graph_compute", c.c_int, P, P)
free_buffer = function(base, "ggml_backend_buffer_free", None, P)
free_context = function(base, "ggml_free", None, P)

messages = []
on_message = c.CFUNCTYPE(None, c.c_int, c.c_char_p, c.c_void_p)(
    lambda level, text, user: messages.append(text.decode(errors="replace").strip())
)
function(base, "ggml_log_set", None, P, P)(c.cast(on_message, P), None)
vulkan = c.CDLL(os.path.join(package, "libggml-vulkan.so"))


def open_device():
    """The first device, and what ggml says of it."""
    if function(vulkan, "ggml_backend_vk_get_device_count", c.c_int)() == 0:
        sys.exit("ggml finds no GPU with Vulkan")
    backend = function(vulkan, "ggml_backend_vk_init", P, N)(0)
    if not backend:
        sys.exit("ggml cannot open the device: " + " ".join(messages)[-200:])
    said = next((line for line in messages if line.startswith("ggml_vulkan: 0 = ")), "")
    cores = said.rpartition("matrix cores: ")[2]
    if cores != CORES[mode]:
        sys.exit(f"asked for {mode}, but on this device ggml has matrix cores: {cores or 'unknown'}")
    return backend, said.removeprefix("ggml_vulkan: 0 = ")


backend, device = open_device()
job = {}


def load(inputs):
    tensors = {}
    for name, entry in inputs.items():
        with open(entry["file"], "rb") as file:
            tensors[name] = {**entry, "bytes": file.read()}
    return tensors


def release():
    if job:
        free_buffer(job["buffer"])
        free_context(job["context"])
        job.clear()


def prepare(task, tensors):
    release()
    if task["kind"] != "linear":
        raise Unsupported(f"no graph for {task['kind']}")
    size = tensor_overhead() * (TENSORS + 1) + graph_overhead(MAX_NODES, False)
    context = init(InitParams(size, None, True))
    w, x = (
        new_tensor_2d(context, TYPES[tensors[name]["dtype"]], task["k"], task[rows])
        for name, rows in (("w", "n"), ("x", "m"))
    )
    out = mul_mat(context, w, x)
    set_precision(out, PRECISIONS[task["sum"]])
    if not supports(backend, out):
        free_context(context)
        raise Unsupported("ggml's Vulkan back end has no kernel for these types")
    graph = new_graph(context, MAX_NODES, False)
    buffer = allocate(context, backend)
    if not buffer:
        free_context(context)
        raise MemoryError("the tensors do not fit")
    job.update(context=context, buffer=buffer)
    for name, tensor in (("w", w), ("x", x)):
        data = tensors[name].pop("bytes")
        if len(data) != nbytes(tensor):
            raise ValueError(f"{name} has {len(data)} bytes, ggml wants {nbytes(tensor)}")
        upload(tensor, data, 0, len(data))
    pending = 0

    def run():
        nonlocal pending
        pending += 1

    def wait():
        # The same node as often as it was asked for, in one graph, as ggml's own bench does: one submit, one wait.
        nonlocal pending
        while pending > 0:
            count = min(pending, MAX_NODES)
            clear_graph(graph)
            expand(graph, out)
            for _ in range(count - 1):
                add_node(graph, out)
            if compute(backend, graph) != 0:
                raise RuntimeError("ggml could not compute: " + " ".join(messages)[-200:])
            pending -= count

    def read():
        values = bytearray(4 * task["m"] * task["n"])
        download(out, (c.c_char * len(values)).from_buffer(values), 0, len(values))
        return values

    return run, wait, read


serve(f"ggml of @node-llama-cpp 3.22.1, {mode}: {device}", prepare, load)
release()
