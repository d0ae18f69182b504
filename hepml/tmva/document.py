"""The XML of TMVA's weights files as a tree of elements, read without trust: no entities, bounded size and depth."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from xml.etree.ElementTree import ParseError

from hepml.errors import MissingFileError, ModelFormatError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["TEXT", "parse_document", "read_document"]

# what content is called that has no file
TEXT = "the weights.xml"
_CHUNK = 2**18
_LARGEST = 2**29
# numbers of 17 digits shrink by 5 to 12; a short file that unpacks to much more is an attack
_LARGEST_RATIO = 60
_ALWAYS_ALLOWED = 2**21
_DEEPEST = 1000
# an element costs some hundred bytes in memory: a file may hold many of them only if it is long
_BYTES_PER_ELEMENT = 8
_ELEMENTS_ALLOWED = 100_000


def read_document(source: str | bytes | os.PathLike[str]) -> tuple[Element, str]:
    """Read a weights file into a tree of elements.

    Parameters
    ----------
    source : str, bytes or path-like
        Path of a file, plain or gzipped; or its content, which begins with ``<``.

    Returns
    -------
    Element
        Its root, a ``MethodSetup``.
    str
        What to call it in messages.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ModelFormatError
        If it is no weights file, is damaged, or is larger or deeper than any that TMVA writes.
    """
    if isinstance(source, bytes) or (isinstance(source, str) and source.lstrip()[:1] == "<"):
        content = source if isinstance(source, bytes) else source.encode("utf-8", "surrogatepass")
        return parse_document(io.BytesIO(content), len(content), TEXT), TEXT
    name = os.fspath(source)
    try:
        with Path(source).open("rb") as stream:
            return parse_document(stream, os.fstat(stream.fileno()).st_size, name), name
    except FileNotFoundError as error:
        msg = f"no such file: {name[:1000]}"
        raise MissingFileError(msg) from error
    except (OSError, ValueError) as error:
        if isinstance(error, ModelFormatError):
            raise
        msg = f"{name[:1000]} cannot be read: {error}"
        raise ModelFormatError(msg) from error


def parse_document(stream: BinaryIO, size: int, name: str) -> Element:
    """Parse what a stream of ``size`` bytes, plain or gzipped, holds; see :func:`read_document`."""
    from defusedxml.ElementTree import DefusedXMLParser

    parser = DefusedXMLParser(forbid_dtd=True)
    start = stream.read(2)
    stream.seek(0)
    limit = min(_LARGEST, _LARGEST_RATIO * size + _ALWAYS_ALLOWED)
    total = depth_now = n_elements = 0
    last = b""
    try:
        unpacked = gzip.GzipFile(fileobj=stream) if start == b"\x1f\x8b" else stream
        while chunk := unpacked.read(_CHUNK):
            total += len(chunk)
            if total > limit:
                msg = f"{name} is no weights file of TMVA: it would unpack to more than {limit} bytes"
                raise ModelFormatError(msg)
            # elements and depth from what begins and ends them, without a call for each
            joined, last = last + chunk, chunk[-1:]
            begun, ended = chunk.count(b"<"), joined.count(b"</")
            n_elements += begun - ended
            depth_now += begun - 2 * ended - sum(map(joined.count, (b"/>", b"<!", b"<?")))
            if n_elements > _ELEMENTS_ALLOWED + total // _BYTES_PER_ELEMENT or depth_now > _DEEPEST:
                msg = f"{name} is no weights file of TMVA: it has too many elements, or they are nested too deeply"
                raise ModelFormatError(msg)
            parser.feed(chunk)
        root: Element = parser.close()
    except ModelFormatError:
        raise
    except (ParseError, ValueError, LookupError, EOFError, OSError, OverflowError, zlib.error) as error:
        # refused DTDs and entities are ValueErrors
        msg = f"{name} is not XML that TMVA could have written: {error}"
        raise ModelFormatError(msg) from error
    if root.tag != "MethodSetup":
        msg = f"{name} is no weights file of TMVA: it holds a {root.tag[:40]!r}, not a 'MethodSetup'"
        raise ModelFormatError(msg)
    return root
