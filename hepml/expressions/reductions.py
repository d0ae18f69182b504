"""Elements and reductions of lists: ``branch[i]``, ``Sum$``, ``Max$``, ``Min$``, ``Length$``, ``MaxIf$``, ``MinIf$``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.expressions.columns import Array, Value
from hepml.expressions.syntax import Index, Number

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["both", "element", "reduce_lists"]


def element(lists: Value, index: Value, node: Index) -> Value:
    """Take one element of each list.

    Parameters
    ----------
    lists : Value
        The elements; one value per event counts as a list of one.
    index : Value
        A constant, a value per event, or a list of indices.
    node : Index
        Tells a literal index, beyond which the event is dropped, from a computed one, beyond which the value is NaN.

    Returns
    -------
    Value
        One value per event, or a list where the index is one.
    """
    literal = isinstance(node.index, Number) and isinstance(node.index.value, int)
    if lists.data.ndim == 0:
        return _element_of_constant(lists, index, literal=literal)
    offsets = np.arange(len(lists.data) + 1, dtype=np.int64) if lists.offsets is None else lists.offsets
    starts, counts = offsets[:-1], np.diff(offsets)
    if literal:
        # no list is longer than its column
        place = min(int(index.data), len(lists.data))
        inside = counts > place
        data = _gather(lists.data, starts + place, inside)
        exists = lists.exists if inside.all() else both(lists.exists, inside)
        known = None if lists.defined is None else _gather(lists.defined, starts + place, inside) | ~inside
        return Value(data, None, exists, known)
    wanted = index.data
    if index.offsets is not None:
        per_event = np.diff(index.offsets)
        starts, counts = np.repeat(starts, per_event), np.repeat(counts, per_event)
    # doubles are cut to integers as in C; what is no integer at all is out of range
    whole = wanted if wanted.dtype.kind in "biu" else np.trunc(wanted)
    inside = np.broadcast_to((whole >= 0) & (whole < counts), counts.shape)
    places = starts + np.where(inside, whole, 0).astype(np.int64)
    data = _gather(lists.data, places, inside)
    defined = both(None if inside.all() else inside, index.defined)
    if lists.defined is not None:
        defined = both(defined, _gather(lists.defined, places, inside))
    return Value(data, index.offsets, both(lists.exists, index.exists), defined)


def _element_of_constant(lists: Value, index: Value, *, literal: bool) -> Value:
    inside = np.asarray((index.data if index.data.dtype.kind in "biu" else np.trunc(index.data)) == 0)
    data = np.broadcast_to(lists.data, inside.shape)
    known = None if inside.all() else inside
    if literal:
        return Value(data, None, both(lists.exists, known), lists.defined)
    defined = both(both(lists.defined, known), index.defined)
    return Value(data, index.offsets, both(lists.exists, index.exists), defined)


def both(a: NDArray[np.bool_] | None, b: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    """Combine two masks, None meaning that nothing is missing."""
    if a is None or b is None:
        return b if a is None else a
    return a & b


def reduce_lists(
    function: str, data: list[Array], offsets: NDArray[np.int64] | None, exists: NDArray[np.bool_] | None
) -> Value:
    """Reduce each event's values to one; an event without values gives 0, as in ROOT.

    Parameters
    ----------
    function : str
        Name of the reduction.
    data : list of arrays
        The values, and for ``MaxIf$`` and ``MinIf$`` the condition.
    offsets : array of int64, shape (n_events + 1,), optional
        Ends of the lists; None for one value per event.
    exists : array of bool, shape (n_events,), optional
        Events that have values at all.

    Returns
    -------
    Value
        One value per event, which exists for all.
    """
    values = data[0]
    if offsets is None:
        present = exists
        if len(data) == 2:
            condition = data[1] if data[1].dtype.kind == "b" else data[1] != 0
            present = condition if exists is None else exists & condition
        if function == "Length$":
            return Value(np.asarray(1) if present is None else present.astype(np.int64))
        return Value(values if present is None else np.where(present, values, 0))
    counts = np.diff(offsets)
    if values.ndim == 0:
        values = np.full(int(offsets[-1]), values)
    if len(data) == 2:
        condition = data[1] if data[1].dtype.kind == "b" else data[1] != 0
        condition = np.broadcast_to(condition, values.shape)
        passed = np.concatenate([np.zeros(1, np.int64), np.cumsum(condition)])
        values = values[condition]
        offsets = passed[offsets]
        counts = np.diff(offsets)
    if function == "Length$":
        result: Array = counts
    elif function == "Sum$":
        result = _by_list(function, values.astype(np.float64, copy=False), offsets)
    else:
        result = _extreme(function, values, offsets, counts)
    return Value(result if exists is None else np.where(exists, result, 0))


def _gather(data: Array, places: NDArray[np.int64], inside: NDArray[np.bool_]) -> Array:
    if len(data) == 0:
        return np.zeros(len(places), data.dtype)
    return data[places] if inside.all() else data[np.where(inside, places, 0)]


def _by_list(name: str, values: Array, offsets: NDArray[np.int64]) -> Array:
    import awkward as ak

    lists = ak.contents.ListOffsetArray(ak.index.Index64(offsets), ak.contents.NumpyArray(values))
    if name == "Sum$":
        return np.asarray(ak.to_numpy(ak.sum(lists, axis=1)))
    reducer = ak.max if name.startswith("Max") else ak.min
    return np.asarray(ak.to_numpy(reducer(lists, axis=1, mask_identity=False)))


def _extreme(function: str, values: Array, offsets: NDArray[np.int64], counts: NDArray[np.int64]) -> Array:
    if values.dtype.kind == "b":
        values = values.astype(np.int64)
    result = np.where(counts > 0, _by_list(function, values, offsets), 0)
    if values.dtype.kind == "f" and len(values):
        # ROOT starts from the first value and replaces it by what compares larger: a first NaN stays, others pass by
        first = values[np.where(counts > 0, offsets[:-1], 0)]
        first_is_nan = np.isnan(first)
        if first_is_nan.any():
            result = np.where((counts > 0) & first_is_nan, np.nan, result)
    return result
