"""The leading objects of a list as features of a fixed number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hepml.config import MOST_LEADING, leading_expressions
from hepml.data.features import Feature
from hepml.errors import ExpressionError, InvalidInputError
from hepml.expressions import parse

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["leading"]


def leading(
    name: str,
    number: int,
    *,
    expression: str = "",
    by: str = "",
    where: str = "",
    pad: float = math.nan,
    unit: str = "",
    title: str = "",
    missing: Iterable[float] = (),
) -> list[Feature]:
    """Make features of the leading objects of each event, as ``leading:`` does in an analysis file.

    Parameters
    ----------
    name : str
        The features are ``NAME_0``, ``NAME_1``, ...
    number : int
        How many objects, 1 to 100.
    expression : str
        Values of the objects, one for each. Default: the branch ``name``.
    by : str
        Key by which objects are sorted, in falling order; NaN comes last. ``-key`` sorts in rising order. Default: the
        order of the file.
    where : str
        Condition of each object; others are left out before they are numbered. Default: all take part.
    pad : float
        Value where there are fewer objects. Default: NaN, missing.
    unit, title : str
        As for :class:`Feature`; the title is followed by the number.
    missing : iterable of float
        Sentinels that become NaN.

    Returns
    -------
    list of Feature
        Ordinary features.

    Raises
    ------
    InvalidInputError
        If ``number`` is out of range, or ``pad`` is infinite.
    ExpressionError
        If an expression cannot be parsed, or ``where`` is no condition; tells which.

    Examples
    --------
    >>> [feature.expression for feature in leading("jet_eta", 2, by="jet_pt", pad=-9)]
    ['Alt$(SortBy$(jet_eta, jet_pt)[0], -9)', 'Alt$(SortBy$(jet_eta, jet_pt)[1], -9)']
    """
    if not 1 <= number <= MOST_LEADING:
        msg = f"number is {number}; it must be 1 to {MOST_LEADING}"
        raise InvalidInputError(msg)
    if math.isinf(pad):
        msg = "pad is infinite, which no feature may be: give a number, or NaN for missing"
        raise InvalidInputError(msg)
    for key, text in {"expression": expression or name, "by": by, "where": where}.items():
        try:
            if text:
                parse(text)
        except ExpressionError as error:
            msg = f"{key} of the leading {name!r}: {error}"
            raise ExpressionError(msg) from error
    texts = leading_expressions(
        expression or name, number, by=by, where=where, pad=None if math.isnan(pad) else float(pad)
    )
    try:
        parse(texts[0])
    except ExpressionError as error:
        msg = f"where of the leading {name!r}: {error}"
        raise ExpressionError(msg) from error
    sentinels = tuple(missing)
    return [
        Feature(f"{name}_{place}", text, unit, title and f"{title} {place}", sentinels)
        for place, text in enumerate(texts)
    ]
