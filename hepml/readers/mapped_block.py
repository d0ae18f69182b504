"""A block of columns in a file, filled chunk by chunk, so that memory does not grow with the sample."""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from hepml.data import FALLBACK_NAMES, Dataset, Identity, check_weights
from hepml.data.mapped import write_at
from hepml.data.spectators import join_spectator
from hepml.readers.block import Block
from hepml.readers.column_file import ALIGNMENT, Section, map_section, pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from hepml.data import Feature, SampleInfo
    from hepml.readers.block import Plan

__all__ = ["MappedBlock", "dataset_of"]


class MappedBlock(Block):
    """As :class:`Block`, in a file. Columns have room for all entries until the end, when they are moved together.

    Parameters
    ----------
    capacity : int
        Largest number of events.
    plan : Plan
        What is read.
    stream : binary file
        Empty, open for reading and writing.
    """

    def __init__(self, capacity: int, plan: Plan, stream: BinaryIO) -> None:
        self._stream = stream
        self._file = stream.fileno()
        super().__init__(capacity, plan)

    def _make_room(self) -> None:
        plan = self._plan
        names = plan.identity or FALLBACK_NAMES
        # name, type, columns; the room that no event reaches takes no space on disk
        self._layout: list[tuple[str, str, int]] = [
            ("X", "float32", len(plan.features)),
            ("weight", "float64", 1),
            ("sample", "int32", 1),
            ("part", "int8", 1),
            *((f"identity {number}", "int64", 1) for number in range(len(names))),
            *((f"spectator {number}", "float64", 1) for number in range(len(plan.spectators))),
        ]
        self._room: dict[str, int] = {}
        offset = ALIGNMENT
        for name, dtype, n_columns in self._layout:
            self._room[name] = offset
            offset = _aligned(offset + np.dtype(dtype).itemsize * n_columns * self._capacity)
        os.ftruncate(self._file, offset)
        # rows and types of the identity and the spectators of each chunk
        self._chunks: list[tuple[int, list[np.dtype[Any]], list[np.dtype[Any]]]] = []
        self.sections: list[Section] = []

    @property
    def n_chunks(self) -> int:
        """Chunks that were appended."""
        return len(self._chunks)

    def forget(self, n_rows: int, n_chunks: int) -> None:
        """Take back what was appended since there were so many rows and chunks."""
        self.n_rows = n_rows
        del self._chunks[n_chunks:]

    def _put_feature(self, number: int, rows: slice, values: NDArray[Any]) -> None:
        self._write("X", number * self._capacity + rows.start, values.astype(np.float32, copy=False))

    def _put_event(self, rows: slice, weight: NDArray[np.float64], sample: int, part: int) -> None:
        self._write("weight", rows.start, weight.astype(np.float64, copy=False))
        self._write("sample", rows.start, np.full(len(weight), sample, dtype=np.int32))
        self._write("part", rows.start, np.full(len(weight), part, dtype=np.int8))

    def _put_columns(self, identity: list[NDArray[Any]], spectators: list[NDArray[Any]]) -> None:
        for kind, columns in (("identity", identity), ("spectator", spectators)):
            for number, column in enumerate(columns):
                self._write(f"{kind} {number}", self.n_rows, column)
        self._chunks.append((len(identity[0]), [c.dtype for c in identity], [c.dtype for c in spectators]))

    def scale(self, rows: slice, factor: float) -> None:
        """Multiply weights."""
        for start, weight in self._read("weight", "float64", rows):
            self._write("weight", rows.start + start, weight * factor)

    def check_weights(self, rows: slice, where: str) -> None:
        """Refuse weights that cannot be used; see :func:`hepml.data.check_weights`."""
        is_finite, is_zero = True, True
        for _, weight in self._read("weight", "float64", rows):
            is_finite &= bool(np.isfinite(weight).all())
            is_zero &= not weight.any()
        if not is_finite or is_zero:
            # the message tells of all of them
            check_weights(np.concatenate([weight for _, weight in self._read("weight", "float64", rows)]), where)

    def _pieces(self, number: int, rows: slice) -> Iterator[tuple[int, NDArray[np.float32]]]:
        first = number * self._capacity
        return self._read("X", "float32", slice(first + rows.start, first + rows.stop))

    def finish(self, samples: tuple[SampleInfo, ...]) -> Dataset:
        """Move all columns together and map them."""
        identity = [self._join_identity(number) for number in range(len(self._plan.identity or FALLBACK_NAMES))]
        spectators = [self._join_spectator(number) for number in range(len(self._plan.spectators))]
        joined = {f"identity {number}": dtype for number, dtype in enumerate(identity)}
        joined |= {f"spectator {number}": dtype for number, dtype in enumerate(spectators)}
        offset = ALIGNMENT
        for name, dtype, n_columns in self._layout:
            checksum, is_zero = 0, True
            n_bytes = np.dtype(dtype).itemsize * self.n_rows
            for column in range(n_columns):
                source = self._room[name] + column * np.dtype(dtype).itemsize * self._capacity
                target = offset + column * n_bytes
                for start, content in pieces(self._file, source, n_bytes):
                    checksum = zlib.crc32(content, checksum)
                    is_zero = is_zero and name == "part" and not np.frombuffer(content, dtype=np.uint8).any()
                    if source != target:
                        write_at(self._file, np.frombuffer(content, dtype=np.uint8), target + start)
            if name == "part" and is_zero:
                continue
            self.sections.append(
                Section(name, joined.get(name, np.dtype(dtype)).name, offset, n_columns, self.n_rows, checksum)
            )
            offset = _aligned(offset + n_columns * n_bytes)
        os.ftruncate(self._file, offset)
        plan = self._plan
        return dataset_of(
            self._stream,
            {section.name: section for section in self.sections},
            features=plan.features,
            samples=samples,
            identity=plan.identity or FALLBACK_NAMES,
            spectators=tuple(item.name for item in plan.spectators),
        )

    def _join_identity(self, number: int) -> np.dtype[Any]:
        dtypes = {identity[number] for _, identity, _ in self._chunks}
        # signed in one file and unsigned in another: two's complement keeps both exact
        return dtypes.pop() if len(dtypes) == 1 else np.dtype(np.uint64)

    def _join_spectator(self, number: int) -> np.dtype[Any]:
        dtypes = [spectators[number] for _, _, spectators in self._chunks]
        if len(set(dtypes)) == 1:
            return dtypes[0]
        columns, first = [], 0
        for (n_rows, *_), dtype in zip(self._chunks, dtypes, strict=True):
            values = [v for _, v in self._read(f"spectator {number}", dtype.name, slice(first, first + n_rows))]
            columns.append(np.concatenate([np.empty(0, dtype), *values]))
            first += n_rows
        joined = join_spectator(self._plan.spectators[number].name, columns)
        self._write(f"spectator {number}", 0, joined)
        return joined.dtype

    def _write(self, name: str, row: int, values: NDArray[Any]) -> None:
        write_at(self._file, values, self._room[name] + row * values.itemsize)

    def _read(self, name: str, dtype: str, rows: slice) -> Iterator[tuple[int, NDArray[Any]]]:
        size = np.dtype(dtype).itemsize
        for start, content in pieces(self._file, self._room[name] + rows.start * size, (rows.stop - rows.start) * size):
            yield start // size, np.frombuffer(content, dtype=dtype)


def dataset_of(
    stream: BinaryIO,
    sections: Mapping[str, Section],
    *,
    features: tuple[Feature, ...],
    samples: tuple[SampleInfo, ...],
    identity: tuple[str, ...],
    spectators: tuple[str, ...],
) -> Dataset:
    """Map the sections of a file as a dataset.

    Raises
    ------
    KeyError
        If a section is not there.
    """
    columns = {name: map_section(stream, section) for name, section in sections.items()}
    return Dataset(
        X=columns["X"],
        features=features,
        weight=columns["weight"],
        sample=columns["sample"],
        samples=samples,
        identity=Identity(identity, tuple(columns[f"identity {number}"] for number in range(len(identity)))),
        spectators={name: columns[f"spectator {number}"] for number, name in enumerate(spectators)},
        fixed_part=columns.get("part"),
    )


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT
