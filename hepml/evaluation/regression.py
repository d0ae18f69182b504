"""How well a regression estimates its target: bias, spread, resolution, correlation, for signed event weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import as_events, as_numbers, as_weights
from hepml.evaluation.influence import standard_error

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["RegressionProfile", "RegressionQuality", "regression_profile", "regression_quality"]

# share of events within one standard deviation of a Gaussian
_ONE_SIGMA = math.erf(math.sqrt(0.5))
# TMVA::MethodBase::TestRegression
_TRUNCATION = 2.0
_BINS_TARGET, _BINS_ESTIMATE = 150, 100


@dataclass(frozen=True, slots=True)
class RegressionQuality(Displayed):
    """Deviations d = estimate - target of a set of events.

    Parameters
    ----------
    n_events : int
        Rows.
    bias, bias_error : float
        Mean of d.
    rms, rms_error : float
        Standard deviation of d about its mean.
    quadratic_deviation, quadratic_deviation_error : float
        Root of the mean of d squared, bias included: what TMVA calls the average quadratic deviation.
    mae, mae_error : float
        Mean of ``|d|``.
    truncated_bias, truncated_rms, truncated_share : float
        Bias and RMS of the events within two RMS of the bias, as TMVA prints them, and the share of weight that these have.
    truncated_bias_error, truncated_rms_error : float
        At fixed limits.
    resolution, resolution_error : float
        Half width about the median of d that holds 68.27 % of the weight: the standard deviation of a Gaussian, and hardly
        moved by tails.
    correlation, correlation_error : float
        Of estimate and target.
    slope, slope_error : float
        Of the straight line through the estimates as a function of the target: 1 if linear and without shrinkage.
    target_rms : float
        Standard deviation of the target, the RMS of knowing nothing but its mean.
    mutual_information : float
        Of estimate and target in nats, in 150 x 100 bins as TMVA has it: with few events too large.
    """

    n_events: int
    bias: float
    bias_error: float
    rms: float
    rms_error: float
    quadratic_deviation: float
    quadratic_deviation_error: float
    mae: float
    mae_error: float
    truncated_bias: float
    truncated_bias_error: float
    truncated_rms: float
    truncated_rms_error: float
    truncated_share: float
    resolution: float
    resolution_error: float
    correlation: float
    correlation_error: float
    slope: float
    slope_error: float
    target_rms: float
    mutual_information: float

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; what is not computable is None."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value if math.isfinite(value) else None for name, value in found.items()}


@dataclass(frozen=True, slots=True, eq=False)
class RegressionProfile(Displayed):
    """Estimate and deviation in bins of the target, of equal numbers of events.

    Parameters
    ----------
    edges : ndarray of float64, shape (n_bins + 1,)
        Of the bins.
    target : ndarray of float64, shape (n_bins,)
        Mean target of each.
    estimate, estimate_error, bias, bias_error, resolution, resolution_error : ndarray of float64, shape (n_bins,)
        Mean estimate, mean deviation and half width of 68.27 % of each; NaN where weights sum to zero or less.
    """

    edges: Floats
    target: Floats
    estimate: Floats
    estimate_error: Floats = field(repr=False)
    bias: Floats
    bias_error: Floats = field(repr=False)
    resolution: Floats
    resolution_error: Floats = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; what is not computable is None."""
        return {
            name: [value if math.isfinite(value) else None for value in getattr(self, name).tolist()]
            for name in self.__dataclass_fields__
        }


def regression_quality(
    target: ArrayLike, estimate: ArrayLike, weight: ArrayLike | None = None, *, event: ArrayLike | None = None
) -> RegressionQuality:
    r"""Compare estimates with the targets.

    Parameters
    ----------
    target, estimate : array-like of float, shape (n_events,)
        Finite.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are not independent.

    Returns
    -------
    RegressionQuality
        Numbers with errors.

    Raises
    ------
    EmptyClassError
        If there are fewer than two events or the weights sum to zero or less.
    InvalidInputError
        If a number is NaN or infinite, or the shapes differ.
    WeightError
        If a weight is NaN or infinite, or all are zero.

    Notes
    -----
    Means are ratios of signed sums; each error is that of first order,
    :math:`\sigma^2 = \sum_e (\sum_{i \in e} \psi_i)^2`, with the influence :math:`\psi_i` of each row:
    :math:`w_i (d_i - b) / W` for the bias, :math:`w_i ((d_i - b)^2 - s^2) / (2 s W)` for the RMS,
    :math:`w_i (z_i z'_i - r (z_i^2 + z_i'^2) / 2) / W` for the correlation of standardised variables, with W the sum of
    weights. The error of the resolution is that of the share within it, turned into a length by the events themselves
    (Woodruff, J. Am. Stat. Assoc. 47 (1952) 635). A signed sum that should be a variance and is negative makes what depends
    on it NaN. Truncation and mutual information are those of ``TMVA::MethodBase::TestRegression``.

    Examples
    --------
    >>> found = regression_quality([1.0, 2.0, 3.0, 4.0], [1.5, 2.5, 3.5, 4.5])
    >>> found.bias, found.rms, round(found.correlation, 12)
    (0.5, 0.0, 1.0)
    """
    truth, value, weights, events = _checked(target, estimate, weight, event)
    total = float(weights.sum())
    deviation = value - truth

    def mean(numbers: Floats) -> tuple[float, float]:
        found = float((weights * numbers).sum() / total)
        return found, standard_error(weights * (numbers - found) / total, events)

    def root(numbers: Floats) -> tuple[float, float]:
        square, error = mean(numbers)
        return (
            (math.sqrt(square), error / (2 * math.sqrt(square)) if square > 0 else 0.0) if square >= 0 else (_NAN, _NAN)
        )

    bias, bias_error = mean(deviation)
    rms, rms_error = root(np.square(deviation - bias))
    mae, mae_error = mean(np.abs(deviation))
    quadratic, quadratic_error = root(np.square(deviation))
    resolution, resolution_error = _half_width(deviation, weights, events)
    inside = np.abs(deviation - bias) <= _TRUNCATION * rms
    truncated = _truncated(deviation, inside, weights, events)
    centre, _ = mean(truth)
    spread, _ = root(np.square(truth - centre))
    correlation, correlation_error, slope, slope_error = _line(truth, value, weights, events)
    return RegressionQuality(
        n_events=truth.size,
        bias=bias,
        bias_error=bias_error,
        rms=rms,
        rms_error=rms_error,
        quadratic_deviation=quadratic,
        quadratic_deviation_error=quadratic_error,
        mae=mae,
        mae_error=mae_error,
        truncated_bias=truncated[0],
        truncated_bias_error=truncated[1],
        truncated_rms=truncated[2],
        truncated_rms_error=truncated[3],
        truncated_share=float(weights.sum(where=inside) / total),
        resolution=resolution,
        resolution_error=resolution_error,
        correlation=correlation,
        correlation_error=correlation_error,
        slope=slope,
        slope_error=slope_error,
        target_rms=spread,
        mutual_information=_mutual_information(truth, value, weights),
    )


def regression_profile(
    target: ArrayLike,
    estimate: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    n_bins: int = 10,
) -> RegressionProfile:
    """Compare estimates with the targets in bins of the target; see :func:`regression_quality`.

    Parameters
    ----------
    target, estimate, weight, event : see :func:`regression_quality`
        The same.
    n_bins : int
        Bins of equal numbers of rows; fewer where targets are equal.

    Returns
    -------
    RegressionProfile
        Means and widths with errors.

    Raises
    ------
    EmptyClassError, InvalidInputError, WeightError
        As for :func:`regression_quality`.
    """
    truth, value, weights, events = _checked(target, estimate, weight, event)
    edges = np.unique(np.quantile(truth, np.linspace(0.0, 1.0, n_bins + 1)))
    if edges.size == 1:
        edges = np.array([edges[0], np.nextafter(edges[0], np.inf)])
    place = np.clip(np.searchsorted(edges, truth, side="right") - 1, 0, edges.size - 2)
    columns = np.full((7, edges.size - 1), np.nan)
    for number in range(edges.size - 1):
        rows = np.flatnonzero(place == number)
        w, e = weights[rows], None if events is None else np.unique(events[rows], return_inverse=True)[1]
        total = w.sum()
        if rows.size < 2 or not total > 0:
            continue
        deviation = value[rows] - truth[rows]
        for first, numbers in ((1, value[rows]), (3, deviation)):
            found = (w * numbers).sum() / total
            columns[first : first + 2, number] = found, standard_error(w * (numbers - found) / total, e)
        columns[0, number] = (w * truth[rows]).sum() / total
        columns[5:, number] = _half_width(deviation, w, e)
    return RegressionProfile(edges, *columns)


_NAN = math.nan


def _checked(
    target: ArrayLike, estimate: ArrayLike, weight: ArrayLike | None, event: ArrayLike | None
) -> tuple[Floats, Floats, Floats, NDArray[np.int64] | None]:
    truth, value = (
        as_numbers(numbers, name).astype(np.float64, copy=False)
        for numbers, name in ((target, "target"), (estimate, "estimate"))
    )
    if truth.ndim != 1 or truth.shape != value.shape:
        msg = f"target has shape {truth.shape} and estimate {value.shape}; both must be (n_events,)"
        raise InvalidInputError(msg)
    for name, numbers in (("target", truth), ("estimate", value)):
        if not np.isfinite(numbers).all():
            msg = f"{name} is NaN or infinite in {int((~np.isfinite(numbers)).sum())} of {numbers.size} events"
            raise InvalidInputError(msg)
    weights = as_weights(weight, truth.size)
    total = float(weights.sum())
    if truth.size < 2 or not total > 0:
        msg = f"the weights of {truth.size} events sum to {total:.6g}: two events and a positive sum are needed"
        raise EmptyClassError(msg)
    return truth, value, weights, as_events(event, truth.size)


def _truncated(
    deviation: Floats, inside: NDArray[np.bool_], weights: Floats, events: NDArray[np.int64] | None
) -> tuple[float, float, float, float]:
    kept = np.where(inside, weights, 0.0)
    total = float(kept.sum())
    if not total > 0:
        return _NAN, _NAN, _NAN, _NAN
    bias = float((kept * deviation).sum() / total)
    square = float((kept * np.square(deviation - bias)).sum() / total)
    bias_error = standard_error(kept * (deviation - bias) / total, events)
    if square <= 0:
        return bias, bias_error, 0.0 if square == 0 else _NAN, 0.0 if square == 0 else _NAN
    rms = math.sqrt(square)
    error = standard_error(kept * (np.square(deviation - bias) - square) / (2 * rms * total), events)
    return bias, bias_error, rms, error


def _quantiles(ordered: Floats, cumulated: Floats, shares: list[float]) -> list[float]:
    """Return where the running largest share of signed weight is first reached."""
    places = np.searchsorted(cumulated, shares, side="left")
    return [float(ordered[min(place, ordered.size - 1)]) for place in places]


def _half_width(deviation: Floats, weights: Floats, events: NDArray[np.int64] | None) -> tuple[float, float]:
    """Return the half width about the median that holds 68.27 % of the weight, and its error at a fixed median."""
    total = weights.sum()

    def ranked(numbers: Floats) -> tuple[Floats, Floats]:
        order = np.argsort(numbers, kind="stable")
        # sums of signed weights may fall; a share counts as reached where it is first
        return numbers[order], np.maximum.accumulate(np.cumsum(weights[order])) / total

    (median,) = _quantiles(*ranked(deviation), [0.5])
    distance = np.abs(deviation - median)
    sorted_distance, cumulated = ranked(distance)
    (width,) = _quantiles(sorted_distance, cumulated, [_ONE_SIGMA])
    error = standard_error(weights * ((distance <= width) - _ONE_SIGMA) / total, events)
    low, high = _quantiles(sorted_distance, cumulated, [max(_ONE_SIGMA - error, 0.0), _ONE_SIGMA + error])
    # beyond the last event nothing is known of the length
    return width, (high - low) / 2 if _ONE_SIGMA + error <= 1 else _NAN


def _line(
    truth: Floats, value: Floats, weights: Floats, events: NDArray[np.int64] | None
) -> tuple[float, float, float, float]:
    """Return correlation and slope with errors."""
    total = weights.sum()
    x, y = (numbers - (weights * numbers).sum() / total for numbers in (truth, value))
    xx, yy, xy = (float((weights * product).sum() / total) for product in (x * x, y * y, x * y))
    if not xx > 0:
        return _NAN, _NAN, _NAN, _NAN
    slope = xy / xx
    slope_error = standard_error(weights * x * (y - slope * x) / (total * xx), events)
    if not yy > 0:
        return _NAN, _NAN, slope, slope_error
    correlation = xy / math.sqrt(xx * yy)
    influence = x * y / math.sqrt(xx * yy) - correlation / 2 * (x * x / xx + y * y / yy)
    return correlation, standard_error(weights * influence / total, events), slope, slope_error


def _mutual_information(truth: Floats, value: Floats, weights: Floats) -> float:
    low, high = min(truth.min(), value.min()), max(truth.max(), value.max())
    if not high > low:
        return _NAN
    counts, _, _ = np.histogram2d(
        value, truth, bins=(_BINS_TARGET, _BINS_ESTIMATE), range=((low, high), (low, high)), weights=weights
    )
    joint = counts / counts.sum()
    of_both = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    filled = (joint > 0) & (of_both > 0)
    return float((joint[filled] * np.log(joint[filled] / of_both[filled])).sum())
