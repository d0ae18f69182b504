"""The XML of TMVA's weights files as a tree of elements, read without trust: no entities, bounded size and depth."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, TreeBuilder

from hepml.forest.safe_xml import parser_into
from hepml.forest.weights_content import DEEPEST, UNPACKING_ERRORS, content_of, parse_into, refuse, unpacked

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from hepml.forest.tmva_xml import Element as PlainElement

__all__ = ["element_of", "method_in", "parse_document", "read_document"]

_CHUNK = 2**18
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
    return parse_document(content, name), name


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
    parser = parser_into(_FirstElement())
    try:
        parser.Parse(unpacked(content).read(_CHUNK))
    except _RootFound as found:
        return found.method if found.tag == "MethodSetup" else ""
    except UNPACKING_ERRORS:
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


class _Count:
    """Counts elements and depth from what begins and ends them, without a call for each."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._elements = self._depth = 0
        self._last = b""

    def __call__(self, chunk: bytes, total: int) -> None:
        joined, self._last = self._last + chunk, chunk[-1:]
        begun, ended = chunk.count(b"<"), joined.count(b"</")
        self._elements += begun - ended
        self._depth += begun - 2 * ended - sum(map(joined.count, (b"/>", b"<!", b"<?")))
        if self._elements > _ELEMENTS_ALLOWED + total // _BYTES_PER_ELEMENT or self._depth > DEEPEST:
            refuse(self._name, "it has too many elements, or they are nested too deeply")


def parse_document(content: bytes, name: str) -> Element:
    """Parse what a file holds, plain or gzipped; see :func:`read_document`."""
    builder = TreeBuilder()
    parse_into(parser_into(builder), content, name, _Count(name))
    root = builder.close()
    if root.tag != "MethodSetup":
        refuse(name, f"it holds a {root.tag[:40]!r}, not a 'MethodSetup'")
    return root
