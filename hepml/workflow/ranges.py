"""How many of the entries that are scored lie outside of the ranges in which a model was trained: counted in one pass."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from hepml.classifiers.card import FeatureRange

__all__ = ["OutsideRange", "RangeCounter", "add_up", "range_warning"]

# of the entries; a few beyond the most extreme ones of a training are no surprise
_WORTH_A_WARNING = 1e-3
_MOST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class OutsideRange:
    """Entries in which a feature is not as in the training.

    Parameters
    ----------
    feature : str
        Its name.
    minimum, maximum : float or None
        Of the training; None if it had no value there.
    trained_missing : float
        Share of the training without a value.
    n_entries : int
        Entries that were looked at.
    n_below, n_above : int
        Those below the minimum and above the maximum.
    n_missing : int
        Those without a value.
    """

    feature: str
    minimum: float | None
    maximum: float | None
    trained_missing: float
    n_entries: int
    n_below: int
    n_above: int
    n_missing: int

    @property
    def share(self) -> float:
        """Share of the entries that lie outside, or lack a value that no event of the training lacked."""
        return self.n_outside / self.n_entries if self.n_entries else 0.0

    @property
    def n_outside(self) -> int:
        """Entries that lie outside, or lack a value that no event of the training lacked."""
        return self.n_below + self.n_above + (0 if self.trained_missing > 0 else self.n_missing)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return asdict(self) | {"share_outside": self.share}


class RangeCounter:
    """Counts of all features, in constant memory.

    Parameters
    ----------
    ranges : iterable of (int, FeatureRange)
        The column of each feature, and where it lay; equal ones are counted once.
    """

    def __init__(self, ranges: Iterable[tuple[int, FeatureRange]]) -> None:
        self._ranges = list(dict.fromkeys(ranges))
        self._n_entries = 0
        self._counts = np.zeros((len(self._ranges), 3), dtype=np.int64)

    def count(self, X: NDArray[np.float32]) -> None:
        """Count further entries, of shape (n_entries, n_columns)."""
        self._n_entries += len(X)
        for counts, (column, trained) in zip(self._counts, self._ranges, strict=True):
            values = X[:, column]
            n_missing = int(np.isnan(values).sum())
            if trained.minimum is None or trained.maximum is None:
                # where the training had no value, each is outside
                counts += [len(values) - n_missing, 0, n_missing]
            else:
                # what is missing is neither below nor above
                below, above = int((values < trained.minimum).sum()), int((values > trained.maximum).sum())
                counts += [below, above, n_missing]

    def take(self) -> tuple[OutsideRange, ...]:
        """Return what was counted, and begin anew."""
        found = tuple(
            OutsideRange(
                trained.name, trained.minimum, trained.maximum, trained.missing, self._n_entries, *counts.tolist()
            )
            for counts, (_, trained) in zip(self._counts, self._ranges, strict=True)
        )
        self._n_entries = 0
        self._counts[:] = 0
        return found


def add_up(found: Sequence[tuple[OutsideRange, ...]]) -> tuple[OutsideRange, ...]:
    """Return the counts of several inputs, which one counter gave, as those of one."""
    numbers = ("n_entries", "n_below", "n_above", "n_missing")
    return tuple(
        replace(same[0], **{name: sum(getattr(one, name) for one in same) for name in numbers})
        for same in zip(*found, strict=True)
    )


def range_warning(found: Sequence[OutsideRange]) -> str | None:
    """Return what must be said of features of which more than 0.1% lie outside, None if there are none."""
    worst = sorted((one for one in found if one.share > _WORTH_A_WARNING), key=lambda one: -one.share)
    if not worst:
        return None
    shown = "; ".join(_described(one) for one in worst[:_MOST_SHOWN])
    more = f"; and {len(worst) - _MOST_SHOWN} more" if len(worst) > _MOST_SHOWN else ""
    return (
        f"features lie outside of the ranges in which the model was trained, where its scores are extrapolations: {shown}"
        f"{more}"
    )


def _described(one: OutsideRange) -> str:
    parts = [
        f"{count / one.n_entries:.2%} {what}"
        for count, what in (
            (one.n_below, f"below {_number(one.minimum)}"),
            (one.n_above, f"above {_number(one.maximum)}"),
            (0 if one.trained_missing > 0 else one.n_missing, "missing, as in no event of the training"),
        )
        if count
    ]
    return f"{one.feature} ({', '.join(parts)})"


def _number(value: float | None) -> str:
    return "anything, as all were missing" if value is None else f"{value:.6g}"
