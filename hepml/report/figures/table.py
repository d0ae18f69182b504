"""The numbers behind a figure as tables in the form of HEPData's YAML."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.config import dump_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

__all__ = ["Column", "FigureTable", "dump_tables"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of numbers.

    Parameters
    ----------
    name : str
        What it is.
    values : array-like of float or of text, shape (n,) or (n + 1,)
        Numbers; with ``edges`` the edges of n bins.
    unit : str
        Unit of the numbers.
    error : array-like of float, shape (n,), optional
        Standard deviations.
    edges : bool
        Whether ``values`` are edges of bins.
    """

    name: str
    values: ArrayLike
    unit: str = ""
    error: ArrayLike | None = None
    edges: bool = False

    def cells(self) -> list[dict[str, Any]]:
        """Return one mapping a row; what is not finite is ``'-'``, as in HEPData."""
        values = [_plain(value) for value in np.asarray(self.values).tolist()]
        if self.edges:
            return [{"low": low, "high": high} for low, high in itertools.pairwise(values)]
        if self.error is None:
            return [{"value": value} for value in values]
        errors = [_plain(value) for value in np.asarray(self.error).tolist()]
        return [
            {"value": value} if error == "-" else {"value": value, "errors": [{"symerror": error}]}
            for value, error in zip(values, errors, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class FigureTable:
    """A table: independent variables, what depends on them, and what holds for all rows.

    Parameters
    ----------
    name : str
        What it shows.
    independent, dependent : sequence of Column
        Of equal length.
    qualifiers : mapping of str to str
        What holds for all rows, for example the method.
    """

    name: str
    independent: Sequence[Column]
    dependent: Sequence[Column]
    qualifiers: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the table as plain types in HEPData's layout."""
        qualifiers = [{"name": name, "value": value} for name, value in self.qualifiers.items()]
        return {
            "name": self.name,
            "independent_variables": [_variable(column) for column in self.independent],
            "dependent_variables": [_variable(column) | {"qualifiers": qualifiers} for column in self.dependent],
        }


def dump_tables(tables: Sequence[FigureTable]) -> str:
    """Return tables as the text of a YAML file."""
    return dump_yaml({"format": "hepml-figure-data", "version": 1, "tables": [table.to_dict() for table in tables]})


def _variable(column: Column) -> dict[str, Any]:
    header = {"name": column.name, "units": column.unit} if column.unit else {"name": column.name}
    return {"header": header, "values": column.cells()}


def _plain(value: Any) -> Any:
    return "-" if isinstance(value, float) and not math.isfinite(value) else value
