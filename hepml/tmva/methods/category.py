"""Categories of events, each with a method of its own (MethodCategory)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from hepml.errors import FeatureValueError, HepmlError
from hepml.expressions import parse
from hepml.tmva.events import Events, chain_of, spectators_of
from hepml.tmva.methods.base import method_of
from hepml.tmva.setup import MethodSetup, whole_number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from numpy.typing import NDArray

    from hepml.expressions import Expression
    from hepml.tmva.methods.base import Method
    from hepml.transforms import TransformChain

__all__ = ["Category", "Part"]

_LOG = logging.getLogger("hepml.tmva")
_MOST_PARTS = 10_000
# TMVA hands the methods of categories no signal efficiency
_NO_PARTS = ("Category", "Cuts")


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One category.

    Parameters
    ----------
    cut : Expression
        Which events belong to it.
    inputs : dict of str to int
        Where each branch of the cut is: a variable, behind them a spectator, behind them a further branch.
    columns : tuple of int
        Where each variable of the method is, counted in the same way.
    method : Method
        Its method.
    chain : TransformChain
        The method's transformations.
    """

    cut: Expression
    inputs: dict[str, int]
    columns: tuple[int, ...]
    method: Method
    chain: TransformChain


@dataclass(frozen=True, slots=True, eq=False)
class Category:
    """Methods of which each answers for the events of a category.

    Parameters
    ----------
    parts : tuple of Part
        The categories.
    n_variables, n_spectators : int
        Of the whole.
    further : tuple of str
        Branches that cuts need beside variables and spectators; they stand behind the spectators.
    """

    kind: ClassVar[str] = "Category"
    parts: tuple[Part, ...]
    n_variables: int
    n_spectators: int
    further: tuple[str, ...]

    @classmethod
    def from_setup(cls, setup: MethodSetup) -> Self:
        """Interpret the weights; see :class:`hepml.tmva.methods.base.Method`."""
        found = setup.weights.findall("SubMethod")
        claimed = whole_number(setup.weights, "NSubMethods", setup.source, most=_MOST_PARTS)
        if claimed != len(found) or not found:
            setup.fail(f"it has {len(found)} categories and says {claimed}")
        if setup.analysis_type == "Multiclass":
            setup.fail("TMVA has no categories of several classes")
        # branches of the reader's tree are named by expressions (MethodCategory::InitCircularTree)
        places: dict[str, int] = {}
        for place, variable in enumerate((*setup.variables, *setup.spectators)):
            places.setdefault("".join(variable.expression.split()), place)
        n_known = len(setup.variables) + len(setup.spectators)
        further: dict[str, int] = {}
        parts = tuple(_part(setup, item, places, further, n_known) for item in found)
        return cls(parts, len(setup.variables), len(setup.spectators), tuple(further))

    @property
    def spectators(self) -> tuple[int, ...]:
        """Spectators that cuts or methods need, in order; behind them the further branches."""
        needed: set[int] = set()
        for part in self.parts:
            needed.update(part.inputs.values(), part.columns)
        return tuple(sorted(place - self.n_variables for place in needed if place >= self.n_variables))

    def respond(self, events: Events) -> NDArray[np.float64]:
        """Return the response of each event's category, float64 of shape (n_events,) or (n_events, n_targets).

        An event in no category gets 0, as from TMVA, which is logged.

        Raises
        ------
        FeatureValueError
            If an event is in two categories, where TMVA stops.
        """
        n_events = len(events)
        inside = np.array([self._passes(part, events) for part in self.parts])
        counts = inside.sum(axis=0)
        if (counts > 1).any():
            msg = f"{np.count_nonzero(counts > 1)} of {n_events} events lie in more than one category: {self._listed()}"
            raise FeatureValueError(msg)
        if (counts == 0).any():
            _LOG.warning(
                "%d of %d events lie in no category and get the response 0, as from TMVA (%s)",
                np.count_nonzero(counts == 0),
                n_events,
                self._listed(),
            )
        response: NDArray[np.float64] | None = None
        transformed = events.transformed()
        for part, chosen in zip(self.parts, inside, strict=True):
            variables = self._columns(transformed, events.spectators, part.columns, chosen)
            found = part.method.respond(Events(variables, variables[:, :0], part.chain))
            if response is None:
                response = np.zeros((n_events, *found.shape[1:]))
            response[chosen] = found
        return np.zeros(n_events) if response is None else response

    def _passes(self, part: Part, events: Events) -> NDArray[np.bool_]:
        values = {
            name: self._columns(events.variables, events.spectators, (place,), slice(None))[:, 0]
            for name, place in part.inputs.items()
        }
        result: NDArray[np.bool_] = np.asarray(part.cut.evaluate(values, len(events))) > 0.5
        return result

    def _columns(
        self,
        variables: NDArray[np.float32],
        spectators: NDArray[np.float32],
        places: tuple[int, ...],
        rows: slice | NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        columns = [
            variables[rows, place] if place < self.n_variables else spectators[rows, place - self.n_variables]
            for place in places
        ]
        return np.asfortranarray(np.transpose(columns))

    def _listed(self) -> str:
        return "; ".join(part.cut.text for part in self.parts)


def _part(setup: MethodSetup, item: Element, places: dict[str, int], further: dict[str, int], n_known: int) -> Part:
    text = item.get("Cut", "")
    sub = MethodSetup.from_element(item, setup.source)
    if sub.kind in _NO_PARTS:
        setup.fail(f"the method of a category is of kind {sub.kind!r}")
    if sub.analysis_type != setup.analysis_type:
        setup.fail(f"its analysis type is {setup.analysis_type}, and that of a category {sub.analysis_type}")
    try:
        cut = parse(text)
    except HepmlError as error:
        setup.fail(f"the cut of a category cannot be understood: {error}")
    inputs = {}
    for name in sorted(cut.branches):
        if name not in places:
            further.setdefault(name, n_known + len(further))
        inputs[name] = places[name] if name in places else further[name]
    columns = _columns_of(setup, item.get("Variables", ""), len(sub.variables))
    if setup.analysis_type == "Regression" and columns != tuple(range(len(setup.variables))):
        # MethodCategory::GetRegressionValues does not rearrange the variables
        setup.fail("its categories regress on a choice of variables, of which TMVA takes the wrong ones")
    chain = chain_of(sub)
    if spectators_of(chain):
        setup.fail("a category transforms spectators, which is not supported")
    return Part(cut, inputs, columns, method_of(sub), chain)


def _columns_of(setup: MethodSetup, names: str, n_variables: int) -> tuple[int, ...]:
    """Return the places of variables that are named by their labels (``MethodCategory::CreateCategoryDSI``)."""
    places: dict[str, list[int]] = {}
    for place, variable in enumerate((*setup.variables, *setup.spectators)):
        places.setdefault(variable.label, []).append(place)
    found = [] if names else list(range(len(setup.variables)))
    for name in filter(None, names.split(":")):
        if name not in places:
            setup.fail(f"a category uses {name[:100]!r}, which is neither a variable nor a spectator")
        found += places[name]
        if len(found) > n_variables:
            break
    if len(found) != n_variables:
        setup.fail(f"the variables of a category are {names[:100]!r}, and its method has {n_variables}")
    return tuple(found)
