"""The inverse of a small matrix by ROOT's ``TDecompLU``, operation by operation, so that it has its digits."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["invert"]

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def invert(matrix):
    """Invert a square matrix of float64 in place (``TDecompLU::InvertLU``).

    Returns
    -------
    float
        The determinant; the matrix is no inverse if it is 0.
    """
    n = len(matrix)
    swapped = np.zeros(n, np.int64)
    determinant = decompose(matrix, swapped)
    if determinant == 0.0:
        return 0.0
    for j in range(n):
        matrix[j, j] = 1.0 / matrix[j, j]
        minus = -matrix[j, j]
        for k in range(j):
            factor = matrix[k, j]
            if factor != 0.0:
                for i in range(k):
                    matrix[i, j] += factor * matrix[i, k]
                matrix[k, j] *= matrix[k, k]
        for k in range(j):
            matrix[k, j] *= minus
    column = np.zeros(n)
    for j in range(n - 2, -1, -1):
        for i in range(j + 1, n):
            column[i] = matrix[i, j]
            matrix[i, j] = 0.0
        for i in range(n):
            total = 0.0
            for k in range(j + 1, n):
                total += matrix[i, k] * column[k]
            matrix[i, j] = -total + matrix[i, j]
    for j in range(n - 1, -1, -1):
        other = swapped[j]
        if other != j:
            for i in range(n):
                matrix[i, other], matrix[i, j] = matrix[i, j], matrix[i, other]
    return determinant


@_compiled
def decompose(matrix, swapped):
    """Decompose a matrix by Crout's algorithm with scaled pivots; return its determinant (``DecomposeLUCrout``)."""
    n = len(matrix)
    scale = np.zeros(n)
    for i in range(n):
        largest = 0.0
        for j in range(n):
            largest = max(largest, abs(matrix[i, j]))
        scale[i] = 0.0 if largest == 0.0 else 1.0 / largest
    determinant = 1.0
    for j in range(n):
        for i in range(j):
            rest = matrix[i, j]
            for k in range(i):
                rest -= matrix[i, k] * matrix[k, j]
            matrix[i, j] = rest
        largest, pivot = 0.0, 0
        for i in range(j, n):
            rest = matrix[i, j]
            for k in range(j):
                rest -= matrix[i, k] * matrix[k, j]
            matrix[i, j] = rest
            size = scale[i] * abs(rest)
            if size >= largest:
                largest, pivot = size, i
        if pivot != j:
            for k in range(n):
                matrix[pivot, k], matrix[j, k] = matrix[j, k], matrix[pivot, k]
            determinant = -determinant
            scale[pivot] = scale[j]
        swapped[j] = pivot
        if matrix[j, j] == 0.0:
            return 0.0
        factor = 1.0 / matrix[j, j]
        for i in range(j + 1, n):
            matrix[i, j] *= factor
        determinant *= matrix[j, j]
    return determinant
