"""Does the efficiency of a cut depend on a variable? Efficiencies in its bins, how much they vary, and a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.class_fractions import cell_moments
from hepml.evaluation.display import Displayed
from hepml.evaluation.efficiency import efficiency
from hepml.evaluation.events import as_array, as_events, as_weights
from hepml.evaluation.quadratic_form import propagate, quadratic_form
from hepml.evaluation.variable_bins import as_column, variable_bins

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["Flatness", "flatness"]


@dataclass(frozen=True, slots=True, eq=False)
class Flatness(Displayed):
    """Efficiency of one class at one cut in bins of a variable.

    Parameters
    ----------
    edges : ndarray of float64
        Lower edges are inclusive, the outermost infinite. The bin of missing values, if there is one, is the last.
    has_missing : bool
        The last bin holds the missing values.
    share : ndarray of float64, shape (n_bins,)
        Share of the sum of weights in each bin.
    efficiency, efficiency_error : ndarray of float64, shape (n_bins,)
        In each bin, at a fixed cut. The error is NaN in bins of which nothing or all passes.
    overall, overall_error : float
        Efficiency of all events that are in a bin.
    variance, variance_error : float
        Mean squared deviation of the efficiency from the overall one beyond what the statistics makes: around 0, so it
        may be negative, where the efficiency is flat. NaN for a single bin, as what follows.
    spread, spread_error : float
        Its root, 0 where it is negative; the error is how far one standard deviation of the variance reaches upwards.
    relative_spread : float
        Spread over the overall efficiency.
    chi2, ndf, p_value : float
        Test that the efficiency is the same in all bins. NaN for a single bin.
    """

    edges: Floats = field(repr=False)
    has_missing: bool
    share: Floats = field(repr=False)
    efficiency: Floats
    efficiency_error: Floats = field(repr=False)
    overall: float
    overall_error: float
    variance: float
    variance_error: float
    spread: float
    spread_error: float
    relative_spread: float
    chi2: float
    ndf: int
    p_value: float

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; what is not computable is None, the outermost edges are left out."""
        found: dict[str, Any] = {"edges": self.edges[1:-1].tolist()}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if name == "edges":
                continue
            if isinstance(value, np.ndarray):
                found[name] = [number if np.isfinite(number) else None for number in value.tolist()]
            else:
                found[name] = value if np.isfinite(value) else None
        return found


def flatness(
    passed: ArrayLike,
    values: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    n_bins: int = 10,
) -> Flatness:
    r"""Efficiency of a cut in bins of a variable; call it for signal and for background.

    Parameters
    ----------
    passed : array-like of bool, shape (n_events,)
        True where the event passes.
    values : array-like of float, shape (n_events,)
        The variable, a spectator for example. NaN is missing and has a bin of its own if the missing events fill one;
        otherwise they are left out.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are not independent.
    n_bins : int
        Bins of equal sums of absolute weights before merging: each has a positive sum and ten effective events.

    Returns
    -------
    Flatness
        Efficiencies, how much they vary, and the test.

    Raises
    ------
    EmptyClassError
        If no event has a value, or the weights sum to zero or less.
    InvalidInputError
        If ``passed`` is not boolean, the shapes differ, or ``n_bins`` is below 1.
    WeightError
        If a weight is NaN or infinite, or all are zero.

    Notes
    -----
    :math:`\sum_b s_b (\varepsilon_b - \varepsilon)^2 - \mathrm{bias}` with the share :math:`s_b` of the weights in a bin:
    the squared standard deviation of the efficiency (SDE of A. Rogozhnikov et al., JINST 10 (2015) T03002, arXiv:1410.4140,
    less what the statistics adds). The test is the score test: :math:`\sum_{i \in b} w_i (\mathrm{pass}_i - \varepsilon)` of
    all bins with their covariance under the hypothesis, a :math:`\chi^2` with one degree of freedom fewer than bins.

    Examples
    --------
    >>> result = flatness([True, False] * 50 + [True] * 100, [0.0] * 100 + [1.0] * 100)
    >>> result.efficiency.tolist(), round(result.spread, 3)
    ([0.5, 1.0], 0.249)
    """
    mask = as_array(passed, "passed")
    if mask.ndim != 1:
        msg = f"passed has shape {mask.shape}; booleans of shape (n_events,) are needed"
        raise InvalidInputError(msg)
    column = as_column(values, mask.size, "the variable")
    weights = as_weights(weight, mask.size)
    events = as_events(event, mask.size)
    efficiency(mask, weights)
    bins = variable_bins(column, weights, n_bins)
    used = bins.index >= 0
    mask, weights, index, n = mask[used], weights[used], bins.index[used], bins.n_bins
    if events is not None:
        events = events[used]
    overall = efficiency(mask, weights, event=events)
    passing = np.bincount(index, weights=weights * mask, minlength=n)
    sums = np.bincount(index, weights=weights, minlength=n)
    value, share = passing / sums, sums / sums.sum()
    moments = cell_moments(np.where(mask, index, index + n), weights, events, 2 * n)
    own = np.hstack([np.diag((1 - value) / sums), np.diag(-value / sums)])
    of_all = np.repeat([1 - overall.value, -overall.value], n) / sums.sum()
    covariance = propagate(own - of_all, moments)
    deviation = value - overall.value
    mean_square = float((share * np.square(deviation)).sum())
    slope = ((2 * share * deviation)[:, None] * (own - of_all)).sum(axis=0)
    # an event also moves the share of its bin
    slope += np.tile((np.square(deviation) - mean_square) / sums.sum(), 2)
    found = quadratic_form(deviation, share, covariance, float((slope[:, None] * moments * slope).sum()))
    variance, variance_error = found.uncorrected - found.bias, found.error
    if n < 2:
        # a single bin can not differ from itself but by rounding
        variance = variance_error = np.nan
    spread = float(np.sqrt(np.maximum(variance, 0.0)))
    chi2, p_value = _score_test(passing - overall.value * sums, of_all * sums.sum(), share, moments)
    return Flatness(
        edges=bins.edges,
        has_missing=bins.has_missing,
        share=share,
        efficiency=value,
        # one side alone says nothing of how far the efficiency is from 0 or 1
        efficiency_error=np.where(
            np.diagonal(moments)[:n] * np.diagonal(moments)[n:] > 0,
            np.sqrt(np.diagonal(propagate(own, moments))),
            np.nan,
        ),
        overall=overall.value,
        overall_error=overall.error,
        variance=variance,
        variance_error=variance_error,
        spread=spread,
        spread_error=float(np.sqrt(np.maximum(variance, 0.0) + variance_error)) - spread,
        relative_spread=spread / overall.value if overall.value > 0 else np.nan,
        chi2=chi2,
        ndf=n - 1,
        p_value=p_value,
    )


def _score_test(excess: Floats, residual: Floats, share: Floats, moments: Floats) -> tuple[float, float]:
    """Test that all bins have the overall efficiency: no bin's own efficiency enters the covariance."""
    from scipy.stats import chi2 as chi2_distribution

    n = share.size
    if n < 2:
        return np.nan, np.nan
    by_bin = np.hstack([np.eye(n), np.eye(n)]) * residual
    # the overall efficiency is that of the same events
    jacobian = by_bin - share[:, None] * by_bin.sum(axis=0)
    covariance = propagate(jacobian, moments)
    # the bins' excesses sum to zero: the last one says nothing new
    try:
        statistic = float((excess[:-1] * np.linalg.solve(covariance[:-1, :-1], excess[:-1])).sum())
    except np.linalg.LinAlgError:
        return np.nan, np.nan
    if not np.isfinite(statistic) or statistic < 0:
        return np.nan, np.nan
    return statistic, float(chi2_distribution.sf(statistic, n - 1))
