"""Trainings of TMVA's methods: Fisher against the products of its covariance matrices.

CPU seconds on one core, medians with spread; what is compared is timed in turns within one run, after a first round that
warms up. ``python benchmarks/tmva_train.py [--events 200000] [--repeat 7]``. The events are like those of
``reproduce/make_higgs.py`` of the reference data in what counts here: 28 features in single precision, two classes, weights.
A real TMVA took 1.6 s for Fisher on the machine of the golden files, 0.6 s of it for the training itself.
"""

from __future__ import annotations

import argparse
import os
import time
from statistics import median
from typing import TYPE_CHECKING

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

from hepml.tmva import train
from hepml.tmva.preparation import from_arrays
from hepml.tmva.training.native import Request, _trainer, training_set

if TYPE_CHECKING:
    from collections.abc import Callable

    from hepml.tmva import PreparedData

N_FEATURES = 28


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--repeat", type=int, default=7)
    arguments = parser.parse_args()
    fisher(events(arguments.events), arguments.repeat)


def events(n_events: int) -> PreparedData:
    """Return events of two classes, alternating."""
    rng = np.random.default_rng(2024)
    label = np.arange(n_events) % 2
    mixing = np.eye(N_FEATURES) + 0.2 * rng.normal(size=(N_FEATURES, N_FEATURES))
    X = rng.normal(size=(n_events, N_FEATURES)) @ mixing + 0.1 * label[:, None]
    names = [f"f{number:02d}" for number in range(N_FEATURES)]
    return from_arrays(X.astype(np.float32), label, rng.uniform(0.5, 1.5, n_events), variables=names)


def fisher(data: PreparedData, repeat: int) -> None:
    """Compare with the products of a matrix library, one for each class, in double precision."""
    from hepml.tmva.options import parse

    request = Request("Fisher", "Fisher", parse("Fisher", ""), data)
    training = training_set(request)
    fit = _trainer("Fisher").fit
    centred, weighted = ready(data)
    whole, alone, products, bare = in_turns(
        repeat,
        lambda: train("Fisher", "", data),
        lambda: fit(training),
        lambda: covariances(data),
        lambda: [left.T @ right for left, right in zip(weighted, centred, strict=True)],
    )
    expected = np.linalg.solve(*covariances(data))
    found = fit(training).method.coefficients  # type: ignore[attr-defined]
    np.testing.assert_allclose(found / np.abs(found).sum(), expected / np.abs(expected).sum(), rtol=1e-8, atol=1e-12)
    print(f"Fisher, {len(data.train)} events x {N_FEATURES}: {show(alone)}, with log and checks {show(whole)}")
    print(f"  its covariances by a matrix library: {show(products)}; {median(alone) / median(products):.2f} x that")
    print(
        f"  only the products in it, of numbers that are ready: {show(bare)}; {median(alone) / median(bare):.2f} x that"
    )


def covariances(data: PreparedData) -> tuple[np.ndarray, np.ndarray]:
    """Return the covariance matrix within classes, and the difference of means."""
    within, means = np.zeros((N_FEATURES, N_FEATURES)), []
    for index in (0, 1):
        rows = data.train.class_index == index
        X, weight = data.train.variables[rows].astype(np.float64), data.train.weight[rows]
        total = weight.sum()
        means.append((X * weight[:, None]).sum(axis=0) / total)
        X -= means[-1]
        within += (X * weight[:, None]).T @ X / total
    return within, means[0] - means[1]


def ready(data: PreparedData) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the centred variables of each class in double precision, plain and weighted."""
    centred, weighted = [], []
    for index in (0, 1):
        rows = data.train.class_index == index
        X, weight = data.train.variables[rows].astype(np.float64), data.train.weight[rows]
        centred.append(X - (X * weight[:, None]).sum(axis=0) / weight.sum())
        weighted.append(centred[-1] * weight[:, None])
    return centred, weighted


def in_turns(repeat: int, *jobs: Callable[[], object]) -> list[list[float]]:
    """Return the CPU seconds of each job, without the first round."""
    seconds: list[list[float]] = [[] for _ in jobs]
    for _ in range(repeat + 1):
        for job, found in zip(jobs, seconds, strict=True):
            start = time.process_time()
            job()
            found.append(time.process_time() - start)
    return [found[1:] for found in seconds]


def show(seconds: list[float]) -> str:
    """Return the median with the smallest and largest."""
    return f"{median(seconds):.3f} s ({min(seconds):.3f} to {max(seconds):.3f})"


if __name__ == "__main__":
    main()
