"""Chunks of a tree, and the block of preallocated columns that they fill."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.data import FALLBACK_NAMES, Dataset, Identity, check_weights
from hepml.data.columns import evaluate_feature
from hepml.data.spectators import join_spectator
from hepml.errors import FeatureValueError, HepmlError
from hepml.expressions import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from hepml.data import Feature, SampleInfo
    from hepml.data.cutflow import Tally
    from hepml.readers.friends import JoinedSource
    from hepml.readers.source import TreeSource

__all__ = ["Block", "Chunk", "Plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What every sample is read for."""

    features: tuple[Feature, ...]
    spectators: tuple[Feature, ...]
    identity: tuple[str, ...]


class Chunk:
    """Columns of an entry range, and expressions evaluated on them."""

    def __init__(
        self, source: TreeSource | JoinedSource, names: Iterable[str], start: int, stop: int, *, file_label: str = ""
    ) -> None:
        self.source = source
        self._file_label = file_label
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
        """Compute a feature, not rounded yet."""

        def compute(_: Any) -> NDArray[Any]:
            return evaluate_feature(feature, self.columns, len(self))

        return self.evaluate(feature.expression, f"feature {feature.name!r}", compute)

    def integers(self, text: str, what: str) -> NDArray[Any]:
        """Compute an expression in 64-bit integers."""
        return self.evaluate(text, what, lambda expression: expression.evaluate_integer(self.columns, len(self)))

    def identity(self, names: tuple[str, ...]) -> list[NDArray[Any]]:
        """Compute the columns of the identity; without names, those of file and entry."""
        if names:
            return [self.integers(text, "identity") for text in names]
        digest = hashlib.sha256(self._file_label.encode()).digest()[:8]
        file_number = np.full(len(self), int.from_bytes(digest, "little"), dtype=np.uint64)
        return [file_number, np.arange(self.start, self.stop, dtype=np.uint64)]


class Block:
    """Preallocated columns for all entries, filled from the top and cut to length at the end."""

    def __init__(self, capacity: int, plan: Plan) -> None:
        self._plan = plan
        self._capacity = capacity
        self._identity: list[list[NDArray[Any]]] = []
        self._spectators: list[list[NDArray[Any]]] = []
        self.n_rows = 0
        self._make_room()

    def _make_room(self) -> None:
        # one flat buffer, feature after feature; pages that no event reaches are never touched
        self._flat = np.empty(self._capacity * len(self._plan.features), dtype=np.float32)
        self.weight = np.empty(self._capacity, dtype=np.float64)
        self._sample = np.empty(self._capacity, dtype=np.int32)
        self._part = np.zeros(self._capacity, dtype=np.int8)

    def feature_column(self, number: int) -> NDArray[np.float32]:
        """Return the part of the buffer that holds a feature."""
        return self._flat[number * self._capacity : (number + 1) * self._capacity]

    def forget(self, n_rows: int, n_chunks: int) -> None:
        """Take back what was appended since there were so many rows and chunks."""
        self.n_rows = n_rows
        del self._identity[n_chunks:], self._spectators[n_chunks:]

    @property
    def n_chunks(self) -> int:
        """Chunks that were appended."""
        return len(self._identity)

    def append(
        self, chunk: Chunk, tally: Tally, *, sample: int, part: int, cuts: Sequence[str], factor: str, scale: float
    ) -> None:
        """Append the events of a chunk that pass all cuts, and count those that pass each."""
        n_entries = len(chunk)
        weight = self._weights(chunk, factor, scale)
        tally.count(0, weight)
        mask: NDArray[np.bool_] | slice = slice(None)
        n_new, selected = n_entries, weight
        for number, cut in enumerate(cuts):
            passed = chunk.evaluate(cut, "selection", lambda expression: expression.select(chunk.columns, n_entries))
            mask = passed if isinstance(mask, slice) else mask & passed
            selected = weight[mask]
            n_new = len(selected)
            tally.count(number + 1, selected)
        rows = slice(self.n_rows, self.n_rows + n_new)
        for number, feature in enumerate(self._plan.features):
            values = chunk.feature(feature)
            # values beyond float32 become infinite and are reported as such
            with np.errstate(over="ignore"):
                self._put_feature(number, rows, values[mask])
        self._put_event(rows, selected, sample, part)
        self._put_columns(
            [column[mask] for column in chunk.identity(self._plan.identity)],
            [self._spectator(chunk, item)[mask] for item in self._plan.spectators],
        )
        self.n_rows += n_new

    def _put_feature(self, number: int, rows: slice, values: NDArray[Any]) -> None:
        self.feature_column(number)[rows] = values

    def _put_event(self, rows: slice, weight: NDArray[np.float64], sample: int, part: int) -> None:
        self.weight[rows] = weight
        self._sample[rows] = sample
        self._part[rows] = part

    def _put_columns(self, identity: list[NDArray[Any]], spectators: list[NDArray[Any]]) -> None:
        self._identity.append(identity)
        self._spectators.append(spectators)

    @staticmethod
    def _weights(chunk: Chunk, factor: str, scale: float) -> NDArray[np.float64]:
        if not factor:
            return np.full(len(chunk), scale)
        values = chunk.evaluate(factor, "weight", lambda expression: expression.evaluate(chunk.columns, len(chunk)))
        return values if scale == 1.0 else values * scale

    @staticmethod
    def _spectator(chunk: Chunk, item: Feature) -> NDArray[Any]:
        expression = parse(item.expression)
        column = chunk.columns.get(next(iter(expression.branches))) if expression.is_branch else None
        if isinstance(column, np.ndarray) and column.dtype.kind in "iu" and not item.missing:
            return chunk.integers(item.expression, "spectator")
        return np.asarray(chunk.feature(item), dtype=np.float64)

    def scale(self, rows: slice, factor: float) -> None:
        """Multiply weights."""
        self.weight[rows] *= factor

    def check_weights(self, rows: slice, where: str) -> None:
        """Refuse weights that cannot be used; see :func:`hepml.data.check_weights`."""
        check_weights(self.weight[rows], where)

    def check_finite(self, rows: slice, sample: str) -> None:
        """Refuse infinite features; NaN is a missing value and is fine."""
        for number, feature in enumerate(self._plan.features):
            n_bad, first = 0, 0
            for start, values in self._pieces(number, rows):
                # a finite sum has no infinite term and is computed fastest; one that overflows only costs the second look
                with np.errstate(over="ignore", invalid="ignore"):
                    is_finite = np.isfinite(values.sum())
                # fmin and fmax pass over NaN
                if not is_finite and (np.isinf(np.fmax.reduce(values)) or np.isinf(np.fmin.reduce(values))):
                    bad = np.flatnonzero(np.isinf(values))
                    first = first if n_bad else start + int(bad[0])
                    n_bad += bad.size
            if n_bad:
                msg = (
                    f"feature {feature.name!r} ({feature.expression}) is infinite, or beyond float32, for {n_bad} of "
                    f"{rows.stop - rows.start} events of sample {sample!r} (first: selected event {first}): change its "
                    f"expression, exclude these events by the selection, or name the value as `missing` if it is a sentinel"
                )
                raise FeatureValueError(msg)

    def _pieces(self, number: int, rows: slice) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield the values of a feature, each piece with its first row among ``rows``."""
        yield 0, self.feature_column(number)[rows]

    def finish(self, samples: tuple[SampleInfo, ...]) -> Dataset:
        """Cut all columns to length and hand them over."""
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
            identity=Identity(
                names,
                tuple(_join_identity([chunk[number] for chunk in self._identity]) for number in range(len(names))),
            ),
            spectators={
                item.name: join_spectator(item.name, [chunk[number] for chunk in self._spectators])
                for number, item in enumerate(plan.spectators)
            },
            fixed_part=self._part[:n_rows] if self._part[:n_rows].any() else None,
        )


def _join_identity(columns: list[NDArray[Any]]) -> NDArray[Any]:
    if len({column.dtype for column in columns}) > 1:
        # signed in one file and unsigned in another: two's complement keeps both exact
        columns = [column.view(np.uint64) for column in columns]
    return np.concatenate(columns)
