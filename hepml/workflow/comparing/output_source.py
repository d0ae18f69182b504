"""Responses in a TMVA.root as scores to compare."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import InvalidInputError
from hepml.readers import split_location
from hepml.tmva.output import read_output
from hepml.workflow.comparing.scored import ScoredMethod, ScoredPart, ScoredSource

if TYPE_CHECKING:
    from hepml.tmva.output import OutputEvents, OutputTree

__all__ = ["output_source"]


def output_source(location: str) -> ScoredSource:
    """Read the responses of all methods of a dataset.

    Parameters
    ----------
    location : str
        ``TMVA.root``, or ``TMVA.root:dataset`` where it holds several.

    Returns
    -------
    ScoredSource
        Events of its TestTree and TrainTree.

    Raises
    ------
    InvalidInputError
        If its classes are others than signal and background.
    ModelFormatError, FileUnreadableError, UnknownNameError
        If it is no output of TMVA, damaged, or has no such dataset.
    """
    file, dataset_name = (found := split_location(location)).path, found.tree
    dataset = read_output(file).dataset(dataset_name)
    test = _part(dataset.test, location)
    train = None if dataset.train_tree is None else _part(dataset.train_tree, location)
    names = [name for name in dataset.methods if name in test.responses]
    if not names:
        msg = f"{location} has no responses of a method in its TestTree"
        raise InvalidInputError(msg)
    stem = file.rpartition("/")[2].removesuffix(".root")
    identity = tuple(name for name, column in test.spectators.items() if column.dtype.kind in "iu")
    return ScoredSource(
        name=f"{stem}:{dataset_name}" if dataset_name else stem,
        path=location,
        kind="TMVA.root",
        test=_scored(test),
        train=None if train is None else _scored(train),
        methods={name: ScoredMethod(dataset.methods[name].kind) for name in names},
        # TMVA writes float32 alone: integers are what hepml wrote to identify events
        identity=identity,
        physics_weight=not test.weight_is_normalised,
    )


def _part(tree: OutputTree, location: str) -> OutputEvents:
    classes = [name for _, name in tree.classes]
    if not set(classes) <= {"Signal", "Background"}:
        what = "a regression" if classes == ["Regression"] else f"the classes {', '.join(classes)}"
        msg = f"{location} holds {what}; scores are compared of signal and background"
        raise InvalidInputError(msg)
    return replace(tree.events(), probabilities={})


def _scored(events: OutputEvents) -> ScoredPart:
    return ScoredPart(
        y=events.is_signal,
        weight=events.weight,
        columns={**events.spectators, **events.variables},
        scores={name: response.astype(np.float64) for name, response in events.responses.items()},
    )
