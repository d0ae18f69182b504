"""Parse JSON that nobody vouches for: no NaN, no infinity, no duplicate keys, bounded depth, one kind of error."""

from __future__ import annotations

import json
import math
from typing import Any

from hepml.errors import ModelFormatError

__all__ = ["parse_json"]


def parse_json(content: bytes, name: str, *, infinities: bool = False) -> dict[str, Any]:
    """Parse a JSON object.

    Parameters
    ----------
    content : bytes
        UTF-8 text.
    name : str
        What it is, for the message.
    infinities : bool
        Whether ``Infinity`` and ``-Infinity`` are numbers, as some writers have it.

    Returns
    -------
    dict
        The object.

    Raises
    ------
    ModelFormatError
        If it is not a JSON object, or holds what JSON or a model has no use for.
    """
    try:
        document = json.loads(
            content.decode("utf-8"),
            parse_constant=_infinity if infinities else _refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_without_duplicates,
        )
    except (ValueError, RecursionError) as error:
        msg = f"{name} is not valid JSON: {error}"
        raise ModelFormatError(msg) from error
    if not isinstance(document, dict):
        msg = f"{name} is not a JSON object but a {type(document).__name__}"
        raise ModelFormatError(msg)
    return document


def _infinity(text: str) -> float:
    return _refuse_constant(text) if text == "NaN" else float(text)


def _refuse_constant(text: str) -> float:
    msg = f"{text} is not a JSON number"
    raise ValueError(msg)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        msg = f"{text[:40]} is out of range"
        raise ValueError(msg)
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        names = [name for name, _ in pairs]
        msg = f"the key {next(name for name in names if names.count(name) > 1)!r} stands twice"
        raise ValueError(msg)
    return content
