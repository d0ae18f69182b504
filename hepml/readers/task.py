"""What is read: samples, columns and common expressions, checked against the files before anything is read."""

from __future__ import annotations

from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hepml.data import Feature
from hepml.errors import InvalidInputError, unknown_name
from hepml.expressions import split_selection
from hepml.readers.block import Plan
from hepml.readers.files import expand_files
from hepml.readers.readahead import read_ahead
from hepml.readers.request import SampleRequest
from hepml.readers.root_source import RootReader
from hepml.readers.sample import SampleReader
from hepml.readers.schema import common_identity, inspect_sample

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from hepml.readers.sample import Piece
    from hepml.readers.schema import Schema

__all__ = ["Meter", "ReadingTask", "as_features", "inspect_task", "request_of"]

_ROLES = ("signal", "background", "data", "control", "apply_only")
_READERS = ("uproot", "root")


@dataclass(frozen=True, slots=True)
class ReadingTask:
    """Samples that can be read, and for what."""

    requests: tuple[SampleRequest, ...]
    schemas: tuple[Schema, ...]
    plan: Plan
    selection: str
    weight: str
    threads: int
    reader: str

    @property
    def n_entries(self) -> tuple[int, ...]:
        """Entries of each sample that will be read if no file fails."""
        return tuple(
            schema.n_entries if request.max_events is None else min(schema.n_entries, request.max_events)
            for request, schema in zip(self.requests, self.schemas, strict=True)
        )

    @contextmanager
    def samples(self) -> Iterator[list[SampleReader]]:
        """Give what reads each sample."""
        with RootReader(self.plan, threads=self.threads) if self.reader == "root" else nullcontext() as root:
            yield [
                SampleReader(
                    request,
                    schema,
                    number=number,
                    cuts=(*split_selection(self.selection), *split_selection(request.selection)),
                    factor="*".join(f"({text})" for text in (self.weight, request.weight) if text),
                    root=root,
                )
                for number, (request, schema) in enumerate(zip(self.requests, self.schemas, strict=True))
            ]

    @contextmanager
    def pieces(self, sample: SampleReader, chunk_bytes: int, *, ahead: bool) -> Iterator[Generator[Piece]]:
        """Give the chunks of a sample; the next is read ahead if that is asked for.

        ROOT computes whole files in a process of its own, which ends with the thread that started it.
        """
        pieces = sample.pieces(chunk_bytes)
        with closing(read_ahead(pieces) if ahead and self.reader != "root" else pieces) as coming:
            yield coming


def request_of(
    files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    tree: str | None,
    weight: str,
    label: str | int | None,
    name: str | None,
) -> SampleRequest:
    """Return the only sample of :func:`~hepml.read` and :func:`~hepml.iterate`."""
    locations = expand_files(files, tree)
    return SampleRequest(name=name or Path(locations[0].path).stem, role=_role(label), files=locations, weight=weight)


def _role(label: str | int | None) -> str:
    role = {1: "signal", 0: "background", None: "apply_only"}.get(label, label) if not isinstance(label, str) else label
    if role not in _ROLES:
        msg = f"label is {label!r}; it must be 1, 0, None or one of {', '.join(_ROLES)}"
        raise InvalidInputError(msg)
    return str(role)


def as_features(
    items: Sequence[str | Feature | tuple[str, str]], missing: float | Sequence[float] = ()
) -> list[Feature]:
    """Return features for branches, expressions and pairs (name, expression)."""
    sentinels = tuple(map(float, np.atleast_1d(np.asarray(missing, dtype=np.float64))))
    return [Feature.of(item, sentinels) for item in ([items] if isinstance(items, str) else items)]


def inspect_task(
    requests: Sequence[SampleRequest],
    *,
    features: Sequence[Feature],
    spectators: Sequence[Feature],
    selection: str,
    weight: str,
    identity: Sequence[str] | None,
    threads: int,
    reader: str,
) -> ReadingTask:
    """Open the files of all samples, and find what is missing or different before reading begins."""
    if not requests:
        msg = "no sample is asked for"
        raise InvalidInputError(msg)
    if reader not in _READERS:
        kind = "reader"
        raise unknown_name(kind, reader, _READERS)
    _check_names(features, spectators)
    identity = [identity] if isinstance(identity, str) else identity
    schemas = tuple(
        inspect_sample(
            request, features, spectators, selection=selection, weight=weight, identity=identity, threads=threads
        )
        for request in requests
    )
    plan = Plan(tuple(features), tuple(spectators), common_identity(schemas))
    return ReadingTask(tuple(requests), schemas, plan, selection, weight, threads, reader)


def _check_names(features: Sequence[Feature], spectators: Sequence[Feature]) -> None:
    if not features:
        msg = "no feature is asked for"
        raise InvalidInputError(msg)
    names = [item.name for item in (*features, *spectators)]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        msg = f"feature and spectator names must be unique; twice there: {', '.join(double)}"
        raise InvalidInputError(msg)


class Meter:
    """Entries that are done, for whoever watches."""

    def __init__(self, total: int, progress: Callable[[int, int], None] | None) -> None:
        self._total, self._progress, self._done = total, progress, 0

    def advance(self, n_entries: int) -> None:
        """Count entries; fewer than none if those of a file are taken back."""
        self._done += n_entries
        if self._progress is not None and n_entries > 0:
            self._progress(self._done, self._total)
