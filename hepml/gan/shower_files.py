"""Showers in HDF5 files of the CaloChallenge's form: ``incident_energies`` and ``showers``, in MeV."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.atomic import atomic_path
from hepml.errors import (
    FileUnreadableError,
    InvalidInputError,
    MissingFileError,
    ModelFormatError,
    missing_dependency,
)
from hepml.gan.geometry import Calorimeter, check_shape
from hepml.gan.showers import ShowerDataset

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["FORMAT", "VERSION", "ShowerWriter", "read_showers", "write_showers"]

FORMAT, VERSION = "hepml-showers", 1
_ENERGIES, _SHOWERS = "incident_energies", "showers"
_LARGEST_TEXT = 1_000_000


class ShowerWriter:
    """Appends showers to an open file."""

    def __init__(self, file: Any, calorimeter: Calorimeter, particle: str) -> None:
        self._calorimeter = calorimeter
        file.attrs["format"], file.attrs["version"] = FORMAT, VERSION
        file.attrs["calorimeter"], file.attrs["particle"] = calorimeter.model_dump_json(), particle
        width = calorimeter.n_cells
        rows = max(1, min(1000, 4_000_000 // (4 * width)))
        self._energies = file.create_dataset(
            _ENERGIES, (0, 1), "<f8", maxshape=(None, 1), chunks=(rows, 1), compression="gzip", compression_opts=4
        )
        self._showers = file.create_dataset(
            _SHOWERS,
            (0, width),
            "<f4",
            maxshape=(None, width),
            chunks=(rows, width),
            compression="gzip",
            compression_opts=4,
        )

    def append(self, energy: NDArray[np.float64], cells: NDArray[np.float32]) -> None:
        """Write showers behind those that are there: energies in MeV of shape (n,), cells of shape (n, n_cells)."""
        check_shape(cells.shape, self._calorimeter, "the showers")
        first = len(self._energies)
        for dataset, values in ((self._energies, energy[:, None]), (self._showers, cells)):
            dataset.resize(first + len(energy), axis=0)
            dataset[first:] = values


@contextmanager
def write_showers(
    path: str | os.PathLike[str], calorimeter: Calorimeter, particle: str, *, overwrite: bool = False
) -> Iterator[ShowerWriter]:
    """Open a file to which showers are written chunk by chunk; it appears when it is complete.

    Parameters
    ----------
    path : path-like
        HDF5 file.
    calorimeter : Calorimeter
        Whose cells they are; it stays with them.
    particle : str
        What made them.
    overwrite : bool
        Whether an existing file may be replaced.

    Yields
    ------
    ShowerWriter
        With ``append(energy, cells)``.

    Raises
    ------
    MissingDependencyError
        If h5py is not installed.
    OutputError
        If the file exists and may not be replaced, or cannot be written.
    """
    h5py = _h5py()
    with atomic_path(path, overwrite=overwrite) as temporary, h5py.File(temporary, "w") as file:
        yield ShowerWriter(file, calorimeter, particle)


def read_showers(
    path: str | os.PathLike[str], calorimeter: Calorimeter | None = None, *, first: int = 0, last: int | None = None
) -> ShowerDataset:
    """Read showers.

    Parameters
    ----------
    path : path-like
        HDF5 file with ``incident_energies``, shape (n,) or (n, 1), and ``showers``, shape (n, n_cells), both in MeV.
    calorimeter : Calorimeter, optional
        Whose cells they are. Default: what the file says; files of other programs do not say it.
    first, last : int
        Range of showers; default all.

    Returns
    -------
    ShowerDataset
        In the order of the file.

    Raises
    ------
    MissingFileError, FileUnreadableError, ModelFormatError
        If there is no such file, it is damaged, or it holds something else.
    InvalidInputError
        If no calorimeter is known, or it has other cells, or an energy is not usable.
    """
    h5py = _h5py()
    location = Path(path)
    if not location.is_file():
        msg = f"there is no file {location}"
        raise MissingFileError(msg)
    try:
        with h5py.File(location, "r") as file:
            for name in (_ENERGIES, _SHOWERS):
                if not isinstance(file.get(name), h5py.Dataset):
                    msg = f"{location} has no data set {name!r} (it has {', '.join(list(file)[:20]) or 'none'})"
                    raise ModelFormatError(msg)
            if calorimeter is None:
                calorimeter = _calorimeter(file, location)
            energy = np.asarray(file[_ENERGIES][first:last], dtype=np.float64).reshape(-1)
            cells = np.asarray(file[_SHOWERS][first:last], dtype=np.float32)
            particle = str(file.attrs.get("particle", "photon"))[:100]
    except OSError as error:
        msg = f"{location} cannot be read as HDF5: it is truncated, damaged or of another format ({error})"
        raise FileUnreadableError(msg) from error
    try:
        return ShowerDataset(energy, cells, calorimeter, particle)
    except InvalidInputError as error:
        msg = f"{location}: {error}"
        raise InvalidInputError(msg) from error


def _calorimeter(file: Any, location: Path) -> Calorimeter:
    text = file.attrs.get("calorimeter")
    if text is None:
        msg = f"{location} does not say which calorimeter its showers are of: give one (a preset or a geometry file)"
        raise InvalidInputError(msg)
    version = file.attrs.get("version")
    if file.attrs.get("format") != FORMAT or not isinstance(version, (int, np.integer)):
        msg = f"{location} has a calorimeter and not the format {FORMAT!r}"
        raise ModelFormatError(msg)
    if version > VERSION:
        msg = f"{location} has version {version} of {FORMAT!r}; this hepml reads up to {VERSION}: use a newer hepml"
        raise ModelFormatError(msg)
    try:
        content = json.loads(str(text)[:_LARGEST_TEXT])
    except (ValueError, RecursionError) as error:
        msg = f"{location}: the description of its calorimeter is damaged"
        raise ModelFormatError(msg) from error
    return Calorimeter.from_content(content, str(location))


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise missing_dependency(module="h5py", purpose="showers in HDF5 files", extra="gan") from error
    return h5py
