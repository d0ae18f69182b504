"""Weighted histogram with the sum of squared weights of each bin, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError, WeightError
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import as_events, as_numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Histogram", "fill_histogram"]


@dataclass(frozen=True, slots=True, eq=False)
class Histogram(Displayed):
    """Sums of weights in bins; the last bin includes its upper edge.

    Parameters
    ----------
    edges : ndarray of float64, shape (n_bins + 1,)
        Increasing.
    sum_w, sum_w2 : ndarray of float64, shape (n_bins,)
        Sum of the weights, of either sign, and of their squares (those of one event in one bin added first).
    underflow, overflow : float
        Sums of the weights below and above the edges.
    missing : float
        Sum of the weights of NaN values.
    total : float
        Sum of all weights, whether in a bin or not.
    n_events, n_missing : int
        Number of rows, and of those with NaN.
    """

    edges: NDArray[np.float64] = field(repr=False)
    sum_w: NDArray[np.float64] = field(repr=False)
    sum_w2: NDArray[np.float64] = field(repr=False)
    underflow: float
    overflow: float
    missing: float
    total: float
    n_events: int
    n_missing: int

    @property
    def error(self) -> NDArray[np.float64]:
        """Standard deviation of each bin's sum."""
        return np.sqrt(self.sum_w2)

    @property
    def width(self) -> NDArray[np.float64]:
        """Width of each bin."""
        return np.diff(self.edges)

    @property
    def center(self) -> NDArray[np.float64]:
        """Middle of each bin."""
        return 0.5 * (self.edges[1:] + self.edges[:-1])

    def fractions(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Share of the sum of all weights that are not missing, per bin, and its error; negative bins stay negative.

        The error is that of the bin's sum; that of the common scale is left out, as in every normalised histogram.

        Raises
        ------
        InvalidInputError
            If the weights that are not missing sum to zero or less.
        """
        norm = self.total - self.missing
        if not norm > 0:
            msg = f"the weights of a histogram sum to {norm:.6g}: fractions need a positive sum"
            raise InvalidInputError(msg)
        return self.sum_w / norm, self.error / norm

    def to_dict(self) -> dict[str, Any]:
        """Return edges, contents and counts as plain JSON types."""
        return {
            "edges": self.edges.tolist(),
            "sum_w": self.sum_w.tolist(),
            "sum_w2": self.sum_w2.tolist(),
            "underflow": self.underflow,
            "overflow": self.overflow,
            "missing": self.missing,
            "total": self.total,
            "n_events": self.n_events,
            "n_missing": self.n_missing,
        }


def fill_histogram(
    values: ArrayLike, edges: ArrayLike, weight: ArrayLike | None = None, *, event: ArrayLike | None = None
) -> Histogram:
    """Fill a histogram with weighted values.

    Parameters
    ----------
    values : array-like of float, shape (n_events,)
        NaN is counted as missing; infinities go to underflow and overflow.
    edges : array-like of float, shape (n_bins + 1,)
        Finite and increasing.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event: what they put into one bin is added before it is squared.

    Returns
    -------
    Histogram
        Sums of weights and of their squares in each bin.

    Raises
    ------
    InvalidInputError
        If the edges do not increase, the shapes differ, or something is no number.
    WeightError
        If a weight is NaN or infinite.
    """
    # a copy: whoever changes the edges later must not change the result
    axis = np.array(as_numbers(edges, "edges"), dtype=np.float64)
    if axis.ndim != 1 or axis.size < 2 or not np.isfinite(axis).all() or not np.all(np.diff(axis) > 0):
        msg = f"edges of shape {axis.shape} are not a finite, increasing sequence of two or more"
        raise InvalidInputError(msg)
    column = as_numbers(values, "values").astype(np.float64, copy=False)
    weights = np.ones(column.shape) if weight is None else as_numbers(weight, "weight").astype(np.float64, copy=False)
    if column.ndim != 1 or weights.shape != column.shape:
        msg = f"values have shape {column.shape} and weights {weights.shape}; both must be (n_events,)"
        raise InvalidInputError(msg)
    n_bad = int(np.count_nonzero(~np.isfinite(weights)))
    if n_bad:
        msg = f"weight: {n_bad} of {weights.size} values are NaN or infinite; a bin's sum would be as well"
        raise WeightError(msg)
    missing = np.isnan(column)
    # slots: 0 underflow, 1..n_bins, n_bins + 1 overflow, n_bins + 2 missing (NaN sorts behind everything)
    slot = np.searchsorted(axis, column, side="right")
    slot[column == axis[-1]] = axis.size - 1
    slot[missing] = axis.size + 1
    sums = _sums(slot, weights, axis.size + 2)
    squares = _squares(slot, weights, as_events(event, column.size), axis.size + 2)
    return Histogram(
        edges=axis,
        sum_w=sums[1 : axis.size],
        sum_w2=squares[1 : axis.size],
        underflow=float(sums[0]),
        overflow=float(sums[axis.size]),
        missing=float(sums[axis.size + 1]),
        total=float(weights.sum()),
        n_events=column.size,
        n_missing=int(np.count_nonzero(missing)),
    )


def _sums(slot: NDArray[np.int64], weights: NDArray[np.float64], n_slots: int) -> NDArray[np.float64]:
    sums: NDArray[np.float64] = np.bincount(slot, weights=weights, minlength=n_slots).astype(np.float64, copy=False)
    return sums


def _squares(
    slot: NDArray[np.int64], weights: NDArray[np.float64], event: NDArray[np.int64] | None, n_slots: int
) -> NDArray[np.float64]:
    if event is None:
        return _sums(slot, np.square(weights), n_slots)
    # one sum for each event and slot that meet
    met, inverse = np.unique(event * n_slots + slot, return_inverse=True)
    return _sums(met % n_slots, np.square(np.bincount(inverse, weights=weights)), n_slots)
