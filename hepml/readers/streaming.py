"""ROOT trees to datasets of bounded size, one after the other: for what does not fit into memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hepml.data import SampleInfo, check_weights, parse_size
from hepml.errors import InvalidInputError, WeightError
from hepml.readers.block import Block
from hepml.readers.task import Meter, as_features, inspect_task, request_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from hepml.data import Dataset, Feature
    from hepml.readers.request import SampleRequest
    from hepml.readers.sample import Piece, SampleReader
    from hepml.readers.task import ReadingTask

__all__ = ["Stream", "iterate", "stream_samples"]


def iterate(
    files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    features: Sequence[str | Feature | tuple[str, str]],
    tree: str | None = None,
    selection: str = "",
    weight: str = "",
    label: str | int | None = None,
    spectators: Sequence[str | Feature | tuple[str, str]] = (),
    identity: Sequence[str] | None = None,
    missing: float | Sequence[float] = (),
    name: str | None = None,
    threads: int = 1,
    reader: str = "uproot",
    chunk: int | str = "100 MB",
    read_ahead: bool = True,
) -> Stream:
    """Read ROOT trees chunk by chunk, in bounded memory.

    Parameters
    ----------
    files : path-like or sequence of path-like
        Files or globs, each optionally with ``:tree``.
    features : sequence of str, (name, expression) or Feature
        Columns of the feature matrix; this and all that follows to ``reader`` as :func:`hepml.read` takes it.
    tree : str, optional
        Tree for files that name none.
    selection : str
        Events for which it is not zero are kept. Default: all.
    weight : str
        Expression of the signed event weight. Default: 1.
    label : {"signal", "background", "data", "control", "apply_only", 1, 0, None}
        What the events are.
    spectators : sequence of str, (name, expression) or Feature
        Columns kept beside the features.
    identity : sequence of str, optional
        Integer expressions that identify an event.
    missing : float or sequence of float
        Sentinels that become NaN in every feature that has none of its own.
    name : str, optional
        Name of the sample.
    threads : int
        Threads that decompress.
    reader : {"uproot", "root"}
        What reads.
    chunk : int or str
        Size in memory of the branches that are read at once, in bytes or as text such as ``"100 MB"``. Chunks end with
        their file, and at baskets where branches share them. The events do not depend on it.
    read_ahead : bool
        Whether the next chunk is read in a thread while the consumer works on one. The result does not depend on it.

    Returns
    -------
    Stream
        Gives datasets of selected events; all of them together are what :func:`hepml.read` returns.

    Raises
    ------
    HepmlError
        As :func:`hepml.read`: here for what can be seen before anything is read, and from the iteration for the rest.

    Examples
    --------
    >>> import hepml
    >>> for part in hepml.iterate("ztautau.root:events", features=["met"], chunk="200 MB"):  # doctest: +SKIP
    ...     histogram.fill(part.column("met"), weight=part.weight)
    """
    return stream_samples(
        [request_of(files, tree=tree, weight=weight, label=label, name=name)],
        features=as_features(features, missing),
        spectators=as_features(spectators),
        selection=selection,
        identity=identity,
        threads=threads,
        reader=reader,
        chunk=chunk,
        read_ahead=read_ahead,
    )


def stream_samples(
    requests: Sequence[SampleRequest],
    *,
    features: Sequence[Feature],
    spectators: Sequence[Feature] = (),
    selection: str = "",
    weight: str = "",
    identity: Sequence[str] | None = None,
    threads: int = 1,
    reader: str = "uproot",
    progress: Callable[[int, int], None] | None = None,
    chunk: int | str = "100 MB",
    read_ahead: bool = True,
) -> Stream:
    """Read several samples chunk by chunk, in the order given.

    Parameters
    ----------
    requests : sequence of SampleRequest
        The samples.
    features, spectators : sequence of Feature
        Columns, the same for all samples.
    selection, weight : str
        Expressions for all samples; a sample's own selection is required in addition, its own weight multiplies.
    identity : sequence of str, optional
        As in :func:`hepml.read`.
    threads : int
        Threads that decompress.
    reader : {"uproot", "root"}
        As in :func:`hepml.read`.
    progress : callable, optional
        Called with entries read and entries in all.
    chunk : int or str
        Size in memory of the branches that are read at once, as in :func:`iterate`.
    read_ahead : bool
        Whether the next chunk is read meanwhile.

    Returns
    -------
    Stream
        Gives datasets of selected events, each of one sample.

    Raises
    ------
    HepmlError
        As :func:`iterate`.
    """
    chunk_bytes = parse_size(chunk, "chunk")
    task = inspect_task(
        requests,
        features=features,
        spectators=spectators,
        selection=selection,
        weight=weight,
        identity=identity,
        threads=threads,
        reader=reader,
    )
    return Stream(task, chunk_bytes, read_ahead=read_ahead, progress=progress)


class Stream:
    """Selected events in chunks. Each iteration reads the files anew.

    Every chunk is a dataset of events of one sample and one file, and lists all samples, so that ``sample`` means the same
    in each; a chunk without selected events is left out. Entries and cutflows belong to whole samples: :attr:`samples`.

    Files of samples with ``bad_files: skip`` are read twice, the first time (once for all iterations) to find those that
    cannot be read: what was handed over could not be taken back, and the normalisation must be known before.
    """

    def __init__(
        self, task: ReadingTask, chunk_bytes: int, *, read_ahead: bool, progress: Callable[[int, int], None] | None
    ) -> None:
        self._task, self._chunk_bytes, self._ahead, self._progress = task, chunk_bytes, read_ahead, progress
        self._is_verified = False
        self._samples: tuple[SampleInfo, ...] | None = None

    @property
    def features(self) -> tuple[Feature, ...]:
        """Columns of each chunk."""
        return self._task.plan.features

    @property
    def spectators(self) -> tuple[Feature, ...]:
        """Columns beside the features."""
        return self._task.plan.spectators

    @property
    def identity(self) -> tuple[str, ...]:
        """Expressions that identify an event; empty where file and entry do."""
        return self._task.plan.identity

    @property
    def n_entries(self) -> tuple[int, ...]:
        """Entries of each sample before the selection, as far as the files can be read."""
        return self._task.n_entries

    @property
    def samples(self) -> tuple[SampleInfo, ...]:
        """The samples with entries, cutflow and files, as :func:`hepml.read` tells of them.

        Raises
        ------
        InvalidInputError
            If the stream was not read to its end yet.
        """
        if self._samples is None:
            msg = "entries and cutflows of the samples are known when the stream was read to its end"
            raise InvalidInputError(msg)
        return self._samples

    def __iter__(self) -> Iterator[Dataset]:
        return self._chunks()

    def _chunks(self) -> Generator[Dataset]:
        if not self._is_verified:
            self._task = _without_bad_files(self._task, self._chunk_bytes)
            self._is_verified = True
        task = self._task
        named = tuple(SampleInfo(item.name, item.role, item.title) for item in task.requests)
        meter = Meter(sum(task.n_entries), self._progress)
        with task.samples() as samples:
            for sample in samples:
                selected = _Selected(task, sample, named)
                with task.pieces(sample, self._chunk_bytes, ahead=self._ahead) as pieces:
                    for piece in pieces:
                        # no variable holds the dataset while the consumer has it
                        held = [selected.dataset(piece)]
                        meter.advance(0 if piece.chunk is None else len(piece.chunk))
                        del piece
                        if len(held[0]):
                            yield held.pop()
                selected.check()
            self._samples = tuple(sample.info() for sample in samples)


class _Selected:
    """The selected events of one sample, as they come."""

    def __init__(self, task: ReadingTask, sample: SampleReader, named: tuple[SampleInfo, ...]) -> None:
        self._plan, self._sample, self._named = task.plan, sample, named
        self._factor, _ = sample.normalisation(sample.planned())
        self._n_events, self._any_weight = 0, False

    def dataset(self, piece: Piece) -> Dataset:
        """Return the events of a chunk that pass the selection."""
        sample = self._sample
        block = Block(0 if piece.chunk is None else len(piece.chunk), self._plan)
        sample.append(block, piece)
        weight = block.weight[: block.n_rows]
        if self._factor != 1.0:
            weight *= self._factor
        if not np.isfinite(weight).all():
            source = "" if piece.chunk is None else f", {piece.chunk.source}"
            check_weights(weight, f"{sample.where}{source}")
        if block.n_rows:
            block.check_finite(slice(0, block.n_rows), sample.request.name)
        self._n_events += block.n_rows
        self._any_weight |= bool(weight.any())
        return block.finish(self._named)

    def check(self) -> None:
        """Refuse a sample without events, or without any weight."""
        self._sample.check_not_empty(self._n_events)
        if not self._any_weight:
            msg = f"{self._sample.where}: all {self._n_events} weights are zero: is this the right weight expression?"
            raise WeightError(msg)


def _without_bad_files(task: ReadingTask, chunk_bytes: int) -> ReadingTask:
    """Read the files of samples that may leave some out, and leave those out that cannot be read."""
    if all(request.bad_files == "error" for request in task.requests):
        return task
    schemas = list(task.schemas)
    with task.samples() as samples:
        for number, sample in enumerate(samples):
            if sample.request.bad_files == "skip":
                with task.pieces(sample, chunk_bytes, ahead=False) as pieces:
                    for piece in pieces:
                        del piece
                files, skipped = sample.read_files()
                schemas[number] = replace(schemas[number], files=files, skipped=skipped)
    requests = tuple(replace(request, bad_files="error") for request in task.requests)
    return replace(task, requests=requests, schemas=tuple(schemas))
