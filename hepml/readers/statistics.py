"""Range and quality of the numbers of a branch, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.data.quality import float32_resolution

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.readers.source import TreeSource

__all__ = ["BranchStatistics", "ListLengths", "branch_statistics"]

# what frameworks write where there is nothing: a suspicion to report, never a reason to change a value
_SENTINELS = (-9999.0, -999.0, -99.0, -9.0, -1.0, 999.0, 9999.0)
_CHUNK_BYTES = 32_000_000
# integers up to here are float32 numbers
_EXACT_INTEGERS = 2**24


@dataclass(frozen=True, slots=True)
class ListLengths:
    """How many numbers the entries of a jagged branch have: the fewest, the most, on average; NaN without entries."""

    minimum: float
    maximum: float
    mean: float


@dataclass(frozen=True, slots=True)
class BranchStatistics:
    """Range and quality of the numbers of a branch.

    Parameters
    ----------
    dtype : str
        Type of the numbers, as NumPy names it.
    minimum, maximum, mean : float
        Over all finite numbers; NaN if there is none.
    n_values, n_nan, n_infinite : int
        How many numbers there are, are NaN, are infinite.
    sentinels : dict of float to int
        How often the lowest or highest value is one of the usual sentinels (-999, ...), standing apart from the rest.
    constant : bool
        Whether all numbers are the same.
    n_rounded : int
        Finite numbers that another number stands for in float32, the type of features.
    largest_change : float
        Their largest relative change: up to 6e-8 for doubles in the range of float32, up to 1 below.
    n_beyond_float32 : int
        Finite numbers that are infinite in float32; they are not part of the above.
    resolution : float
        Distance of neighbouring float32 numbers at the largest magnitude, as a share of maximum - minimum; 0 if no number is
        rounded. Numbers that differ by less become equal.
    lengths : ListLengths or None
        Of a jagged branch.
    """

    dtype: str
    minimum: float
    maximum: float
    mean: float
    n_values: int
    n_nan: int
    n_infinite: int
    sentinels: dict[float, int]
    constant: bool
    n_rounded: int
    largest_change: float
    n_beyond_float32: int
    resolution: float
    lengths: ListLengths | None = None


def branch_statistics(source: TreeSource, name: str) -> BranchStatistics:
    """Read a branch chunk by chunk and count.

    Parameters
    ----------
    source : TreeSource
        The tree.
    name : str
        A branch of numbers.

    Returns
    -------
    BranchStatistics
        Over all its numbers.

    Raises
    ------
    FileUnreadableError
        If the branch is damaged.
    """
    tally = _Tally(source.numeric_branch(name).dtype or np.dtype(np.float64))
    for start, stop in pairwise(source.chunk_edges([name], _CHUNK_BYTES)):
        tally.add(source.read_branch(name, start, stop))
    return tally.statistics()


class _Tally:
    """What is known of the numbers so far."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        self._low, self._high, self._total = np.inf, -np.inf, 0.0
        # range of what is no sentinel
        self._inner_low, self._inner_high = np.inf, -np.inf
        self._n_values = self._n_nan = self._n_infinite = 0
        self._counts = dict.fromkeys(_SENTINELS, 0)
        self._n_rounded, self._largest_change, self._n_beyond = 0, 0.0, 0
        self._n_lists, self._shortest, self._longest, self._n_listed = 0, np.inf, -np.inf, 0
        self._is_jagged = False

    def add(self, array: Any) -> None:
        values = self._numbers(array)
        self._n_values += values.size
        finite = values
        if values.dtype.kind == "f":
            self._n_nan += int(np.isnan(values).sum())
            self._n_infinite += int(np.isinf(values).sum())
            finite = values[np.isfinite(values)]
        if finite.size == 0:
            return
        self._total += float(finite.sum(dtype=np.float64))
        for sentinel in _SENTINELS:
            self._counts[sentinel] += int(np.count_nonzero(finite == sentinel))
        self._low, self._high = min(self._low, float(finite.min())), max(self._high, float(finite.max()))
        inner = finite[~np.isin(finite, _SENTINELS)]
        if inner.size:
            self._inner_low = min(self._inner_low, float(inner.min()))
            self._inner_high = max(self._inner_high, float(inner.max()))
        if finite.dtype.kind in "iuf" and finite.dtype.itemsize > (4 if finite.dtype.kind == "f" else 2):
            self._add_rounded(finite)

    def _numbers(self, array: Any) -> NDArray[Any]:
        if isinstance(array, np.ndarray):
            return array.ravel()
        import awkward as ak

        self._is_jagged = True
        lengths = ak.to_numpy(ak.num(array, axis=1))
        if lengths.size:
            self._n_lists += lengths.size
            self._n_listed += int(lengths.sum())
            self._shortest = min(self._shortest, int(lengths.min()))
            self._longest = max(self._longest, int(lengths.max()))
        return np.asarray(ak.flatten(array, axis=None))

    def _add_rounded(self, values: NDArray[Any]) -> None:
        if values.dtype.kind in "iu":
            # only these can change, and most branches of integers have none of them
            values = values[(values > _EXACT_INTEGERS) | (values < -_EXACT_INTEGERS)]
        with np.errstate(over="ignore", under="ignore"):
            near = values.astype(np.float32)
            beyond = np.isinf(near)
            self._n_beyond += int(beyond.sum())
            if beyond.any():
                values, near = values[~beyond], near[~beyond]
            changed = _differs(near, values)
            if not changed.any():
                return
            self._n_rounded += int(changed.sum())
            exact = values[changed].astype(np.float64)
            # the difference of neighbours is exact; that of a 64-bit integer to its double is far below that to its float32
            change = np.abs((near[changed].astype(np.float64) - exact) / exact)
        self._largest_change = max(self._largest_change, float(change.max()))

    def statistics(self) -> BranchStatistics:
        """Return what was found."""
        n_finite = self._n_values - self._n_nan - self._n_infinite
        low, high = self._low, self._high
        # -1 is a sentinel only where it stands alone below values that never come near it, and where it is no charge
        apart = np.isfinite(self._inner_low) and low != -high
        sentinels = {
            value: count
            for value, count in self._counts.items()
            if count
            and apart
            and ((value == low and self._inner_low > value + 0.5) or (value == high and self._inner_high < value - 0.5))
        }
        return BranchStatistics(
            dtype=self._dtype.name,
            minimum=low if n_finite else float("nan"),
            maximum=high if n_finite else float("nan"),
            mean=self._total / n_finite if n_finite else float("nan"),
            n_values=self._n_values,
            n_nan=self._n_nan,
            n_infinite=self._n_infinite,
            sentinels=sentinels,
            constant=bool(n_finite) and low == high,
            n_rounded=self._n_rounded,
            largest_change=self._largest_change,
            n_beyond_float32=self._n_beyond,
            resolution=float32_resolution(low, high) if self._n_rounded else 0.0,
            lengths=self._lengths() if self._is_jagged else None,
        )

    def _lengths(self) -> ListLengths:
        if not self._n_lists:
            return ListLengths(float("nan"), float("nan"), float("nan"))
        return ListLengths(self._shortest, self._longest, self._n_listed / self._n_lists)


def _differs(near: NDArray[np.float32], values: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which numbers are not what their float32 stands for, exactly."""
    wide = near.astype(np.float64)
    if values.dtype.kind == "f":
        return np.asarray(wide != values)
    # 2^63 and 2^64 are no integers of 64 bits, but float32 numbers that the largest are rounded to
    top = 2.0 ** (63 if values.dtype.kind == "i" else 64)
    inside = wide < top
    differs = np.ones(values.shape, dtype=bool)
    differs[inside] = wide[inside].astype(np.int64 if values.dtype.kind == "i" else np.uint64) != values[inside]
    return differs
