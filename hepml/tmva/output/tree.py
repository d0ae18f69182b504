"""TrainTree and TestTree as TMVA writes them: which branch is what, and their events on demand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import ModelFormatError, unknown_name
from hepml.evaluation.display import Displayed
from hepml.readers.opening import damage, open_file
from hepml.tmva.output.events import NORMALISED, OutputEvents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Note", "OutputTree", "TreeColumns", "read_tree"]

_PROBABILITY = "prob_"


@dataclass(frozen=True, slots=True)
class TreeColumns:
    """What the branches of a tree are, by their place: a spectator may be named ``weight`` as the weights are.

    Parameters
    ----------
    variables, targets, spectators, responses, probabilities : tuple of (str, int)
        Names and places, in the order of the tree.
    weight : int
        Place of the event weights.
    """

    variables: tuple[tuple[str, int], ...]
    targets: tuple[tuple[str, int], ...]
    spectators: tuple[tuple[str, int], ...]
    responses: tuple[tuple[str, int], ...]
    probabilities: tuple[tuple[str, int], ...]
    weight: int


@dataclass(frozen=True, slots=True)
class Note:
    """What hepml states of a dataset that it wrote: that weights are physics weights, and what yields are expected."""

    is_ours: bool = False
    yields: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class OutputTree(Displayed):
    """A tree of events that is read when it is asked for.

    Parameters
    ----------
    file, path : str
        The file, and where the tree stands in it.
    n_events : int
        Number of events.
    columns : TreeColumns
        What its branches are.
    classes : tuple of (int, str)
        Number and name of each class that occurs.
    weight_is_normalised : bool
        Whether its weights are 'normalised by TMVA'.
    yields : tuple of (str, float)
        Expected number of events of each class, where hepml wrote them.
    """

    file: str
    path: str
    n_events: int
    columns: TreeColumns
    classes: tuple[tuple[int, str], ...]
    weight_is_normalised: bool = True
    yields: tuple[tuple[str, float], ...] = ()

    def events(self, methods: Sequence[str] | None = None, *, columns: bool = True) -> OutputEvents:
        """Read the events.

        Parameters
        ----------
        methods : sequence of str, optional
            Whose responses to read. Default all.
        columns : bool
            Whether to read variables, spectators and targets, too.

        Returns
        -------
        OutputEvents
            In the order of the tree.

        Raises
        ------
        UnknownNameError
            If there is no response of a method.
        FileUnreadableError
            If the file is damaged.
        """
        known = dict(self.columns.responses)
        for method in methods or ():
            if method not in known:
                what = "method"
                raise unknown_name(what, method, known)
        wanted = known if methods is None else {method: known[method] for method in methods}
        with open_file(self.file) as file, damage(self.file, f"cannot be read at {self.path}"):
            branches = file[self.path].branches

            def read(chosen: Any) -> dict[str, NDArray[Any]]:
                return {name: _column(branches[place]) for name, place in chosen}

            return OutputEvents(
                class_id=_column(branches[0]).astype(np.int32, copy=False),
                classes=dict(self.classes),
                weight=_column(branches[self.columns.weight]).astype(np.float64),
                variables=read(self.columns.variables if columns else ()),
                spectators=read(self.columns.spectators if columns else ()),
                targets=read(self.columns.targets if columns else ()),
                responses=read(wanted.items()),
                probabilities=read((name, place) for name, place in self.columns.probabilities if name in wanted),
                weight_is_normalised=self.weight_is_normalised,
                yields=dict(self.yields) or None,
            )

    def to_dict(self) -> dict[str, Any]:
        """Return what the tree holds as plain JSON types."""
        return {
            "path": self.path,
            "n_events": self.n_events,
            "classes": [name for _, name in self.classes],
            "weights": NORMALISED if self.weight_is_normalised else "physics weights",
            "variables": [name for name, _ in self.columns.variables],
            "targets": [name for name, _ in self.columns.targets],
            "spectators": [name for name, _ in self.columns.spectators],
            "methods": [name for name, _ in self.columns.responses],
        }


def read_tree(tree: Any, file: str, path: str, *, drawn: frozenset[str], n_variables: int, note: Note) -> OutputTree:
    """Find out what a tree holds.

    Parameters
    ----------
    tree : uproot.TTree
        An open tree.
    file, path : str
        Where it is.
    drawn : frozenset of str
        Names of histograms of variables: files without correlation matrices tell variables from spectators by them.
    n_variables : int
        How many variables the dataset has; 0 if that is not known.
    note : Note
        What hepml wrote about the dataset, if it did.

    Returns
    -------
    OutputTree
        Without the events.

    Raises
    ------
    ModelFormatError
        If it is no tree of TMVA.
    """
    names = [branch.name for branch in tree.branches]
    if names[:2] != ["classID", "className"] or "weight" not in names:
        msg = (
            f"{path} in {file} is no tree of TMVA: it begins with {', '.join(names[:3])} where TMVA writes classID, "
            f"className, variables, spectators, weight and a response of each method"
        )
        raise ModelFormatError(msg)
    weight = len(names) - 1 - names[::-1].index("weight")
    classes = _classes(tree)
    responses = [(name, place) for place, name in enumerate(names) if place > weight]
    inputs = [(name, place) for place, name in enumerate(names) if 1 < place < weight]
    first_other = n_variables or sum(_is_drawn(name, classes, drawn) for name, _ in inputs) or len(inputs)
    is_regression = [name for _, name in classes] == ["Regression"]
    n_targets = max((_width(tree.branches[place]) for _, place in responses), default=0) if is_regression else 0
    columns = TreeColumns(
        variables=tuple(inputs[:first_other]),
        targets=tuple(inputs[first_other : first_other + n_targets]),
        spectators=tuple(inputs[first_other + n_targets :]),
        responses=tuple(entry for entry in responses if not _is_probability(entry[0], names)),
        probabilities=tuple(
            (name.removeprefix(_PROBABILITY), place) for name, place in responses if _is_probability(name, names)
        ),
        weight=weight,
    )
    return OutputTree(file, path, int(tree.num_entries), columns, classes, not note.is_ours, note.yields)


def _is_drawn(name: str, classes: tuple[tuple[int, str], ...], drawn: frozenset[str]) -> bool:
    return any(f"{name}__{of_class}{end}" in drawn for _, of_class in classes for end in ("", "_Id"))


def _is_probability(name: str, names: list[str]) -> bool:
    return name.startswith(_PROBABILITY) and name.removeprefix(_PROBABILITY) in names


def _width(branch: Any) -> int:
    return len(branch.member("fLeaves"))


def _classes(tree: Any) -> tuple[tuple[int, str], ...]:
    """Return the classes that occur, by the name of the first event of each: names of all would be millions of strings."""
    numbers, first = np.unique(_column(tree.branches[0]), return_index=True)
    name_of = tree.branches[1]
    return tuple(
        (int(number), str(name_of.array(library="np", entry_start=int(place), entry_stop=int(place) + 1)[0]))
        for number, place in zip(numbers, first, strict=True)
    )


def _column(branch: Any) -> NDArray[Any]:
    array = branch.array(library="np")
    if array.dtype.names is not None:
        return np.column_stack([array[name] for name in array.dtype.names])
    return np.asarray(array)
