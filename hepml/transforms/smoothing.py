"""Smoothing of histograms by ROOT's variant of the 353QH algorithm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["smoothed"]


def smoothed(contents: NDArray[np.float32], times: int = 1) -> NDArray[np.float32]:
    """Smooth the contents of a histogram of single precision, as ``TH1F::Smooth`` does.

    Parameters
    ----------
    contents : ndarray of float32, shape (n_bins,)
        Left as they are if there are fewer than three.
    times : int
        Number of passes.

    Returns
    -------
    ndarray of float32, shape (n_bins,)
        Not below 0 unless contents were.

    Notes
    -----
    J. Friedman, Data analysis techniques for high energy particle physics, SLAC-176 (1974): running medians of 3, 5 and 3,
    quadratic interpolation where three are equal, running means; then the same once more for the residuals. As in
    ROOT 6.40 (``TH1::SmoothArray``).
    """
    values = contents.astype(np.float64)
    if len(values) < 3:
        return contents
    for _ in range(times):
        first = _pass(values)
        result = first + _pass(values - first)
        values = result if values.min() < 0 else np.maximum(result, 0.0)
    return values.astype(np.float32)


def _pass(values: NDArray[np.float64]) -> NDArray[np.float64]:
    medians = _medians(values)
    y = _with_parabolas(medians)
    means = y.copy()
    means[1:-1] = 0.25 * y[:-2] + 0.5 * y[1:-1] + 0.25 * y[2:]
    return means


def _medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    z = _median_of_3(values)
    z[0] = np.median([z[1], values[0], 3 * z[1] - 2 * z[2]])
    z[-1] = np.median([z[-2], values[-1], 3 * z[-2] - 2 * z[-3]])
    before = z
    z = before.copy()
    if len(z) >= 5:
        z[2:-2] = np.median(np.lib.stride_tricks.sliding_window_view(before, 5), axis=1)
    z[1] = np.median(before[:3])
    z[-2] = np.median(before[-3:])
    return _median_of_3(z)


def _median_of_3(values: NDArray[np.float64]) -> NDArray[np.float64]:
    z = values.copy()
    left, middle, right = values[:-2], values[1:-1], values[2:]
    z[1:-1] = np.maximum(np.minimum(left, middle), np.minimum(np.maximum(left, middle), right))
    return z


def _with_parabolas(z: NDArray[np.float64]) -> NDArray[np.float64]:
    y = z.copy()
    flat = np.flatnonzero((z[1:-3] == z[2:-2]) & (z[2:-2] == z[3:-1])) + 2 if len(z) > 4 else np.zeros(0, np.intp)
    # one after the other: a later one overwrites its neighbour
    for place in flat.tolist():
        before, after = z[place - 2] - z[place], z[place + 2] - z[place]
        if before * after <= 0:
            continue
        step = -1 if abs(after) > abs(before) else 1
        far, near = z[place - 2 * step], z[place + 2 * step]
        y[place] = -0.5 * far + z[place] / 0.75 + near / 6.0
        y[place + step] = 0.5 * (near - far) + z[place]
    return y
