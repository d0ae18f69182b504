"""Sums of error functions over the bins of an axis, compiled: what a kernel in each bin of a histogram adds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit, types
from scipy.special import erf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Singles = NDArray[np.float32]
    Doubles = NDArray[np.float64]

__all__ = ["REACH", "add_kernels"]

# erf(6) is 1 in double precision, so that a kernel adds nothing further away
REACH = 6.5
# KDEKernel::EKernelBorder
_RENORMALISED, _MIRRORED = 2, 3
_STEPS = 128
_ORDER = 7

_compiled = njit(cache=True, nogil=True, error_model="numpy")


def _taylor() -> np.ndarray:
    """Return the series of the error function around k / 128: good to the last digit within 1 / 256."""
    x = np.arange(math.ceil(REACH * _STEPS) + 2) / _STEPS
    hermite = [np.ones_like(x), 2.0 * x]
    for order in range(1, _ORDER):
        hermite.append(2.0 * x * hermite[order] - 2.0 * order * hermite[order - 1])
    slope = 2.0 / math.sqrt(math.pi) * np.exp(-x * x)
    terms = [slope * (-1.0) ** n * hermite[n] / math.factorial(n + 1) for n in range(_ORDER - 1)]
    return np.ascontiguousarray(np.stack([erf(x), *terms], axis=1))


_SERIES = _taylor()


@_compiled
def _erf(x, series):
    size = abs(x)
    if not size < REACH:
        # NaN stays what it is
        return x if math.isnan(x) else math.copysign(1.0, x)
    place = int(size * _STEPS + 0.5)
    step = size - place / _STEPS
    row = series[place]
    value = row[0] + step * (
        row[1] + step * (row[2] + step * (row[3] + step * (row[4] + step * (row[5] + step * row[6]))))
    )
    return math.copysign(value, x)


@_compiled
def _erf_at(edge, mean, width, series):
    return _erf(np.float64(np.float32((edge - mean) / width)), series)


@_compiled
def _add_kernel(content, mean, width, renormalises, edges, ends, series, result):
    if math.isnan(width):
        # where the first estimate is negative, GaussIntegral answers -1
        for place in range(len(edges) - 1):
            result[place] += np.float32(-content)
        return
    factor = 1.0
    if renormalises:
        whole = 0.5 * (_erf_at(ends[1], mean, width, series) - _erf_at(ends[0], mean, width, series))
        factor = np.float64(np.float32(1.0 / whole))
    first = max(np.searchsorted(edges, mean - REACH * width) - 1, 0)
    last = min(np.searchsorted(edges, mean + REACH * width) + 1, len(edges))
    below = _erf_at(edges[first], mean, width, series) if first < last else 0.0
    for place in range(first, last - 1):
        above = _erf_at(edges[place + 1], mean, width, series)
        part = np.float64(np.float32(factor * (0.5 * (above - below))))
        result[place] += np.float32(content * part)
        below = above


_VECTOR = types.Array(types.float64, 1, "C", readonly=True)
_SINGLE = types.Array(types.float32, 1, "C", readonly=True)
_SERIES_TYPE = types.Array(types.float64, 2, "C", readonly=True)


@njit(
    types.void(_SINGLE, _VECTOR, _VECTOR, types.int64, _VECTOR, _VECTOR, _SERIES_TYPE, types.float32[::1]),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _add_all(contents, widths, centres, border, edges, ends, series, result):
    n_contents = len(contents)
    for place in range(n_contents - 1):
        if contents[place] == 0.0:
            continue
        content, width, centre = np.float64(contents[place]), widths[place], centres[place]
        renormalises = border == _RENORMALISED
        _add_kernel(content, np.float64(np.float32(centre)), width, renormalises, edges, ends, series, result)
        if border == _MIRRORED and place + 1 < n_contents // 5:
            mean = np.float64(np.float32(2.0 * ends[0] - centre))
            _add_kernel(content, mean, width, renormalises, edges, ends, series, result)
        if border == _MIRRORED and place + 1 > 4 * n_contents // 5:
            mean = np.float64(np.float32(2.0 * ends[1] - centre))
            _add_kernel(content, mean, width, renormalises, edges, ends, series, result)


def add_kernels(
    contents: Singles, widths: Doubles, centres: Doubles, border: int, edges: Doubles, ends: Doubles, result: Singles
) -> None:
    """Add the integrals of kernels between edges to the bins of a result, with TMVA's roundings.

    Parameters
    ----------
    contents : ndarray of float32, shape (n_contents,)
        What the kernels integrate to; the last one is not used.
    widths, centres : ndarray of float64, shape (n_contents,)
        Of the kernels; NaN for a width that there is not.
    border : int
        What is done at the ends of the axis, ``KDEKernel::EKernelBorder``.
    edges : ndarray of float64, shape (n_bins,)
        Lower edges of the bins.
    ends : ndarray of float64, shape (2,)
        Of the axis.
    result : ndarray of float32, shape (n_bins,)
        The sums; the last bin gets nothing.
    """
    _add_all(contents, widths, centres, border, edges, ends, _SERIES, result)
