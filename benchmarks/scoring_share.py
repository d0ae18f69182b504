"""How much of `hepml apply` is scoring: events streamed from ROOT through a forest to a friend tree of scores.

Writes a TTree of 28 float32 branches (zstd), trains 400 XGBoost trees of depth 3 on a toy, and applies the model file in a
fresh process, in which the calls of ``Forest.predict`` are timed. Prints the share of reading and writing in the wall time
(the limit is 60 %), the throughput and the peak resident memory.

    python benchmarks/scoring_share.py [--events 10000000] [--repeat 3] [--depth 3] [--cores 1]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from forest import N_FEATURES, train
from reading import make_file

CHILD = """
import json, os, resource, sys, time
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-int(sys.argv[4]):])
import hepml.forest, hepml.workflow
from hepml.forest import Forest
model, source, out = sys.argv[1:4]
inside, predict = 0.0, Forest.predict
def timed(*arguments, **options):
    global inside
    begin = time.perf_counter()
    try:
        return predict(*arguments, **options)
    finally:
        inside += time.perf_counter() - begin
Forest.predict = timed
hepml.load(model).evaluate([[0.0] * 28] * 100)
inside, begin = 0.0, time.perf_counter()
hepml.workflow.apply_model(model, source, out)
wall = time.perf_counter() - begin
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"wall": wall, "inside": inside, "peak": peak}))
"""


def main() -> None:
    """Apply the model some times and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--depth", type=int, default=3)
    parser.add_argument("--cores", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_file(folder / "flat.root", options.events)
        booster = train(options.depth, 400)
        booster.feature_names = [f"x{number}" for number in range(N_FEATURES)]
        booster.save_model(folder / "model.json")
        found = []
        for number in range(options.repeat):
            out = folder / f"scores{number}.root"
            arguments = [str(folder / "model.json"), f"{folder}/flat.root:events", str(out), str(options.cores)]
            run = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", CHILD, *arguments], check=True, capture_output=True, text=True
            )
            found.append(json.loads(run.stdout))
            out.unlink()
    wall = statistics.median(run["wall"] for run in found)
    shares = [1.0 - run["inside"] / run["wall"] for run in found]
    print(
        f"{options.events} events x {N_FEATURES} float32, 400 trees of depth {options.depth}, {options.cores} core(s)"
    )
    print(
        f"{wall:.2f} s ({options.events / wall / 1e6:.2f} M events/s), reading and writing "
        f"{100 * statistics.median(shares):.0f} % ({100 * min(shares):.0f} .. {100 * max(shares):.0f}), "
        f"peak {max(run['peak'] for run in found):.0f} MB"
    )


if __name__ == "__main__":
    main()
