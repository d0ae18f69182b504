"""Weights files of TMVA: loading 20 MB of trees, scoring by trees against XGBoost, Fisher against a matrix-vector product.

CPU seconds on one core, medians; what is compared is timed in turns within one run. ``python benchmarks/tmva_reader.py
[--events 200000] [--repeat 5]``. A TMVA::Reader in a C++ loop did 51k events a second for 400 trees of depth 3 on 28
features, and 5.1M for Fisher, on the machine of the golden files.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import xgboost

from hepml.forest import Forest
from hepml.tmva import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

N_FEATURES, N_TREES, DEPTH = 28, 400, 3
COEFFICIENT = '<Coefficient Index="{}" Value="{}"/>'
VARIABLE = '<Variable VarIndex="{0}" Expression="x{0}" Label="x{0}"/>'


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    rng = np.random.default_rng(1)
    X = np.asfortranarray(rng.normal(size=(arguments.events, N_FEATURES)).astype(np.float32))
    with tempfile.TemporaryDirectory() as folder:
        trees(X, Path(folder), arguments.repeat)
    fisher(X, arguments.repeat)


def trees(X: np.ndarray, folder: Path, repeat: int) -> None:
    """Score by the same trees as XGBoost, and load many of them."""
    y = X[:20_000, :4].sum(axis=1) > np.random.default_rng(2).normal(size=20_000)
    names = [f"x{number}" for number in range(N_FEATURES)]
    data = xgboost.DMatrix(X[:20_000], y, feature_names=names)
    options = {"objective": "binary:logistic", "max_depth": DEPTH, "nthread": 1}
    booster = xgboost.train(options, data, N_TREES)
    Forest.from_xgboost(booster).to_tmva(folder / "small.weights.xml", ignore_missing=True)
    reader = Reader(folder / "small.weights.xml")
    rows = np.ascontiguousarray(X)
    score = booster.inplace_predict(rows, validate_features=False)
    np.testing.assert_allclose(reader.evaluate(X), 2 * score - 1, atol=2e-5)
    ours, theirs = in_turns(
        repeat, lambda: reader.evaluate(X), lambda: booster.inplace_predict(rows, validate_features=False)
    )
    print(f"{N_TREES} trees of depth {DEPTH}: {len(X) / ours / 1e3:8.0f}k events/s, {theirs / ours:5.2f} x XGBoost")

    text = (folder / "small.weights.xml").read_text()
    first, rest = text.split("<BinaryTree", 1)
    body, last = ("<BinaryTree" + rest).rsplit("</Weights>", 1)
    copies = int(20e6 / len(body)) + 1
    n_trees = body.count("<BinaryTree")
    first = first.replace(f'NTrees="{n_trees}" A', f'NTrees="{n_trees * copies}" A')
    large = folder / "large.weights.xml"
    large.write_text(f"{first}{body * copies}</Weights>{last}")
    (seconds,) = in_turns(repeat, lambda: Reader(large))
    print(f"loading {large.stat().st_size / 1e6:.1f} MB, {n_trees * copies} trees: {seconds:.2f} s")


def fisher(X: np.ndarray, repeat: int) -> None:
    """Compare with matrix-vector products of BLAS."""
    coefficients = np.random.default_rng(3).normal(size=N_FEATURES)
    variables = "".join(map(VARIABLE.format, range(N_FEATURES)))
    values = "".join(COEFFICIENT.format(number, value) for number, value in enumerate([0.5, *coefficients.tolist()]))
    reader = Reader(
        f'<MethodSetup Method="Fisher::F"><Variables>{variables}</Variables><Weights>{values}</Weights></MethodSetup>'
    )
    single, double = coefficients.astype(np.float32), X.astype(np.float64)
    np.testing.assert_allclose(reader.evaluate(X), double @ coefficients + 0.5, atol=1e-9)
    ours, as_single, as_double, response = in_turns(
        5 * repeat,
        lambda: reader.evaluate(X),
        lambda: X @ single,
        lambda: double @ coefficients,
        lambda: respond(reader, X),
    )
    print(
        f"Fisher: {len(X) / ours / 1e6:.1f}M events/s, {ours / as_double:.2f} x the product in double precision; ",
        end="",
    )
    print(f"{ours / as_single:.2f} x in single; alone {response / as_double:.2f} x and {response / as_single:.2f} x")


def respond(reader: Reader, X: np.ndarray) -> np.ndarray:
    """Return the response without the checks of its input."""
    from hepml.tmva.events import Events, chain_of

    return reader.method.respond(Events(X, X[:, :0], chain_of(reader.setup)))


def in_turns(repeat: int, *jobs: Callable[[], object]) -> list[float]:
    """Return the median CPU seconds of each job; the first round warms up."""
    seconds: list[list[float]] = [[] for _ in jobs]
    for _ in range(repeat + 1):
        for job, found in zip(jobs, seconds, strict=True):
            start = time.process_time()
            job()
            found.append(time.process_time() - start)
    return [median(found[1:]) for found in seconds]


if __name__ == "__main__":
    main()
