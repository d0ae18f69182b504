"""What a feature is: a named column, the expression that computes it, and how a physicist labels it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hepml.errors import InvalidInputError

__all__ = ["Feature"]


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the feature matrix (TMVA: variable), or one spectator.

    Parameters
    ----------
    name : str
        Name of the column, unique among the features.
    expression : str, optional
        What computes it from the branches of the tree, in TTreeFormula's language. Default: the branch ``name``.
    unit : str
        Unit as the analysis file states it, ``""`` for a pure number.
    title : str
        Label for axes, plain text or mathtext. Default: the name.
    missing : tuple of float
        Sentinel values that mean 'not there' and become NaN.
    """

    name: str
    expression: str = ""
    unit: str = ""
    title: str = ""
    missing: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.name:
            msg = "a feature needs a name"
            raise InvalidInputError(msg)
        object.__setattr__(self, "expression", self.expression or self.name)
        object.__setattr__(self, "title", self.title or self.name)
        object.__setattr__(self, "missing", tuple(float(value) for value in self.missing))

    @property
    def label(self) -> str:
        """Axis label: title and unit."""
        return f"{self.title} [{self.unit}]" if self.unit else self.title

    def to_dict(self) -> dict[str, Any]:
        """Return the feature as plain JSON types."""
        return {
            "name": self.name,
            "expression": self.expression,
            "unit": self.unit,
            "title": self.title,
            "missing": list(self.missing),
        }

    @classmethod
    def of(cls, item: object, missing: tuple[float, ...] = ()) -> Feature:
        """Return the feature for a branch, an expression or a pair (name, expression); a feature stays as it is.

        Raises
        ------
        InvalidInputError
            If it is none of these: a mapping, as in the analysis file, is none.
        """
        if isinstance(item, Feature):
            return item
        pair = (item, item) if isinstance(item, str) else item
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            msg = (
                f"a feature is a branch, an expression, a pair (name, expression) or a hepml.data.Feature, not the "
                f"{type(item).__name__} {item!r}"
            )
            raise InvalidInputError(msg)
        return cls(str(pair[0]), str(pair[1]), missing=missing)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Feature:
        """Make a feature from what :meth:`to_dict` returned."""
        return cls(
            name=str(content["name"]),
            expression=str(content.get("expression", "")),
            unit=str(content.get("unit", "")),
            title=str(content.get("title", "")),
            missing=tuple(content.get("missing", ())),
        )
