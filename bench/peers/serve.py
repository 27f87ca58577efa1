"""The protocol of serve.mjs for peers in Python."""
import json
import os
import sys
import time

MAX_RUNS = 1024
# Runs before the first sample: jits capture within two; more while they are short.
WARM_RUNS = 4
WARM_MS = 2000

# A stream's linear layers and norms in the block's tensors.
STREAMS = (
    ("txt", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out", "norm_added"),
    ("img", "to_q", "to_k", "to_v", "to_out.0", "norm"),
)


class Unsupported(Exception):
    """The task cannot be run by this peer."""


def load_tensors(inputs):
    import numpy as np  # here, because not every peer needs it

    return {
        name: np.fromfile(entry["file"], np.float16 if entry["dtype"] == "f16" else np.float32).reshape(entry["shape"])
        for name, entry in inputs.items()
    }


def packed(values):
    """The bytes of an answer, f32; peers without NumPy give bytes already."""
    if isinstance(values, (bytes, bytearray)):
        return values
    import numpy as np

    return np.ascontiguousarray(values, dtype=np.float32).data


def serve(version, prepare, load=load_tensors):
    """Answers until stdin closes. prepare(task, load(inputs)) gives (run, wait, read)."""
    replies = os.fdopen(3, "w", buffering=1)

    def reply(value):
        replies.write(json.dumps(value) + "\n")

    reply({"ready": version})
    job = None
    first = None
    run_ms = 100.0

    def run_for(runs):
        nonlocal run_ms
        run, wait, _ = job
        start = time.perf_counter()
        for _ in range(runs):
            run()
        wait()
        ms = (time.perf_counter() - start) * 1000
        run_ms = ms / runs
        return ms

    for line in sys.stdin:
        try:
            command = json.loads(line)
            if "prepare" in command:
                tensors = load(command["inputs"])
                start = time.perf_counter()
                job = prepare(command["prepare"], tensors)
                run_for(1)
                cold = (time.perf_counter() - start) * 1000
                first = packed(job[2]())
                run_for(2)
                if 2 * run_ms < WARM_MS:
                    run_for(WARM_RUNS - 2)
                reply({"coldMs": cold})
            elif "result" in command:
                with open(command["result"], "wb") as file:
                    file.write(first)
                reply({})
            elif "sample" in command:
                runs = min(MAX_RUNS, max(1, round(command["sample"] / run_ms)))
                reply({"runs": runs, "ms": run_for(runs)})
            else:
                job = first = None
                reply({})
        except Unsupported as error:
            reply({"unsupported": str(error)})
        except Exception as error:  # the other side shows it and goes on
            reply({"error": f"{type(error).__name__}: {error}".split("\n")[0][:300]})
