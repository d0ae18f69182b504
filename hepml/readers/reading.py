"""ROOT trees to a :class:`~hepml.data.Dataset`: one pass, in chunks, into one column-major block."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.data import (
    FALLBACK_NAMES,
    Dataset,
    Feature,
    Identity,
    SampleInfo,
    check_weights,
    default_identity,
)
from hepml.data.columns import evaluate_feature, required_branches
from hepml.errors import (
    EmptySelectionError,
    FeatureValueError,
    HepmlError,
    IdentityError,
    InvalidInputError,
    SchemaMismatchError,
)
from hepml.expressions import parse
from hepml.readers.files import TreeLocation, expand_files
from hepml.readers.source import BranchInfo, TreeSource

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["SampleRequest", "read", "read_samples"]

_LOG = logging.getLogger("hepml.readers")

_ROLES = ("signal", "background", "data", "control", "apply_only")
_CHUNK_BYTES = 32_000_000


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """What to read as one sample.

    Parameters
    ----------
    name : str
        Name of the physics process.
    role : {"signal", "background", "data", "control", "apply_only"}
        What it is used for.
    files : sequence of TreeLocation
        Its trees.
    parts : sequence of int
        For each file the part (:class:`~hepml.data.Part`) that was fixed beforehand, 0 for none. Default: none.
    selection, weight : str
        Expressions on top of the common ones; ``""`` for none.
    scale : float
        Factor on the weights.
    title : str
        For legends and tables.
    """

    name: str
    role: str
    files: Sequence[TreeLocation]
    parts: Sequence[int] = ()
    selection: str = ""
    weight: str = ""
    scale: float = 1.0
    title: str = ""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What every sample is read for."""

    features: tuple[Feature, ...]
    spectators: tuple[Feature, ...]
    identity: tuple[str, ...]


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
    sentinels = (float(missing),) if isinstance(missing, (int, float)) else tuple(map(float, missing))
    request = SampleRequest(
        name=name or Path(locations[0].path).stem, role=_role(label), files=locations, weight=weight
    )
    return read_samples(
        [request],
        features=[_as_feature(item, sentinels) for item in features],
        spectators=[_as_feature(item, ()) for item in spectators],
        selection=selection,
        identity=identity,
        threads=threads,
    )


def _role(label: str | int | None) -> str:
    role = {1: "signal", 0: "background", None: "apply_only"}.get(label, label) if not isinstance(label, str) else label
    if role not in _ROLES:
        msg = f"label is {label!r}; it must be 1, 0, None or one of {', '.join(_ROLES)}"
        raise InvalidInputError(msg)
    return str(role)


def _as_feature(item: str | Feature | tuple[str, str], missing: tuple[float, ...]) -> Feature:
    if isinstance(item, Feature):
        return item
    name, expression = (item, item) if isinstance(item, str) else item
    return Feature(name, expression, missing=missing)


def read_samples(
    requests: Sequence[SampleRequest],
    *,
    features: Sequence[Feature],
    spectators: Sequence[Feature] = (),
    selection: str = "",
    weight: str = "",
    identity: Sequence[str] | None = None,
    threads: int = 1,
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
    _check_names(features, spectators)
    schemas = [
        _inspect(request, features, spectators, selection=selection, weight=weight, identity=identity, threads=threads)
        for request in requests
    ]
    plan = _Plan(tuple(features), tuple(spectators), _common_identity(schemas))
    total = sum(schema.n_entries for schema in schemas)
    block = _Block(total, plan)
    done = 0
    infos = []
    for number, (request, schema) in enumerate(zip(requests, schemas, strict=True)):
        first_row = block.n_rows
        sum_weights = 0.0
        cut = " && ".join(f"({text})" for text in (selection, request.selection) if text)
        factor = "*".join(f"({text})" for text in (weight, request.weight) if text)
        for position, location in enumerate(request.files):
            part = request.parts[position] if request.parts else 0
            with TreeSource(location, threads=threads) as source:
                names = schema.branches
                edges = source.chunk_edges(names, _CHUNK_BYTES)
                for start, stop in pairwise(edges):
                    chunk = _Chunk(source, names, start, stop)
                    sum_weights += block.append(
                        chunk, sample=number, part=part, cut=cut, factor=factor, scale=request.scale
                    )
                    done += stop - start
                    if progress is not None:
                        progress(done, total)
        rows = slice(first_row, block.n_rows)
        where = f"sample {request.name!r}" + (f", weight {factor}" if factor else "")
        if block.n_rows == first_row:
            raise _empty(request, schema.n_entries, cut)
        check_weights(block.weight[rows], where)
        block.check_finite(rows, request.name)
        infos.append(
            SampleInfo(
                name=request.name,
                role=request.role,
                title=request.title,
                n_entries=schema.n_entries,
                sum_weights=sum_weights,
                files=tuple(str(location) for location in request.files),
            )
        )
    return block.finish(tuple(infos))


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


@dataclass(slots=True)
class _Schema:
    """What the files of one sample agree on."""

    n_entries: int
    branches: tuple[str, ...]
    identity: tuple[str, ...]
    infos: dict[str, BranchInfo] = field(default_factory=dict)


def _inspect(
    request: SampleRequest,
    features: Sequence[Feature],
    spectators: Sequence[Feature],
    *,
    selection: str,
    weight: str,
    identity: Sequence[str] | None,
    threads: int,
) -> _Schema:
    """Open every file of a sample once: count entries, and find what is missing or different before reading begins."""
    texts = [item.expression for item in (*features, *spectators)]
    texts += [selection, request.selection, weight, request.weight, *(identity or ())]
    needed = required_branches(texts)
    schema: _Schema | None = None
    first_file = ""
    for location in request.files:
        with TreeSource(location, threads=threads) as source:
            if schema is None:
                first_file = str(source)
                chosen = tuple(identity) if identity else default_identity(source.branch_names)
                names = tuple(dict.fromkeys((*needed, *required_branches(chosen))))
                schema = _Schema(0, names, chosen)
            for name in schema.branches:
                info = source.numeric_branch(name)
                known = schema.infos.setdefault(name, info)
                if info.kind != known.kind:
                    msg = (
                        f"branch {name!r} is {known.kind} ({known.typename}) in {first_file}, but {info.kind} "
                        f"({info.typename}) in {source}: files of one sample must agree"
                    )
                    raise SchemaMismatchError(msg)
                if info.dtype != known.dtype:
                    _LOG.info("branch %s is %s in %s and %s in %s", name, known.dtype, first_file, info.dtype, source)
            schema.n_entries += source.n_entries
    if schema is None:
        msg = f"sample {request.name!r} has no files"
        raise InvalidInputError(msg)
    return schema


def _common_identity(schemas: Sequence[_Schema]) -> tuple[str, ...]:
    found = {schema.identity for schema in schemas}
    if len(found) > 1:
        listed = ", ".join(":".join(names) or "none" for names in sorted(found))
        msg = f"samples have different branches that identify an event ({listed}): state `identity:` for all"
        raise IdentityError(msg)
    names = found.pop()
    if not names:
        _LOG.warning(
            "no branches identify an event (run, event number, ...): file name and entry are used instead. Parts then "
            "depend on how the files were written, and models cannot tell later which events they have seen. "
            "State `identity:`"
        )
    return names


class _Chunk:
    """Columns of an entry range, and expressions evaluated on them."""

    def __init__(self, source: TreeSource, names: Iterable[str], start: int, stop: int) -> None:
        self.source = source
        self.start, self.stop = start, stop
        self.columns: Mapping[str, Any] = source.read(names, start, stop)

    def __len__(self) -> int:
        return self.stop - self.start

    def evaluate(self, text: str, what: str, how: Callable[[Any], NDArray[Any]]) -> NDArray[Any]:
        """Call ``how`` with the parsed expression; an error says what the expression was for and where."""
        try:
            return how(parse(text))
        except HepmlError as error:
            msg = f"{what} {text!r} in {self.source}: {error}"
            raise type(error)(msg) from error

    def feature(self, feature: Feature) -> NDArray[Any]:
        def compute(_: Any) -> NDArray[Any]:
            return evaluate_feature(feature, self.columns, len(self))

        return self.evaluate(feature.expression, f"feature {feature.name!r}", compute)

    def integers(self, text: str, what: str) -> NDArray[Any]:
        return self.evaluate(text, what, lambda expression: expression.evaluate_integer(self.columns, len(self)))

    def identity(self, names: tuple[str, ...]) -> list[NDArray[Any]]:
        if names:
            return [self.integers(text, "identity") for text in names]
        # the file's name, not its path: moving a sample must not change its parts
        digest = hashlib.sha256(Path(self.source.path).name.encode()).digest()[:8]
        file_number = np.full(len(self), int.from_bytes(digest, "little"), dtype=np.uint64)
        return [file_number, np.arange(self.start, self.stop, dtype=np.uint64)]


class _Block:
    """Preallocated columns for all entries, filled from the top and cut to length at the end."""

    def __init__(self, capacity: int, plan: _Plan) -> None:
        self._plan = plan
        self._capacity = capacity
        # one flat buffer, feature after feature; pages that no event reaches are never touched
        self._flat = np.empty(capacity * len(plan.features), dtype=np.float32)
        self.weight = np.empty(capacity, dtype=np.float64)
        self._sample = np.empty(capacity, dtype=np.int32)
        self._part = np.zeros(capacity, dtype=np.int8)
        self._identity: list[list[NDArray[Any]]] = []
        self._spectators: list[list[NDArray[Any]]] = []
        self.n_rows = 0

    def feature_column(self, number: int) -> NDArray[np.float32]:
        return self._flat[number * self._capacity : (number + 1) * self._capacity]

    def append(self, chunk: _Chunk, *, sample: int, part: int, cut: str, factor: str, scale: float) -> float:
        """Append the selected events of a chunk; return the signed sum of weights before the selection."""
        n_entries = len(chunk)
        weight = self._weights(chunk, factor, scale)
        mask: NDArray[np.bool_] | slice = slice(None)
        n_new = n_entries
        if cut:
            mask = chunk.evaluate(cut, "selection", lambda expression: expression.select(chunk.columns, n_entries))
            n_new = int(np.count_nonzero(mask))
        rows = slice(self.n_rows, self.n_rows + n_new)
        for number, feature in enumerate(self._plan.features):
            values = chunk.feature(feature)
            # values beyond float32 become infinite and are reported as such
            with np.errstate(over="ignore"):
                self.feature_column(number)[rows] = values[mask]
        self.weight[rows] = weight[mask]
        self._sample[rows] = sample
        self._part[rows] = part
        self._identity.append([column[mask] for column in chunk.identity(self._plan.identity)])
        self._spectators.append([self._spectator(chunk, item)[mask] for item in self._plan.spectators])
        self.n_rows += n_new
        return float(weight.sum())

    @staticmethod
    def _weights(chunk: _Chunk, factor: str, scale: float) -> NDArray[np.float64]:
        if not factor:
            return np.full(len(chunk), scale)
        values = chunk.evaluate(factor, "weight", lambda expression: expression.evaluate(chunk.columns, len(chunk)))
        return values if scale == 1.0 else values * scale

    @staticmethod
    def _spectator(chunk: _Chunk, item: Feature) -> NDArray[Any]:
        expression = parse(item.expression)
        column = chunk.columns.get(item.expression) if expression.is_branch else None
        if isinstance(column, np.ndarray) and column.dtype.kind in "iu" and not item.missing:
            return chunk.integers(item.expression, "spectator")
        return np.asarray(evaluate_feature(item, chunk.columns, len(chunk)), dtype=np.float64)

    def check_finite(self, rows: slice, sample: str) -> None:
        """Refuse infinite features; NaN is a missing value and is fine."""
        for number, feature in enumerate(self._plan.features):
            values = self.feature_column(number)[rows]
            # the extremes find infinities in one pass without a mask; fmin and fmax pass over NaN
            if np.isinf(np.fmax.reduce(values)) or np.isinf(np.fmin.reduce(values)):
                bad = np.flatnonzero(np.isinf(values))
                msg = (
                    f"feature {feature.name!r} ({feature.expression}) is infinite for {bad.size} of {values.size} events "
                    f"of sample {sample!r} (first: selected event {bad[0]}): change its expression, exclude these events by the "
                    f"selection, or name the value as `missing`"
                )
                raise FeatureValueError(msg)

    def finish(self, samples: tuple[SampleInfo, ...]) -> Dataset:
        n_rows, n_features = self.n_rows, len(self._plan.features)
        if n_rows < self._capacity:
            # move each column up to the one before, then give the rest back: no second block is ever allocated
            for number in range(1, n_features):
                self._flat[number * n_rows : (number + 1) * n_rows] = self.feature_column(number)[:n_rows]
            self._flat.resize(n_rows * n_features, refcheck=False)
        plan = self._plan
        names = plan.identity or FALLBACK_NAMES
        return Dataset(
            X=self._flat.reshape(n_features, n_rows).T,
            features=plan.features,
            weight=self.weight[:n_rows],
            sample=self._sample[:n_rows],
            samples=samples,
            identity=Identity(names, _joined(self._identity, len(names))),
            spectators=dict(
                zip(
                    (item.name for item in plan.spectators),
                    _joined(self._spectators, len(plan.spectators)),
                    strict=True,
                )
            ),
            fixed_part=self._part[:n_rows] if self._part[:n_rows].any() else None,
        )


def _joined(chunks: list[list[NDArray[Any]]], n_columns: int) -> tuple[NDArray[Any], ...]:
    joined = []
    for number in range(n_columns):
        columns = [chunk[number] for chunk in chunks]
        if {column.dtype for column in columns} == {np.dtype(np.int64), np.dtype(np.uint64)}:
            columns = [column.view(np.uint64) for column in columns]
        joined.append(np.concatenate(columns))
    return tuple(joined)
