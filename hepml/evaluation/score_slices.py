"""Shape of a variable in slices of the score: what a fit to a mass, for example, would see in each category."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import as_events, as_score_column, as_weights
from hepml.evaluation.histogram import Histogram, fill_histogram
from hepml.evaluation.ranking import Ranking
from hepml.evaluation.variable_bins import as_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["ScoreSlices", "score_slices"]

# of the rows, in the range of the axis
_CENTRAL = 0.99


@dataclass(frozen=True, slots=True, eq=False)
class ScoreSlices(Displayed):
    """Histograms of one variable and one class, one for each slice of the score.

    Parameters
    ----------
    boundaries : ndarray of float64, shape (n_slices + 1,)
        Scores between which the slices lie, increasing, the outermost infinite; lower ones are inclusive.
    efficiencies : ndarray of float64, shape (n_slices + 1,)
        Share of the class at or above each boundary; 1 at the first and 0 at the last.
    histograms : tuple of Histogram, length n_slices
        All with the same edges.
    """

    boundaries: Floats
    efficiencies: Floats
    histograms: tuple[Histogram, ...] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the inner boundaries, the efficiencies and the histograms as plain JSON types."""
        return {
            "boundaries": self.boundaries[1:-1].tolist(),
            "efficiencies": self.efficiencies.tolist(),
            "histograms": [histogram.to_dict() for histogram in self.histograms],
        }


def score_slices(
    score: ArrayLike,
    values: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    efficiencies: Sequence[float] = (0.5, 0.2, 0.05),
    n_bins: int = 25,
) -> ScoreSlices:
    """Histogram a variable in slices of the score; call it for the background.

    Parameters
    ----------
    score : array-like of float, shape (n_events,)
        Finite.
    values : array-like of float, shape (n_events,)
        The variable. Its axis spans the central 99% of the rows, in equal bins; whole numbers have a bin each.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are not independent.
    efficiencies : sequence of float
        Shares of the rows above each inner boundary, weighted by the absolute weight, decreasing in (0, 1). Boundaries
        that fall on one score are one.
    n_bins : int
        Bins of the variable.

    Returns
    -------
    ScoreSlices
        Boundaries and histograms.

    Raises
    ------
    EmptyClassError
        If no event has a value, or the weights sum to zero or less.
    InvalidInputError
        If a score is NaN or infinite, the shapes differ, the efficiencies do not decrease, or ``n_bins`` is below 1.
    WeightError
        If a weight is NaN or infinite, or all are zero.

    Examples
    --------
    >>> slices = score_slices([1, 2, 3, 4], [0.5, 1.5, 2.5, 3.5], efficiencies=[0.5])
    >>> slices.boundaries.tolist(), [histogram.total for histogram in slices.histograms]
    ([-inf, 3.0, inf], [2.0, 2.0])
    """
    wanted = np.asarray(efficiencies, dtype=np.float64)
    if wanted.ndim != 1 or not (np.diff(wanted) < 0).all() or not ((wanted > 0) & (wanted < 1)).all() or n_bins < 1:
        msg = (
            f"efficiencies {efficiencies!r}, {n_bins} bins: efficiencies must decrease within (0, 1), bins be 1 or more"
        )
        raise InvalidInputError(msg)
    scores = as_score_column(score)
    column = as_column(values, scores.size, "the variable")
    weights = as_weights(weight, scores.size)
    events = as_events(event, scores.size)
    total = float(weights.sum())
    finite = column[np.isfinite(column)]
    if total <= 0 or not finite.size:
        msg = f"{finite.size} of {column.size} events have a value, their weights sum to {total:.6g}: both must be positive"
        raise EmptyClassError(msg)
    boundaries = _boundaries(scores, np.abs(weights), wanted)
    edges = _axis(finite, n_bins)
    slot = np.searchsorted(boundaries[1:-1], scores, side="right")
    passing = np.cumsum(np.bincount(slot, weights=weights, minlength=boundaries.size - 1)[::-1])[::-1] / total
    return ScoreSlices(
        boundaries=boundaries,
        efficiencies=np.concatenate([[1.0], passing[1:], [0.0]]),
        histograms=tuple(
            fill_histogram(
                column[slot == number], edges, weights[slot == number],
                event=None if events is None else events[slot == number],
            )
            for number in range(boundaries.size - 1)
        ),
    )  # fmt: skip


def _boundaries(scores: Floats, size: Floats, efficiencies: Floats) -> Floats:
    ranking = Ranking(scores)
    filled = np.cumsum(ranking.ascending(size))
    at = np.searchsorted(filled, filled[-1] * (1 - efficiencies) * (1 + 1e-12), side="right")
    inner = np.unique(ranking.ascending(scores)[np.minimum(at, scores.size - 1)])
    return np.concatenate([[-np.inf], inner[inner > scores.min()], [np.inf]])


def _axis(values: Floats, n_bins: int) -> Floats:
    low, high = np.quantile(values, [0.5 - _CENTRAL / 2, 0.5 + _CENTRAL / 2], method="inverted_cdf")
    if np.array_equal(values, np.round(values)) and high - low < n_bins:
        return np.arange(low - 0.5, high + 1.0)
    if not high > low:
        margin = max(0.5, abs(float(low)) * 1e-6)
        low, high = low - margin, high + margin
    return np.linspace(low, high, n_bins + 1)
