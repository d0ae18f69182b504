"""Cross sections of photons, electrons and positrons in an element or material, as functions of the energy.

Energies are in MeV, cross sections per atom in barn, per length in 1/cm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.gan.cascade.materials import Element, Material

    Floats = NDArray[np.float64]

__all__ = [
    "ELECTRON_MASS",
    "bremsstrahlung_above",
    "collision_loss",
    "compton",
    "coulomb_correction",
    "delta_rays",
    "pair_production",
    "photo_effect",
    "soft_bremsstrahlung",
    "transport_cross_section",
]

ELECTRON_MASS = 0.51099895
_ALPHA = 1.0 / 137.035999
# classical radius of the electron squared, in barn
_RADIUS2 = 0.0794078

# J. Hubbell, H. Gimm, I. Overbo, J. Phys. Chem. Ref. Data 9 (1980) 1023; fit of the Geant3 manual, PHYS211, in micro-barn
_PAIR = np.array(
    [
        [8.7842e2, -1.9625e3, 1.2949e3, -2.0028e2, 1.2575e1, -2.8333e-1],
        [-1.0342e1, 1.7692e1, -8.2381, 1.3063, -9.0815e-2, 2.3586e-3],
        [-4.5263e2, 1.1161e3, -8.6749e2, 2.1773e2, -2.0467e1, 6.5372e-1],
    ]
)
_PAIR_RANGE = (1.5, 1e5)

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)


def pair_production(element: Element, energy: Floats) -> Floats:
    """Return the cross section of pair production, including that in the field of the electrons."""
    z = float(element.number)
    inside = np.clip(energy, *_PAIR_RANGE)
    powers = np.log(inside / ELECTRON_MASS)[:, None] ** np.arange(6)
    first, second, third = (powers @ row for row in _PAIR)
    value = 1e-6 * z * (z + 1.0) * (first + second * z + third / z)
    threshold = 2.0 * ELECTRON_MASS
    near = np.square(np.maximum(energy - threshold, 0.0) / (_PAIR_RANGE[0] - threshold))
    return np.asarray(np.maximum(np.where(energy < _PAIR_RANGE[0], value * near, value), 0.0))


def compton(element: Element, energy: Floats) -> Floats:
    """Return the cross section of Klein and Nishina for all electrons of an atom."""
    k = energy / ELECTRON_MASS
    log = np.log1p(2.0 * k)
    first = (1.0 + k) / k**2 * (2.0 * (1.0 + k) / (1.0 + 2.0 * k) - log / k)
    return np.asarray(
        element.number * 2.0 * np.pi * _RADIUS2 * (first + log / (2.0 * k) - (1.0 + 3.0 * k) / (1.0 + 2.0 * k) ** 2)
    )


def photo_effect(element: Element, energy: Floats) -> Floats:
    """Return the photoelectric cross section, interpolated in the element's table."""
    points = np.array(element.photo)
    # two points of one energy are an edge
    at = np.log(points[:, 0]) + 1e-9 * np.arange(len(points))
    value = np.exp(np.interp(np.log(energy), at, np.log(points[:, 1])))
    last, first = points[-1, 0], points[0, 0]
    falling = np.where(energy > last, last / energy, 1.0) * np.where(energy < first, (first / energy) ** 3, 1.0)
    return np.asarray(value * falling)


def coulomb_correction(number: int) -> float:
    """Return f_c of Davies, Bethe and Maximon, Phys. Rev. 93 (1954) 788."""
    a2 = (_ALPHA * number) ** 2
    return float(a2 * (1.0 / (1.0 + a2) + 0.20206 - 0.0369 * a2 + 0.0083 * a2**2 - 0.002 * a2**3))


def screening(delta: Floats) -> tuple[Floats, Floats]:
    """Return the functions of Butcher and Messel, Nucl. Phys. 20 (1960) 15, of the screening variable."""
    low = np.minimum(delta, 1.0)
    far = 21.12 - 4.184 * np.log(np.maximum(delta, 1.0) + 0.952)
    first = np.where(delta <= 1.0, 20.867 - 3.242 * low + 0.625 * low**2, far)
    second = np.where(delta <= 1.0, 20.209 - 1.93 * low - 0.086 * low**2, far)
    return first, second


def bremsstrahlung_spectrum(element: Element, kinetic: float, k: Floats) -> Floats:
    """Return ``k d(sigma)/dk`` in barn for photons of energy ``k``: Bethe-Heitler with screening and Coulomb correction."""
    z = float(element.number)
    total = kinetic + ELECTRON_MASS
    left = np.maximum(total - k, ELECTRON_MASS)
    ratio = left / total
    delta = 136.0 * ELECTRON_MASS * k / (z ** (1.0 / 3.0) * total * left)
    first, second = screening(delta)
    common = np.log(z) / 3.0 + (coulomb_correction(element.number) if total > 50.0 else 0.0)
    bracket = (1.0 + ratio**2) * (first / 4.0 - common) - 2.0 / 3.0 * ratio * (second / 4.0 - common)
    # in the field of the electrons: Z^2 -> Z (Z + xi)
    xi = np.log(1440.0 / z ** (2.0 / 3.0)) / (np.log(183.0 / z ** (1.0 / 3.0)) - coulomb_correction(element.number))
    return np.asarray(4.0 * _ALPHA * _RADIUS2 * z * (z + xi) * np.maximum(bracket, 0.0))


def bremsstrahlung_above(element: Element, kinetic: Floats, cut: float) -> Floats:
    """Return the cross section for photons above ``cut``."""
    found = np.zeros_like(kinetic)
    for index, energy in enumerate(kinetic):
        if energy > cut:
            half = 0.5 * np.log(energy / cut)
            k = cut * np.exp(half * (1.0 + _NODES))
            found[index] = half * (_WEIGHTS * bremsstrahlung_spectrum(element, float(energy), k)).sum()
    return found


def soft_bremsstrahlung(element: Element, kinetic: Floats, cut: float) -> Floats:
    """Return the energy lost to photons below ``cut``, in MeV barn."""
    found = np.zeros_like(kinetic)
    for index, energy in enumerate(kinetic):
        half = 0.5 * min(cut, float(energy))
        found[index] = half * (_WEIGHTS * bremsstrahlung_spectrum(element, float(energy), half * (1.0 + _NODES))).sum()
    return found


def collision_loss(material: Material, kinetic: Floats, cut: float, *, positron: bool) -> Floats:
    """Return the energy lost to electrons that get less than ``cut``, in MeV/cm.

    M. Berger, S. Seltzer, NASA SP-3012 (1964).
    """
    electrons = sum(element.number * density for element, density in material.elements)
    tau = kinetic / ELECTRON_MASS
    gamma = tau + 1.0
    beta2 = 1.0 - 1.0 / gamma**2
    effect = material.ionisation
    up = np.minimum(cut, kinetic if positron else 0.5 * kinetic) / ELECTRON_MASS
    if positron:
        y = 1.0 / (gamma + 1.0)
        shape = np.log(tau * up) - beta2 / tau * (
            tau
            + 2.0 * up
            - 1.5 * up**2 * y
            - (up - up**3 / 3.0) * y**2
            - (up**2 / 2.0 - tau * up**3 / 3.0 + up**4 / 4.0) * y**3
        )
    else:
        shape = (
            -1.0
            - beta2
            + np.log((tau - up) * up)
            + tau / (tau - up)
            + (0.5 * up**2 + (2.0 * tau + 1.0) * np.log(1.0 - up / tau)) / gamma**2
        )
    x = np.log10(np.sqrt(tau * (tau + 2.0)))
    density = np.where(
        x >= effect.x1,
        2.0 * np.log(10.0) * x - effect.c,
        np.where(
            x >= effect.x0,
            2.0 * np.log(10.0) * x - effect.c + effect.a * np.maximum(effect.x1 - x, 0.0) ** effect.k,
            effect.d0 * 10.0 ** (2.0 * (x - effect.x0)),
        ),
    )
    excitation = effect.excitation * 1e-6 / ELECTRON_MASS
    value = 2.0 * np.pi * _RADIUS2 * ELECTRON_MASS * electrons / beta2
    return np.asarray(value * (np.log(2.0 * (tau + 2.0) / excitation**2) + shape - density))


def delta_rays(kinetic: Floats, cut: float, *, positron: bool) -> Floats:
    """Return the cross section per electron for giving another more than ``cut``: Moller's, or Bhabha's."""
    gamma = kinetic / ELECTRON_MASS + 1.0
    beta2 = 1.0 - 1.0 / gamma**2
    share = cut / kinetic
    largest = 1.0 if positron else 0.5
    x = np.minimum(share, largest)
    scale = 2.0 * np.pi * _RADIUS2 * ELECTRON_MASS / kinetic
    if positron:
        y = 1.0 / (gamma + 1.0)
        b1, b2 = 2.0 - y**2, (1.0 - 2.0 * y) * (3.0 + y**2)
        b4 = (1.0 - 2.0 * y) ** 3
        b3 = b4 + (1.0 - 2.0 * y) ** 2
        value = (1.0 / beta2) * (1.0 / x - 1.0) + b1 * np.log(x) + b2 * (1.0 - x) - b3 / 2.0 * (1.0 - x**2)
        value = scale * (value + b4 / 3.0 * (1.0 - x**3))
    else:
        value = (gamma - 1.0) ** 2 / gamma**2 * (0.5 - x) + 1.0 / x - 1.0 / (1.0 - x)
        value = scale / beta2 * (value - (2.0 * gamma - 1.0) / gamma**2 * np.log((1.0 - x) / x))
    return np.asarray(np.where(share < largest, np.maximum(value, 0.0), 0.0))


def transport_cross_section(element: Element, kinetic: Floats) -> Floats:
    """Return the first transport cross section of elastic scattering: Rutherford's with Moliere's screening.

    ``1/(n sigma)`` is the length after which the mean cosine has fallen to 1/e. Z (Z + 1) adds scattering by electrons.
    """
    z = float(element.number)
    gamma = kinetic / ELECTRON_MASS + 1.0
    beta2 = 1.0 - 1.0 / gamma**2
    momentum2 = gamma**2 * beta2
    # (hbar / (2 p a))^2 with the radius of Thomas and Fermi
    radius = 0.885 / (_ALPHA * z ** (1.0 / 3.0))
    screen = (1.13 + 3.76 * (_ALPHA * z) ** 2 / beta2) / (4.0 * momentum2 * radius**2)
    value = 2.0 * np.pi * _RADIUS2 * z * (z + 1.0) / (momentum2 * beta2)
    return np.asarray(value * (np.log1p(1.0 / screen) - 1.0 / (1.0 + screen)))
