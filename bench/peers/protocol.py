"""What every peer written in Python shares: reading a workload, and answering the harness.

A peer is called as `python PEER.py FOLDER --threads N`. FOLDER holds `workload.json` and the arrays it
names, raw and little-endian. The peer takes one step, then writes a line `{"event": "ready", ...}`. It takes
the steps that remain of the first `losses` steps, writes `{"event": "waiting"}`, and then, for every line
it reads from standard input, times `steps` more and writes `{"event": "round", ...}`. At the end of the
input it writes one last line with its losses and its peak memory.
"""

import argparse
import json
import os
import resource
import sys
import time
from pathlib import Path

DTYPES = {"f32": "<f4", "u32": "<u4"}


class Workload:
    """The description of a workload and its arrays."""

    def __init__(self, folder):
        import numpy

        self.spec = json.loads((folder / "workload.json").read_text())
        self.kind = self.spec["model"]["kind"]
        self.optimizer = self.spec["optimizer"]
        self.batch = self.spec["batch"]
        self.batches = self.spec["batches"]
        self.arrays = {
            name: numpy.fromfile(folder / f"{name}.bin", DTYPES[array["dtype"]]).reshape(array["shape"])
            for name, array in self.spec["arrays"].items()
        }

    def parameters(self):
        """Initial values by Steepest's names, for networks whose parameters have names."""
        return {name: array for name, array in self.arrays.items() if name not in ("x", "y")}

    def layers(self):
        """Pairs of initial weight (inputs × outputs) and bias, first layer first."""
        count = len(self.spec["model"]["layers"]) - 1
        return [(self.arrays[f"weight{i}"], self.arrays[f"bias{i}"]) for i in range(count)]

    def batch_arrays(self):
        """Pairs of inputs and targets, one per batch, in the order in which every peer takes them."""
        x, y, n = self.arrays["x"], self.arrays["y"], self.batch
        return [(x[i * n : (i + 1) * n], y[i * n : (i + 1) * n]) for i in range(self.batches)]


def say(message):
    print(json.dumps(message), flush=True)


def serve(build):
    """Runs a peer. `build(workload, options)` returns an object with `run(steps)`, which returns when the
    work is done, `loss()`, the last step's loss as a float, and `versions`, a dictionary.

    An object may define `round()` to time a whole round itself; it returns the median seconds of a step.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--variant", default="")
    options = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(options.threads)

    workload = Workload(options.folder)
    peer = build(workload, options)
    losses = []

    def recorded():
        peer.run(1)
        losses.append(peer.loss())

    recorded()
    say({"event": "ready", "versions": peer.versions})
    while len(losses) < workload.spec["losses"]:
        recorded()
    say({"event": "waiting"})
    for _ in sys.stdin:
        median = peer.round() if hasattr(peer, "round") else timed(peer, workload)
        say({"event": "round", "median_step_s": median})
    say(
        {
            "event": "end",
            "losses": losses,
            "final_loss": peer.loss(),
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
    )


def timed(peer, workload):
    """The median time of a step, taken over chunks of steps so that no system waits after each one."""
    chunk = workload.spec["chunk"]
    times = []
    for _ in range(workload.spec["steps"] // chunk):
        start = time.perf_counter()
        peer.run(chunk)
        times.append((time.perf_counter() - start) / chunk)
    return sorted(times)[len(times) // 2]
