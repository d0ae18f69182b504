"""Columns that follow from the measured objects: masses, angles, centralities, the di-jet system."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MISSING = -999.0
# explicit mantissa bits that a stored float32 keeps of 23: rounding moves a value by at most 2^-11 of itself
MANTISSA_BITS = 10


def rounded(values: Any) -> NDArray[np.float32]:
    """Return float32 values rounded to `MANTISSA_BITS`, half to even, so that files compress well."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    drop = np.uint32(23 - MANTISSA_BITS)
    half = np.uint32((1 << (23 - MANTISSA_BITS - 1)) - 1)
    lowest = (bits >> drop) & np.uint32(1)
    return (((bits + half + lowest) >> drop) << drop).view(np.float32)


def derived_columns(measured: dict[str, NDArray[Any]], jets: ak.Array) -> dict[str, NDArray[np.float32]]:
    """Compute the derived columns from the stored (rounded) ones.

    Parameters
    ----------
    measured : dict of arrays, shape (n_events,)
        Lepton, tau and missing momentum.
    jets : ak.Array, n_events * var * {pt, eta, phi, mass, btag}
        Jets by falling pT.

    Returns
    -------
    dict of float32 arrays, shape (n_events,)
        In GeV and radian; -999 where a quantity does not exist.
    """
    lep = _vector(measured, "lep", 0.0)
    tau = _vector(measured, "tau", np.asarray(measured["tau_mass"], dtype=np.float64))
    met, met_phi = (np.asarray(measured[name], dtype=np.float64) for name in ("met", "met_phi"))
    met_x, met_y = met * np.cos(met_phi), met * np.sin(met_phi)
    m_vis = _mass(lep + tau)
    higgs_x, higgs_y = lep[0] + tau[0] + met_x, lep[1] + tau[1] + met_y
    jet_x = ak.to_numpy(ak.sum(jets.pt * np.cos(jets.phi), axis=1))
    jet_y = ak.to_numpy(ak.sum(jets.pt * np.sin(jets.phi), axis=1))
    jet_sum = ak.to_numpy(ak.sum(ak.values_astype(jets.pt, np.float64), axis=1))
    dphi = _delta_phi(measured["lep_phi"], measured["tau_phi"])
    columns = {
        "m_vis": m_vis,
        "mt_lep_met": _transverse_mass(measured["lep_pt"], measured["lep_phi"], met, met_phi),
        "mt_tau_met": _transverse_mass(measured["tau_pt"], measured["tau_phi"], met, met_phi),
        "m_coll": _collinear_mass(m_vis, lep, tau, met_x, met_y),
        "pt_h": np.hypot(higgs_x, higgs_y),
        "pt_tot": np.hypot(higgs_x + jet_x, higgs_y + jet_y),
        "deltar_tau_lep": np.hypot(measured["tau_eta"].astype(np.float64) - measured["lep_eta"], dphi),
        "dphi_tau_lep": np.abs(dphi),
        "dphi_lep_met": np.abs(_delta_phi(measured["lep_phi"], met_phi)),
        "sum_pt": measured["lep_pt"].astype(np.float64) + measured["tau_pt"] + jet_sum,
        "jet_sum_pt": jet_sum,
        "pt_ratio_lep_tau": measured["lep_pt"].astype(np.float64) / measured["tau_pt"],
        "met_phi_centrality": _phi_centrality(measured["tau_phi"], measured["lep_phi"], met_phi),
    }
    return {name: rounded(values) for name, values in (columns | _dijet(measured, jets)).items()}


def _dijet(measured: dict[str, NDArray[Any]], jets: ak.Array) -> dict[str, Floats]:
    """Return the leading and sub-leading jets and their system."""
    columns: dict[str, Floats] = {}
    vectors = []
    number = ak.to_numpy(ak.num(jets))
    for position, name in enumerate(("lead_jet", "sublead_jet")):
        jet = {field: _padded(jets[field], position) for field in ("pt", "eta", "phi", "mass")}
        vectors.append((_vector({f"jet_{key}": value for key, value in jet.items()}, "jet", jet["mass"]), jet["eta"]))
        for field in ("pt", "eta", "phi"):
            columns[f"{name}_{field}"] = np.where(number > position, jet[field], MISSING)
    (first, eta1), (second, eta2) = vectors
    width = np.where(eta1 == eta2, 1.0, eta1 - eta2)
    centrality = np.exp(-4.0 / width**2 * (measured["lep_eta"] - (eta1 + eta2) / 2) ** 2)
    system = {
        "m_jj": _mass(first + second),
        "deta_jj": np.abs(eta1 - eta2),
        "prod_eta_jj": eta1 * eta2,
        "lep_eta_centrality": centrality,
    }
    return columns | {name: np.where(number >= 2, values, MISSING) for name, values in system.items()}


def _padded(values: ak.Array, position: int) -> Floats:
    """Return one entry of each event's list, 0 where the list is too short."""
    entries = ak.fill_none(ak.pad_none(values, position + 1, axis=1)[:, position], 0.0)
    return ak.to_numpy(entries).astype(np.float64)


def _vector(columns: dict[str, NDArray[Any]], name: str, mass: Any) -> Floats:
    """Return (px, py, pz, e), of shape (4, n_events)."""
    pt, eta, phi = (np.asarray(columns[f"{name}_{key}"], dtype=np.float64) for key in ("pt", "eta", "phi"))
    pz = pt * np.sinh(eta)
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pz, np.sqrt(pt**2 + pz**2 + mass**2)])


def _mass(vector: Floats) -> Floats:
    return np.sqrt(np.maximum(vector[3] ** 2 - vector[0] ** 2 - vector[1] ** 2 - vector[2] ** 2, 0.0))


def _delta_phi(a: Any, b: Any) -> Floats:
    return (np.asarray(a, dtype=np.float64) - b + np.pi) % (2 * np.pi) - np.pi


def _transverse_mass(pt: Any, phi: Any, met: Floats, met_phi: Floats) -> Floats:
    return np.sqrt(2.0 * np.asarray(pt, dtype=np.float64) * met * (1.0 - np.cos(_delta_phi(phi, met_phi))))


def _collinear_mass(m_vis: Floats, lep: Floats, tau: Floats, met_x: Floats, met_y: Floats) -> Floats:
    """Return the mass if all neutrinos fly along the lepton and the tau; -999 if one would fly backwards."""
    determinant = lep[0] * tau[1] - lep[1] * tau[0]
    determinant = np.where(np.abs(determinant) < 1e-6, 1e-6, determinant)
    along_lep = (met_x * tau[1] - met_y * tau[0]) / determinant
    along_tau = (lep[0] * met_y - lep[1] * met_x) / determinant
    physical = (along_lep >= 0) & (along_tau >= 0)
    return np.where(physical, m_vis * np.sqrt(np.abs((1 + along_lep) * (1 + along_tau))), MISSING)


def _phi_centrality(tau_phi: Any, lep_phi: Any, met_phi: Floats) -> Floats:
    """Return the ATLAS centrality: sqrt(2) with the missing momentum midway, 1 along one of them, below 1 outside."""
    opening = np.sin(_delta_phi(lep_phi, tau_phi))
    opening = np.where(np.abs(opening) < 1e-6, 1e-6, opening)
    a = np.sin(_delta_phi(met_phi, tau_phi)) / opening
    b = np.sin(_delta_phi(lep_phi, met_phi)) / opening
    return (a + b) / np.maximum(np.hypot(a, b), 1e-12)
