"""Memory and speed of reading chunk by chunk, for a sample and for one of ten times its size.

Writes a TTree of 28 float32 branches (zstd) and one of ten times as many events, and reads them in fresh processes, in turn:

- ``iterate``: ``hepml.iterate`` of the small and of the large sample, each chunk being summed and dropped,
- ``read``: ``hepml.read`` of the large sample, summed as a whole.

Each process is held on one core, and the order turns from one repetition to the next. Prints medians of the peak resident
memory with the growth from the small to the large sample, and the throughput against ``hepml.read`` pair by pair with its
quartiles. It fails if the sums differ, or if peak memory grows by 10 percent or more.

The small sample should be some twenty chunks: it takes that many until the allocator has all the room that it will need.

    python benchmarks/streaming.py [--events 1000000] [--chunk "6 MB"] [--repeat 7]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from reading import N_FEATURES, make_file

MOST_GROWTH = 10.0

CHILD = """
import json, os, resource, sys, time
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
import numpy as np, hepml, hepml.readers
path, way, chunk = sys.argv[1:]
options = {"tree": "events", "features": [f"x{i}" for i in range(28)], "identity": ["event"]}
wall = time.perf_counter()
total, n_events = np.zeros(28), 0
for part in hepml.iterate(path, **options, chunk=chunk) if way == "iterate" else [hepml.read(path, **options)]:
    total += part.X.sum(axis=0, dtype=np.float64)
    n_events += len(part)
wall = time.perf_counter() - wall
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"wall": wall, "peak": peak, "n_events": n_events, "total": list(total)}))
"""


def main() -> None:
    """Run the ways in turn and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--chunk", default="6 MB")
    parser.add_argument("--repeat", type=int, default=7)
    options = parser.parse_args()
    runs = (("small", "iterate"), ("large", "iterate"), ("large", "read"))
    found: dict[tuple[str, str], list[dict[str, Any]]] = {run: [] for run in runs}
    with tempfile.TemporaryDirectory() as folder:
        paths = {"small": Path(folder) / "small.root", "large": Path(folder) / "large.root"}
        make_file(paths["small"], options.events, step=50_000)
        make_file(paths["large"], 10 * options.events, step=50_000)
        print(f"{options.events} and {10 * options.events} events x {N_FEATURES} float32, chunks of {options.chunk}")
        for repetition in range(options.repeat + 1):
            for size, way in runs if repetition % 2 else reversed(runs):
                child = subprocess.run(
                    [sys.executable, "-W", "ignore", "-c", CHILD, str(paths[size]), way, options.chunk],
                    check=True,
                    capture_output=True,
                    text=True,
                )
                if repetition:
                    found[size, way].append(json.loads(child.stdout))
    streamed, whole = found["large", "iterate"], found["large", "read"]
    for one, other in zip(streamed, whole, strict=True):
        if one["n_events"] != other["n_events"] or not _agree(one["total"], other["total"]):
            sys.exit("the chunks do not add up to the whole")
    for (size, way), results in found.items():
        wall, peak = (statistics.median(run[key] for run in results) for key in ("wall", "peak"))
        rate = results[0]["n_events"] / wall / 1e6
        print(f"{size} {way:8s} wall {wall:6.3f} s  {rate:5.2f} M events/s  peak {peak:6.0f} MB")
    low, middle, high = statistics.quantiles(
        [one["wall"] / other["wall"] for one, other in zip(streamed, whole, strict=True)], n=4
    )
    print(f"wall of iterate over read {middle:.3f} ({low:.2f} .. {high:.2f})")
    growth = _growth(found["small", "iterate"], streamed)
    print(f"peak memory grows by {growth:.1f} % for ten times the events")
    if growth >= MOST_GROWTH:
        sys.exit(f"that is not less than {MOST_GROWTH:.0f} %")


def _agree(one: list[float], other: list[float]) -> bool:
    return all(abs(a - b) <= 1e-6 * max(1.0, abs(a)) for a, b in zip(one, other, strict=True))


def _growth(small: list[dict[str, Any]], large: list[dict[str, Any]]) -> float:
    before, after = (statistics.median(run["peak"] for run in results) for results in (small, large))
    return float(100 * (after / before - 1))


if __name__ == "__main__":
    main()
