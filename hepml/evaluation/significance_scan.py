"""Figures of merit against the cut on the score, and the cut at which each is largest."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import as_numbers
from hepml.evaluation.figures_of_merit import FIGURES_OF_MERIT, FigureOfMerit
from hepml.evaluation.scaled_events import ScaledEvents
from hepml.evaluation.significance import Significance, figures_by_name, significance_of
from hepml.evaluation.yields import Yields, sorted_by_score, spread_cuts, yields_at_cuts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.int64]

__all__ = ["Optimum", "SignificanceScan", "significance_scan"]

_MAX_POINTS_IN_JSON = 200
_MAX_POINTS = 400
# cuts that are looked at together
_BLOCK = 1 << 10


@dataclass(frozen=True, slots=True)
class Optimum(Displayed):
    """The cut at which a figure of merit is largest.

    Parameters
    ----------
    threshold : float
        The cut; NaN if the figure is not computable at any.
    significance : Significance or None
        There, on the events on which the cut was chosen: the value is too high on average, see
        :func:`hepml.evaluation.optimum_bias`, and its error is that at a fixed cut.
    reason : str or None
        Why there is none.
    """

    threshold: float
    significance: Significance | None
    reason: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; what is not computable is null."""
        return {
            "threshold": self.threshold if math.isfinite(self.threshold) else None,
            "significance": None if self.significance is None else self.significance.to_dict(),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, eq=False)
class SignificanceScan(Displayed):
    """Expected events and figures of merit at cuts ``score >= threshold``, from tight to loose.

    Every distinct score was looked at for the optima; the cuts of the curve are fewer.

    Parameters
    ----------
    thresholds : ndarray of float64, shape (n_points,)
        Decreasing.
    signal, signal_error, background, background_error, signal_efficiency : ndarray of float64, shape (n_points,)
        Expected events with statistical errors, and the share of the signal.
    n_effective_background : ndarray of float64, shape (n_points,)
        Effective background events.
    values, errors : dict of str to ndarray of float64, shape (n_points,)
        By the name of the figure of merit; NaN where it is not computable.
    optima : dict of str to Optimum
        By the name of the figure of merit.
    figures : dict of str to FigureOfMerit
        With their parameters.
    n_cuts : int
        Number of distinct scores.
    """

    thresholds: Floats = field(repr=False)
    signal: Floats = field(repr=False)
    signal_error: Floats = field(repr=False)
    background: Floats = field(repr=False)
    background_error: Floats = field(repr=False)
    signal_efficiency: Floats = field(repr=False)
    n_effective_background: Floats = field(repr=False)
    values: dict[str, Floats] = field(repr=False)
    errors: dict[str, Floats] = field(repr=False)
    optima: dict[str, Optimum]
    figures: dict[str, FigureOfMerit]
    n_cuts: int

    def to_dict(self) -> dict[str, Any]:
        """Return optima and at most 200 cuts as plain JSON types; what is not computable is null."""
        size = self.thresholds.size
        chosen = np.unique(np.linspace(0, size - 1, min(size, _MAX_POINTS_IN_JSON)).round().astype(np.int64))
        curve = {
            name: getattr(self, name)[chosen].tolist()
            for name in ("thresholds", "signal", "signal_error", "background", "background_error", "signal_efficiency")
        }
        figures = {
            name: {"values": _plain(self.values[name][chosen]), "errors": _plain(self.errors[name][chosen])}
            for name in self.values
        }
        return {
            "optima": {name: optimum.to_dict() for name, optimum in self.optima.items()},
            "n_cuts": self.n_cuts,
            "curve": {**curve, "figures": figures},
        }


def significance_scan(
    y_true: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    figures: Sequence[str | FigureOfMerit] = FIGURES_OF_MERIT,
    min_effective: float = 40.0,
    min_signal_efficiency: float = 0.0,
    event: ArrayLike | None = None,
    sample: ArrayLike | None = None,
    full_sums: ArrayLike | None = None,
    full_squares: ArrayLike | None = None,
    thresholds: ArrayLike | None = None,
) -> SignificanceScan:
    """Figures of merit at all cuts on the score, with errors, and the best cut of each.

    Parameters
    ----------
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    score : array-like of float, shape (n_events,)
        Larger is more signal-like; finite.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign; their sum is the number of events that is expected. Default 1.
    figures : sequence of str or FigureOfMerit
        What to compute. A name takes the default parameters. Default: all, without systematic uncertainty.
    min_effective : float
        Fewest effective background events behind the best cut. The default leaves, on independent events and at minus three
        standard deviations, the ten with which a figure of merit is computable.
    min_signal_efficiency : float
        Least share of the signal that a best cut keeps.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are clustered. Default: each row is an event.
    sample : array-like of int, shape (n_events,), optional
        Number of the sample of each row, counted from 0; needed only to scale samples one by one. Default: 0 for background
        and 1 for signal.
    full_sums : array-like of float, shape (n_samples,), optional
        Sum of the weights of all events of each sample, of which these events are a part: each sample is scaled to it.
        Default: nothing is scaled.
    full_squares : array-like of float, shape (n_samples,), optional
        Sum of the squared weights of all events of each sample (of one event's rows together), these events among them. If
        given, ``full_sums`` are the sums of simulated events and have their errors; if not, they are known exactly.
    thresholds : array-like of float, optional
        Cuts of the curve. Default: up to 400 scores, half of them evenly in rank and half geometrically towards the tight
        end.

    Returns
    -------
    SignificanceScan
        Curves and optima. At cuts with a background of zero or less, or fewer effective background events than the figure
        of merit asks for, a figure is not computable, and no optimum.

    Raises
    ------
    EmptyClassError
        If a class has no events or its weights sum to zero or less, or a sample cannot be scaled.
    InvalidInputError
        If a score is NaN or infinite, a label is not 0 or 1, the shapes differ, a sample has both classes, or one event
        stands in two samples of one class.
    UnknownNameError
        If there is no such figure of merit.
    WeightError
        If a weight is NaN or infinite, or all are zero.

    Notes
    -----
    Formulae and their errors: docs/statistics_significance.md.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> label = np.arange(2000) < 1000
    >>> scan = significance_scan(label, rng.normal(size=2000) + label, figures=["s_over_sqrt_b"])
    >>> scan.optima["s_over_sqrt_b"].significance.n_effective_background >= 40
    True
    """
    if not 0 <= min_signal_efficiency <= 1:
        msg = f"min_signal_efficiency is {min_signal_efficiency!r}; it must be in [0, 1]"
        raise InvalidInputError(msg)
    chosen = figures_by_name(figures)
    given = ScaledEvents.check(
        y_true, score, weight, event, sample=sample, full_sums=full_sums, full_squares=full_squares
    )
    scaled, rows, scores = sorted_by_score(given)
    everywhere = yields_at_cuts(scaled, rows)
    best = {name: _best(figure, everywhere, min_effective, min_signal_efficiency) for name, figure in chosen.items()}
    kept = spread_cuts(scores.size, _MAX_POINTS) if thresholds is None else _cuts(scores, thresholds)
    optimal = np.array([index for index in best.values() if index is not None], dtype=np.int64)
    wanted = yields_at_cuts(scaled, rows, np.append(kept, optimal))
    yields, places = wanted.at(slice(kept.size)), iter(range(kept.size, kept.size + optimal.size))
    optima = {}
    for name, figure in chosen.items():
        index = best[name]
        if index is None:
            reason = (
                f"no cut keeps {min_signal_efficiency:g} of the signal and a positive background of "
                f"{max(min_effective, figure.min_effective):g} effective events"
            )
            optima[name] = Optimum(math.nan, None, reason)
        else:
            place = next(places)
            here = significance_of(figure, wanted.at(slice(place, place + 1)))
            optima[name] = Optimum(float(scores[index]), here, None)
    return SignificanceScan(
        thresholds=scores[kept],
        signal=yields.signal,
        signal_error=np.sqrt(np.maximum(yields.signal_variance, 0.0)),
        background=yields.background,
        background_error=np.sqrt(yields.background_variance),
        signal_efficiency=yields.signal / yields.signal_total,
        n_effective_background=yields.background_effective,
        values={name: figure.values(yields) for name, figure in chosen.items()},
        errors={name: figure.errors(yields) for name, figure in chosen.items()},
        optima=optima,
        figures=chosen,
        n_cuts=int(scores.size),
    )


def _best(figure: FigureOfMerit, yields: Yields, min_effective: float, min_signal_efficiency: float) -> int | None:
    """Return the number of the cut with the largest value, the tightest of equal ones."""
    index, largest = -1, -math.inf
    starts = np.arange(0, yields.signal.size, _BLOCK)
    bounds = _bounds(figure, yields, starts)
    # the most promising first, so that hardly another one is looked at
    for block in np.argsort(-bounds, kind="stable").tolist():
        if bounds[block] < largest:
            break
        start = int(starts[block])
        here = yields.at(slice(start, start + _BLOCK))
        values = figure.values(here)
        allowed = np.isfinite(values) & (here.background_effective >= min_effective)
        allowed &= here.signal >= min_signal_efficiency * yields.signal_total
        candidates = np.where(allowed, values, -math.inf)
        place = int(np.argmax(candidates))
        value = float(candidates[place])
        if value > largest or (value == largest and value > -math.inf and start + place < index):
            index, largest = start + place, value
    return None if index < 0 else index


def _bounds(figure: FigureOfMerit, yields: Yields, starts: Indices) -> Floats:
    """Return what no cut of a block exceeds: all figures rise with the signal, and fall with the background and its error.

    Infinite where signal or background are not positive throughout, of which this does not hold.
    """
    signal, background = np.maximum.reduceat(yields.signal, starts), np.minimum.reduceat(yields.background, starts)
    zeros = np.zeros(starts.size)
    best = Yields(
        signal=signal,
        background=background,
        signal_variance=zeros,
        background_variance=np.minimum.reduceat(yields.background_variance, starts),
        covariance=zeros,
        background_third=zeros,
        background_fourth=zeros,
        # as many effective events as could be
        background_squares=zeros,
        signal_efficiency_variance=zeros,
        signal_total=yields.signal_total,
    )
    bounds = figure.values(best) * (1 + 1e-9)
    return np.where((signal > 0) & (background > 0) & np.isfinite(bounds), bounds, math.inf)


def _cuts(scores: Floats, thresholds: ArrayLike) -> Indices:
    """Return the numbers of the loosest distinct scores that pass given cuts, from tight to loose."""
    cuts = np.unique(as_numbers(thresholds, "thresholds").astype(np.float64))[::-1]
    if not cuts.size or not cuts[0] <= scores[0]:
        msg = f"no event passes a threshold of {cuts[0] if cuts.size else None}; the largest score is {scores[0]:.6g}"
        raise InvalidInputError(msg)
    return np.searchsorted(-scores, -cuts, side="right") - 1


def _plain(values: Floats) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]
