"""Columns of spectators joined from chunks, files and samples without losing a bit of an integer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import SchemaMismatchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["join_spectator"]

_EXACT_IN_DOUBLE = 2**53


def join_spectator(name: str, columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Join the columns of a spectator.

    Parameters
    ----------
    name : str
        Name of the spectator, for the message.
    columns : sequence of ndarray of float64, int64 or uint64, each of shape (n,)
        At least one.

    Returns
    -------
    ndarray, shape (sum of n,)
        Of the common type. Signed and unsigned integers become the one of the two that holds all values, integers and
        floating numbers become float64.

    Raises
    ------
    SchemaMismatchError
        If a value would change: integers below zero among those above 2^63 - 1, or above 2^53 among floating numbers.
    """
    kinds = {column.dtype.kind for column in columns}
    if kinds == {"i", "u"}:
        negative = any(column.size and column.min() < 0 for column in columns if column.dtype.kind == "i")
        large = any(column.size and column.max() >= 2**63 for column in columns if column.dtype.kind == "u")
        if negative and large:
            msg = (
                f"spectator {name!r} is signed in one file and unsigned in another, and no 64-bit type holds its values"
            )
            raise SchemaMismatchError(msg)
        dtype = np.int64 if negative else np.uint64
        return np.concatenate([column.astype(dtype) for column in columns])
    if "f" in kinds and len(kinds) > 1:
        for column in columns:
            if column.dtype.kind != "f" and column.size and not _is_exact_in_double(column):
                msg = (
                    f"spectator {name!r} is floating in one sample and integer in another, with values above 2^53 that a "
                    f"floating number cannot hold: give it one type, or leave it out"
                )
                raise SchemaMismatchError(msg)
    return np.concatenate(columns)


def _is_exact_in_double(column: NDArray[Any]) -> bool:
    return int(column.max()) <= _EXACT_IN_DOUBLE and int(column.min()) >= -_EXACT_IN_DOUBLE
