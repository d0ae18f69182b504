"""Bins of the score for a fit: edges that make the combined significance largest, and what bins give on other events."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import as_numbers
from hepml.evaluation.figures_of_merit import FigureOfMerit, figure_of_merit
from hepml.evaluation.scaled_events import ScaledEvents
from hepml.evaluation.significance import Significance, significance_of
from hepml.evaluation.yields import Yields, sorted_by_score, yields_at_cuts, yields_in_bins

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.int64]

__all__ = ["BinnedSignificance", "ScoreBinning", "binned_significance", "choose_score_binning"]

# figures whose squares add up over bins: those of a likelihood
_ADDITIVE = ("z_a_sigma_b", "z_a")


@dataclass(frozen=True, slots=True, eq=False)
class ScoreBinning(Displayed):
    """Edges of bins of the score, and how they were chosen.

    Parameters
    ----------
    edges : ndarray of float64, shape (n_bins + 1,)
        Lower ones are inclusive, the outermost infinite: every event has a bin.
    figure : FigureOfMerit
        What was made largest.
    min_effective, max_relative_error : float
        Fewest effective background events, and largest relative statistical error of the background, that a bin might have.
    combined_by_n_bins : tuple of float
        Largest combined significance with 1, 2, ... bins on the events on which they were chosen, too high on average; NaN
        where so many bins cannot be filled.
    candidates : ndarray of float64
        Inner edges among which was chosen.
    """

    edges: Floats
    figure: FigureOfMerit
    min_effective: float
    max_relative_error: float
    combined_by_n_bins: tuple[float, ...]
    candidates: Floats = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return inner edges and the way there as plain JSON types; what is not computable is null."""
        return {
            "edges": self.edges[1:-1].tolist(),
            "n_bins": self.edges.size - 1,
            "figure": self.figure.name,
            "min_effective": self.min_effective,
            "max_relative_error": self.max_relative_error,
            "combined_by_n_bins": [value if math.isfinite(value) else None for value in self.combined_by_n_bins],
            "n_candidates": self.candidates.size,
        }


@dataclass(frozen=True, slots=True, eq=False)
class BinnedSignificance(Displayed):
    """Significance of each bin of the score and of all of them together.

    Parameters
    ----------
    combined, combined_error : float
        Square root of the sum of the squares of the bins' significances, and its standard deviation with all covariances
        between bins; NaN if no bin is computable, the error also if one is not: the combination is then too low by what that
        bin holds, which no error can know.
    reason : str or None
        Why there is no error; None if there is one.
    edges : ndarray of float64, shape (n_bins + 1,)
        Of the bins.
    bins : tuple of Significance
        From the lowest scores to the highest. Bins that are not computable (with the reason), or have no signal left,
        contribute nothing.
    """

    combined: float
    combined_error: float
    reason: str | None
    edges: Floats = field(repr=False)
    bins: tuple[Significance, ...] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; what is not computable, and infinite edges, are null."""
        edges = [edge if math.isfinite(edge) else None for edge in self.edges.tolist()]
        return {
            "combined": self.combined if math.isfinite(self.combined) else None,
            "combined_error": self.combined_error if math.isfinite(self.combined_error) else None,
            "reason": self.reason,
            "bins": [
                {"from": low, "to": high, **item.to_dict()}
                for low, high, item in zip(edges[:-1], edges[1:], self.bins, strict=True)
            ],
        }


def choose_score_binning(
    y_true: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    figure: str | FigureOfMerit = "z_a_sigma_b",
    max_bins: int = 10,
    min_effective: float = 40.0,
    max_relative_error: float = 1.0,
    n_candidates: int = 200,
    event: ArrayLike | None = None,
    sample: ArrayLike | None = None,
    full_sums: ArrayLike | None = None,
    full_squares: ArrayLike | None = None,
) -> ScoreBinning:
    """Bins of the score that make the combined significance of a fit largest, every bin with enough background.

    Parameters
    ----------
    y_true, score, weight, event, sample, full_sums, full_squares : array-like
        As :func:`hepml.evaluation.significance_scan`; the validation part, so that the test part can report.
    figure : {'z_a_sigma_b', 'z_a'} or FigureOfMerit
        Significance of a bin; an absolute ``sigma_b`` is refused, as it does not say what a bin has of it.
    max_bins : int
        Most bins.
    min_effective : float
        Fewest effective background events of a bin. The default leaves, on independent events and at minus three
        standard deviations, the ten with which a figure of merit is computable.
    max_relative_error : float
        Largest statistical error of a bin's background, relative to it.
    n_candidates : int
        Most edges among which is chosen: quantiles of the absolute weights, both classes counted alike.

    Returns
    -------
    ScoreBinning
        Edges and settings.

    Raises
    ------
    EmptyClassError, InvalidInputError, UnknownNameError, WeightError
        As :func:`hepml.evaluation.significance_scan`; also if the squares of the figure do not add up over bins, or not
        even one bin of all events is computable.

    Notes
    -----
    Squares of significances add up over bins, so that dynamic programming finds the best of all choices of edges among
    the candidates exactly. A bin whose signal came out negative counts nothing. Of equal choices the one with fewer
    bins is taken.
    """
    chosen = _additive(figure)
    if max_bins < 1 or n_candidates < 1 or not max_relative_error > 0:
        msg = (
            f"max_bins={max_bins!r}, n_candidates={n_candidates!r} and max_relative_error={max_relative_error!r} "
            "must be positive"
        )
        raise InvalidInputError(msg)
    given = ScaledEvents.check(
        y_true, score, weight, event, sample=sample, full_sums=full_sums, full_squares=full_squares
    )
    scaled, rows, thresholds = sorted_by_score(given)
    cuts = _candidates(scaled, rows.per_cut, n_candidates)
    least = max(min_effective, chosen.min_effective)
    squares = _squares_of_intervals(chosen, yields_at_cuts(scaled, rows, cuts), least, max_relative_error)
    total, previous = _best_partitions(squares, max_bins)
    combined = np.sqrt(np.where(np.isfinite(total), total, np.nan))
    if np.isnan(combined).all():
        msg = (
            f"no bins have a positive background of {least:g} effective events known to "
            f"{max_relative_error:g} of itself: more events are needed"
        )
        raise InvalidInputError(msg)
    n_bins = int(np.nanargmax(combined)) + 1
    ends = [squares.shape[0] - 1]
    for number in range(n_bins, 0, -1):
        ends.append(int(previous[number - 1, ends[-1]]))
    # ends run from all events to none: a bin's lower edge is the last score that its loosest cut keeps
    inner = thresholds[cuts[np.array(ends[1:-1], dtype=np.int64) - 1]]
    return ScoreBinning(
        edges=np.concatenate([[-np.inf], inner, [np.inf]]),
        figure=chosen,
        min_effective=float(least),
        max_relative_error=float(max_relative_error),
        combined_by_n_bins=tuple(combined.tolist()),
        candidates=thresholds[cuts[-2::-1]],
    )


def binned_significance(
    y_true: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    edges: ArrayLike,
    figure: str | FigureOfMerit = "z_a_sigma_b",
    event: ArrayLike | None = None,
    sample: ArrayLike | None = None,
    full_sums: ArrayLike | None = None,
    full_squares: ArrayLike | None = None,
) -> BinnedSignificance:
    """Significance in bins of the score that were chosen on independent events, and combined.

    Parameters
    ----------
    y_true, score, weight, event, sample, full_sums, full_squares : array-like
        As :func:`hepml.evaluation.significance_scan`.
    edges : array-like of float, shape (n_bins + 1,)
        Increasing; lower ones are inclusive, the outermost may be infinite.
    figure : {'z_a_sigma_b', 'z_a'} or FigureOfMerit
        Significance of a bin. A relative uncertainty of the background is taken as independent from bin to bin.

    Returns
    -------
    BinnedSignificance
        Each bin with error or the reason why it has no value, and the combination with its error.

    Raises
    ------
    EmptyClassError, InvalidInputError, UnknownNameError, WeightError
        As :func:`hepml.evaluation.significance_scan`; also if the squares of the figure do not add up over bins or the
        edges do not increase.
    """
    chosen = _additive(figure)
    axis = as_numbers(edges, "edges").astype(np.float64)
    if axis.ndim != 1 or axis.size < 2 or not np.all(axis[1:] > axis[:-1]):
        msg = f"edges of shape {axis.shape} are not an increasing sequence of two or more"
        raise InvalidInputError(msg)
    scaled = ScaledEvents.check(
        y_true, score, weight, event, sample=sample, full_sums=full_sums, full_squares=full_squares
    )
    binned = yields_in_bins(scaled, axis)
    values, gradients = chosen.values(binned.yields), chosen.gradients(binned.yields)
    bins = tuple(
        significance_of(chosen, binned.yields.at(slice(number, number + 1))) for number in range(axis.size - 1)
    )
    lost = np.isnan(values)
    # NaN compares false: what is not computable, or has no signal, counts nothing
    counted = np.where(values > 0, values, 0.0)
    combined = math.nan if lost.all() else float(np.sqrt(np.square(counted).sum()))
    if lost.any():
        missing = binned.yields.signal[lost].sum()
        reason = (
            f"{np.count_nonzero(lost)} of {lost.size} bins are not computable; {missing:.4g} signal events lie there"
        )
        return BinnedSignificance(combined, math.nan, reason, axis, bins)
    if combined == 0:
        return BinnedSignificance(combined, math.nan, "no bin has signal", axis, bins)
    slopes = [np.where(counted > 0, counted / combined * gradient, 0.0) for gradient in gradients]
    return BinnedSignificance(combined, binned.error_of(*slopes), None, axis, bins)


def _additive(figure: str | FigureOfMerit) -> FigureOfMerit:
    chosen = figure_of_merit(figure)
    if chosen.name not in _ADDITIVE:
        msg = f"bins are combined by significances whose squares add up, {' or '.join(_ADDITIVE)}, not by {chosen.name}"
        raise InvalidInputError(msg)
    if chosen.sigma_b > 0:
        msg = f"sigma_b={chosen.sigma_b:g} events does not say how it is shared among bins: give relative_sigma_b"
        raise InvalidInputError(msg)
    return chosen


def _candidates(scaled: ScaledEvents, per_cut: Callable[[Floats], Floats], n_candidates: int) -> Indices:
    """Return numbers of the distinct scores, from tight to loose, at which bins may begin; the last keeps everything."""
    size = np.abs(scaled.events.weight)
    is_signal = scaled.events.is_signal
    shares = np.where(is_signal, size / size.sum(where=is_signal), size / size.sum(where=~is_signal))
    reached = np.cumsum(per_cut(shares))
    targets = np.linspace(0, reached[-1], n_candidates + 2)[1:-1]
    found = np.minimum(np.searchsorted(reached, targets), reached.size - 1)
    return np.unique(np.append(found, reached.size - 1))


def _squares_of_intervals(
    figure: FigureOfMerit, behind: Yields, min_effective: float, max_relative_error: float
) -> Floats:
    """Square the significance between any two candidates, index 0 being 'no event': shape (n + 1, n + 1), upper triangle.

    Minus infinity where a bin is not allowed. Variances are differences of those behind cuts, which for scaled samples
    leaves out terms of the order of the bin's share.
    """

    def between(values: Floats) -> Floats:
        padded = np.concatenate([[0.0], values])
        difference: Floats = padded[np.newaxis, :] - padded[:, np.newaxis]
        return difference[upper]

    n = behind.signal.size + 1
    upper = np.triu_indices(n, 1)
    background, squares = between(behind.background), between(behind.background_squares)
    filled = squares > 0
    zeros = np.zeros_like(background)
    bins = Yields(
        signal=between(behind.signal),
        background=background,
        signal_variance=zeros,
        background_variance=np.maximum(squares, 0.0),
        covariance=zeros,
        background_third=zeros,
        background_fourth=zeros,
        background_squares=squares,
        signal_efficiency_variance=zeros,
        signal_total=behind.signal_total,
    )
    values = figure.values(bins)
    precise = filled & (np.sqrt(bins.background_variance) <= max_relative_error * background)
    precise &= bins.background_effective >= min_effective
    found = np.full((n, n), -np.inf)
    found[upper] = np.where(np.isfinite(values) & precise, np.square(np.maximum(values, 0.0)), -np.inf)
    return found


def _best_partitions(squares: Floats, max_bins: int) -> tuple[Floats, Indices]:
    """Best sums over 1, 2, ... bins from no event to all, and the best beginning of the last bin for each end."""
    n = squares.shape[0]
    best = np.full(n, -np.inf)
    best[0] = 0.0
    total, previous = [], []
    for _ in range(min(max_bins, n - 1)):
        sums = best[:, np.newaxis] + squares
        beginnings = np.argmax(sums, axis=0)
        best = sums[beginnings, np.arange(n)]
        total.append(best[-1])
        previous.append(beginnings)
    return np.array(total), np.array(previous)
