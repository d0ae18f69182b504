"""Do the errors of significances cover? Toys of two unit Gaussians, whose true yields behind any cut are known.

Each toy has on average ``n`` signal and ``n`` background events with weights all 1, or with negative weights drawn as
benchmarks/interval_coverage.py does; they stand for 100 signal and 1000 background events. The columns:

- Z_A at a cut half way between the classes, background known exactly,
- Z_A there, with 10% of systematic uncertainty and the statistical one of the simulated background,
- the same from a part of the events: one in three, scaled to the sums of all with their errors,
- the same, scaled to sums that are known (the number of events does not fluctuate then),
- Z_A with 10% at the best cut of independent events (the true value being that of the cut that was found),
- Z_A with 10% combined over bins that were chosen on independent events.

Prints how often the truth lies within one error (68.3% wanted) and in brackets the width of the pull, in the form of
benchmarks/interval_coverage.py: where an error is not computable in some toys, square brackets say in how many it is, and
the cells that miss are listed below. Seeds are fixed; the table of docs/statistics_significance.md is its output.

    python benchmarks/significance_coverage.py [--toys 4000] [--events 1000 5000]
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from itertools import pairwise

import numpy as np
from interval_coverage import AREAS, N_EVENTS, NEGATIVE, Cell, draw_class
from scipy.special import ndtr, ndtri

from hepml.evaluation import (
    FigureOfMerit,
    binned_significance,
    choose_score_binning,
    significance,
    significance_at_cut,
    significance_scan,
)

SEED = 20240502
SIGNAL, BACKGROUND = 100.0, 1000.0
KNOWN = FigureOfMerit("z_a")
UNCERTAIN = FigureOfMerit("z_a_sigma_b", relative_sigma_b=0.1)


class Truth:
    """Expected yields of toys of ``n`` events per class, ``distance`` apart, a being the share of negative density."""

    def __init__(self, n: float, distance: float, a: float) -> None:
        self.n, self.distance, self.a = n, distance, a
        # the net number of events is n / (1 + 2a)
        self.scale = {True: SIGNAL * (1 + 2 * a) / n, False: BACKGROUND * (1 + 2 * a) / n}

    def draw(self, rng: np.random.Generator, n: tuple[int, int] | None = None) -> tuple[np.ndarray, ...]:
        """Draw labels, scores and weights, with Poisson numbers of events if none are given."""
        n_signal, n_background = rng.poisson(self.n, 2) if n is None else n
        signal, signal_weight = draw_class(rng, n_signal, self.distance, self.a)
        background, background_weight = draw_class(rng, n_background, 0.0, self.a)
        label = np.repeat([True, False], [signal.size, background.size])
        weight = np.concatenate([signal_weight * self.scale[True], background_weight * self.scale[False]])
        return label, np.concatenate([signal, background]), weight

    def value(
        self, figure: FigureOfMerit, low: float, high: float = np.inf, fraction: float = 1.0, estimated=True
    ) -> float:
        """Figure of merit of the events between two scores, from a fraction of them scaled to all."""
        efficiency = ndtr(-low) - ndtr(-high)
        signal = SIGNAL * (ndtr(self.distance - low) - ndtr(self.distance - high))
        # negative events and those that they make up for, both of the wider Gaussian
        wide = ndtr((-0.5 - low) / 1.5) - ndtr((-0.5 - high) / 1.5)
        squares = self.scale[False] ** 2 * self.n / (1 + 2 * self.a)
        passing, everything = squares * (efficiency + 2 * self.a * wide), squares * (1 + 2 * self.a)
        failing_share = efficiency * (float(estimated) - 1 / fraction)
        passing_share = 1 / fraction + failing_share
        variance = fraction * (passing_share**2 * passing + failing_share**2 * (everything - passing))
        variance += (1 - fraction) * efficiency**2 * everything if estimated else 0.0
        loose = FigureOfMerit(figure.name, relative_sigma_b=figure.relative_sigma_b, min_effective=0)
        return significance(loose, signal, BACKGROUND * efficiency, background_error=np.sqrt(variance)).value


def pulls_of_toy(rng: np.random.Generator, n: int, area: float, a: float) -> dict[str, float]:
    """Draw one toy; return (estimate - truth) / error of each quantity, NaN where it is not computable."""
    distance = np.sqrt(2) * ndtri(area)
    truth = Truth(n, distance, a)
    cut = 0.5 * distance
    toy = truth.draw(rng)
    found = significance_at_cut(*toy, threshold=cut, figures=[KNOWN, UNCERTAIN]).significances
    pulls = {
        "Z_A": (found["z_a"].value - truth.value(KNOWN, cut)) / found["z_a"].error,
        "10% and MC": (found["z_a_sigma_b"].value - truth.value(UNCERTAIN, cut)) / found["z_a_sigma_b"].error,
    }

    whole = Truth(3 * n, distance, a)
    label, score, weight = whole.draw(rng)
    part = rng.random(label.size) < 1 / 3
    sums, squares = (np.bincount(label, weights=values) for values in (weight, weight**2))
    scaled = significance_at_cut(
        label[part], score[part], weight[part],
        threshold=cut, figures=[UNCERTAIN], full_sums=sums, full_squares=squares,
    ).significances["z_a_sigma_b"]  # fmt: skip
    pulls["scaled part"] = (scaled.value - whole.value(UNCERTAIN, cut, fraction=1 / 3)) / scaled.error
    label, score, weight = truth.draw(rng, (n, n))
    scaled = significance_at_cut(
        label, score, weight, threshold=cut, figures=[UNCERTAIN], full_sums=[BACKGROUND, SIGNAL]
    ).significances["z_a_sigma_b"]
    pulls["known sums"] = (scaled.value - truth.value(UNCERTAIN, cut, estimated=False)) / scaled.error

    validation = truth.draw(rng)
    best = significance_scan(*validation, figures=[UNCERTAIN]).optima["z_a_sigma_b"].threshold
    here = significance_at_cut(*toy, threshold=best, figures=[UNCERTAIN]).significances["z_a_sigma_b"]
    pulls["best cut"] = (here.value - truth.value(UNCERTAIN, best)) / here.error
    edges = choose_score_binning(*validation, figure=UNCERTAIN, max_bins=5, n_candidates=50).edges
    binned = binned_significance(*toy, edges=edges, figure=UNCERTAIN)
    bins = [truth.value(UNCERTAIN, low, high) for low, high in pairwise(edges)]
    pulls["bins"] = (binned.combined - np.sqrt(np.square(bins).sum())) / binned.combined_error
    return pulls


def main() -> None:
    """Draw the toys row by row and print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--toys", type=int, default=4000)
    parser.add_argument("--events", type=int, nargs="+", default=N_EVENTS)
    options = parser.parse_args()
    scatter, width = 100 * np.sqrt(0.683 * 0.317 / options.toys), np.sqrt(0.5 / options.toys)
    print(f"{options.toys} toys a row: coverage scatters by {scatter:.1f}%, the width of the pull by {width:.2f}")
    start = time.perf_counter()
    missed = []
    for n in options.events:
        for area in AREAS:
            for a in NEGATIVE:
                rng = np.random.default_rng([SEED, n, round(100 * area), round(100 * a)])
                pulls: dict[str, list[float]] = defaultdict(list)
                for _ in range(options.toys):
                    for name, pull in pulls_of_toy(rng, n, area, a).items():
                        pulls[name].append(pull)
                if (n, area, a) == (options.events[0], AREAS[0], NEGATIVE[0]):
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


if __name__ == "__main__":
    main()
