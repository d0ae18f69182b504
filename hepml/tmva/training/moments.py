"""Weighted sums of variables and of their products, compiled, event after event as TMVA adds them up."""

from __future__ import annotations

import numpy as np
from numba import njit, types

__all__ = ["product_sums", "single_product_sums", "value_sums"]

_X = types.Array(types.float32, 2, "C", readonly=True)
_W = types.Array(types.float64, 1, "C", readonly=True)
_MEAN = types.Array(types.float64, 1, "C", readonly=True)


# events whose products are added in one pass, one after the other: sums are loaded and stored a fourth as often
_TOGETHER = 4


@njit(types.void(types.float64[:, ::1]), cache=True, nogil=True)
def _mirror(total):
    for row in range(len(total)):
        for column in range(row):
            total[row, column] = total[column, row]


@njit(types.float64[::1](_X, _W), cache=True, nogil=True)
def value_sums(X, weight):
    """Return the sum of weight times each variable, float64 of shape (n_variables,)."""
    n_events, n_variables = X.shape
    total = np.zeros(n_variables, np.float64)
    for event in range(n_events):
        w = weight[event]
        for column in range(n_variables):
            total[column] += np.float64(X[event, column]) * w
    return total


@njit(types.float64[:, ::1](_X, _W, _MEAN), cache=True, nogil=True)
def product_sums(X, weight, centre):
    """Return the sum of weight times (x_i - centre_i)(x_j - centre_j), float64 of shape (n_variables, n_variables)."""
    n_events, n_variables = X.shape
    total = np.zeros((n_variables, n_variables), np.float64)
    x = np.zeros((_TOGETHER, n_variables), np.float64)
    w = np.zeros(_TOGETHER, np.float64)
    x0, x1, x2, x3 = x[0], x[1], x[2], x[3]
    for first in range(0, n_events, _TOGETHER):
        for place in range(_TOGETHER):
            event = first + place
            # beyond the last event nothing is added
            w[place] = weight[event] if event < n_events else 0.0
            for column in range(n_variables):
                x[place, column] = np.float64(X[event, column]) - centre[column] if event < n_events else 0.0
        w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
        for row in range(n_variables):
            l0, l1, l2, l3 = x0[row], x1[row], x2[row], x3[row]
            sums = total[row]
            for column in range(row, n_variables):
                two = (sums[column] + l0 * x0[column] * w0) + l1 * x1[column] * w1
                sums[column] = (two + l2 * x2[column] * w2) + l3 * x3[column] * w3
    _mirror(total)
    return total


@njit(types.float64[:, ::1](_X, _W), cache=True, nogil=True)
def single_product_sums(X, weight):
    """Return the sum of weight times x_i x_j, where TMVA rounds the product to single precision before it is weighted."""
    n_events, n_variables = X.shape
    total = np.zeros((n_variables, n_variables), np.float64)
    for event in range(n_events):
        w = weight[event]
        for row in range(n_variables):
            left = X[event, row]
            for column in range(row, n_variables):
                total[row, column] += np.float64(left * X[event, column]) * w
    _mirror(total)
    return total
