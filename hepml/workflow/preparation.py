"""From the events that were read to those that methods train on: checks, parts, training weights."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.config.analysis import SplitConfig
from hepml.data import (
    Dataset,
    Part,
    assign_parts,
    check_class_sums,
    check_parts,
    effective_entries,
    training_weights,
)
from hepml.data.mapped import row_blocks, take_rows
from hepml.errors import InvalidInputError
from hepml.workflow.blinding import blind_spectators
from hepml.workflow.learning_task import BINARY, LearningTask

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from hepml.config import AnalysisConfig

__all__ = [
    "Prepared",
    "Selection",
    "check_dataset",
    "event_numbers",
    "prepare",
    "select_parts",
]

# rows whose bytes are hashed in one go
_BLOCK = 1 << 20

_PARTS = (Part.TRAIN, Part.VALIDATION, Part.TEST)


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows of one part, as arrays for training and evaluation.

    Parameters
    ----------
    rows : ndarray of int64
        Row numbers in the dataset.
    X : ndarray of float32, shape (n, n_features)
        Features.
    y : ndarray of int8, shape (n,)
        Class: 1 signal, 0 background, or the number of one of several; 0 for all events of a regression.
    weight : ndarray of float64, shape (n,)
        Signed physics weight.
    train_weight : ndarray of float64, shape (n,)
        Weight after class balance.
    event : ndarray of int64, shape (n,), or None
        Number of the event that each row belongs to; None if each row is an event of its own.
    target : ndarray of float64, shape (n, n_targets), or None
        What a regression estimates.
    """

    rows: NDArray[np.int64]
    X: NDArray[np.float32]
    y: NDArray[np.int8]
    weight: NDArray[np.float64]
    train_weight: NDArray[np.float64]
    event: NDArray[np.int64] | None
    target: NDArray[np.float64] | None = None

    @property
    def truth(self) -> NDArray[np.int8] | NDArray[np.float64]:
        """What a method learns: classes, one target of shape (n,) or several of (n, n_targets)."""
        if self.target is None:
            return self.y
        return self.target[:, 0] if self.target.shape[1] == 1 else self.target


# known by itself, not by its content: what is derived from it is kept as long as it is
@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Prepared:
    """A dataset with its parts, for one training or, with folds, for the evaluation of all of them together.

    Parameters
    ----------
    dataset : Dataset
        All samples.
    part : ndarray of int8, shape (n_events,)
        :class:`~hepml.data.Part` of each row; 0 for samples that are neither signal nor background.
    train, validation, test : Selection
        The parts of signal and background. With folds each holds all events, as there is for each event a model that was
        trained on it, one that stopped on it, and one that has not seen it.
    model : mapping of Part to ndarray of int16, shape (n_events,)
        With folds, the number of the model that scores each row as an event of train, validation or test; else empty.
    task : LearningTask
        What methods learn.
    """

    dataset: Dataset
    part: NDArray[np.int8]
    train: Selection
    validation: Selection
    test: Selection
    model: Mapping[Part, NDArray[np.int16]] = field(default_factory=dict)
    task: LearningTask = BINARY

    def model_of(self, part: Part) -> NDArray[np.int16] | None:
        """With folds, return the number of the model that scores each event of a part, None without."""
        if not self.model:
            return None
        selection = {Part.TRAIN: self.train, Part.VALIDATION: self.validation}.get(part, self.test)
        return self.model[part][selection.rows]

    def digest(self) -> str:
        """Return a SHA-256 of all that training may depend on: features, labels and weights of train and validation."""
        digest = hashlib.sha256()
        for selection in (self.train, self.validation):
            for array in (*selection.X.T, selection.y, selection.train_weight):
                for _, block in row_blocks(array, _BLOCK):
                    digest.update(np.ascontiguousarray(block).data)
            if selection.target is not None:
                digest.update(np.ascontiguousarray(selection.target).data)
        digest.update(repr(self.dataset.features).encode())
        return digest.hexdigest()

    def part_table(self) -> list[dict[str, Any]]:
        """Return events and signed sums of each sample in each part, or in each fold."""
        fold = self.model.get(Part.TEST)
        if fold is None:
            named = {value.name.lower(): self.part == value for value in _PARTS}
        else:
            named = {f"fold_{number}": fold == number for number in range(int(fold.max(initial=0)) + 1)}
        rows = {
            info.name: self.dataset.sample == number
            for number, info in enumerate(self.dataset.samples)
            if info.label >= 0
        }
        return _sums("sample", rows, named, self.dataset.weight)

    def class_table(self) -> list[dict[str, Any]]:
        """Return events and signed sums of each class in each part; with folds of all events."""
        if not self.task.names:
            return []
        labels = self.task.labels(self.dataset)
        rows = {name: labels == value for value, name in self.task.classes}
        named = {value.name.lower(): self.part == value for value in _PARTS}
        if self.model:
            named = {"all": self.part != Part.UNSEEN}
        return _sums("class", rows, named, self.dataset.weight)


def _sums(
    what: str,
    rows: Mapping[str, NDArray[np.bool_]],
    parts: Mapping[str, NDArray[np.bool_]],
    weights: NDArray[np.float64],
) -> list[dict[str, Any]]:
    table = []
    for name, here in rows.items():
        for part, chosen in parts.items():
            weight = weights[here & chosen]
            table.append(
                {
                    what: name,
                    "part": part,
                    "n_events": len(weight),
                    "sum_weights": float(weight.sum()),
                    "n_effective": effective_entries(weight),
                }
            )
    return table


def check_dataset(config: AnalysisConfig, dataset: Dataset) -> None:
    """Refuse events that are not those of the analysis, or whose columns would hide one another, before any training.

    Raises
    ------
    InvalidInputError
        If features, samples or blinding are not as the analysis says, or a feature, spectator or method has the name of
        a branch that identifies an event.
    """
    wanted = tuple(item.name for item in config.features)
    if dataset.feature_names != wanted:
        msg = f"the dataset has the features {', '.join(dataset.feature_names)}; the analysis has {', '.join(wanted)}"
        raise InvalidInputError(msg)
    roles = {sample.name: sample.role for sample in config.samples}
    for info in dataset.samples:
        if roles.get(info.name) != info.role:
            listed = ", ".join(f"{name} ({role})" for name, role in roles.items())
            msg = f"the dataset has a sample {info.name} ({info.role}); the analysis has {listed}"
            raise InvalidInputError(msg)
    if missing := blind_spectators(config).keys() - dataset.spectators.keys():
        msg = f"the dataset lacks {', '.join(sorted(missing))} for `blind:`: read it by Analysis.read"
        raise InvalidInputError(msg)
    for name, column in zip(dataset.identity.names, dataset.identity.columns, strict=True):
        repeated = dataset.spectators.get(name, column)
        taken = "method" if name in config.methods else "feature" if name in wanted else "spectator"
        if taken != "spectator" or not np.array_equal(repeated, column):
            msg = f"{name!r} identifies events and is a branch of its own: rename the {taken} of that name"
            raise InvalidInputError(msg)


def prepare(config: AnalysisConfig, dataset: Dataset, *, folder: Path | None = None) -> Prepared:
    """Give each event its part, check that each class can be trained and tested on, and balance the classes.

    Parameters
    ----------
    config : AnalysisConfig
        Seed, split and balance; no folds.
    dataset : Dataset
        All samples.
    folder : pathlib.Path, optional
        Where the features of the parts are, in files without a name, if those of the dataset are mapped from a file.
        Default: the folder for temporary files.

    Returns
    -------
    Prepared
        Dataset and parts.

    Raises
    ------
    IdentityError
        If an event stands in two parts.
    EmptyClassError
        If a class is missing from a part, or its signed sum is not significantly positive.
    """
    task = LearningTask.of(config)
    task.check(dataset)
    part = _parts(config, dataset)
    part[task.labels(dataset) < 0] = Part.UNSEEN
    check_parts(dataset.identity, dataset.sample, part, [info.name for info in dataset.samples])
    return select_parts(config, dataset, part, folder=folder)


def select_parts(
    config: AnalysisConfig, dataset: Dataset, part: NDArray[np.int8], *, folder: Path | None = None, name: str = ""
) -> Prepared:
    """Check and balance the classes of each part; see :func:`prepare`. ``name`` is that of the training, for messages."""
    event = event_numbers(dataset)
    task = LearningTask.of(config)
    label = task.labels(dataset)
    selections = []
    for value in _PARTS:
        rows = np.flatnonzero(part == value)
        y, weight = label[rows], dataset.weight[rows]
        check_class_sums(y, weight, f"{value.name.lower()}{name and f' ({name})'}", task.classes)
        selections.append(
            Selection(
                rows=rows,
                X=take_rows(dataset.X, rows, folder),
                y=y,
                weight=weight,
                train_weight=training_weights(y, weight, config.training.balance, task.classes),
                event=None if event is None else event[rows],
                target=task.truth(dataset, rows),
            )
        )
    train, validation, test = selections
    return Prepared(dataset, part, train, validation, test, task=task)


def event_numbers(dataset: Dataset) -> NDArray[np.int64] | None:
    """Return the number of the event that each row belongs to; None if each row is an event of its own."""
    groups = dataset.groups
    return groups if int(groups.max()) + 1 < len(groups) else None


def _parts(config: AnalysisConfig, dataset: Dataset) -> NDArray[np.int8]:
    split = config.split or SplitConfig()
    by_identity = assign_parts(dataset.identity, seed=config.seed, train=split.train, validation=split.validation)
    if dataset.fixed_part is None:
        return by_identity
    part = np.where(dataset.fixed_part == Part.UNSEEN, by_identity, dataset.fixed_part)
    for number in range(len(dataset.samples)):
        here = dataset.sample == number
        fixed = set(np.unique(dataset.fixed_part[here]).tolist())
        if Part.TRAIN in fixed and Part.VALIDATION not in fixed:
            # early stopping and cuts need a part of their own: it comes out of the events given for training
            chosen = here & (dataset.fixed_part == Part.TRAIN)
            if split.validation == 0:
                continue
            share = split.train / (split.train + split.validation)
            part[chosen] = assign_parts(
                dataset.identity.take(chosen), seed=config.seed, train=share, validation=1.0 - share
            )
    return part
