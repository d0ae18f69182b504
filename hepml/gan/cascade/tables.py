"""What the compiled transport looks up: each material's cross sections and losses on one grid of energies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepml.gan.cascade.cross_sections import (
    bremsstrahlung_above,
    collision_loss,
    compton,
    coulomb_correction,
    delta_rays,
    pair_production,
    photo_effect,
    soft_bremsstrahlung,
    transport_cross_section,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hepml.gan.cascade.materials import Material

    Floats = NDArray[np.float64]

__all__ = ["ELECTRON_ROWS", "LOG_FIRST", "LOG_STEP", "PHOTON_ROWS", "Cuts", "Tables"]

# 1 keV to 1 TeV
LOG_FIRST = float(np.log(1e-3))
_N_POINTS = 721
LOG_STEP = float((np.log(1e6) - LOG_FIRST) / (_N_POINTS - 1))

# rows of the tables, in this order
PHOTON_ROWS = ("total", "pair", "pair_or_compton")
ELECTRON_ROWS = ("bremsstrahlung", "delta", "delta_positron", "loss", "loss_positron", "scattering", "range")


@dataclass(frozen=True, slots=True)
class Cuts:
    """Energies in MeV below which things are not followed one by one.

    Parameters
    ----------
    electron, photon : float
        Kinetic energy at which a particle's energy stays where it is.
    delta, soft_photon : float
        What an electron gives to slower electrons and softer photons is a continuous loss.
    step : float
        Largest share of its energy that an electron loses in a step.
    floor : float
        Shortest step, in mm.
    """

    electron: float = 0.1
    photon: float = 0.01
    delta: float = 0.5
    soft_photon: float = 0.1
    step: float = 0.3
    floor: float = 0.1

    def to_array(self) -> Floats:
        """Return the six numbers in the order in which the transport takes them."""
        return np.array([self.electron, self.photon, self.delta, self.soft_photon, self.step, self.floor])


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Tables of all materials of a geometry.

    Parameters
    ----------
    photon : ndarray of float64, shape (n_materials, n_energies, 3)
        1/cm: all interactions; pair production; that and Compton scattering. The rest is the photo-effect.
    electron : ndarray of float64, shape (n_materials, n_energies, 7)
        1/cm for hard bremsstrahlung and delta rays of electrons and of positrons; MeV/cm of continuous loss of either; 1/cm
        of scattering; range in cm.
    elements : ndarray of float64, shape (n_materials, n_most, 4)
        Atomic number, Coulomb correction, binding energy of the K shell in MeV, and the cumulative share of the element in
        radiative processes (Z (Z + 1) atoms).
    """

    photon: Floats
    electron: Floats
    elements: Floats

    @classmethod
    def of(cls, materials: Sequence[Material], cuts: Cuts) -> Tables:
        """Compute the tables, in about half a second for each material."""
        energy = np.exp(LOG_FIRST + LOG_STEP * np.arange(_N_POINTS))
        most = max(len(one.composition) for one in materials)
        elements = np.zeros((len(materials), most, 4))
        for number, one in enumerate(materials):
            radiates = np.array(
                [density * element.number * (element.number + 1.0) for element, density in one.elements]
            )
            for place, (element, _) in enumerate(one.elements):
                share = radiates[: place + 1].sum() / radiates.sum()
                elements[number, place] = (element.number, coulomb_correction(element.number), element.k_edge, share)
            elements[number, len(one.elements) :] = elements[number, len(one.elements) - 1]
            elements[number, len(one.elements) - 1 :, 3] = 1.0
        return cls(
            np.array([_photon_rows(one, energy) for one in materials]),
            np.array([_electron_rows(one, energy, cuts) for one in materials]),
            elements,
        )


def _photon_rows(material: Material, energy: Floats) -> Floats:
    pair, scatter, absorb = np.zeros_like(energy), np.zeros_like(energy), np.zeros_like(energy)
    for element, density in material.elements:
        pair += density * pair_production(element, energy)
        scatter += density * compton(element, energy)
        absorb += density * photo_effect(element, energy)
    return np.column_stack([pair + scatter + absorb, pair, pair + scatter])


def _electron_rows(material: Material, energy: Floats, cuts: Cuts) -> Floats:
    hard, soft, scattering, electrons = (np.zeros_like(energy) for _ in range(4))
    for element, density in material.elements:
        hard += density * bremsstrahlung_above(element, energy, cuts.soft_photon)
        soft += density * soft_bremsstrahlung(element, energy, cuts.soft_photon)
        scattering += density * transport_cross_section(element, energy)
        electrons += density * element.number
    collision = [collision_loss(material, energy, cuts.delta, positron=positron) for positron in (False, True)]
    whole = collision_loss(material, energy, np.inf, positron=False)
    steps = np.diff(energy)
    middle = 0.5 * (1.0 / whole[1:] + 1.0 / whole[:-1])
    reach = energy[0] / whole[0] + np.concatenate([[0.0], np.cumsum(steps * middle)])
    return np.column_stack(
        [
            hard,
            electrons * delta_rays(energy, cuts.delta, positron=False),
            electrons * delta_rays(energy, cuts.delta, positron=True),
            collision[0] + soft,
            collision[1] + soft,
            scattering,
            reach,
        ]
    )
