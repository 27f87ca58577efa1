"""The protocol of serve.mjs for peers in Python."""
import json
import os
import sys
import time

import numpy as np

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
    return {
        name: np.fromfile(entry["file"], np.float16 if entry["dtype"] == "f16" else np.float32).reshape(entry["shape"])
        for name, entry in inputs.items()
    }


def serve(version, prepare):
    """Answers until stdin closes. prepare(task, tensors) gives (run, wait, read)."""
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
                tensors = load_tensors(command["inputs"])
                start = time.perf_counter()
                job = prepare(command["prepare"], tensors)
                run_for(1)
                cold = (time.perf_counter() - start) * 1000
                first = np.ascontiguousarray(job[2](), dtype=np.float32)
                run_for(2)
                if 2 * run_ms < WARM_MS:
                    run_for(WARM_RUNS - 2)
                reply({"coldMs": cold})
            elif "result" in command:
                first.tofile(command["result"])
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
