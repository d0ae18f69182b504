"""Bins of the features for histogram-based tree growing, made column by column from float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.data.mapped import release

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["bin_features", "bin_thresholds"]

# events that the quantiles are computed from, as in scikit-learn
_LARGEST_SAMPLE = 200_000


def bin_thresholds(X: NDArray[np.float32], max_bins: int, rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Return the inner bin edges of each feature.

    Parameters
    ----------
    X : ndarray of float32, shape (n_events, n_features)
        Features, NaN where missing.
    max_bins : int
        Largest number of bins of present values.
    rng : numpy.random.Generator
        Chooses the events for the quantiles where there are more than 200 000.

    Returns
    -------
    list of ndarray of float64
        Increasing edges. A value x falls into bin i if edge[i - 1] < x <= edge[i].

    Notes
    -----
    Midpoints between the values where they are no more than ``max_bins``, else quantiles of the events, not of their
    weights: with weights of both signs a weighted quantile is not defined.
    """
    if X.shape[0] > _LARGEST_SAMPLE:
        whole, X = X, X[np.sort(rng.choice(X.shape[0], _LARGEST_SAMPLE, replace=False))]
        release(whole)
    return [_edges(X[:, index], max_bins) for index in range(X.shape[1])]


def bin_features(X: NDArray[np.float32], thresholds: list[NDArray[np.float64]], missing_bin: int) -> NDArray[np.uint8]:
    """Return the bin of each value, uint8 of shape (n_events, n_features), column-major; NaN falls into ``missing_bin``."""
    binned = np.empty(X.shape, dtype=np.uint8, order="F")
    for index, edges in enumerate(thresholds):
        column = X[:, index]
        binned[:, index] = np.searchsorted(edges, column.astype(np.float64), side="left")
        binned[np.isnan(column), index] = missing_bin
        release(column)
    return binned


def _edges(column: NDArray[np.float32], max_bins: int) -> NDArray[np.float64]:
    present = column[~np.isnan(column)].astype(np.float64)
    values = np.unique(present)
    if values.size <= max_bins:
        edges = 0.5 * (values[:-1] + values[1:])
    else:
        percentiles = np.linspace(0.0, 100.0, max_bins + 1)[1:-1]
        edges = np.unique(np.percentile(present, percentiles, method="averaged_inverted_cdf"))
    return np.asarray(edges, dtype=np.float64)
