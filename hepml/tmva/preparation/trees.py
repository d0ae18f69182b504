"""Trees to events of one class, as ``DataSetFactory::BuildEventVector`` reads them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.data.columns import required_branches
from hepml.errors import FeatureValueError, InvalidInputError, WeightError
from hepml.expressions import parse
from hepml.readers import TreeSource, expand_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from hepml.readers import TreeLocation

__all__ = ["ClassEvents", "Columns", "InputTree", "Tree", "input_trees", "read_class"]

# file; (file, tree), with the weight of the tree and "Training", "Test" or "" behind it
InputTree = str | os.PathLike[str] | Sequence[Any]

_CHUNK_BYTES = 16_000_000
_LONGEST = 4
_PARTS = {"": "", "training": "train", "train": "train", "test": "test", "testing": "test"}
_HALF = np.float32(0.5)


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree of one class: where it is, its weight, and whether it is for training, for test, or for either ("")."""

    location: TreeLocation
    weight: float = 1.0
    part: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """The expressions that are evaluated for each entry; the number of variables, spectators and targets, in this order."""

    expressions: tuple[str, ...]
    labels: tuple[str, ...]
    cut: str = ""
    weight: str = ""

    @property
    def branches(self) -> tuple[str, ...]:
        """The branches that they need."""
        return required_branches([*self.expressions, self.cut, self.weight])


@dataclass(frozen=True, slots=True, eq=False)
class ClassEvents:
    """The events of a class that passed its cut.

    Parameters
    ----------
    values : ndarray of float32, shape (n_events, n_expressions)
        Row-major.
    weight : ndarray of float64, shape (n_events,)
        Signed, of single precision.
    part : ndarray of str, shape (n_events,)
        ``"train"``, ``"test"`` or ``""``, of the tree.
    n_entries : int
        Entries of the trees.
    """

    values: NDArray[np.float32]
    weight: NDArray[np.float64]
    part: NDArray[np.str_]
    n_entries: int


def input_trees(given: InputTree | Iterable[InputTree], name: str) -> tuple[Tree, ...]:
    """Interpret the trees of a class.

    Parameters
    ----------
    given : list of path-like or tuple
        ``file``, ``(file, tree)``, ``(file, tree, weight)`` or ``(file, tree, weight, "Training" or "Test")``; a glob is
        its files one after the other.
    name : str
        The class, for messages.

    Raises
    ------
    InvalidInputError
        If one has another form.
    MissingFileError
        If a file does not exist.
    """
    items = [given] if isinstance(given, (str, os.PathLike, tuple)) else list(given)
    found: list[Tree] = []
    for item in items:
        words: list[Any] = [item] if isinstance(item, (str, os.PathLike)) else list(item)
        if not 1 <= len(words) <= _LONGEST:
            _refuse(item, name)
        words += [None, 1.0, ""][len(words) - 1 :]
        file, tree, weight, part = words
        named = tree is None or isinstance(tree, str)
        number = isinstance(weight, (int, float)) and np.isfinite(weight)
        if not isinstance(file, (str, os.PathLike)) or not named or not number or str(part).lower() not in _PARTS:
            _refuse(item, name)
        found += [Tree(location, float(weight), _PARTS[str(part).lower()]) for location in expand_files(file, tree)]
    if not found:
        msg = f"class {name!r} has no tree"
        raise InvalidInputError(msg)
    return tuple(found)


def read_class(trees: Sequence[Tree], columns: Columns, name: str) -> ClassEvents:
    """Read the events of a class, one tree after the other.

    An entry is kept if its cut is 0.5 or more. Numbers are rounded to single precision, weights after the expression was
    multiplied by the weight of the tree.

    Raises
    ------
    FeatureValueError, WeightError
        If a variable, spectator, target or weight of a selected entry is NaN or infinite, where TMVA stops.
    HepmlError
        If a tree cannot be read or an expression not be evaluated.
    """
    values, weights, parts, n_entries = [], [], [], 0
    for tree in trees:
        with TreeSource(tree.location) as source:
            n_entries += source.n_entries
            branches = columns.branches
            for branch in branches:
                source.numeric_branch(branch)
            edges = source.chunk_edges(branches, _CHUNK_BYTES) if branches else [0, source.n_entries]
            for start, stop in pairwise(edges):
                read = source.read(branches, start, stop)
                block, weight = _block(read, stop - start, tree.weight, columns, f"class {name!r}, {source}")
                values.append(block)
                weights.append(weight)
                parts.append(np.full(len(block), tree.part, dtype="U5"))
    return ClassEvents(np.concatenate(values), np.concatenate(weights), np.concatenate(parts), n_entries)


def _block(
    read: Mapping[str, Any], n_entries: int, tree_weight: float, columns: Columns, where: str
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    with np.errstate(over="ignore", invalid="ignore"):
        keeps: NDArray[np.bool_] | slice = slice(None)
        if columns.cut:
            # what has no value is NaN, and is no event
            keeps = parse(columns.cut).evaluate(read, n_entries).astype(np.float32) >= _HALF
        weight = np.full(n_entries, tree_weight, dtype=np.float32)
        if columns.weight:
            expression = parse(columns.weight).evaluate(read, n_entries)
            weight = (weight.astype(np.float64) * expression).astype(np.float32)
        weight = weight[keeps]
        block = np.empty((len(weight), len(columns.expressions)), dtype=np.float32)
        for place, text in enumerate(columns.expressions):
            block[:, place] = parse(text).evaluate(read, n_entries)[keeps]
    for place, label in enumerate(columns.labels):
        wrong = np.count_nonzero(~np.isfinite(block[:, place]))
        if wrong:
            msg = (
                f"{where}: {label} is NaN or infinite in {wrong} of {len(block)} events: exclude them by a cut; "
                "TMVA stops here (before ROOT 6.14 it left them out)"
            )
            raise FeatureValueError(msg)
    if not np.isfinite(weight).all():
        msg = (
            f"{where}: the weight is NaN or infinite in {np.count_nonzero(~np.isfinite(weight))} of {len(block)} events"
        )
        raise WeightError(msg)
    return block, weight.astype(np.float64)


def _refuse(item: object, name: str) -> None:
    forms = "(file, tree, weight) or (file, tree, weight, 'Training' or 'Test')"
    msg = f"a tree of class {name!r} is {item!r}; {forms} is needed"
    raise InvalidInputError(msg)
