"""Parse the XML of TMVA's decision trees without trust in it: bounded size and depth, no entities, no recursion."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict

from hepml.forest.safe_xml import parser_into
from hepml.forest.weights_content import DEEPEST, content_of, parse_into, refuse

if TYPE_CHECKING:
    import os
    from xml.etree.ElementTree import Element as ElementOfXml

__all__ = ["DEEPEST_TREE", "Element", "WeightsFile", "parse_weights", "read_weights", "weights_of_element"]

# the root stands in three elements
DEEPEST_TREE = DEEPEST - 4
_MOST_HEADER_ELEMENTS = 20_000
# transformations hold a histogram for each variable and class
_MOST_HEADER_TEXT = 2**25
_MOST_PIECES_OF_TEXT = 2**19
_DEEPEST_HEADER = 10


class Element(TypedDict):
    """An XML element of the header, in plain JSON types."""

    tag: str
    attributes: dict[str, str]
    text: str
    children: list[Any]


@dataclass(slots=True)
class WeightsFile:
    """What stands in a weights file.

    Nodes of all trees stand one after another in the order of the file, a parent before its daughters.

    Parameters
    ----------
    method : str
        Kind and name of the method: ``"BDT::NAME"``.
    header : list of Element
        Everything but the trees.
    weights : dict
        Attributes of the element that holds the trees.
    first_node, boost_weight : array
        First node and weight of each tree.
    left, right : array
        Daughters in the sense of TMVA, as numbers among all nodes; -1 where there is none.
    variable, cut, cut_type, response, rms, purity, node_type : array
        Attributes of each node.
    coefficients : dict of int to tuple of float
        Of nodes with a linear combination of variables: its coefficients, and the constant behind them.
    """

    method: str = ""
    header: list[Element] = field(default_factory=list)
    weights: dict[str, str] = field(default_factory=dict)
    first_node: array[int] = field(default_factory=lambda: array("q"))
    boost_weight: array[float] = field(default_factory=lambda: array("d"))
    left: array[int] = field(default_factory=lambda: array("q"))
    right: array[int] = field(default_factory=lambda: array("q"))
    variable: array[int] = field(default_factory=lambda: array("q"))
    cut: array[float] = field(default_factory=lambda: array("d"))
    cut_type: array[int] = field(default_factory=lambda: array("b"))
    response: array[float] = field(default_factory=lambda: array("d"))
    rms: array[float] = field(default_factory=lambda: array("d"))
    purity: array[float] = field(default_factory=lambda: array("d"))
    node_type: array[int] = field(default_factory=lambda: array("b"))
    coefficients: dict[int, tuple[float, ...]] = field(default_factory=dict)


def read_weights(source: str | bytes | os.PathLike[str]) -> tuple[WeightsFile, str]:
    """Read a weights file.

    Parameters
    ----------
    source : str, bytes or path-like
        Path of a file, plain or gzipped; or its content, which begins with ``<``.

    Returns
    -------
    WeightsFile
        Its content. The structure of the trees is not checked beyond what XML needs: each node has at most two daughters.
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
    return parse_weights(content, name), name


def weights_of_element(weights: ElementOfXml, name: str) -> WeightsFile:
    """Read trees that another method holds, as one that boosts or divides into categories does.

    Parameters
    ----------
    weights : xml.etree.ElementTree.Element
        The ``Weights`` that hold the trees.
    name : str
        What to call the file in messages.

    Returns
    -------
    WeightsFile
        Without a header.

    Raises
    ------
    ModelFormatError
        As :func:`read_weights`.
    """
    builder = _Builder(name)
    builder.start("MethodSetup", {"Method": "BDT"})
    steps: list[tuple[ElementOfXml, bool]] = [(weights, False)]
    while steps:
        element, ends = steps.pop()
        if ends:
            builder.end(element.tag)
            continue
        builder.start(element.tag, dict(element.attrib))
        steps.append((element, True))
        steps.extend((child, False) for child in reversed(element))
    builder.end("MethodSetup")
    return builder.content


def parse_weights(content: bytes, name: str) -> WeightsFile:
    """Parse what a file holds, plain or gzipped; see :func:`read_weights`."""
    builder = _Builder(name)
    parse_into(parser_into(builder), content, name)
    return builder.content


class _Builder:
    """Takes what the XML parser finds, one element after the other."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.content = WeightsFile()
        self._depth = 0
        self._open: list[Element] = []  # header elements that have not ended
        self._nodes: list[int] = []
        self._in_weights = False
        self._n_elements = 0
        self._n_text = 0
        self._n_pieces = 0

    def fail(self, problem: str) -> NoReturn:
        refuse(self.name, problem)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            self.fail(f"its elements are nested deeper than {DEEPEST}")
        if self._depth == 1:
            if tag != "MethodSetup":
                self.fail(f"it holds a {tag[:40]!r}, not a 'MethodSetup'")
            self.content.method = attributes.get("Method", "")
        elif self._in_weights:
            self._start_tree(tag, attributes)
        elif self._depth == 2 and tag == "Weights":
            if self.content.weights:
                self.fail("it has weights twice")
            self._in_weights = True
            self.content.weights = attributes
        else:
            self._start_header(tag, attributes)

    def _start_header(self, tag: str, attributes: dict[str, str]) -> None:
        self._n_elements += 1
        if self._n_elements > _MOST_HEADER_ELEMENTS or self._depth > _DEEPEST_HEADER:
            self.fail(
                f"its header has more than {_MOST_HEADER_ELEMENTS} elements, or is nested deeper than {_DEEPEST_HEADER}"
            )
        self._count_text(sum(map(len, attributes.values())))
        element = Element(tag=tag, attributes=attributes, text="", children=[])
        (self._open[-1]["children"] if self._open else self.content.header).append(element)
        self._open.append(element)

    def _start_tree(self, tag: str, attributes: dict[str, str]) -> None:
        content = self.content
        if self._depth == 3 and tag == "BinaryTree":
            content.first_node.append(len(content.variable))
            content.boost_weight.append(self._number(attributes, "boostWeight"))
        elif self._depth > 3 and tag == "Node":
            self._start_node(attributes)
        else:
            self.fail(f"a {tag[:40]!r} stands among its trees")

    def _start_node(self, attributes: dict[str, str]) -> None:
        content = self.content
        node = len(content.variable)
        if self._nodes:
            side = {"l": content.left, "r": content.right}.get(attributes.get("pos", ""))
            if side is None or side[self._nodes[-1]] >= 0:
                self.fail(
                    f"node {node} is neither the left nor the right daughter of its mother, or there are two of them"
                )
            side[self._nodes[-1]] = node
        elif node != content.first_node[-1]:
            self.fail(f"tree {len(content.first_node) - 1} has two roots")
        content.left.append(-1)
        content.right.append(-1)
        content.variable.append(self._integer(attributes, "IVar"))
        content.cut.append(self._number(attributes, "Cut"))
        content.cut_type.append(1 if self._integer(attributes, "cType") else 0)
        # releases before 4.1 leave some of these out
        content.response.append(self._number(attributes, "res", 0.0))
        content.rms.append(self._number(attributes, "rms", 0.0))
        content.purity.append(self._purity(attributes))
        node_type = self._integer(attributes, "nType")
        if not -99 <= node_type <= 99:
            self.fail(f"node {node} is of type {node_type}")
        content.node_type.append(node_type)
        if count := self._integer(attributes, "NCoef", 0):
            # as many as are there, whatever number is claimed
            if not 1 < count <= len(attributes):
                self.fail(f"node {node} has {count} coefficients")
            content.coefficients[node] = tuple(self._number(attributes, f"fC{index}") for index in range(count))
        self._nodes.append(node)

    def _purity(self, attributes: dict[str, str]) -> float:
        if "purity" in attributes or "nS" not in attributes:
            return self._number(attributes, "purity")
        signal, background = self._number(attributes, "nS"), self._number(attributes, "nB")
        return signal / (signal + background) if signal + background > 0.0 else 0.5

    def _number(self, attributes: dict[str, str], name: str, default: float | None = None) -> float:
        text = attributes.get(name)
        if text is None and default is not None:
            return default
        try:
            return float(text or "")
        except ValueError:
            self.fail(f"{name} is {(text or '')[:40]!r}, not a number")

    def _integer(self, attributes: dict[str, str], name: str, default: int | None = None) -> int:
        text = attributes.get(name)
        if text is None and default is not None:
            return default
        if text is None or not (text.lstrip("-").isdecimal() and text.isascii() and len(text) < 10):
            self.fail(f"{name} is {(text or '')[:40]!r}, not a small integer")
        return int(text)

    def end(self, tag: str) -> None:
        self._depth -= 1
        if self._nodes:
            self._nodes.pop()
        elif self._in_weights:
            self._in_weights = self._depth > 1
            if tag == "BinaryTree" and self.content.first_node[-1] == len(self.content.variable):
                self.fail(f"tree {len(self.content.first_node) - 1} has no node")
        elif self._open:
            self._open.pop()

    def data(self, text: str) -> None:
        if self._open and (kept := text if self._open[-1]["text"] else text.lstrip()):
            self._count_text(len(kept))
            self._open[-1]["text"] += kept

    def _count_text(self, n_characters: int) -> None:
        self._n_text += n_characters
        self._n_pieces += 1
        if self._n_text > _MOST_HEADER_TEXT or self._n_pieces > _MOST_PIECES_OF_TEXT:
            self.fail(
                f"its header has more than {_MOST_HEADER_TEXT} characters, or {_MOST_PIECES_OF_TEXT} pieces of text"
            )
