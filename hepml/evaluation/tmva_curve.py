"""The binned efficiencies that TMVA makes of responses, and the curve of background against signal efficiency in them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hepml.evaluation.events import ScoredEvents

    Floats = NDArray[np.float64]

__all__ = ["BinnedEfficiency", "TmvaCurve"]

# TMVA's own numbers of bins (MethodBase.cxx, Config.cxx)
_N_BINS = 10_000
_N_CURVE = 100
_MAX_ITERATIONS = 100
_N_SIGMA = 10.0
UPPER_MARGIN = 0.00001
_EDGE = 1.0e-5


@dataclass(frozen=True, slots=True, eq=False)
class BinnedEfficiency:
    """Efficiency at given positions, linear between them and beyond both ends.

    Parameters
    ----------
    positions, values : ndarray of float64, shape (n,)
        Centres of the bins, and the efficiencies of cuts at their edges, of which the largest is 1.
    """

    positions: Floats
    values: Floats

    @classmethod
    def fill(cls, values: Floats, weights: Floats, axis: tuple[float, float], *, flipped: bool) -> BinnedEfficiency:
        """Count the events that pass each bin's edge; ``axis`` is the range of the bins."""
        low, high = axis
        bins = np.trunc((values - low) / (high - low) * _N_BINS).astype(np.int64)
        inside = bins >= 0 if flipped else bins < _N_BINS
        filled = np.clip(bins[inside], 0, _N_BINS - 1)
        content = np.bincount(filled, weights=weights[inside], minlength=_N_BINS).astype(np.float64, copy=False)
        # a bin counts the events that pass its edge: those above it, or when flipped those of the bins below it
        passing: Floats = np.cumsum(content) - content if flipped else np.cumsum(content[::-1])[::-1]
        largest = max(float(passing.max()), float(np.finfo(np.float64).eps))
        centers: Floats = low + (np.arange(_N_BINS, dtype=np.float64) + 0.5) * ((high - low) / _N_BINS)
        # multiplied by the inverse as TMVA does: whether an efficiency is equal to a target hangs on the last bit
        return cls(centers, passing * np.float64(1.0 / largest))

    def __call__(self, position: float) -> float:
        """Interpolate the efficiency of a cut."""
        index = min(max(int(np.searchsorted(self.positions, position, side="right")) - 1, 0), self.values.size - 2)
        rise = self.values[index + 1] - self.values[index]
        run = self.positions[index + 1] - self.positions[index]
        return float(self.values[index] + (position - self.positions[index]) * rise / run)


@dataclass(frozen=True, slots=True, eq=False)
class TmvaCurve:
    """What TMVA makes of the responses of the test events.

    Parameters
    ----------
    low, high : float
        Range of its histograms: the means plus and minus ten standard deviations, at most that of the responses.
    flipped : bool
        Whether the mean response of the signal is not above that of the background, and TMVA cuts from the other side.
    signal, background : BinnedEfficiency
        Efficiencies against the cut.
    cuts : ndarray of float64, shape (100,)
        Cuts at which the signal efficiency is 0.005, 0.015, ..., by Brent's search for a root.
    curve : BinnedEfficiency
        Background against signal efficiency.
    """

    low: float
    high: float
    flipped: bool
    signal: BinnedEfficiency
    background: BinnedEfficiency
    cuts: Floats
    curve: BinnedEfficiency

    @classmethod
    def of(cls, events: ScoredEvents) -> TmvaCurve:
        """Compute all of it in single precision, as responses and weights stand in the tree.

        Raises
        ------
        InvalidInputError
            If all scores are equal.
        """
        values, weights = single_precision(events)
        signal, background = events.is_signal, ~events.is_signal
        mean_signal, sigma_signal = _moments(values[signal], weights[signal])
        mean_background, sigma_background = _moments(values[background], weights[background])
        low = max(
            min(mean_signal - _N_SIGMA * sigma_signal, mean_background - _N_SIGMA * sigma_background),
            float(values.min()),
        )
        high = min(
            max(mean_signal + _N_SIGMA * sigma_signal, mean_background + _N_SIGMA * sigma_background),
            float(values.max()),
        )
        if not low < high:
            msg = f"all {values.size} scores lie at {low:.6g}: TMVA's histograms need a range"
            raise InvalidInputError(msg)
        flipped = not mean_signal > mean_background
        axis = (low, high + UPPER_MARGIN)
        of_signal = BinnedEfficiency.fill(values[signal], weights[signal], axis, flipped=flipped)
        of_background = BinnedEfficiency.fill(values[background], weights[background], axis, flipped=flipped)

        def signal_efficiency(cut: float) -> float:
            # TMVA forces the ends, which its bins may miss
            if cut - low < _EDGE:
                return 0.0 if flipped else 1.0
            if high - cut < _EDGE:
                return 1.0 if flipped else 0.0
            return of_signal(cut)

        grid: Floats = (np.arange(_N_CURVE, dtype=np.float64) + 0.5) * (1.0 / _N_CURVE)
        cuts = np.array([_root(partial(_difference, signal_efficiency, target), low, high) for target in grid.tolist()])
        curve = BinnedEfficiency(grid, np.array([of_background(cut) for cut in cuts.tolist()]))
        return cls(low, high, flipped, of_signal, of_background, cuts, curve)

    @property
    def axis(self) -> tuple[float, float]:
        """Lower and upper edge of TMVA's histograms of the responses."""
        return self.low, self.high + UPPER_MARGIN

    def of_training(self, events: ScoredEvents) -> tuple[BinnedEfficiency, BinnedEfficiency, Floats]:
        """Return efficiencies of training events, and those of the background at the cuts found with test events.

        As TMVA does, whose search for cuts always asks the spline of the test signal (``MethodBase::GetEffForRoot``).
        Scores are not rounded: TMVA asks the method again.
        """
        values, (_, weights) = events.score.astype(np.float64), single_precision(events)
        signal, background = events.is_signal, ~events.is_signal
        of_signal = BinnedEfficiency.fill(values[signal], weights[signal], self.axis, flipped=self.flipped)
        of_background = BinnedEfficiency.fill(values[background], weights[background], self.axis, flipped=self.flipped)
        return of_signal, of_background, np.array([of_background(cut) for cut in self.cuts.tolist()])


def single_precision(events: ScoredEvents) -> tuple[Floats, Floats]:
    """Return scores and weights rounded to single precision."""
    return (
        events.score.astype(np.float32).astype(np.float64),
        events.weight.astype(np.float32).astype(np.float64),
    )


def _moments(values: Floats, weights: Floats) -> tuple[float, float]:
    total = float(weights.sum())
    mean = float((weights * values).sum()) / total
    return mean, math.sqrt(abs(float((weights * np.square(values)).sum()) / total - mean**2))


def _difference(efficiency: Callable[[float], float], target: float, cut: float) -> float:
    return efficiency(cut) - target


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Find a root by Brent's method in the form of CERNLIB's RZERO, as TMVA does.

    Where the efficiency is flat, at the wanted value, any cut is a root: which one is found decides the last printed digit,
    so another library's search does not do.
    """
    a, b = low, high
    f_a, f_b = function(a), function(b)
    if f_a * f_b > 0:
        # what TMVA's RootFinder returns after a warning
        return 1.0
    c, f_c, step, before = b, f_b, 0.0, 0.0
    secant = False
    for _ in range(_MAX_ITERATIONS + 1):
        if (f_b < 0 and f_c < 0) or (f_b > 0 and f_c > 0):
            secant = True
            c, f_c = a, f_a
            step = before = b - a
        if abs(f_c) < abs(f_b):
            secant = True
            a, b, c = b, c, b
            f_a, f_b, f_c = f_b, f_c, f_b
        tolerance = 0.5 * float(np.finfo(np.float64).eps) * abs(b)
        middle = 0.5 * (c - b)
        if f_b == 0 or abs(middle) <= tolerance:
            return b
        if abs(before) < tolerance or abs(f_a) <= abs(f_b):
            step = before = middle
        else:
            ratio = f_b / f_a
            if secant:
                p, q = 2.0 * middle * ratio, 1.0 - ratio
            else:
                q, r = f_a / f_c, f_b / f_c
                p = ratio * (2.0 * middle * q * (q - r) - (b - a) * (r - 1.0))
                q = (q - 1.0) * (r - 1.0) * (ratio - 1.0)
            q, p = (-q, p) if p > 0 else (q, -p)
            if 2.0 * p < min(3.0 * middle * q - abs(tolerance * q), abs(before * q)):
                before, step = step, p / q
            else:
                step = before = middle
        a, f_a = b, f_b
        b += step if abs(step) > tolerance else math.copysign(tolerance, middle)
        f_b = function(b)
    return b
