"""Receiver operating characteristic of a classifier, for signed event weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.evaluation.display import Displayed
from hepml.evaluation.events import ScoredEvents
from hepml.evaluation.influence import MIN_CARRYING
from hepml.evaluation.roc_band import ONE_SIGMA, RocBand, pointwise_band
from hepml.evaluation.sweep import sweep
from hepml.evaluation.working_point import (
    WorkingPoint,
    at_background_efficiency,
    at_signal_efficiency,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["RocCurve", "roc_curve"]

_MAX_POINTS_IN_JSON = 200


@dataclass(frozen=True, slots=True, eq=False)
class RocCurve(Displayed):
    """Signal efficiency against background efficiency over all cuts ``score >= threshold``.

    Arrays run from the tightest cut (threshold infinity, nothing passes) to the loosest (everything passes), one point
    per distinct score.

    Parameters
    ----------
    auc, auc_error : float
        Area under the curve (probability that a signal event scores above a background event, ties one half) and its
        standard deviation.
    signal_efficiency, background_efficiency : ndarray of float64, shape (n_points,)
        With negative weights they need not be monotone, nor stay within [0, 1].
    thresholds : ndarray of float64, shape (n_points,)
        Decreasing; the first is infinity.
    signal_efficiency_error, background_efficiency_error : ndarray of float64, shape (n_points,)
        Standard deviation at a fixed cut.
    n_carrying_signal, n_carrying_background : ndarray of float64, shape (n_points,)
        Effective number of events that carry this error: about those that pass, or fail if those are fewer. Below 20 it is
        an estimate too rough to be quoted, and working points do not.
    efficiency_covariance : ndarray of float64, shape (n_points,), or None
        Covariance of the two efficiencies at a fixed cut; None (zero) unless one event has rows of both classes.
    n_signal, n_background : int
        Number of rows.
    sum_signal, sum_background : float
        Sums of the signed weights.
    n_effective_signal, n_effective_background : float
        ``(sum w)^2 / sum w^2``.
    """

    auc: float
    auc_error: float
    signal_efficiency: NDArray[np.float64] = field(repr=False)
    background_efficiency: NDArray[np.float64] = field(repr=False)
    thresholds: NDArray[np.float64] = field(repr=False)
    signal_efficiency_error: NDArray[np.float64] = field(repr=False)
    background_efficiency_error: NDArray[np.float64] = field(repr=False)
    n_carrying_signal: NDArray[np.float64] = field(repr=False)
    n_carrying_background: NDArray[np.float64] = field(repr=False)
    efficiency_covariance: NDArray[np.float64] | None = field(repr=False)
    n_signal: int
    n_background: int
    sum_signal: float
    sum_background: float
    n_effective_signal: float
    n_effective_background: float

    def at_signal_efficiency(self, target: float) -> WorkingPoint:
        """Return the cut that keeps at least ``target`` of the signal, with errors that include the threshold's own.

        Parameters
        ----------
        target : float
            Signal efficiency wanted, in (0, 1].

        Returns
        -------
        WorkingPoint
            At several crossings of a curve that is not monotone, the loosest cut; ``n_crossings`` tells.

        Raises
        ------
        InvalidInputError
            If ``target`` is not in (0, 1].
        """
        return at_signal_efficiency(self, target)

    def at_background_efficiency(self, target: float) -> WorkingPoint:
        """Return the cut that keeps at most ``target`` of the background, with errors that include the threshold's own.

        Parameters
        ----------
        target : float
            Background efficiency wanted, in (0, 1].

        Returns
        -------
        WorkingPoint
            At several crossings of a curve that is not monotone, the loosest cut; ``n_crossings`` tells.

        Raises
        ------
        InvalidInputError
            If ``target`` is not in (0, 1].
        """
        return at_background_efficiency(self, target)

    def band(self, level: float = ONE_SIGMA) -> RocBand:
        """Return the pointwise confidence band of the curve; :func:`simultaneous_band` holds the whole curve at once.

        Parameters
        ----------
        level : float
            Probability that a single point lies within, by default that of one standard deviation.

        Returns
        -------
        RocBand
            At up to 99 signal efficiencies, without those where too few events are left for an error.

        Raises
        ------
        InvalidInputError
            If ``level`` is not between 0 and 1.
        """
        return pointwise_band(self, level)

    def thinned(self, n_points: int = _MAX_POINTS_IN_JSON) -> NDArray[np.int64]:
        """Return indices of at most ``n_points`` points, even in path length along the curve, both ends included."""
        n_all = self.thresholds.size
        if n_all <= n_points:
            return np.arange(n_all)
        path = np.abs(np.diff(self.signal_efficiency)) + np.abs(np.diff(self.background_efficiency))
        length = np.concatenate([[0.0], np.cumsum(path)])
        # half of the points by path, half geometrically towards the tight end, where 1/eps_B is read off
        even = np.searchsorted(length, np.linspace(0, length[-1], n_points // 2))
        tight = np.geomspace(1, n_all, n_points - n_points // 2).astype(np.int64) - 1
        return np.unique(np.clip(np.concatenate([even, tight, [0, n_all - 1]]), 0, n_all - 1))[:n_points]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers and a curve thinned to at most 200 points, as plain JSON types.

        The first threshold, infinity, is null, and so are errors that fewer than 20 effective events carry.
        """
        chosen = self.thinned()
        curve: dict[str, list[float | None]] = {
            "thresholds": [None, *self.thresholds[chosen][1:].tolist()],
            "signal_efficiency": self.signal_efficiency[chosen].tolist(),
            "signal_efficiency_error": _quoted(self.signal_efficiency_error, self.n_carrying_signal, chosen),
            "background_efficiency": self.background_efficiency[chosen].tolist(),
            "background_efficiency_error": _quoted(
                self.background_efficiency_error, self.n_carrying_background, chosen
            ),
        }
        return {
            "auc": self.auc,
            "auc_error": self.auc_error,
            "n_signal": self.n_signal,
            "n_background": self.n_background,
            "sum_signal": self.sum_signal,
            "sum_background": self.sum_background,
            "n_effective_signal": self.n_effective_signal,
            "n_effective_background": self.n_effective_background,
            "curve": curve,
        }


def roc_curve(
    y_true: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None, *, event: ArrayLike | None = None
) -> RocCurve:
    """Signal efficiency against background efficiency over all score thresholds, and the area with its uncertainty.

    Parameters
    ----------
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    score : array-like of float, shape (n_events,)
        Larger is more signal-like; finite.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event (several candidates), which are not independent: they are clustered in every
        uncertainty. Default: each row is an event of its own.

    Returns
    -------
    RocCurve
        Thresholds, both efficiencies with errors, and the area with its error. An inverted classifier has an area below
        one half; it is never flipped.

    Raises
    ------
    EmptyClassError
        If a class has no events or its weights sum to zero or less.
    InvalidInputError
        If a score is NaN or infinite, a label is not 0 or 1, or the shapes differ.
    WeightError
        If a weight is NaN or infinite, or all are zero.

    Notes
    -----
    The area is the Mann-Whitney statistic with signed weights. Its variance is that of DeLong, DeLong and Clarke-Pearson
    (Biometrics 44 (1988) 837) extended to weights: ``sum w_i^2 (V_i - A)^2 / (sum w)^2`` per class, where V_i is the
    placement of event i among the other class; clustered as in Obuchowski (Biometrics 53 (1997) 567). With complete
    separation of few events it is zero, which then says nothing (docs/statistics.md).

    Examples
    --------
    >>> roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]).auc
    0.75
    """
    events = ScoredEvents.check(y_true, score, weight, event)
    swept = sweep(events)
    return RocCurve(
        auc=swept.auc,
        auc_error=swept.auc_error,
        signal_efficiency=swept.signal.efficiency,
        background_efficiency=swept.background.efficiency,
        thresholds=swept.thresholds,
        signal_efficiency_error=swept.signal.error,
        background_efficiency_error=swept.background.error,
        n_carrying_signal=swept.signal.n_carrying,
        n_carrying_background=swept.background.n_carrying,
        efficiency_covariance=swept.covariance,
        n_signal=swept.signal.n_rows,
        n_background=swept.background.n_rows,
        sum_signal=swept.signal.total,
        sum_background=swept.background.total,
        n_effective_signal=swept.signal.n_effective,
        n_effective_background=swept.background.n_effective,
    )


def _quoted(
    error: NDArray[np.float64], n_carrying: NDArray[np.float64], chosen: NDArray[np.int64]
) -> list[float | None]:
    enough = n_carrying[chosen] >= MIN_CARRYING
    return [value if quoted else None for value, quoted in zip(error[chosen].tolist(), enough.tolist(), strict=True)]
