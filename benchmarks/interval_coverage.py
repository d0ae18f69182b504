"""Do the uncertainties of the evaluation cover? Toys of two unit Gaussians, whose truth is known in closed form.

Draws ``n`` signal and ``n`` background events many times, for each n, AUC and kind of weights:

- all weights 1,
- negative weights (``neg.`` in the table): positive events of density ``(f + a g) / (1 + a)`` and negative ones of density
  ``g``, wider than f and shifted, so that the net density stays the Gaussian f; a = 0.25, one event in six negative.

A second method sees the same events with noise of half a standard deviation added to the score, which leaves a Gaussian.

Prints how often the truth lies within one error (68.3% wanted) and in brackets the width of the pull, for the AUC, the
background efficiency at a fixed cut half way between the classes, the working points at given signal or background
efficiencies, and the differences of the two methods in AUC and in background efficiency. An error that is not computable is
not quoted: where this happens in some toys the cell says in square brackets in how many it is quoted, and speaks of those;
where it happens in most, no coverage is given. The seeds are fixed, so two runs agree; each row has its own, so no row
depends on the others. The table of docs/statistics_roc.md is its output. A cell that misses 68.3% by more than 2.2% or a
width of 1 by more than 0.04 is listed below it.

    python benchmarks/interval_coverage.py [--toys 4000] [--events 1000 5000] [--areas 0.6 0.76 0.95]
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from hepml.evaluation import compare_auc, compare_background_efficiency, efficiency, roc_curve

SEED = 20240501
N_EVENTS = (1000, 5000)
AREAS = (0.6, 0.76, 0.95)
NEGATIVE = (0.0, 0.25)
SIGNAL_EFFICIENCIES = (0.3, 0.5, 0.7, 0.9)
BACKGROUND_EFFICIENCIES = (0.01, 0.1, 0.3)
NOISE = 0.5
COMPARED_AT = 0.7


def draw_class(rng: np.random.Generator, n: int, mean: float, a: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw scores and weights of one class; ``a`` is the share of negative density beside the Gaussian."""
    if a == 0:
        return rng.normal(mean, 1, n), np.ones(n)
    n_positive = rng.binomial(n, (1 + a) / (1 + 2 * a))
    n_negative = n - n_positive
    from_gaussian = rng.random(n_positive) < 1 / (1 + a)
    positive = np.where(from_gaussian, rng.normal(mean, 1, n_positive), rng.normal(mean - 0.5, 1.5, n_positive))
    negative = rng.normal(mean - 0.5, 1.5, n_negative)
    return np.concatenate([positive, negative]), np.repeat([1.0, -1.0], [n_positive, n_negative])


def pulls_of_toy(rng: np.random.Generator, n: int, area: float, a: float) -> dict[str, float]:
    """Draw one toy; return (estimate - truth) / error of each quantity, NaN where the error is not computable."""
    distance = np.sqrt(2) * norm.ppf(area)
    signal, signal_weight = draw_class(rng, n, distance, a)
    background, background_weight = draw_class(rng, n, 0.0, a)
    label = np.repeat([True, False], [signal.size, background.size])
    score, weight = np.concatenate([signal, background]), np.concatenate([signal_weight, background_weight])

    curve = roc_curve(label, score, weight)
    pulls = {"AUC": (curve.auc - area) / curve.auc_error}
    cut = 0.5 * distance
    fixed = efficiency(background >= cut, background_weight)
    pulls["eps_B fixed cut"] = (fixed.value - norm.sf(cut)) / fixed.error
    for target in SIGNAL_EFFICIENCIES:
        point = curve.at_signal_efficiency(target)
        truth = norm.sf(norm.isf(target) + distance)
        pulls[f"eps_B @ {target}"] = (point.background_efficiency - truth) / point.background_efficiency_error
    for target in BACKGROUND_EFFICIENCIES:
        point = curve.at_background_efficiency(target)
        truth = norm.sf(norm.isf(target) - distance)
        pulls[f"eps_S @ {target}"] = (point.signal_efficiency - truth) / point.signal_efficiency_error

    noisy = score + rng.normal(0.0, NOISE, score.size)
    distance_noisy = distance / np.hypot(1.0, NOISE)
    paired = compare_auc(label, score, noisy, weight)
    truth = norm.cdf(distance_noisy / np.sqrt(2)) - area
    pulls["AUC difference"] = (paired.difference - truth) / paired.difference_error
    paired = compare_background_efficiency(label, score, noisy, weight, signal_efficiency=COMPARED_AT)
    cut = norm.isf(COMPARED_AT)
    truth = norm.sf(cut + distance_noisy) - norm.sf(cut + distance)
    pulls[f"eps_B difference @ {COMPARED_AT}"] = (paired.difference - truth) / paired.difference_error
    return pulls


def main() -> None:
    """Draw the toys row by row and print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--toys", type=int, default=4000)
    parser.add_argument("--events", type=int, nargs="+", default=N_EVENTS)
    parser.add_argument("--areas", type=float, nargs="+", default=AREAS)
    options = parser.parse_args()
    scatter, width = 100 * np.sqrt(0.683 * 0.317 / options.toys), np.sqrt(0.5 / options.toys)
    print(f"{options.toys} toys a row: coverage scatters by {scatter:.1f}%, the width of the pull by {width:.2f}")
    start = time.perf_counter()
    missed = []
    for n in options.events:
        for area in options.areas:
            for a in NEGATIVE:
                rng = np.random.default_rng([SEED, n, round(100 * area), round(100 * a)])
                pulls: dict[str, list[float]] = defaultdict(list)
                for _ in range(options.toys):
                    for name, pull in pulls_of_toy(rng, n, area, a).items():
                        pulls[name].append(pull)
                if (n, area, a) == (options.events[0], options.areas[0], NEGATIVE[0]):
                    print(f"| n | AUC | neg. | {' | '.join(pulls)} |\n|{'---|' * (3 + len(pulls))}")
                cells = {name: Cell.of(np.asarray(values)) for name, values in pulls.items()}
                row = f"| {n} | {area} | {'yes' if a else 'no'} | {' | '.join(map(str, cells.values()))} |"
                print(row, flush=True)
                missed += [
                    f"n = {n}, AUC {area}, {'negative weights, ' if a else ''}{name}: {cell}"
                    for name, cell in cells.items()
                    if cell.misses
                ]
    print("missed: " + ("; ".join(missed) or "none"))
    print(f"{time.perf_counter() - start:.0f} s")


@dataclass(frozen=True)
class Cell:
    """Coverage in percent and width of the pull, among the toys whose error is quoted, and their share."""

    quoted: float
    coverage: float
    width: float

    @classmethod
    def of(cls, pulls: np.ndarray) -> Cell:
        """Summarise the pulls of all toys; NaN is not quoted."""
        found = pulls[np.isfinite(pulls)]
        if found.size < 2:
            return cls(found.size / pulls.size, np.nan, np.nan)
        return cls(found.size / pulls.size, 100 * float(np.mean(np.abs(found) < 1)), float(np.std(found)))

    @property
    def misses(self) -> bool:
        """Whether an error that is mostly quoted does not cover."""
        return self.quoted >= 0.5 and (abs(self.coverage - 68.3) > 2.2 or abs(self.width - 1) > 0.04)

    def __str__(self) -> str:
        if self.quoted < 0.5:
            return f"[{100 * self.quoted:.1f}%]"
        text = f"{self.coverage:.1f}% ({self.width:.2f})"
        return text if self.quoted == 1 else f"{text} [{100 * self.quoted:.1f}%]"


if __name__ == "__main__":
    main()
