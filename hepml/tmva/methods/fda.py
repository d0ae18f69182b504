"""Function discriminant analysis: a formula of the variables with fitted parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from hepml.errors import HepmlError
from hepml.expressions import Expression
from hepml.tmva.setup import number, whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.events import Events
    from hepml.tmva.setup import AnalysisType, MethodSetup

__all__ = ["FDA"]

_MOST_PARAMETERS = 10_000
_LONGEST = 100_000
_PARAMETER = r"\((0|[1-9]\d{0,8})\)"
# whole numbers in brackets that TMVA leaves as they are
_FIRST_NUMBER = 1000


@dataclass(frozen=True, slots=True, eq=False)
class FDA:
    """A formula for each output, of the variables x0, x1, ...

    Parameters
    ----------
    formulas : tuple of Expression
        With the numbers of the parameters.
    analysis_type : {"Classification", "Multiclass", "Regression"}
        What the outputs are.
    """

    kind: ClassVar[str] = "FDA"
    formulas: tuple[Expression, ...]
    analysis_type: AnalysisType

    @classmethod
    def from_setup(cls, setup: MethodSetup) -> Self:
        """Interpret the weights; see :class:`hepml.tmva.methods.base.Method`."""
        analysis_type = setup.analysis_type
        n_outputs = {"Multiclass": len(setup.classes), "Regression": len(setup.targets)}.get(analysis_type, 1)
        if whole_number(setup.weights, "NDim", setup.source, 1) != n_outputs or n_outputs < 1:
            setup.fail(f"its NDim is {setup.weights.get('NDim')!r}, and it has {n_outputs} outputs")
        parameters = _parameters(setup, n_outputs)
        formula = setup.weights.get("Formula", "")
        if len(formula) * n_outputs > _LONGEST:
            setup.fail(f"its formula has {len(formula)} characters for each of {n_outputs} outputs")
        return cls(tuple(_expression(setup, formula, row) for row in parameters), analysis_type)

    def respond(self, events: Events) -> NDArray[np.float64]:
        """Return the values, float64 of shape (n_events,) or (n_events, n_outputs).

        For several classes they are normalised: exp(value) over the sum of all exp(value)
        (``MethodFDA::GetMulticlassValues``, in single precision). For several targets TMVA returns the first only.
        """
        X = events.transformed()
        columns = {f"x{place}": X[:, place].astype(np.float64) for place in range(X.shape[1])}
        values = np.empty((len(events), len(self.formulas)))
        for output, formula in enumerate(self.formulas):
            values[:, output] = formula.evaluate(columns, len(events))
        if self.analysis_type == "Multiclass":
            return _normalised(values)
        if self.analysis_type == "Regression":
            values = events.targets(values)
        return values[:, 0] if values.shape[1] == 1 else values


def _parameters(setup: MethodSetup, n_outputs: int) -> NDArray[np.float64]:
    """Return the parameters, shape (n_outputs, n_parameters)."""
    n_parameters = whole_number(setup.weights, "NPars", setup.source, most=_MOST_PARAMETERS)
    found = setup.weights.findall("Parameter")
    if n_parameters < 0 or len(found) != n_parameters * n_outputs:
        setup.fail(f"it has {len(found)} parameters, and says {n_parameters} for each of {n_outputs} outputs")
    values = np.full(len(found), np.nan)
    for item in found:
        place = whole_number(item, "Index", setup.source)
        if not 0 <= place < len(values):
            setup.fail(f"a parameter has the index {place}")
        values[place] = number(item, "Value", setup.source)
    if not np.isfinite(values).all():
        setup.fail("a parameter is missing or not finite")
    return values.reshape(n_outputs, n_parameters)


def _expression(setup: MethodSetup, formula: str, parameters: NDArray[np.float64]) -> Expression:
    """Return a formula with numbers for the parameters (0), (1), ... (``MethodFDA::CreateFormula``)."""

    def as_number(match: re.Match[str]) -> str:
        place = int(match.group(1))
        if place >= max(len(parameters), _FIRST_NUMBER):
            return match.group()
        if place >= len(parameters):
            setup.fail(f"its formula has the parameter ({place}), and there are {len(parameters)}")
        return f" ({float(parameters[place])!r}) "

    # what stands before a parameter is no function: TMVA writes [0] for (0)
    if re.search(rf"\w\s*{_PARAMETER}", formula):
        setup.fail("its formula has a function of a whole number, which TMVA takes for a parameter")
    try:
        expression = Expression(re.sub(_PARAMETER, as_number, formula))
    except HepmlError as error:
        setup.fail(f"its formula cannot be understood: {str(error)[:500]}")
    known = {f"x{place}" for place in range(len(setup.variables))}
    if not expression.branches <= known:
        unknown = ", ".join(sorted(expression.branches - known))[:100]
        setup.fail(f"its formula has {unknown}, and the variables are x0 to x{len(known) - 1}")
    return expression


def _normalised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(over="ignore", invalid="ignore"):
        single = values.astype(np.float32)
        result = np.empty_like(values)
        for output in range(values.shape[1]):
            norm = np.zeros(len(values))
            for other in range(values.shape[1]):
                if other != output:
                    norm += np.exp(single[:, other] - single[:, output])
            result[:, output] = (1.0 / (1.0 + norm)).astype(np.float32)
    return result
