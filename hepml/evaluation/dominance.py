"""Compiled sums over all pairs of events of products of two distances, in O(n log n)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["dominance_sums"]


def dominance_sums(x: Floats, y: Floats, weights: Floats) -> Floats:
    """``sum_j w_j |x_i - x_j| |y_i - y_j|`` of each row i, for each column of weights.

    Parameters
    ----------
    x : ndarray of float64, shape (n_events,)
        Increasing.
    y : ndarray of float64, shape (n_events,)
        In any order, centred near zero.
    weights : ndarray of float64, shape (n_events, n_columns), C-contiguous
        Of either sign.

    Returns
    -------
    ndarray of float64, shape (n_events, n_columns)
        The sums.

    Notes
    -----
    The product of the distances is that of the differences where both have one sign, and its opposite where they have
    not. So it is twice the sum over the events below in both and above in both, less the sum over all; the former are
    cumulative sums in the order of x, kept for all ranks of y in a binary indexed tree (X. Huo, G. Szekely,
    Technometrics 58 (2016) 435).
    """
    rank = np.empty(y.size, dtype=np.int64)
    rank[np.argsort(y, kind="stable")] = np.arange(1, y.size + 1)
    found = np.zeros_like(weights)
    for column in range(weights.shape[1]):
        sizes = np.ascontiguousarray(weights[:, column])
        same_sign = _below_in_both(x, y, rank, sizes)
        same_sign += _below_in_both(-x[::-1], -y[::-1], (y.size + 1 - rank)[::-1].copy(), sizes[::-1].copy())[::-1]
        total, by_x, by_y = sizes.sum(), (sizes * x).sum(), (sizes * y).sum()
        of_all = x * y * total - x * by_y - y * by_x + (sizes * x * y).sum()
        found[:, column] = 2 * same_sign - of_all
    return found


_SIGNATURE = "float64[::1](float64[:], float64[:], int64[::1], float64[::1])"


@nb.njit(_SIGNATURE, cache=True)
def _below_in_both(x: Floats, y: Floats, rank: NDArray[np.int64], weight: Floats) -> Floats:
    """``sum w_j (x_i - x_j) (y_i - y_j)`` over the rows j before i with a smaller rank."""
    n = x.size
    tree = np.zeros((n + 1, 4))
    found = np.empty(n)
    for i in range(n):
        s1 = sx = sy = sxy = 0.0
        k = rank[i]
        while k > 0:
            s1 += tree[k, 0]
            sx += tree[k, 1]
            sy += tree[k, 2]
            sxy += tree[k, 3]
            k -= k & -k
        found[i] = x[i] * y[i] * s1 - y[i] * sx - x[i] * sy + sxy
        k = rank[i]
        w = weight[i]
        while k <= n:
            tree[k, 0] += w
            tree[k, 1] += w * x[i]
            tree[k, 2] += w * y[i]
            tree[k, 3] += w * x[i] * y[i]
            k += k & -k
    return found
