"""Where the training of a network stands after an epoch, in one file that appears whole and is read without trust."""

from __future__ import annotations

import io
import json
import logging
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.atomic import atomic_path
from hepml.errors import ModelFormatError
from hepml.forest.safe_npy import array_from_npy

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Arrays = list[NDArray[np.float32]]

__all__ = ["Checkpoint", "Progress"]

_FORMAT = "hepml-training"
_VERSION = 1
_LISTS = ("parameters", "averaged", "moments", "best_arrays")
_LARGEST = 2_000_000_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """All that the rest of a training depends on.

    Parameters
    ----------
    training, monitored : list of float
        Losses after each epoch.
    step : int
        Number of steps.
    parameters, averaged, best_arrays : list of ndarray of float32
        Of the network now, its moving average, and the best average so far.
    moments : list of ndarray of float32
        Two for each parameter, of the optimiser.
    generator : ndarray of uint8
        State of the random numbers.
    """

    training: list[float]
    monitored: list[float]
    step: int
    parameters: Arrays
    averaged: Arrays
    moments: Arrays
    best_arrays: Arrays
    generator: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The file, and what it must be of.

    Parameters
    ----------
    path : pathlib.Path
        ``.zip`` of arrays.
    fingerprint : str
        Of events and options: a file of another training is not taken up.
    shapes : tuple of tuple of int
        Of the parameters.
    """

    path: Path
    fingerprint: str
    shapes: tuple[tuple[int, ...], ...]

    def write(self, progress: Progress) -> None:
        """Write the state, in the place of that of the epoch before."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        facts = {
            "format": _FORMAT,
            "version": _VERSION,
            "fingerprint": self.fingerprint,
            "training": progress.training,
            "monitored": progress.monitored,
            "step": progress.step,
        }
        with atomic_path(self.path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            archive.writestr("state.json", json.dumps(facts))
            archive.writestr("generator.npy", _npy(progress.generator))
            for name in _LISTS:
                flat = np.concatenate([array.ravel() for array in getattr(progress, name)])
                archive.writestr(f"{name}.npy", _npy(flat))

    def read(self) -> Progress | None:
        """Return the state, or None if there is none, or one that is damaged or of another training."""
        if not self.path.is_file():
            return None
        try:
            with zipfile.ZipFile(self.path) as archive:
                if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
                    msg = "it is too large"
                    raise ModelFormatError(msg)  # noqa: TRY301  (one exit for all that is wrong with it)
                return self._progress(archive)
        except (ModelFormatError, KeyError, OSError, ValueError, TypeError, zipfile.BadZipFile) as error:
            _log.warning("what an earlier training left cannot be used (%s); it begins anew", error)
            return None

    def _progress(self, archive: zipfile.ZipFile) -> Progress | None:
        facts: Any = json.loads(archive.read("state.json"))
        if (facts["format"], facts["version"]) != (_FORMAT, _VERSION):
            msg = f"it is of the format {facts['format']!r}, version {facts['version']!r}"
            raise ModelFormatError(msg)
        if facts["fingerprint"] != self.fingerprint:
            _log.info("an earlier training had other events or options; it begins anew")
            return None
        parameters, averaged, moments, best = (self._arrays(archive, name) for name in _LISTS)
        training, monitored = ([float(value) for value in facts[key]] for key in ("training", "monitored"))
        if len(training) != len(monitored) or not training or type(facts["step"]) is not int:
            msg = "its losses and steps do not fit"
            raise ModelFormatError(msg)
        generator = array_from_npy(archive.read("generator.npy"), np.uint8, "the state of the random numbers")
        return Progress(training, monitored, facts["step"], parameters, averaged, moments, best, generator)

    def _arrays(self, archive: zipfile.ZipFile, name: str) -> Arrays:
        flat = array_from_npy(archive.read(f"{name}.npy"), np.float32, name)
        shapes = [shape for shape in self.shapes for _ in range(2)] if name == "moments" else list(self.shapes)
        sizes = [int(np.prod(shape)) for shape in shapes]
        if flat.size != sum(sizes):
            msg = f"{name} has {flat.size} numbers for {sum(sizes)}"
            raise ModelFormatError(msg)
        parts = np.split(flat, np.cumsum(sizes)[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def _npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return stream.getvalue()
