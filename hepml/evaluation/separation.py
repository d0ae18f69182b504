"""How well a single feature tells signal from background: TMVA's separation and the mutual information with the class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.evaluation.class_fractions import ClassFractions, Divergence, class_fractions
from hepml.evaluation.display import Displayed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Separation", "mutual_information", "rank_features", "separation"]


@dataclass(frozen=True, slots=True, eq=False)
class Separation(Displayed):
    """Difference of two binned distributions.

    Parameters
    ----------
    value : float
        Corrected for the bias of finite samples, so it may be slightly below 0 where the classes agree. NaN if not
        computable.
    error : float
        Standard deviation of ``value``.
    uncorrected : float
        What the bins give as they are: never below 0, and above 0 for any finite sample.
    n_bins : int
        Number of bins, that of missing values included.
    edges : ndarray of float64
        The bins' edges; lower ones are inclusive, the outermost infinite.
    """

    value: float
    error: float
    uncorrected: float
    n_bins: int
    edges: NDArray[np.float64]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; what is not computable is None, the outermost edges are left out."""
        numbers = {
            name: number if np.isfinite(number := getattr(self, name)) else None
            for name in ("value", "error", "uncorrected")
        }
        return {**numbers, "n_bins": self.n_bins, "edges": self.edges[1:-1].tolist()}


def separation(
    values: ArrayLike,
    y_true: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    n_bins: int = 40,
) -> Separation:
    r"""Separation of a feature, 0 for equal and 1 for disjoint distributions.

    Parameters
    ----------
    values : array-like of float, shape (n_events,)
        The feature. NaN is missing and has a bin of its own, if the missing events fill one; otherwise they are left out.
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are not independent.
    n_bins : int
        Bins before merging. They hold equal shares of the absolute weights, both classes counted alike, and are merged
        with their neighbours until no class is negative and at least ten effective events fill each. So a monotone
        transformation of the feature changes nothing.

    Returns
    -------
    Separation
        Value, uncertainty and bins.

    Raises
    ------
    EmptyClassError, InvalidInputError, WeightError
        As :func:`hepml.evaluation.roc_curve`, but for NaN.

    Notes
    -----
    :math:`\frac12 \int (s - b)^2 / (s + b)` of the normalised densities, as TMVA ranks its variables (TMVA Users Guide,
    arXiv:physics/0703039, section 3.1.4). Bias and error are those of second order in the fractions' covariance.

    Examples
    --------
    >>> separation([1.0] * 50 + [2.0] * 50, [0] * 50 + [1] * 50).uncorrected
    1.0
    """
    fractions = class_fractions(values, y_true, weight, event, n_bins)
    p, q = fractions.signal, fractions.background
    total = np.where(p + q > 0, p + q, 1.0)
    found = fractions.divergence(
        0.5 * np.square(p - q) / total,
        (0.5 - 2 * np.square(q / total), 0.5 - 2 * np.square(p / total)),
        4 / total**3,
    )
    return _result(fractions, found)


def mutual_information(
    values: ArrayLike,
    y_true: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    n_bins: int = 40,
) -> Separation:
    r"""Mutual information of a feature and the class, in bits, where both classes are equally probable beforehand.

    Parameters
    ----------
    values, y_true, weight, event, n_bins : see :func:`separation`
        The same bins are used.

    Returns
    -------
    Separation
        0 bits if the feature says nothing of the class, 1 bit if it decides it.

    Raises
    ------
    EmptyClassError, InvalidInputError, WeightError
        As :func:`separation`.

    Notes
    -----
    :math:`\frac12 \sum_b [p_b \log_2 (2 p_b / (p_b + q_b)) + q_b \log_2 (2 q_b / (p_b + q_b))]`, which is also the
    Jensen-Shannon divergence (J. Lin, IEEE Trans. Inf. Theory 37 (1991) 145). The correction for bias is for unit weights
    that of G. Miller (1955).

    Examples
    --------
    >>> mutual_information([1.0] * 50 + [2.0] * 50, [0] * 50 + [1] * 50).uncorrected
    1.0
    """
    fractions = class_fractions(values, y_true, weight, event, n_bins)
    p, q = fractions.signal, fractions.background
    total = np.where(p + q > 0, p + q, 1.0)
    # 0 log 0 is 0, and a class that has no event in a bin has no uncertainty there to propagate
    log_p = np.log2(2 * p / total, out=np.zeros_like(p), where=p > 0)
    log_q = np.log2(2 * q / total, out=np.zeros_like(q), where=q > 0)
    product = p * q * total
    curvature = np.divide(0.5 / np.log(2.0), product, out=np.zeros_like(p), where=product > 0)
    found = fractions.divergence(0.5 * (p * log_p + q * log_q), (0.5 * log_p, 0.5 * log_q), curvature)
    return _result(fractions, found)


def rank_features(results: Mapping[str, Separation]) -> list[str]:
    """Return names of features by decreasing value, those that are not computable last.

    Parameters
    ----------
    results : mapping of str to Separation
        By name of the feature.

    Returns
    -------
    list of str
        Ties stay in the order given.
    """
    return sorted(results, key=lambda name: -results[name].value if np.isfinite(results[name].value) else np.inf)


def _result(fractions: ClassFractions, found: Divergence) -> Separation:
    n_bins, edges = fractions.signal.size, fractions.edges
    if not fractions.computable:
        return Separation(np.nan, np.nan, np.nan, n_bins, edges)
    return Separation(found.uncorrected - found.bias, found.error, found.uncorrected, n_bins, edges)
