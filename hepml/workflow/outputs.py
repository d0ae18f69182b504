"""Every event that may be shown, with the score of each method: ``scores.root``, and TMVA.root where it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.data import Part
from hepml.errors import InvalidInputError, OutputError
from hepml.readers import root_writer
from hepml.tmva.output import OutputEvents, write_output
from hepml.tmva.output.layout import tree_columns
from hepml.workflow.blinding import BLIND_PREFIX
from hepml.workflow.learning_task import BINARY, LearningTask

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hepml.data import Dataset
    from hepml.workflow.preparation import Prepared
    from hepml.workflow.topics import MethodContext

__all__ = ["ROLE_TREES", "TmvaFile", "write_scores"]

_CHUNK_ROWS = 200_000

_CLASSES = {0: "Signal", 1: "Background"}
# TMVA's name of the one class of all events
_REGRESSION = {0: "Regression"}
ROLE_TREES = {"data": "DataTree", "control": "ControlTree", "apply_only": "ApplyTree"}


def write_scores(
    path: Path, prepared: Prepared, methods: Mapping[str, MethodContext], visible: NDArray[np.bool_]
) -> None:
    """Write ``scores.root``: TrainTree and TestTree in TMVA's layout, and a tree for each other role.

    TrainTree holds the training and the validation part (column ``split``: 1, 2), TestTree the test part (3). ``weight``
    is the signed physics weight at full luminosity; ``train_weight`` what methods were trained or stopped with, 0 for test.
    Of several classes ``classID`` counts in the order of first appearance and each has a score ``METHOD_CLASS``; of several
    targets each has its estimate, ``METHOD_TARGET``. With folds both hold all events: TestTree scored by the model that
    has not seen the event, TrainTree by one that was trained on it, and ``fold`` is the number of that model. Only
    ``visible`` data are written.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    prepared : Prepared
        Dataset and parts.
    methods : mapping of str to MethodContext
        With their scores of all events.
    visible : ndarray of bool, shape (n_events,)
        Events that may be shown.
    """
    with root_writer(path, overwrite=True) as writer:
        writer.note({"format": "hepml-scores", "version": 1})
        for name, tree in _trees(prepared).items():
            shown = np.flatnonzero(visible[tree.rows])
            for start in range(0, max(len(shown), 1), _CHUNK_ROWS):
                chosen = shown[start : start + _CHUNK_ROWS]
                dataset = prepared.dataset[tree.rows[chosen]]
                beside: dict[str, NDArray[Any]] = dict(
                    zip(dataset.identity.names, dataset.identity.columns, strict=True)
                )
                beside["train_weight"] = tree.train_weight[chosen]
                beside["split"] = tree.split[chosen].astype(np.int32)
                if tree.fold is not None:
                    beside["fold"] = tree.fold[chosen].astype(np.int32)
                scores = _columns(tree.scores(methods, chosen), prepared.task)
                events = _events(dataset, scores, task=prepared.task)
                samples = np.array([info.name for info in dataset.samples], dtype=object)[dataset.sample]
                writer.extend(name, tree_columns(events, names={"sample": samples}, beside=beside))


@dataclass(frozen=True, slots=True)
class TmvaFile:
    """A TMVA.root that was asked for.

    Parameters
    ----------
    path : pathlib.Path
        Where it will be.
    run : pathlib.Path
        The run folder, in which it may be.
    overwrite : bool
        Whether an existing file may be replaced.
    """

    path: Path
    run: Path
    overwrite: bool

    @classmethod
    def of(cls, path: str | os.PathLike[str] | None, run: Path, *, overwrite: bool, is_binary: bool) -> TmvaFile | None:
        """Check before anything is trained that it may be written; None if it was not asked for.

        Raises
        ------
        OutputError
            If the file exists and may not be replaced.
        InvalidInputError
            If there are several classes, or targets.
        """
        if path is None:
            return None
        if not is_binary:
            msg = "a TMVA.root is written of signal and background only: train without --tmva-output"
            raise InvalidInputError(msg)
        made = cls(Path(path).absolute(), run, overwrite)
        if run not in made.path.parents and made.path.exists() and not overwrite:
            msg = f"{made.path} exists already and is kept: choose another output, delete it, or train with --overwrite"
            raise OutputError(msg)
        return made

    def write(
        self,
        folder: Path,
        prepared: Prepared,
        methods: Mapping[str, MethodContext],
        visible: NDArray[np.bool_],
    ) -> None:
        """Write the events of the training part as TrainTree and those of the test part as TestTree.

        Validation events are in neither: TMVA's check of overtraining compares what a method was trained on. The integers of
        the identity are spectators.

        Parameters
        ----------
        folder : pathlib.Path
            Where the run grows.
        prepared, methods, visible
            As for :func:`write_scores`.

        Raises
        ------
        OutputError
            If the file cannot be written.
        InvalidInputError
            If two columns would have one name.
        """
        dataset, trees, parts = prepared.dataset, _trees(prepared), {}
        for name, part in (("TrainTree", Part.TRAIN), ("TestTree", Part.TEST)):
            tree = trees[name]
            # with folds both hold all events, whatever their part
            chosen = np.flatnonzero(visible[tree.rows] & ((tree.split == part) | (tree.fold is not None)))
            events = dataset[tree.rows[chosen]]
            identity = dict(zip(events.identity.names, events.identity.columns, strict=True))
            parts[name] = _events(events, tree.scores(methods, chosen), identity)
        of_class = {"Signal": dataset.label == 1, "Background": dataset.label == 0}
        write_output(
            folder / self.path.relative_to(self.run) if self.run in self.path.parents else self.path,
            parts["TrainTree"],
            parts["TestTree"],
            kinds={name: context.kind for name, context in methods.items()},
            labels={feature.name: (feature.title, feature.unit) for feature in dataset.features},
            yields={name: float(dataset.weight[chosen].sum()) for name, chosen in of_class.items()},
            overwrite=self.overwrite,
        )


@dataclass(frozen=True, slots=True)
class _Tree:
    """Rows of the dataset that stand in one tree, and what belongs to each; whether scores are those of the training."""

    rows: NDArray[np.int64]
    split: NDArray[np.int8]
    train_weight: NDArray[np.float64]
    fold: NDArray[np.int16] | None = None
    trained: bool = False

    def scores(self, methods: Mapping[str, MethodContext], chosen: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """Return the scores of some of its rows."""
        return {
            method: context.train.score[chosen] if self.trained else context.score[self.rows[chosen]]
            for method, context in methods.items()
        }


def _trees(prepared: Prepared) -> dict[str, _Tree]:
    dataset, part = prepared.dataset, prepared.part
    of_roles = {
        tree: np.flatnonzero(mask) for role, tree in ROLE_TREES.items() if (mask := dataset.of_roles(role)).any()
    }
    if prepared.model:
        train, rows = prepared.train, prepared.test.rows
        unseen = prepared.model[Part.TEST]
        split = np.full(len(train.rows), Part.TRAIN, dtype=np.int8)
        fold = prepared.model[Part.TRAIN][train.rows]
        trees = {
            "TrainTree": _Tree(train.rows, split, train.train_weight, fold, trained=True),
            "TestTree": _Tree(rows, part[rows], np.zeros(len(rows)), unseen[rows]),
        }
        return trees | {
            tree: _Tree(rows, part[rows], np.zeros(len(rows)), unseen[rows]) for tree, rows in of_roles.items()
        }
    train_weight = np.zeros(len(dataset))
    for selection in (prepared.train, prepared.validation):
        train_weight[selection.rows] = selection.train_weight
    rows_of = {
        "TrainTree": np.flatnonzero((part == Part.TRAIN) | (part == Part.VALIDATION)),
        "TestTree": prepared.test.rows,
        **of_roles,
    }
    return {tree: _Tree(rows, part[rows], train_weight[rows]) for tree, rows in rows_of.items()}


def _columns(scores: Mapping[str, NDArray[np.float64]], task: LearningTask) -> dict[str, NDArray[np.float64]]:
    """Return one column for each output of each method."""
    columns = {}
    for method, score in scores.items():
        if score.ndim == 1:
            columns[method] = score
        else:
            columns |= {f"{method}_{name}": score[:, number] for number, name in enumerate(task.outputs)}
    return columns


def _events(
    dataset: Dataset,
    scores: Mapping[str, NDArray[np.float64]],
    further: Mapping[str, NDArray[Any]] = MappingProxyType({}),
    task: LearningTask = BINARY,
) -> OutputEvents:
    spectators = {name: column for name, column in dataset.spectators.items() if not name.startswith(BLIND_PREFIX)}
    label = task.labels(dataset)
    # TMVA counts classes in the order in which they were added
    if task.kind == "binary":
        class_id, classes = np.select([label == 1, label == 0], [0, 1], -1), _CLASSES
    else:
        class_id, classes = label, dict(task.classes) if task.names else _REGRESSION
    return OutputEvents(
        class_id=class_id.astype(np.int32),
        classes=classes if (label >= 0).all() else {**classes, -1: "Unlabelled"},
        weight=dataset.weight,
        variables={name: dataset.X[:, number] for number, name in enumerate(dataset.feature_names)},
        # a spectator that repeats a part of the identity is already there
        spectators={**further, **spectators},
        responses=scores,
        weight_is_normalised=False,
    )
