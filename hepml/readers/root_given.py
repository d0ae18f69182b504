"""Columns that ROOT's event loop does not read itself: those of friends, joined by uproot and handed over as plain files.

Friends are joined by one code for both readers, so that the same entries meet and the same errors are raised.
"""

from __future__ import annotations

from contextlib import ExitStack
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hepml.readers.friends import JoinedSource

__all__ = ["declarations", "forget_columns", "map_columns", "write_columns"]

_CHUNK_BYTES = 32_000_000
_CPP = {
    "b1": "bool",
    "i1": "signed char",
    "u1": "unsigned char",
    "i2": "short",
    "u2": "unsigned short",
    "i4": "int",
    "u4": "unsigned int",
    "i8": "long long",
    "u8": "unsigned long long",
    "f4": "float",
    "f8": "double",
}


def write_columns(source: JoinedSource, columns: Sequence[dict[str, Any]], n_entries: int, folder: Path) -> None:
    """Read columns in chunks and write them for :func:`map_columns`.

    Parameters
    ----------
    source : JoinedSource
        The tree with its friends.
    columns : sequence of dict
        ``name``, ``variable``, ``dtype`` and ``is_list`` of each.
    n_entries : int
        First entries that are wanted.
    folder : pathlib.Path
        Where the files go.
    """
    names = [column["name"] for column in columns]
    edges = source.chunk_edges(names, _CHUNK_BYTES)
    with ExitStack() as stack:
        streams = {
            path: stack.enter_context(path.open("wb")) for column in columns for path in _paths(folder, column) if path
        }
        ends = dict.fromkeys(names, 0)
        for start, edge in pairwise(edges):
            stop = min(edge, n_entries)
            if start >= stop:
                break
            found = source.read(names, start, stop)
            for column in columns:
                values, offsets = _paths(folder, column)
                numbers, counts = _flat(found[column["name"]], is_list=column["is_list"])
                streams[values].write(np.ascontiguousarray(numbers, dtype=column["dtype"]).data)
                if offsets is None or counts is None:
                    continue
                if start == 0:
                    counts = np.concatenate([[0], counts])
                reached = np.cumsum(counts, dtype=np.int64) + ends[column["name"]]
                ends[column["name"]] = int(reached[-1])
                streams[offsets].write(reached.data)


def _flat(column: Any, *, is_list: bool) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the numbers of a column in a row, and how many each entry has."""
    if not is_list:
        return np.asarray(column), None
    if isinstance(column, np.ndarray):
        return column.reshape(-1), np.full(len(column), column.shape[1])
    import awkward as ak

    return ak.to_numpy(ak.flatten(column, axis=1)), ak.to_numpy(ak.num(column, axis=1))


def _paths(folder: Path, column: dict[str, Any]) -> tuple[Path, Path | None]:
    stem = f"given-{column['variable']}"
    return folder / f"{stem}.values", folder / f"{stem}.offsets" if column["is_list"] else None


def forget_columns(columns: Sequence[dict[str, Any]], folder: Path) -> None:
    """Remove the files of :func:`write_columns`."""
    for column in columns:
        for path in _paths(folder, column):
            if path is not None:
                path.unlink(missing_ok=True)


def map_columns(columns: Sequence[dict[str, Any]], folder: Path) -> list[NDArray[Any]]:
    """Map what :func:`write_columns` wrote: values, and offsets of lists, in the order of :func:`declarations`."""
    arrays = []
    for column in columns:
        for path, dtype in zip(_paths(folder, column), (column["dtype"], "i8"), strict=True):
            if path is not None:
                # nothing cannot be mapped
                arrays.append(np.memmap(path, dtype, "r") if path.stat().st_size else np.zeros(1, dtype))
    return arrays


def declarations(columns: Sequence[dict[str, Any]], first_address: int) -> tuple[str, str]:
    """Return C++ that finds the arrays by ``addresses``, and C++ that declares the columns of one entry.

    Parameters
    ----------
    columns : sequence of dict
        As for :func:`write_columns`.
    first_address : int
        Place of the first array of :func:`map_columns` among the addresses.

    Returns
    -------
    once, for_each : str
        Code for the start of the function, and for each entry.
    """
    once, for_each, place = [], [], first_address
    for column in columns:
        name, cpp = column["variable"], _CPP[column["dtype"]]
        once.append(f"const auto {name}_values = reinterpret_cast<{cpp} *>(addresses[{place}]);")
        if column["is_list"]:
            once.append(f"const auto {name}_offsets = reinterpret_cast<const long long *>(addresses[{place + 1}]);")
            size = f"static_cast<std::size_t>({name}_offsets[entry + 1] - {name}_offsets[entry])"
            for_each.append(f"const ROOT::RVec<{cpp}> {name}({name}_values + {name}_offsets[entry], {size});")
        else:
            for_each.append(f"const {cpp} {name} = {name}_values[entry];")
        place += 1 + column["is_list"]
    return "\n".join(once), "\n".join(for_each)
