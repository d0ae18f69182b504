"""What ROOT files hold: trees, entries, branches, types, compression; on request the quality of numbers and events."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepml.errors import BranchNotFoundError, BranchTypeError, did_you_mean
from hepml.readers.files import TreeLocation
from hepml.readers.repeats import RepeatFinder
from hepml.readers.source import TreeSource, damage, open_file, tree_names
from hepml.readers.statistics import branch_statistics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hepml.readers.repeats import RepeatedEvents
    from hepml.readers.statistics import BranchStatistics

__all__ = ["BranchSummary", "FileSummary", "TreeSummary", "inspect_file", "inspect_files"]


@dataclass(frozen=True, slots=True)
class BranchSummary:
    """A branch: name, C++ type, shape, bytes before and after compression, and statistics if they were asked for."""

    name: str
    typename: str
    shape: str
    uncompressed_bytes: int | None
    compressed_bytes: int | None
    statistics: BranchStatistics | None = None
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TreeSummary:
    """A tree.

    Parameters
    ----------
    name, kind : str
        Its name, and TTree or RNTuple.
    n_entries : int
        Number of entries.
    branches : tuple of BranchSummary
        What was asked for.
    differences : tuple of str
        How its branches differ from those of the first file that has a tree of this name.
    repeated : RepeatedEvents or None
        Events that were there before, with statistics of all branches; None where nothing identifies an event.
    """

    name: str
    kind: str
    n_entries: int
    branches: tuple[BranchSummary, ...]
    differences: tuple[str, ...] = ()
    repeated: RepeatedEvents | None = None


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
    """Describe a ROOT file; see :func:`inspect_files`.

    Parameters
    ----------
    location : TreeLocation
        File, and the tree to describe; without one all trees.
    branches : sequence of str, optional
        Branches to describe. Default: all.
    statistics : bool
        Read the numbers.

    Returns
    -------
    FileSummary
        What the file holds.

    Raises
    ------
    HepmlError
        If the file cannot be read, or has no such tree or branch.
    """
    (summary,) = inspect_files([location], branches=branches, statistics=statistics)
    return summary


def inspect_files(
    locations: Sequence[TreeLocation], *, branches: Sequence[str] | None = None, statistics: bool = False
) -> list[FileSummary]:
    """Describe ROOT files, one after the other and against each other.

    Parameters
    ----------
    locations : sequence of TreeLocation
        Files, each with the tree to describe; without one all trees.
    branches : sequence of str, optional
        Branches to describe. Default: all.
    statistics : bool
        Read the numbers: range, mean, NaN, infinities, sentinels, what float32 cannot hold, lengths of lists. With all
        branches, also find events that are there twice: trees of one name are searched together, in 8 bytes an event (16
        while they are sorted) and some 100 for each that is there twice.

    Returns
    -------
    list of FileSummary
        What each file holds.

    Raises
    ------
    HepmlError
        If a file cannot be read, or has no such tree or branch.
    """
    described = [_describe_file(location, branches, statistics=statistics) for location in locations]
    summaries = [
        replace(summary, trees=_compared(summary, described[:number])) for number, summary in enumerate(described)
    ]
    return _with_repeats(summaries) if statistics and branches is None else summaries


def _describe_file(location: TreeLocation, branches: Sequence[str] | None, *, statistics: bool) -> FileSummary:
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
            found = branch_statistics(source, name)
        elif statistics and branches is not None:
            msg = f"branch {name!r} of {source} has type {info.typename}: {info.reason}"
            raise BranchTypeError(msg)
        summaries.append(BranchSummary(name, info.typename, info.shape, uncompressed, compressed, found, info.members))
    return TreeSummary(
        source.tree_name, "RNTuple" if source.is_rntuple else "TTree", source.n_entries, tuple(summaries)
    )


def _compared(summary: FileSummary, before: Sequence[FileSummary]) -> tuple[TreeSummary, ...]:
    """Say of each tree how it differs from the first of its name."""
    trees = []
    for tree in summary.trees:
        first = next(((file, other) for file in before for other in file.trees if other.name == tree.name), None)
        trees.append(tree if first is None else replace(tree, differences=tuple(_differences(tree, *first))))
    return tuple(trees)


def _differences(tree: TreeSummary, file: FileSummary, first: TreeSummary) -> Iterator[str]:
    mine = {branch.name: branch for branch in tree.branches}
    theirs = {branch.name: branch for branch in first.branches}
    for name, other in theirs.items():
        if name not in mine:
            yield f"no branch {name!r}, which {file.path} has"
        # a TTree and an RNTuple have different words for one type
        elif mine[name].shape != other.shape or (tree.kind == first.kind and mine[name].typename != other.typename):
            yield f"branch {name!r} is {mine[name].typename}, in {file.path} {other.typename}"
    for name in mine:
        if name not in theirs:
            yield f"branch {name!r} is not in {file.path}"


def _with_repeats(summaries: list[FileSummary]) -> list[FileSummary]:
    trees: dict[str, list[int]] = {}
    for number, summary in enumerate(summaries):
        for tree in summary.trees:
            trees.setdefault(tree.name, []).append(number)
    found: dict[tuple[int, str], RepeatedEvents | None] = {}
    for name, numbers in trees.items():
        locations = [TreeLocation(summaries[number].path, name) for number in numbers]
        finder = RepeatFinder()
        for source in _opened(locations):
            finder.add(source)
        for number, repeated in zip(numbers, finder.find(_opened(locations)), strict=True):
            found[number, name] = repeated
    return [
        replace(summary, trees=tuple(replace(tree, repeated=found[number, tree.name]) for tree in summary.trees))
        for number, summary in enumerate(summaries)
    ]


def _opened(locations: Sequence[TreeLocation]) -> Iterator[TreeSource]:
    """Open one tree after the other."""
    for location in locations:
        with TreeSource(location) as source:
            yield source
