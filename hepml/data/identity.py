"""Which event is which: identities in 64-bit integers, their hash, and groups of rows that are one event.

An identity never passes through a float, so that event numbers above 2^53 stay what they are.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import IdentityError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["FALLBACK_NAMES", "Identity", "default_identity"]

FALLBACK_NAMES = ("file", "entry")

# spellings of NanoAOD, ATLAS, LHCb, Belle II and of common ntuples, compared without case and underscores
_EXPERIMENT = ("experiment",)
_RUN = ("run", "runnumber", "runnb")
_LUMI = ("luminosityblock", "lumi", "lumiblock", "lumisection", "ls", "lumibcid")
_EVENT = ("event", "eventnumber", "evt", "evtnumber", "eventid", "eventnb")


def default_identity(branches: Iterable[str]) -> tuple[str, ...]:
    """Return the branches that identify an event by convention: run, luminosity block and event.

    Parameters
    ----------
    branches : iterable of str
        What the tree holds.

    Returns
    -------
    tuple of str
        Branch names in the order experiment, run, lumi, event; empty if there is no event number.
    """
    by_key: dict[str, str] = {}
    for name in branches:
        by_key.setdefault(name.replace("_", "").casefold(), name)
    found = [next((by_key[key] for key in keys if key in by_key), None) for keys in (_EXPERIMENT, _RUN, _LUMI, _EVENT)]
    return tuple(name for name in found if name is not None) if found[-1] is not None else ()


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """Identity of each row: one or more columns of 64-bit integers.

    Parameters
    ----------
    names : tuple of str
        Names of the columns, e.g. ``("run", "event_number")``; :data:`FALLBACK_NAMES` if only file and entry are known.
    columns : tuple of ndarray of int64 or uint64, shape (n_events,)
        One array for each name.
    """

    names: tuple[str, ...]
    columns: tuple[NDArray[np.int64] | NDArray[np.uint64], ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.columns) or not self.names:
            msg = f"an identity needs a column for each of its names, not {len(self.columns)} for {len(self.names)}"
            raise InvalidInputError(msg)
        lengths = {len(column) for column in self.columns}
        if len(lengths) != 1:
            msg = f"the columns of an identity have different lengths: {sorted(lengths)}"
            raise InvalidInputError(msg)
        for name, column in zip(self.names, self.columns, strict=True):
            if column.dtype not in (np.int64, np.uint64):
                msg = f"identity column {name!r} has type {column.dtype}; 64-bit integers are needed"
                raise IdentityError(msg)

    def __len__(self) -> int:
        return len(self.columns[0])

    @property
    def is_fallback(self) -> bool:
        """Whether rows are known by file and entry only."""
        return self.names == FALLBACK_NAMES

    def take(self, index: NDArray[np.bool_] | NDArray[np.int64] | slice) -> Identity:
        """Return the identity of some rows; a slice shares memory."""
        return Identity(self.names, tuple(column[index] for column in self.columns))

    @classmethod
    def concatenate(cls, parts: Sequence[Identity]) -> Identity:
        """Join the identities of several samples.

        Raises
        ------
        IdentityError
            If the samples are identified by different columns.
        """
        names = {part.names for part in parts}
        if len(names) != 1:
            listed = " and ".join(":".join(name) for name in sorted(names))
            msg = f"samples are identified by different branches ({listed}): state one `identity:` for all"
            raise IdentityError(msg)
        joined = []
        for columns in zip(*(part.columns for part in parts), strict=True):
            kinds = {column.dtype for column in columns}
            # a run number may be signed in one file and unsigned in another: two's complement keeps both exact
            same = columns if len(kinds) == 1 else [column.view(np.uint64) for column in columns]
            joined.append(np.concatenate(same))
        return cls(names.pop(), tuple(joined))

    def hash(self, seed: int, purpose: str) -> NDArray[np.uint64]:
        """Return a 64-bit hash of (seed, purpose, identity) for each row.

        The same identity gives the same hash in every file, order, chunk and sample.

        Parameters
        ----------
        seed : int
            The analysis's seed.
        purpose : str
            What the hash decides ('split', 'folds', ...), so that decisions are independent.

        Returns
        -------
        ndarray of uint64, shape (n_events,)
            Uniform over all 64-bit integers.

        Notes
        -----
        SplitMix64's finaliser (Steele, Lea & Flood 2014) is applied to each column in turn, started from the first eight
        bytes of SHA-256 of seed and purpose.
        """
        start = hashlib.sha256(f"{seed}:{purpose}".encode()).digest()[:8]
        state = np.full(len(self), int.from_bytes(start, "little"), dtype=np.uint64)
        for column in self.columns:
            state ^= column.view(np.uint64)
            state = _mix(state)
        return state

    def groups(self, sample: NDArray[np.int32] | None = None) -> NDArray[np.int64]:
        """Return the number of the event that each row belongs to.

        Rows of equal identity in one sample are one event.

        Parameters
        ----------
        sample : ndarray of int32, shape (n_events,), optional
            Sample of each row; the same identity in two samples is two events. Default: one sample.

        Returns
        -------
        ndarray of int64, shape (n_events,)
            From 0 to the number of events less one.
        """
        keys = [column.view(np.uint64) for column in self.columns]
        if sample is not None:
            keys.append(sample.astype(np.uint64))
        order = np.lexsort(keys)
        change = np.zeros(len(self), dtype=bool)
        for key in keys:
            ordered = key[order]
            change[1:] |= ordered[1:] != ordered[:-1]
        result = np.empty(len(self), dtype=np.int64)
        result[order] = np.cumsum(change)
        return result

    def show(self, row: int) -> str:
        """Return one identity as text, e.g. ``run=1 event_number=42``."""
        return " ".join(f"{name}={column[row]}" for name, column in zip(self.names, self.columns, strict=True))


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
