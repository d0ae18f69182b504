"""Bootstrap of the ROC curve by event: errors without formulas, beside those of DeLong and of the working points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import ScoredEvents
from hepml.evaluation.influence import DescendingScores
from hepml.evaluation.roc import RocCurve, roc_curve

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["BootstrapEfficiency", "RocBootstrap", "bootstrap_roc"]

_N_REPLICAS = 200
_MIN_REPLICAS = 50
# of all replicas together
_MAX_EVENTS_DRAWN = 500_000_000
# rows beyond which not they are drawn but cells of neighbouring scores, of 25 rows or more
_MANY_ROWS = 500_000
_N_CELLS = 20_000
# share of replicas without a positive sum of weights above which nothing is quoted
_MAX_LOST = 0.01
_CENTRAL = (0.5 * (1 - 0.6827), 0.5 * (1 + 0.6827))
# sums of weights that are equal on paper differ by rounding
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class BootstrapEfficiency(Displayed):
    """Background efficiency at a signal efficiency, whose threshold each replica chooses anew.

    Parameters
    ----------
    signal_efficiency : float
        That was asked for.
    background_efficiency : float
        Of the sample.
    error : float
        Standard deviation of the replicas; NaN where the working point has no error either.
    interval : (float, float)
        Central 68.27% of the replicas.
    """

    signal_efficiency: float
    background_efficiency: float
    error: float
    interval: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; what is not computable is null."""
        return {
            "signal_efficiency": self.signal_efficiency,
            "background_efficiency": self.background_efficiency,
            "background_efficiency_error": _plain(self.error),
            "background_efficiency_interval": [_plain(end) for end in self.interval],
        }


@dataclass(frozen=True, slots=True)
class RocBootstrap(Displayed):
    """Area and background efficiencies with errors from replicas of the sample.

    Parameters
    ----------
    auc, auc_error : float
        Of the sample, and the standard deviation of the replicas.
    auc_interval : (float, float)
        Central 68.27% of the replicas.
    efficiencies : tuple of BootstrapEfficiency
        At each signal efficiency.
    n_replicas, n_lost : int
        Replicas, and how many of them have a class without a positive sum of weights and are left out; above 1% nothing is
        quoted (NaN).
    n_cells : int or None
        Cells of neighbouring scores whose sums were drawn; None if each event was.
    relative_precision : float
        Of the errors themselves, ``1 / sqrt(2 (n_replicas - 1))``.
    seed : dict
        Entropy and spawn key.
    """

    auc: float
    auc_error: float
    auc_interval: tuple[float, float]
    efficiencies: tuple[BootstrapEfficiency, ...]
    n_replicas: int
    n_lost: int
    n_cells: int | None
    relative_precision: float
    seed: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; what is not computable is null."""
        return {
            "auc": self.auc,
            "auc_error": _plain(self.auc_error),
            "auc_interval": [_plain(end) for end in self.auc_interval],
            "efficiencies": [found.to_dict() for found in self.efficiencies],
            "n_replicas": self.n_replicas,
            "n_lost": self.n_lost,
            "n_cells": self.n_cells,
            "relative_precision": self.relative_precision,
            "seed": self.seed,
        }


def bootstrap_roc(
    y_true: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    signal_efficiencies: tuple[float, ...] = (),
    n_replicas: int | None = None,
    seed: int | np.random.SeedSequence = 0,
    curve: RocCurve | None = None,
) -> RocBootstrap:
    """Errors of the area, and of background efficiencies at given signal efficiencies, from a bootstrap by event.

    Parameters
    ----------
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    score : array-like of float, shape (n_events,)
        Larger is more signal-like; finite.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are drawn together. Default: each row is an event.
    signal_efficiencies : tuple of float
        Working points.
    n_replicas : int, optional
        Default: 200, but at most so many that 5e8 events are drawn in all, and at least 50.
    seed : int or numpy.random.SeedSequence
        Equal seeds give equal results.
    curve : RocCurve, optional
        That of these events, if it is known already.

    Returns
    -------
    RocBootstrap
        Errors beside the numbers of the sample itself.

    Raises
    ------
    EmptyClassError, WeightError
        As :func:`roc_curve`.
    InvalidInputError
        As :func:`roc_curve`, or if there are fewer than two replicas.

    Notes
    -----
    Each event's weights are multiplied by a Poisson number of mean 1, which is drawing with replacement from a sample whose
    size is itself a Poisson number (N. Chamandy et al., Estimating uncertainty for massive data streams (2012); B. Efron,
    Annals of Statistics 7 (1979) 1). Scores are sorted once: a replica is one pass over the sorted rows.

    Beyond 500,000 rows, each an event of its own, a replica draws 20,000 cells of neighbouring scores in place of rows: the
    sum of a class's weights in a cell, with its Poisson numbers, is normal with the mean ``sum w`` and the variance
    ``sum w^2``. Events of one cell are then ties, and the curve is straight across it.
    """
    events = ScoredEvents.check(y_true, score, weight, event)
    if curve is None:
        curve = roc_curve(events.is_signal, events.score, events.weight, event=events.event)
    points = [curve.at_signal_efficiency(target) for target in signal_efficiencies]
    in_cells = events.event is None and events.score.size > _MANY_ROWS
    if n_replicas is None:
        n_drawn = _N_CELLS if in_cells else events.score.size
        n_replicas = min(_N_REPLICAS, max(_MIN_REPLICAS, _MAX_EVENTS_DRAWN // n_drawn))
    if n_replicas < 2:
        msg = f"n_replicas is {n_replicas}; at least 2 are needed for a spread, 200 are usual"
        raise InvalidInputError(msg)
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    drawn = (_Cells if in_cells else _Rows)(events)
    replicas = _replicas(drawn, signal_efficiencies, n_replicas, np.random.default_rng(sequence))
    found = replicas[np.isfinite(replicas[:, 0])]
    if n_replicas - found.shape[0] > _MAX_LOST * n_replicas:
        found = np.full((2, found.shape[1]), np.nan)
    errors = found.std(axis=0, ddof=1)
    intervals = np.quantile(found, _CENTRAL, axis=0).T
    return RocBootstrap(
        auc=curve.auc,
        auc_error=float(errors[0]),
        auc_interval=(float(intervals[0, 0]), float(intervals[0, 1])),
        efficiencies=tuple(
            BootstrapEfficiency(
                signal_efficiency=float(point.target),
                background_efficiency=point.background_efficiency,
                error=math.nan if math.isnan(point.background_efficiency_error) else float(error),
                interval=(float(interval[0]), float(interval[1])),
            )
            for point, error, interval in zip(points, errors[1:], intervals[1:], strict=True)
        ),
        n_replicas=n_replicas,
        n_lost=int(np.count_nonzero(~np.isfinite(replicas[:, 0]))),
        n_cells=drawn.n_cells,
        relative_precision=1.0 / math.sqrt(2.0 * (n_replicas - 1)),
        seed={"entropy": sequence.entropy, "spawn_key": list(sequence.spawn_key)},
    )


class _Rows:
    """Rows from the highest score to the lowest, of which a replica takes each event a Poisson number of times."""

    n_cells = None

    def __init__(self, events: ScoredEvents) -> None:
        scores = DescendingScores(events.score)
        is_signal, weight = scores.sorted(events.is_signal), scores.sorted(events.weight)
        self._signal, self._background = np.where(is_signal, weight, 0.0), np.where(is_signal, 0.0, weight)
        self._event = None if events.event is None else scores.sorted(events.event)
        self._n_events = events.score.size if self._event is None else int(self._event.max()) + 1
        self._starts = None if scores.last.size == weight.size else np.concatenate([[0], scores.last[:-1] + 1])

    def draw(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Draw the sums of the weights of both classes at each distinct score."""
        times = rng.poisson(1.0, self._n_events).astype(np.float64)
        if self._event is not None:
            times = times[self._event]
        drawn = self._signal * times, self._background * times
        if self._starts is None:
            return drawn
        signal: Floats = np.add.reduceat(drawn[0], self._starts)
        background: Floats = np.add.reduceat(drawn[1], self._starts)
        return signal, background

    @staticmethod
    def share(_least: float, _below: float, _reached: float) -> float:
        """Give the share of a score that a cut keeps: events of one score pass together."""
        return 1.0


class _Cells:
    """Sums of rows of neighbouring scores, from the highest to the lowest; equal scores stay together."""

    def __init__(self, events: ScoredEvents) -> None:
        scores = DescendingScores(events.score)
        is_signal, weight = scores.sorted(events.is_signal), scores.sorted(events.weight)
        wanted = weight.size * np.arange(1, _N_CELLS) // _N_CELLS
        first = scores.last[np.searchsorted(scores.last, wanted)] + 1
        starts = np.unique(np.concatenate([[0], first[first < weight.size]]))
        self.n_cells = starts.size
        self._sums, self._sigmas = [], []
        for of_class in (np.where(is_signal, weight, 0.0), np.where(is_signal, 0.0, weight)):
            self._sums.append(np.add.reduceat(of_class, starts))
            self._sigmas.append(np.sqrt(np.add.reduceat(np.square(of_class), starts)))

    def draw(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Draw the sums of the weights of both classes in each cell."""
        signal, background = (
            total + sigma * rng.standard_normal(self.n_cells)
            for total, sigma in zip(self._sums, self._sigmas, strict=True)
        )
        return signal, background

    @staticmethod
    def share(least: float, below: float, reached: float) -> float:
        """Give the share of a cell that a cut keeps, which has ``below`` before and ``reached`` behind it."""
        return (least - below) / (reached - below) if reached > below else 1.0


def _replicas(
    drawn: _Rows | _Cells, signal_efficiencies: tuple[float, ...], n_replicas: int, rng: np.random.Generator
) -> Floats:
    """Area and background efficiencies of each replica; a row of NaN for one that has lost a class."""
    found = np.full((n_replicas, 1 + len(signal_efficiencies)), np.nan)
    for replica in found:
        signal_here, background_here = drawn.draw(rng)
        signal_above = np.cumsum(signal_here)
        sum_signal, sum_background = float(signal_above[-1]), float(background_here.sum())
        if sum_signal <= 0 or sum_background <= 0:
            continue
        for place, target in enumerate(signal_efficiencies, start=1):
            least = (target - _ROUNDING) * sum_signal
            # the last cut that keeps too little; with negative weights there may be others before
            behind = np.flatnonzero(signal_above[::-1] < least)[:1]
            index = signal_above.size - int(behind[0]) if behind.size else 0
            below = float(signal_above[index - 1]) if index else 0.0
            kept = drawn.share(least, below, float(signal_above[index]))
            passing = background_here[:index].sum() + kept * background_here[index]
            replica[place] = passing / sum_background
        signal_above -= 0.5 * signal_here
        replica[0] = (background_here * signal_above).sum() / (sum_signal * sum_background)
    return found


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
