"""Lists made of lists: the elements that pass a condition, ``jet_pt[jet_eta < 2]``, and ``SortBy$(values, key)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import ExpressionError
from hepml.expressions.columns import Array, Value
from hepml.expressions.syntax import Index, is_condition, to_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["check_index", "select_elements", "selects", "sort_elements"]


def selects(node: Index, *, values_are_list: bool, index_is_list: bool, index_is_boolean: bool) -> bool:
    """Tell whether an index is a condition on each element, rather than the number of one.

    Parameters
    ----------
    node : Index
        The values and their index.
    values_are_list, index_is_list : bool
        Whether there are several per event.
    index_is_boolean : bool
        Whether the index holds booleans.

    Returns
    -------
    bool
        True if it is written as a condition and has a value for each element. A condition with one value per event is
        a number, 0 or 1, as in ROOT.

    Raises
    ------
    ExpressionError
        If a list of conditions meets one value per event, or if only the type of a branch makes the index a condition:
        the same text must mean the same whatever the types.
    """
    if not index_is_list:
        return False
    if is_condition(node.index):
        if not values_are_list:
            message = (
                f"'{to_text(node)}' selects from one value per event by a condition that has several: "
                f"'{to_text(node.values)}' is no list"
            )
            raise ExpressionError(message)
        return True
    if index_is_boolean:
        index = to_text(node.index)
        message = f"{index!r} holds booleans, not places: to select by it write '{to_text(node.values)}[{index} != 0]'"
        raise ExpressionError(message)
    return False


def check_index(node: Index, *, values_are_list: bool) -> None:
    """Refuse a further index where the one before has left one value per event.

    Raises
    ------
    ExpressionError
        If the values are an element already.
    """
    if isinstance(node.values, Index) and not values_are_list:
        message = (
            f"'{to_text(node.values)}' is one value per event, because '{to_text(node.values.index)}' is: it is the number "
            f"of an element, 0 or 1, and '{to_text(node)}' has an index too many. Use '? :' to ask about the event"
        )
        raise ExpressionError(message)


def select_elements(
    data: list[Array], offsets: NDArray[np.int64], exists: NDArray[np.bool_] | None, defined: list[Array | None]
) -> Value:
    """Keep the elements whose condition is true.

    Parameters
    ----------
    data : list of two arrays
        Elements and conditions, both of lists with these ``offsets``.
    offsets : ndarray of int64, shape (n_events + 1,)
        Ends of the lists.
    exists : ndarray of bool, shape (n_events,), optional
        Events that have values at all.
    defined : list of two arrays, optional
        Where elements and conditions have values. An element of unknown condition is kept, as one without a value.

    Returns
    -------
    Value
        Shorter lists.
    """
    values, condition = np.broadcast_arrays(data[0], data[1] != 0)
    unknown = None if defined[1] is None else ~defined[1]
    kept = condition if unknown is None else condition | unknown
    passed = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])
    known = defined[0]
    if unknown is not None:
        known = ~unknown if known is None else known & ~unknown
    return Value(values[kept], passed[offsets], exists, None if known is None else known[kept])


def sort_elements(
    data: list[Array], offsets: NDArray[np.int64], exists: NDArray[np.bool_] | None, defined: list[Array | None]
) -> Value:
    """Sort each list by falling keys; equal keys keep their order, and NaN comes last.

    Parameters
    ----------
    data : list of two arrays
        Elements and keys, both of lists with these ``offsets``.
    offsets : ndarray of int64, shape (n_events + 1,)
        Ends of the lists.
    exists : ndarray of bool, shape (n_events,), optional
        Events that have values at all.
    defined : list of two arrays, optional
        Where elements and keys have values. A key without a value counts as NaN.

    Returns
    -------
    Value
        Lists of the same lengths.
    """
    shape = (int(offsets[-1]),)
    values, keys = np.broadcast_to(data[0], shape), np.broadcast_to(data[1], shape)
    missing = np.isnan(keys) if keys.dtype.kind == "f" else np.zeros(shape, dtype=np.bool_)
    if defined[1] is not None:
        missing = missing | ~defined[1]
    order = _falling(keys, missing, offsets)
    known = defined[0]
    return Value(values[order], offsets, exists, None if known is None else known[order])


def _falling(keys: Array, missing: NDArray[np.bool_], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    if keys.dtype.kind == "b":
        keys = keys.astype(np.uint8)
    if missing.any():
        # the complement of an integer falls where it rises, with no overflow
        turned = -keys if keys.dtype.kind == "f" else ~keys
        event = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        return np.asarray(np.lexsort((np.where(missing, 0, turned), missing, event)))
    import awkward as ak

    # ten times faster than sorting all events at once, but with an order of its own for NaN
    content = ak.contents.NumpyArray(np.ascontiguousarray(keys))
    lists = ak.contents.ListOffsetArray(ak.index.Index64(offsets), content)
    places = ak.argsort(lists, axis=1, ascending=False, stable=True)
    inside = np.asarray(ak.to_numpy(ak.flatten(places, axis=1)))
    return np.asarray(np.repeat(offsets[:-1], np.diff(offsets)) + inside)
