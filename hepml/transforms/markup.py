"""XML as TMVA writes it and as it is read without trust: layout, formats of numbers, checked attributes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from hepml.errors import InvalidInputError, ModelFormatError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from xml.etree.ElementTree import Element

    from numpy.typing import NDArray

__all__ = ["Source", "attribute_number", "digits", "escaped", "lossless", "to_text"]

# TXMLEngine escapes apostrophes too
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&apos;"), ('"', "&quot;"))
# what XML 1.0 cannot hold at all, or not in an attribute without change
_UNWRITABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def attribute_number(value: float) -> str:
    """Write a number as ``Tools::AddAttr`` does: 17 digits, from which any float or double can be read back."""
    return f"{value:.16e}"


def lossless(value: float) -> str:
    """Write a number as ``Tools::WriteTMatrixDToXML`` does, in 16 digits, or in 17 if it could not be read back."""
    text = f"{value:.15e}"
    return text if float(text) == value else attribute_number(value)


def digits(values: Iterable[float], places: int = 8) -> str:
    """Write numbers as ``Tools::StringFromDouble`` does, each followed by a blank."""
    return "".join(f"{value:.{places}e} " for value in values)


def to_text(element: Element, depth: int = 0) -> str:
    """Lay an element out as ROOT's ``TXMLEngine`` does, with two blanks for each level.

    Parameters
    ----------
    element : Element
        Elements below it, or text, not both: text stands on a line of its own, as ``AddRawLine`` puts it.
    depth : int
        Number of levels above it.

    Returns
    -------
    str
        Lines that end in newlines.

    Raises
    ------
    InvalidInputError
        If an attribute holds characters that XML cannot.
    """
    lines: list[str] = []
    _add_lines(element, depth, lines)
    return "\n".join([*lines, ""])


def _add_lines(element: Element, depth: int, lines: list[str]) -> None:
    blanks = "  " * depth
    start = blanks + "<" + element.tag + "".join(f' {name}="{escaped(text)}"' for name, text in element.items())
    if not len(element) and element.text is None:
        lines.append(start + "/>")
        return
    lines.append(start + ">")
    if element.text is not None:
        lines.append(f"{blanks}  {element.text}")
    for child in element:
        _add_lines(child, depth + 1, lines)
    lines.append(f"{blanks}</{element.tag}>")


def escaped(text: str) -> str:
    """Return text as it stands in an attribute.

    Raises
    ------
    InvalidInputError
        If it holds characters that XML cannot.
    """
    if found := _UNWRITABLE.search(text):
        msg = f"{text[:60]!r} holds {found[0]!r}, which cannot stand in XML: choose another name"
        raise InvalidInputError(msg)
    for character, escape in _ESCAPES:
        text = text.replace(character, escape)
    return text


class Source:
    """What is read, for messages; every check fails through it.

    Parameters
    ----------
    name : str
        Name of the file and, where known, of the method.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def fail(self, problem: str) -> NoReturn:
        """Raise ModelFormatError."""
        msg = f"{self.name}: its transformations: {problem}"
        raise ModelFormatError(msg)

    def attribute(self, element: Element, name: str) -> str:
        """Return an attribute that must be there."""
        text = element.get(name)
        if text is None:
            self.fail(f"a {element.tag[:40]!r} lacks {name!r}")
        return text

    def count(self, element: Element, name: str) -> int:
        """Return an attribute that is an integer from 0."""
        text = self.attribute(element, name).strip()
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
            self.fail(f"{name} of a {element.tag[:40]!r} is {text[:40]!r}, not a whole number")
        return int(text)

    def number(self, element: Element, name: str) -> float:
        """Return an attribute that is a finite number."""
        text = self.attribute(element, name)
        return float(self._parsed([text], f"{name} of a {element.tag[:40]!r}")[0])

    def numbers(self, element: Element, n_numbers: int) -> NDArray[np.float64]:
        """Return the numbers that an element holds, which must be so many and finite."""
        words = (element.text or "").split()
        if len(words) != n_numbers:
            self.fail(f"a {element.tag[:40]!r} holds {len(words)} numbers, not {n_numbers}")
        return self._parsed(words, f"a number in a {element.tag[:40]!r}")

    def child(self, element: Element, tag: str) -> Element:
        """Return the first element of a name below another."""
        found = element.find(tag)
        if found is None:
            self.fail(f"a {element.tag[:40]!r} holds no {tag!r}")
        return found

    def _parsed(self, words: list[str], what: str) -> NDArray[np.float64]:
        try:
            values = np.array(words, dtype=np.float64)
        except ValueError:
            values = np.full(1, np.nan)
        if not np.isfinite(values).all():
            wrong = next((word for word in words if not _is_finite(word)), "")
            self.fail(f"{what} is {wrong[:40]!r}, not a finite number")
        return values


def _is_finite(word: str) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False
