"""Declared options of a classifier: names, types and ranges, checked before a library sees them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from hepml.errors import InvalidInputError, UnknownNameError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Choice", "Flag", "Integer", "Names", "Nested", "Number", "Parameter", "Text", "check_names", "check_values"]


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number within limits.

    Parameters
    ----------
    low, high : int
        Smallest and largest value allowed.
    optional : bool
        Whether None is allowed.
    """

    low: int
    high: int = 2**31 - 1
    optional: bool = False

    def problem(self, value: object) -> str | None:
        """Return what is wrong with a value, or None."""
        if value is None and self.optional:
            return None
        if not isinstance(value, bool) and isinstance(value, Integral) and self.low <= int(value) <= self.high:
            return None
        upper = "" if self.high == 2**31 - 1 else f" and <= {self.high}"
        return f"must be a whole number >= {self.low}{upper}{' or None' if self.optional else ''}"


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number within limits.

    Parameters
    ----------
    low, high : float
        Limits; they belong to the range unless ``above`` is set.
    above : bool
        Whether the value must be larger than ``low``, not equal to it.
    optional : bool
        Whether None is allowed.
    """

    low: float
    high: float = math.inf
    above: bool = False
    optional: bool = False

    def problem(self, value: object) -> str | None:
        """Return what is wrong with a value, or None."""
        if value is None and self.optional:
            return None
        if not isinstance(value, bool) and isinstance(value, Real):
            number = float(value)
            if math.isfinite(number) and self.low <= number <= self.high and not (self.above and number == self.low):
                return None
        upper = "" if math.isinf(self.high) else f" and <= {self.high:g}"
        lower = f"{'>' if self.above else '>='} {self.low:g}"
        return f"must be a number {lower}{upper}{' or None' if self.optional else ''}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several words.

    Parameters
    ----------
    values : tuple of str
        The words allowed.
    """

    values: tuple[str, ...]

    def problem(self, value: object) -> str | None:
        """Return what is wrong with a value, or None."""
        if isinstance(value, str) and value in self.values:
            return None
        hint = did_you_mean(value, self.values) if isinstance(value, str) else ""
        return f"must be one of {', '.join(self.values)}{hint}"


@dataclass(frozen=True, slots=True)
class Flag:
    """True or False."""

    def problem(self, value: object) -> str | None:
        """Return what is wrong with a value, or None."""
        return None if isinstance(value, bool) else "must be true or false"


@dataclass(frozen=True, slots=True)
class Text:
    """Any text."""

    def problem(self, value: object) -> str | None:
        """Return what is wrong with a value, or None."""
        return None if isinstance(value, str) else "must be a text"


@dataclass(frozen=True, slots=True)
class Nested:
    """A mapping of names to values, which the kind itself checks; None for an empty one."""

    def problem(self, value: object) -> str | None:
        """Return what is wrong with a value, or None."""
        if value is None or (isinstance(value, dict) and all(isinstance(name, str) for name in value)):
            return None
        return "must be a mapping of names to values"


@dataclass(frozen=True, slots=True)
class Names:
    """Names of columns, a list or tuple of them; none by default."""

    def problem(self, value: object) -> str | None:
        """Return what is wrong with a value, or None."""
        names = value if isinstance(value, (list, tuple)) else ()
        if isinstance(value, (list, tuple)) and all(isinstance(name, str) and name for name in names):
            if len(set(names)) == len(names):
                return None
            return "names a column twice"
        return "must be a list of names"


Parameter = Integer | Number | Choice | Flag | Names | Nested | Text


def check_names(kind: str, names: Iterable[object], known: Iterable[str], where: str = "") -> None:
    """Raise :class:`~hepml.errors.UnknownNameError` for the first name that is no option of the kind.

    Parameters
    ----------
    kind : str
        Kind of classifier, for the message.
    names : iterable
        What was given.
    known : iterable of str
        What exists.
    where : str
        Path of the options in the analysis file, e.g. ``"methods.bdt"``.
    """
    allowed = sorted(known)
    for name in names:
        if name not in allowed:
            path = f"{where}.{name}" if where else repr(name)
            hint = did_you_mean(str(name), allowed) or ";"
            msg = f"{path}: no such option of classifier kind {kind!r}{hint} (known: {', '.join(allowed)})"
            raise UnknownNameError(msg)


def check_values(kind: str, values: Mapping[str, Any], declared: Mapping[str, Parameter], where: str = "") -> None:
    """Raise :class:`~hepml.errors.InvalidInputError` for the first value of a wrong type or out of range."""
    for name, value in values.items():
        problem = declared[name].problem(value)
        if problem is not None:
            path = f"{where}.{name}" if where else f"{kind}: {name}"
            msg = f"{path}: {problem}, not {value!r}"
            raise InvalidInputError(msg)
