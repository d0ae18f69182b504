"""Sizes in bytes, as people write them: ``100 MB``, ``1.5 GiB``."""

from __future__ import annotations

import math
import re

from hepml.errors import InvalidInputError, unknown_name

__all__ = ["parse_size"]

_UNITS = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_BY_FOLDED = {name.casefold(): factor for name, factor in _UNITS.items()}
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([A-Za-z]*)\s*", flags=re.ASCII)
# more than any file system holds, and far from what 64 bits hold
_LARGEST = 2**60


def parse_size(size: int | str, what: str = "size") -> int:
    """Return a number of bytes.

    Parameters
    ----------
    size : int or str
        Bytes, or a number with a unit: B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB (powers of 1024), in any case.
    what : str
        What the size is of, for the message.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    UnknownNameError
        If the unit is not known; near misses are named.
    InvalidInputError
        If it is no size, or not between one byte and 2^60.

    Examples
    --------
    >>> parse_size("100 MB")
    100000000
    """
    if isinstance(size, bool) or not isinstance(size, (int, str)):
        msg = f"{what} is {size!r}; it must be a number of bytes, or text such as '100 MB'"
        raise InvalidInputError(msg)
    n_bytes: float = size if isinstance(size, int) else _parse(size, what)
    if not 1 <= n_bytes <= _LARGEST:
        msg = f"{what} is {size!r}; it must be between one byte and 2^60 bytes"
        raise InvalidInputError(msg)
    return math.floor(n_bytes)


def _parse(text: str, what: str) -> float:
    match = _SIZE.fullmatch(text)
    if match is None:
        msg = f"{what} is {text!r}; it must be a number of bytes, or text such as '100 MB'"
        raise InvalidInputError(msg)
    number, unit = match.groups()
    factor = _BY_FOLDED.get(unit.casefold() or "b")
    if factor is None:
        kind = f"unit of {what}"
        raise unknown_name(kind, unit, _UNITS)
    return int(number) * factor if number.isdigit() else float(number) * factor
