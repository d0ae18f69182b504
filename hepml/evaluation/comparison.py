"""Is one classifier better than another on the same events? Differences with the error that their correlation leaves."""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import erfc

from hepml.evaluation.display import Displayed
from hepml.evaluation.events import ScoredEvents, as_scores
from hepml.evaluation.influence import (
    MIN_CARRYING,
    area_influence,
    background_efficiency_influence,
    by_event,
    n_carrying,
)
from hepml.evaluation.roc import roc_curve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["MethodPair", "PairedDifference", "compare_auc", "compare_background_efficiency", "compare_methods"]

# influences that are equal on paper differ by rounding
_ROUNDING = 1e-10


@dataclass(frozen=True, slots=True)
class PairedDifference(Displayed):
    """A number of two methods on the same events, and their difference b - a.

    Parameters
    ----------
    quantity : str
        ``"auc"``, or ``"background_efficiency"`` at the same signal efficiency.
    signal_efficiency : float or None
        At which the background efficiencies are compared.
    value_a, error_a, value_b, error_b : float
        Of each method alone.
    covariance, correlation : float
        Of the two, through the events that they share.
    difference, difference_error : float
        ``value_b - value_a``; the error is smaller than that of independent samples where the methods agree.
    z, p_value : float
        Difference in units of its error, and the two-sided p-value of a difference as large if there is none.
    n_carrying : float
        Effective number of events that carry the error of the difference.
    reason : str or None
        Why error, z and p-value are not computable (NaN), or None.
    """

    quantity: str
    signal_efficiency: float | None
    value_a: float
    error_a: float
    value_b: float
    error_b: float
    covariance: float
    correlation: float
    difference: float
    difference_error: float
    z: float
    p_value: float
    n_carrying: float
    reason: str | None

    def to_dict(self) -> dict[str, float | str | None]:
        """Return the numbers as plain JSON types; what is not computable is null."""
        numbers: dict[str, float | str | None] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in numbers.items()
        }


@dataclass(frozen=True, slots=True)
class MethodPair(Displayed):
    """All differences between two methods.

    Parameters
    ----------
    a, b : str
        Names of the methods; differences are b - a.
    auc : PairedDifference
        Of the areas.
    background_efficiency : tuple of PairedDifference
        At each signal efficiency.
    """

    a: str
    b: str
    auc: PairedDifference
    background_efficiency: tuple[PairedDifference, ...]

    def to_dict(self) -> dict[str, object]:
        """Return names and numbers as plain JSON types."""
        return {
            "a": self.a,
            "b": self.b,
            "auc": self.auc.to_dict(),
            "background_efficiency": [difference.to_dict() for difference in self.background_efficiency],
        }


def compare_auc(
    y_true: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
) -> PairedDifference:
    """Difference of the areas of two methods on the same events.

    Parameters
    ----------
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    score_a, score_b : array-like of float, shape (n_events,)
        Larger is more signal-like; finite. Their scales need not agree.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are clustered. Default: each row is an event.

    Returns
    -------
    PairedDifference
        Both areas and ``auc_b - auc_a``. If both order the events alike, or too few events tell them apart, its error and
        p-value are not computable, and ``reason`` says so.

    Raises
    ------
    EmptyClassError, InvalidInputError, WeightError
        As :func:`roc_curve`.

    Notes
    -----
    The covariance is that of DeLong, DeLong and Clarke-Pearson (Biometrics 44 (1988) 837) with signed weights, summed by
    event (docs/statistics_roc.md). The methods must have been trained on other events.

    Examples
    --------
    >>> compare_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], [1, 2, 3, 4]).difference
    0.25
    """
    first, second = _pair(y_true, score_a, score_b, weight, event)
    return _difference("auc", None, _area(first), _area(second))


def compare_background_efficiency(
    y_true: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    signal_efficiency: float,
    event: ArrayLike | None = None,
) -> PairedDifference:
    """Difference of the background efficiencies of two methods at the same signal efficiency.

    Parameters
    ----------
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    score_a, score_b : array-like of float, shape (n_events,)
        Larger is more signal-like; finite. Their scales need not agree.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    signal_efficiency : float
        In (0, 1]; each method has its own threshold for it, as in :meth:`RocCurve.at_signal_efficiency`.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are clustered. Default: each row is an event.

    Returns
    -------
    PairedDifference
        Both background efficiencies and ``eps_b - eps_a``, with an error that includes both thresholds' scatter; negative if
        b keeps less background. Not computable where either working point has no error.

    Raises
    ------
    EmptyClassError, InvalidInputError, WeightError
        As :func:`roc_curve`.
    """
    first, second = _pair(y_true, score_a, score_b, weight, event)
    return _difference(
        "background_efficiency", signal_efficiency,
        _background_efficiency(first, signal_efficiency), _background_efficiency(second, signal_efficiency),
    )  # fmt: skip


def compare_methods(
    y_true: ArrayLike,
    scores: Mapping[str, ArrayLike],
    weight: ArrayLike | None = None,
    *,
    signal_efficiencies: tuple[float, ...] = (),
    event: ArrayLike | None = None,
) -> tuple[MethodPair, ...]:
    """All pairs of several methods on the same events.

    Parameters
    ----------
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    scores : mapping of str to array-like of float, shape (n_events,)
        By the name of the method.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    signal_efficiencies : tuple of float
        At which background efficiencies are compared.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are clustered. Default: each row is an event.

    Returns
    -------
    tuple of MethodPair
        In the order of ``scores``; empty for fewer than two methods. p-values are not corrected for their number.

    Raises
    ------
    EmptyClassError, InvalidInputError, WeightError
        As :func:`roc_curve`.
    """
    names = list(scores)
    if len(names) < 2:
        return ()
    first = ScoredEvents.check(y_true, scores[names[0]], weight, event)
    samples = [first, *(_other(first, scores[name], name) for name in names[1:])]
    areas = [_area(sample) for sample in samples]
    efficiencies = [[_background_efficiency(sample, target) for sample in samples] for target in signal_efficiencies]
    return tuple(
        MethodPair(
            a=names[i],
            b=names[j],
            auc=_difference("auc", None, areas[i], areas[j]),
            background_efficiency=tuple(
                _difference("background_efficiency", target, found[i], found[j])
                for target, found in zip(signal_efficiencies, efficiencies, strict=True)
            ),
        )
        for i, j in itertools.combinations(range(len(names)), 2)
    )


def _pair(
    y_true: ArrayLike, score_a: ArrayLike, score_b: ArrayLike, weight: ArrayLike | None, event: ArrayLike | None
) -> tuple[ScoredEvents, ScoredEvents]:
    first = ScoredEvents.check(y_true, score_a, weight, event)
    return first, _other(first, score_b, "score_b")


def _other(first: ScoredEvents, score: ArrayLike, name: str) -> ScoredEvents:
    return dataclasses.replace(first, score=as_scores(score, first.is_signal.size, name))


class _Number(NamedTuple):
    """A number of one method, its error, and the influence of each event on it."""

    value: float
    error: float
    influence: Floats


def _area(sample: ScoredEvents) -> _Number:
    area, influence = area_influence(sample)
    influence = by_event(influence, sample.event)
    return _Number(area, math.sqrt(np.square(influence).sum()), influence)


def _background_efficiency(sample: ScoredEvents, target: float) -> _Number:
    curve = roc_curve(sample.is_signal, sample.score, sample.weight, event=sample.event)
    point = curve.at_signal_efficiency(target)
    influence = by_event(background_efficiency_influence(sample, point), sample.event)
    return _Number(point.background_efficiency, point.background_efficiency_error, influence)


def _difference(quantity: str, signal_efficiency: float | None, a: _Number, b: _Number) -> PairedDifference:
    covariance = float((a.influence * b.influence).sum())
    moved = b.influence - a.influence
    error = math.sqrt(np.square(moved).sum())
    n_moved = n_carrying(moved)
    reason = None
    if not (math.isfinite(a.error) and math.isfinite(b.error)):
        reason = "too few events are behind a cut for an error"
    elif error <= _ROUNDING * max(a.error, b.error):
        reason = "the two scores order all events alike" if quantity == "auc" else "the two cuts keep the same events"
    elif n_moved < MIN_CARRYING:
        reason = f"only {n_moved:.1f} effective events tell the methods apart, {MIN_CARRYING:.0f} are needed"
    computable = reason is None
    z = (b.value - a.value) / error if computable else math.nan
    product = a.error * b.error
    return PairedDifference(
        quantity=quantity,
        signal_efficiency=None if signal_efficiency is None else float(signal_efficiency),
        value_a=a.value,
        error_a=a.error,
        value_b=b.value,
        error_b=b.error,
        covariance=covariance if math.isfinite(product) else math.nan,
        correlation=covariance / product if product > 0 else math.nan,
        difference=b.value - a.value,
        difference_error=error if computable else math.nan,
        z=z,
        p_value=float(erfc(abs(z) / math.sqrt(2.0))) if computable else math.nan,
        n_carrying=n_moved,
        reason=reason,
    )
