"""Variables, spectators and targets as ``AddVariable`` takes them: ``"lpt := log(pt+1)"``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import FeatureValueError, InvalidInputError
from hepml.expressions import parse
from hepml.forest.tmva_document import internal_name
from hepml.tmva.setup import Variable

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Declaration", "declared_variables", "with_ranges"]

# an expression; the arguments of AddVariable (expression, title, unit, "F" or "I"); or the result
Declaration = str | Sequence[str] | Variable

_MOST_WORDS = 4


def declared_variables(declarations: Sequence[Declaration], what: str) -> tuple[Variable, ...]:
    """Interpret declarations.

    Parameters
    ----------
    declarations : sequence of str, sequence of str, or Variable
        ``"label := expression"`` or an expression; or this with title, unit and type (F or I) behind it.
    what : str
        ``"variable"``, ... for messages.

    Returns
    -------
    tuple of Variable
        Blanks of expressions removed, as TMVA does.

    Raises
    ------
    InvalidInputError
        If a declaration has another form, or two have the same label.
    ExpressionError
        If an expression cannot be parsed.
    """
    if isinstance(declarations, str):
        msg = f"{what}s are {declarations!r}, one text: a list of declarations is needed, as [{declarations!r}]"
        raise InvalidInputError(msg)
    found = tuple(_declared(item, what) for item in declarations)
    labels = [variable.label for variable in found]
    for label in labels:
        if labels.count(label) > 1:
            msg = f"{what} {label!r} is declared {labels.count(label)} times: label them, as 'name := {label}'"
            raise InvalidInputError(msg)
    return found


def with_ranges(variables: tuple[Variable, ...], values: NDArray[np.float32], what: str) -> tuple[Variable, ...]:
    """Return variables with their smallest and largest value.

    Parameters
    ----------
    variables : tuple of Variable
        What the columns are.
    values : ndarray of float32, shape (n_events, n_variables)
        Training events.
    what : str
        ``"variable"``, ``"target"`` or ``"spectator"``, which alone may be constant.

    Raises
    ------
    FeatureValueError
        If a variable or target is constant, where TMVA stops (``DataSetFactory::CalcMinMax``).
    """
    found = []
    for variable, column in zip(variables, values.T, strict=True):
        low, high = (float(column.min()), float(column.max())) if len(column) else (0.0, 0.0)
        if what != "spectator" and len(column) > 1 and high - low <= np.finfo(np.float32).tiny:
            msg = f"the {what} {variable.label!r} is constant in the training events ({low:g}): remove it; TMVA stops here"
            raise FeatureValueError(msg)
        found.append(replace(variable, minimum=low, maximum=high))
    return tuple(found)


def _declared(item: Declaration, what: str) -> Variable:
    if isinstance(item, Variable):
        parse(item.expression)
        return item
    words = [item] if isinstance(item, str) else list(item)
    if not 1 <= len(words) <= _MOST_WORDS or not all(isinstance(word, str) for word in words):
        msg = f"a {what} is {item!r}; 'label := expression' or (expression, title, unit, type) is needed"
        raise InvalidInputError(msg)
    text, title, unit, kind = (*words, *("", "", "F")[len(words) - 1 :])
    if kind not in {"F", "I"}:
        msg = f"the {what} {text!r} is of type {kind!r}; F or I is needed"
        raise InvalidInputError(msg)
    label, mark, expression = text.replace(" ", "").partition(":=")
    if not mark:
        expression = label
    if not label or not expression:
        msg = f"the {what} {text!r} has no {'expression' if label else 'label'}"
        raise InvalidInputError(msg)
    parse(expression)
    return Variable(expression, label, title or label, unit, internal_name(label), kind)
