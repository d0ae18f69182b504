"""Operations of a translated expression: C++ text of numbers, comparisons and masks, from closed tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.expressions.cpp_functions import CPP_CALLS, CPP_METHODS
from hepml.expressions.syntax import COMPARISONS, Binary, Branch, Call, Node, Reduction, Ternary, Unary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hepml.expressions.columns import Value

__all__ = [
    "CPP_TYPES",
    "NAMESPACE",
    "Term",
    "all_of",
    "common_kind",
    "computed",
    "defined_where",
    "kind_of",
    "literal",
    "sentinel_test",
    "with_operands",
]

NAMESPACE = "hepml_expressions::"
CPP_TYPES = {"b": "bool", "u": f"{NAMESPACE}i64", "i": f"{NAMESPACE}i64", "U": f"{NAMESPACE}u64", "d": "double"}
"""By kind: boolean, unsigned below 64 bits, signed, unsigned of 64 bits, double; a common type depends on them."""

_NS = NAMESPACE
_BOOLEAN_CALLS = {"isnan", "isinf", "isfinite", "IsNaN", "Finite"}


@dataclass(frozen=True, slots=True)
class Term:
    """C++ of a node: a number per entry, or with ``size`` that of element ``k`` of a list."""

    code: str
    kind: str
    size: str | None = None
    exists: str = ""
    defined: str = ""
    needs: frozenset[int] = frozenset()  # statements about element k that come first
    stored: str = ""  # the array that holds a list which was made, and with "_known" added the one of its mask
    constant: Value | None = None

    @property
    def masks(self) -> tuple[str, str]:
        """Conditions under which there is a value."""
        return (self.exists, self.defined)

    @property
    def number(self) -> str:
        """The code as an integer or a double, never a bool, which would fit several overloads."""
        return f"{_NS}wide({self.code})" if self.kind == "b" else self.code

    @property
    def double(self) -> str:
        """The code as a double."""
        return f"static_cast<double>({self.code})"

    @property
    def truth(self) -> str:
        """Whether the value is not zero."""
        return f"{_NS}truth({self.code})"


def computed(node: Node, operands: Sequence[Term]) -> tuple[str, str]:
    """Write an operation on numbers, and the kind of its result."""
    if isinstance(node, Unary):
        return (f"-{operands[0].double}", "d") if node.operator == "-" else (f"!{operands[0].truth}", "b")
    if isinstance(node, Ternary):
        kind = common_kind(operands[1], operands[2])
        then, other = (f"static_cast<{CPP_TYPES[kind]}>({term.code})" for term in operands[1:])
        return f"{operands[0].truth} ? {then} : {other}", kind
    if isinstance(node, Call):
        bare = node.function.rpartition("::")[2]
        arguments = ", ".join(term.double for term in operands)
        name = CPP_METHODS.get(node.function) or CPP_CALLS[node.function]
        return f"{name}({arguments})", "b" if bare in _BOOLEAN_CALLS else "d"
    if not isinstance(node, Binary):
        msg = f"no operation on numbers: {node!r}"
        raise TypeError(msg)
    if node.operator in COMPARISONS:
        return _comparison(node.operator, *operands), "b"
    return _BINARY[node.operator](*operands)


def _same(operator: str, a: Term, b: Term) -> tuple[str, str]:
    return f"{a.double} {operator} {b.double}", "d"


def _bits(operator: str, a: Term, b: Term) -> tuple[str, str]:
    right = f"{_NS}bits({b.number})"
    if operator in {"<<", ">>"}:
        right = f"({right} & 63ULL)"
    return f"{_NS}bits({a.number}) {operator} {right}", "U"


def _rest(a: Term, b: Term) -> tuple[str, str]:
    code = f"{_NS}rest({_NS}whole({a.number}), {_NS}magnitude({_NS}whole({b.number})))"
    return code, "U" if a.kind == "U" else "i"


def _power(a: Term, b: Term) -> tuple[str, str]:
    if b.constant is not None and b.constant.data == 2:
        return f"{_NS}square({a.double})", "d"
    return f"std::pow({a.double}, {b.double})", "d"


_BINARY: dict[str, Callable[[Term, Term], tuple[str, str]]] = {
    "&&": lambda a, b: (f"{a.truth} && {b.truth}", "b"),
    "||": lambda a, b: (f"{a.truth} || {b.truth}", "b"),
    "+": partial(_same, "+"),
    "-": partial(_same, "-"),
    "*": partial(_same, "*"),
    "/": lambda a, b: (f"{_NS}divide({a.double}, {b.double})", "d"),
    "%": _rest,
    "&": partial(_bits, "&"),
    "|": partial(_bits, "|"),
    "<<": partial(_bits, "<<"),
    ">>": partial(_bits, ">>"),
    "^": _power,
}


def _comparison(operator: str, a: Term, b: Term) -> str:
    exact = a.kind != "d" and b.kind != "d"
    x, y = (a.number, b.number) if exact else (a.double, b.double)
    if operator in {"==", "!="}:
        return f"{'!' if operator == '!=' else ''}{_NS}equal({x}, {y})"
    if not exact:  # the negation of the opposite would make a NaN true
        return f"{x} {operator} {y}"
    if operator in {">", "<="}:
        x, y = y, x
    return f"{_NS}less({x}, {y})" if operator in {"<", ">"} else f"!{_NS}less({x}, {y})"


def defined_where(node: Node, operands: Sequence[Term]) -> str:
    """Write where all values are defined that C's lazy ``&& || ?:`` look at, and where ``%`` does not divide by 0."""
    masks = [term.defined for term in operands]
    if isinstance(node, Ternary) or (isinstance(node, Binary) and node.operator in {"&&", "||"}):
        looked_at = [f"!{operands[0].truth}", operands[0].truth]
        if isinstance(node, Binary) and node.operator == "||":
            looked_at.reverse()
        for place, unless in enumerate(looked_at[: len(masks) - 1], start=1):
            masks[place] = masks[place] and f"({masks[place]} || {unless})"
    elif isinstance(node, Binary) and node.operator == "%":
        masks.append(f"{_NS}whole({operands[1].number}) != 0")
    return all_of(masks)


def all_of(masks: Iterable[str]) -> str:
    """Write that all masks hold; an empty one always does."""
    return " && ".join(dict.fromkeys(mask for mask in masks if mask))


def common_kind(a: Term, b: Term) -> str:
    """Choose the type that holds either of two numbers, as ``same_integers`` does."""
    kinds = {a.kind, b.kind}
    if "d" in kinds:
        return "d"
    if "U" not in kinds:
        return "i"
    may_be_negative = any(
        term.kind == "i" and (term.constant is None or bool(np.asarray(term.constant.data) < 0)) for term in (a, b)
    )
    return "d" if may_be_negative else "U"


def kind_of(dtype: np.dtype[Any]) -> str:
    """Return the key of ``CPP_TYPES`` for a NumPy type."""
    if dtype.kind == "u":
        return "U" if dtype.itemsize == 8 else "u"
    return "d" if dtype.kind == "f" else dtype.kind


def literal(value: Any, kind: str) -> str:
    """Write a number."""
    if kind == "d":
        return _double(float(value))
    number = int(value)
    if kind == "U":
        return f"{number}ULL"
    if kind == "b":
        return "true" if number else "false"
    return f"{number}LL" if number > -(2**63) else "(-9223372036854775807LL - 1)"


def _double(value: float) -> str:
    if value != value:  # noqa: PLR0124  (only NaN)
        return f"{_NS}nan()"
    if value in {float("inf"), float("-inf")}:
        return f"{_NS}infinity()" if value > 0 else f"(-{_NS}infinity())"
    return f"({value.hex()})"


def with_operands(node: Node, names: list[Branch]) -> Node:
    """Return the node with other operands."""
    match node:
        case Unary():
            return Unary(node.operator, names[0])
        case Binary():
            return Binary(node.operator, names[0], names[1])
        case Ternary():
            return Ternary(*names)
        case Call():
            return Call(node.function, tuple(names))
        case Reduction():
            return Reduction(node.function, tuple(names))
    return node


def sentinel_test(value: str, dtype: np.dtype[Any], missing: Iterable[float]) -> str:
    """Write the condition that a number is one of some sentinels; floating ones are compared as float32.

    Parameters
    ----------
    value : str
        C++ of the number.
    dtype : numpy.dtype
        Its type.
    missing : iterable of float
        The sentinels.

    Returns
    -------
    str
        A C++ condition.
    """
    floating = dtype.kind == "f"
    number = f"static_cast<float>({value})" if floating else f"static_cast<double>({value})"
    with np.errstate(over="ignore"):
        literals = [_double(float(np.float32(item)) if floating else float(item)) for item in missing]
    return "(" + " || ".join(f"{number} == {literal}" for literal in literals) + ")"
