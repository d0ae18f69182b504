"""Distributions of a feature or a score in several classes, in the same bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.evaluation.confusion import as_labels
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import as_numbers, as_weights
from hepml.evaluation.feature_histograms import feature_edges
from hepml.evaluation.histogram import Histogram, fill_histogram

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

__all__ = ["ClassHistograms", "class_histograms"]


@dataclass(frozen=True, slots=True, eq=False)
class ClassHistograms(Displayed):
    """One quantity in several classes.

    Parameters
    ----------
    histograms : mapping of str to Histogram
        By class.
    """

    histograms: Mapping[str, Histogram]

    def to_dict(self) -> dict[str, Any]:
        """Return the histograms as plain JSON types."""
        return {"histograms": [{"of": name, **one.to_dict()} for name, one in self.histograms.items()]}


def class_histograms(
    values: ArrayLike,
    y_true: ArrayLike,
    names: Sequence[str],
    weight: ArrayLike | None = None,
    *,
    edges: ArrayLike | None = None,
    n_bins: int = 50,
) -> ClassHistograms:
    """Histogram one quantity for each class.

    Parameters
    ----------
    values : array-like of float, shape (n_events,)
        NaN is missing.
    y_true : array-like of int, shape (n_events,)
        Class of each event, counted from 0.
    names : sequence of str
        Of the classes.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    edges : array-like of float, shape (n_bins + 1,), optional
        Bins. Default: equal ones over the central 99 % of the rows of each class.
    n_bins : int
        Number of bins without ``edges``.

    Returns
    -------
    ClassHistograms
        One histogram for each class.
    """
    column, label = as_numbers(values, "a quantity"), as_labels(y_true, "y_true")
    weights = as_weights(weight, label.size)
    rows = {name: label == number for number, name in enumerate(names)}
    bins = (
        feature_edges([column[here] for here in rows.values()], n_bins) if edges is None else np.asarray(edges, float)
    )
    return ClassHistograms({name: fill_histogram(column[here], bins, weights[here]) for name, here in rows.items()})
