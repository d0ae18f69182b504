"""Is a score the probability of signal that it claims to be? Reliability curve, its deviations and a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.class_fractions import cell_moments
from hepml.evaluation.class_prior import with_prior
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import ScoredEvents
from hepml.evaluation.quadratic_form import propagate
from hepml.evaluation.variable_bins import variable_bins

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["Calibration", "calibration"]


@dataclass(frozen=True, slots=True, eq=False)
class Calibration(Displayed):
    """Observed shares of signal against predicted probabilities, in bins of the latter.

    Parameters
    ----------
    signal_fraction : float
        Share of signal among all events, for which the score is tested.
    edges : ndarray of float64, shape (n_bins + 1,)
        Of the predicted probability; lower ones are inclusive, the outermost 0 and 1.
    share : ndarray of float64, shape (n_bins,)
        Share of the sum of weights in each bin.
    predicted : ndarray of float64, shape (n_bins,)
        Mean score.
    observed, observed_error : ndarray of float64, shape (n_bins,)
        Share of signal.
    difference, difference_error : ndarray of float64, shape (n_bins,)
        Observed less predicted; its error is not that of the observed share, as both scatter together.
    ece, ece_error : float
        Expected calibration error: mean of the bins' absolute differences, weighted by their shares. It is above 0 also
        for a calibrated score, by what the statistics makes.
    ece_if_calibrated : float
        What these bins make it on average for a calibrated score: only what exceeds it counts.
    max_error, max_error_error : float
        Largest absolute difference of a bin.
    max_error_if_calibrated : float
        What these bins make it on average for a calibrated score.
    brier, brier_error : float
        Mean of the squared difference of score and class.
    chi2, ndf, p_value : float
        Test that all differences are zero, with their covariance.
    """

    signal_fraction: float
    edges: Floats = field(repr=False)
    share: Floats = field(repr=False)
    predicted: Floats = field(repr=False)
    observed: Floats = field(repr=False)
    observed_error: Floats = field(repr=False)
    difference: Floats = field(repr=False)
    difference_error: Floats = field(repr=False)
    ece: float
    ece_error: float
    ece_if_calibrated: float
    max_error: float
    max_error_error: float
    max_error_if_calibrated: float
    brier: float
    brier_error: float
    chi2: float
    ndf: int
    p_value: float

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; what is not computable is None."""
        found: dict[str, Any] = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                found[name] = value.tolist()
            else:
                found[name] = value if np.isfinite(value) else None
        return found


def calibration(
    y_true: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    signal_fraction: float | None = None,
    n_bins: int = 15,
) -> Calibration:
    r"""Compare predicted probabilities with the shares of signal that are observed.

    Parameters
    ----------
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    score : array-like of float, shape (n_events,)
        Probability of signal, in [0, 1].
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are not independent.
    signal_fraction : float, optional
        Share of signal for which the probability is claimed, that of a training with equal classes for example (0.5); the
        classes are weighted accordingly. Default: that of the weights.
    n_bins : int
        Bins of equal sums of absolute weights before merging: ten effective events of either class fill each, since a bin
        with few events of one class has no error to trust.

    Returns
    -------
    Calibration
        Curve, deviations and test.

    Raises
    ------
    EmptyClassError, WeightError
        As :func:`hepml.evaluation.roc_curve`.
    InvalidInputError
        As there, and if a score is outside of [0, 1] or the fraction not in (0, 1).

    Notes
    -----
    In each bin :math:`d_b = \sum w_i (y_i - s_i) / \sum w_i`, whose covariance has rows of one event together and, if the
    classes are weighted to a given share, the scatter of their sums. ECE is :math:`\sum_b f_b |d_b|` (M. Naeini et al., AAAI
    2015) with the shares f; its error takes each :math:`|d_b|` for a folded normal variable. Its value for a calibrated
    score is :math:`\sum_b f_b \sigma_b \sqrt{2/\pi}` (on this bias R. Roelofs et al., AISTATS 2022, arXiv:2012.08668).

    Examples
    --------
    >>> result = calibration([0] * 30 + [1] * 10 + [0] * 10 + [1] * 30, [0.25] * 40 + [0.75] * 40)
    >>> result.observed.tolist(), round(result.ece, 6)
    ([0.25, 0.75], 0.0)
    """
    events = ScoredEvents.check(y_true, score, weight, event)
    scores = events.score.astype(np.float64)
    outside = int(np.count_nonzero((scores < 0) | (scores > 1)))
    if outside:
        msg = (
            f"{outside} of {scores.size} scores are not in [0, 1]: only a probability can be calibrated; "
            "fit_platt and fit_isotonic make one of a score"
        )
        raise InvalidInputError(msg)
    weights, fraction = with_prior(events, signal_fraction)
    bins = variable_bins(scores, weights, n_bins, events.is_signal)
    rows = _Rows(
        events.is_signal, weights / weights.sum(), bins.index, bins.n_bins, events.event, signal_fraction is not None
    )
    n = bins.n_bins
    share = np.asarray(np.bincount(bins.index, weights=rows.weight, minlength=n), dtype=np.float64)
    predicted = np.bincount(bins.index, weights=rows.weight * scores, minlength=n) / share
    observed = np.bincount(bins.index, weights=rows.weight * events.is_signal, minlength=n) / share
    difference = np.bincount(bins.index, weights=rows.weight * (events.is_signal - scores), minlength=n) / share
    covariance = rows.of_means(events.is_signal - scores, difference, share)
    error = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    of_observed = rows.of_means(events.is_signal.astype(np.float64), observed, share)
    largest = int(np.argmax(np.abs(difference)))
    chi2, p_value = _chi2(difference, covariance)
    brier, brier_error = rows.mean(np.square(events.is_signal - scores))
    return Calibration(
        signal_fraction=fraction,
        edges=np.concatenate([[0.0], bins.edges[1:-1], [1.0]]),
        share=share,
        predicted=predicted,
        observed=observed,
        observed_error=np.sqrt(np.maximum(np.diagonal(of_observed), 0.0)),
        difference=difference,
        difference_error=error,
        ece=float((share * np.abs(difference)).sum()),
        ece_error=_folded_error(share * difference, rows.of_sums(events.is_signal - scores)),
        ece_if_calibrated=float((share * error).sum() * np.sqrt(2 / np.pi)),
        max_error=float(np.abs(difference[largest])),
        max_error_error=float(error[largest]),
        max_error_if_calibrated=_expected_maximum(error),
        brier=brier,
        brier_error=brier_error,
        chi2=chi2,
        ndf=n,
        p_value=p_value,
    )


# without slots: what several numbers need is kept
@dataclass(frozen=True, eq=False)
class _Rows:
    """Events in bins, with weights that sum to one; whether the classes' shares of them were given."""

    is_signal: NDArray[np.bool_]
    weight: Floats
    index: NDArray[np.int64]
    n_bins: int
    event: NDArray[np.int64] | None
    has_prior: bool

    @cached_property
    def cell(self) -> NDArray[np.int64]:
        """Bin of each row, those of the background behind those of the signal."""
        return np.where(self.is_signal, self.index, self.index + self.n_bins)

    def of_means(self, values: Floats, means: Floats, share: Floats) -> Floats:
        """Covariance of the bins' means of the values."""
        scale = np.tile(np.eye(self.n_bins) / share, 2)
        return self._propagate(values - means[self.index], scale, by_weight=False)

    def of_sums(self, values: Floats) -> Floats:
        """Covariance of the bins' sums of weighted values, which together are the mean over all events."""
        return self._propagate(values, np.tile(np.eye(self.n_bins), 2), by_weight=True)

    def _propagate(self, values: Floats, to_bins: Floats, *, by_weight: bool) -> Floats:
        """Beside what a row does to its bin, it moves what all is divided by: all weights, or those of its class."""
        n = self.n_bins
        moved = self.weight * values
        contents = np.bincount(self.cell, weights=moved, minlength=2 * n)
        if self.has_prior:
            totals = [self.weight.sum(where=mask) for mask in (self.is_signal, ~self.is_signal)]
            aside = np.stack([(to_bins * contents)[:, c * n : (c + 1) * n].sum(axis=1) / totals[c] for c in (0, 1)], 1)
        else:
            # a bin's mean is that of its own events: the sum of all weights cancels
            aside = np.tile((to_bins * contents).sum(axis=1)[:, None], 2) * by_weight
        return propagate(np.hstack([to_bins, -aside]), self._moments(moved))

    def _moments(self, moved: Floats) -> Floats:
        """Moments of what is in the cells of bins and classes, and of the weights of the classes."""
        n, cell = 2 * self.n_bins + 2, self.cell
        if self.event is not None:
            by_class = np.where(self.is_signal, n - 2, n - 1)
            return cell_moments(
                np.concatenate([cell, by_class]),
                np.concatenate([moved, self.weight]),
                np.concatenate([self.event, self.event]),
                n,
            )
        moments: Floats = np.zeros((n, n))
        np.fill_diagonal(moments, np.bincount(cell, weights=np.square(moved), minlength=n))
        squares = np.square(self.weight)
        for column, mask in ((n - 2, self.is_signal), (n - 1, ~self.is_signal)):
            moments[column, column] = squares.sum(where=mask)
        mixed = np.bincount(cell, weights=moved * self.weight, minlength=n)
        for column, rows in ((n - 2, slice(0, self.n_bins)), (n - 1, slice(self.n_bins, 2 * self.n_bins))):
            moments[rows, column] = moments[column, rows] = mixed[rows]
        return moments

    def mean(self, values: Floats) -> tuple[float, float]:
        """Mean of the values over all events, and its error."""
        mean = float((self.weight * values).sum())
        centre: Floats = np.full(values.shape, mean)
        if self.has_prior:
            for mask in (self.is_signal, ~self.is_signal):
                centre[mask] = (self.weight * values).sum(where=mask) / self.weight.sum(where=mask)
        moved: Floats = self.weight * (values - centre)
        if self.event is not None:
            moved = np.bincount(self.event, weights=moved).astype(np.float64, copy=False)
        return mean, float(np.sqrt(np.square(moved).sum()))


def _folded_error(sums: Floats, covariance: Floats) -> float:
    """Give the standard deviation of a sum of absolute values, each a folded normal variable."""
    from scipy.special import erf

    variance = np.maximum(np.diagonal(covariance), 0.0)
    sigma = np.sqrt(variance)
    pull = np.divide(sums, sigma, out=np.zeros_like(sums), where=sigma > 0)
    slope = erf(pull / np.sqrt(2))
    mean = sigma * np.sqrt(2 / np.pi) * np.exp(-0.5 * pull**2) + sums * slope
    folded = covariance * slope[:, None] * slope
    np.fill_diagonal(folded, np.maximum(np.square(sums) + variance - np.square(mean), 0.0))
    return float(np.sqrt(max(folded.sum(), 0.0)))


def _expected_maximum(sigma: Floats) -> float:
    """Mean of the largest of independent absolute normal variables."""
    from scipy.special import erf

    if not sigma.max() > 0:
        return 0.0
    x = np.linspace(0.0, 8.0 * float(sigma.max()), 2001)
    below = erf(x[:, None] / np.where(sigma > 0, sigma * np.sqrt(2), np.finfo(float).tiny))
    return float(np.trapezoid(1 - below.prod(axis=1), x))


def _chi2(difference: Floats, covariance: Floats) -> tuple[float, float]:
    from scipy.stats import chi2 as chi2_distribution

    try:
        statistic = float((difference * np.linalg.solve(covariance, difference)).sum())
    except np.linalg.LinAlgError:
        return np.nan, np.nan
    if not np.isfinite(statistic) or statistic < 0:
        return np.nan, np.nan
    return statistic, float(chi2_distribution.sf(statistic, difference.size))
