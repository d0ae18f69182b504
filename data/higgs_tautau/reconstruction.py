"""From generated particles to reconstructed events: selection, response and the columns of the tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import response
from observables import derived_columns, rounded
from particles import MUON, Floats, Integers, Jets, Mask, Objects, Record, delta_r, pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Candidates:
    """Reconstructed tau candidates, sorted by event: true and measured momenta, charge, probability, origin."""

    true: Objects
    scale: Floats
    charge: Integers
    probability: Floats
    real: Mask

    def take(self, index: Any) -> Candidates:
        """Return the candidates at an index or under a mask."""
        return Candidates(
            self.true.take(index), self.scale[index], self.charge[index], self.probability[index], self.real[index]
        )


def reconstruct(
    record: Record, charge_of: dict[int, float], rng: np.random.Generator, *, jets_fake_tau: bool
) -> tuple[Integers, dict[str, NDArray[Any]], ak.Array]:
    """Select events with one lepton and one hadronic tau and compute their columns.

    Parameters
    ----------
    record : Record
        Generated events.
    charge_of : dict
        Electric charge by particle code.
    rng : numpy.random.Generator
        Source of the response's random numbers.
    jets_fake_tau : bool
        Whether a jet may be chosen as the tau.

    Returns
    -------
    event : int array, shape (n_selected,)
        Index of each selected event in the record.
    columns : dict of arrays, each of shape (n_selected,)
        The flat columns.
    jets : ak.Array, n_selected * var * {pt, eta, phi, mass, btag}
        The jets of each event.
    """
    n = record.n_events
    prompt = record.prompt_leptons()
    leptons = record.momentum.take(prompt)
    is_muon = record.kind[prompt] == MUON
    lepton_scale = response.smear(leptons.pt, response.lepton_resolution(leptons.pt, is_muon), rng) / leptons.pt
    lepton_pt, lepton_eta = leptons.pt * lepton_scale, np.abs(leptons.eta)
    counted = (lepton_pt > response.VETO_LEPTON_MIN_PT) & (lepton_eta < response.VETO_LEPTON_MAX_ETA)
    tight = (lepton_pt > response.LEPTON_MIN_PT) & (lepton_eta < response.LEPTON_MAX_ETA)
    number = np.bincount(leptons.event[counted], minlength=n)
    chosen = tight & (number[leptons.event] == 1)
    lepton_of = np.full(n, -1)
    lepton_of[leptons.event[chosen]] = np.flatnonzero(chosen)

    candidates = _real_taus(record, prompt, rng)
    selected = lepton_of >= 0
    if not jets_fake_tau:
        selected &= np.bincount(candidates.true.event, minlength=n) > 0
    jets = record.jets(selected, prompt, charge_of)
    jet_scale = response.smear(jets.momentum.pt, response.jet_resolution(jets.momentum.pt), rng) / jets.momentum.pt
    if jets_fake_tau:
        candidates = _merge(candidates, _fake_taus(jets, jet_scale, candidates, rng))
    candidates = candidates.take(selected[candidates.true.event])
    apart = delta_r(candidates.true, leptons.take(lepton_of[candidates.true.event])) > response.CONE
    candidates = candidates.take(apart)
    tau, total = _choose(candidates, n, rng)

    jet_event = jets.momentum.event
    hard_jet = (jets.momentum.pt * jet_scale > response.LOW_JET_MIN_PT) & selected[jet_event]
    near_lepton = np.zeros(len(jet_event), dtype=bool)
    near_lepton[hard_jet] = (
        delta_r(jets.momentum.take(hard_jet), leptons.take(lepton_of[jet_event[hard_jet]])) < response.CONE
    )
    isolated = np.bincount(jet_event[near_lepton], minlength=n) == 0
    has_tau = np.zeros(n, dtype=bool)
    has_tau[tau.true.event] = True
    event = np.flatnonzero(selected & isolated & has_tau)
    tau = tau.take(np.isin(tau.true.event, event))

    index = lepton_of[event]
    lepton = leptons.take(index)
    scales = lepton_scale[index]
    efficiency = response.lepton_efficiency(lepton.pt * scales, is_muon[index])
    row_of = np.full(n, -1)
    row_of[event] = np.arange(len(event))
    kept, row, kept_scale = _clean_jets(jets, jet_scale, tau, row_of)
    columns: dict[str, NDArray[Any]] = {
        "reco_weight": rounded(efficiency * total[event]),
        "lep_pt": rounded(lepton.pt * scales),
        "lep_eta": rounded(lepton.eta),
        "lep_phi": rounded(lepton.phi),
        "lep_charge": -np.sign(record.id[prompt[index]]).astype(np.int32),
        "lep_flavour": record.kind[prompt[index]].astype(np.int32),
        "tau_pt": rounded(tau.true.pt * tau.scale),
        "tau_eta": rounded(tau.true.eta),
        "tau_phi": rounded(tau.true.phi),
        "tau_mass": rounded(tau.true.mass * tau.scale),
        "tau_charge": tau.charge.astype(np.int32),
        "tau_is_true": tau.real.astype(np.int32),
    }
    columns |= _missing_momentum(record, event, lepton=(lepton, scales), tau=tau, jets=(kept, row, kept_scale), rng=rng)
    table = ak.unflatten(
        ak.zip(
            {
                "pt": rounded(kept.momentum.pt * kept_scale),
                "eta": rounded(kept.momentum.eta),
                "phi": rounded(kept.momentum.phi),
                "mass": rounded(kept.momentum.mass * kept_scale),
                "btag": _btag(kept, kept_scale, rng),
            }
        ),
        np.bincount(row, minlength=len(event)),
    )
    table = table[ak.argsort(table.pt, axis=1, ascending=False, stable=True)]
    return event, columns | derived_columns(columns, table), table


def _real_taus(record: Record, prompt: Integers, rng: np.random.Generator) -> Candidates:
    visible, charge = record.hadronic_taus(prompt)
    order = np.argsort(visible.event, kind="stable")
    visible, charge = visible.take(order), charge[order]
    scale = response.smear(visible.pt, response.tau_resolution(visible.pt), rng) / visible.pt
    pt = visible.pt * scale
    keep = (pt > response.TAU_MIN_PT) & (np.abs(visible.eta) < response.TAU_MAX_ETA)
    real = np.ones(len(pt), dtype=bool)
    return Candidates(visible, scale, charge, response.tau_efficiency(pt), real).take(keep)


def _fake_taus(jets: Jets, jet_scale: Floats, real: Candidates, rng: np.random.Generator) -> Candidates:
    """Return the jets as tau candidates; the rest of the jet's momentum stays in the event's soft term."""
    momentum = jets.momentum
    fraction = np.clip(rng.normal(*response.FAKE_TAU_FRACTION_OF_JET, size=len(jet_scale)), 0.3, 1.0)
    pt = momentum.pt * jet_scale
    keep = (pt > response.LOW_JET_MIN_PT) & (pt * fraction > response.TAU_MIN_PT)
    keep &= np.abs(momentum.eta) < response.TAU_MAX_ETA
    jet, tau = pairs(momentum.event, real.true.event, int(momentum.event.max(initial=-1)) + 1)
    keep[jet[delta_r(momentum.take(jet), real.true.take(tau)) < response.CONE]] = False
    taken = momentum.take(keep)
    f = fraction[keep]
    mass = np.clip(rng.normal(*response.FAKE_TAU_MASS, size=len(f)), 0.14, 1.8)
    energy = np.sqrt((f * taken.px) ** 2 + (f * taken.py) ** 2 + (f * taken.pz) ** 2 + mass**2)
    part = Objects(taken.event, f * taken.px, f * taken.py, f * taken.pz, energy)
    probability = response.fake_tau_probability(pt[keep])
    return Candidates(part, jet_scale[keep], jets.charge[keep], probability, np.zeros(len(f), dtype=bool))


def _merge(real: Candidates, fake: Candidates) -> Candidates:
    """Return both kinds of candidates, sorted by event."""
    first, second = real.true, fake.true
    both = Candidates(
        Objects(*(np.concatenate([getattr(first, k), getattr(second, k)]) for k in ("event", "px", "py", "pz", "e"))),
        np.concatenate([real.scale, fake.scale]),
        np.concatenate([real.charge, fake.charge]),
        np.concatenate([real.probability, fake.probability]),
        np.concatenate([real.real, fake.real]),
    )
    return both.take(np.argsort(both.true.event, kind="stable"))


def _choose(candidates: Candidates, n_events: int, rng: np.random.Generator) -> tuple[Candidates, Floats]:
    """Draw one candidate an event in proportion to its probability; also return the summed probability by event."""
    event = candidates.true.event
    total = np.bincount(event, candidates.probability, n_events)
    running = np.cumsum(candidates.probability)
    before = np.concatenate([[0.0], np.cumsum(total)[:-1]])
    passed = running - before[event] >= (rng.random(n_events) * total)[event] * (1 - 1e-9)
    return candidates.take(np.flatnonzero(passed)[np.unique(event[passed], return_index=True)[1]]), total


def _clean_jets(jets: Jets, jet_scale: Floats, tau: Candidates, row_of: Integers) -> tuple[Jets, Integers, Floats]:
    """Return the jets of selected events in acceptance and apart from the tau, their rows and their response."""
    row = row_of[jets.momentum.event]
    keep = (row >= 0) & (jets.momentum.pt * jet_scale > response.JET_MIN_PT)
    keep &= np.abs(jets.momentum.eta) < response.JET_MAX_ETA
    keep[keep] = delta_r(jets.momentum.take(keep), tau.true.take(row[keep])) > response.CONE
    return Jets(jets.momentum.take(keep), jets.flavour[keep], jets.charge[keep]), row[keep], jet_scale[keep]


def _missing_momentum(
    record: Record,
    event: Integers,
    *,
    lepton: tuple[Objects, Floats],
    tau: Candidates,
    jets: tuple[Jets, Integers, Floats],
    rng: np.random.Generator,
) -> dict[str, NDArray[Any]]:
    """Return the missing transverse momentum: minus the measured objects and the smeared soft term.

    The true soft term is what balances the neutrinos and the true momenta of the objects.
    """
    n = len(event)
    momentum, row, scale = jets[0].momentum, jets[1], jets[2]
    components = []
    hard_et = lepton[0].pt + tau.true.pt + np.bincount(row, momentum.pt, n)
    soft_et = np.maximum(record.visible_sum()[event] - hard_et, 0.0)
    sigma = response.soft_term_resolution(soft_et)
    for axis, invisible in zip(("px", "py"), record.neutrino_sum(), strict=True):
        of_lepton, of_tau, of_jets = getattr(lepton[0], axis), getattr(tau.true, axis), getattr(momentum, axis)
        true = of_lepton + of_tau + np.bincount(row, of_jets, n)
        measured = of_lepton * lepton[1] + of_tau * tau.scale + np.bincount(row, of_jets * scale, n)
        soft = -invisible[event] - true + rng.normal(0.0, sigma)
        components.append(-(measured + soft))
    measured_et = lepton[0].pt * lepton[1] + tau.true.pt * tau.scale + np.bincount(row, momentum.pt * scale, n)
    return {
        "met": rounded(np.hypot(*components)),
        "met_phi": rounded(np.arctan2(components[1], components[0])),
        "sum_et": rounded(measured_et + soft_et),
    }


def _btag(jets: Jets, scale: Floats, rng: np.random.Generator) -> NDArray[np.int32]:
    """Return 1 for jets that are b-tagged, else 0."""
    pt = jets.momentum.pt * scale
    tagged = rng.random(len(pt)) < response.btag_efficiency(pt, jets.flavour)
    return (tagged & (np.abs(jets.momentum.eta) < response.BTAG_MAX_ETA)).astype(np.int32)
