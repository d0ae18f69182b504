"""Time that each file costs when a sample is spread over many, against uproot by hand.

Writes files of 28 float32 branches (zstd) to a temporary folder and reads them all in fresh processes, in turn:

- ``uproot``: each feature with ``TBranch.array(library="np")`` into a preallocated matrix, and the event number, by file,
- ``hepml``: ``hepml.read`` with the same branches,
- ``hepml.iterate``: the same, one chunk after the other.

Each process is held on one core, and the order of the ways turns from one repetition to the next. Prints medians of wall
time and, pair by pair, the time beyond uproot for each file with its quartiles. It fails if the matrices differ.

    python benchmarks/many_files.py [--files 100] [--events 50000] [--repeat 11]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from reading import N_FEATURES, make_file

CHILD = """
import hashlib, json, os, sys, time
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
import numpy as np, uproot, hepml, hepml.readers
from uproot.source.file import MultithreadedFileSource
folder, way, n_events = sys.argv[1], sys.argv[2], int(sys.argv[3])
names = [f"x{i}" for i in range(28)]
options = {"tree": "events", "features": names, "identity": ["event"]}
wall, cpu = time.perf_counter(), time.process_time()
paths = sorted(os.path.join(folder, name) for name in os.listdir(folder))
if way == "uproot":
    X = np.empty((n_events * len(paths), len(names)), dtype=np.float32, order="F")
    event = np.empty(len(X), dtype=np.uint64)
    for number, path in enumerate(paths):
        rows = slice(number * n_events, (number + 1) * n_events)
        with uproot.open(path, array_cache=None, object_cache=None, handler=MultithreadedFileSource, num_workers=1) as file:
            tree = file["events"]
            for i, name in enumerate(names):
                X[rows, i] = tree[name].array(library="np")
            event[rows] = tree["event"].array(library="np")
elif way == "hepml":
    X = hepml.read(paths, **options).X
else:
    X = [part.X for part in hepml.iterate(paths, **options)]
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
if way == "hepml.iterate":
    X = np.concatenate(X)
digest = hashlib.sha256(np.ascontiguousarray(X.T).data).hexdigest()
print(json.dumps({"wall": wall, "cpu": cpu, "digest": digest}))
"""


def main() -> None:
    """Run the ways in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--repeat", type=int, default=11)
    options = parser.parse_args()
    ways = ("uproot", "hepml", "hepml.iterate")
    found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.files):
            path, first = Path(folder) / f"{number:04d}.root", number * options.events
            make_file(path, options.events, first=first, step=options.events)
        print(f"{options.files} files of {options.events} events x {N_FEATURES} float32, 1 thread")
        for repetition in range(options.repeat + 1):
            for way in ways if repetition % 2 else reversed(ways):
                run = subprocess.run(
                    [sys.executable, "-W", "ignore", "-c", CHILD, folder, way, str(options.events)],
                    check=True,
                    capture_output=True,
                    text=True,
                )
                if repetition:
                    found[way].append(json.loads(run.stdout))
    for way in ways:
        if {run["digest"] for run in found[way]} != {found["uproot"][0]["digest"]}:
            sys.exit(f"{way} read another matrix than uproot")
        wall = [run["wall"] for run in found[way]]
        pairs = list(zip(found[way], found["uproot"], strict=True))
        beyond = [1000 * (run["wall"] - base["wall"]) / options.files for run, base in pairs]
        low, middle, high = statistics.quantiles(beyond, n=4)
        print(
            f"{way:14s} wall {statistics.median(wall):6.3f} s ({min(wall):.3f} .. {max(wall):.3f})  "
            f"beyond uproot {middle:6.2f} ms a file ({low:.2f} .. {high:.2f})"
        )


if __name__ == "__main__":
    main()
