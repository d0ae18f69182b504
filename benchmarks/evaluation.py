"""Time and memory of the full evaluation of one method: every topic that a run computes for it, on ten million events.

Two Gaussian classes, one in twenty events of negative weight, two spectators (one follows the score); the method is the
likelihood ratio itself, so that hardly two events have one score. The events are shared out as a run does it, half for
training, a fifth for validation and three tenths for the test; ``--each`` gives every part as many events instead.
``--rows 2`` makes events of two rows each, which are clustered.

Each evaluation is a process of its own. Prints wall and CPU seconds of each topic and of all of them, against the limit of
40 s, and the peak resident memory above imports and input, against 4 GB. Scoring is the model's affair and stands apart.

    python benchmarks/evaluation.py [--events 10000000] [--each] [--rows 1] [--threads 2] [--repeat 1]
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WALL_LIMIT, MEMORY_LIMIT = 40.0, 4096.0
KEYS = ("wall", "cpu", "peak_mb")
SHIFT = 1.2
ANALYSIS = """
name: benchmark
seed: 1
samples:
  - {name: s, role: signal, files: s.root}
  - {name: b, role: background, files: b.root}
features: [x, z]
spectators: [follows, independent]
evaluation: {explained_events: 0}
methods:
  Ratio: {kind: hist_gradient_boosting}
"""


class Ratio:
    """Probability of signal, with a second feature that breaks ties."""

    forest = None
    n_scores = 1

    def __init__(self) -> None:
        self.estimator = SimpleNamespace(training_report_={}, get_params=dict)

    def evaluate(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Give the score of each row."""
        x, z = X.T.astype(np.float64)
        found: NDArray[np.float64] = 1.0 / (1.0 + np.exp(0.5 * SHIFT**2 - SHIFT * x - 1e-6 * z))
        return found


def main() -> None:
    """Evaluate in processes of their own and print the table of medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--each", action="store_true", help="so many events in every part, not in all together")
    parser.add_argument("--rows", type=int, default=1, help="rows of each event")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        json.dump(evaluate(options.events, options.rows, each=options.each), sys.stdout)
        return
    threads = {name: str(options.threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")}
    command = [sys.executable, "-W", "ignore", *sys.argv, "--child"]
    runs = []
    for _ in range(options.repeat):
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | threads)
        runs.append(json.loads(done.stdout))
    print(f"{'topic':24s} {'wall s':>8s} {'CPU s':>8s} {'peak MB':>8s}")
    for topic in runs[0]:
        wall, cpu, peak = (statistics.median(run[topic][key] for run in runs) for key in KEYS)
        print(f"{topic:24s} {wall:8.2f} {cpu:8.2f} {peak:8.0f}  {runs[0][topic].get('note', '')}")
    wall, peak = (statistics.median(run["all topics"][key] for run in runs) for key in ("wall", "peak_mb"))
    print(f"limits: {wall:.1f} of {WALL_LIMIT:.0f} s, {peak:.0f} of {MEMORY_LIMIT:.0f} MB")


def evaluate(n_events: int, rows: int, *, each: bool) -> dict[str, dict[str, Any]]:
    """Evaluate a method, and return what each topic takes."""
    from hepml.report import NotComputable
    from hepml.workflow import evaluating
    from hepml.workflow.topics import METHOD_TOPICS

    logging.disable(logging.CRITICAL)
    # the first call of anything is not what is measured
    evaluating.evaluate_method(*prepared(20_000, 1, each=False))
    arguments = prepared(n_events, rows, each=each)
    found: dict[str, dict[str, Any]] = {}
    method, before, highest = arguments[0], resident("VmRSS"), 0.0
    parts = method.score_parts

    def measured(name: str, compute: Any, *given: Any) -> Any:
        nonlocal highest
        # the peak starts again from here
        Path("/proc/self/clear_refs").write_text("5")
        wall, cpu = time.perf_counter(), time.process_time()
        result = compute(*given)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        found[name] = {"wall": wall, "cpu": cpu, "peak_mb": resident("VmHWM") - before}
        if isinstance(result, NotComputable):
            found[name]["note"] = f"not computable: {result.reason}"
        highest = max(highest, found[name]["peak_mb"]) if name in METHOD_TOPICS else highest
        return result

    def scored(*given: Any) -> Any:
        nonlocal before
        result = measured("scoring", parts, *given)
        before = resident("VmRSS")
        return result

    compute_one = evaluating._computed
    type(method).score_parts = lambda _method, *given: scored(*given)
    evaluating._computed = lambda what, *given: measured(what.split(" of ")[0], compute_one, what, *given)
    compute_curve = evaluating._curve
    evaluating._curve = lambda *given: measured("roc", compute_curve, *given)
    evaluating.evaluate_method(*arguments)
    topics = [found[name] for name in METHOD_TOPICS]
    total = {key: sum(topic[key] for topic in topics) for key in ("wall", "cpu")}
    return {**found, "all topics": {**total, "peak_mb": highest}}


def prepared(n_events: int, rows: int, *, each: bool) -> tuple[Any, ...]:
    """Make a method and the events, as a run hands them to the evaluation."""
    from hepml.config import parse_analysis, parse_yaml
    from hepml.data import Dataset, Feature, Identity, Part, SampleInfo
    from hepml.workflow.baselines import fit_baselines
    from hepml.workflow.clock import Clock
    from hepml.workflow.methods import TrainedMethod, choose_cuts
    from hepml.workflow.preparation import select_parts

    config = parse_analysis(parse_yaml(ANALYSIS))
    rng = np.random.default_rng(1)
    n = 3 * n_events if each else n_events
    shares = (1 / 3, 1 / 3, 1 / 3) if each else (0.5, 0.2, 0.3)
    event = np.arange(n) // rows
    signal = rng.random(event[-1] + 1)[event] < 0.5
    X = np.empty((n, 2), dtype=np.float32, order="F")
    X[:, 0] = rng.normal(size=n) + SHIFT * signal
    X[:, 1] = rng.normal(size=n)
    weight = rng.uniform(0.5, 1.5, n) * np.where(rng.random(n) < 0.05, -1.0, 1.0)
    part = rng.choice([Part.TRAIN, Part.VALIDATION, Part.TEST], event[-1] + 1, p=shares).astype(np.int8)[event]
    dataset = Dataset(
        X=X,
        features=(Feature("x"), Feature("z")),
        weight=weight,
        sample=np.where(signal, 0, 1).astype(np.int32),
        samples=(SampleInfo("s", "signal"), SampleInfo("b", "background")),
        identity=Identity(("event",), (event,)),
        spectators={"follows": X[:, 0] + rng.normal(size=n), "independent": rng.exponential(size=n)},
    )
    events = select_parts(config, dataset, part)
    baselines = fit_baselines(events, config, Clock())
    model: Any = Ratio()
    points = config.evaluation.working_points
    cuts = choose_cuts(events.validation, model.evaluate(events.validation.X), points)
    return TrainedMethod("Ratio", model, cuts, resumed=False), "ratio", events, config, baselines


def resident(key: str) -> float:
    """Resident memory of this process, or its highest value, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


if __name__ == "__main__":
    main()
