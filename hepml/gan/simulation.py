"""Showers of the cascade Monte Carlo: each with random numbers of its own, on one core or several."""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import InvalidInputError, unknown_name
from hepml.gan.cascade.materials import material
from hepml.gan.cascade.tables import Cuts, Tables
from hepml.gan.cascade.transport import shower
from hepml.gan.geometry import PRESETS, Calorimeter, GridLayer
from hepml.gan.shower_files import write_showers
from hepml.gan.showers import ShowerDataset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["PARTICLES", "Cascade", "SimulatedFile", "log_uniform", "simulate", "simulate_chunks", "simulate_file"]

PARTICLES = {"photon": 0, "electron": -1, "positron": 1}
_LOWEST, _HIGHEST = 1.0, 1e6
_CHUNK = 250


@dataclass(frozen=True, slots=True)
class Cascade:
    """What is simulated.

    Parameters
    ----------
    calorimeter : Calorimeter
        Slabs and cells.
    particle : str
        ``"photon"``, ``"electron"`` or ``"positron"``; it enters at the origin along z.
    cuts : Cuts
        Down to which energies particles are followed.
    """

    calorimeter: Calorimeter
    particle: str = "photon"
    cuts: Cuts = field(default_factory=Cuts)

    def __post_init__(self) -> None:
        if self.particle not in PARTICLES:
            raise unknown_name(kind="particle", name=self.particle, known=PARTICLES)

    def run(self, energy: Floats, seed: int, first: int = 0) -> tuple[NDArray[np.float32], Floats]:
        """Simulate one shower for each energy.

        Parameters
        ----------
        energy : ndarray of float64, shape (n_showers,)
            Kinetic energies in MeV, 1 MeV to 1 TeV.
        seed : int
            Of all showers of a sample.
        first : int
            Number of the first shower in the sample; the random numbers of a shower depend on its number and the seed.

        Returns
        -------
        cells : ndarray of float32, shape (n_showers, n_cells)
            Energies in MeV.
        totals : ndarray of float64, shape (n_showers, 3)
            Energy in passive slabs, in active ones, and what left the calorimeter, in MeV.

        Raises
        ------
        InvalidInputError
            If an energy is out of range.
        """
        bad = ~((energy >= _LOWEST) & (energy <= _HIGHEST))
        if bad.any():
            msg = f"energies from {_LOWEST:g} MeV to {_HIGHEST:g} MeV can be simulated, not {energy[bad][0]:g} MeV"
            raise InvalidInputError(msg)
        names = list(dict.fromkeys(slab.material for slab in self.calorimeter.slabs))
        tables = Tables.of([material(name) for name in names], self.cuts)
        slabs = np.concatenate([[0.0], np.cumsum([slab.thickness for slab in self.calorimeter.slabs])])
        media = np.array([(names.index(slab.material), slab.active) for slab in self.calorimeter.slabs], dtype=np.int64)
        readouts, edges = _readouts(self.calorimeter)
        found = np.zeros((len(energy), self.calorimeter.n_cells), dtype=np.float32)
        totals = np.empty((len(energy), 3))
        start = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
        cells = np.empty(self.calorimeter.n_cells)
        for number, one in enumerate(energy):
            state = np.random.SeedSequence(seed, spawn_key=(first + number,)).generate_state(4, np.uint64)
            cells[:] = 0.0
            totals[number] = shower(
                state,
                PARTICLES[self.particle],
                float(one),
                start,
                slabs,
                media,
                tables.photon,
                tables.electron,
                tables.elements,
                self.cuts.to_array(),
                readouts,
                edges,
                cells,
            )
            found[number] = cells
        return found, totals


def log_uniform(n: int, low: float, high: float, seed: int) -> Floats:
    """Draw energies whose logarithms are uniform.

    Parameters
    ----------
    n : int
        How many.
    low, high : float
        Range in MeV.
    seed : int
        Of the sample.

    Returns
    -------
    ndarray of float64, shape (n,)
        In MeV.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0, 0)))
    return np.asarray(np.exp(rng.uniform(np.log(low), np.log(high), n)))


def simulate(cascade: Cascade, energy: Floats, seed: int) -> ShowerDataset:
    """Simulate a sample in memory.

    Parameters
    ----------
    cascade : Cascade
        What is simulated.
    energy : ndarray of float64, shape (n_showers,)
        Kinetic energies in MeV.
    seed : int
        Of the sample.

    Returns
    -------
    ShowerDataset
        One shower for each energy; see :meth:`Cascade.run`.
    """
    return ShowerDataset(
        np.array(energy, dtype=np.float64), cascade.run(energy, seed)[0], cascade.calorimeter, cascade.particle
    )


def simulate_chunks(
    cascade: Cascade, energy: Floats, seed: int, *, workers: int | None = None
) -> Iterator[tuple[Floats, NDArray[np.float32]]]:
    """Simulate a sample chunk by chunk, in order.

    Parameters
    ----------
    cascade : Cascade
        What is simulated.
    energy : ndarray of float64, shape (n_showers,)
        In MeV.
    seed : int
        Of the sample.
    workers : int, optional
        Processes; their number changes no shower. Default: one for each processor.

    Yields
    ------
    energy, cells : ndarray
        Of the next showers.
    """
    starts = range(0, len(energy), _CHUNK)
    chunks = [energy[start : start + _CHUNK] for start in starts]
    n_workers = min(workers or len(os.sched_getaffinity(0)), len(chunks))
    if n_workers <= 1:
        for start, chunk in zip(starts, chunks, strict=True):
            yield chunk, cascade.run(chunk, seed, start)[0]
        return
    with ProcessPoolExecutor(n_workers, mp_context=get_context("spawn")) as pool:
        results = pool.map(cascade.run, chunks, [seed] * len(chunks), starts)
        for chunk, (cells, _) in zip(chunks, results, strict=True):
            yield chunk, cells


@dataclass(frozen=True, slots=True)
class SimulatedFile:
    """What :func:`simulate_file` wrote.

    Parameters
    ----------
    calorimeter : Calorimeter
        Whose cells were filled.
    visible_share : float
        Energy of all cells over that of the particles.
    rate : float
        Showers in a second of wall-clock time.
    """

    calorimeter: Calorimeter
    visible_share: float
    rate: float


def simulate_file(
    path: str | os.PathLike[str],
    n_showers: int,
    *,
    calorimeter: str | Calorimeter = "calogan",
    particle: str = "photon",
    energy: tuple[float, float] = (1e3, 1e4),
    seed: int = 1,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> SimulatedFile:
    """Simulate showers to an HDF5 file, chunk by chunk; see :func:`simulate_chunks`.

    Parameters
    ----------
    path : path-like
        The file; it appears when it is complete.
    n_showers : int
        How many.
    calorimeter : Calorimeter or str
        Or the name of a preset, or of a geometry file.
    particle : str
        ``"photon"``, ``"electron"`` or ``"positron"``.
    energy : tuple of float
        Lowest and highest energy in MeV; uniform in the logarithm.
    seed, workers
        As for :func:`simulate_chunks`.
    overwrite : bool
        Whether an existing file may be replaced.
    progress : callable, optional
        Called with a step and the fraction that is done.

    Returns
    -------
    SimulatedFile
        What it holds and how long it took.

    Raises
    ------
    InvalidInputError
        If the energies are not a range from 1 MeV to 1 TeV.
    """
    low, high = energy
    if not _LOWEST <= low <= high <= _HIGHEST:
        msg = f"the energies must be a range between {_LOWEST:g} and {_HIGHEST:g} MeV, not {low:g} to {high:g} MeV"
        raise InvalidInputError(msg)
    if isinstance(calorimeter, str):
        is_file = calorimeter not in PRESETS and Path(calorimeter).suffix in {".yaml", ".yml"}
        calorimeter = Calorimeter.from_file(Path(calorimeter)) if is_file else Calorimeter.named(calorimeter)
    cascade = Cascade(calorimeter, particle)
    energies = log_uniform(n_showers, low, high, seed)
    begin, done, visible = time.monotonic(), 0, 0.0
    with write_showers(path, calorimeter, particle, overwrite=overwrite) as writer:
        for chunk, cells in simulate_chunks(cascade, energies, seed, workers=workers):
            writer.append(chunk, cells)
            done, visible = done + len(chunk), visible + float(cells.sum(dtype=np.float64))
            if progress is not None:
                progress("simulating", done / n_showers)
    return SimulatedFile(calorimeter, visible / float(energies.sum()), n_showers / (time.monotonic() - begin))


def _readouts(calorimeter: Calorimeter) -> tuple[Floats, Floats]:
    """Return the layers as the compiled transport takes them, and where they begin and end."""
    most = max((len(layer.radii) for layer in calorimeter.layers if not isinstance(layer, GridLayer)), default=1)
    rows = np.zeros((len(calorimeter.layers), 5 + most))
    edges = np.concatenate([[0.0], np.cumsum([layer.thickness for layer in calorimeter.layers])])
    offset = 0
    for row, layer in zip(rows, calorimeter.layers, strict=True):
        if isinstance(layer, GridLayer):
            row[:6] = offset, 0, *layer.shape, layer.width, layer.height
        else:
            row[:5] = offset, 1, layer.n_alpha, len(layer.radii), 0
            row[5 : 5 + len(layer.radii)] = layer.radii
        offset += layer.n_cells
    return rows, np.column_stack([edges[:-1], edges[1:]])
