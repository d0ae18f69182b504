"""A cut chosen at a given efficiency, with the uncertainty that the choice itself adds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.evaluation.roc import RocCurve

    Floats = NDArray[np.float64]

__all__ = ["WorkingPoint", "at_background_efficiency", "at_signal_efficiency"]

# sums of weights that are equal on paper differ by rounding
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class WorkingPoint:
    """One cut ``score >= threshold`` that was chosen on the events on which it is quoted.

    Parameters
    ----------
    target : float
        Efficiency that was asked for.
    threshold : float
        The cut.
    signal_efficiency, background_efficiency : float
        Of this cut.
    signal_efficiency_error, background_efficiency_error : float
        Standard deviations. The efficiency that was asked for has its error at a fixed cut, the other one includes the
        contribution of the threshold, which moves with the sample. NaN where not computable.
    background_rejection, background_rejection_error : float
        ``1 - background_efficiency``.
    inverse_background_efficiency, inverse_background_efficiency_error : float
        ``1 / background_efficiency``; NaN where no background passes.
    slope : float
        Ratio of the densities of the two classes in score at the cut, that of the dependent efficiency first.
    n_crossings : int
        How often the curve crosses the target; more than one only with negative weights, and then this is the loosest.
    """

    target: float
    threshold: float
    signal_efficiency: float
    signal_efficiency_error: float
    background_efficiency: float
    background_efficiency_error: float
    background_rejection: float
    background_rejection_error: float
    inverse_background_efficiency: float
    inverse_background_efficiency_error: float
    slope: float
    n_crossings: int

    def to_dict(self) -> dict[str, float | int | None]:
        """Return the numbers as plain JSON types; what is not computable is null."""
        numbers: dict[str, float | int] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value if math.isfinite(value) else None for name, value in numbers.items()}


def at_signal_efficiency(curve: RocCurve, target: float) -> WorkingPoint:
    """Return the loosest crossing's tightest cut that keeps at least ``target`` of the signal."""
    _check(target)
    reached = curve.signal_efficiency >= target - _ROUNDING
    index, n_crossings = _loosest_crossing(reached)
    slope = _slope(curve.signal_efficiency, curve.background_efficiency, target, curve.n_effective_signal)
    error = _error(
        curve, index, slope, dependent=curve.background_efficiency_error, chosen=curve.signal_efficiency_error
    )
    return _working_point(
        curve, index, target, slope, n_crossings,
        signal_error=float(curve.signal_efficiency_error[index]), background_error=error,
    )  # fmt: skip


def at_background_efficiency(curve: RocCurve, target: float) -> WorkingPoint:
    """Return the loosest cut that keeps at most ``target`` of the background."""
    _check(target)
    exceeded = curve.background_efficiency > target + _ROUNDING
    # not any(): negative weights may exceed a target of 1 on the way, and still everything passes within it
    if exceeded[-1]:
        index, n_crossings = _loosest_crossing(exceeded)
        index -= 1
    else:
        index, n_crossings = curve.thresholds.size - 1, 1
    slope = _slope(curve.background_efficiency, curve.signal_efficiency, target, curve.n_effective_background)
    error = _error(
        curve, index, slope, dependent=curve.signal_efficiency_error, chosen=curve.background_efficiency_error
    )
    if curve.background_efficiency[index] <= 0:
        # the cut is that of the background's first event: how far it scatters, its own error of zero does not say
        error = math.nan
    return _working_point(
        curve, index, target, slope, n_crossings,
        signal_error=error, background_error=float(curve.background_efficiency_error[index]),
    )  # fmt: skip


def _check(target: float) -> None:
    if not 0 < target <= 1:
        msg = f"an efficiency of {target!r} was asked for; it must be above 0 and at most 1"
        raise InvalidInputError(msg)


def _loosest_crossing(reached: NDArray[np.bool_]) -> tuple[int, int]:
    """Index of the last point that is reached after one that is not, and the number of changes."""
    changes = np.flatnonzero(reached[1:] != reached[:-1]) + 1
    upward = changes[reached[changes]]
    return int(upward[-1]), int(changes.size)


def _slope(chosen: Floats, dependent: Floats, target: float, n_effective: float) -> float:
    """Change of the dependent efficiency per change of the chosen one around the target.

    Chord of the curve over ``target +- h`` with ``h = 2 t (1 - t) n_effective^(-1/5)``, never more than half way to 0 or
    1: the balance of a bias of order h^2 with a variance of order 1/(n h). It is taken in ranks, so that no monotone
    transformation of the score matters.
    """
    half_width = min(0.5 * target, 0.5 * (1.0 - target), 2.0 * n_effective**-0.2 * target * (1.0 - target))
    loose = int(_loosest_crossing(chosen >= min(target + half_width, 1.0) - _ROUNDING)[0])
    tight = int(_loosest_crossing(chosen >= target - half_width - _ROUNDING)[0]) - 1
    width = float(chosen[loose] - chosen[tight])
    return max(float(dependent[loose] - dependent[tight]) / width, 0.0) if width > 0 else 0.0


def _error(curve: RocCurve, index: int, slope: float, *, dependent: Floats, chosen: Floats) -> float:
    variance = float(dependent[index]) ** 2 + (slope * float(chosen[index])) ** 2
    if curve.efficiency_covariance is not None:
        variance -= 2.0 * slope * float(curve.efficiency_covariance[index])
    return math.sqrt(max(variance, 0.0))


def _working_point(
    curve: RocCurve,
    index: int,
    target: float,
    slope: float,
    n_crossings: int,
    *,
    signal_error: float,
    background_error: float,
) -> WorkingPoint:
    background = float(curve.background_efficiency[index])
    computable = background > 0
    if not computable:
        # no background left says that the efficiency is small, not that it is known without error
        background_error = math.nan
    return WorkingPoint(
        target=float(target),
        threshold=float(curve.thresholds[index]),
        signal_efficiency=float(curve.signal_efficiency[index]),
        signal_efficiency_error=signal_error,
        background_efficiency=background,
        background_efficiency_error=background_error,
        background_rejection=1.0 - background,
        background_rejection_error=background_error,
        inverse_background_efficiency=1.0 / background if computable else math.nan,
        inverse_background_efficiency_error=background_error / background**2 if computable else math.nan,
        slope=slope,
        n_crossings=n_crossings,
    )
