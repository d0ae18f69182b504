"""What stands before the first layer: columns made of the features, with parameters of the signed training weights."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from hepml.classifiers.networks.program import Column
from hepml.errors import FeatureValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["CLIP", "MISSING", "SCALINGS", "apply_columns", "fit_columns"]

SCALINGS = ("standard", "quantile")
MISSING = ("error", "mean")
# widths from the mean beyond which a value counts as that far
CLIP = 10.0
_KNOTS = 200
_BLOCK = 1 << 15
_log = logging.getLogger(__name__)


def fit_columns(
    X: NDArray[np.float32], weight: NDArray[np.float64], names: Sequence[str], *, scaling: str, missing: str
) -> tuple[Column, ...]:
    """Fit one column for each feature, and an indicator for each that has missing values.

    Parameters
    ----------
    X : ndarray of float32, shape (n_events, n_features)
        Features, NaN where missing.
    weight : ndarray of float64, shape (n_events,)
        Signed weights with a positive sum.
    names : sequence of str
        Names of the features.
    scaling : {"standard", "quantile"}
        To mean 0 and width 1, or by straight lines between 200 quantiles to a normal distribution.
    missing : {"error", "mean"}
        What missing values are: an error, or the weighted mean together with an indicator column.

    Returns
    -------
    tuple of Column
        Cut off ``CLIP`` widths from the mean.

    Raises
    ------
    FeatureValueError
        If a feature has missing values, and there is no policy for them.

    Notes
    -----
    Where the signed variance is not positive, it is that of ``|w|``. Signed cumulated weights, which may fall, are replaced
    by their running maximum. A constant feature gets the scale 0, so that it plays no part.
    """
    columns: list[Column] = []
    indicators: list[Column] = []
    for j, name in enumerate(names):
        x = np.asarray(X[:, j], dtype=np.float64)
        gone = np.isnan(x)
        if gone.any():
            if missing == "error":
                msg = (
                    f"feature {name!r} is missing (NaN) in {int(gone.sum())} of {len(x)} events; kind 'nn' needs a policy "
                    "for that: missing: mean puts the mean in its place, with a column that says so"
                )
                raise FeatureValueError(msg)
            indicators.append(Column(j, is_indicator=True))
        column = _fit_column(j, x[~gone], weight[~gone], scaling=scaling, fill=missing == "mean")
        if column.scale == 0.0:
            _log.warning("feature %r is constant in the training events and plays no part in the network", name)
        columns.append(column)
    return (*columns, *indicators)


def apply_columns(columns: Sequence[Column], X: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the columns of events, float32 of shape (n_events, n_columns), in one contiguous block."""
    result = np.empty((len(X), len(columns)), dtype=np.float32)
    for start in range(0, len(X), _BLOCK):
        block = np.asarray(X[start : start + _BLOCK], dtype=np.float64)
        for k, column in enumerate(columns):
            result[start : start + _BLOCK, k] = column.of(block[:, column.feature])
    return result


def _fit_column(feature: int, x: NDArray[np.float64], w: NDArray[np.float64], *, scaling: str, fill: bool) -> Column:
    if not x.size or x.min() == x.max():
        value = float(x[0]) if x.size else 0.0
        return Column(feature, shift=value, scale=0.0, low=-CLIP, high=CLIP, fill=value if fill else None)
    if w.sum() <= 0.0:
        w = np.abs(w)
    mean, width = _moments(x, w)
    if not x.min() <= mean <= x.max():
        mean, width = _moments(x, np.abs(w))
    replaced = mean if fill else None
    if scaling == "quantile":
        knots = _quantiles(x, w)
        if len(knots[0]) > 1:
            return Column(feature, low=-CLIP, high=CLIP, fill=replaced, knots=knots)
    return Column(feature, shift=mean, scale=1.0 / width, low=-CLIP, high=CLIP, fill=replaced)


def _moments(x: NDArray[np.float64], w: NDArray[np.float64]) -> tuple[float, float]:
    mean = float((w * x).sum() / w.sum())
    squares = (x - mean) ** 2
    variance = float((w * squares).sum() / w.sum())
    if variance <= 0.0:
        variance = float((np.abs(w) * squares).sum() / np.abs(w).sum())
    return mean, float(np.sqrt(variance)) or 1.0


def _quantiles(x: NDArray[np.float64], w: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    order = np.argsort(x, kind="stable")
    cumulated = np.maximum.accumulate(np.cumsum(w[order]))
    levels = (np.arange(_KNOTS) + 0.5) / _KNOTS
    place = np.minimum(np.searchsorted(cumulated / w.sum(), levels), len(x) - 1)
    values, inverse = np.unique(x[order][place], return_inverse=True)
    level = np.bincount(inverse, weights=levels) / np.bincount(inverse)
    return values, np.asarray(ndtri(level), dtype=np.float64)
