"""Do matched events have the same features? Columns that two sources have in common, and whether they agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import IdentityError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hepml.workflow.comparing.scored import ScoredSource

__all__ = ["check_columns", "common_columns"]

# of a value, and of the column's scale: double and float32 arithmetic of one expression differ by no more
_RELATIVE = 1e-5
_OF_SCALE = 1e-6

# of a run, beside what was read of each event
_OWN = frozenset({"split"})


def common_columns(first: ScoredSource, second: ScoredSource, identity: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return the columns that both have, by their names in each, without what identifies events."""
    without = _OWN.union(identity)
    pairs = (
        (name, second.column_of(name, first.expressions.get(name)))
        for name in first.test.columns
        if name not in without
    )
    return tuple((name, other) for name, other in pairs if other is not None and other not in without)


def check_columns(
    first: ScoredSource,
    second: ScoredSource,
    rows: tuple[NDArray[np.int64], NDArray[np.int64]],
    pairs: Sequence[tuple[str, str]],
) -> None:
    """Refuse matched events whose columns differ.

    Parameters
    ----------
    first, second : ScoredSource
        Two sources.
    rows : tuple of ndarray of int64
        Rows of their test parts, event by event.
    pairs : sequence of (str, str)
        Names of a column in each.

    Raises
    ------
    IdentityError
        Naming the first column that differs.
    """
    for name, other in pairs:
        a = _float32(first.test.columns[name][rows[0]])
        b = _float32(second.test.columns[other][rows[1]])
        differ = _differ(a, b)
        if differ.any():
            place = int(np.flatnonzero(differ)[0])
            msg = (
                f"{first.name} and {second.name} do not hold the same events: where they were matched, {name!r} differs in "
                f"{int(differ.sum())} of {len(differ)} events, for example {a[place]:g} and {b[place]:g}"
            )
            raise IdentityError(msg)


def _float32(column: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        return column.astype(np.float32).astype(np.float64)


def _differ(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    finite = np.isfinite(a) & np.isfinite(b)
    scale = float(np.abs(a[finite]).mean()) if finite.any() else 0.0
    with np.errstate(invalid="ignore"):
        near = np.abs(a - b) <= _RELATIVE * np.abs(a) + _OF_SCALE * scale
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    differ: NDArray[np.bool_] = ~((near & finite) | same)
    return differ
