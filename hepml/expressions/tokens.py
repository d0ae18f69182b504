"""Words of an expression: numbers, names and operators with their places, and errors that point at a place."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from hepml.errors import ExpressionError

__all__ = ["MAX_LENGTH", "Token", "error_at", "tokenize"]

MAX_LENGTH = 10_000
"""Longest expression in characters."""

_SHOWN = 100  # columns of the expression that an error shows around the place
_LARGEST = 2**64 - 1  # integers beyond are doubles, as in ROOT

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>0[xX][0-9a-fA-F]+ | (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<name>[A-Za-z_]\w*(?:::[A-Za-z_]\w*|\.[A-Za-z_]\w*)*\$?)
      | (?P<op>\*\*|&&|\|\||<<|>>|<=|>=|==|!=|[-+*/%^&|<>!?:()\[\],])""",
    re.VERBOSE | re.ASCII,
)

_CURES = {
    "=<": "write '<='",
    "=>": "write '>='",
    "=": "a comparison is '=='; an expression cannot assign",
    "~": "there is no bit complement in TTreeFormula; subtract from a mask, for example '255 - x'",
    '"': "strings cannot be compared; expressions are numbers",
    "'": "strings cannot be compared; expressions are numbers",
    "@": "sizes are read with 'Length$(branch)'",
    "{": "use parentheses '( )'",
    "}": "use parentheses '( )'",
    ";": "one expression has one value; join conditions by '&&'",
    ".": "the method of an element is written 'p4.Pt()[0]'",
    "$": "special functions are written like 'Sum$(branch)'",
}


@dataclass(frozen=True, slots=True)
class Token:
    """One word: ``kind`` is number, name, op or end."""

    kind: str
    text: str
    start: int
    value: int | float = 0


def error_at(text: str, place: int, problem: str) -> ExpressionError:
    """Build the error that shows the expression with a caret under the place of the problem.

    Parameters
    ----------
    text : str
        The whole expression.
    place : int
        Index of the character that is at fault.
    problem : str
        What is wrong, and the cure.

    Returns
    -------
    ExpressionError
        To be raised by the caller.
    """
    first = max(0, place - _SHOWN // 2)
    shown = "".join(c if c.isprintable() else " " for c in text[first : first + _SHOWN])
    before = "..." if first else ""
    after = "..." if first + _SHOWN < len(text) else ""
    caret = " " * (len(before) + place - first)
    return ExpressionError(f"{problem}\n    {before}{shown}{after}\n    {caret}^")


def tokenize(text: str) -> list[Token]:
    """Split an expression into tokens; the last one is of kind ``end``.

    Raises
    ------
    ExpressionError
        If the text is too long or holds a character that no token starts with.
    """
    if len(text) > MAX_LENGTH:
        cure = "define parts of it as features of their own"
        message = f"the expression has {len(text)} characters; at most {MAX_LENGTH} are allowed: {cure}"
        raise ExpressionError(message)
    tokens = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise _unknown_character(text, place)
        kind, word = str(match.lastgroup), match.group()
        if kind == "number":
            tokens.append(_number(text, word, place))
        elif kind != "space":
            tokens.append(Token(kind, "^" if word == "**" else word, place))
        place = match.end()
    tokens.append(Token("end", "", len(text)))
    return tokens


def _number(text: str, word: str, start: int) -> Token:
    end = start + len(word)
    if end < len(text) and (text[end].isalnum() or text[end] in "_."):
        raise error_at(text, end, f"a number cannot go on with {text[end]!r}; suffixes like 1.5f or 10L are not known")
    if word[:2] in {"0x", "0X"}:
        integer = int(word, 16)
    elif word.isdigit():
        # more digits than a double can hold are infinite anyhow, and int() of thousands of digits is slow
        integer = int(word) if len(word) < 400 else -1
    else:
        integer = -1
    if 0 <= integer <= _LARGEST:
        return Token("number", word, start, integer)
    value = float(word) if integer < 0 else float(integer)
    if not math.isfinite(value):
        raise error_at(text, start, f"the number {word[:20]} is too large for a double")
    return Token("number", word, start, value)


def _unknown_character(text: str, place: int) -> ExpressionError:
    for wrong, cure in _CURES.items():
        if text.startswith(wrong, place):
            return error_at(text, place, f"{wrong!r} is not an operator: {cure}")
    return error_at(text, place, f"unexpected character {text[place]!r}")
