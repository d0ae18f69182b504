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
from hepml.evaluation.roc import roc_curve

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["BootstrapEfficiency", "RocBootstrap", "bootstrap_roc"]

_N_REPLICAS = 200
_MIN_REPLICAS = 50
# about half a minute
_MAX_EVENTS_DRAWN = 500_000_000
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
    """
    events = ScoredEvents.check(y_true, score, weight, event)
    curve = roc_curve(events.is_signal, events.score, events.weight, event=events.event)
    points = [curve.at_signal_efficiency(target) for target in signal_efficiencies]
    if n_replicas is None:
        n_replicas = min(_N_REPLICAS, max(_MIN_REPLICAS, _MAX_EVENTS_DRAWN // events.score.size))
    if n_replicas < 2:
        msg = f"n_replicas is {n_replicas}; at least 2 are needed for a spread, 200 are usual"
        raise InvalidInputError(msg)
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    replicas = _replicas(events, signal_efficiencies, n_replicas, np.random.default_rng(sequence))
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
        relative_precision=1.0 / math.sqrt(2.0 * (n_replicas - 1)),
        seed={"entropy": sequence.entropy, "spawn_key": list(sequence.spawn_key)},
    )


def _replicas(
    events: ScoredEvents, signal_efficiencies: tuple[float, ...], n_replicas: int, rng: np.random.Generator
) -> Floats:
    """Area and background efficiencies of each replica; a row of NaN for one that has lost a class."""
    scores = DescendingScores(events.score)
    order = scores.order
    signal_weight = np.where(events.is_signal, events.weight, 0.0)[order]
    background_weight = np.where(events.is_signal, 0.0, events.weight)[order]
    event = None if events.event is None else events.event[order]
    n_events = events.score.size if event is None else int(event.max()) + 1
    starts = None if scores.last.size == order.size else np.concatenate([[0], scores.last[:-1] + 1])
    is_monotone = bool(signal_weight.min() >= 0)

    def per_score(values: Floats) -> Floats:
        return values if starts is None else np.add.reduceat(values, starts)

    found = np.full((n_replicas, 1 + len(signal_efficiencies)), np.nan)
    for replica in found:
        times = rng.poisson(1.0, n_events)
        if event is not None:
            times = times[event]
        signal_here, background_here = per_score(signal_weight * times), per_score(background_weight * times)
        signal_above = np.cumsum(signal_here)
        sum_signal, sum_background = float(signal_above[-1]), float(background_here.sum())
        if sum_signal <= 0 or sum_background <= 0:
            continue
        for place, target in enumerate(signal_efficiencies, start=1):
            least = (target - _ROUNDING) * sum_signal
            if is_monotone:
                index = int(np.searchsorted(signal_above, least))
            else:
                below = np.flatnonzero(signal_above < least)
                index = int(below[-1]) + 1 if below.size else 0
            replica[place] = background_here[: index + 1].sum() / sum_background
        signal_above -= 0.5 * signal_here
        replica[0] = (background_here * signal_above).sum() / (sum_signal * sum_background)
    return found


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
