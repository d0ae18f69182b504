"""Evaluation of a syntax tree on columns, with TTreeFormula's meaning, in double and in whole arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import ExpressionError
from hepml.expressions.columns import Array, Value
from hepml.expressions.functions import CONSTANTS, FUNCTIONS, Function
from hepml.expressions.integers import bit_operation, is_integer, remainder, same_integers
from hepml.expressions.methods import METHOD_FUNCTIONS
from hepml.expressions.reductions import both, element, reduce_lists
from hepml.expressions.sublists import check_index, select_elements, selects, sort_elements
from hepml.expressions.syntax import (
    Binary,
    Branch,
    Call,
    Index,
    Node,
    Number,
    Reduction,
    Ternary,
    Unary,
    to_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["doubles", "run", "truth"]


def run(program: Sequence[tuple[Node, int]], columns: Mapping[str, Value]) -> Value:
    """Evaluate a program (a tree in post-order) on columns.

    Parameters
    ----------
    program : sequence of (Node, int)
        Nodes after their operands, with the number of operands.
    columns : mapping of str to Value
        Every branch of the program.

    Returns
    -------
    Value
        Value of the root; its dtype is that of the last operation.
    """
    stack: list[Value] = []
    with np.errstate(all="ignore"):
        for node, n_operands in program:
            first = len(stack) - n_operands
            operands = stack[first:]
            del stack[first:]
            stack.append(_step(node, operands, columns))
    return stack[0]


def doubles(data: Array) -> NDArray[np.float64]:
    """Convert to float64, without a copy if it is."""
    return data.astype(np.float64, copy=False)


def truth(data: Array) -> NDArray[np.bool_]:
    """Tell what counts as true in C: everything but zero, so NaN is true."""
    return data if data.dtype.kind == "b" else np.not_equal(data, 0)


@dataclass(frozen=True, slots=True)
class _Aligned:
    """Operands brought to one shape: values per event are repeated for each element of lists."""

    data: list[Array]
    offsets: NDArray[np.int64] | None
    exists: NDArray[np.bool_] | None
    defined: list[NDArray[np.bool_] | None]


def _align(operands: Sequence[Value], node: Node) -> _Aligned:
    offsets = None
    exists = None
    for value in operands:
        exists = both(exists, value.exists)
        if value.offsets is None:
            continue
        if offsets is None:
            offsets = value.offsets
        elif offsets is not value.offsets and not np.array_equal(offsets, value.offsets):
            raise _different_lengths(offsets, value.offsets, node)
    data = [value.data for value in operands]
    defined = [value.defined for value in operands]
    if offsets is not None:
        counts = np.diff(offsets)
        for place, value in enumerate(operands):
            if value.offsets is None and value.data.ndim:
                data[place] = np.repeat(value.data, counts)
                defined[place] = None if value.defined is None else np.repeat(value.defined, counts)
    return _Aligned(data, offsets, exists, defined)


def _step(node: Node, operands: list[Value], columns: Mapping[str, Value]) -> Value:
    match node:
        case Number():
            result = _number(node.value)
        case Branch():
            result = columns[node.name]
        case Index():
            result = _indexed(operands, node)
        case Reduction(function="Alt$"):
            result = _alternative(operands, node)
        case Reduction(function="SortBy$"):
            aligned = _align(operands, node)
            values, _ = np.broadcast_arrays(*aligned.data)
            result = Value(values, None, aligned.exists, aligned.defined[0])
            if aligned.offsets is not None:
                result = sort_elements(aligned.data, aligned.offsets, aligned.exists, aligned.defined)
        case Reduction():
            result = _reduced(operands, node)
        case Binary(operator="%"):
            result = _remainder(operands, node)
        case Unary() | Binary() | Ternary():
            result = _mapped(_OPERATIONS[_symbol(node)], operands, node)
        case Call(arguments=()):
            result = _number(CONSTANTS[node.function])
        case Call():
            function = METHOD_FUNCTIONS.get(node.function) or FUNCTIONS[node.function]
            result = _mapped(_applied(function), operands, node)
    return result


def _indexed(operands: list[Value], node: Index) -> Value:
    values, index = operands
    are_lists = [value.offsets is not None for value in operands]
    check_index(node, values_are_list=are_lists[0])
    by_condition = selects(
        node, values_are_list=are_lists[0], index_is_list=are_lists[1], index_is_boolean=index.data.dtype.kind == "b"
    )
    if not by_condition:
        return element(values, index, node)
    aligned = _align(operands, node)
    assert aligned.offsets is not None  # noqa: S101  (both are lists)
    return select_elements(aligned.data, aligned.offsets, aligned.exists, aligned.defined)


def _number(value: float) -> Value:
    """Build a literal: int64 or uint64 if it is an integer, else float64."""
    if isinstance(value, int):
        return Value(np.asarray(value, dtype=np.int64 if value < 2**63 else np.uint64))
    return Value(np.asarray(value, dtype=np.float64))


def _symbol(node: Unary | Binary | Ternary) -> str:
    if isinstance(node, Ternary):
        return "?:"
    return f"unary {node.operator}" if isinstance(node, Unary) else node.operator


def _mapped(function: Callable[..., Array], operands: list[Value], node: Node) -> Value:
    aligned = _align(operands, node)
    result = function(*aligned.data)
    if aligned.offsets is not None and result.ndim == 0:
        result = np.full(int(aligned.offsets[-1]), result)
    defined = None
    if any(mask is not None for mask in aligned.defined):
        defined = _needed_are_defined(node, aligned)
        if defined is not None:
            result, defined = np.broadcast_arrays(result, defined)
    return Value(result, aligned.offsets, aligned.exists, defined)


def _remainder(operands: list[Value], node: Binary) -> Value:
    aligned = _align(operands, node)
    data, defined = remainder(*aligned.data)
    if aligned.offsets is not None and data.ndim == 0:
        data = np.full(int(aligned.offsets[-1]), data)
    known = both(*aligned.defined)
    if not defined.all():
        known = np.broadcast_to(both(known, defined), data.shape)  # type: ignore[arg-type] # defined is not None
    return Value(data, aligned.offsets, aligned.exists, known)


def _needed_are_defined(node: Node, aligned: _Aligned) -> NDArray[np.bool_] | None:
    """Tell where all values are defined that C's lazy ``&& || ?:`` look at."""
    first, *rest = aligned.defined
    needed: list[Array]
    match node:
        case Binary(operator="&&"):
            needed = [truth(aligned.data[0])]
        case Binary(operator="||"):
            needed = [~truth(aligned.data[0])]
        case Ternary():
            needed = [truth(aligned.data[0]), ~truth(aligned.data[0])]
        case _:
            needed = [np.asarray(True) for _ in rest]
    for mask, looked_at in zip(rest, needed, strict=True):
        first = both(first, None if mask is None else mask | ~looked_at)
    return first


def _reduced(operands: list[Value], node: Reduction) -> Value:
    aligned = _align(operands, node)
    data = [
        values if mask is None else np.where(mask, values, np.nan)
        for values, mask in zip(aligned.data, aligned.defined, strict=True)
    ]
    return reduce_lists(node.function, data, aligned.offsets, aligned.exists)


def _applied(function: Function) -> Callable[..., Array]:
    def apply(*arguments: Array) -> Array:
        if function.keeps_float32 and all(x.dtype == np.float32 for x in arguments):
            return np.asarray(function.apply(*arguments))
        return np.asarray(function.apply(*map(doubles, arguments)))

    return apply


def _negative(x: Array) -> Array:
    return np.asarray(np.negative(x, dtype=np.float64))


def _power(a: Array, b: Array) -> Array:
    if b.ndim == 0 and b == 2:
        return np.asarray(np.square(a, dtype=np.float64))
    return np.asarray(np.power(a, b, dtype=np.float64))


def _compare(compare: Any, a: Array, b: Array) -> Array:
    # integers are compared as integers; everything else as doubles, never float32 with a rounded literal
    if a.dtype == np.float32 and b.ndim == 0 and b.astype(np.float32) == b:
        b = b.astype(np.float32)  # such as 2.5 or 20: nothing is rounded, and half the memory is read
    exact = (is_integer(a) and is_integer(b)) or a.dtype == b.dtype
    return np.asarray(compare(a, b) if exact else compare(a, b, signature="dd->?"))


def _divide(a: Array, b: Array) -> Array:
    ratio = np.asarray(np.divide(a, b, dtype=np.float64))
    by_zero = np.equal(b, 0)
    # TTreeFormula's rule: what is divided by zero is zero
    return np.where(by_zero, 0.0, ratio) if by_zero.any() else ratio


def _choose(condition: Array, then: Array, other: Array) -> Array:
    if is_integer(then) and is_integer(other):
        same = same_integers(then, other)
        if same is not None:
            return np.where(truth(condition), *same)
    return np.where(truth(condition), doubles(then), doubles(other))


def _alternative(operands: list[Value], node: Reduction) -> Value:
    primary, other = operands
    if primary.offsets is not None or other.offsets is not None:
        whole = to_text(node.arguments[0 if primary.offsets is not None else 1])
        message = f"Alt$ takes one value per event, and {whole!r} is a whole list: write 'Alt$({whole}[0], ...)'"
        raise ExpressionError(message)
    if primary.exists is None:
        return primary
    exists = None if other.exists is None else primary.exists | other.exists
    data = _choose(primary.exists, primary.data, other.data)
    masks = [np.asarray(True) if value.defined is None else value.defined for value in operands]
    defined = np.where(primary.exists, *masks)
    return Value(data, None, exists, None if defined.all() else defined)


def _different_lengths(a: NDArray[np.int64], b: NDArray[np.int64], node: Node) -> ExpressionError:
    first, second = np.diff(a), np.diff(b)
    entry = int(np.argmax(first != second))
    sizes = f"{first[entry]} and {second[entry]} values in one event"
    message = f"'{to_text(node)}' combines lists of different lengths ({sizes}): reduce one of them first"
    return ExpressionError(message)


def _arithmetic(ufunc: Any) -> Callable[..., Array]:
    return lambda a, b: np.asarray(ufunc(a, b, dtype=np.float64))


def _comparison(ufunc: Any) -> Callable[..., Array]:
    return lambda a, b: _compare(ufunc, a, b)


def _bits(name: str) -> Callable[..., Array]:
    return lambda a, b: bit_operation(name, a, b)


_OPERATIONS: dict[str, Callable[..., Array]] = {
    "+": _arithmetic(np.add),
    "-": _arithmetic(np.subtract),
    "*": _arithmetic(np.multiply),
    "/": _divide,
    "^": _power,
    "&": _bits("&"),
    "|": _bits("|"),
    "<<": _bits("<<"),
    ">>": _bits(">>"),
    "<": _comparison(np.less),
    ">": _comparison(np.greater),
    "<=": _comparison(np.less_equal),
    ">=": _comparison(np.greater_equal),
    "==": _comparison(np.equal),
    "!=": _comparison(np.not_equal),
    "&&": lambda a, b: truth(a) & truth(b),
    "||": lambda a, b: truth(a) | truth(b),
    "unary -": _negative,
    "unary !": lambda x: np.logical_not(truth(x)),
    "?:": _choose,
}
