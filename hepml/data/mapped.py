"""Arrays that are mapped from files: their pages are asked for before they are needed and given back after.

What was read of a mapped file counts as memory of the process until it is given back, although the file keeps it. Walking
over such an array block by block with :func:`row_blocks` keeps that to one block. Arrays in memory are left alone.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["fetch", "is_mapped", "release", "row_blocks", "take_rows", "write_at"]

# of rows that are looked at in one go
_BLOCK = 1 << 16
# of rows that are gathered in one go: long enough for the disk
_GATHERED = 1 << 18
# Linux maps this much around an address that is touched, also before it
_LARGE_PAGE = 1 << 21


def is_mapped(array: Any) -> bool:
    """Tell whether an array, or the one that it is a view of, is mapped from a file that keeps what is written to it."""
    return _mapping(array) is not None


def fetch(array: NDArray[Any]) -> None:
    """Ask for the pages of a mapped array of one column or a column-major matrix, without waiting for them."""
    _advise(array, getattr(mmap, "MADV_WILLNEED", None))


def release(array: NDArray[Any]) -> None:
    """Give back the pages of a mapped array; the next access reads them again from the file."""
    _advise(array, getattr(mmap, "MADV_DONTNEED", None))


def row_blocks(array: NDArray[Any], n_rows: int = _BLOCK) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Walk over the rows of an array in blocks.

    Parameters
    ----------
    array : ndarray, shape (n,) or (n, n_columns)
        Mapped or not.
    n_rows : int
        Rows of a block.

    Yields
    ------
    slice, ndarray
        The rows, and a view of them. The pages of a mapped block are given back when the next one is asked for.
    """
    for start in range(0, len(array), n_rows):
        rows = slice(start, min(start + n_rows, len(array)))
        block = array[rows]
        yield rows, block
        release(block)


def take_rows(X: NDArray[np.float32], rows: NDArray[np.int64], folder: Path | None = None) -> NDArray[np.float32]:
    """Return some rows of a matrix, column-major; those of a mapped one are mapped from a file of their own.

    Parameters
    ----------
    X : ndarray of float32, shape (n, n_columns)
        Column-major.
    rows : ndarray of int64, shape (n_chosen,)
        Which rows, best in increasing order.
    folder : pathlib.Path, optional
        Where the file is. It has no name, and vanishes with the array. Default: that for temporary files (``TMPDIR``).

    Returns
    -------
    ndarray of float32, shape (n_chosen, n_columns)
        A :class:`numpy.memmap`, read-only, if ``X`` is mapped.
    """
    shape = (len(rows), X.shape[1])
    if not is_mapped(X) or 0 in shape:
        chosen = np.empty(shape, dtype=np.float32, order="F")
        for number in range(X.shape[1]):
            chosen[:, number] = X[:, number][rows]
        return chosen
    with tempfile.TemporaryFile(dir=folder) as stream:
        for start in range(0, len(rows), _GATHERED):
            part = rows[start : start + _GATHERED]
            span = slice(int(part.min()), int(part.max()) + 1)
            for number in range(X.shape[1]):
                offset = 4 * (number * len(rows) + start)
                write_at(stream.fileno(), X[span, number][part - span.start], offset)
                release(X[span, number])
        return np.memmap(stream, dtype=np.float32, mode="r", shape=shape, order="F")


def write_at(descriptor: int, values: NDArray[Any], offset: int) -> None:
    """Write an array at an offset of an open file, which unlike writing to a mapping costs no memory."""
    content = memoryview(np.ascontiguousarray(values).view(np.uint8).data)
    while content:
        n_written = os.pwrite(descriptor, content, offset)
        content, offset = content[n_written:], offset + n_written


def _mapping(array: Any) -> np.memmap[Any, Any] | None:
    while isinstance(array, np.ndarray):
        # pages of a copy-on-write mapping hold what no file does
        if isinstance(array, np.memmap) and isinstance(getattr(array, "_mmap", None), mmap.mmap):
            return array if array.mode in {"r", "r+", "w+"} else None
        array = array.base
    return None


def _advise(array: NDArray[Any], advice: int | None) -> None:
    mapping = _mapping(array)
    if mapping is None or advice is None or array.size == 0:
        return
    pages: mmap.mmap = mapping._mmap  # type: ignore[attr-defined]  # numpy gives no other way to them
    first = _address(np.frombuffer(pages, dtype=np.uint8))
    is_one = array.ndim != 2 or array.flags.c_contiguous or array.flags.f_contiguous
    for column in [array] if is_one else [array[:, number] for number in range(array.shape[1])]:
        if not (column.flags.c_contiguous or column.flags.f_contiguous):
            return
        start = _address(column) - first
        below = max(0, start - (first + start) % _LARGE_PAGE)
        pages.madvise(advice, below, min(start + column.nbytes, len(pages)) - below)


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])
