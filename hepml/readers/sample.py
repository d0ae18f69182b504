"""One sample into the block: file after file, again where a transfer failed, without what cannot be read."""

from __future__ import annotations

import logging
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from hepml.data import Cutflow, CutflowStep, SampleInfo, SkippedFile
from hepml.data.cutflow import GENERATED, Tally
from hepml.errors import FileUnreadableError, HepmlError
from hepml.readers.block import Chunk
from hepml.readers.normalisation import normalisation
from hepml.readers.remote import with_retries
from hepml.readers.schema import BAD_FILE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hepml.readers.block import Block
    from hepml.readers.files import TreeLocation
    from hepml.readers.normalisation import Generated
    from hepml.readers.request import SampleRequest
    from hepml.readers.root_source import RootReader
    from hepml.readers.schema import FileFacts, Schema

__all__ = ["SampleReader"]

_LOG = logging.getLogger("hepml.readers")


class SampleReader:
    """Reads the files of one sample, and knows what came of each."""

    def __init__(
        self,
        request: SampleRequest,
        schema: Schema,
        block: Block,
        *,
        number: int,
        cuts: Sequence[str],
        factor: str,
        advance: Callable[[int], None],
        root: RootReader | None = None,
    ) -> None:
        self._request, self._schema, self._block = request, schema, block
        self._number, self._cuts, self._factor = number, cuts, factor
        self._advance = advance
        self._root = root
        self._tally = Tally(cuts)
        self._skipped = list(schema.skipped)
        self._read: list[tuple[FileFacts, int]] = []
        self._cutflow: Cutflow | None = None

    @property
    def n_entries(self) -> int:
        """Entries that were read."""
        return sum(n_entries for _, n_entries in self._read)

    def read(self, chunk_bytes: int) -> None:
        """Read all files that can be read, up to the largest number of entries."""
        request, files = self._request, self._schema.files
        labels = _file_labels(request.files) if not self._schema.identity else {}
        last_error: HepmlError | None = None
        for facts in files:
            n_wanted = facts.n_entries
            if request.max_events is not None:
                n_wanted = min(n_wanted, request.max_events - self.n_entries)
                if self._read and n_wanted == 0:
                    break
            try:
                label = labels.get(facts.location, "")
                with_retries(facts.location.path, partial(self._file, facts, n_wanted, label, chunk_bytes))
            except BAD_FILE_ERRORS as error:
                if request.bad_files == "error":
                    raise
                last_error = error
                sumw = None if facts.generated is None else facts.generated.sumw
                self._skipped.append(SkippedFile(str(facts.location), str(error), facts.n_entries, sumw))
                _LOG.warning("sample %s: %s is skipped: %s", request.name, facts.location, error)
                continue
            self._read.append((facts, n_wanted))
        if not self._read and last_error is not None:
            msg = f"sample {request.name!r}: none of its files can be read; the last one: {last_error}"
            raise FileUnreadableError(msg) from last_error

    def _file(self, facts: FileFacts, n_wanted: int, label: str, chunk_bytes: int) -> None:
        block, names = self._block, self._schema.branches
        mark = block.n_rows, block.n_chunks
        tally = Tally(self._cuts)
        done = 0
        try:
            with self._schema.friends.open(facts.location, facts.position, facts.first_entry) as source:
                if source.n_entries != facts.n_entries:
                    msg = f"{source} had {facts.n_entries} entries a moment ago and has {source.n_entries} now"
                    raise FileUnreadableError(msg)
                if self._root is None:
                    chunk: Callable[[int, int], Chunk] = partial(Chunk, source, names, file_label=label)
                else:
                    chunk = self._root.prepare(source, cuts=self._cuts, factor=self._factor, file_label=label)
                edges = source.chunk_edges(names, chunk_bytes)
                for start, edge in pairwise(edges):
                    stop = min(edge, n_wanted)
                    if start >= stop and start > 0:
                        break
                    block.append(
                        chunk(start, stop),
                        tally,
                        sample=self._number,
                        part=facts.part,
                        cuts=self._cuts,
                        factor=self._factor,
                        scale=self._request.scale,
                    )
                    done += stop - start
                    self._advance(stop - start)
        except BAD_FILE_ERRORS:
            # nothing of a file that failed halfway stays
            block.forget(*mark)
            self._advance(-done)
            raise
        self._tally.add(tally)

    def normalise(self) -> float:
        """Return the factor that scales to the luminosity, by the generated events of what was read."""
        cutflow = self._tally.cutflow()
        factor = 1.0
        if self._request.normalise is not None:
            factor, expected = normalisation(self._request.normalise, self._generated(), self._request.name)
            cutflow = cutflow.scaled(factor)
            generated = CutflowStep(GENERATED, None, expected * self._request.scale, None)
            cutflow = Cutflow((generated, *cutflow.steps))
        self._cutflow = cutflow
        return factor

    def _generated(self) -> list[tuple[Generated, float]]:
        # several trees of one file share its generated events
        entries: dict[str, list[int]] = {}
        by_path = {}
        for facts, n_read in self._read:
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

    def info(self) -> SampleInfo:
        """Return the sample as the dataset keeps it."""
        request = self._request
        cutflow = self._cutflow or self._tally.cutflow()
        entries = next(step for step in cutflow.steps if step.cut != GENERATED)
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
