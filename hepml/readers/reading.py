"""ROOT trees to a :class:`~hepml.data.Dataset`: one pass, in chunks, into one column-major block."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hepml.data import Dataset, Feature, check_weights
from hepml.errors import EmptySelectionError, InvalidInputError, unknown_name
from hepml.expressions import split_selection
from hepml.readers.block import Block, Plan
from hepml.readers.files import expand_files
from hepml.readers.request import SampleRequest
from hepml.readers.root_source import RootReader
from hepml.readers.sample import SampleReader
from hepml.readers.schema import Schema, common_identity, inspect_sample

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["read", "read_samples"]

_LOG = logging.getLogger("hepml.readers")

_ROLES = ("signal", "background", "data", "control", "apply_only")
_READERS = ("uproot", "root")
_CHUNK_BYTES = 32_000_000


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
        Threads that decompress. The result does not depend on it.
    reader : {"uproot", "root"}
        ``"root"`` reads and computes with RDataFrame (extra ``root``), in a process of its own.

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
    locations = expand_files(files, tree)
    sentinels = tuple(map(float, np.atleast_1d(np.asarray(missing, dtype=np.float64))))
    request = SampleRequest(
        name=name or Path(locations[0].path).stem, role=_role(label), files=locations, weight=weight
    )
    return read_samples(
        [request],
        features=_as_features(features, sentinels),
        spectators=_as_features(spectators, ()),
        selection=selection,
        identity=[identity] if isinstance(identity, str) else identity,
        threads=threads,
        reader=reader,
    )


def _role(label: str | int | None) -> str:
    role = {1: "signal", 0: "background", None: "apply_only"}.get(label, label) if not isinstance(label, str) else label
    if role not in _ROLES:
        msg = f"label is {label!r}; it must be 1, 0, None or one of {', '.join(_ROLES)}"
        raise InvalidInputError(msg)
    return str(role)


def _as_features(items: Sequence[str | Feature | tuple[str, str]], missing: tuple[float, ...]) -> list[Feature]:
    return [_as_feature(item, missing) for item in ([items] if isinstance(items, str) else items)]


def _as_feature(item: str | Feature | tuple[str, str], missing: tuple[float, ...]) -> Feature:
    if isinstance(item, Feature):
        return item
    pair = (item, item) if isinstance(item, str) else tuple(item)
    if len(pair) != 2:
        msg = f"a feature is a branch, an expression or a pair (name, expression), not {item!r}"
        raise InvalidInputError(msg)
    return Feature(*pair, missing=missing)


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

    Returns
    -------
    Dataset
        All selected events.

    Raises
    ------
    HepmlError
        As :func:`read`.
    """
    if not requests:
        msg = "no sample is asked for"
        raise InvalidInputError(msg)
    if reader not in _READERS:
        kind = "reader"
        raise unknown_name(kind, reader, _READERS)
    _check_names(features, spectators)
    schemas = [
        inspect_sample(
            request, features, spectators, selection=selection, weight=weight, identity=identity, threads=threads
        )
        for request in requests
    ]
    plan = Plan(tuple(features), tuple(spectators), common_identity(schemas))
    with RootReader(plan, threads=threads) if reader == "root" else nullcontext() as root:
        return _fill(requests, schemas, plan, (selection, weight), root=root, progress=progress)


def _fill(
    requests: Sequence[SampleRequest],
    schemas: Sequence[Schema],
    plan: Plan,
    common: tuple[str, str],
    *,
    root: RootReader | None,
    progress: Callable[[int, int], None] | None,
) -> Dataset:
    selection, weight = common
    limits = [_limit(request, schema) for request, schema in zip(requests, schemas, strict=True)]
    block = _make_room(sum(limits), plan, requests)
    meter = _Meter(sum(limits), progress)
    infos = []
    for number, (request, schema) in enumerate(zip(requests, schemas, strict=True)):
        first_row = block.n_rows
        cuts = (*split_selection(selection), *split_selection(request.selection))
        cut = " && ".join(f"({text})" for text in (selection, request.selection) if text)
        factor = "*".join(f"({text})" for text in (weight, request.weight) if text)
        sample = SampleReader(
            request, schema, block, number=number, cuts=cuts, factor=factor, advance=meter.advance, root=root
        )
        sample.read(_CHUNK_BYTES)
        rows = slice(first_row, block.n_rows)
        where = f"sample {request.name!r}" + (f", weight {factor}" if factor else "")
        if block.n_rows == first_row:
            raise _empty(request, sample.n_entries, cut)
        if (scale := sample.normalise()) != 1.0:
            block.weight[rows] *= scale
        check_weights(block.weight[rows], where)
        block.check_finite(rows, request.name)
        info = sample.info()
        if not np.isfinite(info.sum_weights):
            _LOG.warning(
                "%s: some weights of events that the selection drops are NaN or infinite; so is the sum before it",
                where,
            )
        infos.append(info)
    return block.finish(tuple(infos))


def _make_room(n_entries: int, plan: Plan, requests: Sequence[SampleRequest]) -> Block:
    try:
        return Block(n_entries, plan)
    except MemoryError as error:
        names = ", ".join(f"sample {request.name!r}" for request in requests)
        msg = (
            f"{names}: {n_entries} entries of {len(plan.features)} features do not fit into memory ({error}): read fewer "
            f"(`max_events`), or check the files if there should not be so many"
        )
        raise InvalidInputError(msg) from error


def _limit(request: SampleRequest, schema: Schema) -> int:
    return schema.n_entries if request.max_events is None else min(schema.n_entries, request.max_events)


class _Meter:
    """Entries that are done, for whoever watches."""

    def __init__(self, total: int, progress: Callable[[int, int], None] | None) -> None:
        self._total, self._progress, self._done = total, progress, 0

    def advance(self, n_entries: int) -> None:
        """Count entries; fewer than none if a file is read once more."""
        self._done += n_entries
        if self._progress is not None and n_entries > 0:
            self._progress(self._done, self._total)


def _empty(request: SampleRequest, n_entries: int, cut: str) -> EmptySelectionError:
    files = ", ".join(str(location) for location in list(request.files)[:3])
    if n_entries == 0:
        return EmptySelectionError(f"sample {request.name!r} has no entries (files: {files})")
    return EmptySelectionError(
        f"sample {request.name!r}: none of {n_entries} entries passes the selection {cut!r} (files: {files}); "
        f"`hepml inspect --stats` shows the ranges of the branches"
    )


def _check_names(features: Sequence[Feature], spectators: Sequence[Feature]) -> None:
    if not features:
        msg = "no feature is asked for"
        raise InvalidInputError(msg)
    names = [item.name for item in (*features, *spectators)]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        msg = f"feature and spectator names must be unique; twice there: {', '.join(double)}"
        raise InvalidInputError(msg)
