"""Datasets and columns to ROOT files, in chunks, whole or not at all."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import uproot

from hepml.atomic import atomic_path
from hepml.data.tables import event_columns
from hepml.errors import InvalidInputError, UnknownNameError, did_you_mean

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from hepml.data import Dataset

__all__ = ["RootFormat", "RootWriter", "check_format", "root_writer", "write"]

RootFormat = Literal["ttree", "rntuple"]

_CHUNK_ROWS = 200_000
# uproot writes such names, and ROOT then cannot open the RNTuple at all
_NOT_IN_FIELDS = frozenset("./\\ \x7f") | {chr(code) for code in range(32)}


def check_format(format: str, names: Iterable[str] = ()) -> RootFormat:
    """Return the name of a format, if there is such a format and it can hold columns of some names.

    Parameters
    ----------
    format : str
        ``"ttree"`` or ``"rntuple"``.
    names : iterable of str
        Names of columns.

    Returns
    -------
    str
        The format.

    Raises
    ------
    UnknownNameError
        If there is no such format.
    InvalidInputError
        If a name is not possible in it: a field of an RNTuple has no dot, slash, backslash, space or control character.
    """
    known = get_args(RootFormat)
    if format not in known:
        msg = f"unknown format {format!r}{did_you_mean(format, known)} (known: {', '.join(known)})"
        raise UnknownNameError(msg)
    if format == "rntuple":
        for name in names:
            if not name or not _NOT_IN_FIELDS.isdisjoint(name):
                msg = (
                    f"a column named {name!r} cannot be written to an RNTuple: its field names have no dots, slashes, "
                    f"backslashes or spaces. Rename it, or write a TTree (format 'ttree')"
                )
                raise InvalidInputError(msg)
    return format  # type: ignore[return-value]


class RootWriter:
    """Writes trees to one ROOT file, a chunk at a time.

    A tree gets its branches from the first chunk, one for each column.

    Parameters
    ----------
    path : pathlib.Path
        The file; use :func:`root_writer`, which writes atomically.
    format : {"ttree", "rntuple"}
        What its trees are. ROOT before 6.34 cannot open RNTuples.
    any_root : bool
        Whether ROOT before 6.20 must be able to open it; it is larger then.
    """

    def __init__(self, path: Path, *, format: RootFormat = "ttree", any_root: bool = False) -> None:
        self._format = check_format(format)
        self._file = uproot.recreate(path, compression=uproot.ZLIB(1) if any_root else uproot.ZSTD(4))
        self._trees: dict[str, Any] = {}
        self._types: dict[str, dict[str, Any]] = {}

    def extend(self, tree: str, columns: Mapping[str, Any]) -> None:
        """Append a chunk to a tree.

        Parameters
        ----------
        tree : str
            Name of the tree; it is made on first use.
        columns : mapping of str to array, each of shape (n,)
            Numbers, booleans, or sequences of str.

        Raises
        ------
        InvalidInputError
            If columns have different lengths, or differ from those of earlier chunks in name, or in type so that a value
            would change; or if an RNTuple cannot have a column of that name.
        """
        if not columns:
            msg = f"there are no columns for tree {tree!r}"
            raise InvalidInputError(msg)
        arrays = {name: _storable(name, column) for name, column in columns.items()}
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) != 1:
            msg = f"columns of tree {tree!r} have different lengths: {lengths}"
            raise InvalidInputError(msg)
        if tree not in self._trees:
            check_format(self._format, arrays)
            self._types[tree] = {name: _branch_type(array) for name, array in arrays.items()}
            if self._format == "ttree":
                self._trees[tree] = self._file.mktree(tree, self._types[tree], title=tree.rpartition("/")[2])
            else:
                self._trees[tree] = self._file.mkrntuple(tree, self._types[tree])
        types = self._types[tree]
        if set(arrays) != set(types):
            msg = f"tree {tree!r} has the branches {', '.join(types)}; this chunk has {', '.join(arrays)}"
            raise InvalidInputError(msg)
        arrays = {name: _same_type(name, array, types[name]) for name, array in arrays.items()}
        if next(iter(lengths.values())):
            self._trees[tree].extend(arrays)

    def store(self, path: str, content: Any) -> None:
        """Store a histogram, or a text as a TObjString.

        Parameters
        ----------
        path : str
            Folders, which are made, and name.
        content : str or object that uproot can write
            What to store.
        """
        self._file[path] = content

    def note(self, facts: Mapping[str, Any], *, folder: str = "") -> None:
        """Store facts about the file (format, version, origin) as JSON in a TObjString named ``hepml``."""
        self.store(f"{folder}/hepml" if folder else "hepml", json.dumps(dict(facts), sort_keys=True))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def _same_type(name: str, array: Any, wanted: Any) -> Any:
    """Convert a later chunk to the type of the first; uproot would do so whatever happens to the values."""
    found = _branch_type(array)
    if found == wanted:
        return array
    if not isinstance(found, str) and not isinstance(wanted, str):
        with np.errstate(all="ignore"):
            converted = array.astype(wanted)
            back = converted.astype(found)
        # 2^64 - 1 survives the way to int64 and back, but as -1
        same_sign = np.array_equal(converted < 0, array < 0) if wanted.kind in "iu" and found.kind in "iu" else True
        if same_sign and np.array_equal(back, array, equal_nan=found.kind == "f"):
            return converted
    msg = f"column {name!r} was {wanted} in the first chunk and is {found} now, with values that {wanted} cannot hold"
    raise InvalidInputError(msg)


def _storable(name: str, column: Any) -> Any:
    array = np.asarray(column)
    if array.ndim == 1 and (array.dtype.kind == "U" or (array.dtype.kind == "O" and all(map(_is_text, array)))):
        import awkward as ak

        return ak.Array([str(text) for text in array])
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    if array.dtype.kind not in "iufb" or array.dtype.itemsize > 8 or array.ndim != 1:
        msg = f"column {name!r} has type {array.dtype} and shape {array.shape}; only numbers or text can be written"
        raise InvalidInputError(msg)
    return array


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _branch_type(array: Any) -> Any:
    return array.dtype if isinstance(array, np.ndarray) else "string"


@contextlib.contextmanager
def root_writer(
    path: str | os.PathLike[str], *, format: RootFormat = "ttree", overwrite: bool = False, any_root: bool = False
) -> Iterator[RootWriter]:
    """Open a ROOT file for writing; it appears under its name only when the block ends well.

    Parameters
    ----------
    path : path-like
        The file.
    format : {"ttree", "rntuple"}
        What its trees are.
    overwrite : bool
        Whether an existing file may be replaced.
    any_root : bool
        Whether ROOT before 6.20 must be able to open it.

    Yields
    ------
    RootWriter
        To fill trees with.

    Raises
    ------
    OutputError
        If the file exists and may not be replaced, or cannot be written.
    UnknownNameError
        If there is no such format.
    """
    check_format(format)
    with atomic_path(path, overwrite=overwrite) as temporary:
        writer = RootWriter(temporary, format=format, any_root=any_root)
        try:
            yield writer
        finally:
            writer.close()


def write(
    dataset: Dataset,
    path: str | os.PathLike[str],
    *,
    tree: str = "events",
    format: RootFormat = "ttree",
    overwrite: bool = False,
) -> None:
    """Write a dataset to a ROOT file: identity, features, spectators, ``weight`` and ``sample`` (its index).

    Where parts were fixed beforehand, there is ``fixed_part`` as well. The names and roles of the samples stand in
    the note of the file (TObjString ``hepml``, JSON).

    Parameters
    ----------
    dataset : Dataset
        The events.
    path : path-like
        The file.
    tree : str
        Name of the tree.
    format : {"ttree", "rntuple"}
        What the tree is. ROOT before 6.34 cannot open an RNTuple.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If the file exists and may not be replaced, or cannot be written.
    InvalidInputError
        If two columns have the same name, or an RNTuple cannot have a column of that name.
    UnknownNameError
        If there is no such format.

    Examples
    --------
    >>> hepml.write(dataset, "selected.root", tree="events")  # doctest: +SKIP
    """
    samples = [{"name": info.name, "role": info.role, "title": info.title} for info in dataset.samples]
    with root_writer(path, format=format, overwrite=overwrite) as writer:
        writer.note({"format": "hepml-dataset", "version": 1, "tree": tree, "samples": samples})
        # a dataset without events still makes a tree with its branches
        for start in range(0, max(len(dataset), 1), _CHUNK_ROWS):
            writer.extend(tree, event_columns(dataset[start : start + _CHUNK_ROWS]))
