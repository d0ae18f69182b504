"""Bins of equal width as ROOT's axes find them, to the last bit: where a bin ends decides on a response."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["centres_of", "find_bins"]


def find_bins(x: ArrayLike, n_bins: int, low: float, high: float) -> NDArray[np.int64]:
    """Return the bin of each value, counted from 1; 0 below the axis, ``n_bins + 1`` above it and for NaN.

    Parameters
    ----------
    x : array-like of float64, shape (n,)
        Values.
    n_bins : int
        Number of bins.
    low, high : float
        Ends of the axis.

    Returns
    -------
    ndarray of int64, shape (n,)
        Bins.

    Notes
    -----
    As ROOT 6.40 (``TAxis::FindFixBin``), which holds a value to the edges that it computes: 0.7 lies in bin 70 of 100 from 0
    to 1, below 70 * 0.01. Older releases answer 71.
    """
    values = np.asarray(x, dtype=np.float64)
    inside = (values >= low) & (values < high)
    shifted = np.where(inside, values, low) - low
    place = (n_bins * shifted / (high - low)).astype(np.int64)
    width = (high - low) / n_bins
    place = np.where(low + place * width > np.where(inside, values, low), place - 1, place)
    place = np.where(low + (place + 1) * width <= np.where(inside, values, low), place + 1, place)
    return np.where(inside, place + 1, np.where(values < low, 0, n_bins + 1))


def centres_of(bins: ArrayLike, n_bins: int, low: float, high: float) -> NDArray[np.float64]:
    """Return the centres of bins, which are counted from 1.

    Parameters
    ----------
    bins : array-like of int
        Bins; those off the axis have centres as well.
    n_bins, low, high : int, float, float
        The axis.

    Returns
    -------
    ndarray of float64
        Of the shape of ``bins``.

    Notes
    -----
    As ROOT 6.40 (``TAxis::GetBinCenter``): the width times a half-integer. Older releases add half a width to the lower
    edge; the last digit, which TMVA's quadratic splines multiply to 1e-5 of the density, can differ.
    """
    return low + (np.asarray(bins, dtype=np.float64) - 0.5) * ((high - low) / n_bins)
