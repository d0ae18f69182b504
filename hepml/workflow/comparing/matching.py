"""The same events in all sources: by what identifies them, else in their order; never one that any was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.data import Identity
from hepml.errors import EmptySelectionError, IdentityError
from hepml.workflow.comparing.columns import check_columns, common_columns
from hepml.workflow.comparing.keys import EventNumbers, common_identity, number_events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hepml.workflow.comparing.scored import ScoredSource

    Rows = NDArray[np.int64]

__all__ = ["MatchedEvents", "SourceCount", "match_events"]


@dataclass(frozen=True, slots=True)
class SourceCount:
    """What became of the test events of a source.

    Parameters
    ----------
    n_test : int
        Test events.
    n_trained : int
        Of them, events that the methods of any source were trained or stopped on.
    n_absent : int
        Of the others, events that are not in the test part of every source.
    """

    n_test: int
    n_trained: int
    n_absent: int

    @property
    def n_compared(self) -> int:
        """What is left."""
        return self.n_test - self.n_trained - self.n_absent

    def to_dict(self) -> dict[str, int]:
        """Return the numbers as plain JSON types."""
        return {
            "n_test": self.n_test,
            "n_trained": self.n_trained,
            "n_absent": self.n_absent,
            "n_compared": self.n_compared,
        }


@dataclass(frozen=True, slots=True, eq=False)
class MatchedEvents:
    """Which rows of the sources are one event.

    Parameters
    ----------
    rows : tuple of ndarray of int64
        For each source rows of its test part, event by event.
    event : ndarray of int64 or None
        Equal where rows are candidates of one event; None if each is an event of its own.
    identity : tuple of str
        Columns that they were matched by; empty if by their order.
    is_rounded : bool
        Whether these were compared as float32.
    checked : tuple of str
        Columns that were found to agree, in at least two sources.
    counts : tuple of SourceCount
        What became of the events of each source.
    train_events : tuple of ndarray of int64 or None
        For each source, the numbers of its training events as in ``event``.
    """

    rows: tuple[Rows, ...]
    event: NDArray[np.int64] | None
    identity: tuple[str, ...]
    is_rounded: bool
    checked: tuple[str, ...]
    counts: tuple[SourceCount, ...]
    train_events: tuple[NDArray[np.int64] | None, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return how events were matched as plain JSON types."""
        how = "order" if not self.identity else "identity as float32" if self.is_rounded else "identity"
        return {
            "by": how,
            "identity": list(self.identity),
            "columns_that_agree": list(self.checked),
            "n_compared": len(self.rows[0]),
        }


def match_events(sources: Sequence[ScoredSource], identity: Sequence[str] | None = None) -> MatchedEvents:
    """Find the events that are in the test part of every source, and that no source was trained on.

    Parameters
    ----------
    sources : sequence of ScoredSource
        All of them; the order of events is that of the first.
    identity : sequence of str, optional
        Columns that identify an event. Default: those of the runs, else run, luminosity block and event by convention.

    Returns
    -------
    MatchedEvents
        The rows of each source.

    Raises
    ------
    IdentityError
        If events cannot be matched without doubt, or matched events have other features.
    EmptySelectionError
        If no event is left.
    """
    names = common_identity(sources, identity) if len(sources) > 1 or identity else ()
    if len(sources) == 1 and not names:
        names = next((found for found in sources[0].identities() if sources[0].offers(found)), ())
    return _by_identity(sources, names) if names else _by_order(sources)


def _by_identity(sources: Sequence[ScoredSource], names: tuple[str, ...]) -> MatchedEvents:
    numbers = number_events(sources, names)
    trained = [_trained(sources, numbers, place) for place in range(len(sources))]
    kept = [np.flatnonzero(~mask) for mask in trained]
    common = reduce(np.intersect1d, [numbers.test(place)[rows] for place, rows in enumerate(kept)])
    kept = [rows[np.isin(numbers.test(place)[rows], common)] for place, rows in enumerate(kept)]
    keys = [numbers.test(place)[rows] for place, rows in enumerate(kept)]
    event = keys[0]
    if any(len(np.unique(key)) < len(key) for key in keys):
        keys = _with_columns(sources, kept, keys, names)
        left = reduce(np.intersect1d, keys)
        lost = set(common.tolist()) - set(event[np.isin(keys[0], left)].tolist())
        if lost:
            msg = (
                f"{len(lost)} of {len(common)} events are in all sources by {':'.join(names)}, but with other features: the "
                f"sources do not hold the same events"
            )
            raise IdentityError(msg)
        chosen = [np.isin(key, left) for key in keys]
        event = event[chosen[0]]
        kept = [rows[mask] for rows, mask in zip(kept, chosen, strict=True)]
        keys = [key[mask] for key, mask in zip(keys, chosen, strict=True)]
    _require_events(sources, kept[0], trained)
    rows = tuple(_aligned(kept[place], keys[place], keys[0]) for place in range(len(sources)))
    checked = _check(sources, rows, names, numbers)
    counts = tuple(SourceCount(len(mask), int(mask.sum()), int((~mask).sum()) - len(rows[0])) for mask in trained)
    return MatchedEvents(
        rows=rows,
        event=None if len(np.unique(event)) == len(event) else event,
        identity=names,
        is_rounded=numbers.is_rounded,
        checked=checked,
        counts=counts,
        train_events=tuple(
            None if source.train is None else numbers.parts[place][1] for place, source in enumerate(sources)
        ),
    )


def _trained(sources: Sequence[ScoredSource], numbers: EventNumbers, place: int) -> NDArray[np.bool_]:
    """Return which test events of a source any source was trained or stopped on."""
    found = np.zeros(len(sources[place].test), dtype=bool)
    for other, source in enumerate(sources):
        if source.seen is not None:
            found |= np.isin(numbers.test(place), numbers.test(other)[source.seen])
        if not source.has_folds:
            found |= np.isin(numbers.test(place), numbers.used(other))
    return found


def _with_columns(
    sources: Sequence[ScoredSource], kept: list[Rows], keys: list[NDArray[np.int64]], names: tuple[str, ...]
) -> list[NDArray[np.int64]]:
    """Tell rows of one identity apart by the columns that all sources have."""
    shared = [
        name
        for name in sources[0].test.columns
        if all((name, name) in common_columns(sources[0], source, names) for source in sources[1:])
    ]
    columns = [np.concatenate(keys).view(np.uint64)]
    for name in shared:
        values = [source.test.columns[name][rows] for source, rows in zip(sources, kept, strict=True)]
        with np.errstate(over="ignore"):
            joined = np.concatenate([value.astype(np.float32) for value in values]) + np.float32(0.0)
        joined[np.isnan(joined)] = np.nan
        columns.append(joined.view(np.uint32).astype(np.uint64))
    whole = Identity(("event", *shared), tuple(columns)).groups()
    parts = np.split(whole, np.cumsum([len(key) for key in keys])[:-1])
    for source, part in zip(sources, parts, strict=True):
        repeated = len(part) - len(np.unique(part))
        if repeated:
            by = f" and {', '.join(shared)}" if shared else ", and the sources have no column in common that would"
            msg = f"{repeated} rows of {source.name} are not told apart by {':'.join(names)}{by}: they have no one partner"
            raise IdentityError(msg)
    return parts


def _aligned(rows: Rows, keys: NDArray[np.int64], wanted: NDArray[np.int64]) -> Rows:
    order = np.argsort(keys)
    return rows[order[np.searchsorted(keys[order], wanted)]]


def _check(
    sources: Sequence[ScoredSource], rows: tuple[Rows, ...], names: tuple[str, ...], numbers: EventNumbers
) -> tuple[str, ...]:
    checked: dict[str, None] = {}
    for a, b in combinations(range(len(sources)), 2):
        shared = common_columns(sources[a], sources[b], names)
        if not shared and a == 0 and (numbers.is_rounded or not names):
            why = f"{':'.join(names)} is float32 in one of them" if names else "nothing identifies their events"
            msg = (
                f"{sources[a].name} and {sources[b].name} have no feature in common, and {why}: it cannot be checked that "
                f"they hold the same events"
            )
            raise IdentityError(msg)
        check_columns(sources[a], sources[b], (rows[a], rows[b]), shared)
        checked |= dict.fromkeys(name for name, _ in shared)
    return tuple(checked)


def _by_order(sources: Sequence[ScoredSource]) -> MatchedEvents:
    first = sources[0]
    for source in sources[1:]:
        hint = (
            f"no column identifies the events of {first.name} and {source.name} alike, so they must be the same ones in the "
            f"same order"
        )
        next_step = "name what identifies them (--identity), which TMVA keeps if it is booked as a spectator"
        if len(source.test) != len(first.test):
            msg = f"{hint}, and they are {len(first.test)} and {len(source.test)}: {next_step}"
            raise IdentityError(msg)
        differ = int((source.test.y != first.test.y).sum())
        if differ:
            msg = f"{hint}, and {differ} of {len(first.test)} are signal in one of them only: {next_step}"
            raise IdentityError(msg)
    everything = np.arange(len(first.test))
    seen = np.zeros(len(first.test), dtype=bool)
    for source in sources:
        if source.seen is not None:
            seen |= source.seen
    rows = everything[~seen]
    _require_events(sources, rows, [seen])
    checked = _check(sources, tuple(everything for _ in sources), (), EventNumbers((), is_rounded=False))
    count = SourceCount(len(seen), int(seen.sum()), 0)
    return MatchedEvents(
        rows=tuple(rows for _ in sources),
        event=None,
        identity=(),
        is_rounded=False,
        checked=checked,
        counts=tuple(count for _ in sources),
        train_events=tuple(None for _ in sources),
    )


def _require_events(sources: Sequence[ScoredSource], rows: Rows, trained: list[NDArray[np.bool_]]) -> None:
    y = sources[0].test.y[rows]
    if y.any() and not y.all():
        return
    lost = ", ".join(
        f"{source.name} has {len(mask)} test events, of which {int(mask.sum())} were trained on by one of the sources"
        for source, mask in zip(sources, trained, strict=False)
    )
    which = "background" if y.any() else "signal" if len(y) else "event"
    msg = f"no {which} is in the test part of all sources: {lost}. Are they of the same samples, split in the same way?"
    raise EmptySelectionError(msg)
