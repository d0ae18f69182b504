"""Weighted sums of variables and of their products, compiled, event after event as TMVA adds them up."""

from __future__ import annotations

import numpy as np
from numba import njit, types

__all__ = ["product_sums", "single_product_sums", "value_sums"]

_X = types.Array(types.float32, 2, "C", readonly=True)
_W = types.Array(types.float64, 1, "C", readonly=True)
_MEAN = types.Array(types.float64, 1, "C", readonly=True)


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
    x = np.empty(n_variables, np.float64)
    for event in range(n_events):
        w = weight[event]
        for column in range(n_variables):
            x[column] = np.float64(X[event, column]) - centre[column]
        for row in range(n_variables):
            left = x[row]
            for column in range(row, n_variables):
                total[row, column] += left * x[column] * w
    for row in range(n_variables):
        for column in range(row):
            total[row, column] = total[column, row]
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
    for row in range(n_variables):
        for column in range(row):
            total[row, column] = total[column, row]
    return total
