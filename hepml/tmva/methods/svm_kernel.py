"""Sums of kernels over support vectors, in single precision where TMVA has it (``SVKernelFunction::Evaluate``)."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["GAUSS", "MULTI_GAUSS", "POLYNOMIAL", "exponents", "kernel_sums"]

GAUSS, MULTI_GAUSS, POLYNOMIAL = range(3)

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def kernel_sums(points, vectors, coefficients, kernels, gamma, gammas, order, theta, out):
    """Fill ``out`` with the sums over support vectors of coefficient times the sum of the kernels."""
    n_variables = points.shape[1]
    for row in range(points.shape[0]):
        total = 0.0
        for vector in range(vectors.shape[0]):
            value = np.float32(0.0)
            for kernel in kernels:
                if kernel == GAUSS:
                    square = np.float32(0.0)
                    for k in range(n_variables):
                        gap = vectors[vector, k] - points[row, k]
                        square += gap * gap
                    part = np.float32(np.exp(np.float64(-square * gamma)))
                elif kernel == MULTI_GAUSS:
                    part = np.float32(1.0)
                    for k in range(n_variables):
                        gap = vectors[vector, k] - points[row, k]
                        part = np.float32(np.float64(part) * np.exp(np.float64(-(gap * gap) * gammas[k])))
                else:
                    product = theta
                    for k in range(n_variables):
                        product += vectors[vector, k] * points[row, k]
                    part = np.float32(np.float64(product) ** order)
                value += part
            total += np.float64(coefficients[vector] * value)
        out[row] = total


@_compiled
def exponents(points, columns, gamma, out):
    """Fill ``out`` with minus gamma times the squared distance of each point to each vector, of which columns are given."""
    n_vectors = columns.shape[1]
    square = np.empty(n_vectors, np.float32)
    for row in range(points.shape[0]):
        square[:] = np.float32(0.0)
        for k in range(points.shape[1]):
            x = points[row, k]
            for vector in range(n_vectors):
                gap = columns[k, vector] - x
                square[vector] += gap * gap
        for vector in range(n_vectors):
            out[row, vector] = np.float64(-square[vector] * gamma)
