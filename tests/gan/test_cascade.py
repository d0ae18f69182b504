"""The cascade Monte Carlo against what is known of electromagnetic showers: constants of the PDG, closed forms, balance."""

from __future__ import annotations

import numpy as np
import pytest

from hepml.errors import InvalidInputError, UnknownNameError
from hepml.gan import Calorimeter, Cascade
from hepml.gan.cascade.cross_sections import (
    ELECTRON_MASS,
    bremsstrahlung_spectrum,
    collision_loss,
    compton,
    delta_rays,
    pair_production,
    photo_effect,
    soft_bremsstrahlung,
)
from hepml.gan.cascade.materials import ELEMENTS, MATERIALS, material
from hepml.gan.cascade.tables import Cuts

# mass attenuation coefficients of lead in cm^2/g, without coherent scattering: XCOM of NIST
LEAD = {0.5: 0.154, 1.0: 0.0684, 2.0: 0.0453, 5.0: 0.0424, 10.0: 0.0496}


def block(name: str, length: float, n_layers: int = 40) -> Calorimeter:
    """A homogeneous block, read out in cylinders around the axis."""
    return Calorimeter.from_content(
        {
            "name": "block",
            "stacks": [{"slabs": [{"material": name, "thickness": length, "active": True}]}],
            "layers": [
                {"kind": "cylinder", "thickness": length / n_layers, "radii": list(np.arange(1.0, 61.0)), "n_alpha": 1}
            ]
            * n_layers,
        },
        "test",
    )


@pytest.mark.parametrize("energy", LEAD)
def test_photons_are_attenuated_as_measured(energy):
    lead = ELEMENTS["Pb"]
    density = MATERIALS["Pb"].elements[0][1]
    at = np.array([energy])
    found = (
        (pair_production(lead, at) + compton(lead, at) + photo_effect(lead, at))[0] * density / MATERIALS["Pb"].density
    )
    assert found == pytest.approx(LEAD[energy], rel=0.03)


def test_compton_tends_to_thomson():
    thomson = 8.0 / 3.0 * np.pi * 0.0794078
    assert compton(ELEMENTS["Ar"], np.array([1e-4]))[0] / 18 == pytest.approx(thomson, rel=1e-3)


@pytest.mark.parametrize("name", ["Pb", "W", "LAr", "PbWO4"])
def test_the_radiation_length_is_that_of_the_particle_data_group(name):
    one = material(name)
    energy = 1e5
    lost = sum(
        density * soft_bremsstrahlung(element, np.array([energy]), np.inf)[0] for element, density in one.elements
    )
    assert energy / lost == pytest.approx(one.radiation_length, rel=0.03)


def test_losses_of_electrons_in_lead():
    # ESTAR: collision stopping power of lead at 1 and 10 MeV in MeV cm^2/g
    lead = material("Pb")
    found = collision_loss(lead, np.array([1.0, 10.0]), np.inf, positron=False) / lead.density
    assert found == pytest.approx([1.003, 1.206], rel=0.02)


@pytest.mark.parametrize("positron", [False, True])
def test_delta_rays_and_continuous_loss_make_up_the_whole(positron):
    """What a higher cut adds to the continuous loss is what delta rays between the cuts took."""
    lead = material("Pb")
    electrons = sum(element.number * density for element, density in lead.elements)
    energy, low, high = np.array([20.0]), 0.5, 2.0
    cuts = np.exp(np.linspace(np.log(low), np.log(high), 2001))
    above = np.array([delta_rays(energy, cut, positron=positron)[0] for cut in cuts])
    # integral of the energy over the spectrum, by parts
    taken = -np.trapezoid(cuts, above)
    added = [collision_loss(lead, energy, cut, positron=positron)[0] for cut in (low, high)]
    assert electrons * taken == pytest.approx(added[1] - added[0], rel=0.02)


def test_the_spectrum_of_bremsstrahlung_ends_at_the_energy():
    lead = ELEMENTS["Pb"]
    k = np.array([1.0, 50.0, 99.9])
    spectrum = bremsstrahlung_spectrum(lead, 100.0, k)
    assert (spectrum > 0.0).all()
    # complete screening at soft photons: 4 alpha r_e^2 Z (Z + xi) 4/3 ln(184 Z^-1/3)
    assert spectrum[0] > spectrum[1] > spectrum[2]


@pytest.fixture(scope="module")
def showers():
    """Photons of 1 and of 8 GeV in a block of lead."""
    cascade = Cascade(block("Pb", 250.0))
    return {energy: cascade.run(np.full(60, energy), seed=5) for energy in (1000.0, 8000.0)}


def test_energy_is_kept(showers):
    for energy, (cells, totals) in showers.items():
        assert totals.sum(axis=1) == pytest.approx(np.full(60, energy), rel=1e-6)
        assert (cells.sum(axis=1) <= totals[:, 1] * (1.0 + 1e-5)).all()
        assert (totals[:, 1] > 0.9 * energy).all()


def test_the_maximum_moves_with_the_logarithm_of_the_energy(showers):
    """Rossi: one radiation length for a factor e."""
    depth = (np.arange(40) + 0.5) * 250.0 / 40 / 10.0 / MATERIALS["Pb"].radiation_length
    means = []
    for cells, _ in showers.values():
        profile = cells.reshape(60, 40, 60).sum(axis=(0, 2))
        means.append((profile * depth).sum() / profile.sum())
    assert (means[1] - means[0]) / np.log(8.0) == pytest.approx(1.0, abs=0.15)


def test_nine_tenths_are_within_the_moliere_radius(showers):
    cells, _ = showers[8000.0]
    within = np.cumsum(cells.reshape(60, 40, 60).sum(axis=(0, 1)))
    r90 = np.interp(0.9, within / within[-1], np.arange(1.0, 61.0))
    assert r90 == pytest.approx(10.0 * MATERIALS["Pb"].moliere_radius, rel=0.15)


def test_the_result_does_not_depend_on_the_shortest_step():
    calorimeter = Calorimeter.named("calogan")
    energy = np.full(80, 2000.0)
    found = []
    for floor in (0.03, 0.1):
        cells, _ = Cascade(calorimeter, cuts=Cuts(floor=floor)).run(energy, seed=2)
        share = cells.sum(axis=1) / 2000.0
        found.append((share.mean(), share.std() / np.sqrt(80)))
    assert abs(found[0][0] - found[1][0]) < 4.0 * np.hypot(found[0][1], found[1][1])


def test_a_shower_depends_on_its_number_and_the_seed_alone():
    cascade = Cascade(Calorimeter.named("calogan"), "electron")
    energy = np.array([500.0, 700.0, 900.0])
    whole, _ = cascade.run(energy, seed=3)
    last, _ = cascade.run(energy[2:], seed=3, first=2)
    np.testing.assert_array_equal(whole[2:], last)
    assert (cascade.run(energy, seed=4)[0] != whole).any()


def test_what_cannot_be_simulated_is_said():
    with pytest.raises(UnknownNameError, match="did you mean 'photon'"):
        Cascade(Calorimeter.named("calogan"), "foton")
    with pytest.raises(UnknownNameError, match="did you mean 'calogan'"):
        Calorimeter.named("calogam")
    with pytest.raises(InvalidInputError, match=r"not 0\.5 MeV"):
        Cascade(Calorimeter.named("calogan")).run(np.array([0.5]), seed=1)
    assert pytest.approx(0.511, abs=1e-4) == ELECTRON_MASS
