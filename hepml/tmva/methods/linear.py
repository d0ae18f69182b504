"""Linear methods: Fisher discriminants, and TMVA's linear discriminant (LD), which also regresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from hepml.tmva.setup import number, whole_number
from hepml.transforms.markup import attribute_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.events import Events
    from hepml.tmva.setup import MethodSetup

__all__ = ["LD", "Fisher"]


@dataclass(frozen=True, slots=True, eq=False)
class Fisher:
    """A linear function of the variables.

    Parameters
    ----------
    offset : float
        Value at the origin.
    coefficients : ndarray of float64, shape (n_variables,)
        In the order of the transformed variables.
    """

    kind: ClassVar[str] = "Fisher"
    offset: float
    coefficients: NDArray[np.float64]

    @classmethod
    def from_setup(cls, setup: MethodSetup) -> Self:
        """Interpret the weights; see :class:`hepml.tmva.methods.base.Method`."""
        (values,) = _coefficients(setup, 1, "", "Index")
        return cls(float(values[0]), values[1:])

    def respond(self, events: Events) -> NDArray[np.float64]:
        """Return offset + sum of coefficient times variable, float64 of shape (n_events,)."""
        from hepml.tmva.methods.linear_sum import linear_sum

        columns = np.ascontiguousarray(events.transformed().T)
        response: NDArray[np.float64] = linear_sum(self.offset, np.ascontiguousarray(self.coefficients), columns)
        return response

    def to_xml(self) -> Element:
        """Return ``Weights`` as ``MethodFisher::AddWeightsXMLTo`` writes them."""
        weights = Element("Weights", NCoeff=str(len(self.coefficients) + 1))
        for index, value in enumerate((self.offset, *self.coefficients)):
            SubElement(weights, "Coefficient", Index=str(index), Value=attribute_number(value))
        return weights


@dataclass(frozen=True, slots=True, eq=False)
class LD:
    """The linear discriminant: one linear function for each target, or one for classification.

    Parameters
    ----------
    offsets : ndarray of float64, shape (n_outputs,)
        Values at the origin.
    coefficients : ndarray of float64, shape (n_outputs, n_variables)
        In the order of the transformed variables.
    regresses : bool
        Whether the outputs are targets.
    """

    kind: ClassVar[str] = "LD"
    offsets: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    regresses: bool

    @classmethod
    def from_setup(cls, setup: MethodSetup) -> Self:
        """Interpret the weights; see :class:`hepml.tmva.methods.base.Method`."""
        regresses = setup.analysis_type == "Regression"
        n_outputs = max(len(setup.targets), 1) if regresses else 1
        if whole_number(setup.weights, "NOut", setup.source, 1) != n_outputs:
            setup.fail(f"its NOut is {setup.weights.get('NOut')!r}, and it has {n_outputs} outputs")
        values = _coefficients(setup, n_outputs, "IndexOut", "IndexCoeff")
        return cls(values[:, 0], values[:, 1:], regresses)

    def respond(self, events: Events) -> NDArray[np.float64]:
        """Return the linear functions, float64 of shape (n_events,) or (n_events, n_outputs).

        TMVA sums in single precision (``MethodLD::GetMvaValue``), so the sum is rounded after each term.
        """
        X = events.transformed()
        response = np.empty((len(events), len(self.offsets)), dtype=np.float32)
        response[:] = self.offsets
        for column in range(X.shape[1]):
            term = X[:, column, None].astype(np.float64) * self.coefficients[:, column]
            response[:] = response + term
        outputs = response.astype(np.float64)
        if self.regresses:
            outputs = events.targets(outputs)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def to_xml(self) -> Element:
        """Return ``Weights`` as ``MethodLD::AddWeightsXMLTo`` writes them."""
        values = np.concatenate([self.offsets[:, None], self.coefficients], axis=1)
        weights = Element("Weights", NOut=str(len(values)), NCoeff=str(values.shape[1]))
        for output, row in enumerate(values):
            for index, value in enumerate(row):
                place = {"IndexOut": str(output), "IndexCoeff": str(index)}
                SubElement(weights, "Coefficient", place | {"Value": attribute_number(value)})
        return weights


def _coefficients(setup: MethodSetup, n_outputs: int, output: str, term: str) -> NDArray[np.float64]:
    """Return the coefficients, shape (n_outputs, n_variables + 1), the constant first."""
    n_terms = len(setup.variables) + 1
    found = setup.weights.findall("Coefficient")
    claimed = whole_number(setup.weights, "NCoeff", setup.source, n_terms)
    if claimed != n_terms:
        setup.fail(f"it says {claimed} coefficients, and needs {n_terms}")
    if len(found) != n_outputs * n_terms:
        setup.fail(f"it has {len(found)} coefficients, and needs {n_terms} for each of {n_outputs} outputs")
    values = np.full((n_outputs, n_terms), np.nan)
    for item in found:
        row = whole_number(item, output, setup.source, 0) if output else 0
        column = whole_number(item, term, setup.source)
        if not (0 <= row < n_outputs and 0 <= column < n_terms):
            setup.fail(f"a coefficient has the index {row}, {column}")
        values[row, column] = number(item, "Value", setup.source)
    if not np.isfinite(values).all():
        setup.fail("a coefficient is missing or not finite")
    return values
