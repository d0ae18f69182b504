"""Seconds and memory of calibration, flatness, sculpting and the rest of the structure of a score, for many events.

Run: ``python benchmarks/structure.py [--events 10000000]``. One thread; each function once, as none is shorter than the
scatter of the machine; with signed weights, with ``--clustered`` also with two rows an event.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from hepml import evaluation


def main() -> None:
    """Draw events once, and print a line for each function."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--clustered", action="store_true")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    n = options.events
    label = rng.random(n) < 0.3
    score = 1 / (1 + np.exp(-rng.normal(1.5 * label - 1.0, 1.2)))
    weight = np.where(rng.random(n) < 0.1, -1.0, 1.0) * rng.uniform(0.5, 1.5, n)
    mass = rng.normal(90, 20, n) + 10 * score
    event = np.arange(n) // 2 if options.clustered else None
    background = ~label
    of_background = {"event": None if event is None else event[background]}
    passed, values, weights = (score > 0.5)[background], mass[background], weight[background]
    curve = evaluation.roc_curve(label, score, weight)
    platt = evaluation.fit_platt(label[:1000], score[:1000], weight[:1000])
    jobs = {
        "purity_scan": lambda: evaluation.purity_scan(curve),
        "separation of the score": lambda: evaluation.separation(score, label, weight, event=event),
        "score_densities": lambda: evaluation.score_densities(label, score, weight, event=event),
        "calibration": lambda: evaluation.calibration(label, score, weight, event=event),
        "calibration, share given": lambda: evaluation.calibration(
            label, score, weight, event=event, signal_fraction=0.5
        ),
        "fit_platt": lambda: evaluation.fit_platt(label, score, weight, event=event),
        "PlattMap.apply": lambda: platt.apply(score),
        "fit_isotonic": lambda: evaluation.fit_isotonic(label, score, weight),
        "confusion_matrix": lambda: evaluation.confusion_matrix(label, score > 0.5, weight, event=event),
        "multiclass_auc, 3 classes": lambda: evaluation.multiclass_auc(
            label.astype(np.int64) + (mass > 100), np.column_stack([1 - score, score, mass]), weight, event=event
        ),
        "classifier_agreement, 2 methods": lambda: evaluation.classifier_agreement(
            label, {"A": score, "B": score + 0.001 * mass}, weight, event=event
        ),
        "flatness": lambda: evaluation.flatness(passed, values, weights, **of_background),
        "uniformity": lambda: evaluation.uniformity(score[background], values, weights, **of_background),
        "sculpting": lambda: evaluation.sculpting(passed, values, weights, **of_background),
        "distance_correlation, 200 000 drawn": lambda: evaluation.distance_correlation(
            score[background], values, weights, **of_background
        ),
        "score_slices": lambda: evaluation.score_slices(score[background], values, weights, **of_background),
    }
    print(
        f"{n} events, {n - int(label.sum())} of background, {'two rows' if options.clustered else 'one row'} an event"
    )
    for name, job in jobs.items():
        start = time.process_time()
        job()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        print(f"{name:36} {time.process_time() - start:7.2f} s CPU, peak so far {peak:.2f} GB")


if __name__ == "__main__":
    main()
