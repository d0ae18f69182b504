"""Do the models of all folds agree: areas fold by fold beside that of the pooled scores, and the shapes of the scores."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import chi2

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import ScoredEvents, as_array
from hepml.evaluation.influence import area_influence, by_event
from hepml.evaluation.roc import roc_curve

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["FoldArea", "FoldComparison", "FoldShapes", "compare_folds"]

# between so many bins of equal population the distribution functions are compared
_BINS = 1000
# rows times permutations: half a minute for ten million events
_MOST_MOVES = 200_000_000
_FEWEST_PERMUTATIONS = 19


@dataclass(frozen=True, slots=True)
class FoldArea(Displayed):
    """Area under the ROC curve of one fold, scored by the model that has not seen it."""

    fold: int
    n_signal: int
    n_background: int
    auc: float
    auc_error: float

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class FoldShapes(Displayed):
    """How far the scores of one class differ in shape from fold to fold.

    Parameters
    ----------
    ks_distance : float
        Largest distance, over folds and scores, of the distribution function of a fold from that of all others.
    fold : int
        The fold that has it.
    p_value : float
        Probability of such a distance or a larger one if the folds are of one distribution, by permutation.
    n_permutations : int
        Number of permutations; no p-value can be below ``1 / (n_permutations + 1)``.
    """

    ks_distance: float
    fold: int
    p_value: float
    n_permutations: int

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class FoldComparison(Displayed):
    """Folds one by one and together.

    Parameters
    ----------
    n_folds : int
        Number of folds.
    areas : tuple of FoldArea
        Of each fold.
    auc_pooled, auc_pooled_error : float
        Area of the scores of all folds together, which is what an analysis gets.
    auc_mean, auc_mean_error : float
        Mean of the areas of the folds, all counted alike, and the error that it has from their errors.
    auc_spread : float
        Standard deviation of the areas over the folds. It is no error of anything: models share most of their training
        events, and each is tested on a K-th of all events only.
    auc_spread_expected : float
        What the errors of the areas let expect if all models are equally good, ``sqrt(mean of squared errors)``.
    chi2, chi2_p_value : float
        Of the areas about their mean weighted by the errors; NaN if an area has no error.
    chi2_ndf : int
        Number of folds less one.
    pooling, pooling_error : float
        ``auc_pooled - auc_mean``. Pooled, signal of a fold is also compared with background of another, so it is negative
        where the scales of the models differ. Its error is too large by up to a half where they agree.
    signal, background : FoldShapes
        Whether the scores of a class have the same shape in all folds.
    """

    n_folds: int
    areas: tuple[FoldArea, ...]
    auc_pooled: float
    auc_pooled_error: float
    auc_mean: float
    auc_mean_error: float
    auc_spread: float
    auc_spread_expected: float
    chi2: float
    chi2_ndf: int
    chi2_p_value: float
    pooling: float
    pooling_error: float
    signal: FoldShapes
    background: FoldShapes

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types; what is not computable is null."""
        numbers: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        numbers = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in numbers.items()
        }
        return numbers | {
            "areas": [area.to_dict() for area in self.areas],
            "signal": self.signal.to_dict(),
            "background": self.background.to_dict(),
        }


def compare_folds(
    y_true: ArrayLike,
    score: ArrayLike,
    fold: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    n_permutations: int = 200,
    seed: int | np.random.SeedSequence = 0,
) -> FoldComparison:
    """Compare the folds of a classifier, each scored by the model that has not seen it.

    Parameters
    ----------
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    score : array-like of float, shape (n_events,)
        Out-of-fold scores; larger is more signal-like.
    fold : array-like of int, shape (n_events,)
        Fold of each row, from 0; at least two folds.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which stay together; all of one event are in one fold.
    n_permutations : int
        Permutations behind each p-value; fewer, but at least 19, for more than a million events.
    seed : int or numpy.random.SeedSequence
        Seed of the permutations; signal and background use independent streams.

    Returns
    -------
    FoldComparison
        Areas, their mean and spread, the pooled area and the shapes.

    Raises
    ------
    EmptyClassError
        If a class is missing from a fold, or its weights sum to zero or less there.
    InvalidInputError, WeightError
        As :func:`roc_curve`; also if folds are no integers from 0, or rows of one event stand in two folds.

    Notes
    -----
    Areas and errors are those of :func:`roc_curve`. Folds have no event in common, so the errors of their areas are
    independent, for the models as they are; what other training events would have given is not in them (docs/folds.md).
    """
    events = ScoredEvents.check(y_true, score, weight, event)
    folds = _checked_folds(fold, events)
    n_folds = int(folds.max()) + 1
    areas, influence = [], np.zeros(folds.size)
    for number in range(n_folds):
        here = np.flatnonzero(folds == number)
        if here.size == 0:
            msg = f"fold {number} of {n_folds} has no events"
            raise EmptyClassError(msg)
        one = _take(events, here)
        curve = roc_curve(one.is_signal, one.score, one.weight, event=one.event)
        areas.append(FoldArea(number, curve.n_signal, curve.n_background, curve.auc, curve.auc_error))
        influence[here] -= area_influence(one)[1] / n_folds
    auc, error = (np.array([getattr(area, name) for area in areas]) for name in ("auc", "auc_error"))
    pooled = roc_curve(events.is_signal, events.score, events.weight, event=events.event)
    influence += area_influence(events)[1]
    statistic = _chi2(auc, error)
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    signal, background = (
        _shapes(
            _take(events, np.flatnonzero(events.is_signal == is_signal)),
            folds[events.is_signal == is_signal],
            n_permutations,
            np.random.SeedSequence(sequence.entropy, spawn_key=(*sequence.spawn_key, stream)),
        )
        for stream, is_signal in enumerate((True, False))
    )
    return FoldComparison(
        n_folds=n_folds,
        areas=tuple(areas),
        auc_pooled=pooled.auc,
        auc_pooled_error=pooled.auc_error,
        auc_mean=float(auc.mean()),
        auc_mean_error=float(np.sqrt(np.square(error).sum())) / n_folds,
        auc_spread=float(auc.std(ddof=1)),
        auc_spread_expected=float(np.sqrt(np.square(error).mean())),
        chi2=statistic,
        chi2_ndf=n_folds - 1,
        chi2_p_value=float(chi2.sf(statistic, n_folds - 1)),
        pooling=pooled.auc - float(auc.mean()),
        pooling_error=float(np.sqrt(np.square(by_event(influence, events.event)).sum())),
        signal=signal,
        background=background,
    )


def _checked_folds(fold: ArrayLike, events: ScoredEvents) -> NDArray[np.int64]:
    values = as_array(fold, "fold")
    if values.shape != events.score.shape or values.dtype.kind not in "iu":
        n_rows = events.score.size
        msg = f"fold has shape {values.shape} and type {values.dtype}; one integer for each of {n_rows} rows is needed"
        raise InvalidInputError(msg)
    folds = values.astype(np.int64)
    if folds.min() < 0 or folds.max() < 1:
        msg = f"folds from {folds.min()} to {folds.max()}: at least two are needed, counted from 0"
        raise InvalidInputError(msg)
    if events.event is not None:
        first = np.full(int(events.event.max()) + 1, folds.max())
        np.minimum.at(first, events.event, folds)
        if (first[events.event] != folds).any():
            msg = "rows of one event stand in two folds, so that a model was tested on events that it was trained on"
            raise InvalidInputError(msg)
    return folds


def _take(events: ScoredEvents, rows: NDArray[np.int64]) -> ScoredEvents:
    event = None if events.event is None else np.unique(events.event[rows], return_inverse=True)[1].astype(np.int64)
    return ScoredEvents(events.is_signal[rows], events.score[rows], events.weight[rows], event)


def _chi2(auc: Floats, error: Floats) -> float:
    if not (error > 0).all():
        return math.nan
    weight = 1.0 / np.square(error)
    return float((weight * np.square(auc - (weight * auc).sum() / weight.sum())).sum())


def _shapes(
    events: ScoredEvents, folds: NDArray[np.int64], n_permutations: int, seed: np.random.SeedSequence
) -> FoldShapes:
    """Compare the distribution functions of one class; folds are dealt again to the events, with all their rows."""
    # rows of equal score belong into one bin, that of their last
    rank = np.searchsorted(np.sort(events.score), events.score, side="right") - 1
    place = rank * min(_BINS, rank.size) // rank.size
    event = np.arange(folds.size) if events.event is None else events.event
    of_event = np.empty(int(event.max()) + 1, dtype=np.int64)
    of_event[event] = folds
    n_folds, n_places = int(folds.max()) + 1, int(place.max()) + 1
    total = np.cumsum(np.bincount(place, weights=events.weight, minlength=n_places))

    def distances(dealt: NDArray[np.int64]) -> Floats:
        sums = np.bincount(dealt[event] * n_places + place, weights=events.weight, minlength=n_folds * n_places)
        below = np.cumsum(sums.reshape(n_folds, n_places), axis=1)
        others = total - below
        sizes, rests = below[:, -1:], others[:, -1:]
        # a fold whose weights sum to zero or less has no distribution: as far away as can be
        usable = ((sizes > 0) & (rests > 0))[:, 0]
        distance = np.full(n_folds, np.inf)
        distance[usable] = np.abs(below[usable] / sizes[usable] - others[usable] / rests[usable]).max(axis=1)
        return distance

    seen = distances(of_event)
    rng = np.random.default_rng(seed)
    n_done = max(_FEWEST_PERMUTATIONS, min(n_permutations, _MOST_MOVES // max(folds.size, 1)))
    # equal distances may differ by the order of summation
    above = sum(bool(distances(rng.permutation(of_event)).max() >= seen.max() * (1 - 1e-12)) for _ in range(n_done))
    return FoldShapes(float(seen.max()), int(seen.argmax()), (1 + above) / (1 + n_done), n_done)
