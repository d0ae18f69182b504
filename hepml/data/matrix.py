"""Columns to a column-major matrix of float32, without a copy where they lie side by side in one array already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["as_matrix"]


def as_matrix(columns: Sequence[NDArray[Any]], n_events: int) -> NDArray[np.float32]:
    """Join columns.

    Parameters
    ----------
    columns : sequence of ndarray, each of shape (n_events,)
        Numbers of any type.
    n_events : int
        Their length.

    Returns
    -------
    ndarray of float32, shape (n_events, n_columns)
        Column-major. A view if the columns are consecutive columns of such a matrix, else a copy; values beyond float32
        are infinite.
    """
    matrix = _common_matrix(columns, n_events)
    if matrix is None:
        matrix = np.empty((n_events, len(columns)), dtype=np.float32, order="F")
        with np.errstate(over="ignore"):
            for number, column in enumerate(columns):
                matrix[:, number] = column
    return matrix


def _common_matrix(columns: Sequence[NDArray[Any]], n_events: int) -> NDArray[np.float32] | None:
    """Return the view that holds all columns, None if there is none."""
    if not columns or not n_events or any(column.dtype != np.float32 for column in columns):
        return None
    # addresses alone prove nothing: neighbours in memory may belong to two arrays, of which one dies first
    owner = _owner(columns[0])
    if any(_owner(column) is not owner or not column.flags.c_contiguous for column in columns):
        return None
    steps = np.diff([_address(column) for column in columns])
    step = int(steps[0]) if len(steps) else n_events * columns[0].itemsize
    if step < n_events * columns[0].itemsize or (steps != step).any():
        return None
    return np.lib.stride_tricks.as_strided(
        columns[0], shape=(n_events, len(columns)), strides=(columns[0].itemsize, step)
    )


def _owner(array: NDArray[Any]) -> Any:
    owner: Any = array
    while isinstance(owner, np.ndarray) and owner.base is not None:
        owner = owner.base
    return owner


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])
