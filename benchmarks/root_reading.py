"""Time of reading a flat TTree into a feature matrix: ``RDataFrame.AsNumpy`` and both readers of hepml.

Needs ROOT (extra ``root``). Writes the file of ``benchmarks/reading.py`` and reads it in fresh processes, in turn:

- ``asnumpy``: ``RDataFrame.AsNumpy`` of the branches, then its columns into one column-major float32 matrix,
- ``uproot``, ``root``: ``hepml.read`` with that reader.

The imports of ROOT and hepml are not timed; the process that ``reader: root`` starts is. Prints medians of wall time and
the ratio to ``uproot`` pair by pair. It fails if the matrices differ.

    python benchmarks/root_reading.py [--events 2000000] [--repeat 3] [--threads 1]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from reading import N_FEATURES, make_file

CHILD = """
import hashlib, json, sys, time
import numpy as np
path, way, threads, n_features = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
names = [f"x{i}" for i in range(n_features)]
if way == "asnumpy":
    import ROOT
    if threads > 1:
        ROOT.EnableImplicitMT(threads)
else:
    import hepml, hepml.readers
start = time.perf_counter()
if way == "asnumpy":
    columns = ROOT.RDataFrame("events", path).AsNumpy(names)
    X = np.empty((len(columns["x0"]), len(names)), dtype=np.float32, order="F")
    for i, name in enumerate(names):
        X[:, i] = columns[name]
else:
    X = hepml.read(path, tree="events", features=names, reader=way, threads=threads).X
wall = time.perf_counter() - start
# with threads, AsNumpy gives the entries in any order: sums of bits do not depend on it
digest = hashlib.sha256(np.ascontiguousarray(X.view(np.uint32).sum(axis=0, dtype=np.uint64)).data).hexdigest()
print(json.dumps({"wall": wall, "digest": digest}))
"""


def main() -> None:
    """Run the ways in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if importlib.util.find_spec("ROOT") is None:
        print('ROOT is not installed: pip install "hepml-framework[root]"')
        return
    ways = ("uproot", "root", "asnumpy")
    found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flat.root"
        make_file(path, options.events)
        print(f"{options.events} events x {N_FEATURES} float32, {options.threads} thread(s)")
        for repetition in range(options.repeat + 1):
            for way in ways:
                command = [sys.executable, "-W", "ignore", "-c", CHILD, str(path), way]
                command += [str(options.threads), str(N_FEATURES)]
                run = subprocess.run(command, check=True, capture_output=True, text=True)
                if repetition:
                    found[way].append(json.loads(run.stdout))
    if len({run["digest"] for runs in found.values() for run in runs}) > 1:
        sys.exit("the matrices differ")
    for way in ways:
        wall = [run["wall"] for run in found[way]]
        ratios = [run["wall"] / base["wall"] for run, base in zip(found[way], found["uproot"], strict=True)]
        print(
            f"{way:8s} wall {statistics.median(wall):6.3f} s ({min(wall):.3f} .. {max(wall):.3f})  "
            f"ratio to uproot {statistics.median(ratios):.2f}"
        )


if __name__ == "__main__":
    main()
