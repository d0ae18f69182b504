"""Trainings of TMVA's methods: Fisher against the products of its covariance matrices, trees against XGBoost's.

CPU seconds on one core, medians with spread; what is compared is timed in turns within one run, after a first round that
warms up. ``python benchmarks/tmva_train.py [--events 200000] [--repeat 7]``. The events are like those of
``reproduce/make_higgs.py`` of the reference data in what counts here: 28 features in single precision, two classes, weights.
A real TMVA took 1.6 s for Fisher on the machine of the golden files, 0.6 s of it for the training itself; for BDT 86 s and
for BDTG 119 s, where XGBoost took 3.1 s. ``--trees 400 --threads 2`` are for the trees, ``--only`` names one part.
"""

from __future__ import annotations

import argparse
import os
import time
import tracemalloc
from statistics import median
from typing import TYPE_CHECKING

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

from hepml.tmva import train
from hepml.tmva.options import parse
from hepml.tmva.preparation import from_arrays
from hepml.tmva.training.native import Request, trainer_of, training_set
from hepml.tmva.training.trees.forest_growing import TreeSample, grow_forest
from hepml.tmva.training.trees.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hepml.tmva import PreparedData
    from hepml.tmva.training.trees.forest_growing import GrownForest

N_FEATURES = 28
_ADA = "NTrees={}:MinNodeSize=2.5%:MaxDepth=3:BoostType=AdaBoost:AdaBoostBeta=0.5:SeparationType=GiniIndex:nCuts=20"
_GRADIENT = "NTrees={}:MinNodeSize=2.5%:MaxDepth=3:BoostType=Grad:Shrinkage=0.1:nCuts=20"


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--trees", type=int, default=400)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=("fisher", "trees", "small", "threads"))
    arguments = parser.parse_args()
    parts: dict[str, Callable[[], None]] = {
        "fisher": lambda: fisher(events(arguments.events), arguments.repeat),
        "trees": lambda: trees(arguments.events, arguments.trees, max(arguments.repeat // 2, 1)),
        "threads": lambda: threads(arguments.events, arguments.trees // 4, arguments.threads),
        "small": lambda: small(arguments.repeat),
    }
    for name, part in parts.items():
        if arguments.only in {None, name}:
            part()


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
    request = Request("Fisher", "Fisher", parse("Fisher", ""), data)
    training = training_set(request)
    fit = trainer_of("Fisher").fit
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


def skewed_events(n_events: int) -> tuple[np.ndarray, np.ndarray]:
    """Return 28 features with long tails, angles and tags that are mostly zero, and the class of each event."""
    rng = np.random.default_rng(2024)
    label = np.arange(n_events) % 2
    tails = rng.exponential(1.0, (n_events, 10)) * (1.0 + 0.1 * label[:, None])
    angles = rng.normal(0.0, 1.0 + 0.1 * label[:, None], (n_events, 10))
    tags = (rng.random((n_events, 4)) < 0.3 + 0.1 * label[:, None]) * rng.normal(2.5, 0.05, (n_events, 4))
    masses = np.sqrt(tails[:, :4] * tails[:, 4:8] * (2.0 + np.cosh(angles[:, :4] - angles[:, 4:8])))
    return np.concatenate([tails, angles, tags, masses], axis=1).astype(np.float32), label


def sample_of(X: np.ndarray, label: np.ndarray) -> TreeSample:
    """Return unweighted events for trees."""
    weight = np.ones(len(X))
    whole = np.zeros(X.shape[1], bool)
    return TreeSample(X, label, weight, weight, np.zeros(0, np.float32), whole, 2, 0, "Classification")


def grown(sample: TreeSample, options: str, n_threads: int = 1) -> GrownForest:
    """Return the forest of an option string."""
    n_events, n_features = sample.X.shape
    parsed = parse("BDT", options, n_variables=n_features)
    return grow_forest(sample, settings_of(parsed, "Classification", n_features, n_events), threads=n_threads)


def trees(n_events: int, n_trees: int, repeat: int) -> None:
    """Compare with XGBoost at the same numbers of trees, levels and bins; its quantiles are part of its training."""
    import xgboost

    X, label = skewed_events(n_events)
    sample = sample_of(X, label)
    tracemalloc.start()
    grown(sample, _ADA.format(3))
    memory = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()

    def boosted() -> None:
        matrix = xgboost.QuantileDMatrix(X, label, nthread=1, max_bin=21)
        settings = {"tree_method": "hist", "max_bin": 21, "max_depth": 3, "eta": 0.1, "nthread": 1}
        xgboost.train({**settings, "objective": "binary:logistic"}, matrix, n_trees)

    reference, ada, gradient = in_turns(
        repeat,
        boosted,
        lambda: grown(sample, _ADA.format(n_trees)),
        lambda: grown(sample, _GRADIENT.format(n_trees)),
    )
    print(f"{n_trees} trees of 3 levels, 20 cuts, {n_events} events x {X.shape[1]}: XGBoost {show(reference)}")
    for name, found in (("BDT", ada), ("BDTG", gradient)):
        ratio = median(ours / theirs for ours, theirs in zip(found, reference, strict=True))
        print(f"  {name}: {show(found)}; {ratio:.2f} x that")
    print(f"  memory: {memory:.0f} MB more than with the events alone, {X.nbytes / 2**20:.0f} MB of features")


def threads(n_events: int, n_trees: int, n_threads: int) -> None:
    """Compare wall-clock times with those of one thread."""
    sample = sample_of(*skewed_events(n_events))
    for name, options in (("BDT", _ADA), ("BDTG", _GRADIENT)):
        seconds: dict[int, list[float]] = {1: [], n_threads: []}
        forests = {}
        for _ in range(4):
            for number, found in seconds.items():
                start = time.perf_counter()
                forests[number] = grown(sample, options.format(n_trees), number)
                found.append(time.perf_counter() - start)
        np.testing.assert_array_equal(forests[1].nodes, forests[n_threads].nodes)
        gain = min(seconds[1][1:]) / min(seconds[n_threads][1:])
        print(
            f"{name}, {n_trees} trees, {n_threads} threads: {gain:.2f} times as fast as one (wall clock, shortest of 3)"
        )


def small(repeat: int) -> None:
    """Time a small training with many trees, of which TMVA needs 3.3 to 5.8 s."""
    rng = np.random.default_rng(1)
    label = np.arange(10_000) % 2
    X = (rng.normal(size=(10_000, 4)) + 0.3 * label[:, None]).astype(np.float32)
    sample = sample_of(X, label)
    (seconds,) = in_turns(repeat, lambda: grown(sample, _ADA.format(850)))
    print(f"850 trees, 10000 events x 4: {show(seconds)}")


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
