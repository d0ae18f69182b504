"""How much a cut gains: TMVA's separation indices (``SeparationBase``, ``RegressionVariance``), operation by operation."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

__all__ = ["REGRESSION", "SEPARATIONS", "index", "regression_gain", "separation_gain"]

SEPARATIONS = ("GiniIndex", "CrossEntropy", "GiniIndexWithLaplace", "MisClassificationError", "SDivSqrtSPlusB")
_GINI, _ENTROPY, _LAPLACE, _MISCLASSIFICATION, _SIGNIFICANCE = range(len(SEPARATIONS))
# trees that reduce the variance of a target
REGRESSION = len(SEPARATIONS)
# gains below are none (SeparationBase's fPrecisionCut)
_SMALLEST_GAIN = math.sqrt(np.finfo(np.float64).eps)
_LOG_2 = math.log(2.0)

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def index(kind, s, b):
    """Return the index of a sample of ``s`` signal and ``b`` background (``GetSeparationIndex``)."""
    n = s + b
    if n <= 0.0:
        return 0.0
    if kind == _SIGNIFICANCE:
        return s / math.sqrt(n)
    if kind == _GINI:
        return 0.0 if s <= 0.0 or b <= 0.0 else 2.0 * s * b / n / n
    if kind == _LAPLACE:
        return 0.0 if s <= 0.0 or b <= 0.0 else (s * b + s + b + 1.0) / (n + 2.0) / (n + 2.0)
    p = s / n
    if kind == _MISCLASSIFICATION:
        return 1.0 - p if p >= 1.0 - p else p
    if p <= 0.0 or p >= 1.0:
        return 0.0
    return -(p * (math.log(p) / _LOG_2) + (1.0 - p) * (math.log(1.0 - p) / _LOG_2))


@_compiled
def separation_gain(kind, s, b, all_s, all_b):
    """Return the gain of a cut that selects ``s`` and ``b`` of a node (``GetSeparationGain``)."""
    if all_s - s == s and all_b - b == b:
        return 0.0
    n = all_s + all_b
    if kind == _SIGNIFICANCE:
        left = ((all_s - s) + (all_b - b)) * index(kind, all_s - s, all_b - b)
        gain = (n * index(kind, all_s, all_b) - left - (s + b) * index(kind, s, b)) / n
    else:
        left = ((all_s - s) + (all_b - b)) / n * index(kind, all_s - s, all_b - b)
        gain = index(kind, all_s, all_b) - left - (s + b) / n * index(kind, s, b)
    return 0.0 if gain < _SMALLEST_GAIN else gain


@_compiled
def _variance(n, sum_t, sum_t2):
    return (sum_t2 - sum_t * sum_t / n) / n


@_compiled
def regression_gain(n, sum_t, sum_t2, all_n, all_t, all_t2):
    """Return by which part a cut reduces the variance; NaN if there is none (``RegressionVariance``)."""
    if all_n == n or n == 0.0:
        return 0.0
    parent = all_n * _variance(all_n, all_t, all_t2)
    left = (all_n - n) * _variance(all_n - n, all_t - sum_t, all_t2 - sum_t2)
    return (parent - left - n * _variance(n, sum_t, sum_t2)) / parent
