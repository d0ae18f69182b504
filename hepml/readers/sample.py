"""One sample, chunk by chunk: file after file, again where a transfer failed, without what cannot be read."""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hepml.data import Cutflow, CutflowStep, SampleInfo, SkippedFile
from hepml.data.cutflow import GENERATED, Tally
from hepml.errors import EmptySelectionError, FileUnreadableError, HepmlError
from hepml.readers.block import Chunk
from hepml.readers.normalisation import normalisation
from hepml.readers.remote import with_retries
from hepml.readers.schema import BAD_FILE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from hepml.readers.block import Block
    from hepml.readers.files import TreeLocation
    from hepml.readers.friends import JoinedSource
    from hepml.readers.normalisation import Generated
    from hepml.readers.request import SampleRequest
    from hepml.readers.root_source import RootReader
    from hepml.readers.schema import FileFacts, Schema
    from hepml.readers.source import TreeSource

__all__ = ["Piece", "SampleReader"]

_LOG = logging.getLogger("hepml.readers")


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk of a file; None takes back all chunks of the file, which is skipped."""

    facts: FileFacts
    chunk: Chunk | None


class SampleReader:
    """Reads the files of one sample, and knows what came of each.

    :meth:`pieces` may run in another thread than :meth:`append`; the rest is right when both are done.
    """

    def __init__(
        self,
        request: SampleRequest,
        schema: Schema,
        *,
        number: int,
        cuts: Sequence[str],
        factor: str,
        root: RootReader | None = None,
    ) -> None:
        self.request = request
        self._schema, self._number, self._cuts, self._factor = schema, number, cuts, factor
        self._root = root
        self._skipped = list(schema.skipped)
        self._read: list[tuple[FileFacts, int]] = []
        self._tallies: dict[int, Tally] = {}

    @property
    def where(self) -> str:
        """Sample and weight, for messages."""
        return f"sample {self.request.name!r}" + (f", weight {self._factor}" if self._factor else "")

    @property
    def n_entries(self) -> int:
        """Entries that were read."""
        return sum(n_entries for _, n_entries in self._read)

    def pieces(self, chunk_bytes: int) -> Generator[Piece]:
        """Read all files that can be read, up to the largest number of entries."""
        request = self.request
        labels = _file_labels(request.files) if not self._schema.identity else {}
        last_error: HepmlError | None = None
        for facts in self._schema.files:
            n_wanted = self._wanted(facts, self._read)
            if n_wanted is None:
                break
            path = facts.location.path
            try:
                with closing(_OpenedFile(partial(self._open, facts, labels.get(facts.location, ""), n_wanted))) as file:
                    ranges = with_retries(path, partial(file.ranges, self._schema.branches, n_wanted, chunk_bytes))
                    for start, stop in ranges:
                        # no variable holds the chunk: its memory is the consumer's to give back
                        yield Piece(facts, with_retries(path, partial(file.chunk, start, stop)))
            except BAD_FILE_ERRORS as error:
                if request.bad_files == "error":
                    raise
                last_error = error
                sumw = None if facts.generated is None else facts.generated.sumw
                self._skipped.append(SkippedFile(str(facts.location), str(error), facts.n_entries, sumw))
                _LOG.warning("sample %s: %s is skipped: %s", request.name, facts.location, error)
                yield Piece(facts, None)
                continue
            self._read.append((facts, n_wanted))
        if not self._read and last_error is not None:
            msg = f"sample {request.name!r}: none of its files can be read; the last one: {last_error}"
            raise FileUnreadableError(msg) from last_error

    def _wanted(self, facts: FileFacts, before: Sequence[tuple[FileFacts, int]]) -> int | None:
        """Return how many entries of the next file are read; None if there are enough."""
        if self.request.max_events is None:
            return facts.n_entries
        n_wanted = min(facts.n_entries, self.request.max_events - sum(n_entries for _, n_entries in before))
        return None if before and n_wanted == 0 else n_wanted

    def _open(
        self, facts: FileFacts, label: str, n_wanted: int
    ) -> tuple[TreeSource | JoinedSource, Callable[[int, int], Chunk]]:
        source = self._schema.friends.open(facts.location, facts.position, facts.first_entry)
        try:
            _check_unchanged(source, facts)
            if self._root is None:
                return source, partial(Chunk, source, self._schema.branches, file_label=label)
            prepare = partial(self._root.prepare, cuts=self._cuts, factor=self._factor, file_label=label)
            return source, prepare(source, n_entries=n_wanted)
        except BaseException:
            source.close()
            raise

    def append(self, block: Block, piece: Piece) -> int:
        """Append the selected events of a chunk to a block, count them, and return the number of entries."""
        if piece.chunk is None:
            return 0
        tally = self._tallies.setdefault(piece.facts.position, Tally(self._cuts))
        block.append(
            piece.chunk,
            tally,
            sample=self._number,
            part=piece.facts.part,
            cuts=self._cuts,
            factor=self._factor,
            scale=self.request.scale,
        )
        return len(piece.chunk)

    def forget(self, facts: FileFacts) -> None:
        """Take back what was counted in a file."""
        self._tallies.pop(facts.position, None)

    def planned(self) -> list[tuple[FileFacts, int]]:
        """Return the files that will be read if none fails, each with the number of entries."""
        planned: list[tuple[FileFacts, int]] = []
        for facts in self._schema.files:
            n_wanted = self._wanted(facts, planned)
            if n_wanted is None:
                break
            planned.append((facts, n_wanted))
        return planned

    def read_files(self) -> tuple[list[FileFacts], list[SkippedFile]]:
        """Return the files that were read and those that were skipped."""
        return [facts for facts, _ in self._read], self._skipped

    def normalisation(self, files: Sequence[tuple[FileFacts, int]] | None = None) -> tuple[float, float | None]:
        """Return the factor that scales to the luminosity, and the sum of generated weights that it leads to.

        It counts the generated events of the files that were read, or of those that are given.
        """
        if self.request.normalise is None:
            return 1.0, None
        generated = _generated(self._read if files is None else files)
        return normalisation(self.request.normalise, generated, self.request.name)

    def check_not_empty(self, n_events: int) -> None:
        """Refuse a sample of which nothing was selected."""
        if n_events:
            return
        request, n_entries = self.request, self.n_entries
        files = ", ".join(map(str, request.files[:3])) + (", ..." if len(request.files) > 3 else "")
        if n_entries == 0:
            msg = f"sample {request.name!r} has no entries (files: {files})"
            raise EmptySelectionError(msg)
        cut = " && ".join(f"({text})" for text in self._cuts)
        msg = (
            f"sample {request.name!r}: none of {n_entries} entries passes the selection {cut!r} (files: {files}); "
            f"`hepml inspect --stats` shows the ranges of the branches"
        )
        raise EmptySelectionError(msg)

    def info(self) -> SampleInfo:
        """Return the sample as the dataset keeps it."""
        request = self.request
        tally = Tally(self._cuts)
        for of_file in self._tallies.values():
            tally.add(of_file)
        factor, expected = self.normalisation()
        cutflow = tally.cutflow()
        if expected is not None:
            generated = CutflowStep(GENERATED, None, expected * request.scale, None)
            cutflow = Cutflow((generated, *cutflow.scaled(factor).steps))
        entries = next(step for step in cutflow.steps if step.cut != GENERATED)
        if not np.isfinite(entries.sum_weights):
            _LOG.warning(
                "%s: some weights of events that the selection drops are NaN or infinite; so is the sum before it",
                self.where,
            )
        return SampleInfo(
            name=request.name,
            role=request.role,
            title=request.title,
            n_entries=self.n_entries,
            sum_weights=entries.sum_weights,
            files=tuple(str(facts.location) for facts, _ in self._read),
            cutflow=cutflow,
            skipped=tuple(self._skipped),
            friends=tuple(str(location) for friend in request.friends for location in friend.files),
        )


class _OpenedFile:
    """A file that is opened when something is read, and once more after a failure."""

    def __init__(self, opening: Callable[[], tuple[TreeSource | JoinedSource, Callable[[int, int], Chunk]]]) -> None:
        self._opening = opening
        self._now: tuple[TreeSource | JoinedSource, Callable[[int, int], Chunk]] | None = None

    def ranges(self, names: Sequence[str], n_wanted: int, chunk_bytes: int) -> list[tuple[int, int]]:
        """Return the entry ranges of the chunks; a file without entries has one of none."""
        try:
            edges = self._opened()[0].chunk_edges(names, chunk_bytes)
        except BAD_FILE_ERRORS:
            self.close()
            raise
        cut = [(start, min(stop, n_wanted)) for start, stop in pairwise(edges)]
        return [(start, stop) for start, stop in cut if start < stop or start == 0]

    def chunk(self, start: int, stop: int) -> Chunk:
        """Read a chunk."""
        try:
            return self._opened()[1](start, stop)
        except BAD_FILE_ERRORS:
            self.close()
            raise

    def _opened(self) -> tuple[TreeSource | JoinedSource, Callable[[int, int], Chunk]]:
        if self._now is None:
            self._now = self._opening()
        return self._now

    def close(self) -> None:
        """Close the file if it is open."""
        if self._now is not None:
            self._now[0].close()
            self._now = None


def _check_unchanged(source: TreeSource | JoinedSource, facts: FileFacts) -> None:
    if source.n_entries != facts.n_entries:
        msg = f"{source} had {facts.n_entries} entries a moment ago and has {source.n_entries} now"
        raise FileUnreadableError(msg)


def _generated(files: Sequence[tuple[FileFacts, int]]) -> list[tuple[Generated, float]]:
    # several trees of one file share its generated events
    entries: dict[str, list[int]] = {}
    by_path = {}
    for facts, n_read in files:
        if facts.generated is None:
            continue
        by_path[facts.location.path] = facts.generated
        counts = entries.setdefault(facts.location.path, [0, 0])
        counts[0] += n_read
        counts[1] += facts.n_entries
    return [
        (generated, entries[path][0] / entries[path][1] if entries[path][1] else 1.0)
        for path, generated in by_path.items()
    ]


def _file_labels(locations: Sequence[TreeLocation]) -> dict[TreeLocation, str]:
    """Return what names each file where nothing else identifies its events: as little of the path as tells them apart.

    The whole path is not used: moving a sample must not change its parts.
    """
    paths = [Path(location.path).parts for location in locations]
    labels = {}
    for parts, location in zip(paths, locations, strict=True):
        others = {other for other in paths if other != parts}
        length = 1
        while length < len(parts) and any(other[-length:] == parts[-length:] for other in others):
            length += 1
        labels[location] = "/".join(parts[-length:]) + (f":{location.tree}" if location.tree else "")
    return labels
