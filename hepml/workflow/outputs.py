"""``scores.root``: every event that may be shown, with the score of each method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.data import Part
from hepml.readers import root_writer
from hepml.workflow.blinding import BLIND_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from hepml.data import Dataset
    from hepml.workflow.preparation import Prepared
    from hepml.workflow.topics import MethodContext

__all__ = ["ROLE_TREES", "write_scores"]

_CHUNK_ROWS = 200_000

ROLE_TREES = {"data": "DataTree", "control": "ControlTree", "apply_only": "ApplyTree"}


def write_scores(
    path: Path, prepared: Prepared, methods: Mapping[str, MethodContext], visible: NDArray[np.bool_]
) -> None:
    """Write ``scores.root``: TrainTree and TestTree in TMVA's layout, and a tree for each other role.

    TrainTree holds the training and the validation part (column ``split``: 1, 2), TestTree the test part (3). ``weight``
    is the signed physics weight at full luminosity; ``train_weight`` what methods were trained or stopped with, 0 for test.
    With folds both hold all events: TestTree scored by the model that has not seen the event, TrainTree by one that was
    trained on it, and ``fold`` is the number of that model. Only ``visible`` data are written.

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
                columns = _columns(prepared.dataset, tree.rows[chosen])
                columns["train_weight"] = tree.train_weight[chosen]
                columns["split"] = tree.split[chosen].astype(np.int32)
                if tree.fold is not None:
                    columns["fold"] = tree.fold[chosen].astype(np.int32)
                for method, context in methods.items():
                    columns[method] = context.train.score[chosen] if tree.trained else context.score[tree.rows[chosen]]
                writer.extend(name, columns)


@dataclass(frozen=True, slots=True)
class _Tree:
    """Rows of the dataset that stand in one tree, and what belongs to each; whether scores are those of the training."""

    rows: NDArray[np.int64]
    split: NDArray[np.int8]
    train_weight: NDArray[np.float64]
    fold: NDArray[np.int16] | None = None
    trained: bool = False


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


def _columns(dataset: Dataset, rows: NDArray[np.int64]) -> dict[str, Any]:
    chosen = dataset[rows]
    # TMVA counts classes in the order in which they were added: signal 0, background 1
    class_id = np.select([chosen.label == 1, chosen.label == 0], [0, 1], -1).astype(np.int32)
    class_names = np.array(["Background", "Signal", "Unlabelled"], dtype=object)[chosen.label]
    sample_names = np.array([info.name for info in dataset.samples], dtype=object)[chosen.sample]
    columns: dict[str, Any] = {"classID": class_id, "className": class_names, "sample": sample_names}
    columns |= {name: chosen.X[:, number] for number, name in enumerate(chosen.feature_names)}
    columns |= {name: column for name, column in chosen.spectators.items() if not name.startswith(BLIND_PREFIX)}
    columns["weight"] = chosen.weight
    # a spectator that repeats a part of the identity is already there, exact
    for name, column in zip(chosen.identity.names, chosen.identity.columns, strict=True):
        columns.setdefault(name, column)
    return columns
