"""Distributions of a feature for signal and background, on an axis that outliers do not spoil."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import ScoredEvents, as_numbers
from hepml.evaluation.histogram import Histogram, fill_histogram

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["FeatureHistograms", "feature_edges", "feature_histograms"]

# share of the events of a class that an axis may leave out on either side
_TAIL = 0.005
# whole numbers with at most so many values get one bin each
_MAX_WHOLE_BINS = 60


@dataclass(frozen=True, slots=True, eq=False)
class FeatureHistograms(Displayed):
    """One feature in signal and background, in the same bins.

    Parameters
    ----------
    signal, background : Histogram
        Sums of signed weights and of their squares; NaN is counted as missing, the tails as under- and overflow.
    """

    signal: Histogram
    background: Histogram

    def to_dict(self) -> dict[str, Any]:
        """Return both histograms as plain JSON types."""
        return {"signal": self.signal.to_dict(), "background": self.background.to_dict()}


def feature_histograms(
    values: ArrayLike, y_true: ArrayLike, weight: ArrayLike | None = None, *, n_bins: int = 50
) -> FeatureHistograms:
    """Histogram one feature for signal and background.

    Parameters
    ----------
    values : array-like of float, shape (n_events,)
        NaN is missing; infinities are under- or overflow.
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    n_bins : int
        Number of equal bins. Whole numbers of small range get one bin each instead.

    Returns
    -------
    FeatureHistograms
        Two histograms; the axis spans the central 99% of the rows of each class.

    Raises
    ------
    EmptyClassError, InvalidInputError, WeightError
        As :func:`hepml.evaluation.roc_curve`, but for NaN.
    """
    column = as_numbers(values, "a feature")
    if column.ndim != 1:
        msg = f"a feature has shape {column.shape}; one value per event, shape (n_events,), is needed"
        raise InvalidInputError(msg)
    if n_bins < 1:
        msg = f"{n_bins} bins were asked for; at least 1 is needed"
        raise InvalidInputError(msg)
    # zeros stand in for the column, which may hold what a score may not
    events = ScoredEvents.check(y_true, np.zeros(column.shape), weight)
    signal, background = column[events.is_signal], column[~events.is_signal]
    edges = feature_edges([signal, background], n_bins)
    return FeatureHistograms(
        signal=fill_histogram(signal, edges, events.weight[events.is_signal]),
        background=fill_histogram(background, edges, events.weight[~events.is_signal]),
    )


def feature_edges(classes: list[NDArray[Any]], n_bins: int) -> NDArray[np.float64]:
    """Edges that span the central rows of each class; of rows, not of weights, which may be negative."""
    finite = [values[np.isfinite(values)].astype(np.float64) for values in classes]
    spans = [np.quantile(values, [_TAIL, 1 - _TAIL]) for values in finite if values.size]
    if not spans:
        return np.linspace(0.0, 1.0, n_bins + 1)
    low, high = float(min(span[0] for span in spans)), float(max(span[1] for span in spans))
    whole = all(np.array_equal(values, np.rint(values)) for values in finite)
    # above 2^53 whole numbers are no closer than their bins' edges
    if whole and np.rint(high) - np.rint(low) < _MAX_WHOLE_BINS and max(abs(low), abs(high)) < 1e9:
        return np.arange(np.rint(low) - 0.5, np.rint(high) + 1.0)
    # wide enough to be distinct edges beside large values in double precision
    margin = max(0.0, 0.5 * n_bins * 1e-12 * max(abs(low), abs(high)) - 0.5 * (high - low))
    margin = max(margin, 0.5) if low == high else margin
    return np.linspace(low - margin, high + margin, n_bins + 1)
