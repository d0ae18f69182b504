"""Likelihood: the ratio of products of one-dimensional densities of signal and background."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from hepml.tmva.pdf import Pdf, spending
from hepml.tmva.setup import whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.events import Events
    from hepml.tmva.setup import MethodSetup

__all__ = ["Likelihood"]

# MethodLikelihood::fEpsilon; the step from an upper end into the range; steepness of the inverted sigmoid
_SMALLEST = 1e3 * sys.float_info.min
_INSIDE = 1e-10
_STEEPNESS = 15.0
_BLOCK = 65_536
# each has two tables of 10000 bins
_MOST_VARIABLES = 500


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """A density of each variable for signal and for background.

    Parameters
    ----------
    signal, background : tuple of Pdf
        By variable.
    interpolates : tuple of bool
        Whether the densities of a variable are interpolated.
    classes : tuple of int
        Indices of signal and background, by whose transformations each hypothesis sees an event.
    inverts : bool
        Whether the ratio r is given as -log(1/r - 1) / 15 (TransformOutput).
    """

    kind: ClassVar[str] = "Likelihood"
    signal: tuple[Pdf, ...]
    background: tuple[Pdf, ...]
    interpolates: tuple[bool, ...]
    classes: tuple[int, int]
    inverts: bool

    @classmethod
    def from_setup(cls, setup: MethodSetup) -> Self:
        """Interpret the weights; see :class:`hepml.tmva.methods.base.Method`."""
        n_variables = len(setup.variables)
        found = setup.weights.findall("PDFDescriptor")
        claimed = whole_number(setup.weights, "NVariables", setup.source)
        if claimed != n_variables or len(found) != 2 * n_variables:
            setup.fail(f"it has {len(found)} densities of {claimed} variables, and needs two of each of {n_variables}")
        if n_variables > _MOST_VARIABLES:
            setup.fail(f"it has densities of {n_variables} variables (at most {_MOST_VARIABLES})")
        densities = []
        spend = spending(setup.source)
        for place, item in enumerate(found):
            indices = tuple(whole_number(item, name, setup.source) for name in ("VarIndex", "ClassIndex"))
            element = item.find("PDF")
            if indices != divmod(place, 2) or element is None:
                setup.fail(f"its density number {place} is missing, or of variable and class {indices}")
            densities.append(Pdf.from_element(element, setup.source, spend))
        return cls(
            signal=tuple(densities[::2]),
            background=tuple(densities[1::2]),
            # that of the background is not asked; types of variables are F, I or N
            interpolates=tuple(
                pdf.interpolates and variable.type != "N"
                for pdf, variable in zip(densities[::2], setup.variables, strict=True)
            ),
            classes=(setup.signal_class, setup.background_class),
            inverts=setup.is_set("TransformOutput", default=False),
        )

    def respond(self, events: Events) -> NDArray[np.float64]:
        """Return S / (S + B), or its logarithm, float64 of shape (n_events,).

        Each hypothesis is evaluated with the transformation of its class, within the range of the signal's density
        (``MethodLikelihood::GetMvaValue``).
        """
        response = np.empty(len(events))
        seen = [events.transformed(index) for index in self.classes]
        for start in range(0, len(events), _BLOCK):
            block = slice(start, start + _BLOCK)
            products = (
                self._product(X[block], densities)
                for X, densities in zip(seen, (self.signal, self.background), strict=True)
            )
            response[block] = self._ratio(*products)
        return response

    def _product(self, X: NDArray[np.float32], densities: tuple[Pdf, ...]) -> NDArray[np.float64]:
        product = np.ones(len(X))
        for column, (pdf, signal, interpolates) in enumerate(
            zip(densities, self.signal, self.interpolates, strict=True)
        ):
            x = X[:, column].astype(np.float64)
            x = np.where(x >= signal.high, signal.high - _INSIDE, np.maximum(x, signal.low))
            product *= np.maximum(pdf.plain_value(x, interpolates=interpolates), _SMALLEST)
        return product

    def _ratio(self, signal: NDArray[np.float64], background: NDArray[np.float64]) -> NDArray[np.float64]:
        signal, background = np.maximum(signal, _SMALLEST), np.maximum(background, _SMALLEST)
        ratio = signal / (signal + background)
        ratio = np.where(ratio >= 1.0, 1.0 - 1e-15, ratio)
        if self.inverts:
            ratio = np.where(ratio <= 0.0, _SMALLEST, ratio)
            ratio = -np.log(1.0 / ratio - 1.0) / _STEEPNESS
        return ratio
