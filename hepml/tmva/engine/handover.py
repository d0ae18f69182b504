"""Prepared events as trees that a real TMVA reads, and the names under which it sees their columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import numpy as np

from hepml.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hepml.tmva.preparation import PreparedData, TMVAEvents
    from hepml.tmva.setup import Variable

__all__ = ["Handover", "hand_over"]

_PLAIN = re.compile(r"[A-Za-z_]\w{0,200}", re.ASCII)
_WEIGHT = "hepml_weight"
_CHUNK = 1_000_000
# what TTreeFormula takes for something else than a branch
_RESERVED = frozenset({"x", "y", "z", "t", "pi", "e", "true", "false", "Entry$", "hepml_weight"})


@dataclass(frozen=True, slots=True)
class Handover:
    """How columns are called in the trees.

    Parameters
    ----------
    trees : tuple of dict of str to str
        ``tree``, ``class_name`` and ``part`` of each tree.
    weight : str
        Branch of the weights.
    variables, spectators, targets : tuple of str
        Branch of each.
    given : tuple of Variable
        All of them, in this order.
    arranged : dict of str to int
        Parts of which files beside the trees have the order and the weights, and their numbers of events.
    """

    trees: tuple[dict[str, str], ...]
    weight: str
    variables: tuple[str, ...]
    spectators: tuple[str, ...]
    targets: tuple[str, ...]
    given: tuple[Variable, ...]
    arranged: dict[str, int]

    def expressions_back(self, text: str, *, quoted: str = 'Expression="{}"') -> str:
        """Put expressions where TMVA wrote branches, in a weights file; in C++ with ``quoted='"{}"'``."""
        for branch, variable in zip((*self.variables, *self.spectators, *self.targets), self.given, strict=True):
            if branch != variable.expression:
                expression = variable.expression
                written = escape(expression, {'"': "&quot;"}) if "Expression" in quoted else _quoted(expression)
                text = text.replace(quoted.format(branch), quoted.format(written))
        return text


def hand_over(data: PreparedData, path: Path) -> Handover:
    """Write a tree for the training and test events of each class, with the weights before NormMode.

    TMVA reads weights in single precision and mixes classes by itself, so that order and weights as they were prepared
    lie in files beside the trees: ``PART.order`` (int64) and ``PART.weights`` (float64).

    Where there are no test events at all, training events stand in for them: TMVA does not start without.

    Parameters
    ----------
    data : PreparedData
        The events; those of a class stay in their order.
    path : pathlib.Path
        The file.

    Returns
    -------
    Handover
        What is where. A variable whose expression is a plain name is a branch of that name, so that cuts of categories find
        it.

    Raises
    ------
    InvalidInputError
        If there is no training event of a class, or test events of some classes only: TMVA takes nothing less.
    """
    import uproot

    groups = (data.variables, data.spectators, data.targets)
    given = tuple(variable for group in groups for variable in group)
    names = _branches(given)
    trees = []
    with uproot.recreate(path, compression=None) as file:
        for index, class_name in enumerate(data.class_names):
            for part, events in (("Training", data.train), ("Test", data.test if len(data.test) else data.train)):
                rows = np.flatnonzero(events.class_index == index)
                if not len(rows):
                    msg = f"there is no {part.lower()} event of class {class_name!r}, and a real TMVA needs some"
                    raise InvalidInputError(msg)
                tree = f"{part}_{index}"
                _write(file, tree, events, rows, names)
                trees.append({"tree": tree, "class_name": class_name, "part": part})
    n_variables, n_beside = len(data.variables), len(data.variables) + len(data.spectators)
    arranged = {}
    for part, events in (("Training", data.train), ("Test", data.test)):
        if len(events):
            np.argsort(events.class_index, kind="stable").astype("<i8").tofile(path.with_name(f"{part}.order"))
            events.weight.astype("<f8").tofile(path.with_name(f"{part}.weights"))
            arranged[part] = len(events)
    beside = names[:n_variables], names[n_variables:n_beside], names[n_beside:]
    return Handover(tuple(trees), _WEIGHT, *beside, given, arranged)


def _write(file: object, tree: str, events: TMVAEvents, rows: np.ndarray, names: Sequence[str]) -> None:
    types = {**dict.fromkeys(names, "float32"), _WEIGHT: "float64"}
    writer = file.mktree(tree, types)  # type: ignore[attr-defined]
    for start in range(0, len(rows), _CHUNK):
        chosen = rows[start : start + _CHUNK]
        block = np.concatenate([events.variables[chosen], events.spectators[chosen], events.targets[chosen]], axis=1)
        columns = {name: np.ascontiguousarray(block[:, place]) for place, name in enumerate(names)}
        writer.extend({**columns, _WEIGHT: events.original_weight[chosen]})


def _branches(given: Sequence[Variable]) -> tuple[str, ...]:
    found: list[str] = []
    for place, variable in enumerate(given):
        name = variable.expression
        plain = _PLAIN.fullmatch(name) and name not in _RESERVED and name not in found
        found.append(name if plain else f"hepml_column_{place}")
    return tuple(found)


def _quoted(expression: str) -> str:
    return expression.replace("\\", "\\\\").replace('"', '\\"')
