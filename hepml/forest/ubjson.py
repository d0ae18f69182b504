"""Parse Universal Binary JSON that nobody vouches for, as XGBoost writes it: bounded depth and memory, one kind of error."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from hepml.errors import ModelFormatError

__all__ = ["parse_ubjson"]

_NUMBERS: dict[bytes, np.dtype[Any]] = {
    b"i": np.dtype(np.int8),
    b"U": np.dtype(np.uint8),
    b"I": np.dtype(">i2"),
    b"l": np.dtype(">i4"),
    b"L": np.dtype(">i8"),
    b"d": np.dtype(">f4"),
    b"D": np.dtype(">f8"),
}
_FORMATS = {b"i": ">b", b"U": ">B", b"I": ">h", b"l": ">i", b"L": ">q", b"d": ">f", b"D": ">d"}
_LENGTHS = {b"i", b"U", b"I", b"l", b"L"}
_CONSTANTS: dict[bytes, Any] = {b"T": True, b"F": False, b"Z": None}
# a model has eight levels
_DEEPEST = 64


def parse_ubjson(content: bytes, name: str) -> dict[str, Any]:
    """Parse a UBJSON object.

    Parameters
    ----------
    content : bytes
        The whole file.
    name : str
        What it is, for the message.

    Returns
    -------
    dict
        The object. Arrays that state one type of number for all are ndarrays, other ones lists.

    Raises
    ------
    ModelFormatError
        If it is not a UBJSON object.
    """
    parser = _Parser(content)
    try:
        document = parser.value(parser.take(1), 0)
    except (ValueError, struct.error) as error:
        msg = f"{name} is not valid UBJSON: {error} (at byte {parser.position} of {len(content)})"
        raise ModelFormatError(msg) from error
    if not isinstance(document, dict):
        msg = f"{name} is not a UBJSON object but a {type(document).__name__}"
        raise ModelFormatError(msg)
    if parser.position != len(content):
        msg = f"{name} goes on for {len(content) - parser.position} bytes behind its end"
        raise ModelFormatError(msg)
    return document


class _Parser:
    """Reads from left to right. Every item takes at least one byte, so that none makes more than the file has."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.position = 0

    def take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self.content):
            msg = f"it ends where {count} more bytes are promised"
            raise ValueError(msg)
        taken = self.content[self.position : end]
        self.position = end
        return taken

    def number(self, marker: bytes) -> Any:
        layout = _FORMATS[marker]
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def length(self) -> int:
        marker = self.take(1)
        if marker not in _LENGTHS:
            msg = f"a length of type {marker!r}"
            raise ValueError(msg)
        count = int(self.number(marker))
        if not 0 <= count <= len(self.content):
            msg = f"a length of {count}"
            raise ValueError(msg)
        return count

    def text(self) -> str:
        return self.take(self.length()).decode("utf-8")

    def value(self, marker: bytes, depth: int) -> Any:
        if marker in _FORMATS:
            return self.number(marker)
        if marker == b"S":
            return self.text()
        if marker == b"C":
            return self.take(1).decode("ascii")
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if depth >= _DEEPEST:
            msg = f"it is nested deeper than {_DEEPEST}"
            raise ValueError(msg)
        if marker == b"{":
            return self.mapping(depth)
        if marker == b"[":
            return self.array(depth)
        msg = f"an item of the unknown type {marker!r}"
        raise ValueError(msg)

    def head(self) -> tuple[bytes | None, int | None]:
        """Read what a container may state first: the type of its items, and their number."""
        kind = count = None
        if self.content[self.position : self.position + 1] == b"$":
            self.take(1)
            kind = self.take(1)
        if self.content[self.position : self.position + 1] == b"#":
            self.take(1)
            count = self.length()
        if kind is not None and (count is None or kind not in _NUMBERS):
            # of items without content, few bytes could promise any number
            msg = f"a container of {count} items of type {kind!r}"
            raise ValueError(msg)
        return kind, count

    def mapping(self, depth: int) -> dict[str, Any]:
        kind, count = self.head()
        result: dict[str, Any] = {}
        n_read = 0
        while n_read != count:
            if count is None and self.content[self.position : self.position + 1] == b"}":
                self.take(1)
                break
            key = self.text()
            if key in result:
                msg = f"the key {key[:100]!r} stands twice"
                raise ValueError(msg)
            result[key] = self.value(kind or self.take(1), depth + 1)
            n_read += 1
        return result

    def array(self, depth: int) -> Any:
        kind, count = self.head()
        if kind is not None and count is not None:
            numbers = _NUMBERS[kind]
            return np.frombuffer(self.take(count * numbers.itemsize), dtype=numbers).astype(numbers.newbyteorder("="))
        items: list[Any] = []
        while len(items) != count:
            marker = self.take(1)
            if count is None and marker == b"]":
                break
            items.append(self.value(marker, depth + 1))
        return items
