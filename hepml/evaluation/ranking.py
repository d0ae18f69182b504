"""The order of events by a value: sorted at most once, since what is in order already is recognised and not moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    T = TypeVar("T", bound=np.generic)

__all__ = ["Ranking"]

# fewer are sorted faster by comparing
_FEW = 1 << 16
_FEW_RUNS = 4
# a sort of 64 bits in six passes
_DIGIT_BITS = 11
_N_DIGITS = 6


class Ranking:
    """Rows in the order of increasing values.

    Whoever computes several things from the same events sorts their arrays once by the value that they share: what then
    asks for an order gets views, at the price of one pass that looks whether the values increase. Equal values stay in the
    order of the input.

    Parameters
    ----------
    values : ndarray of float32 or float64, shape (n,)
        Not NaN.
    """

    def __init__(self, values: NDArray[Any]) -> None:
        self._order = ascending_order(values) if (values[1:] < values[:-1]).any() else None

    def ascending(self, rows: NDArray[T]) -> NDArray[T]:
        """Return an array of the rows' in increasing order; a view where that is their order."""
        return rows if self._order is None else rows[self._order]

    def descending(self, rows: NDArray[T]) -> NDArray[T]:
        """Return an array of the rows' from the highest value to the lowest; it may be a view."""
        return self.ascending(rows)[::-1]

    def of_descending(self, ranked: NDArray[T]) -> NDArray[T]:
        """Return in the order of the input what is given from the highest value to the lowest."""
        if self._order is None:
            return ranked[::-1]
        found = np.empty_like(ranked)
        found[self._order] = ranked[::-1]
        return found


def ascending_order(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return the row numbers in the order of increasing values, equal ones in the order of the input."""
    n_runs = 1 + np.count_nonzero(values[1:] < values[:-1])
    # runs that are in order are merged, in one pass or a few
    if n_runs <= _FEW_RUNS or not _FEW < values.size <= np.iinfo(np.uint32).max:
        return np.argsort(values, kind="stable")
    # zeros of both signs are equal
    bits = (values.astype(np.float64) + 0.0).view(np.uint64)
    negative = bits >> np.uint64(63)
    # the bits of positive floats are in their order, those of negative ones in the opposite
    bits ^= (np.uint64(0) - negative) | np.uint64(1 << 63)
    return _order_of_bits(bits)


@nb.njit("int64[::1](uint64[::1])", cache=True)
def _order_of_bits(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Radix sort from the lowest digit to the highest, which keeps equal keys in order; the keys are overwritten."""
    n = keys.size
    size = 1 << _DIGIT_BITS
    mask = np.uint64(size - 1)
    counts = np.zeros((_N_DIGITS, size), np.int64)
    for i in range(n):
        for digit in range(_N_DIGITS):
            counts[digit, (keys[i] >> np.uint64(_DIGIT_BITS * digit)) & mask] += 1
    rows = np.arange(n).astype(np.uint32)
    next_rows, next_keys = np.empty_like(rows), np.empty_like(keys)
    for digit in range(_N_DIGITS):
        count = counts[digit]
        if count.max() == n:
            # this digit tells none apart
            continue
        first = 0
        for number in range(size):
            here = count[number]
            count[number] = first
            first += here
        shift = np.uint64(_DIGIT_BITS * digit)
        for i in range(n):
            number = (keys[i] >> shift) & mask
            place = count[number]
            count[number] = place + 1
            next_keys[place] = keys[i]
            next_rows[place] = rows[i]
        keys, next_keys = next_keys, keys
        rows, next_rows = next_rows, rows
    return rows.astype(np.int64)
