"""U and G: each variable mapped by its cumulative distribution, so that the training events are flat or Gaussian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from hepml.transforms.cumulative import Cumulative
from hepml.transforms.selection import Selection

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.transforms.markup import Source
    from hepml.transforms.selection import Columns
    from hepml.transforms.step import Events, Inputs

__all__ = ["Flattening"]

# TMVA's numbers: how far a cumulative value stays from 0 and 1, the argument of erf's inverse from 1, and its sqrt(2)
_MARGIN = 10e-10
_LARGEST_ARGUMENT = 0.99999999
_ROOT_2 = 1.414213562
# beyond this argument ROOT's inverse of erf stops at other digits than a better one has, which single precision shows
_TAIL = 0.99
_HALF_ROOT_PI = 0.8862269254527579


@dataclass(frozen=True, slots=True, eq=False)
class Flattening:
    """The cumulative distribution of each variable (U), or the Gaussian quantile of that (G).

    Parameters
    ----------
    selection : Selection
        What it takes and puts.
    cumulatives : tuple of tuple of Cumulative
        For each input, those of each class and of all.
    gaussian : bool
        Whether to go on to a Gaussian.
    """

    selection: Selection
    cumulatives: tuple[tuple[Cumulative, ...], ...]
    gaussian: bool

    @classmethod
    def fit(cls, selection: Selection, events: Events, *, gaussian: bool) -> Self:
        """Tabulate the distributions; see :func:`hepml.transforms.tabulation.tabulate`."""
        from hepml.transforms.tabulation import tabulate

        return cls(selection, tabulate(events), gaussian)

    @classmethod
    def from_xml(cls, element: Element, columns: Columns, source: Source) -> Self:
        """Read a ``Transform``."""
        selection = Selection.from_xml(element, columns, source)
        kind = source.attribute(element, "FlatOrGauss")
        if kind not in {"Flat", "Gauss"}:
            source.fail(f"FlatOrGauss is {kind[:40]!r}, neither Flat nor Gauss")
        found = []
        for place, variable in enumerate(element.iterfind("Variable")):
            if source.count(variable, "VarIndex") != place:
                source.fail(f"variable number {place} has the index {variable.get('VarIndex')}")
            found.append(tuple(Cumulative.from_xml(source.child(item, "PDF"), source) for item in variable))
        if len(found) != len(selection.get) or len({len(tables) for tables in found}) != 1 or not found[0]:
            source.fail(f"distributions of {len(found)} variables, {len(selection.get)} are selected")
        return cls(selection, tuple(found), kind == "Gauss")

    @property
    def n_tables(self) -> int:
        """Number of distributions of each variable."""
        return len(self.cumulatives[0])

    def apply(self, inputs: Inputs, table: int) -> Inputs:
        """Map to [0, 1], or to a Gaussian of unit width."""
        return [
            None if x is None else self._forward(tables[table], x)
            for tables, x in zip(self.cumulatives, inputs, strict=True)
        ]

    def inverse(self, outputs: Inputs, table: int) -> Inputs:
        """Map back, to the precision of TMVA's table of 10000 bins."""
        return [
            None if y is None else self._backward(tables[table], y)
            for tables, y in zip(self.cumulatives, outputs, strict=True)
        ]

    def _forward(self, cumulative: Cumulative, x: NDArray[np.float32]) -> NDArray[np.float32]:
        level = np.clip(cumulative.evaluate(x), _MARGIN, 1.0 - _MARGIN)
        if self.gaussian:
            level = _ROOT_2 * _erf_inverse(np.clip(2.0 * level - 1.0, -_LARGEST_ARGUMENT, _LARGEST_ARGUMENT))
        return level.astype(np.float32)

    def _backward(self, cumulative: Cumulative, y: NDArray[np.float32]) -> NDArray[np.float32]:
        level = y.astype(np.float64)
        if self.gaussian:
            from scipy.special import erf

            level = (erf(level / _ROOT_2) + 1.0) / 2.0
        with np.errstate(over="ignore"):
            return cumulative.invert(level).astype(np.float32)

    def to_xml(self, columns: Columns) -> Element:
        """Return its ``Transform``."""
        transform = Element("Transform", Name="Gauss", FlatOrGauss="Gauss" if self.gaussian else "Flat")
        self.selection.add_xml(transform, columns)
        for place, tables in enumerate(self.cumulatives):
            variable = SubElement(transform, "Variable", VarIndex=str(place))
            for index, cumulative in enumerate(tables):
                SubElement(variable, f"CumulativePDF_cls{index}").append(cumulative.to_xml())
        return transform


def _erf_inverse(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of erf, in its tails by the secant steps of ``TMath::ErfInverse`` with their tolerance of 1e-14."""
    from scipy.special import erf, erfc, erfinv

    result = np.array(erfinv(x))
    places = np.flatnonzero(np.abs(x) > _TAIL)
    wanted = np.abs(x[places])
    found = _HALF_ROOT_PI * wanted
    step, before = 0.1 * found, erf(0.9 * found)
    for _ in range(50):
        reached = 1.0 - erfc(found)
        missing = wanted - reached
        rest = np.abs(missing) >= 1e-14
        done = places[~rest]
        result[done] = np.copysign(found[~rest], x[done])
        places, wanted, found, step = places[rest], wanted[rest], found[rest], step[rest]
        if not len(places):
            break
        step = step * (missing[rest] / (reached[rest] - before[rest]))
        before = reached[rest]
        found = found + step
    return result
