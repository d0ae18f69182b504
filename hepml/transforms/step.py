"""What every transformation of a chain has in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hepml.errors import EmptyClassError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from numpy.typing import NDArray

    from hepml.transforms.selection import Columns, Selection

__all__ = ["Events", "Inputs", "Step"]

# the selected values, one array each; None for what an event does not have, as targets when a model is applied
Inputs = list["NDArray[np.float32] | None"]


class Step(Protocol):
    """One transformation, fitted: numbers for each class and, last, for all classes together."""

    @property
    def selection(self) -> Selection:
        """What it takes and puts."""

    @property
    def n_tables(self) -> int:
        """Number of sets of numbers: one more than there are classes, or one for one class."""

    def apply(self, inputs: Inputs, table: int) -> Inputs:
        """Transform the selected values, each float32 of shape (n_events,)."""

    def inverse(self, outputs: Inputs, table: int) -> Inputs:
        """Undo :meth:`apply`."""

    def to_xml(self, columns: Columns) -> Element:
        """Return its ``Transform``."""


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Selected values of the events that a transformation is fitted on.

    Parameters
    ----------
    values : list of ndarray of float32, shape (n_events,)
        One for each input.
    class_index : ndarray of int, shape (n_events,)
        Class of each event.
    weight : ndarray of float64, shape (n_events,)
        Signed weights.
    classes : tuple of str
        Names of the classes.
    """

    values: list[NDArray[np.float32]]
    class_index: NDArray[np.intp]
    weight: NDArray[np.float64]
    classes: tuple[str, ...]

    def groups(self) -> list[tuple[str, NDArray[np.intp] | slice]]:
        """Return name and rows of each class and, if there are several, of all.

        Raises
        ------
        EmptyClassError
            If a class has no events.
        """
        found: list[tuple[str, NDArray[np.intp] | slice]] = []
        for index, name in enumerate(self.classes):
            rows = np.flatnonzero(self.class_index == index)
            if not len(rows):
                msg = f"class {name!r} has no events to fit a transformation on"
                raise EmptyClassError(msg)
            found.append((f"class {name!r}", rows))
        return found if len(found) == 1 else [*found, ("all classes", slice(None))]
