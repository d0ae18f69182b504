"""ROOT trees to a :class:`~hepml.data.Dataset`: one pass, in chunks, into one column-major block."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from hepml.errors import InvalidInputError
from hepml.readers.block import Block
from hepml.readers.cache import as_cache
from hepml.readers.cache_key import describe_reading
from hepml.readers.task import Meter, as_features, inspect_task, request_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from hepml.data import Dataset, Feature
    from hepml.readers.block import Plan
    from hepml.readers.cache import Cache
    from hepml.readers.request import SampleRequest
    from hepml.readers.sample import Piece, SampleReader
    from hepml.readers.schema import FileFacts
    from hepml.readers.task import ReadingTask

__all__ = ["read", "read_samples"]

# larger ones leave the caches of the processor and are paid for in fresh pages
_CHUNK_BYTES = 16_000_000


def read(
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
    cache: Cache | str | os.PathLike[str] | None = None,
) -> Dataset:
    """Read ROOT trees into a dataset.

    Parameters
    ----------
    files : path-like or sequence of path-like
        Files or globs (``**`` included), each optionally with ``:tree``.
    features : sequence of str, (name, expression) or Feature
        Columns of the feature matrix. A string is a branch name or an expression, and names its column.
    tree : str, optional
        Tree for files that name none. Default: the only tree of the file.
    selection : str
        Events for which it is not zero are kept. Default: all.
    weight : str
        Expression of the signed event weight. Default: 1.
    label : {"signal", "background", "data", "control", "apply_only", 1, 0, None}
        What the events are. None: unlabelled (``apply_only``).
    spectators : sequence of str, (name, expression) or Feature
        Columns kept beside the features. Default: none.
    identity : sequence of str, optional
        Integer expressions that identify an event. Default: run, luminosity block and event number where there are such
        branches; else file name and entry, with a warning.
    missing : float or sequence of float
        Sentinels that become NaN in every feature that has none of its own. Default: none.
    name : str, optional
        Name of the sample. Default: the first file's name.
    threads : int
        Threads that decompress. With more than one, the next chunk is read while the columns of one are computed. The result
        does not depend on it.
    reader : {"uproot", "root"}
        ``"root"`` reads and computes with RDataFrame (extra ``root``), in a process of its own.
    cache : Cache or path-like, optional
        Folder that keeps the columns; see :class:`~hepml.readers.Cache`. They are then mapped from there, and memory does
        not grow with the number of events. Default: columns are in memory and not kept.

    Returns
    -------
    Dataset
        The selected events in the order of files and entries.

    Raises
    ------
    MissingFileError, FileUnreadableError, TreeNotFoundError
        If a file or tree cannot be read.
    BranchNotFoundError, BranchTypeError, ExpressionError
        If an expression cannot be evaluated.
    SchemaMismatchError
        If files disagree on a branch.
    EmptySelectionError, WeightError, FeatureValueError
        If no event is left, weights are NaN, infinite or all zero, or a feature is infinite.

    Examples
    --------
    >>> import hepml
    >>> hepml.read("ztautau.root:events", features=["met", ("lpt", "log(lep_pt)")], weight="weight")  # doctest: +SKIP
    """
    request = request_of(files, tree=tree, weight=weight, label=label, name=name)
    return read_samples(
        [request],
        features=as_features(features, missing),
        spectators=as_features(spectators),
        selection=selection,
        identity=identity,
        threads=threads,
        reader=reader,
        cache=cache,
    )


def read_samples(
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
    cache: Cache | str | os.PathLike[str] | None = None,
) -> Dataset:
    """Read several samples into one dataset, in the order given.

    Parameters
    ----------
    requests : sequence of SampleRequest
        The samples.
    features, spectators : sequence of Feature
        Columns, the same for all samples.
    selection, weight : str
        Expressions for all samples; a sample's own selection is required in addition, its own weight multiplies.
    identity : sequence of str, optional
        As in :func:`read`.
    threads : int
        Threads that decompress.
    reader : {"uproot", "root"}
        As in :func:`read`.
    progress : callable, optional
        Called with entries read and entries in all.
    cache : Cache or path-like, optional
        As in :func:`read`.

    Returns
    -------
    Dataset
        All selected events.

    Raises
    ------
    HepmlError
        As :func:`read`.
    """
    wanted: dict[str, Any] = {
        "features": features,
        "spectators": spectators,
        "selection": selection,
        "weight": weight,
        "identity": identity,
        "reader": reader,
    }
    read_into = partial(_read_into, requests, wanted, threads, progress)
    if cache is None:
        return read_into(Block)
    return as_cache(cache).dataset(partial(describe_reading, requests, **wanted), read_into)


def _read_into(
    requests: Sequence[SampleRequest],
    wanted: dict[str, Any],
    threads: int,
    progress: Callable[[int, int], None] | None,
    make_block: Callable[[int, Plan], Block],
) -> Dataset:
    task = inspect_task(requests, threads=threads, **wanted)
    block = _make_room(task, make_block)
    meter = Meter(sum(task.n_entries), progress)
    infos = []
    with task.samples() as samples:
        for sample in samples:
            first_row = block.n_rows
            # one thread means one thread
            with task.pieces(sample, _CHUNK_BYTES, ahead=threads > 1) as pieces:
                _fill(block, sample, pieces, meter)
            rows = slice(first_row, block.n_rows)
            sample.check_not_empty(block.n_rows - first_row)
            factor, _ = sample.normalisation()
            if factor != 1.0:
                block.scale(rows, factor)
            block.check_weights(rows, sample.where)
            block.check_finite(rows, sample.request.name)
            infos.append(sample.info())
    return block.finish(tuple(infos))


def _fill(block: Block, sample: SampleReader, pieces: Iterator[Piece], meter: Meter) -> None:
    """Append the chunks of a sample; nothing of a file that failed halfway stays."""
    facts: FileFacts | None = None
    for piece in pieces:
        if piece.facts is not facts:
            facts, mark, done = piece.facts, (block.n_rows, block.n_chunks), 0
        if piece.chunk is None:
            block.forget(*mark)
            sample.forget(facts)
            meter.advance(-done)
        else:
            n_entries = sample.append(block, piece)
            done += n_entries
            meter.advance(n_entries)
        # its memory is for the next one
        del piece


def _make_room(task: ReadingTask, make_block: Callable[[int, Plan], Block]) -> Block:
    n_entries = sum(task.n_entries)
    try:
        return make_block(n_entries, task.plan)
    except MemoryError as error:
        names = ", ".join(f"sample {request.name!r}" for request in task.requests)
        msg = (
            f"{names}: {n_entries} entries of {len(task.plan.features)} features do not fit into memory ({error}): read "
            f"fewer (`max_events`), or chunk by chunk (`hepml.iterate`), or check the files if there should not be so many"
        )
        raise InvalidInputError(msg) from error
