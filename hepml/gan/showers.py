"""Showers in memory: energies of the cells of a calorimeter, and the particle that made each shower."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import InvalidInputError
from hepml.gan.geometry import check_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.gan.geometry import Calorimeter

__all__ = ["ShowerDataset"]


@dataclass(frozen=True, slots=True, eq=False)
class ShowerDataset:
    """Showers of one kind of particle in one calorimeter.

    Parameters
    ----------
    energy : ndarray of float64, shape (n_showers,)
        Kinetic energy of the particle in MeV, above zero.
    cells : ndarray of float32, shape (n_showers, n_cells)
        Energy in each cell in MeV, not negative.
    calorimeter : Calorimeter
        Whose cells they are.
    particle : str
        ``"photon"``, ``"electron"``, ``"positron"``, or what a file says.

    Raises
    ------
    InvalidInputError
        If shapes do not fit, or an energy is negative, NaN or infinite.
    """

    energy: NDArray[np.float64]
    cells: NDArray[np.float32]
    calorimeter: Calorimeter
    particle: str = "photon"

    def __post_init__(self) -> None:
        check_shape(self.cells.shape, self.calorimeter, "the showers")
        if self.energy.shape != (len(self.cells),):
            msg = f"there are {len(self.cells)} showers and energies of the shape {self.energy.shape}"
            raise InvalidInputError(msg)
        if not (np.isfinite(self.energy).all() and (self.energy > 0.0).all()):
            bad = int(np.count_nonzero(~(np.isfinite(self.energy) & (self.energy > 0.0))))
            msg = f"{bad} of {len(self.energy)} incident energies are not positive numbers"
            raise InvalidInputError(msg)
        bad = int(np.count_nonzero(~(np.isfinite(self.cells).all(axis=1) & (self.cells >= 0.0).all(axis=1))))
        if bad:
            msg = f"{bad} of {len(self.cells)} showers have a cell whose energy is negative, NaN or infinite"
            raise InvalidInputError(msg)
        self.energy.flags.writeable = False
        self.cells.flags.writeable = False

    def __len__(self) -> int:
        return len(self.energy)
