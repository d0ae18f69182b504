"""A cut chosen at a given efficiency, with the uncertainty that the choice itself adds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from hepml.errors import InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.influence import MIN_CARRYING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hepml.evaluation.roc import RocCurve

    Floats = NDArray[np.float64]

__all__ = ["WorkingPoint", "at_background_efficiency", "at_signal_efficiencies", "at_signal_efficiency"]

# Second order (docs/statistics.md): a count scatters together with its variance, and the slope scatters too
_OF_VARIANCE = 1.75
_OF_SLOPE = 1.5
# Scatter of the chosen efficiency, in units of its distance from 0 or 1, up to which its effect on the other is linear
_MAX_SCATTER = 1.0 / 3.0
# Relative error up to which that of 1/eps is its first order
_MAX_RELATIVE_ERROR = 0.25
# sums of weights that are equal on paper differ by rounding
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class WorkingPoint(Displayed):
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
        contribution of the threshold, which moves with the sample. NaN, not computable, where too few events carry it.
    background_rejection, background_rejection_error : float
        ``1 - background_efficiency``.
    inverse_background_efficiency, inverse_background_efficiency_error : float
        ``1 / background_efficiency``; NaN where no background passes, the error also where it is above a quarter.
    slope : float
        Ratio of the densities of the two classes in score at the cut, that of the dependent efficiency first.
    n_carrying : float
        Effective number of events that carry the errors at this cut, of the class that has fewer; below 20 the error of the
        dependent efficiency is not quoted.
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
    n_carrying: float
    n_crossings: int

    def to_dict(self) -> dict[str, float | int | None]:
        """Return the numbers as plain JSON types; what is not computable is null."""
        numbers: dict[str, float | int] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value if math.isfinite(value) else None for name, value in numbers.items()}


def at_signal_efficiency(curve: RocCurve, target: float) -> WorkingPoint:
    """Return the loosest crossing's tightest cut that keeps at least ``target`` of the signal."""
    return at_signal_efficiencies(curve, (target,))[0]


def at_signal_efficiencies(curve: RocCurve, targets: Sequence[float]) -> list[WorkingPoint]:
    """Return the cuts of :func:`at_signal_efficiency` for several targets, which share the passes over the curve."""
    signal, background = _signal(curve), _background(curve)
    found = []
    for target in targets:
        _check(target)
        position = signal.first_reached(target)
        n_crossings = 1 if signal.is_monotone else _changes(signal.efficiency >= target - _ROUNDING)
        point = _Point.of(target, position, n_crossings, chosen=signal, dependent=background)
        found.append(_working_point(curve, point, _chosen_error(point), _dependent_error(curve, point)))
    return found


def at_background_efficiency(curve: RocCurve, target: float) -> WorkingPoint:
    """Return the loosest cut that keeps at most ``target`` of the background."""
    _check(target)
    signal, background = _signal(curve), _background(curve)
    # negative weights may exceed a target of 1 on the way, and still everything passes within it
    position = int(np.searchsorted(background.envelope, target + _ROUNDING, side="right")) - 1
    everything = position == curve.thresholds.size - 1
    n_crossings = 1 if everything or background.is_monotone else _changes(background.efficiency > target + _ROUNDING)
    point = _Point.of(target, position, n_crossings, chosen=background, dependent=signal)
    return _working_point(curve, point, _dependent_error(curve, point), _chosen_error(point))


def _changes(reached: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(reached[1:] != reached[:-1]))


class _Class(NamedTuple):
    """One class of a curve."""

    efficiency: Floats
    error: Floats
    n_carrying: Floats
    n_effective: float
    envelope: Floats
    """Smallest efficiency of this cut and all looser ones: it never falls, so that a search is enough."""
    is_monotone: bool

    @classmethod
    def of(cls, efficiency: Floats, error: Floats, n_carrying: Floats, n_effective: float) -> _Class:
        envelope = np.minimum.accumulate(efficiency[::-1])[::-1]
        return cls(efficiency, error, n_carrying, n_effective, envelope, bool(np.array_equal(envelope, efficiency)))

    def first_reached(self, target: float) -> int:
        """Index of the loosest cut that reaches the target after one that does not."""
        return int(np.searchsorted(self.envelope, target - _ROUNDING))

    def n_behind(self, position: int) -> float:
        """Effective number of events that pass, or fail if those are fewer; the error must not be zero."""
        efficiency = float(self.efficiency[position])
        return (max(min(efficiency, 1.0 - efficiency), 0.0) / float(self.error[position])) ** 2

    def of_variance(self, position: int) -> float:
        """Return what the common scatter of count and variance adds: less where weights cancel, as they scatter apart."""
        n_carrying = float(self.n_carrying[position])
        return _OF_VARIANCE * min(1.0, self.n_behind(position) / n_carrying) / n_carrying


class _Point(NamedTuple):
    """A cut on the curve, and what follows from where it lies."""

    target: float
    position: int
    n_crossings: int
    chosen: _Class
    dependent: _Class
    slope: float
    n_carrying: float

    @classmethod
    def of(cls, target: float, position: int, n_crossings: int, *, chosen: _Class, dependent: _Class) -> _Point:
        slope = _slope(chosen, dependent, target, position)
        n_carrying = min(float(chosen.n_carrying[position]), float(dependent.n_carrying[position]))
        return cls(float(target), position, n_crossings, chosen, dependent, slope, n_carrying)


def _signal(curve: RocCurve) -> _Class:
    return _Class.of(
        curve.signal_efficiency, curve.signal_efficiency_error, curve.n_carrying_signal, curve.n_effective_signal
    )


def _background(curve: RocCurve) -> _Class:
    return _Class.of(
        curve.background_efficiency, curve.background_efficiency_error, curve.n_carrying_background,
        curve.n_effective_background,
    )  # fmt: skip


def _check(target: float) -> None:
    if not 0 < target <= 1:
        msg = f"an efficiency of {target!r} was asked for; it must be above 0 and at most 1"
        raise InvalidInputError(msg)


def _slope(chosen: _Class, dependent: _Class, target: float, index: int) -> float:
    """Change of the dependent efficiency per change of the chosen one around the target.

    Both efficiencies are taken as quantiles of a normal distribution, between which ROC curves are nearly straight lines
    (J. Hanley, Med. Decis. Making 8 (1988) 197): the chord over ``+- 2 n_effective^(-1/5)`` of such units is close to the
    tangent even if it is long. It is taken in ranks, so that no monotone transformation of the score matters.
    """
    center = _quantile(target, chosen)
    half_width = 2.0 * chosen.n_effective**-0.2
    loose = _at_quantile(chosen, center + half_width)
    tight = max(_at_quantile(chosen, center - half_width) - 1, 0)
    run = _quantile(float(chosen.efficiency[loose]), chosen) - _quantile(float(chosen.efficiency[tight]), chosen)
    rise = _quantile(float(dependent.efficiency[loose]), dependent) - _quantile(
        float(dependent.efficiency[tight]), dependent
    )
    if run <= 0:
        return 0.0
    here = _quantile(float(dependent.efficiency[index]), dependent)
    return max(rise / run, 0.0) * math.exp(0.5 * (center**2 - here**2))


def _quantile(efficiency: float, of: _Class) -> float:
    """Quantile of the normal distribution; efficiencies of 0, 1 and beyond count as half an effective event."""
    half = 0.5 / of.n_effective
    return float(ndtri(min(max(efficiency, half), 1.0 - half)))


def _at_quantile(of: _Class, quantile: float) -> int:
    half = 0.5 / of.n_effective
    return of.first_reached(min(max(float(ndtr(quantile)), half), 1.0 - half))


def _chosen_error(point: _Point) -> float:
    enough = point.chosen.n_carrying[point.position] >= MIN_CARRYING
    return float(point.chosen.error[point.position]) if enough else math.nan


def _dependent_error(curve: RocCurve, point: _Point) -> float:
    """Error with the threshold's contribution; NaN where it would not cover."""
    chosen, index = point.chosen, point.position
    scatter = float(chosen.error[index]) / min(point.target, 1.0 - point.target) if point.target < 1 else math.inf
    if point.n_carrying < MIN_CARRYING or scatter > _MAX_SCATTER:
        return math.nan
    variance = float(point.dependent.error[index]) ** 2 * (1.0 + point.dependent.of_variance(index))
    of_threshold = 1.0 + chosen.of_variance(index) + _OF_SLOPE / float(chosen.n_carrying[index])
    variance += (point.slope * float(chosen.error[index])) ** 2 * of_threshold
    if curve.efficiency_covariance is not None:
        variance -= 2.0 * point.slope * float(curve.efficiency_covariance[index])
    return math.sqrt(max(variance, 0.0))


def _working_point(curve: RocCurve, point: _Point, signal_error: float, background_error: float) -> WorkingPoint:
    background = float(curve.background_efficiency[point.position])
    inverse_error = math.nan
    if background > 0 and background_error <= _MAX_RELATIVE_ERROR * background:
        inverse_error = background_error / background**2
    return WorkingPoint(
        target=point.target,
        threshold=float(curve.thresholds[point.position]),
        signal_efficiency=float(curve.signal_efficiency[point.position]),
        signal_efficiency_error=signal_error,
        background_efficiency=background,
        background_efficiency_error=background_error,
        background_rejection=1.0 - background,
        background_rejection_error=background_error,
        inverse_background_efficiency=1.0 / background if background > 0 else math.nan,
        inverse_background_efficiency_error=inverse_error,
        slope=point.slope,
        n_carrying=point.n_carrying,
        n_crossings=point.n_crossings,
    )
