"""The trainings of a run, and the events that their methods are evaluated on: one training, or one for each fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepml.data import Folds, Part, check_class_sums, training_weights
from hepml.data.mapped import take_rows
from hepml.errors import InvalidInputError
from hepml.workflow.learning_task import LearningTask
from hepml.workflow.preparation import Prepared, Selection, event_numbers, prepare, select_parts

if TYPE_CHECKING:
    from pathlib import Path

    from hepml.config import AnalysisConfig
    from hepml.data import Dataset

__all__ = ["Plan", "training_names"]


def training_names(config: AnalysisConfig) -> tuple[str, ...]:
    """Return the names of the trainings of each method: one without a name, or ``fold_0``, ``fold_1``, ..."""
    return ("",) if config.folds is None else Folds(config.folds, config.seed).names


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What is trained on what.

    Parameters
    ----------
    config : AnalysisConfig
        Folds or split, balance, seed.
    evaluated : Prepared
        The events that methods are evaluated on: those of the only training, or with folds all events.
    folds : Folds, optional
        None: the one training of the run is that of ``evaluated``.
    folder : pathlib.Path, optional
        Where mapped features of the parts are.
    """

    config: AnalysisConfig
    evaluated: Prepared
    folds: Folds | None = None
    folder: Path | None = None

    @classmethod
    def of(cls, config: AnalysisConfig, dataset: Dataset, *, folder: Path | None = None) -> Plan:
        """Give each event its part or its fold, and check all parts of all trainings before the first begins.

        Parameters
        ----------
        config : AnalysisConfig
            Folds or split, balance, seed.
        dataset : Dataset
            All samples.
        folder : pathlib.Path, optional
            As for :func:`prepare`.

        Returns
        -------
        Plan
            The trainings.

        Raises
        ------
        IdentityError
            If an event stands in two parts; for folds, if events are known by file and entry only.
        EmptyClassError
            If a class is missing from a part or fold, or its signed sum is not significantly positive.
        InvalidInputError
            If parts were fixed beforehand and folds are asked for.
        """
        if config.folds is None:
            return cls(config, prepare(config, dataset, folder=folder))
        folds = Folds(config.folds, config.seed)
        LearningTask.of(config).check(dataset)
        if dataset.fixed_part is not None and dataset.fixed_part.any():
            msg = (
                "the parts of some events were fixed beforehand, which folds decide by identity: leave one of them out"
            )
            raise InvalidInputError(msg)
        return cls(config, _pooled(config, dataset, folds, folder), folds, folder)

    def training(self, name: str) -> Prepared:
        """Return the parts of one training. Those of a fold are copied when they are asked for, to hold one at a time."""
        if self.folds is None:
            return self.evaluated
        dataset = self.evaluated.dataset
        part = self.folds.parts(self.evaluated.model[Part.TEST], self.folds.names.index(name))
        part[self.evaluated.task.labels(dataset) < 0] = Part.UNSEEN
        return select_parts(self.config, dataset, part, folder=self.folder, name=name)


def _pooled(config: AnalysisConfig, dataset: Dataset, folds: Folds, folder: Path | None) -> Prepared:
    """Return all events as train, as validation and as test, each with the models that score them as such."""
    model = {part: folds.models(dataset.identity, part) for part in (Part.TRAIN, Part.VALIDATION, Part.TEST)}
    task = LearningTask.of(config)
    label = task.labels(dataset)
    rows = np.flatnonzero(label >= 0)
    y, weight, target = label[rows], dataset.weight[rows], task.truth(dataset, rows)
    X = dataset.X if len(rows) == len(dataset) else take_rows(dataset.X, rows, folder)
    event = event_numbers(dataset)
    train_weight = {part: np.zeros(len(rows)) for part in model}
    for number, name in enumerate(folds.names):
        parts = folds.parts(model[Part.TEST][rows], number)
        for part in model:
            chosen = np.flatnonzero(parts == part)
            check_class_sums(y[chosen], weight[chosen], f"{part.name.lower()} ({name})", task.classes)
            balanced = training_weights(y[chosen], weight[chosen], config.training.balance, task.classes)
            mine = model[part][rows[chosen]] == number
            train_weight[part][chosen[mine]] = balanced[mine]

    def selection(part: Part) -> Selection:
        return Selection(rows, X, y, weight, train_weight[part], None if event is None else event[rows], target)

    used = np.full(len(dataset), Part.UNSEEN, dtype=np.int8)
    used[rows] = Part.TEST
    return Prepared(dataset, used, selection(Part.TRAIN), selection(Part.VALIDATION), selection(Part.TEST), model, task)
