"""Confidence band that holds the whole ROC curve at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.evaluation.events import ScoredEvents
from hepml.evaluation.roc import roc_curve
from hepml.evaluation.roc_band import ONE_SIGMA, RocBand, band_points, check_level

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from hepml.evaluation.roc import RocCurve
    from hepml.evaluation.working_point import WorkingPoint

    Floats = NDArray[np.float64]

__all__ = ["simultaneous_band"]

_N_DRAWS = 2000
# clustered rows cost a pass each: fewer draws for more than this many rows in all
_MAX_ROWS_DRAWN = 500_000_000
_MIN_DRAWS = 200


def simultaneous_band(
    y_true: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    level: float = ONE_SIGMA,
    seed: int | np.random.SeedSequence = 0,
    curve: RocCurve | None = None,
) -> RocBand:
    """Band of the background efficiency that holds all points of the curve at once.

    Parameters
    ----------
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    score : array-like of float, shape (n_events,)
        Larger is more signal-like; finite.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are clustered. Default: each row is an event.
    level : float
        Probability that the true curve lies within, over the range of signal efficiency of the band's points.
    seed : int or numpy.random.SeedSequence
        Of the draws that find the factor.
    curve : RocCurve, optional
        That of these events, if it is known already.

    Returns
    -------
    RocBand
        Of kind ``"simultaneous"``, at up to 99 signal efficiencies.

    Raises
    ------
    EmptyClassError, InvalidInputError, WeightError
        As :func:`roc_curve`, or if ``level`` is not between 0 and 1.

    Notes
    -----
    The band is ``eps_B -+ c sigma`` with one factor c: the quantile of the largest deviation ``max |d(t)| / sigma(t)`` over
    the points (sup-t band: J. Montiel Olea, M. Plagborg-Moller, J. Appl. Econometrics 34 (2019) 1). Deviations d are drawn
    by the multiplier bootstrap: each event's first-order influence times a normal number. For independent rows the sum over
    those between two cuts is a normal number of the variance ``sum w^2``, so a draw costs no pass over the events.
    """
    check_level(level)
    events = ScoredEvents.check(y_true, score, weight, event)
    if curve is None:
        curve = roc_curve(events.is_signal, events.score, events.weight, event=events.event)
    points = band_points(curve)
    error = np.array([point.background_efficiency_error for point in points])
    largest = _largest_deviations(events, points, error, np.random.default_rng(seed)) if points else np.zeros(1)
    return RocBand(
        kind="simultaneous",
        level=float(level),
        factor=float(np.quantile(largest, level)),
        signal_efficiency=np.array([point.signal_efficiency for point in points]),
        background_efficiency=np.array([point.background_efficiency for point in points]),
        error=error,
    )


def _largest_deviations(
    events: ScoredEvents, points: list[WorkingPoint], error: Floats, rng: np.random.Generator
) -> Floats:
    """Largest deviation of the curve in units of its errors, of each draw."""
    thresholds = np.array([point.threshold for point in points])
    n_bins = thresholds.size + 1
    # number of cuts that a row fails: cuts run from tight to loose
    cell = np.searchsorted(-thresholds, -events.score.astype(np.float64)) + n_bins * events.is_signal
    sum_signal = events.weight.sum(where=events.is_signal)
    sum_background = events.weight.sum(where=~events.is_signal)
    share = events.weight / np.where(events.is_signal, sum_signal, sum_background)
    slope = np.array([point.slope for point in points])
    signal = np.array([point.signal_efficiency for point in points])
    background = np.array([point.background_efficiency for point in points])
    moved = _moved_shares(events, cell, share, 2 * n_bins, rng)
    passing = np.cumsum(moved[:, :n_bins], axis=1)
    deviation = passing[:, :-1] - background * passing[:, -1:]
    passing = np.cumsum(moved[:, n_bins:], axis=1)
    deviation -= slope * (passing[:, :-1] - signal * passing[:, -1:])
    largest: Floats = np.abs(deviation / error).max(axis=1)
    return largest


def _moved_shares(
    events: ScoredEvents, cell: NDArray[np.int64], share: Floats, n_cells: int, rng: np.random.Generator
) -> Floats:
    """Draws of the change of each cell's share, shape (n_draws, n_cells)."""
    if events.event is None:
        sigma = np.sqrt(np.bincount(cell, weights=np.square(share), minlength=n_cells))
        return rng.standard_normal((_N_DRAWS, n_cells)) * sigma
    n_draws = min(_N_DRAWS, max(_MIN_DRAWS, _MAX_ROWS_DRAWN // cell.size))
    n_events = int(events.event.max()) + 1
    moved = np.empty((n_draws, n_cells))
    for draw in moved:
        draw[:] = np.bincount(cell, weights=share * rng.standard_normal(n_events)[events.event], minlength=n_cells)
    return moved
