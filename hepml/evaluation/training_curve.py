"""Area and log-loss against the number of trees (or epochs), on training and on validation events, and the plateau."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import ScoredEvents, as_array, as_numbers
from hepml.evaluation.influence import area_influence, standard_error
from hepml.evaluation.log_loss import log_loss_influence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    _Followed = Sequence[tuple[Callable[[ScoredEvents], tuple[float, Floats]], float]]

__all__ = ["AgainstOptimum", "StageFigures", "TrainingCurve", "stage_grid", "training_curve"]

_SIGNIFICANT = 2.0
# each with the sign that makes a loss of it
_FIGURES = ((area_influence, -1.0), (log_loss_influence, 1.0))


@dataclass(frozen=True, slots=True, eq=False)
class StageFigures(Displayed):
    """Area under the ROC curve and log-loss of one part after each stage, with errors; arrays of shape (n_stages,).

    The log-loss is None where margins are no log-odds.
    """

    auc: Floats
    auc_error: Floats
    log_loss: Floats | None = None
    log_loss_error: Floats | None = None

    def to_dict(self) -> dict[str, list[float] | None]:
        """Return the arrays as lists."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: None if value is None else value.tolist() for name, value in values.items()}


@dataclass(frozen=True, slots=True, eq=False)
class AgainstOptimum(Displayed):
    """One figure of the validation part, each stage compared with the best stage on the same events.

    Parameters
    ----------
    optimum : int
        The stage of the best figure.
    deficit, deficit_error : ndarray of float64, shape (n_stages,)
        How much worse than at the optimum, and the error of this paired difference. Zero at the optimum.
    plateau : ndarray of bool, shape (n_stages,)
        Stages that are not worse by more than 2 standard deviations and by more than ``size``.
    size : float
        The difference that counts.
    resolution : float
        The loss that would be seen: two standard deviations of the difference between the last stage and whichever other can
        be told from it least well, of those that are not significantly worse and that of half as many trees.
    """

    optimum: int
    deficit: Floats = field(repr=False)
    deficit_error: Floats = field(repr=False)
    plateau: NDArray[np.bool_] = field(repr=False)
    size: float
    resolution: float

    @property
    def final_deficit(self) -> float:
        """How much worse the last stage is than the optimum."""
        return float(self.deficit[-1])

    @property
    def final_deficit_error(self) -> float:
        """Paired error of ``final_deficit``."""
        return float(self.deficit_error[-1])

    @property
    def final_on_plateau(self) -> bool:
        """Whether the last stage is on the plateau."""
        return bool(self.plateau[-1])

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types."""
        return {
            "optimum": self.optimum,
            "deficit": self.deficit.tolist(),
            "deficit_error": self.deficit_error.tolist(),
            "plateau": self.plateau.tolist(),
            "size": self.size,
            "resolution": self.resolution,
            "final_deficit": self.final_deficit,
            "final_deficit_error": self.final_deficit_error,
            "final_on_plateau": self.final_on_plateau,
        }


@dataclass(frozen=True, slots=True, eq=False)
class TrainingCurve(Displayed):
    """Figures of merit against the stage of the training.

    Parameters
    ----------
    stages : ndarray of int64, shape (n_stages,)
        Number of trees or epochs, ascending; the last one is the model that is kept.
    train, validation : StageFigures
        On the two parts.
    auc : AgainstOptimum
        The validation part against its own optimum.
    log_loss : AgainstOptimum or None
        The same; None where margins are no log-odds.
    n_train, n_validation : int
        Rows that the figures are of.
    monitored : ndarray of float64, shape (n_iterations,), or None
        Validation log-loss after every single iteration, as early stopping saw it, those included that were dropped later.
        Shown in figures, not in ``to_dict``: the report of the training has it.
    """

    stages: NDArray[np.int64]
    train: StageFigures
    validation: StageFigures
    auc: AgainstOptimum
    log_loss: AgainstOptimum | None
    n_train: int
    n_validation: int
    monitored: Floats | None = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types."""
        return {
            "stages": self.stages.tolist(),
            "train": self.train.to_dict(),
            "validation": self.validation.to_dict(),
            "auc": self.auc.to_dict(),
            "log_loss": None if self.log_loss is None else self.log_loss.to_dict(),
            "n_train": self.n_train,
            "n_validation": self.n_validation,
        }


def stage_grid(n_trees: int, n_stages: int = 30) -> NDArray[np.int64]:
    """Return at most ``n_stages`` numbers of trees from 1 to ``n_trees``, both included, each a fixed factor above the last.

    Parameters
    ----------
    n_trees : int
        Number of trees of the model, at least 1.
    n_stages : int
        Largest number of stages, at least 2.

    Returns
    -------
    ndarray of int64
        Ascending, without repetitions; fewer than ``n_stages`` where the factor would fall below one tree.

    Raises
    ------
    InvalidInputError
        If a number is too small.
    """
    if n_trees < 1 or n_stages < 2:
        msg = f"n_trees is {n_trees} and n_stages {n_stages}; at least 1 and 2 are needed"
        raise InvalidInputError(msg)
    return np.unique(np.rint(np.geomspace(1, n_trees, n_stages)).astype(np.int64))


def training_curve(  # noqa: PLR0917  (two triples of a kind)
    stages: ArrayLike,
    y_train: ArrayLike,
    margin_train: ArrayLike,
    weight_train: ArrayLike | None,
    y_validation: ArrayLike,
    margin_validation: ArrayLike,
    weight_validation: ArrayLike | None,
    *,
    event_train: ArrayLike | None = None,
    event_validation: ArrayLike | None = None,
    max_gap: float = 0.01,
    max_loss: float = 0.01,
    log_odds: bool = True,
    monitored: ArrayLike | None = None,
) -> TrainingCurve:
    """Follow area and log-loss along the training and find how far the last stage is from the optimum.

    Parameters
    ----------
    stages : array-like of int, shape (n_stages,)
        Number of trees or epochs, ascending; the last one is the model that is judged.
    y_train, y_validation : array-like of bool or 0/1, shape (n_train,) and (n_validation,)
        True for signal.
    margin_train, margin_validation : array-like of float, shape (n_stages, n_train) and (n_stages, n_validation)
        Log-odds of signal after each stage, or any score if ``log_odds`` is false; finite.
    weight_train, weight_validation : array-like of float, shape (n_train,) and (n_validation,), or None
        Weights, of either sign, in the class balance of the training, which the log-odds are for. None: 1.
    event_train, event_validation : array-like of int, shape (n_train,) and (n_validation,), optional
        Equal values within a part mark rows of one event, which are clustered.
    max_gap : float
        Loss of area that counts.
    max_loss : float
        Rise of the log-loss that counts. For two Gaussians with an area of 0.8, losing 0.01 of area raises it by 0.011.
    log_odds : bool
        Whether margins are log-odds. Of others, such as the vote of AdaBoost's trees, only the area is followed.
    monitored : array-like of float, shape (n_iterations,), optional
        Validation log-loss after every iteration of the training, kept for figures.

    Returns
    -------
    TrainingCurve
        Figures with errors, the optimum of each on validation, the plateau and the paired difference of the last stage.

    Raises
    ------
    EmptyClassError, WeightError
        As :func:`roc_curve`, for either part.
    InvalidInputError
        If the stages do not ascend, shapes differ, or a margin is not finite.

    Notes
    -----
    Differences are paired: the error of a difference comes from the differences of the influences of each event on both
    figures (DeLong's covariance for the area), so two stages that rank the events alike differ by little and with a small
    error. The optimum is the best of many stages on the very events, so the deficit is biased upwards; hence both 2
    standard deviations and a size are asked for. Arrays of shape (n_stages, n_validation) are held, 16 bytes an element.
    """
    if not (max_gap > 0 and max_loss > 0):
        msg = f"max_gap is {max_gap!r} and max_loss {max_loss!r}; both must be positive"
        raise InvalidInputError(msg)
    numbers = as_array(stages, "stages")
    if numbers.ndim != 1 or not numbers.size or numbers.dtype.kind not in "iu" or (np.diff(numbers) <= 0).any():
        msg = f"stages must be ascending whole numbers, not {stages!r:.100}"
        raise InvalidInputError(msg)
    train = _StagedEvents(y_train, margin_train, weight_train, event_train, numbers.size, "train")
    validation = _StagedEvents(
        y_validation, margin_validation, weight_validation, event_validation, numbers.size, "validation"
    )
    followed = _FIGURES if log_odds else _FIGURES[:1]
    figures, against = validation.compared(numbers, followed, (max_gap, max_loss))
    return TrainingCurve(
        stages=numbers.astype(np.int64),
        train=train.figures(followed),
        validation=figures,
        auc=against[0],
        log_loss=against[1] if log_odds else None,
        n_train=train.events.weight.size,
        n_validation=validation.events.weight.size,
        monitored=None if monitored is None else np.array(as_numbers(monitored, "monitored"), dtype=np.float64),
    )


class _StagedEvents:
    """Events of one part with the margins after each stage, checked."""

    def __init__(  # noqa: PLR0917  (one part, column by column)
        self,
        y: ArrayLike,
        margin: ArrayLike,
        weight: ArrayLike | None,
        event: ArrayLike | None,
        n_stages: int,
        part: str,
    ) -> None:
        margins = as_numbers(margin, f"margin of the {part} part")
        if margins.ndim != 2 or margins.shape[0] != n_stages:
            msg = f"margin of the {part} part has shape {margins.shape}; ({n_stages} stages, n_events) is needed"
            raise InvalidInputError(msg)
        if not np.isfinite(margins).all():
            n_bad = int(np.count_nonzero(~np.isfinite(margins)))
            msg = f"margin of the {part} part: {n_bad} of {margins.size} values are NaN or infinite"
            raise InvalidInputError(msg)
        self.margins = margins
        self.events = ScoredEvents.check(y, margins[-1], weight, event)

    def figures(self, followed: _Followed) -> StageFigures:
        rows = []
        for margin in self.margins:
            here = replace(self.events, score=margin)
            rows.append(
                [
                    number
                    for value, influence in (figure(here) for figure, _ in followed)
                    for number in (value, standard_error(influence, here.event))
                ]
            )
        return StageFigures(*np.array(rows).T)

    def compared(
        self, stages: NDArray[Any], followed: _Followed, sizes: tuple[float, float]
    ) -> tuple[StageFigures, list[AgainstOptimum]]:
        """Figures, and each of them against its optimum."""
        n_stages = len(self.margins)
        event = self.events.event
        columns: list[Floats] = []
        found: list[AgainstOptimum] = []
        for (figure, sign), size in zip(followed, sizes, strict=False):
            value, error = np.empty(n_stages), np.empty(n_stages)
            influence = np.empty((n_stages, self.events.weight.size))
            for stage, margin in enumerate(self.margins):
                value[stage], influence[stage] = figure(replace(self.events, score=margin))
                error[stage] = standard_error(influence[stage], event)
            columns += [value, error]
            found.append(_against_optimum(stages, sign * value, influence, event, size))
        return StageFigures(*columns), found


def _against_optimum(
    stages: NDArray[Any], loss: Floats, influence: Floats, event: NDArray[np.int64] | None, size: float
) -> AgainstOptimum:
    """Compare every stage with that of the smallest loss, the earliest if several are equal."""
    best = int(np.argmin(loss))
    deficit = loss - loss[best]
    error = np.array([standard_error(row - influence[best], event) for row in influence])
    to_final = np.array([standard_error(row - influence[-1], event) for row in influence])
    rivals = loss - loss[-1] <= _SIGNIFICANT * to_final
    # also where every earlier stage is worse, few events must not seem to tell everything
    rivals[np.argmin(np.abs(stages - 0.5 * stages[-1]))] = True
    return AgainstOptimum(
        optimum=int(stages[best]),
        deficit=deficit,
        deficit_error=error,
        plateau=~((deficit > _SIGNIFICANT * error) & (deficit > size)),
        size=float(size),
        resolution=_SIGNIFICANT * float(to_final[rivals].max()),
    )
