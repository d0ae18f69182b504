"""Scores of a run, from its scores.root."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.data import Part
from hepml.errors import InvalidInputError, ModelFormatError
from hepml.readers.opening import damage, open_file
from hepml.workflow.comparing.scored import ScoredMethod, ScoredPart, ScoredSource
from hepml.workflow.run import Run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["run_source"]


def run_source(path: Path) -> ScoredSource:
    """Read the scores of a run.

    Parameters
    ----------
    path : pathlib.Path
        The folder.

    Returns
    -------
    ScoredSource
        Its test part, with folds all events, each scored by the model that has not seen it; and what it was trained on.

    Raises
    ------
    ModelFormatError
        If it is not a complete run.
    FileUnreadableError
        If its scores cannot be read.
    InvalidInputError
        If it has several classes or targets.
    """
    run = Run(path)
    if (task := run.metrics.get("task", "binary")) != "binary":
        learnt_what = ", ".join(run.metrics["classes"] or [target["name"] for target in run.metrics["targets"]])
        msg = (
            f"{path} is a run of task {task} ({learnt_what}): only methods of signal against background are compared; the "
            f"methods of one run stand side by side in its report"
        )
        raise InvalidInputError(msg)
    has_folds = bool(run.metrics.get("folds"))
    test = _tree(run, "TestTree")
    learnt = _tree(run, "TrainTree")
    of_training = learnt.columns["split"] == Part.TRAIN
    return ScoredSource(
        name=path.resolve().name,
        path=str(path),
        kind="run",
        test=test,
        train=learnt.take(of_training),
        validation=None if has_folds else learnt.take(~of_training),
        methods={name: _method(run, name) for name in run.method_names},
        identity=tuple(run.metrics["identity"]),
        files=tuple(str(record.get("sha256")) for record in run.provenance["files"]),
        expressions={
            item.name: "".join((item.expression or item.name).split())
            for item in (*run.config.features, *run.config.spectators)
        },
        has_folds=has_folds,
    )


def _tree(run: Run, name: str) -> ScoredPart:
    path = str(run.path / "scores.root")
    spectators = (item.name for item in run.config.spectators)
    features = (item["name"] for item in run.metrics["features"])
    beside = dict.fromkeys((*features, *spectators, *run.metrics["identity"], "split"))
    with open_file(path) as file, damage(path, f"cannot be read at {name}"):
        if name not in file:
            msg = f"{path} has no {name}: was the run interrupted?"
            raise ModelFormatError(msg)
        tree = file[name]
        read: dict[str, NDArray[Any]] = {
            column: tree[column].array(library="np") for column in ("classID", "weight", *beside, *run.method_names)
        }
    return ScoredPart(
        y=read["classID"] == 0,
        weight=read["weight"].astype(np.float64),
        columns={column: read[column] for column in beside},
        scores={method: read[method].astype(np.float64) for method in run.method_names},
    )


def _method(run: Run, name: str) -> ScoredMethod:
    content: Mapping[str, Any] = run.metrics["methods"][name]
    judged = content.get("overtraining", {})
    steps = run.provenance.get("seconds", {})
    own = [value for step, value in steps.items() if step == f"train {name}" or step.startswith(f"train {name}/")]
    return ScoredMethod(content.get("kind"), sum(own) if own else None, judged.get("verdict"), judged.get("reason"))
