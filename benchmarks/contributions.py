"""Events per second of exact TreeSHAP: ``Forest.contributions`` against XGBoost's ``pred_contribs`` on the same trees.

Both run in one process in turn on one thread; XGBoost's ``DMatrix`` is made beforehand. Prints for each depth the medians
of CPU time as events per second, their ratio (median over the repetitions, with quartiles), the largest difference from
XGBoost, which adds in single precision, and of the sum from the margin, and the time of a call with one event.

    python benchmarks/contributions.py [--events 50000] [--trees 400] [--repeat 5] [--depths 3 4 6 8]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

from forest import N_FEATURES, train

# what XGBoost gets of the events, which takes about as long as hepml takes for all
XGBOOST_SHARE = {3: 0.02, 4: 0.02}
DEEP_SHARE = 0.005


def main() -> None:
    """Measure each depth and print a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--trees", type=int, default=400)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--depths", type=int, nargs="+", default=[3, 4, 6, 8])
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    for depth in options.depths:
        measure(depth, options)


def measure(depth: int, options: argparse.Namespace) -> None:
    """Time both in turn and print what came out."""
    import numpy as np
    import xgboost as xgb

    from hepml.forest import Forest

    booster = train(depth, options.trees)
    booster.set_param({"nthread": 1})
    forest = Forest.from_xgboost(booster)
    X = np.random.default_rng(8).normal(size=(options.events, N_FEATURES)).astype(np.float32)
    few = max(int(options.events * XGBOOST_SHARE.get(depth, DEEP_SHARE)), 100)
    data = xgb.DMatrix(X[:few], nthread=1)
    forest.contributions(X[:1], threads=1)
    begin = time.process_time()
    forest.contributions(X[:1], threads=1)
    one = time.process_time() - begin
    rates, others = [], []
    for _ in range(options.repeat):
        begin = time.process_time()
        found = forest.contributions(X, threads=1)
        rates.append(len(X) / (time.process_time() - begin))
        begin = time.process_time()
        library = booster.predict(data, pred_contribs=True)
        others.append(few / (time.process_time() - begin))
    worst = float(np.max(np.abs(found[:few] - library) / np.maximum(1.0, np.abs(library))))
    margin = forest.predict(X, threads=1, output="margin")
    lost = float(np.max(np.abs(found.sum(axis=1) - margin)))
    if worst > 1e-4 or lost > 1e-12:
        msg = f"depth {depth}: contributions differ by {worst:.2g} from XGBoost's, their sum by {lost:.2g} from the margin"
        raise SystemExit(msg)
    ratios = [mine / other for mine, other in zip(rates, others, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else (ratios[0],) * 3
    print(
        f"{forest.n_trees} trees of depth {depth}: {statistics.median(rates) / 1e3:.1f} k events/s, XGBoost "
        f"{statistics.median(others) / 1e3:.2f}; ratio {middle:.0f} ({low:.0f} .. {high:.0f}); difference from XGBoost "
        f"{worst:.1e}, of the sum from the margin {lost:.1e}; one event {one * 1e3:.1f} ms",
        flush=True,
    )


if __name__ == "__main__":
    main()
