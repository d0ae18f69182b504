"""Compiled error of an efficiency at every cut, and what carries it, in one pass over rows that are events of their own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba as nb

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["of_independent_rows"]

_SIGNATURE = "void(float64[:], int64[::1], float64, float64[::1], float64[::1], float64[::1])"


@nb.njit(_SIGNATURE, cache=True)
def of_independent_rows(  # noqa: PLR0917  (three columns in, two out)
    weight: Floats, last: NDArray[np.int64], total: float, efficiency: Floats, error: Floats, n_carrying: Floats
) -> None:
    """Fill ``error`` and ``n_carrying`` of each cut.

    Parameters
    ----------
    weight : ndarray of float64, shape (n_rows,)
        From the highest score to the lowest, of either sign.
    last : ndarray of int64, shape (n_cuts,)
        Last row of each distinct score.
    total : float
        Sum of the weights.
    efficiency : ndarray of float64, shape (n_cuts,)
        Of each cut.
    error, n_carrying : ndarray of float64, shape (n_cuts,)
        Where the standard deviation, and the effective number of rows that make it, are put.

    Notes
    -----
    A row's deviation is ``(1 - e) w`` if it passes and ``-e w`` if it fails; with the deviations d these are
    ``sqrt(sum d^2) / total`` and ``(sum d^2)^2 / sum d^4``.
    """
    sum_2 = sum_4 = 0.0
    for row in range(weight.size):
        square = weight[row] * weight[row]
        sum_2 += square
        sum_4 += square * square
    passing_2 = passing_4 = 0.0
    row = 0
    for cut in range(last.size):
        while row <= last[cut]:
            square = weight[row] * weight[row]
            passing_2 += square
            passing_4 += square * square
            row += 1
        e = efficiency[cut]
        # (1 - e)^k of what passes, less the e^k that all have
        rest = 1.0 - 2.0 * e
        second = max(passing_2 * rest + e * e * sum_2, 0.0)
        fourth = max(passing_4 * rest * (rest + 2.0 * e * e) + e * e * e * e * sum_4, 0.0)
        error[cut] = math.sqrt(second) / total
        n_carrying[cut] = second * second / fourth if fourth > 0.0 else 0.0
