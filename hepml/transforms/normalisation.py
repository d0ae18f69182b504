"""N: each variable scaled linearly so that the training events lie between -1 and 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from hepml.transforms.markup import attribute_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hepml.transforms.markup import Source
    from hepml.transforms.selection import Columns, Selection
    from hepml.transforms.step import Events, Inputs

__all__ = ["Normalisation"]

_ONE, _TWO = np.float32(1.0), np.float32(2.0)


@dataclass(frozen=True, slots=True, eq=False)
class Normalisation:
    """A linear map of each variable's range in training to [-1, 1].

    Parameters
    ----------
    selection : Selection
        What it takes and puts.
    minimum, maximum : ndarray of float32, shape (n_tables, n_inputs)
        Ranges of each class and of all.
    """

    selection: Selection
    minimum: NDArray[np.float32]
    maximum: NDArray[np.float32]

    @classmethod
    def fit(cls, selection: Selection, events: Events) -> Self:
        """Take smallest and largest value of all events, whatever their weights."""
        ranges = [[(values[rows].min(), values[rows].max()) for values in events.values] for _, rows in events.groups()]
        table = np.array(ranges, dtype=np.float32)
        return cls(selection, table[..., 0], table[..., 1])

    @classmethod
    def from_xml(cls, element: Element, columns: Columns, source: Source) -> Self:
        """Read a ``Transform``."""
        from hepml.transforms.selection import Selection

        selection = Selection.from_xml(element, columns, source)
        if element.find("Selection") is not None:
            places, tag, index = "Ranges/Range", "Range", "Index"
        else:
            # before selections: variables, then targets
            everything = (*columns.slots("v"), *columns.slots("t"))
            selection = Selection(everything, everything)
            places, tag, index = "*/*", "Variable", "VarIndex"
        size = len(selection.get)
        tables = []
        for number, group in enumerate(element.iterfind("Class")):
            if source.count(group, "ClassIndex") != number:
                source.fail(f"class number {number} has the index {group.get('ClassIndex')}")
            items = group.findall(places)
            order = []
            for item in items:
                shift = 0 if item.tag == tag else len(columns.variables)
                order.append(shift + source.count(item, index if item.tag == tag else "TargetIndex"))
            if sorted(order) != list(range(size)):
                source.fail(f"{len(items)} ranges are not one for each of {size} values")
            table = np.empty((2, size))
            for place, item in zip(order, items, strict=True):
                table[:, place] = source.number(item, "Min"), source.number(item, "Max")
            tables.append(table)
        if not tables:
            source.fail("a normalisation has no ranges")
        with np.errstate(over="ignore"):
            values = np.array(tables).astype(np.float32)
        if not np.isfinite(values).all():
            source.fail("a range does not fit into single precision")
        return cls(selection, values[:, 0], values[:, 1])

    @property
    def n_tables(self) -> int:
        """Number of sets of ranges."""
        return len(self.minimum)

    def apply(self, inputs: Inputs, table: int) -> Inputs:
        """Map to [-1, 1], in single precision throughout as TMVA computes."""
        return self._each(lambda x, low, scale: (x - low) * scale * _TWO - _ONE, inputs, table)

    def inverse(self, outputs: Inputs, table: int) -> Inputs:
        """Map back."""
        return self._each(lambda x, low, scale: low + (x + _ONE) / (scale * _TWO), outputs, table)

    def _each(
        self,
        formula: Callable[[NDArray[np.float32], np.float32, np.float32], NDArray[np.float32]],
        values: Inputs,
        table: int,
    ) -> Inputs:
        low, high = self.minimum[table], self.maximum[table]
        # a variable that is constant in training becomes NaN, as in TMVA
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            scale = (1.0 / (high - low).astype(np.float64)).astype(np.float32)
            return [None if x is None else formula(x, low[place], scale[place]) for place, x in enumerate(values)]

    def to_xml(self, columns: Columns) -> Element:
        """Return its ``Transform``."""
        transform = Element("Transform", Name="Normalize")
        self.selection.add_xml(transform, columns)
        for table in range(self.n_tables):
            ranges = SubElement(SubElement(transform, "Class", ClassIndex=str(table)), "Ranges")
            for place, (low, high) in enumerate(zip(self.minimum[table], self.maximum[table], strict=True)):
                limits = {"Min": attribute_number(low), "Max": attribute_number(high)}
                SubElement(ranges, "Range", {"Index": str(place), **limits})
        return transform
