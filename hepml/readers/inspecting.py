"""What a ROOT file holds: trees, entries, branches, types, compression; on request ranges, NaN and sentinels."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import BranchNotFoundError, BranchTypeError, did_you_mean
from hepml.readers.files import TreeLocation
from hepml.readers.source import TreeSource, damage, open_file, tree_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["BranchStatistics", "BranchSummary", "FileSummary", "TreeSummary", "inspect_file"]

# what frameworks write where there is nothing: a suspicion to report, never a reason to change a value
_SENTINELS = (-9999.0, -999.0, -99.0, -9.0, -1.0, 999.0, 9999.0)
_CHUNK_BYTES = 32_000_000


@dataclass(frozen=True, slots=True)
class BranchStatistics:
    """Range and quality of the numbers of a branch.

    Parameters
    ----------
    minimum, maximum, mean : float
        Over all finite numbers; NaN if there is none.
    n_values, n_nan, n_infinite : int
        How many numbers there are, are NaN, are infinite.
    sentinels : dict of float to int
        How often the lowest or highest value is one of the usual sentinels (-999, ...), standing apart from the rest.
    constant : bool
        Whether all numbers are the same.
    """

    minimum: float
    maximum: float
    mean: float
    n_values: int
    n_nan: int
    n_infinite: int
    sentinels: dict[float, int]
    constant: bool


@dataclass(frozen=True, slots=True)
class BranchSummary:
    """A branch: name, C++ type, shape, bytes before and after compression, and statistics if they were asked for."""

    name: str
    typename: str
    shape: str
    uncompressed_bytes: int | None
    compressed_bytes: int | None
    statistics: BranchStatistics | None = None


@dataclass(frozen=True, slots=True)
class TreeSummary:
    """A tree: name, TTree or RNTuple, entries, branches."""

    name: str
    kind: str
    n_entries: int
    branches: tuple[BranchSummary, ...]


@dataclass(frozen=True, slots=True)
class FileSummary:
    """A file: path, size in bytes, compression, trees."""

    path: str
    size: int | None
    compression: str
    trees: tuple[TreeSummary, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain JSON types."""
        return asdict(self)


def inspect_file(
    location: TreeLocation, *, branches: Sequence[str] | None = None, statistics: bool = False
) -> FileSummary:
    """Describe a ROOT file.

    Parameters
    ----------
    location : TreeLocation
        File, and the tree to describe; without one all trees.
    branches : sequence of str, optional
        Branches to describe. Default: all.
    statistics : bool
        Read the numbers and give range, mean, NaN, infinities and sentinels.

    Returns
    -------
    FileSummary
        What the file holds.

    Raises
    ------
    HepmlError
        If the file cannot be read, or has no such tree or branch.
    """
    with (
        open_file(location.path) as directory,
        damage(location.path, "is damaged: its list of contents cannot be read"),
    ):
        names = tree_names(directory)
        compression = directory.file.compression
    wanted = names if location.tree is None else [location.tree]
    trees = []
    for name in wanted:
        with TreeSource(TreeLocation(location.path, name)) as source:
            trees.append(_describe_tree(source, branches, statistics=statistics))
    return FileSummary(
        path=location.path,
        size=None if "://" in location.path else Path(location.path).stat().st_size,
        compression="none" if compression is None else f"{type(compression).__name__} level {compression.level}",
        trees=tuple(trees),
    )


def _describe_tree(source: TreeSource, branches: Sequence[str] | None, *, statistics: bool) -> TreeSummary:
    known = source.branch_names
    for name in branches or ():
        if name not in known:
            msg = f"no branch {name!r} in {source}{did_you_mean(name, known)}"
            raise BranchNotFoundError(msg)
    summaries = []
    for name in known if branches is None else branches:
        info = source.branch(name)
        uncompressed, compressed = source.branch_bytes(name)
        found = None
        if statistics and info.shape != "unusable":
            found = _statistics(source, name)
        elif statistics and branches is not None:
            msg = f"branch {name!r} of {source} has type {info.typename}: {info.reason}"
            raise BranchTypeError(msg)
        summaries.append(BranchSummary(name, info.typename, info.shape, uncompressed, compressed, found))
    return TreeSummary(
        source.tree_name, "RNTuple" if source.is_rntuple else "TTree", source.n_entries, tuple(summaries)
    )


def _statistics(source: TreeSource, name: str) -> BranchStatistics:
    low, high, total = np.inf, -np.inf, 0.0
    n_values = n_nan = n_infinite = 0
    second_low, second_high = np.inf, -np.inf
    counts = dict.fromkeys(_SENTINELS, 0)
    edges = source.chunk_edges([name], _CHUNK_BYTES)
    for start, stop in pairwise(edges):
        values = _numbers(source.read_branch(name, start, stop))
        n_values += values.size
        finite = values
        if values.dtype.kind == "f":
            n_nan += int(np.isnan(values).sum())
            n_infinite += int(np.isinf(values).sum())
            finite = values[np.isfinite(values)]
        if finite.size == 0:
            continue
        total += float(finite.sum(dtype=np.float64))
        for sentinel in _SENTINELS:
            counts[sentinel] += int(np.count_nonzero(finite == sentinel))
        low, high = min(low, float(finite.min())), max(high, float(finite.max()))
        inner = finite[~np.isin(finite, _SENTINELS)]
        if inner.size:
            second_low, second_high = min(second_low, float(inner.min())), max(second_high, float(inner.max()))
    n_finite = n_values - n_nan - n_infinite
    # -1 is a sentinel only where it stands alone below values that never come near it, and where it is no charge
    apart = np.isfinite(second_low) and low != -high
    sentinels = {
        value: count
        for value, count in counts.items()
        if count
        and apart
        and ((value == low and second_low > value + 0.5) or (value == high and second_high < value - 0.5))
    }
    return BranchStatistics(
        minimum=low if n_finite else float("nan"),
        maximum=high if n_finite else float("nan"),
        mean=total / n_finite if n_finite else float("nan"),
        n_values=n_values,
        n_nan=n_nan,
        n_infinite=n_infinite,
        sentinels=sentinels,
        constant=bool(n_finite) and low == high,
    )


def _numbers(array: Any) -> NDArray[Any]:
    if isinstance(array, np.ndarray):
        return array.ravel()
    import awkward as ak

    return np.asarray(ak.flatten(array, axis=None))
