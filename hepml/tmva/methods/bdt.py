"""Boosted decision trees: a forest, with splits by Fisher discriminants and preselection where TMVA was asked for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

import numpy as np

from hepml.errors import ExportError
from hepml.forest.from_tmva import forest_of, from_weights, node_extras
from hepml.forest.tmva_xml import weights_of_element

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from hepml.forest import Forest
    from hepml.forest.tmva_xml import WeightsFile
    from hepml.tmva.events import Events
    from hepml.tmva.setup import MethodSetup

__all__ = ["BDT", "Preselection", "discriminants_of"]

# what MethodBDT looks at, in its order: a later one that holds replaces what an earlier one said
_PRESELECTIONS = (("LowBkg", -1.0), ("LowSig", 1.0), ("HighBkg", -1.0), ("HighSig", 1.0))
# numbers of a widened block of events
_BLOCK_NUMBERS = 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Preselection:
    """Cuts beyond which the training sample held one class only (``MethodBDT::ApplyPreselectionCuts``).

    Parameters
    ----------
    cuts : tuple of (int, bool, float, float)
        Variable, whether events below the value are meant (else above), the value, and what they get: 1 or -1.
    """

    cuts: tuple[tuple[int, bool, float, float], ...]

    def decide(self, X: NDArray[np.float32], response: NDArray[np.float64]) -> None:
        """Replace the responses of events that a cut decides."""
        for variable, below, value, answer in self.cuts:
            column = X[:, variable].astype(np.float64)
            response[column < value if below else column > value] = answer


@dataclass(frozen=True, slots=True, eq=False)
class BDT:
    """Boosted decision trees.

    Parameters
    ----------
    forest : Forest
        The trees. Its columns are the transformed variables, and behind them one for each split by a Fisher discriminant.
    coefficients : ndarray of float64, shape (n_discriminants, n_variables + 1)
        Fisher discriminants, the constant behind the coefficients.
    cuts : ndarray of float64, shape (n_discriminants,)
        A column is 1 where the discriminant is above its cut.
    preselection : Preselection or None
        What decides before the trees do.
    regresses : bool
        Whether the response is a target.
    single : bool
        Whether TMVA returns single precision, as for targets and several classes.
    """

    kind: ClassVar[str] = "BDT"
    forest: Forest
    coefficients: NDArray[np.float64]
    cuts: NDArray[np.float64]
    preselection: Preselection | None
    regresses: bool
    single: bool

    @classmethod
    def from_setup(cls, setup: MethodSetup) -> Self:
        """Interpret the weights; see :class:`hepml.tmva.methods.base.Method`."""
        return cls.from_weights(setup, weights_of_element(setup.weights, setup.source))

    @classmethod
    def from_weights(cls, setup: MethodSetup, content: WeightsFile) -> Self:
        """Interpret weights that were parsed already.

        Parameters
        ----------
        setup : MethodSetup
            All but the trees.
        content : WeightsFile
            The trees.

        Raises
        ------
        ModelFormatError
            As :meth:`from_setup`.
        """
        preselection = _preselection(setup, content.weights) if setup.is_set("DoPreselection", default=False) else None
        coefficients, cuts, decisions = discriminants_of(content, len(setup.variables), setup.fail)
        transformed = setup.transformations is not None and len(setup.transformations) > 0
        alone = not decisions and not transformed and preselection is None and bool(content.header)
        if alone and len({variable.expression for variable in setup.variables}) == len(setup.variables):
            forest = from_weights(content, setup.source)
        else:
            names = [f"variable{number}" for number in range(len(setup.variables))]
            names += [f"discriminant{number}" for number in range(len(decisions))]
            header = _header(setup)
            header["nodes"] = node_extras(content) if content.variable else {}
            forest = forest_of(content, header, names, setup.source, decisions=decisions)
        regresses = setup.analysis_type == "Regression"
        return cls(
            forest,
            coefficients,
            cuts,
            preselection if setup.analysis_type == "Classification" else None,
            regresses,
            setup.analysis_type != "Classification",
        )

    @property
    def is_forest(self) -> bool:
        """Whether the forest alone gives the response, of variables that are not transformed."""
        return not len(self.cuts) and self.preselection is None

    def forest_alone(self, name: str) -> Forest:
        """Return the forest if it alone gives the response.

        Parameters
        ----------
        name : str
            Of the method, for messages.

        Raises
        ------
        ExportError
            If it does not.
        """
        if not self.is_forest:
            msg = (
                f"{name} has {'Fisher discriminants' if len(self.cuts) else 'a preselection'}, which no forest of "
                "its variables expresses: evaluate() answers, save() writes weights.xml, and method.forest is its trees"
            )
            raise ExportError(msg)
        return self.forest

    def respond(self, events: Events) -> NDArray[np.float64]:
        """Return the response, float64 of shape (n_events,), for several classes (n_events, n_classes)."""
        X = events.transformed()
        response = self._forest_response(X)
        if self.preselection is not None:
            self.preselection.decide(X, response)
        if self.single:
            response = response.astype(np.float32).astype(np.float64)
        if self.regresses:
            response = events.targets(response[:, None])[:, 0]
        return response

    def _forest_response(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        if not len(self.cuts):
            response: NDArray[np.float64] = self.forest.predict(X)
            return response
        rows = max(_BLOCK_NUMBERS // self.forest.n_features, 1)
        starts = range(0, max(len(X), 1), rows)
        return np.concatenate([self.forest.predict(self._widened(X[start : start + rows])) for start in starts])

    def _widened(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the variables and the sides of the discriminants, summed as ``DecisionTreeNode::GoesRight`` does."""
        value = np.empty((len(X), len(self.cuts)))
        value[:] = self.coefficients[:, -1]
        for column in range(X.shape[1]):
            value += self.coefficients[:, column] * X[:, column, None].astype(np.float64)
        return np.concatenate([X, value > self.cuts], axis=1, dtype=np.float32)


def discriminants_of(
    content: WeightsFile, n_variables: int, fail: Callable[[str], NoReturn]
) -> tuple[NDArray[np.float64], NDArray[np.float64], dict[int, int]]:
    """Return coefficients and cuts of the splits by Fisher discriminants, and the column of each such node.

    Parameters
    ----------
    content : WeightsFile
        The trees.
    n_variables : int
        Variables without the discriminants.
    fail : callable
        Raises an error with the text that it is given.
    """
    # leaves keep what was found before they became leaves
    nodes = [node for node in content.coefficients if content.node_type[node] == 0]
    wrong = [node for node in nodes if len(content.coefficients[node]) != n_variables + 1]
    if wrong:
        found = len(content.coefficients[wrong[0]])
        fail(f"node {wrong[0]} has {found} coefficients for {n_variables} variables and a constant")
    coefficients = np.array([content.coefficients[node] for node in nodes]).reshape(-1, n_variables + 1)
    if not np.isfinite(coefficients).all():
        fail("a coefficient of a Fisher discriminant is not finite")
    with np.errstate(over="ignore"):
        cuts = np.array([content.cut[node] for node in nodes]).astype(np.float32).astype(np.float64)
    if not np.isfinite(cuts).all():
        fail("a cut is not a number, or out of range")
    return coefficients, cuts, {node: n_variables + row for row, node in enumerate(nodes)}


def _preselection(setup: MethodSetup, weights: Mapping[str, str]) -> Preselection:
    cuts = []
    for variable in range(len(setup.variables)):
        for side, answer in _PRESELECTIONS:
            name = f"Preselection{side}Var{variable}"
            applies = weights.get(name, "").strip()
            if applies not in {"0", "1"}:
                setup.fail(f"{name} is {applies[:40]!r}, neither 0 nor 1")
            if applies == "1":
                text = weights.get(f"{name}Value", "")
                try:
                    value = float(text)
                except ValueError:
                    value = np.nan
                if np.isnan(value):
                    setup.fail(f"{name}Value is {text[:40]!r}, not a number")
                cuts.append((variable, side.startswith("Low"), value, answer))
    return Preselection(tuple(cuts))


def _header(setup: MethodSetup) -> dict[str, Any]:
    """Return what decides on the response, as forests keep it."""
    return {
        "method": f"{setup.kind}::{setup.name}",
        "info": [{"name": name, "value": value} for name, value in setup.info.items()],
        "options": [{"name": name, "value": option.value} for name, option in setup.options.items()],
        "classes": [{"Name": name} for name in setup.classes],
        "targets": [{"Expression": target.expression} for target in setup.targets],
    }
