"""Binned scores of training and test events, signal and background, on one axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import ScoredEvents
from hepml.evaluation.histogram import Histogram, fill_histogram

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["ScoreHistograms", "score_histograms"]


@dataclass(frozen=True, slots=True, eq=False)
class ScoreHistograms(Displayed):
    """Four histograms with the same edges, each with sums of signed weights and of their squares."""

    train_signal: Histogram
    train_background: Histogram
    test_signal: Histogram
    test_background: Histogram

    def to_dict(self) -> dict[str, Any]:
        """Return the four histograms as plain JSON types."""
        return {name: getattr(self, name).to_dict() for name in self.__dataclass_fields__}


def score_histograms(  # noqa: PLR0917  (two triples of a kind)
    y_train: ArrayLike,
    score_train: ArrayLike,
    weight_train: ArrayLike | None,
    y_test: ArrayLike,
    score_test: ArrayLike,
    weight_test: ArrayLike | None,
    *,
    n_bins: int = 40,
) -> ScoreHistograms:
    """Histogram the scores of both classes in training and test, in equal bins from the lowest to the highest score.

    Parameters
    ----------
    y_train, y_test : array-like of bool or 0/1, shape (n_train,) and (n_test,)
        True for signal.
    score_train, score_test : array-like of float, shape (n_train,) and (n_test,)
        Larger is more signal-like; finite.
    weight_train, weight_test : array-like of float, shape (n_train,) and (n_test,), or None
        Event weights, of either sign. None: 1.
    n_bins : int
        Number of bins.

    Returns
    -------
    ScoreHistograms
        One histogram per part and class.

    Raises
    ------
    EmptyClassError, InvalidInputError, WeightError
        As :func:`hepml.evaluation.roc_curve`.
    """
    train = ScoredEvents.check(y_train, score_train, weight_train)
    test = ScoredEvents.check(y_test, score_test, weight_test)
    return histograms_of(train, test, n_bins)


def histograms_of(train: ScoredEvents, test: ScoredEvents, n_bins: int) -> ScoreHistograms:
    """Histogram events that are checked already."""
    if n_bins < 1:
        msg = f"{n_bins} bins were asked for; at least 1 is needed"
        raise InvalidInputError(msg)
    low = float(min(train.score.min(), test.score.min()))
    high = float(max(train.score.max(), test.score.max()))
    # scores that are equal but for rounding leave no room for distinct edges
    if high - low <= n_bins * 1e-12 * max(abs(low), abs(high)):
        margin = max(0.5, n_bins * 1e-12 * abs(low))
        low, high = low - margin, high + margin
    edges = np.linspace(low, high, n_bins + 1)
    edges[0], edges[-1] = low, high

    def fill(events: ScoredEvents, mask: np.ndarray[Any, np.dtype[np.bool_]]) -> Histogram:
        return fill_histogram(events.score[mask], edges, events.weight[mask])

    return ScoreHistograms(
        train_signal=fill(train, train.is_signal),
        train_background=fill(train, ~train.is_signal),
        test_signal=fill(test, test.is_signal),
        test_background=fill(test, ~test.is_signal),
    )
