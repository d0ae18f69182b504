"""Time and memory of the ROC curve with its errors against scikit-learn's area alone, and of the overtraining check.

ROC: two Gaussian classes with positive weights, each run in a fresh process, in turn:

- ``sklearn``: ``sklearn.metrics.roc_auc_score``, the area without an error,
- ``hepml``: ``hepml.evaluation.roc_curve``, area, curve and the errors of both.

Overtraining: ``hepml.evaluation.overtraining`` with 400 permutations on 50k + 50k and 1M + 1M training and test events,
one in six of negative weight.

Prints medians of the wall and CPU time of the call alone, the ratio to scikit-learn pair by pair, and the peak resident
memory above what imports and input take. It fails if the two areas differ.

    python benchmarks/roc.py [--events 10000000] [--repeat 5]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

PARTS = (50_000, 1_000_000)
WAYS = ("sklearn", "hepml")

CHILD = """
import json, resource, sys, time
import numpy as np
from sklearn.metrics import roc_auc_score
from hepml.evaluation import overtraining, roc_curve
way, n, dtype = sys.argv[1], int(sys.argv[2]), sys.argv[3]

def draw(rng, signed):
    label = rng.random(n) < 0.5
    score = (rng.normal(size=n) + label).astype(dtype)
    weight = np.where(rng.random(n) < 1 / 6, -1.0, 1.0) if signed else rng.uniform(0.5, 1.5, n)
    return label, score, weight

rng = np.random.default_rng(1)
if way == "overtraining":
    parts = (*draw(rng, True), *draw(rng, True))
else:
    parts = draw(rng, False)
# the first call of anything is not what is measured
roc_auc_score(parts[0][:100], parts[1][:100])
roc_curve(parts[0][:100], parts[1][:100])
with open("/proc/self/clear_refs", "w") as refs:
    refs.write("5")  # the peak starts again from here
def resident(key):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(key)) / 1024
before = resident("VmRSS")
wall, cpu = time.perf_counter(), time.process_time()
if way == "overtraining":
    found = overtraining(*parts).auc_gap
elif way == "hepml":
    found = roc_curve(*parts).auc
else:
    found = float(roc_auc_score(parts[0], parts[1], sample_weight=parts[2]))
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps({"wall": wall, "cpu": cpu, "peak_mb": resident("VmHWM") - before, "found": found}))
"""


def main() -> None:
    """Run the ways in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    for dtype in ("float64", "float32"):
        runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for repetition in range(options.repeat):
            # who goes first alternates, so that a drift of the machine favours neither
            for way in WAYS[:: 1 if repetition % 2 else -1]:
                runs[way].append(measure(way, options.events, dtype))
        difference = abs(runs["hepml"][0]["found"] - runs["sklearn"][0]["found"])
        if difference > 1e-9:
            sys.exit(f"the areas differ by {difference}")
        print(f"ROC, {options.events} events, scores in {dtype}; areas agree to {difference:.0e}")
        for way in WAYS:
            pairs = zip(runs[way], runs["sklearn"], strict=True)
            ratio = statistics.median(run["wall"] / base["wall"] for run, base in pairs)
            print(f"{way:10s} {summary(runs[way])}  ratio {ratio:.2f}")
    print("overtraining, 400 permutations, scores in float64")
    for n in PARTS:
        print(f"{n} + {n}: {summary([measure('overtraining', n, 'float64') for _ in range(options.repeat)])}")


def measure(way: str, n: int, dtype: str) -> dict[str, float]:
    """Run one way once in a process of its own, on one thread."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD, way, str(n), dtype],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    found: dict[str, float] = json.loads(run.stdout)
    return found


def summary(runs: list[dict[str, float]]) -> str:
    """Medians and the range of the wall time."""
    wall = [run["wall"] for run in runs]
    cpu, peak = (statistics.median(run[key] for run in runs) for key in ("cpu", "peak_mb"))
    spread = f"{statistics.median(wall):6.2f} s ({min(wall):.2f} .. {max(wall):.2f})"
    return f"wall {spread}  cpu {cpu:6.2f} s  peak {peak:5.0f} MB"


if __name__ == "__main__":
    main()
