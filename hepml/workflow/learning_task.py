"""What methods of a run learn: signal against background, several classes, or targets; and the truth of each event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from hepml.data import BACKGROUND, SIGNAL, UNLABELLED
from hepml.data.weights import SIGNAL_AND_BACKGROUND
from hepml.errors import EmptyClassError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hepml.config import AnalysisConfig
    from hepml.data import Dataset

__all__ = ["BINARY", "LearningTask", "TaskKind"]

TaskKind = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, slots=True)
class LearningTask:
    """Classes or targets of a run.

    Parameters
    ----------
    kind : {"binary", "multiclass", "regression"}
        Which topics, figures and sections a run has.
    classes : tuple of (int, str)
        Label of each class and its name, in the order of first appearance, signal first of two; for a regression the one
        label of all events.
    outputs : tuple of str
        What each of several scores of a method is called; none where there is one.
    targets : tuple of str
        Spectators that a regression estimates.
    of_sample : mapping of str to int
        Label of the events of each sample.
    """

    kind: TaskKind = "binary"
    classes: tuple[tuple[int, str], ...] = SIGNAL_AND_BACKGROUND
    outputs: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    of_sample: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, config: AnalysisConfig) -> LearningTask:
        """Return the task of an analysis."""
        if config.task == "regression":
            named = {sample.name: 0 for sample in config.samples}
            targets = tuple(target.name for target in config.targets)
            return cls("regression", ((0, "labelled"),), config.outputs, targets, named)
        if len(config.classes) < 3:
            return BINARY
        numbers = {name: number for number, name in enumerate(config.classes)}
        of_sample = {
            sample.name: numbers[sample.class_name or sample.role]
            for sample in config.samples
            if sample.role in {"signal", "background"}
        }
        return cls("multiclass", tuple(enumerate(config.classes)), config.outputs, (), of_sample)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes; none for a regression."""
        return () if self.kind == "regression" else tuple(name for _, name in self.classes)

    def labels(self, dataset: Dataset) -> NDArray[np.int8]:
        """Return the class of each event, -1 for events without one; of a regression 0 for all."""
        if self.kind == "binary":
            return dataset.label
        of_sample = [self.of_sample.get(info.name, UNLABELLED) for info in dataset.samples]
        return np.array(of_sample, dtype=np.int8)[dataset.sample]

    def truth(self, dataset: Dataset, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """Return the targets of some events, float64 of shape (n, n_targets); None if there are none.

        Raises
        ------
        InvalidInputError
            If one is NaN or infinite.
        """
        if not self.targets:
            return None
        target = np.column_stack([dataset.spectators[name][rows].astype(np.float64) for name in self.targets])
        for name, column in zip(self.targets, target.T, strict=True):
            if (n_bad := int((~np.isfinite(column)).sum())) > 0:
                msg = (
                    f"the target {name!r} is NaN or infinite in {n_bad} of {len(column)} events: exclude these by a cut"
                )
                raise InvalidInputError(msg)
        return target

    def check(self, dataset: Dataset) -> None:
        """Refuse a dataset that lacks a class or a target.

        Raises
        ------
        EmptyClassError
            If a class has no events.
        InvalidInputError
            If a target is not there.
        """
        labels = self.labels(dataset)
        for value, name in self.classes:
            if not (labels == value).any():
                if value in {SIGNAL, BACKGROUND} and self.kind == "binary":
                    msg = f"no {name} events: at least one sample of role `{name}` is needed"
                else:
                    msg = f"no events of the class {name}: the selection leaves none of its samples"
                raise EmptyClassError(msg)
        for name in self.targets:
            if name not in dataset.spectators:
                msg = f"the dataset lacks the target {name!r}: read it by Analysis.read"
                raise InvalidInputError(msg)


BINARY = LearningTask()
