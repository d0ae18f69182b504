"""Integer arithmetic that is exact to 64 bits: ``%``, bit operations, and whole expressions for event identities."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import ExpressionError
from hepml.expressions.columns import Value
from hepml.expressions.reductions import element
from hepml.expressions.syntax import Binary, Branch, Index, Node, Number, Unary, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from hepml.expressions.columns import Array

__all__ = ["bit_operation", "is_integer", "remainder", "run_integer", "same_integers"]

_LOWEST, _HIGHEST_SIGNED, _HIGHEST = -(2**63), 2**63 - 1, 2**64 - 1


def is_integer(data: Array) -> bool:
    """Tell whether an array holds integers or booleans."""
    return data.dtype.kind in "biu"


def same_integers(a: Array, b: Array) -> tuple[Array, Array] | None:
    """Bring two integer arrays to int64 or uint64; None if one is uint64 and the other may be negative.

    Types decide, and values only of constants, so that no event's result depends on which others are evaluated with it.
    """
    if np.uint64 not in (a.dtype, b.dtype):
        return a.astype(np.int64, copy=False), b.astype(np.int64, copy=False)
    if all(x.dtype.kind != "i" or (x.ndim == 0 and x >= 0) for x in (a, b)):
        return a.astype(np.uint64, copy=False), b.astype(np.uint64, copy=False)
    return None


def remainder(a: Array, b: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Compute C's ``%`` with the sign of the dividend, and where it is defined: where the divisor is not zero.

    The result has the dividend's signedness, which can hold it whatever the divisor's.
    """
    a, b = _whole(a), _whole(b)
    defined = np.not_equal(b, 0)
    magnitude = np.fmod(_magnitude(a), np.where(defined, _magnitude(b), np.uint64(1)))
    if a.dtype == np.uint64:
        return np.asarray(magnitude), np.asarray(defined)
    # negative as 64 bits, and the magnitude is below that of an int64
    signed = np.where(a < 0, -magnitude, magnitude).view(np.int64)
    return signed, np.asarray(defined)


def bit_operation(name: str, a: Array, b: Array) -> NDArray[np.uint64]:
    """Apply ``& | << >>`` to 64 bits read as unsigned, as ROOT does; shifts count modulo 64."""
    left, right = _bits(a), _bits(b)
    if name == "&":
        return left & right
    if name == "|":
        return left | right
    shift = right & np.uint64(63)
    return np.asarray(left << shift if name == "<<" else left >> shift)


def run_integer(program: Sequence[tuple[Node, int]], columns: Mapping[str, Value]) -> Array:
    """Evaluate a program in integers only.

    Parameters
    ----------
    program : sequence of (Node, int)
        The tree in post-order.
    columns : mapping of str to Value
        Every branch of the program; integers.

    Returns
    -------
    array of int64 or uint64
        Values per event, or one for all if the expression is constant.

    Raises
    ------
    ExpressionError
        If a node or a branch is not an integer one, a result does not fit 64 bits, or ``%`` divides by 0.
    """
    stack: list[Value] = []
    for node, n_operands in program:
        first = len(stack) - n_operands
        operands = stack[first:]
        del stack[first:]
        stack.append(_step(node, operands, columns))
    data = _plain(stack[0], program[-1][0])
    return data if data.dtype == np.uint64 else data.astype(np.int64, copy=False)


def _step(node: Node, operands: list[Value], columns: Mapping[str, Value]) -> Value:
    match node:
        case Number(value=int(value)):
            return Value(np.asarray(value, np.int64 if value <= _HIGHEST_SIGNED else np.uint64))
        case Branch():
            column = columns[node.name]
            if is_integer(column.data):
                return column
            raise _not_exact(node, f"is of type {column.data.dtype}")
        case Index():
            return element(operands[0], operands[1], node)
        case Unary(operator="-"):
            return Value(_arithmetic("-", np.asarray(0), _plain(operands[0], node.operand), node))
        case Binary(operator="+" | "-" | "*" | "%" | "&" | "|" | "<<" | ">>"):
            a, b = _plain(operands[0], node.left), _plain(operands[1], node.right)
            return Value(_binary(node.operator, a, b, node))
        case _:
            raise _not_exact(node, "is not integer arithmetic")


def _plain(value: Value, node: Node) -> Array:
    if value.offsets is not None:
        raise _not_exact(node, "has several values per event")
    if value.exists is not None or value.defined is not None:
        raise _not_exact(node, "does not exist in every event")
    return value.data


def _binary(name: str, a: Array, b: Array, node: Node) -> Array:
    if name in {"+", "-", "*"}:
        return _arithmetic(name, a, b, node)
    if name == "%":
        result, defined = remainder(a, b)
        if not defined.all():
            raise _not_exact(node, "divides by zero")
        return result
    result = bit_operation(name, a, b)
    if name == "<<" and (np.any(_bits(b) >= 64) or np.any(bit_operation(">>", result, b) != _bits(a))):
        raise _not_exact(node, "shifts bits out of the 64")
    return result


def _arithmetic(name: str, a: Array, b: Array, node: Node) -> Array:
    exact, ufunc = _ARITHMETIC[name]
    corners = [exact(x, y) for x in _bounds(a) for y in _bounds(b)]
    low, high = min(corners), max(corners)
    if low < _LOWEST or high > (_HIGHEST if low >= 0 else _HIGHEST_SIGNED):
        return _by_element(exact, a, b, node)
    # modulo 2^64 the bits are right whatever the signs, and the bounds say that the result fits
    bits = np.asarray(ufunc(_bits(a), _bits(b)))
    return bits.view(np.int64) if high <= _HIGHEST_SIGNED else bits


def _by_element(exact: Callable[[Any, Any], Any], a: Array, b: Array, node: Node) -> Array:
    result = np.asarray(np.frompyfunc(exact, 2, 1)(a.astype(object), b.astype(object)), dtype=object)
    low, high = int(result.min()), int(result.max())
    if low < _LOWEST or high > (_HIGHEST if low >= 0 else _HIGHEST_SIGNED):
        raise _not_exact(node, "does not fit 64 bits")
    return result.astype(np.int64 if high <= _HIGHEST_SIGNED else np.uint64)


def _bounds(data: Array) -> tuple[int, int]:
    return (int(data.min()), int(data.max())) if data.size else (0, 0)


def _whole(data: Array) -> Array:
    if is_integer(data):
        return data
    # what no int64 can hold becomes the lowest, as x86 processors and so ROOT there do
    inside = (data >= -(2.0**63)) & (data < 2.0**63)
    return np.where(inside, data, -(2.0**63)).astype(np.int64)


def _magnitude(data: Array) -> NDArray[np.uint64]:
    bits = data.astype(np.uint64)
    return np.where(data < 0, -bits, bits) if data.dtype.kind == "i" else bits


def _bits(data: Array) -> NDArray[np.uint64]:
    if is_integer(data):
        return data.astype(np.uint64, copy=False)
    whole = np.trunc(data.astype(np.float64, copy=False))
    signed = np.where((whole >= -(2.0**63)) & (whole < 2.0**63), whole, 0.0).astype(np.int64).view(np.uint64)
    large = (whole >= 2.0**63) & (whole < 2.0**64)
    return np.where(large, np.where(large, whole, 0.0).astype(np.uint64), signed)


_ARITHMETIC: dict[str, tuple[Callable[[Any, Any], Any], Any]] = {
    "+": (operator.add, np.add),
    "-": (operator.sub, np.subtract),
    "*": (operator.mul, np.multiply),
}


def _not_exact(node: Node, problem: str) -> ExpressionError:
    rule = "event identities take integer branches and literals, and + - * % & | << >>"
    return ExpressionError(f"'{to_text(node)}' {problem}: {rule}, so that they stay exact to 64 bits")
