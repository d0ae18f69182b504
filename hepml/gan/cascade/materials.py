"""What calorimeters are made of, with the constants that the cascade needs of each material."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hepml.errors import unknown_name

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ELEMENTS", "MATERIALS", "Element", "Material", "material"]


@dataclass(frozen=True, slots=True)
class Element:
    """A chemical element.

    Parameters
    ----------
    number : int
        Atomic number Z.
    mass : float
        Molar mass in g/mol.
    k_edge : float
        Binding energy of the K shell in MeV.
    photo : tuple of (float, float)
        Photoelectric cross section: photon energy in MeV, and barn per atom. Interpolated in logarithms, and beyond the last
        point it falls as 1/E. At an edge there are two points of nearly the same energy.
    """

    number: int
    mass: float
    k_edge: float
    photo: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class DensityEffect:
    """Sternheimer's parameters of the density effect, and the mean excitation energy in eV."""

    excitation: float
    c: float
    x0: float
    x1: float
    a: float
    k: float
    d0: float = 0.0


@dataclass(frozen=True, slots=True)
class Material:
    """A homogeneous material.

    Parameters
    ----------
    name : str
        Its name in geometry files.
    density : float
        In g/cm^3.
    composition : tuple of (str, int)
        Elements and their numbers of atoms in a molecule.
    ionisation : DensityEffect
        For the stopping power.
    radiation_length, critical_energy, moliere_radius : float
        In cm, MeV and cm, of the Particle Data Group: what simulations are compared with; they enter none.
    """

    name: str
    density: float
    composition: tuple[tuple[str, int], ...]
    ionisation: DensityEffect
    radiation_length: float
    critical_energy: float
    moliere_radius: float

    @property
    def elements(self) -> Sequence[tuple[Element, float]]:
        """Elements and their atoms per cm^3, in units of 1e24, so that times barn it is 1/cm."""
        molar = sum(count * ELEMENTS[symbol].mass for symbol, count in self.composition)
        molecules = 0.602214076 * self.density / molar
        return [(ELEMENTS[symbol], molecules * count) for symbol, count in self.composition]


# photoelectric cross sections: XCOM (M. Berger et al., NIST Standard Reference Database 8), rounded to three digits
ELEMENTS = {
    "O": Element(
        8,
        15.999,
        0.000543,
        (
            (0.01, 146.0),
            (0.02, 15.3),
            (0.04, 1.55),
            (0.06, 0.404),
            (0.1, 0.0741),
            (0.2, 0.00786),
            (0.5, 0.000522),
            (1.0, 0.0001),
        ),
    ),
    "Ar": Element(
        18,
        39.948,
        0.003206,
        (
            (0.005, 27700.0),
            (0.01, 4100.0),
            (0.015, 1250.0),
            (0.02, 526.0),
            (0.03, 152.0),
            (0.04, 62.3),
            (0.06, 17.4),
            (0.08, 6.98),
            (0.1, 3.43),
            (0.15, 0.938),
            (0.2, 0.382),
            (0.3, 0.112),
            (0.5, 0.0258),
            (1.0, 0.00479),
            (2.0, 0.00136),
        ),
    ),
    "W": Element(
        74,
        183.84,
        0.069525,
        (
            (0.01, 28000.0),
            (0.01021, 26600.0),
            (0.01021, 68600.0),
            (0.0121, 49800.0),
            (0.0121, 71700.0),
            (0.015, 42000.0),
            (0.02, 19600.0),
            (0.03, 6710.0),
            (0.04, 3060.0),
            (0.06, 998.0),
            (0.069525, 666.0),
            (0.069526, 3320.0),
            (0.08, 2290.0),
            (0.1, 1260.0),
            (0.15, 420.0),
            (0.2, 194.0),
            (0.3, 66.4),
            (0.5, 18.2),
            (1.0, 3.73),
            (2.0, 0.974),
            (5.0, 0.263),
        ),
    ),
    "Pb": Element(
        82,
        207.2,
        0.088005,
        (
            (0.01, 43200.0),
            (0.013035, 22200.0),
            (0.013035, 54600.0),
            (0.015861, 50000.0),
            (0.015861, 52500.0),
            (0.02, 28800.0),
            (0.03, 10000.0),
            (0.04, 4650.0),
            (0.06, 1540.0),
            (0.08, 698.0),
            (0.088, 538.0),
            (0.088005, 2520.0),
            (0.1, 1780.0),
            (0.15, 610.0),
            (0.2, 290.0),
            (0.3, 104.0),
            (0.5, 29.6),
            (1.0, 6.23),
            (2.0, 1.65),
            (5.0, 0.441),
        ),
    ),
}

# R. Sternheimer, M. Berger, S. Seltzer, Atomic Data and Nuclear Data Tables 30 (1984) 261; densities of the PDG
MATERIALS = {
    one.name: one
    for one in (
        Material(
            "Pb",
            11.35,
            (("Pb", 1),),
            DensityEffect(823.0, 6.2018, 0.3776, 3.8073, 0.09359, 3.1608, 0.14),
            0.5612,
            7.43,
            1.602,
        ),
        Material("LAr", 1.396, (("Ar", 1),), DensityEffect(188.0, 5.2146, 0.2, 3.0, 0.19559, 3.0), 14.0, 32.84, 9.04),
        Material(
            "W",
            19.3,
            (("W", 1),),
            DensityEffect(727.0, 5.4059, 0.2167, 3.496, 0.15509, 2.8447, 0.14),
            0.3504,
            7.97,
            0.9327,
        ),
        Material(
            "PbWO4",
            8.3,
            (("Pb", 1), ("W", 1), ("O", 4)),
            DensityEffect(600.7, 5.8528, 0.4068, 3.0023, 0.22758, 3.0),
            0.8904,
            9.64,
            1.959,
        ),
    )
}


def material(name: str) -> Material:
    """Return a material by its name.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    if name not in MATERIALS:
        raise unknown_name(kind="material", name=name, known=MATERIALS)
    return MATERIALS[name]
