"""Events per second of tree ensembles: the forest's kernels against the engines that people use, on the same trees.

Trains XGBoost models on a toy of 28 features, and evaluates them in one process, engine after engine in turn:

- ``hepml``: ``Forest.predict`` (margins), row-major and column-major float32,
- ``xgboost``: ``Booster.inplace_predict`` of margins,
- ``onnxruntime``: the forest's ONNX export (extra ``onnx``),
- ``treelite``: ``treelite.gtil.predict`` (if it is installed).

All get the same threads. Prints for each depth the medians of CPU time (wall time for several threads) as events per second,
the ratio of hepml to each engine (median over the repetitions, each against the neighbour in time, with quartiles) and the
largest difference to XGBoost's own margin; then the latency of one event, and the time of the first call, which compiles.

With ``--scaling`` it instead compares two threads with one, hepml alone, in turn: the ratio of wall times, of which other
work on the machine takes its part, and twice the ratio of CPU times, what two cores that have nothing else to do would give
but for the start of threads and the wait for the last.

    python benchmarks/forest.py [--events 1000000] [--repeat 5] [--threads 1] [--depths 3 4 6 8] [--scaling]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

N_FEATURES = 28
# the slow engines get fewer events: a rate does not depend on it
SHARE = {"onnxruntime": 0.1, "treelite": 0.05, "xgboost": 0.5}


def main() -> None:
    """Measure each depth and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--trees", type=int, default=400)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--depths", type=int, nargs="+", default=[3, 4, 6, 8])
    parser.add_argument("--scaling", action="store_true")
    options = parser.parse_args()
    if options.scaling:
        for depth in options.depths:
            scaling(depth, options)
        return
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-options.threads :])
    for depth in options.depths:
        measure(depth, options)


def train(depth: int, n_trees: int) -> Any:
    """Train a booster on a toy that uses all features."""
    import numpy as np
    import xgboost as xgb

    rng = np.random.default_rng(7)
    X = rng.normal(size=(60_000, N_FEATURES)).astype(np.float32)
    y = X[:, 0] * X[:, 1] + X[:, 2] + 0.5 * X[:, 3:10].sum(axis=1) * X[:, 12] + rng.normal(size=len(X)) > 0
    options = {"max_depth": depth, "eta": 0.1, "tree_method": "hist", "objective": "binary:logistic"}
    return xgb.train(options, xgb.DMatrix(X, y), n_trees)


def measure(depth: int, options: argparse.Namespace) -> None:
    """Time the engines in turn and print what came out."""
    import numpy as np

    from hepml.forest import Forest

    booster = train(depth, options.trees)
    forest = Forest.from_xgboost(booster)
    X = np.random.default_rng(8).normal(size=(options.events, N_FEATURES)).astype(np.float32)
    start = time.perf_counter()
    margin = forest.predict(X[:1000], threads=1, output="margin")
    first = time.perf_counter() - start
    booster.set_param({"nthread": options.threads})
    library = booster.inplace_predict(X, predict_type="margin")
    margin = forest.predict(X, threads=options.threads, output="margin")
    worst = float(np.max(np.abs(margin - library) / np.maximum(1.0, np.abs(library))))
    if worst > 1e-5:
        msg = f"depth {depth}: margins differ by {worst:.2g}"
        raise SystemExit(msg)
    engines = prepare(forest, booster, X, options.threads)
    clock = time.process_time if options.threads == 1 else time.perf_counter
    rates: dict[str, list[float]] = {name: [] for name in engines}
    for repetition in range(options.repeat + 1):
        for name, (run, n_events) in engines.items():
            begin = clock()
            run()
            if repetition:
                rates[name].append(n_events / (clock() - begin) / 1e6)
    print(
        f"\n{options.trees} trees of depth {depth}, {N_FEATURES} features, {options.events} events, "
        f"{options.threads} thread(s); largest relative difference to XGBoost {worst:.1e}; first call {first:.2f} s"
    )
    for name, found in rates.items():
        ratios = [mine / other for mine, other in zip(rates["hepml"], found, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else (ratios[0],) * 3
        print(
            f"  {name:14s} {statistics.median(found):8.3f} M events/s   hepml / it = {middle:6.2f} ({low:.2f} .. {high:.2f})"
        )
    print(f"  one event: {latency(forest.predict, X):.1f} us (XGBoost {latency(booster.inplace_predict, X):.1f} us)")


def scaling(depth: int, options: argparse.Namespace) -> None:
    """Time one thread and two in turn and print how much faster two are."""
    import numpy as np

    from hepml.forest import Forest

    forest = Forest.from_xgboost(train(depth, options.trees))
    X = np.random.default_rng(8).normal(size=(options.events, N_FEATURES)).astype(np.float32)
    expected = forest.predict(X, threads=1, output="margin")
    wall, busy = [], []
    for _ in range(options.repeat):
        times = []
        for threads in (1, 2):
            begin = time.perf_counter(), time.process_time()
            margin = forest.predict(X, threads=threads, output="margin")
            times.append((time.perf_counter() - begin[0], time.process_time() - begin[1]))
            if not np.array_equal(margin, expected):
                msg = f"depth {depth}: {threads} threads give another result"
                raise SystemExit(msg)
        wall.append(times[0][0] / times[1][0])
        busy.append(2.0 * times[0][1] / times[1][1])
    for name, found in (("wall time", wall), ("CPU time", busy)):
        low, middle, high = statistics.quantiles(found, n=4)
        print(f"depth {depth}: two threads / one by {name} {middle:.2f} ({low:.2f} .. {high:.2f})", flush=True)


def prepare(forest: Any, booster: Any, X: Any, threads: int) -> dict[str, tuple[Callable[[], Any], int]]:
    """Return for each engine what runs it, and on how many events."""
    import numpy as np

    columns = np.asfortranarray(X)
    share = {name: X[: max(int(len(X) * part), 1000)] for name, part in SHARE.items()}
    engines: dict[str, tuple[Callable[[], Any], int]] = {
        "hepml": (lambda: forest.predict(X, threads=threads, output="margin"), len(X)),
        "hepml columns": (lambda: forest.predict(columns, threads=threads, output="margin"), len(X)),
        "xgboost": (
            lambda: booster.inplace_predict(share["xgboost"], predict_type="margin"),
            len(share["xgboost"]),
        ),
    }
    with tempfile.TemporaryDirectory() as folder:
        try:
            import onnxruntime

            forest.to_onnx(Path(folder) / "forest.onnx")
            settings = onnxruntime.SessionOptions()
            settings.intra_op_num_threads = threads
            session = onnxruntime.InferenceSession(Path(folder) / "forest.onnx", settings)
            name = session.get_inputs()[0].name
            engines["onnxruntime"] = lambda: session.run(None, {name: share["onnxruntime"]}), len(share["onnxruntime"])
        except ImportError as error:
            print(f"onnxruntime left out: {error}")
        try:
            import treelite

            booster.save_model(Path(folder) / "booster.json")
            model = treelite.frontend.load_xgboost_model(Path(folder) / "booster.json")
            engines["treelite"] = (
                lambda: treelite.gtil.predict(model, share["treelite"], nthread=threads),
                len(share["treelite"]),
            )
        except ImportError as error:
            print(f"treelite left out: {error}")
    return engines


def latency(predict: Callable[[Any], Any], X: Any, n_calls: int = 2000) -> float:
    """Return the median time of one call with one event, in microseconds."""
    times = []
    for number in range(n_calls):
        event = X[number % len(X) :][:1]
        begin = time.perf_counter()
        predict(event)
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e6


if __name__ == "__main__":
    main()
