"""How estimates of a regression are distributed: against the target, and their deviations in test and training part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.evaluation.display import Displayed
from hepml.evaluation.events import as_numbers, as_weights
from hepml.evaluation.feature_histograms import feature_edges
from hepml.evaluation.histogram import Histogram, fill_histogram

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["RegressionDistribution", "regression_distribution"]

_BINS, _MAP_BINS = 50, 40


@dataclass(frozen=True, slots=True, eq=False)
class RegressionDistribution(Displayed):
    """Estimates and deviations in bins.

    Parameters
    ----------
    edges : ndarray of float64, shape (n_bins + 1,)
        Of target and estimate in ``sum_w``.
    sum_w : ndarray of float64, shape (n_bins, n_bins)
        Sums of weights of the test part by target (rows) and estimate (columns).
    test, train : Histogram
        Of the deviations, estimate - target, of either part.
    """

    edges: NDArray[np.float64] = field(repr=False)
    sum_w: NDArray[np.float64] = field(repr=False)
    test: Histogram
    train: Histogram

    def to_dict(self) -> dict[str, Any]:
        """Return the histograms of deviations as plain JSON types."""
        return {"test": self.test.to_dict(), "train": self.train.to_dict()}


def regression_distribution(  # noqa: PLR0917  (two parts of three columns each)
    target: ArrayLike,
    estimate: ArrayLike,
    weight: ArrayLike,
    target_train: ArrayLike,
    estimate_train: ArrayLike,
    weight_train: ArrayLike,
) -> RegressionDistribution:
    """Fill estimates and deviations of both parts.

    Parameters
    ----------
    target, estimate, weight : array-like of float, shape (n_test,)
        Of the test part; weights of either sign.
    target_train, estimate_train, weight_train : array-like of float, shape (n_train,)
        Of the training part.

    Returns
    -------
    RegressionDistribution
        Histograms; each axis spans the central 99 % of the rows.
    """
    truth, value = (as_numbers(numbers, "a target").astype(np.float64) for numbers in (target, estimate))
    of_training = as_numbers(estimate_train, "an estimate").astype(np.float64) - as_numbers(target_train, "a target")
    weights = as_weights(weight, truth.size)
    edges = feature_edges([truth], _MAP_BINS)
    deviation = value - truth
    axis = feature_edges([deviation, of_training], _BINS)
    counts, _, _ = np.histogram2d(truth, value, bins=(edges, edges), weights=weights)
    return RegressionDistribution(
        edges=edges,
        sum_w=counts,
        test=fill_histogram(deviation, axis, weights),
        train=fill_histogram(of_training, axis, as_weights(weight_train, of_training.size)),
    )
