"""Features and spectators of the analysis file, and those that stand for the leading objects of a list."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag

from hepml.config.values import Closed, ExpressionText, Integer, Name, Number, Numbers

__all__ = ["MOST_LEADING", "FeatureConfig", "FeatureItem", "LeadingConfig", "leading_expressions"]

MOST_LEADING = 100
"""Largest number of leading objects."""

_BRANCH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)


class FeatureConfig(Closed):
    """A feature or spectator: a branch name, or a name with its expression, unit, title and sentinels."""

    name: Name
    expression: ExpressionText = ""
    unit: str = ""
    title: str = ""
    missing: Numbers | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return (self.name,)

    def expanded(self) -> tuple[FeatureConfig, ...]:
        """Return the features that it stands for, each one column."""
        return (self,)


class LeadingConfig(FeatureConfig):
    """The first ``leading`` objects of a list as features ``NAME_0``, ``NAME_1``, ...

    ``by`` sorts the objects in falling order, ``where`` selects some of them first, and ``pad`` stands where there are fewer
    (by default the value is missing).
    """

    leading: Integer = Field(ge=1, le=MOST_LEADING)
    by: ExpressionText = ""
    where: ExpressionText = ""
    pad: Number | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(f"{self.name}_{number}" for number in range(self.leading))

    def expanded(self) -> tuple[FeatureConfig, ...]:
        """Return the features that it stands for, each one column."""
        texts = leading_expressions(
            self.expression or self.name, self.leading, by=self.by, where=self.where, pad=self.pad
        )
        return tuple(
            FeatureConfig.model_construct(
                name=name,
                expression=text,
                unit=self.unit,
                title=self.title and f"{self.title} {number}",
                missing=self.missing,
            )
            for number, (name, text) in enumerate(zip(self.names, texts, strict=True))
        )


def leading_expressions(
    expression: str, number: int, *, by: str = "", where: str = "", pad: float | None = None
) -> tuple[str, ...]:
    """Write the expressions of the leading objects of a list.

    Parameters
    ----------
    expression : str
        Values of the objects: a branch, or what is computed from branches of the same lengths.
    number : int
        How many objects.
    by : str
        Key by which they are sorted, in falling order; ``""`` for the order of the file.
    where : str
        Condition of each object; ``""`` for all.
    pad : float, optional
        Value where there are fewer objects. Default: none, which is NaN in a feature.

    Returns
    -------
    tuple of str
        One expression for each place.

    Examples
    --------
    >>> leading_expressions("jet_pt", 2, by="jet_btag", pad=-9)
    ('Alt$(SortBy$(jet_pt, jet_btag)[0], -9)', 'Alt$(SortBy$(jet_pt, jet_btag)[1], -9)')
    """
    objects = _objects(expression.strip(), by.strip(), where.strip())
    if pad is None:
        return tuple(f"{objects}[{place}]" for place in range(number))
    value = repr(int(pad) if float(pad).is_integer() and abs(pad) < 1e15 else float(pad))
    return tuple(f"Alt$({objects}[{place}], {value})" for place in range(number))


def _objects(expression: str, by: str, where: str) -> str:
    if where and by and _BRANCH.fullmatch(expression) and _BRANCH.fullmatch(by):
        return f"SortBy$({expression}[{where}], {by}[{where}])"  # fewer objects are sorted
    # a constant key keeps the order, and makes a list of what is computed
    is_branch = _BRANCH.fullmatch(expression) is not None
    objects = expression if is_branch and not by else f"SortBy$({expression}, {by or 0})"
    if not where:
        return objects
    return f"{objects}[SortBy$({where}, {by}) != 0]" if by else f"{objects}[{where}]"


def _feature_shorthand(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _kind(value: Any) -> str:
    several = LeadingConfig.model_fields.keys() - FeatureConfig.model_fields.keys()
    is_several = bool(several & value.keys()) if isinstance(value, dict) else isinstance(value, LeadingConfig)
    return "several" if is_several else "one"


FeatureItem = Annotated[
    Annotated[FeatureConfig, Tag("one")] | Annotated[LeadingConfig, Tag("several")],
    Discriminator(_kind),
    BeforeValidator(_feature_shorthand),
]
"""What may stand in the lists of features and spectators."""
