"""Cells of a foam from the ROOT file that TMVA writes beside the weights.

Uproot reads keys and unpacks; the arrays of pointers to cells in a foam (``PDEFoam::fCells``) it does not read, so their
bytes are interpreted here. A cell of class ``PDEFoamCell`` is a ``TObject`` with a number, and names its parts by theirs.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import ModelFormatError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hepml.tmva.setup import MethodSetup

__all__ = ["Cells", "read_cells"]

# some 100,000 cells; TMVA's default is 500 active ones
_LARGEST = 2**24
_DEEPEST = 200
_COUNTED, _NEW_CLASS, _REFERENCED = 0x40000000, 0xFFFFFFFF, 0x10
_NUMBER = 0xFFFFFF
_MOST_DIMENSIONS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The cells of a foam; the first is the whole unit cube.

    Parameters
    ----------
    parts : ndarray of int64, shape (n_cells, 2)
        Places of the parts, -1 in active cells, which are not divided.
    dimension : ndarray of int64, shape (n_cells,)
        In which dimension a cell is divided.
    position, size : ndarray of float64, shape (n_cells, n_dimensions)
        Where cells lie.
    volume : ndarray of float64, shape (n_cells,)
        Their volumes, as stored.
    contents : ndarray of float64, shape (n_cells, 2)
        The first two numbers that they hold.
    """

    parts: NDArray[np.int64]
    dimension: NDArray[np.int64]
    position: NDArray[np.float64]
    size: NDArray[np.float64]
    volume: NDArray[np.float64]
    contents: NDArray[np.float64]


def read_cells(path: Path, name: str, n_dimensions: int, setup: MethodSetup) -> Cells | None:
    """Return the cells of a foam; None if the file does not have it.

    Raises
    ------
    ModelFormatError
        If the file cannot be read, or is damaged.
    """
    import uproot

    try:
        with uproot.open(path) as file:
            if name not in file.keys(cycle=False):
                return None
            key = file.key(name)
            if not 0 < key.data_uncompressed_bytes <= _LARGEST:
                setup.fail(f"the foam {name!r} in {path} has {key.member('fObjlen')} bytes")
            chunk, _ = key.get_uncompressed_chunk_cursor()
            content = bytes(chunk.raw_data)
    except FileNotFoundError:
        setup.fail(f"its cells are in {path}, which is not there: keep it beside the weights file")
    except ModelFormatError:
        raise
    # a damaged file makes uproot fail in many ways
    except Exception as error:  # noqa: BLE001
        setup.fail(f"{path} cannot be read: {type(error).__name__}: {str(error)[:200]}")
    try:
        return _cells(_Bytes(content), n_dimensions)
    except (struct.error, IndexError, ValueError, UnicodeDecodeError) as error:
        setup.fail(f"the foam {name!r} in {path} is damaged: {error}")


class _Bytes:
    """Bytes that are read one after the other, in ROOT's order."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def take(self, form: str) -> tuple[float, ...]:
        found = struct.unpack_from(">" + form, self.content, self.at)
        self.at += struct.calcsize(">" + form)
        return found

    def whole(self, form: str = "i") -> int:
        return int(self.take(form)[0])

    def counted(self) -> int:
        """Read a count of bytes and a version; return where what they begin ends."""
        count = self.whole("I")
        if not count & _COUNTED:
            msg = "a count of bytes is missing"
            raise ValueError(msg)
        end = self.at + (count & ~_COUNTED)
        self.take("h")
        return end

    def reference(self) -> int:
        """Read a TRef; return the number of what it refers to."""
        _, unique, _, _ = self.take("hIIh")
        return int(unique) & _NUMBER

    def number(self) -> int:
        """Read a TObject; return its number."""
        _, unique, bits = self.take("hII")
        if int(bits) & _REFERENCED:
            self.take("h")
        return int(unique) & _NUMBER

    def text(self) -> None:
        length = self.whole("B")
        self.at += self.whole("I") if length == 255 else length

    def pointer(self) -> bool:
        """Read what stands before an object that is pointed to; return whether there is one."""
        count = self.whole("I")
        if count == 0:
            return False
        tag = self.whole("I") if count & _COUNTED else count
        if not count & _COUNTED:
            msg = "an object is a reference to another"
            raise ValueError(msg)
        if tag == _NEW_CLASS:
            self.at = self.content.index(b"\0", self.at) + 1
        return True


def _cells(content: _Bytes, n_dimensions: int) -> Cells:
    """Interpret a foam up to its cells."""
    # derived classes stand around their base
    while struct.unpack_from(">I", content.content, content.at)[0] & _COUNTED:
        content.counted()
    content.number()
    content.text()
    dimensions, n_cells, *_, last = (int(value) for value in content.take("7i"))
    content.counted()
    if dimensions != n_dimensions or not 0 <= last < n_cells or n_cells > len(content.content):
        msg = f"it has {dimensions} dimensions, {n_cells} cells and the last is number {last}"
        raise ValueError(msg)
    numbers, parts, status, dimension, cut, volume, contents = [], [], [], [], [], [], []
    for _ in range(last + 1):
        if not content.pointer():
            msg = "a cell is missing"
            raise ValueError(msg)
        end = content.counted()
        numbers.append(content.number())
        content.take("h")
        _, active = content.take("2i")
        content.reference()
        parts.append((content.reference(), content.reference()))
        x, best, size, _, _ = content.take("diddd")
        status.append(int(active))
        cut.append(x)
        dimension.append(int(best))
        volume.append(size)
        contents.append(_contents(content))
        content.at = end
    return _linked(
        numbers,
        parts,
        status,
        dimension=np.array(dimension),
        cut=np.array(cut),
        volume=np.array(volume),
        contents=np.array(contents),
        n_dimensions=dimensions,
    )


def _contents(content: _Bytes) -> tuple[float, float]:
    """Return the first two numbers of a vector, 0 for what is not there (``PDEFoam::GetCellElement``)."""
    if not content.pointer():
        return 0.0, 0.0
    content.counted()
    content.number()
    n_rows, _ = content.take("2i")
    if not content.whole("B") or n_rows < 1:
        return 0.0, 0.0
    found = content.take(f"{min(int(n_rows), 2)}d")
    return found[0], found[1] if n_rows > 1 else 0.0


def _linked(
    numbers: list[int],
    names: list[tuple[int, int]],
    status: list[int],
    *,
    dimension: NDArray[np.int64],
    cut: NDArray[np.float64],
    volume: NDArray[np.float64],
    contents: NDArray[np.float64],
    n_dimensions: int,
) -> Cells:
    """Return cells with the places of their parts, and where they lie."""
    place_of = {number: place for place, number in enumerate(numbers)}
    parts = np.full((len(numbers), 2), -1)
    parent = np.full(len(numbers), -1)
    for place, pair in enumerate(names):
        if status[place] == 1:
            continue
        parts[place] = [place_of.get(name, -1) for name in pair]
        # parts come behind what they are parts of, and belong to nothing else: so nothing is met twice
        if not (parts[place] > place).all() or (parent[parts[place]] >= 0).any() or pair[0] == pair[1]:
            msg = f"cell {place} has the parts {pair}"
            raise ValueError(msg)
        if not 0 <= dimension[place] < n_dimensions:
            msg = f"cell {place} is divided in dimension {dimension[place]}"
            raise ValueError(msg)
        parent[parts[place]] = place
    if not (np.isfinite(cut).all() and np.isfinite(volume).all() and np.isfinite(contents).all()):
        msg = "a number of a cell is not finite"
        raise ValueError(msg)
    position, size = np.zeros((len(numbers), n_dimensions)), np.ones((len(numbers), n_dimensions))
    # from the cells to the whole, as PDEFoamCell::GetHcub multiplies
    rows = child = np.flatnonzero(parent >= 0)
    for _ in range(_DEEPEST):
        above = parent[child]
        k, x, first = dimension[above], cut[above], parts[above, 0] == child
        position[rows, k] = np.where(first, position[rows, k] * x, position[rows, k] * (1.0 - x) + x)
        size[rows, k] *= np.where(first, x, 1.0 - x)
        inner = parent[above] >= 0
        rows, child = rows[inner], above[inner]
        if not len(rows):
            break
    else:
        msg = f"its cells are divided more than {_DEEPEST} times"
        raise ValueError(msg)
    return Cells(parts, dimension, position, size, volume, contents)
