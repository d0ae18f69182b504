"""What comparing training with test costs, and whether permuting in groups gives the p-values of permuting row by row.

First CPU seconds of 200 permutations of one class, row by row and in groups, interleaved; then pairs of samples with
negative weights both ways, and how far their p-values differ; then CPU seconds of the whole comparison and of a training
curve.

    python benchmarks/overtraining.py [--rows 1000000] [--repeat 3] [--pairs 60]
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

import numpy as np

from hepml.evaluation import overtraining, stage_grid, training_curve, two_sample, two_sample_test

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Sample = tuple[NDArray[np.float64], NDArray[np.float64]]

_TESTS = ("ks_p_value", "anderson_darling_p_value", "chi2_p_value")
_ALWAYS, _NEVER = 0, 1 << 62


def draw(rng: np.random.Generator, n: int) -> Sample:
    """Values and weights: one in five negative and of another density."""
    removed = rng.random(n) < 0.2
    values = np.where(removed, rng.normal(-0.5, 1.5, n), rng.normal(0.0, 1.0, n))
    return values, np.where(removed, -1.0, 1.0) * rng.uniform(0.5, 1.5, n)


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def compare(limit: int, a: Sample, b: Sample, *, n_permutations: int, seed: int = 0) -> list[float]:
    """P-values with the number of rows from which they are permuted in groups."""
    two_sample._MANY_ROWS = limit
    found = two_sample_test(*a, *b, n_permutations=n_permutations, seed=seed)
    return [getattr(found, name) for name in _TESTS]


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=60)
    options = parser.parse_args()
    rng = np.random.default_rng(3)
    limit = two_sample._MANY_ROWS
    a, b = draw(rng, options.rows // 2), draw(rng, options.rows // 2)
    found: dict[str, list[float]] = {"row by row": [], "in groups": []}
    for _ in range(options.repeat):
        for name, threshold in (("row by row", _NEVER), ("in groups", _ALWAYS)):
            found[name].append(seconds(lambda threshold=threshold: compare(threshold, a, b, n_permutations=200)))  # type: ignore[misc]
    for name, values in found.items():
        print(f"{options.rows} rows, 200 permutations {name}: {statistics.median(values):.2f} s")
    difference = []
    for pair in range(options.pairs):
        first, second = draw(rng, 12_000), draw(rng, 8_000)
        ways = [compare(way, first, second, n_permutations=400, seed=pair) for way in (_NEVER, _ALWAYS)]
        difference.append(np.subtract(*ways))
    spread = np.std(difference, axis=0)
    largest = np.abs(difference).max(axis=0)
    for name, width, most in zip(_TESTS, spread, largest, strict=True):
        print(
            f"{name}: the two ways differ by {width:.3f} (spread), {most:.3f} (largest); two sets of 400 scatter by 0.029"
        )
    two_sample._MANY_ROWS = limit
    y = rng.random(options.rows) < 0.5
    score, weight = draw(rng, options.rows)
    score += y
    half = options.rows // 2
    parts = (y[:half], score[:half], np.abs(weight[:half]), y[half:], score[half:], np.abs(weight[half:]))
    whole = [seconds(lambda: overtraining(*parts, n_permutations=200)) for _ in range(options.repeat)]
    print(f"whole comparison of {options.rows} rows: {statistics.median(whole):.2f} s")
    kept = min(200_000, half)
    stages = stage_grid(500)
    margin = score[:kept] * np.linspace(0.1, 1.0, len(stages))[:, None]
    part = (y[:kept], margin, np.abs(weight[:kept]))
    curve = [seconds(lambda: training_curve(stages, *part, *part)) for _ in range(options.repeat)]
    print(f"training curve of {kept} + {kept} rows, {len(stages)} stages: {statistics.median(curve):.2f} s")


if __name__ == "__main__":
    main()
