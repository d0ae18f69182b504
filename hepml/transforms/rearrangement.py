"""Values put in other places: no option asks for it, but weights files may hold it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from xml.etree.ElementTree import Element

from hepml.transforms.selection import Selection

if TYPE_CHECKING:
    from hepml.transforms.markup import Source
    from hepml.transforms.selection import Columns
    from hepml.transforms.step import Inputs

__all__ = ["Rearrangement"]


@dataclass(frozen=True, slots=True, eq=False)
class Rearrangement:
    """Values as they are, in the places that the selection names.

    Parameters
    ----------
    selection : Selection
        What it takes and puts.
    """

    selection: Selection

    @classmethod
    def from_xml(cls, element: Element, columns: Columns, source: Source) -> Self:
        """Read a ``Transform``."""
        source.child(element, "Selection")
        return cls(Selection.from_xml(element, columns, source))

    @property
    def n_tables(self) -> int:
        """It has no numbers, so that all classes are alike."""
        return 1

    def apply(self, inputs: Inputs, table: int) -> Inputs:  # noqa: ARG002
        """Return the values."""
        return inputs

    def inverse(self, outputs: Inputs, table: int) -> Inputs:  # noqa: ARG002
        """Return the values."""
        return outputs

    def to_xml(self, columns: Columns) -> Element:
        """Return its ``Transform``."""
        transform = Element("Transform", Name="Rearrange")
        self.selection.add_xml(transform, columns)
        return transform
