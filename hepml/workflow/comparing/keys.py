"""Numbers for events that are the same in all sources: from what identifies them, exact or rounded to float32."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.data import FALLBACK_NAMES, Identity
from hepml.errors import IdentityError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hepml.workflow.comparing.scored import ScoredPart, ScoredSource

__all__ = ["EventNumbers", "common_identity", "number_events"]


@dataclass(frozen=True, slots=True, eq=False)
class EventNumbers:
    """Equal numbers mark one event, in all parts of all sources.

    Parameters
    ----------
    parts : tuple of tuple of ndarray of int64
        For each source those of its :meth:`~ScoredSource.parts`.
    is_rounded : bool
        Whether identities were compared as float32.
    """

    parts: tuple[tuple[NDArray[np.int64], ...], ...]
    is_rounded: bool

    def test(self, source: int) -> NDArray[np.int64]:
        """Of the test part of a source."""
        return self.parts[source][0]

    def used(self, source: int) -> NDArray[np.int64]:
        """Of what a source was trained or stopped on."""
        return np.concatenate([np.empty(0, dtype=np.int64), *self.parts[source][1:]])


def common_identity(sources: Sequence[ScoredSource], asked: Sequence[str] | None) -> tuple[str, ...]:
    """Return the columns by which events of all sources are matched; empty if there are none.

    Parameters
    ----------
    sources : sequence of ScoredSource
        All of them.
    asked : sequence of str, optional
        What the user says identifies an event.

    Returns
    -------
    tuple of str
        Names of columns.

    Raises
    ------
    IdentityError
        If a source lacks a column that was asked for.
    """
    if asked:
        for source in sources:
            lacking = [name for name in asked if name not in source.test.columns]
            if lacking:
                msg = (
                    f"{source.name} has no column {', '.join(lacking)} to match events by (it has "
                    f"{', '.join(source.test.columns)}); TMVA keeps what is booked as a spectator"
                )
                raise IdentityError(msg)
        return tuple(asked)
    candidates = [names for source in sources for names in source.identities()]
    # more columns say more: a run number and an event number before the event number alone
    for names in sorted(dict.fromkeys(candidates), key=len, reverse=True):
        same_files = names != FALLBACK_NAMES or all(source.files == sources[0].files for source in sources)
        if same_files and all(source.offers(names) for source in sources):
            return names
    return ()


def number_events(sources: Sequence[ScoredSource], names: tuple[str, ...]) -> EventNumbers:
    """Give events numbers by what identifies them and their class.

    Parameters
    ----------
    sources : sequence of ScoredSource
        All of them.
    names : tuple of str
        Columns that identify an event in each.

    Returns
    -------
    EventNumbers
        Columns that are floating-point numbers in any source are compared as float32.

    Raises
    ------
    IdentityError
        If different events of a source become one when rounded to float32, or a source of rounded identities has one twice.
    """
    parts = [part for source in sources for part in source.parts()]
    rounded = frozenset(name for name in names if any(part.columns[name].dtype.kind not in "iu" for part in parts))
    columns = tuple(
        np.concatenate([_integers(part.columns[name], name in rounded) for part in parts]) for name in names
    )
    label = np.concatenate([part.y for part in parts]).astype(np.int32)
    numbers = Identity(names, columns).groups(label)
    ends = np.cumsum([0, *(len(part) for part in parts)])
    pieces = iter([numbers[start:end] for start, end in pairwise(ends)])
    made = EventNumbers(tuple(tuple(next(pieces) for _ in source.parts()) for source in sources), bool(rounded))
    if rounded:
        for source, of_source in zip(sources, made.parts, strict=True):
            _check_rounding(source, of_source, names)
    return made


def _integers(column: NDArray[Any], is_rounded: bool) -> NDArray[np.uint64]:
    """Return 64-bit patterns that are equal where the identities are."""
    if not is_rounded:
        return column.astype(np.uint64 if column.dtype.kind == "u" else np.int64).view(np.uint64)
    # zero of either sign is one number
    return (column.astype(np.float32) + np.float32(0.0)).view(np.uint32).astype(np.uint64)


def _check_rounding(source: ScoredSource, numbers: tuple[NDArray[np.int64], ...], names: tuple[str, ...]) -> None:
    columns = [part.columns for part in source.parts()]
    shown = ":".join(names)
    if all(column[name].dtype.kind in "iu" for column in columns for name in names):
        exact = _n_exact(source.parts(), names)
        left = len(np.unique(np.concatenate(numbers)))
        if left < exact:
            msg = (
                f"{shown} is kept as float32 by one of the sources, and as such {exact - left} of {exact} events of "
                f"{source.name} are no longer told from another: events cannot be matched. Book the number in two "
                f"spectators (such as number % 100000 and number / 100000) and name both as the identity"
            )
            raise IdentityError(msg)
        return
    for number in numbers:
        repeated = len(number) - len(np.unique(number))
        if repeated:
            msg = (
                f"{shown} of {source.name} is float32, and {repeated} of {len(number)} events repeat another's: either "
                f"it was rounded or it does not identify events, and they cannot be matched by it"
            )
            raise IdentityError(msg)


def _n_exact(parts: tuple[ScoredPart, ...], names: tuple[str, ...]) -> int:
    columns = tuple(
        np.concatenate([_integers(part.columns[name], is_rounded=False) for part in parts]) for name in names
    )
    label = np.concatenate([part.y for part in parts]).astype(np.int32)
    return int(Identity(names, columns).groups(label).max(initial=-1)) + 1
