"""Is a score distributed alike at every value of a variable? Cramer-von-Mises over all cuts at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import EmptyClassError
from hepml.evaluation.class_fractions import cell_moments
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import as_events, as_score_column, as_weights
from hepml.evaluation.quadratic_form import quadratic_form
from hepml.evaluation.variable_bins import as_column, variable_bins

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["Uniformity", "uniformity"]

# of the score; the integral over it is a sum whose error falls with the square of their number
_SCORE_CELLS = 40


@dataclass(frozen=True, slots=True)
class Uniformity(Displayed):
    """How far a score's distribution in bins of a variable is from that of all events.

    Parameters
    ----------
    value : float
        Corrected for the bias of finite samples, so it scatters around 0 where score and variable are independent.
        NaN for a single bin, as the other numbers.
    error : float
        Standard deviation of ``value``.
    uncorrected : float
        What the bins give as they are, never negative.
    n_bins : int
        Bins of the variable, that of missing values included.
    """

    value: float
    error: float
    uncorrected: float
    n_bins: int

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; what is not computable is None."""
        return {
            name: value if np.isfinite(value := getattr(self, name)) else None for name in self.__dataclass_fields__
        }


def uniformity(
    score: ArrayLike,
    values: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    n_bins: int = 10,
) -> Uniformity:
    r"""Cramer-von-Mises measure of the dependence of a score on a variable; call it for signal and for background.

    Parameters
    ----------
    score : array-like of float, shape (n_events,)
        Finite.
    values : array-like of float, shape (n_events,)
        The variable. NaN is missing and has a bin of its own if the missing events fill one; otherwise they are left out.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are not independent.
    n_bins : int
        Bins of the variable, of equal sums of absolute weights before merging.

    Returns
    -------
    Uniformity
        0 for independence, at most 1/3.

    Raises
    ------
    EmptyClassError
        If no event has a value, or the weights sum to zero or less.
    InvalidInputError
        If a score is NaN or infinite, the shapes differ, or ``n_bins`` is below 1.
    WeightError
        If a weight is NaN or infinite, or all are zero.

    Notes
    -----
    :math:`\sum_b s_b \int (F_b - F)^2 \, dF` with the distribution function of the score in bin b and over all, and the
    share :math:`s_b` of the weights in the bin (A. Rogozhnikov et al., JINST 10 (2015) T03002, arXiv:1410.4140). The score
    is taken in 40 cells of equal population, each at its middle.

    Examples
    --------
    >>> round(uniformity(range(100), [0] * 50 + [1] * 50).uncorrected, 4)
    0.0833
    """
    scores = as_score_column(score)
    column = as_column(values, scores.size, "the variable")
    weights = as_weights(weight, scores.size)
    events = as_events(event, scores.size)
    bins = variable_bins(column, weights, n_bins)
    used = bins.index >= 0
    weights, index, n = weights[used], bins.index[used], bins.n_bins
    total = float(weights.sum())
    if total <= 0:
        msg = f"the weights of the {weights.size} rows sum to {total:.6g}: a distribution needs a positive sum"
        raise EmptyClassError(msg)
    cells = variable_bins(scores[used], weights, _SCORE_CELLS)
    m = cells.n_bins
    cell = index * m + cells.index
    content = np.bincount(cell, weights=weights, minlength=n * m).reshape(n, m)
    moments = cell_moments(cell, weights, None if events is None else events[used], n * m)
    sums = content.sum(axis=1)
    share, density = sums / total, content.sum(axis=0) / total
    below = np.cumsum(content, axis=1) - 0.5 * content
    distribution, overall = below / sums[:, None], (np.cumsum(density) - 0.5 * density)
    difference = distribution - overall
    metric = share[:, None] * density

    def moved(cells: Floats) -> Floats:
        """Change of each difference where the cells' contents change, for each column; shape (n m, n_columns)."""
        change = cells.reshape(n, m, -1)
        within = (np.cumsum(change, axis=1) - 0.5 * change) - distribution[:, :, None] * change.sum(axis=1)[:, None]
        of_all = change.sum(axis=0)
        over_all = (np.cumsum(of_all, axis=0) - 0.5 * of_all) - overall[:, None] * of_all.sum(axis=0)
        found: Floats = within / sums[:, None, None] - over_all / total
        return found.reshape(n * m, -1)

    with_cells = moved(moments)
    covariance = moved(with_cells.T)
    squares = np.square(difference)
    value = float((metric * squares).sum())
    # an event also moves the share of its bin and the density at its score
    by_bin, by_cell = (squares * density).sum(axis=1), (squares * share[:, None]).sum(axis=0)
    aside = ((by_bin[:, None] + by_cell - 2 * value) / total).ravel()
    slope = (2 * metric * difference).ravel()
    linear = float((slope[:, None] * covariance * slope).sum())
    linear += float((2 * slope[:, None] * with_cells * aside).sum() + (aside[:, None] * moments * aside).sum())
    found = quadratic_form(difference.ravel(), metric.ravel(), covariance, linear)
    if n < 2:
        # a single bin can not differ from itself but by rounding
        return Uniformity(np.nan, np.nan, np.nan, n)
    return Uniformity(found.uncorrected - found.bias, found.error, found.uncorrected, n)
