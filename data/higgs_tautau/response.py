"""Parametrised detector response of the H -> tau tau sample: resolutions, efficiencies, acceptance.

All momenta and energies are in GeV, all angles in radian. The formulae and numbers are repeated in README.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEPTON_MIN_PT = 26.0
LEPTON_MAX_ETA = 2.4
VETO_LEPTON_MIN_PT = 10.0
VETO_LEPTON_MAX_ETA = 2.5
TAU_MIN_PT = 20.0
TAU_MAX_ETA = 2.3
JET_MIN_PT = 30.0
JET_MAX_ETA = 4.7
BTAG_MAX_ETA = 2.5
# a jet above this threshold spoils the isolation of a lepton or may be taken for a tau
LOW_JET_MIN_PT = 20.0
CONE = 0.4

# mean and standard deviation: part of the jet's momentum that is taken for a tau, and its mass in GeV
FAKE_TAU_FRACTION_OF_JET = (0.80, 0.12)
FAKE_TAU_MASS = (1.0, 0.4)


def lepton_resolution(pt: Floats, is_muon: NDArray[np.bool_]) -> Floats:
    """Return the relative pT resolution of electrons and muons."""
    electron = np.hypot(0.10 / np.sqrt(pt), 0.010)
    muon = np.hypot(0.010, 1.0e-4 * pt)
    return np.where(is_muon, muon, electron)


def lepton_efficiency(pt: Floats, is_muon: NDArray[np.bool_]) -> Floats:
    """Return the probability to trigger on, identify and isolate a lepton."""
    return np.where(is_muon, 0.85, 0.82 - 0.10 * np.exp(-(pt - LEPTON_MIN_PT) / 15.0))


def tau_resolution(pt: Floats) -> Floats:
    """Return the relative resolution of a hadronic tau's visible pT."""
    return np.hypot(0.50 / np.sqrt(pt), 0.05)


def tau_efficiency(pt: Floats) -> Floats:
    """Return the probability to identify a hadronic tau, at its reconstructed pT."""
    return 0.60 - 0.15 * np.exp(-(pt - TAU_MIN_PT) / 10.0)


def fake_tau_probability(pt: Floats) -> Floats:
    """Return the probability that a jet is identified as a hadronic tau, at the jet's pT."""
    return 0.002 + 0.010 * np.exp(-(pt - LOW_JET_MIN_PT) / 30.0)


def jet_resolution(pt: Floats) -> Floats:
    """Return the relative jet pT resolution (noise, stochastic and constant term in quadrature)."""
    return np.sqrt((3.0 / pt) ** 2 + 0.8**2 / pt + 0.05**2)


def soft_term_resolution(sum_et: Floats) -> Floats:
    """Return the resolution of each component of the soft momentum (pile-up and stochastic term), in GeV."""
    return np.sqrt(15.0**2 + 0.6**2 * sum_et)


def btag_efficiency(pt: Floats, flavour: NDArray[np.int64]) -> Floats:
    """Return the probability of a b-tag for jets of flavour 5, 4 and 0 (light)."""
    bottom = 0.72 * np.tanh(pt / 45.0)
    charm = 0.15 * np.tanh(pt / 45.0)
    light = 0.008 + 2.0e-5 * pt
    return np.select([flavour == 5, flavour == 4], [bottom, charm], light)


def smear(pt: Floats, resolution: Floats, rng: np.random.Generator) -> Floats:
    """Return ``pt`` times a Gaussian response, which is cut off at 5 % so that no momentum turns around."""
    return pt * np.maximum(rng.normal(1.0, resolution), 0.05)
