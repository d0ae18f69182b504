"""The efficiencies and the area that TMVA prints, computed as TMVA computes them, for comparison with its logs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import ScoredEvents

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["TmvaEfficiencies", "tmva_efficiencies"]

_BACKGROUND_EFFICIENCIES = (0.01, 0.10, 0.30)
# TMVA's own numbers of bins and steps (MethodBase.cxx, Config.cxx)
_N_BINS = 10_000
_N_CURVE = 100
_N_SCAN = 1000
_MAX_ITERATIONS = 100
_N_SIGMA = 10.0
_UPPER_MARGIN = 0.00001
_EDGE = 1.0e-5


@dataclass(frozen=True, slots=True)
class TmvaEfficiencies(Displayed):
    """One line of TMVA's table "Evaluation results ranked by best signal efficiency and purity (area)".

    They are TMVA's numbers, not hepml's: binned, interpolated, and of the flipped classifier where it is inverted.

    Parameters
    ----------
    roc_integral : float
        TMVA's column ``ROC-integ``.
    background_efficiencies : tuple of float
        0.01, 0.10 and 0.30.
    signal_efficiencies, signal_efficiency_errors : tuple of float
        TMVA's columns ``@B=0.01``, ``@B=0.10`` and ``@B=0.30``; TMVA prints the error in units of 0.001, cut off.
    flipped : bool
        Whether the mean score of the signal is not above that of the background, and TMVA cuts from the other side.
    """

    roc_integral: float
    background_efficiencies: tuple[float, ...]
    signal_efficiencies: tuple[float, ...]
    signal_efficiency_errors: tuple[float, ...]
    flipped: bool

    def to_dict(self) -> dict[str, float | bool | list[float | None]]:
        """Return the numbers as plain JSON types; an error that is not computable is null."""
        return {
            "roc_integral": self.roc_integral,
            "background_efficiencies": list(self.background_efficiencies),
            "signal_efficiencies": list(self.signal_efficiencies),
            "signal_efficiency_errors": [
                None if math.isnan(error) else error for error in self.signal_efficiency_errors
            ],
            "flipped": self.flipped,
        }


def tmva_efficiencies(y_true: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> TmvaEfficiencies:
    """Compute what TMVA prints as signal efficiencies at fixed background efficiencies, and as ``ROC-integ``.

    Use :func:`hepml.evaluation.roc_curve` for the exact area and efficiencies with errors that hold; this is for comparing
    with a log of TMVA.

    Parameters
    ----------
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    score : array-like of float, shape (n_events,)
        TMVA's response, rounded to single precision as TMVA stores it; finite.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign, rounded to single precision. Default 1.

    Returns
    -------
    TmvaEfficiencies
        Area, signal efficiencies with TMVA's errors, and whether the classifier was flipped.

    Raises
    ------
    EmptyClassError
        If a class has no events or its weights sum to zero or less.
    InvalidInputError
        If a score is NaN or infinite, all scores are equal, a label is not 0 or 1, or the shapes differ.
    WeightError
        If a weight is NaN or infinite, or all are zero.

    Notes
    -----
    ``MethodBase::GetEfficiency`` of TMVA 4.2: efficiencies in 10,000 bins between the means plus and minus ten standard
    deviations, at most the range of the scores, divided by their maximum and interpolated linearly; the cuts of 100 signal
    efficiencies by Brent's search for a root; the background efficiencies there interpolated again; and 1000 steps along
    this curve, whose mean is the area. If the signal's mean is not above the background's, smaller scores pass. The error
    is ``sqrt(eff (1 - eff) / sum w)`` of the signal. Methods that find their cuts in training (``Cuts``) have another
    definition in TMVA.
    """
    events = ScoredEvents.check(y_true, score, weight)
    values = events.score.astype(np.float32).astype(np.float64)
    weights = events.weight.astype(np.float32).astype(np.float64)
    signal, background = events.is_signal, ~events.is_signal
    mean_signal, sigma_signal = _moments(values[signal], weights[signal])
    mean_background, sigma_background = _moments(values[background], weights[background])
    low = max(
        min(mean_signal - _N_SIGMA * sigma_signal, mean_background - _N_SIGMA * sigma_background), float(values.min())
    )
    high = min(
        max(mean_signal + _N_SIGMA * sigma_signal, mean_background + _N_SIGMA * sigma_background), float(values.max())
    )
    if not low < high:
        msg = f"all {values.size} scores lie at {low:.6g}: TMVA's histograms need a range"
        raise InvalidInputError(msg)
    flipped = not mean_signal > mean_background
    axis = (low, high + _UPPER_MARGIN)
    of_signal = _Efficiency.fill(values[signal], weights[signal], axis, flipped=flipped)
    of_background = _Efficiency.fill(values[background], weights[background], axis, flipped=flipped)

    def signal_efficiency(cut: float) -> float:
        # TMVA forces the ends, which its bins may miss
        if cut - low < _EDGE:
            return 0.0 if flipped else 1.0
        if high - cut < _EDGE:
            return 1.0 if flipped else 0.0
        return of_signal(cut)

    grid: Floats = (np.arange(_N_CURVE, dtype=np.float64) + 0.5) * (1.0 / _N_CURVE)
    cuts = [_root(partial(_difference, signal_efficiency, target), low, high) for target in grid.tolist()]
    curve = _Efficiency(grid, np.array([of_background(cut) for cut in cuts]))
    steps = (np.arange(_N_SCAN, dtype=np.float64) + 0.5) / _N_SCAN
    scanned = np.array([curve(step) for step in steps.tolist()])
    found = tuple(_scan(steps, scanned, float(np.float32(target))) for target in _BACKGROUND_EFFICIENCIES)
    n_signal = float(weights[signal].sum())
    return TmvaEfficiencies(
        roc_integral=float((1.0 - scanned).sum() / _N_SCAN),
        background_efficiencies=_BACKGROUND_EFFICIENCIES,
        signal_efficiencies=found,
        signal_efficiency_errors=tuple(_binomial(value, n_signal) for value in found),
        flipped=flipped,
    )


def _moments(values: Floats, weights: Floats) -> tuple[float, float]:
    total = float(weights.sum())
    mean = float((weights * values).sum()) / total
    return mean, math.sqrt(abs(float((weights * np.square(values)).sum()) / total - mean**2))


def _binomial(efficiency: float, n_events: float) -> float:
    variance = efficiency * (1.0 - efficiency) / n_events
    return math.sqrt(variance) if variance >= 0 else math.nan


def _difference(efficiency: Callable[[float], float], target: float, cut: float) -> float:
    return efficiency(cut) - target


@dataclass(frozen=True, slots=True, eq=False)
class _Efficiency:
    """Efficiency at given positions, linear between them and beyond both ends."""

    positions: Floats
    values: Floats

    @classmethod
    def fill(cls, values: Floats, weights: Floats, axis: tuple[float, float], *, flipped: bool) -> _Efficiency:
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
        index = min(max(int(np.searchsorted(self.positions, position, side="right")) - 1, 0), self.values.size - 2)
        rise = self.values[index + 1] - self.values[index]
        run = self.positions[index + 1] - self.positions[index]
        return float(self.values[index] + (position - self.positions[index]) * rise / run)


def _scan(efficiency: Floats, background: Floats, target: float) -> float:
    """Middle of the first step in which the background efficiency passes the target, from zero on."""
    before = np.concatenate([[0.0], background[:-1]])
    crossed = np.flatnonzero((background - target) * (before - target) <= 0)
    if crossed.size == 0:
        return float(efficiency[-1])
    first = int(crossed[0])
    return 0.5 * float(efficiency[first] + (efficiency[first - 1] if first else 0.0))


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
