"""RuleFit: a linear function of rules, which are 0 or 1, and of clipped variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from hepml.tmva.setup import number, whole_number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from numpy.typing import NDArray

    from hepml.tmva.events import Events
    from hepml.tmva.setup import MethodSetup

__all__ = ["Rule", "RuleFit"]

_MOST_RULES = 1_000_000
_BLOCK = 65_536
# RuleEnsemble::ELearningModel
_FULL, _RULES, _LINEAR = range(3)


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Intervals that an event must lie in, all of them, borders excluded.

    Parameters
    ----------
    coefficient : float
        What is added for such an event.
    columns : tuple of int
        Variables.
    lower, upper : tuple of float
        Ends of their intervals; infinite where there is none.
    """

    coefficient: float
    columns: tuple[int, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]

    def holds(self, variables: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return for which events it holds, from variables of shape (n_variables, n_events)."""
        result = np.ones(variables.shape[1], dtype=bool)
        for column, lower, upper in zip(self.columns, self.lower, self.upper, strict=True):
            if lower > -np.inf:
                result &= variables[column] > lower
            if upper < np.inf:
                result &= variables[column] < upper
        return result


@dataclass(frozen=True, slots=True, eq=False)
class RuleFit:
    """Rules and linear terms.

    Parameters
    ----------
    offset : float
        Response where no rule holds and all linear terms vanish.
    rules : tuple of Rule
        None if the model is linear.
    slopes, norms, lower, upper : ndarray of float64, shape (n_variables,)
        A linear term is slope times variable times norm, the variable clipped to [lower, upper]. The slope is NaN for
        variables without one, and the arrays are empty if the model has rules only.
    """

    kind: ClassVar[str] = "RuleFit"
    offset: float
    rules: tuple[Rule, ...]
    slopes: NDArray[np.float64]
    norms: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    @classmethod
    def from_setup(cls, setup: MethodSetup) -> Self:
        """Interpret the weights; see :class:`hepml.tmva.methods.base.Method`."""
        weights, n_variables = setup.weights, len(setup.variables)
        rules, terms = weights.findall("Rule"), weights.findall("Linear")
        claimed = tuple(whole_number(weights, name, setup.source, most=_MOST_RULES) for name in ("NRules", "NLinear"))
        if claimed != (len(rules), len(terms)):
            setup.fail(f"it has {len(rules)} rules and {len(terms)} linear terms, and says {claimed}")
        model = whole_number(weights, "LearningModel", setup.source)
        if model not in (_FULL, _RULES, _LINEAR):
            setup.fail(f"its LearningModel is {model} (known: 0 to 2)")
        offset = number(weights, "Offset", setup.source)
        if not np.isfinite(offset):
            setup.fail("its offset is not finite")
        linear = terms if model != _RULES else []
        if len(linear) not in {0, n_variables}:
            setup.fail(f"it has {len(linear)} linear terms of {n_variables} variables")
        slopes, norms, lower, upper = (
            np.array([number(item, name, setup.source) for item in linear]) for name in ("Coeff", "Norm", "DM", "DP")
        )
        if not np.isfinite([slopes, norms, lower, upper]).all():
            setup.fail("a linear term is not finite")
        unused = [whole_number(item, "OK", setup.source) != 1 for item in linear]
        slopes[np.array(unused, dtype=bool)] = np.nan
        chosen = rules if model != _LINEAR else []
        return cls(offset, tuple(_rule(setup, item) for item in chosen), slopes, norms, lower, upper)

    def respond(self, events: Events) -> NDArray[np.float64]:
        """Return the sum, float64 of shape (n_events,) (``RuleEnsemble::EvalEvent``)."""
        X = events.transformed()
        response = np.full(len(events), self.offset)
        for start in range(0, len(events), _BLOCK):
            variables = X[start : start + _BLOCK].T.astype(np.float64)
            block = response[start : start + _BLOCK]
            for rule in self.rules:
                block[rule.holds(variables)] += rule.coefficient
            block += self._linear(variables)
        return response

    def _linear(self, variables: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.zeros(variables.shape[1])
        for column, slope in enumerate(self.slopes):
            if not np.isnan(slope):
                clipped = np.minimum(self.upper[column], np.maximum(self.lower[column], variables[column]))
                total += slope * clipped * self.norms[column]
        return total


def _rule(setup: MethodSetup, item: Element) -> Rule:
    cuts = item.findall("Cut")
    coefficient = number(item, "Coeff", setup.source)
    if whole_number(item, "Nvars", setup.source) != len(cuts) or not cuts or not np.isfinite(coefficient):
        setup.fail(f"a rule has {len(cuts)} cuts and says {item.get('Nvars')!r}, or its coefficient is not finite")
    columns = tuple(whole_number(cut, "Selector", setup.source) for cut in cuts)
    if not all(0 <= column < len(setup.variables) for column in columns):
        setup.fail(f"a rule cuts on variable {max(columns, key=abs)} of {len(setup.variables)}")
    lower = tuple(_end(setup, cut, "Min", -np.inf) for cut in cuts)
    upper = tuple(_end(setup, cut, "Max", np.inf) for cut in cuts)
    return Rule(coefficient, columns, lower, upper)


def _end(setup: MethodSetup, cut: Element, name: str, without: float) -> float:
    value = number(cut, name, setup.source)
    if np.isnan(value):
        setup.fail("a cut of a rule is not a number")
    return value if cut.get(f"Do{name}") == "T" else without
