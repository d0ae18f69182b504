"""Columns as the evaluator sees them: one value per event, or lists of values with their offsets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from hepml.errors import BranchNotFoundError, ExpressionError, InvalidInputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

__all__ = ["Array", "Value", "load_columns"]

Array: TypeAlias = "NDArray[Any]"


@dataclass(frozen=True, slots=True)
class Value:
    """What a node is worth for all events.

    ``data`` is a constant (0-d), one value per event (n,), or with ``offsets`` (n + 1,) the values of all lists one
    after the other. ``exists`` (n,) is False where ROOT drops the event, because a literal index is out of range; that
    holds for the whole expression. ``defined``, of the shape of ``data``, is False where a computed index is out of
    range, which matters only if ``&& || ?:`` need the value. Both are None if nothing is missing.
    """

    data: Array
    offsets: NDArray[np.int64] | None = None
    exists: NDArray[np.bool_] | None = None
    defined: NDArray[np.bool_] | None = None


def load_columns(
    names: Iterable[str], columns: Mapping[str, Any], n_entries: int | None
) -> tuple[dict[str, Value], int]:
    """Take the named columns and the number of events.

    Parameters
    ----------
    names : iterable of str
        Branches that the expression needs.
    columns : mapping of str to numpy.ndarray or awkward.Array
        Shapes (n,), (n, k) or (n, var); integers, booleans or floats.
    n_entries : int, optional
        Number of events; needed only where ``names`` is empty.

    Returns
    -------
    tuple of dict and int
        Values by name, and the number of events.

    Raises
    ------
    BranchNotFoundError
        If a column is missing.
    ExpressionError
        If a column has a type or shape that an expression cannot use.
    InvalidInputError
        If columns differ in length, or the number of events is not known.
    """
    values = {}
    lengths = {}
    for name in sorted(names):
        if name not in columns:
            known = sorted(columns)
            listed = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
            hint = did_you_mean(name, known) or ";"
            message = f"there is no branch {name!r}{hint} (there are: {listed})"
            raise BranchNotFoundError(message)
        values[name] = _value(name, columns[name])
        lengths[name] = len(columns[name])
    if n_entries is not None:
        lengths["n_entries"] = n_entries
    distinct = set(lengths.values())
    if not distinct:
        message = "a constant expression has one value for all events: pass n_entries to say how many there are"
        raise InvalidInputError(message)
    if len(distinct) > 1:
        described = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        message = f"columns differ in length ({described})"
        raise InvalidInputError(message)
    return values, distinct.pop()


def _value(name: str, column: Any) -> Value:
    if type(column).__module__.partition(".")[0] == "awkward":
        return _from_awkward(name, column)
    array = np.asarray(column)
    if array.dtype.kind not in "biuf":
        raise _unusable(name, f"of type {array.dtype}")
    if array.ndim == 1:
        return Value(array)
    if array.ndim == 2:
        n_events, n_values = array.shape
        return Value(array.reshape(-1), np.arange(n_events + 1, dtype=np.int64) * n_values)
    raise _unusable(name, f"an array of {array.ndim} dimensions")


def _from_awkward(name: str, column: Any) -> Value:
    import awkward as ak

    layout = ak.to_layout(column)
    if layout.is_indexed and not layout.is_option:
        layout = layout.project()
    if layout.is_unknown:
        return Value(np.zeros(0))
    if layout.is_numpy:
        return _value(name, ak.to_numpy(layout))
    if not layout.is_list or layout.parameter("__array__") in {"string", "bytestring"}:
        raise _unusable(name, f"of type {layout.form.type}")
    lists = layout.to_ListOffsetArray64(True)
    offsets = np.asarray(lists.offsets.data)
    content = lists.content[: offsets[-1]]
    if content.is_indexed and not content.is_option:
        content = content.project()
    if content.is_unknown:
        return Value(np.zeros(0), offsets)
    if not content.is_numpy or content.purelist_depth != 1:
        raise _unusable(name, f"of type {layout.form.type}")
    data = np.asarray(content.data)
    if data.dtype.kind not in "biuf":
        raise _unusable(name, f"of type {data.dtype}")
    return Value(data, offsets)


def _unusable(name: str, what: str) -> ExpressionError:
    return ExpressionError(f"branch {name!r} is {what}: expressions take numbers, one or a list of them per event")
