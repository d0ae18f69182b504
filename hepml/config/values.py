"""What values of the analysis file may be: names, numbers, expressions, and lists of them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["Closed", "ExpressionText", "Integer", "Name", "Number", "Numbers", "Texts", "as_list", "refuse_text"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.+-]{0,99}")


def as_list(value: Any) -> Any:
    """Take a single value as a list of one."""
    return [value] if isinstance(value, (str, int, float)) and not isinstance(value, bool) else value


def _expression_text(value: Any) -> Any:
    """Accept a bare number where an expression is expected: ``weight: 1``."""
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def refuse_text(value: Any) -> Any:
    """Refuse what pydantic would convert: ``true`` is no 1, and text no number."""
    if isinstance(value, (bool, str)):
        msg = f"must be a number (found {value!r:.80})"
        raise ValueError(msg)  # noqa: TRY004  (pydantic turns ValueError into a problem of the file)
    return value


def _check_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        msg = f"{value!r} is not a usable name (letters, digits, '_', '.', '+', '-', not starting with a digit)"
        raise ValueError(msg)
    return value


Number = Annotated[float, BeforeValidator(refuse_text)]
Integer = Annotated[int, BeforeValidator(refuse_text)]
Texts = Annotated[tuple[str, ...], BeforeValidator(as_list)]
Numbers = Annotated[tuple[Number, ...], BeforeValidator(as_list)]
ExpressionText = Annotated[str, BeforeValidator(_expression_text), Field(max_length=10_000)]
Name = Annotated[str, BeforeValidator(lambda value: _check_name(value) if isinstance(value, str) else value)]


class Closed(BaseModel):
    """A mapping whose keys are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)
