"""Time and memory of reading a flat TTree into a feature matrix, against uproot by hand.

Writes a TTree of 28 float32 branches (zstd) to a temporary folder and reads it in fresh processes, in turn:

- ``uproot``: each feature with ``TBranch.array(library="np")`` into a preallocated matrix, and the event number,
- ``uproot-file``, ``uproot-mmap``: the same with a plain file handle or a memory map in place of fsspec,
- ``hepml``: ``hepml.read`` with the same branches,
- ``hepml+cut``: the same with a selection that keeps about half.

Each process is held on as many cores as it may use threads, and the order of the ways turns from one repetition to the next.
Prints medians of wall and CPU time of the reading alone, the peak resident memory above what the imports take, and the ratio
to uproot pair by pair with its quartiles. It fails if the matrices differ.

    python benchmarks/reading.py [--events 2000000] [--repeat 15] [--threads 1]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

N_FEATURES = 28

CHILD = """
import hashlib, json, os, resource, sys, time
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-int(sys.argv[3]):])
import numpy as np, uproot, hepml, hepml.readers
path, way, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
names = [f"x{i}" for i in range(28)]
with open("/proc/self/status") as status:
    before = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
wall, cpu = time.perf_counter(), time.process_time()
handlers = {"uproot-file": {"handler": uproot.MultithreadedFileSource, "num_workers": 1},
            "uproot-mmap": {"handler": uproot.MemmapSource}}
if way.startswith("uproot"):
    executor = uproot.ThreadPoolExecutor(threads) if threads > 1 else uproot.TrivialExecutor()
    with uproot.open(path, array_cache=None, object_cache=None, **handlers.get(way, {})) as file:
        tree = file["events"]
        X = np.empty((tree.num_entries, len(names)), dtype=np.float32, order="F")
        for i, name in enumerate(names):
            X[:, i] = tree[name].array(library="np", decompression_executor=executor)
        event = tree["event"].array(library="np", decompression_executor=executor)
else:
    cut = "x0 > 0" if way == "hepml+cut" else ""
    X = hepml.read(path, tree="events", features=names, selection=cut, identity=["event"], threads=threads).X
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
digest = hashlib.sha256(np.ascontiguousarray(X.T).data).hexdigest()
found = {"wall": wall, "cpu": cpu, "peak_mb": (peak - before) / 1024, "matrix_mb": X.nbytes / 2**20, "digest": digest}
print(json.dumps(found))
"""


def make_file(path: Path, n_events: int, *, first: int = 0, step: int = 100_000) -> None:
    """Write the TTree, smooth enough numbers that zstd has something to do; baskets hold ``step`` events."""
    import numpy as np
    import uproot

    rng = np.random.default_rng([1, first])
    with uproot.recreate(path, compression=uproot.ZSTD(4)) as file:
        tree = file.mktree("events", {"event": np.uint64} | {f"x{i}": np.float32 for i in range(N_FEATURES)})
        for start in range(0, n_events, step):
            n = min(step, n_events - start)
            columns = {f"x{i}": np.round(rng.normal(size=n), 3).astype(np.float32) for i in range(N_FEATURES)}
            tree.extend({"event": np.arange(first + start, first + start + n, dtype=np.uint64), **columns})


def main() -> None:
    """Run the ways in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    ways = ("uproot", "uproot-file", "uproot-mmap", "hepml", "hepml+cut")
    found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flat.root"
        make_file(path, options.events)
        size = f"{path.stat().st_size / 1e6:.0f} MB on disk"
        print(f"{options.events} events x {N_FEATURES} float32, {size}, {options.threads} thread(s)")
        for repetition in range(options.repeat + 1):
            for way in ways if repetition % 2 else reversed(ways):
                run = subprocess.run(
                    [sys.executable, "-W", "ignore", "-c", CHILD, str(path), way, str(options.threads)],
                    check=True,
                    capture_output=True,
                    text=True,
                )
                if repetition:
                    found[way].append(json.loads(run.stdout))
    for way in ways:
        if way != "hepml+cut" and {run["digest"] for run in found[way]} != {found["uproot"][0]["digest"]}:
            sys.exit(f"{way} read another matrix than uproot")
        wall = [run["wall"] for run in found[way]]
        pairs = list(zip(found[way], found["uproot"], strict=True))
        ratio, cpu_ratio = (_spread([run[clock] / base[clock] for run, base in pairs]) for clock in ("wall", "cpu"))
        cpu = statistics.median(run["cpu"] for run in found[way])
        peak = statistics.median(run["peak_mb"] for run in found[way])
        print(
            f"{way:11s} wall {statistics.median(wall):6.3f} s ({min(wall):.3f} .. {max(wall):.3f})  cpu {cpu:6.3f} s  "
            f"ratio wall {ratio} cpu {cpu_ratio}  peak {peak:6.0f} MB = matrix {found[way][0]['matrix_mb']:.0f} MB + "
            f"{peak - found[way][0]['matrix_mb']:.0f} MB"
        )


def _spread(values: list[float]) -> str:
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.3f} ({low:.2f} .. {high:.2f})"


if __name__ == "__main__":
    main()
