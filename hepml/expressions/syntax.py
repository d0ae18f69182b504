"""The syntax tree of an expression: immutable nodes, walking them, and printing them back to text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "COMPARISONS",
    "COMPARISON_LEVEL",
    "METHODS_OF",
    "MINUS_OPERAND_LEVEL",
    "NOT_LEVEL",
    "OPERATORS",
    "Binary",
    "Branch",
    "Call",
    "Index",
    "Node",
    "Number",
    "Reduction",
    "Ternary",
    "Unary",
    "is_condition",
    "postorder",
    "to_text",
]

COMPARISONS = ("<", ">", "<=", ">=", "==", "!=")

OPERATORS: dict[str, tuple[int, bool]] = {
    "||": (2, False),
    "&&": (3, False),
    "|": (4, False),
    "&": (5, False),
    **dict.fromkeys(COMPARISONS, (6, False)),
    "+": (7, False),
    "-": (8, False),
    "%": (9, True),
    ">>": (10, True),
    "<<": (11, True),
    "*": (12, True),
    "/": (13, False),
    "^": (14, False),
}
"""Binary operators: binding strength (larger binds tighter) and whether a chain groups from the right.

This is the order in which ROOT's ``TFormula_v5.cxx`` (``TFormula::Analyze``) splits an expression.
"""

COMPARISON_LEVEL = 6
MINUS_OPERAND_LEVEL = 9
"""A leading minus takes everything that binds tighter than a binary minus: ``-x^2`` is ``-(x^2)``."""
NOT_LEVEL = 15

METHODS_OF = "TLorentzVector::"
"""Begins the names of functions that are methods of an object."""


class _Printable:
    __slots__ = ()

    def to_text(self) -> str:
        """Print the tree below this node so that parsing the text gives the same tree."""
        return to_text(cast("Node", self))


@dataclass(frozen=True, slots=True)
class Number(_Printable):
    """A literal; integers up to 2^64 - 1 stay integers."""

    value: int | float


@dataclass(frozen=True, slots=True)
class Branch(_Printable):
    """A column: one value per event, or a list of values."""

    name: str


@dataclass(frozen=True, slots=True)
class Index(_Printable):
    """One element of a list, or with a list as index several: those at its places, or those that pass its condition."""

    values: Node
    index: Node


@dataclass(frozen=True, slots=True)
class Unary(_Printable):
    """``-operand`` or ``!operand``."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary(_Printable):
    """``left operator right``."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Ternary(_Printable):
    """``condition ? then : other``."""

    condition: Node
    then: Node
    other: Node


@dataclass(frozen=True, slots=True)
class Call(_Printable):
    """A function of numbers, value by value."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Reduction(_Printable):
    """One of the ``$`` functions, which look at all values of an event at once; all but ``SortBy$`` give one value."""

    function: str
    arguments: tuple[Node, ...]


Node: TypeAlias = Number | Branch | Index | Unary | Binary | Ternary | Call | Reduction


_CONDITIONS = frozenset({"isnan", "isinf", "isfinite", "IsNaN", "Finite"})


def is_condition(root: Node) -> bool:
    """Tell whether an expression is written as a condition, so that it can be nothing but true or false.

    Comparisons, ``&&``, ``||``, ``!`` and the likes of ``isnan`` are, and ``&`` and ``|`` of such.
    """
    stack = [root]
    while stack:
        match node := stack.pop():
            case Binary(operator="&" | "|"):
                stack += [node.left, node.right]
            case Binary():
                if node.operator not in COMPARISONS and node.operator not in {"&&", "||"}:
                    return False
            case Unary(operator="!"):
                pass
            case Call():
                if node.function.rpartition("::")[2] not in _CONDITIONS:
                    return False
            case _:
                return False
    return True


def children(node: Node) -> tuple[Node, ...]:
    """Return the operands of a node, from left to right."""
    match node:
        case Number() | Branch():
            return ()
        case Index():
            return (node.values, node.index)
        case Unary():
            return (node.operand,)
        case Binary():
            return (node.left, node.right)
        case Ternary():
            return (node.condition, node.then, node.other)
        case Call() | Reduction():
            return node.arguments


def postorder(root: Node) -> Iterator[tuple[Node, int]]:
    """Yield every node after its operands, with the number of operands; no recursion, whatever the shape."""
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, expanded = stack.pop()
        below = children(node)
        if expanded or not below:
            yield node, len(below)
        else:
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(below))


def to_text(root: Node) -> str:
    """Print a tree so that parsing the text gives the same tree."""
    texts: list[tuple[str, Node]] = []
    for node, n_operands in postorder(root):
        operands = texts[len(texts) - n_operands :]
        del texts[len(texts) - n_operands :]
        texts.append((_print(node, operands), node))
    return texts[0][0]


def _print(node: Node, operands: list[tuple[str, Node]]) -> str:
    match node:
        case Number():
            text = repr(node.value)
        case Branch():
            text = node.name
        case Index():
            text = f"{operands[0][0]}[{operands[1][0]}]"
        case Unary():
            level = MINUS_OPERAND_LEVEL if node.operator == "-" else NOT_LEVEL
            text = node.operator + _enclosed(operands[0], level)
        case Binary():
            level, from_right = OPERATORS[node.operator]
            # a comparison never stands bare inside another one
            left = level + (from_right or level == COMPARISON_LEVEL)
            right = level + (not from_right)
            text = f"{_enclosed(operands[0], left)} {node.operator} {_enclosed(operands[1], right, node.operator)}"
        case Ternary():
            condition = _enclosed(operands[0], 2)
            text = f"{condition} ? {operands[1][0]} : {operands[2][0]}"
        case Call(arguments=(first, *_)) if node.function.startswith(METHODS_OF):
            text = _print_method(node.function, first, operands[0][0])
        case Call() | Reduction():
            text = f"{node.function}({', '.join(text for text, _ in operands)})"
    return text


def _print_method(function: str, first: Node, text: str) -> str:
    """Print ``p4.Pt()[0]`` for a function of ``p4.fP.fX[0]`` and others."""
    while isinstance(first, Index):
        first = first.values
    member = first.name if isinstance(first, Branch) else ""
    return f"{member.removesuffix('.fP.fX')}.{function.removeprefix(METHODS_OF)}(){text[len(member) :]}"


def _enclosed(operand: tuple[str, Node], level: int, parent: str = "") -> str:
    text, node = operand
    match node:
        case Ternary():
            bare = False
        case Binary(operator="<<" | ">>") if node.operator != parent:
            bare = False  # the parser refuses some shifts beside comparisons
        case Binary():
            bare = OPERATORS[node.operator][0] >= level
        case Unary(operator="-"):
            bare = level < MINUS_OPERAND_LEVEL
        case _:
            bare = True
    return text if bare else f"({text})"
