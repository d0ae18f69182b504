"""Events that are there twice, within a file and across files: eight bytes an event, and the candidates compared exactly."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.data import Identity
from hepml.readers.schema import identity_by_convention

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from hepml.readers.source import TreeSource

__all__ = ["Repeat", "RepeatFinder", "RepeatedEvents"]

_CHUNK_BYTES = 32_000_000
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Repeat:
    """An event that was there before: its identity as text, its entry, and the file, tree and entry where it first was."""

    identity: str
    entry: int
    first_file: str
    first_entry: int


@dataclass(frozen=True, slots=True)
class RepeatedEvents:
    """Events of a tree that were there before.

    Parameters
    ----------
    identity : tuple of str
        Branches that identify an event by convention.
    n_in_file : int
        Entries whose identity stood in an earlier entry of the same tree.
    n_in_earlier_files : int
        Entries whose identity stood in this tree of an earlier file only.
    examples : tuple of Repeat
        The first few.
    """

    identity: tuple[str, ...]
    n_in_file: int
    n_in_earlier_files: int
    examples: tuple[Repeat, ...]


class RepeatFinder:
    """Finds repeated events among trees of one name, one of each file."""

    def __init__(self) -> None:
        self._names: list[tuple[str, ...]] = []
        self._hashes: list[NDArray[np.uint64]] = []

    def add(self, source: TreeSource) -> None:
        """Remember the events of the next file, eight bytes each; a tree without event numbers has none."""
        names = identity_by_convention(source)
        self._names.append(names)
        pieces = [piece.hash(0, "repeats") for _, piece in _identities(source, names)]
        self._hashes.append(np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.uint64))

    def find(self, sources: Iterable[TreeSource]) -> list[RepeatedEvents | None]:
        """Compare the candidates exactly.

        Parameters
        ----------
        sources : iterable of TreeSource
            The trees that were added, in the same order; each is read again if it has candidates.

        Returns
        -------
        list of RepeatedEvents or None
            One for each tree, None where nothing identifies an event.
        """
        ordered = np.sort(np.concatenate(self._hashes)) if self._hashes else np.zeros(0, dtype=np.uint64)
        suspects = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        del ordered
        files: list[str] = []
        candidates: list[_Candidates] = []
        for number, (source, names) in enumerate(zip(sources, self._names, strict=True)):
            files.append(str(source))
            rows = np.flatnonzero(_isin_sorted(self._hashes[number], suspects))
            if rows.size:
                candidates.append(_candidates(source, names, number, rows))
        repeats = _repeats(candidates)
        return [_describe(number, names, files, candidates, repeats) for number, names in enumerate(self._names)]


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Rows of one file that may be there twice."""

    file: int
    identity: Identity
    entry: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Repeats:
    """Rows that are there twice: where, where first, and whether an earlier entry of the same file has the identity too."""

    file: NDArray[np.int64]
    entry: NDArray[np.int64]
    first_file: NDArray[np.int64]
    first_entry: NDArray[np.int64]
    in_file: NDArray[np.bool_]


def _candidates(source: TreeSource, names: tuple[str, ...], number: int, rows: NDArray[np.int64]) -> _Candidates:
    pieces = []
    for start, identity in _identities(source, names):
        low, high = np.searchsorted(rows, (start, start + len(identity)))
        pieces.append(identity.take(rows[low:high] - start))
    return _Candidates(number, Identity.concatenate(pieces), rows)


def _repeats(candidates: Sequence[_Candidates]) -> _Repeats:
    """Group candidates by identity; of a group all but the first, by file and entry, repeat it."""
    # only files in which the same branches identify an event can have the same events
    names = list(dict.fromkeys(item.identity.names for item in candidates))
    width = max(map(len, names), default=0)
    columns: list[list[NDArray[Any]]] = [[] for _ in range(width)]
    for item in candidates:
        wide = [column.view(np.uint64) for column in item.identity.columns]
        wide += [np.zeros(len(item.entry), dtype=np.uint64)] * (width - len(wide))
        for pieces, column in zip(columns, wide, strict=True):
            pieces.append(column)
    entry = _joined([item.entry for item in candidates])
    file = _joined([np.full(len(item.entry), item.file) for item in candidates])
    kind = _joined([np.full(len(item.entry), names.index(item.identity.names)) for item in candidates])
    keys = [*map(np.concatenate, columns), kind]
    order = np.lexsort((entry, file, *keys))
    new_group = np.ones(len(order), dtype=bool)
    new_group[1:] = np.logical_or.reduce([key[order][1:] != key[order][:-1] for key in keys])
    first = order[np.maximum.accumulate(np.where(new_group, np.arange(len(order)), 0))]
    in_file = np.zeros(len(order), dtype=bool)
    in_file[1:] = file[order][1:] == file[order][:-1]
    later = np.flatnonzero(~new_group)
    # in the order of the file, so that the first examples are the first entries
    later = later[np.argsort(order[later])]
    row, first = order[later], first[later]
    return _Repeats(file[row], entry[row], file[first], entry[first], in_file[later])


def _joined(arrays: list[NDArray[Any]]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(0, dtype=np.int64), *arrays])


def _describe(
    number: int,
    names: tuple[str, ...],
    files: Sequence[str],
    candidates: Sequence[_Candidates],
    repeats: _Repeats,
) -> RepeatedEvents | None:
    if not names:
        return None
    here = np.flatnonzero(repeats.file == number)
    n_in_file = int(repeats.in_file[here].sum())
    examples = []
    for row in here[:_EXAMPLES].tolist():
        mine = next(item for item in candidates if item.file == number)
        entry = int(repeats.entry[row])
        identity = mine.identity.show(int(np.searchsorted(mine.entry, entry)))
        examples.append(Repeat(identity, entry, files[repeats.first_file[row]], int(repeats.first_entry[row])))
    return RepeatedEvents(names, n_in_file, len(here) - n_in_file, tuple(examples))


def _identities(source: TreeSource, names: Sequence[str]) -> Iterable[tuple[int, Identity]]:
    """Give the identity of all entries in chunks, each with its first entry."""
    if not names:
        return
    for start, stop in pairwise(source.chunk_edges(names, _CHUNK_BYTES)):
        yield start, Identity(tuple(names), tuple(map(_wide, source.read(names, start, stop).values())))


def _wide(column: NDArray[Any]) -> NDArray[Any]:
    return column.astype(np.int64 if column.dtype.kind == "i" else np.uint64)


def _isin_sorted(values: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.bool_]:
    if not known.size:
        return np.zeros(values.shape, dtype=bool)
    place = np.searchsorted(known, values).clip(max=known.size - 1)
    return np.asarray(known[place] == values)
