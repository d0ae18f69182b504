"""Bins of a variable that share out the absolute weights, merged until each holds enough events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation.class_fractions import merged_slots, quantile_edges
from hepml.evaluation.events import as_numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["VariableBins", "as_column", "variable_bins"]


@dataclass(frozen=True, slots=True, eq=False)
class VariableBins:
    """Which bin each row is in.

    Parameters
    ----------
    edges : ndarray of float64, shape (n_bins + 1,) or (n_bins,)
        Lower edges are inclusive, the outermost infinite; one fewer if the last bin is that of missing values.
    index : ndarray of int64, shape (n_events,)
        Number of the bin; -1 for missing values that do not fill a bin of their own.
    n_bins : int
        Number of bins, that of missing values included.
    has_missing : bool
        The last bin holds the missing values.
    """

    edges: Floats
    index: NDArray[np.int64]
    n_bins: int
    has_missing: bool


def variable_bins(
    values: Floats,
    weight: Floats,
    n_bins: int,
    is_signal: NDArray[np.bool_] | None = None,
    *,
    n_halvings: int = 0,
) -> VariableBins:
    """Bin a variable.

    Parameters
    ----------
    values : ndarray of float64, shape (n_events,)
        NaN is missing.
    weight : ndarray of float64, shape (n_events,)
        Event weights, of either sign.
    n_bins : int
        Bins before merging, of equal sums of absolute weights.
    is_signal : ndarray of bool, shape (n_events,), optional
        Bins are merged until ten effective events of either class fill each. Default: all rows are of one class.

    n_halvings : int
        How often the outermost bins are halved, before merging: for what is interpolated there.

    Returns
    -------
    VariableBins
        Each holds at least ten effective events and a positive sum, unless there is only one.

    Raises
    ------
    EmptyClassError
        If no event has a value, or the weights of those that have one sum to zero or less.
    InvalidInputError
        If ``n_bins`` is below 1.
    """
    if n_bins < 1:
        msg = f"{n_bins} bins were asked for; at least 1 is needed"
        raise InvalidInputError(msg)
    missing = np.isnan(values)
    total = float(weight.sum(where=~missing))
    if not total > 0:
        msg = (
            f"{np.count_nonzero(~missing)} of {values.size} events have a value of the variable, their weights sum to "
            f"{total:.6g}: bins need a positive sum"
        )
        raise EmptyClassError(msg)
    edges = quantile_edges(values[~missing], np.abs(weight[~missing]), n_bins, n_halvings=n_halvings)
    slot = np.searchsorted(edges[1:-1], values, side="right")
    slot[missing] = edges.size - 1
    one_class = np.ones(values.shape, dtype=np.bool_) if is_signal is None else is_signal
    keep, _ = merged_slots(slot, weight, one_class, edges.size - 1, each_fills=is_signal is not None)
    first = np.searchsorted(keep[:-1], np.arange(keep[:-1].max() + 1))
    return VariableBins(
        edges=np.append(edges[first], np.inf),
        index=keep[slot],
        n_bins=int(keep.max()) + 1,
        has_missing=bool(keep[-1] >= 0),
    )


def as_column(values: ArrayLike, n_events: int, name: str) -> Floats:
    """Return a variable as float64 of shape (n_events,), missing values as NaN, or raise InvalidInputError."""
    column = as_numbers(values, name)
    if column.shape != (n_events,):
        msg = f"{name} has shape {column.shape}, but there are {n_events} events"
        raise InvalidInputError(msg)
    return column.astype(np.float64)
