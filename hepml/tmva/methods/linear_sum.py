"""Sums of coefficients times variables, compiled: double precision, term by term in the order of the variables."""

from __future__ import annotations

import numpy as np
from numba import njit, types

__all__ = ["linear_sum"]

# events whose sums stay in the cache while variable after variable is added
_BLOCK = 4096


# a read-only array is a type of its own, to which others convert
_VECTOR = types.Array(types.float64, 1, "C", readonly=True)
_MATRIX = types.Array(types.float32, 2, "C", readonly=True)


@njit(types.float64[::1](types.float64, _VECTOR, _MATRIX), cache=True, nogil=True)
def linear_sum(offset, coefficients, columns):
    """Return offset + sum of coefficient times column, shape (n_events,), of columns of shape (n_variables, n_events)."""
    n_variables, n_events = columns.shape
    total = np.empty(n_events, np.float64)
    for start in range(0, n_events, _BLOCK):
        stop = min(start + _BLOCK, n_events)
        part = total[start:stop]
        part[:] = offset
        # four at a time, added one after the other: sums are loaded and stored a fourth as often
        first = 0
        while first + 4 <= n_variables:
            c0, c1 = coefficients[first], coefficients[first + 1]
            c2, c3 = coefficients[first + 2], coefficients[first + 3]
            x0, x1 = columns[first, start:stop], columns[first + 1, start:stop]
            x2, x3 = columns[first + 2, start:stop], columns[first + 3, start:stop]
            for row in range(len(part)):
                half = (part[row] + c0 * np.float64(x0[row])) + c1 * np.float64(x1[row])
                part[row] = (half + c2 * np.float64(x2[row])) + c3 * np.float64(x3[row])
            first += 4
        while first < n_variables:
            coefficient, x = coefficients[first], columns[first, start:stop]
            for row in range(len(part)):
                part[row] += coefficient * np.float64(x[row])
            first += 1
    return total
