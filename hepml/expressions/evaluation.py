"""Evaluation of a syntax tree on columns, with TTreeFormula's meaning, in double and in whole arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from hepml.errors import ExpressionError
from hepml.expressions.columns import Array, Value
from hepml.expressions.functions import CONSTANTS, FUNCTIONS
from hepml.expressions.integers import bit_operation, is_integer, remainder, same_integers
from hepml.expressions.reductions import element, reduce_lists
from hepml.expressions.syntax import (
    COMPARISONS,
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

__all__ = ["align", "doubles", "number", "run", "truth"]

_COMPARE: dict[str, Any] = {
    "<": np.less,
    ">": np.greater,
    "<=": np.less_equal,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
_ARITHMETIC: dict[str, Any] = {"+": np.add, "-": np.subtract, "*": np.multiply, "^": np.power}


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


def number(value: float) -> Value:
    """Build the value of a literal: int64 or uint64 if it is an integer, else float64."""
    if isinstance(value, int):
        return Value(np.asarray(value, dtype=np.int64 if value < 2**63 else np.uint64))
    return Value(np.asarray(value, dtype=np.float64))


def align(
    operands: Sequence[Value], node: Node
) -> tuple[list[Array], NDArray[np.int64] | None, NDArray[np.bool_] | None]:
    """Bring operands to one shape: values per event are repeated for each element of lists.

    Raises
    ------
    ExpressionError
        If lists of different lengths meet.
    """
    offsets = None
    exists = None
    for value in operands:
        exists = both_exist(exists, value.exists)
        if value.offsets is None:
            continue
        if offsets is None:
            offsets = value.offsets
        elif offsets is not value.offsets and not np.array_equal(offsets, value.offsets):
            raise _different_lengths(offsets, value.offsets, node)
    if offsets is None:
        return [value.data for value in operands], None, exists
    counts = np.diff(offsets)
    data = [
        value.data if value.offsets is not None or value.data.ndim == 0 else np.repeat(value.data, counts)
        for value in operands
    ]
    return data, offsets, exists


def both_exist(a: NDArray[np.bool_] | None, b: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    """Combine two existence masks, None meaning that all events have a value."""
    if a is None or b is None:
        return b if a is None else a
    return a & b


def _step(node: Node, operands: list[Value], columns: Mapping[str, Value]) -> Value:
    match node:
        case Number():
            return number(node.value)
        case Branch():
            return columns[node.name]
        case Index():
            return element(operands[0], operands[1], node)
        case Reduction(function="Alt$"):
            return _alternative(operands, node)
        case Reduction():
            data, offsets, exists = align(operands, node)
            return reduce_lists(node.function, data, offsets, exists)
        case Unary():
            return _mapped(lambda x: _unary(node.operator, x), operands, node)
        case Binary():
            return _mapped(lambda a, b: _binary(node.operator, a, b), operands, node)
        case Ternary():
            return _mapped(_choose, operands, node)
        case Call():
            if node.function in CONSTANTS:
                return number(CONSTANTS[node.function])
            function = FUNCTIONS[node.function].apply
            return _mapped(lambda *x: np.asarray(function(*map(doubles, x))), operands, node)


def _mapped(function: Callable[..., Array], operands: list[Value], node: Node) -> Value:
    data, offsets, exists = align(operands, node)
    result = function(*data)
    if offsets is not None and result.ndim == 0:
        result = np.full(int(offsets[-1]), result)
    return Value(result, offsets, exists)


def _unary(operator: str, x: Array) -> Array:
    return np.logical_not(truth(x)) if operator == "!" else np.asarray(np.negative(x, dtype=np.float64))


def _binary(operator: str, a: Array, b: Array) -> Array:
    if operator in COMPARISONS:
        return _compare(_COMPARE[operator], a, b)
    if operator == "&&":
        return cast("Array", truth(a) & truth(b))
    if operator == "||":
        return cast("Array", truth(a) | truth(b))
    if operator == "/":
        return _divide(a, b)
    if operator == "%":
        return remainder(a, b)
    if operator in {"&", "|", "<<", ">>"}:
        return bit_operation(operator, a, b)
    if operator == "^" and b.ndim == 0 and b == 2:
        return np.asarray(np.square(a, dtype=np.float64))
    return np.asarray(_ARITHMETIC[operator](a, b, dtype=np.float64))


def _compare(compare: Any, a: Array, b: Array) -> Array:
    # integers are compared as integers; everything else as doubles, never float32 with a rounded literal
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
    return Value(_choose(primary.exists, primary.data, other.data), None, exists)


def _different_lengths(a: NDArray[np.int64], b: NDArray[np.int64], node: Node) -> ExpressionError:
    first, second = np.diff(a), np.diff(b)
    entry = int(np.argmax(first != second))
    sizes = f"{first[entry]} and {second[entry]} values in entry {entry}"
    message = f"'{to_text(node)}' combines lists of different lengths ({sizes}); reduce one of them first"
    return ExpressionError(message)
