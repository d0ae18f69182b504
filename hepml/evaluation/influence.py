"""By how much each event moves a number: first-order terms, whose squares add up to its variance.

The influence of an event is ``w dA/dw``: to first order what the number A changes if the event is there twice. Influences
on two numbers, multiplied and summed over the same events, are their covariance, whatever the signs of the weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from hepml.evaluation.ranking import Ranking
from hepml.evaluation.sweep import placements

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.evaluation.events import ScoredEvents
    from hepml.evaluation.working_point import WorkingPoint

    Floats = NDArray[np.float64]
    T = TypeVar("T", bound=np.generic)

__all__ = [
    "MIN_CARRYING",
    "DescendingScores",
    "area_influence",
    "background_efficiency_influence",
    "by_event",
    "n_carrying",
    "standard_error",
]

# Effective number of events that must carry a variance for an error to cover (docs/statistics.md)
MIN_CARRYING = 20.0


class DescendingScores:
    """Rows in order from the highest score to the lowest, and the distinct score that each belongs to."""

    def __init__(self, score: NDArray[Any]) -> None:
        self._ranking = Ranking(score)
        self._n_rows = score.size
        ordered = self.sorted(score)
        self.last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
        self.thresholds = ordered[self.last].astype(np.float64)

    def sorted(self, rows: NDArray[T]) -> NDArray[T]:
        """Return an array of the rows' from the highest score to the lowest."""
        return self._ranking.descending(rows)

    def of_rows(self, values: Floats) -> Floats:
        """Give each row, in the order of the input, the value of its distinct score."""
        if self.last.size < self._n_rows:
            values = np.repeat(values, np.diff(self.last, prepend=-1))
        return self._ranking.of_descending(values)

    def per_score(self, values: Floats) -> Floats:
        """Sum of the values of each distinct score."""
        ordered = self.sorted(values)
        if self.last.size == values.size:
            return ordered
        sums: Floats = np.add.reduceat(ordered, np.concatenate([[0], self.last[:-1] + 1]))
        return sums


def area_influence(events: ScoredEvents) -> tuple[float, Floats]:
    """Area under the curve and the influence of each row on it (its DeLong terms), in the order of the input."""
    scores = DescendingScores(events.score)
    signal_here = scores.per_score(np.where(events.is_signal, events.weight, 0.0))
    background_here = scores.per_score(np.where(events.is_signal, 0.0, events.weight))
    area, of_signal, of_background = placements(signal_here, background_here)
    of_signal /= signal_here.sum()
    of_background /= background_here.sum()
    return area, events.weight * np.where(events.is_signal, scores.of_rows(of_signal), scores.of_rows(of_background))


def background_efficiency_influence(events: ScoredEvents, point: WorkingPoint) -> Floats:
    """Influence of each row on the background efficiency at a signal efficiency, that on the threshold included."""
    passed = events.score >= point.threshold
    sum_signal = events.weight.sum(where=events.is_signal)
    sum_background = events.weight.sum(where=~events.is_signal)
    of_signal = (-point.slope / sum_signal) * (passed - point.signal_efficiency)
    of_background = (passed - point.background_efficiency) / sum_background
    influence: Floats = events.weight * np.where(events.is_signal, of_signal, of_background)
    return influence


def by_event(influence: Floats, event: NDArray[np.int64] | None) -> Floats:
    """Influence of each event: the sum over its rows."""
    if event is None:
        return influence
    return np.bincount(event, weights=influence).astype(np.float64, copy=False)


def standard_error(influence: Floats, event: NDArray[np.int64] | None) -> float:
    """Return the standard deviation of a number, or of a difference of two, from the influences of the rows."""
    return float(np.sqrt(np.square(by_event(influence, event)).sum()))


def n_carrying(influence: Floats) -> float:
    """Effective number of events that carry a variance, ``(sum d^2)^2 / sum d^4``; 0 if there is none."""
    largest = float(np.abs(influence).max(initial=0.0))
    if largest == 0:
        return 0.0
    squares = np.square(influence / largest)
    return float(squares.sum() ** 2 / np.square(squares).sum())
