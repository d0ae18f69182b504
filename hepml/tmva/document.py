"""The XML of TMVA's weights files as a tree of elements, read without trust: no entities, bounded size and depth."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn
from xml.etree.ElementTree import Element, SubElement, TreeBuilder

from hepml.errors import MissingFileError, ModelFormatError
from hepml.forest.safe_xml import XML_ERRORS, parser_into, size_of_next_chunk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hepml.forest.tmva_xml import Element as PlainElement

__all__ = ["TEXT", "content_of", "element_of", "method_in", "parse_document", "read_document"]

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
    content, name = content_of(source)
    return parse_document(io.BytesIO(content), len(content), name), name


def content_of(source: str | bytes | os.PathLike[str]) -> tuple[bytes, str]:
    """Return the bytes of a file, or of a text as they are, and what to call it in messages.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ModelFormatError
        If it cannot be read, or is larger than any that TMVA writes.
    """
    if isinstance(source, bytes):
        return source, TEXT
    if isinstance(source, str) and source.lstrip()[:1] == "<":
        return source.encode("utf-8", "surrogatepass"), TEXT
    name = os.fspath(source)
    try:
        with Path(source).open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except FileNotFoundError as error:
        msg = f"no such file: {name[:1000]}"
        raise MissingFileError(msg) from error
    except (OSError, ValueError) as error:
        msg = f"{name[:1000]} cannot be read: {error}"
        raise ModelFormatError(msg) from error
    if len(content) > _LARGEST:
        _refuse(name, f"it has more than {_LARGEST} bytes")
    return content, name


class _RootFound(Exception):  # noqa: N818  (it is no error)
    def __init__(self, tag: str, method: str) -> None:
        self.tag, self.method = tag, method


class _FirstElement:
    """Stops a parser at the root."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        raise _RootFound(tag, attributes.get("Method", ""))

    def end(self, tag: str) -> None:
        pass

    def data(self, text: str) -> None:
        pass


def method_in(content: bytes) -> str:
    """Return ``KIND::NAME`` of a weights file by its first bytes; empty if there is none."""
    stream = io.BytesIO(content)
    parser = parser_into(_FirstElement())
    try:
        unpacked = gzip.GzipFile(fileobj=stream) if content[:2] == b"\x1f\x8b" else stream
        parser.Parse(unpacked.read(_CHUNK))
    except _RootFound as found:
        return found.method if found.tag == "MethodSetup" else ""
    except (*XML_ERRORS, EOFError, OSError, OverflowError, zlib.error):
        pass
    return ""


def element_of(header: Sequence[PlainElement], method: str, weights: dict[str, str]) -> Element:
    """Return a ``MethodSetup`` of a header in plain types, with weights that hold nothing but their attributes."""
    root = Element("MethodSetup", Method=method)
    steps = deque((root, item) for item in header)
    while steps:
        parent, item = steps.popleft()
        element = SubElement(parent, item["tag"], item["attributes"])
        element.text = item["text"] or None
        steps.extend((element, child) for child in item["children"])
    SubElement(root, "Weights", weights)
    return root


def parse_document(stream: BinaryIO, size: int, name: str) -> Element:
    """Parse what a stream of ``size`` bytes, plain or gzipped, holds; see :func:`read_document`."""
    builder = TreeBuilder()
    parser = parser_into(builder)
    start = stream.read(2)
    stream.seek(0)
    limit = min(_LARGEST, _LARGEST_RATIO * size + _ALWAYS_ALLOWED)
    total = depth_now = n_elements = 0
    last = b""
    try:
        unpacked = gzip.GzipFile(fileobj=stream) if start == b"\x1f\x8b" else stream
        while chunk := unpacked.read(size_of_next_chunk(parser, total)):
            total += len(chunk)
            if total > limit:
                _refuse(name, f"it would unpack to more than {limit} bytes")
            # elements and depth from what begins and ends them, without a call for each
            joined, last = last + chunk, chunk[-1:]
            begun, ended = chunk.count(b"<"), joined.count(b"</")
            n_elements += begun - ended
            depth_now += begun - 2 * ended - sum(map(joined.count, (b"/>", b"<!", b"<?")))
            if n_elements > _ELEMENTS_ALLOWED + total // _BYTES_PER_ELEMENT or depth_now > _DEEPEST:
                _refuse(name, "it has too many elements, or they are nested too deeply")
            parser.Parse(chunk)
        parser.Parse(b"", True)
        root = builder.close()
    except ModelFormatError:
        raise
    except (*XML_ERRORS, EOFError, OSError, OverflowError, zlib.error) as error:
        msg = f"{name} is not XML that TMVA could have written: {error}"
        raise ModelFormatError(msg) from error
    if root.tag != "MethodSetup":
        _refuse(name, f"it holds a {root.tag[:40]!r}, not a 'MethodSetup'")
    return root


def _refuse(name: str, problem: str) -> NoReturn:
    msg = f"{name} is no weights file of TMVA: {problem}"
    raise ModelFormatError(msg)
