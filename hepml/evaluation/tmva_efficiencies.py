"""The efficiencies and the area that TMVA prints, computed as TMVA computes them, for comparison with its logs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepml.evaluation.display import Displayed
from hepml.evaluation.events import ScoredEvents
from hepml.evaluation.tmva_curve import TmvaCurve, single_precision

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["TmvaEfficiencies", "tmva_efficiencies"]

_BACKGROUND_EFFICIENCIES = (0.01, 0.10, 0.30)
# TMVA's own number of steps (MethodBase.cxx)
_N_SCAN = 1000


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
    made = TmvaCurve.of(events)
    _, weights = single_precision(events)
    steps = (np.arange(_N_SCAN, dtype=np.float64) + 0.5) / _N_SCAN
    scanned = np.array([made.curve(step) for step in steps.tolist()])
    found = tuple(_scan(steps, scanned, float(np.float32(target))) for target in _BACKGROUND_EFFICIENCIES)
    n_signal = float(weights[events.is_signal].sum())
    return TmvaEfficiencies(
        roc_integral=float((1.0 - scanned).sum() / _N_SCAN),
        background_efficiencies=_BACKGROUND_EFFICIENCIES,
        signal_efficiencies=found,
        signal_efficiency_errors=tuple(_binomial(value, n_signal) for value in found),
        flipped=made.flipped,
    )


def _binomial(efficiency: float, n_events: float) -> float:
    variance = efficiency * (1.0 - efficiency) / n_events
    return math.sqrt(variance) if variance >= 0 else math.nan


def _scan(efficiency: Floats, background: Floats, target: float) -> float:
    """Middle of the first step in which the background efficiency passes the target, from zero on."""
    before = np.concatenate([[0.0], background[:-1]])
    crossed = np.flatnonzero((background - target) * (before - target) <= 0)
    if crossed.size == 0:
        return float(efficiency[-1])
    first = int(crossed[0])
    return 0.5 * float(efficiency[first] + (efficiency[first - 1] if first else 0.0))
