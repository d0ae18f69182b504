"""What a training says of itself: rankings, correlations, notes; as values, and as TMVA prints them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["CorrelationTable", "Ranking", "TrainingLog", "coefficient_table"]

_NARROWEST = 7


@dataclass(frozen=True, slots=True)
class Ranking:
    """Variables by importance.

    Parameters
    ----------
    quantity : str
        What they are ranked by, in TMVA's words: ``"Discr. power"``.
    variables : tuple of str
        Labels, the most important first.
    values : tuple of float
        The quantity for each.
    """

    quantity: str
    variables: tuple[str, ...]
    values: tuple[float, ...]

    @classmethod
    def of(cls, quantity: str, labels: Sequence[str], values: NDArray[np.float64]) -> Ranking:
        """Sort variables by a quantity; equal ones stay in their order (``Ranking::AddRank``)."""
        order = np.argsort(-np.asarray(values), kind="stable")
        return cls(quantity, tuple(labels[place] for place in order), tuple(float(values[place]) for place in order))

    @property
    def text(self) -> str:
        """The table, as ``Ranking::Print``."""
        longest = max(map(len, self.variables), default=0)
        line = "-" * (longest + 15 + len(self.quantity))
        rows = [
            f"{rank:4d} : {name:<{max(longest, 9)}} : {value:3.3e}"
            for rank, (name, value) in enumerate(zip(self.variables, self.values, strict=True), 1)
        ]
        title = f"Rank : {'Variable ':<{longest}} : {self.quantity}"
        return "\n".join(["Ranking result (top variable is best ranked)", line, title, line, *rows, line])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"quantity": self.quantity, "variables": list(self.variables), "values": list(self.values)}


@dataclass(frozen=True, slots=True, eq=False)
class CorrelationTable:
    """Linear correlations of the variables of a class in training, with signed weights.

    Parameters
    ----------
    class_name : str
        The class.
    variables : tuple of str
        Expressions of the variables.
    values : ndarray of float64, shape (n_variables, n_variables)
        Coefficients; 0 where a variance is not positive.
    """

    class_name: str
    variables: tuple[str, ...]
    values: NDArray[np.float64]

    @property
    def text(self) -> str:
        """The table, as ``DataSetInfo::PrintCorrelationMatrix``."""
        widths = [max(len(name), _NARROWEST) for name in self.variables]
        longest = max(widths, default=_NARROWEST)
        line = "-" * (longest + 1 + sum(width + 1 for width in widths))
        columns = list(zip(self.variables, widths, strict=True))
        title = " " * (longest + 1) + "".join(f"{name:>{width + 1}}" for name, width in columns)
        rows = [
            f"{name:>{longest}}:"
            + "".join(f"{value:>+{width + 1}.3f}" for value, width in zip(row, widths, strict=True))
            for name, row in zip(self.variables, self.values, strict=True)
        ]
        return "\n".join([f"Correlation matrix ({self.class_name}):", line, title, *rows, line])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"class": self.class_name, "variables": list(self.variables), "values": self.values.tolist()}


@dataclass(frozen=True, slots=True, eq=False)
class TrainingLog:
    """How a method was trained.

    Parameters
    ----------
    kind, name, engine : str
        The method, and ``"native"`` or ``"root"``.
    options : str
        Option string, as it was understood.
    n_events : int
        Training events.
    seconds : float
        Time of the training itself.
    rankings : tuple of Ranking
        Variables by importance.
    correlations : tuple of CorrelationTable
        One for each class.
    notes : tuple of str
        What was decided without being asked for.
    history : mapping of str to ndarray
        What went on while it was trained.
    printed : str
        What TMVA prints in training.
    """

    kind: str
    name: str
    engine: str
    options: str
    n_events: int
    seconds: float
    rankings: tuple[Ranking, ...] = ()
    correlations: tuple[CorrelationTable, ...] = ()
    notes: tuple[str, ...] = ()
    history: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    printed: str = ""

    @property
    def text(self) -> str:
        """Everything, one table after the other, as TMVA prints it."""
        tables = [table.text for table in self.correlations]
        return "\n".join(
            [*tables, *([self.printed] if self.printed else []), *(r.text for r in self.rankings), *self.notes]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, the same from run to run: without the time."""
        return {
            "kind": self.kind,
            "name": self.name,
            "engine": self.engine,
            "options": self.options,
            "n_events": self.n_events,
            "rankings": [ranking.to_dict() for ranking in self.rankings],
            "correlations": [table.to_dict() for table in self.correlations],
            "notes": list(self.notes),
            "history": {name: values.tolist() for name, values in self.history.items()},
        }


def coefficient_table(names: Sequence[str], values: Sequence[float]) -> str:
    """Return names and numbers as ``Tools::FormattedOutput`` prints coefficients."""
    first, second = "Variable", "Coefficient"
    longest = max(_NARROWEST, len(first), *map(len, names))
    width = max(len(second) + 1, longest)
    line = "-" * (longest + width + 3)
    rows = [f"{name:>{longest}}:{value:>+{width + 1}.3f}" for name, value in zip(names, values, strict=True)]
    return "\n".join([line, f"{first:>{longest}}:{second:>{width + 1}}:", line, *rows, line])
