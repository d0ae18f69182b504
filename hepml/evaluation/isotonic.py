"""Isotonic map from a score to a probability: it does not decrease, fitted on events that are not tested."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.class_prior import with_prior
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import ScoredEvents, as_score_column
from hepml.evaluation.ranking import Ranking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["IsotonicMap", "fit_isotonic"]


@dataclass(frozen=True, slots=True, eq=False)
class IsotonicMap(Displayed):
    """Probability that does not decrease with the score: linear between points, constant beyond them.

    Parameters
    ----------
    scores, probabilities : ndarray of float64, shape (n_points,)
        Neither decreases. A block of events of one probability has its lowest and its highest score.
    signal_fraction : float
        Share of signal among the events for which the probability holds.
    """

    scores: Floats = field(repr=False)
    probabilities: Floats = field(repr=False)
    signal_fraction: float

    def apply(self, score: ArrayLike) -> Floats:
        """Give the probability of each score.

        Parameters
        ----------
        score : array-like of float, shape (n_events,)
            Finite.

        Returns
        -------
        ndarray of float64, shape (n_events,)
            Probabilities of signal.

        Raises
        ------
        InvalidInputError
            If a score is NaN or infinite.
        """
        return np.interp(as_score_column(score), self.scores, self.probabilities)

    def to_dict(self) -> dict[str, Any]:
        """Return the points as plain JSON types."""
        return {
            "kind": "isotonic",
            "scores": self.scores.tolist(),
            "probabilities": self.probabilities.tolist(),
            "signal_fraction": self.signal_fraction,
        }

    @classmethod
    def from_dict(cls, numbers: Mapping[str, Any]) -> IsotonicMap:
        """Make a map of what :meth:`to_dict` gave.

        Parameters
        ----------
        numbers : mapping of str to list of float or float
            As from JSON.

        Returns
        -------
        IsotonicMap
            The same map.

        Raises
        ------
        InvalidInputError
            If it is another kind of map, something is missing or decreases.
        """
        try:
            scores, probabilities = (np.array(numbers[name], np.float64) for name in ("scores", "probabilities"))
            fraction = float(numbers["signal_fraction"])
        except (KeyError, TypeError, ValueError) as error:
            msg = f"this is no isotonic map: {error!r}"
            raise InvalidInputError(msg) from error
        shapes_fit = scores.ndim == 1 and scores.size > 0 and scores.shape == probabilities.shape
        if numbers.get("kind") != "isotonic" or not shapes_fit or (np.diff(scores) < 0).any():
            msg = f"this is no isotonic map: kind {numbers.get('kind')!r}, shapes {scores.shape}, {probabilities.shape}"
            raise InvalidInputError(msg)
        return cls(scores, probabilities, fraction)


def fit_isotonic(
    y_true: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    signal_fraction: float | None = None,
) -> IsotonicMap:
    """Fit a probability that does not decrease with the score, with signed weights.

    Parameters
    ----------
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal. Take validation events, neither those of the training nor those of the test.
    score : array-like of float, shape (n_events,)
        Larger is more signal-like; finite.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    signal_fraction : float, optional
        Share of signal among the events for which the probability shall hold; the classes are weighted accordingly.
        Default: that of the weights.

    Returns
    -------
    IsotonicMap
        Probabilities at scores.

    Raises
    ------
    EmptyClassError
        If a class has no events or its weights sum to zero or less.
    InvalidInputError
        If a score is NaN or infinite, the shapes differ, or the fraction is not in (0, 1).
    WeightError
        If a weight is NaN or infinite, or all are zero.

    Notes
    -----
    Pool adjacent violators (M. Ayer et al., Ann. Math. Statist. 26 (1955) 641; B. Zadrozny, C. Elkan, KDD 2002, 694). With
    negative weights a mean may leave [0, 1] and the algorithm its premises, so neighbouring scores are pooled before until
    neither class is negative: a block ends where the running sums of both classes are as high as nowhere below and not
    higher than anywhere above. Without negative weights each score is a block of its own. The outermost probabilities are
    those of few events, often exactly 0 and 1.

    Examples
    --------
    >>> fit_isotonic([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4]).apply([0.1, 0.2, 0.3, 0.4]).tolist()
    [0.0, 0.5, 0.5, 1.0]
    """
    from scipy.optimize import isotonic_regression

    events = ScoredEvents.check(y_true, score, weight)
    weights, fraction = with_prior(events, signal_fraction)
    ranking = Ranking(events.score)
    scores = ranking.ascending(events.score).astype(np.float64, copy=False)
    weights, is_signal = ranking.ascending(weights), ranking.ascending(events.is_signal)
    signal = np.cumsum(np.where(is_signal, weights, 0.0))
    background = np.cumsum(np.where(is_signal, 0.0, weights))
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
    ends = _block_ends(ends, signal, background)
    below_signal, below_all = signal[ends], signal[ends] + background[ends]
    sums = np.diff(below_all, prepend=0.0)
    means = np.clip(np.diff(below_signal, prepend=0.0) / sums, 0.0, 1.0)
    fitted = isotonic_regression(means, weights=sums)
    starts = np.concatenate([[0], ends[:-1] + 1])
    blocks = np.asarray(fitted.blocks, dtype=np.int64)
    points = np.column_stack([scores[starts[blocks[:-1]]], scores[ends[blocks[1:] - 1]]]).ravel()
    probabilities = np.repeat(fitted.x[blocks[:-1]], 2)
    # a block of one score is one point
    keep = np.append(True, (np.diff(points) > 0) | (np.diff(probabilities) > 0))
    return IsotonicMap(points[keep], probabilities[keep], fraction)


def _block_ends(ends: NDArray[np.int64], signal: Floats, background: Floats) -> NDArray[np.int64]:
    """Find the ends of blocks in which neither class is negative and something is, out of the last rows of each score."""
    good = np.ones(ends.size, dtype=np.bool_)
    for cumulated in (signal, background):
        at = cumulated[ends]
        rounding = 1e-12 * float(np.abs(at).max())
        good &= at >= np.maximum.accumulate(at) - rounding
        good &= at <= np.minimum.accumulate(at[::-1])[::-1] + rounding
    good[-1] = True
    chosen = ends[good]
    total = (signal + background)[chosen]
    rounding = 1e-12 * float(total[-1])
    # where weights cancel there is no mean: such a block belongs to the next one, and the last one to that before
    higher = total > np.maximum.accumulate(np.concatenate([[0.0], total[:-1]])) + rounding
    higher[-1] = True
    chosen, total = chosen[higher], total[higher]
    last = np.searchsorted(total[:-1], total[-1] - rounding)
    return np.append(chosen[:last], chosen[-1])
