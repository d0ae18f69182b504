"""A file of columns: sections of plain numbers, a description in JSON, and an end mark with checksums that is written last.

Reading one executes nothing. A file that is cut short, unfinished or changed is refused by name.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import sys
import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from hepml.errors import FileUnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["ALIGNMENT", "Section", "check_sections", "map_section", "pieces", "read_description", "write_description"]

ALIGNMENT = 4096
_PIECE_BYTES = 4_000_000
_DTYPES = {name: np.dtype(name) for name in ("float32", "float64", "int8", "int32", "int64", "uint64")}
_BEGIN = b"hepml columns 1\n" + sys.byteorder.encode()
# offset and length of the description, its SHA-256, a mark
_END = struct.Struct("<QQ32s16s")
_END_MARK = b"hepml columns 1\n"
_LONGEST_DESCRIPTION = 1 << 28


@dataclass(frozen=True, slots=True)
class Section:
    """One or more columns of one type, one after the other.

    Parameters
    ----------
    name : str
        What it holds.
    dtype : str
        Type of the numbers.
    offset : int
        Where it begins, a multiple of :data:`ALIGNMENT`.
    n_columns, n_rows : int
        How many numbers there are.
    crc32 : int
        Checksum of its bytes.
    """

    name: str
    dtype: str
    offset: int
    n_columns: int
    n_rows: int
    crc32: int

    @property
    def n_bytes(self) -> int:
        """Its length."""
        return _DTYPES[self.dtype].itemsize * self.n_columns * self.n_rows


def pieces(descriptor: int, offset: int, n_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield the bytes of a range of an open file in pieces of some MB, each with its place in the range.

    Raises
    ------
    FileUnreadableError
        If the file ends before.
    """
    done = 0
    while done < n_bytes:
        content = os.pread(descriptor, min(_PIECE_BYTES, n_bytes - done), offset + done)
        if not content:
            msg = f"the file ends after {offset + done} bytes"
            raise FileUnreadableError(msg)
        yield done, content
        done += len(content)


def write_description(stream: BinaryIO, sections: list[Section], content: dict[str, Any]) -> None:
    """Write the first bytes, the description after the last section, and the end mark.

    Parameters
    ----------
    stream : binary file
        Open for writing, its sections complete.
    sections : list of Section
        In the order of their offsets.
    content : dict
        Plain JSON types.
    """
    text = json.dumps({"sections": [asdict(section) for section in sections], "content": content}).encode()
    offset = max(ALIGNMENT, *(section.offset + section.n_bytes for section in sections))
    stream.seek(0)
    stream.write(_BEGIN)
    stream.truncate(offset)
    stream.seek(offset)
    stream.write(text)
    stream.flush()
    stream.write(_END.pack(offset, len(text), hashlib.sha256(text).digest(), _END_MARK))
    stream.flush()


def read_description(stream: BinaryIO) -> tuple[dict[str, Section], dict[str, Any]]:
    """Return sections and content of a file.

    Raises
    ------
    FileUnreadableError
        If the file is none of columns, unfinished or damaged. Sections are only looked at by :func:`check_sections`.
    """
    size = os.fstat(stream.fileno()).st_size
    stream.seek(0)
    if stream.read(len(_BEGIN)) != _BEGIN or size < ALIGNMENT + _END.size:
        msg = "its first bytes are not those of such a file"
        raise _damaged(msg)
    stream.seek(size - _END.size)
    offset, length, digest, mark = _END.unpack(stream.read(_END.size))
    if mark != _END_MARK:
        msg = "its end is missing"
        raise _damaged(msg)
    if length > _LONGEST_DESCRIPTION or offset + length + _END.size != size:
        msg = f"it has {size} bytes, not {offset + length + _END.size}"
        raise _damaged(msg)
    stream.seek(offset)
    text = stream.read(length)
    if hashlib.sha256(text).digest() != digest:
        msg = "its description was changed"
        raise _damaged(msg)
    try:
        description = json.loads(text)
        sections = {item["name"]: Section(**item) for item in description["sections"]}
        for section in sections.values():
            _check_place(section, offset)
        content = dict(description["content"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        msg = f"its description cannot be understood: {error!r}"
        raise _damaged(msg) from error
    return sections, content


def _check_place(section: Section, end: int) -> None:
    numbers = (section.offset, section.n_columns, section.n_rows)
    if any(type(number) is not int or number < 0 for number in numbers) or section.offset % ALIGNMENT:
        msg = f"section {section.name}"
        raise ValueError(msg)
    if section.offset < ALIGNMENT or section.offset + section.n_bytes > end:
        msg = f"section {section.name} is outside of the file"
        raise ValueError(msg)


def check_sections(stream: BinaryIO, sections: dict[str, Section]) -> None:
    """Refuse sections whose bytes are not those that were written.

    Raises
    ------
    FileUnreadableError
        Naming the section.
    """
    for section in sections.values():
        found = 0
        for _, content in pieces(stream.fileno(), section.offset, section.n_bytes):
            found = zlib.crc32(content, found)
        if found != section.crc32:
            msg = f"the bytes of {section.name} were changed"
            raise _damaged(msg)


def map_section(stream: BinaryIO, section: Section) -> NDArray[Any]:
    """Map a section read-only.

    Returns
    -------
    numpy.memmap
        Shape (n_rows,), or (n_rows, n_columns) and column-major for several columns or the features. It stays readable when
        the file is closed or deleted.
    """
    dtype = _DTYPES[section.dtype]
    if section.name == "X":
        shape: tuple[int, ...] = (section.n_rows, section.n_columns)
    else:
        shape = (section.n_rows,)
    return np.memmap(stream, dtype=dtype, mode="r", offset=section.offset, shape=shape, order="F")


def _damaged(why: str) -> FileUnreadableError:
    return FileUnreadableError(f"is damaged or unfinished: {why}")
