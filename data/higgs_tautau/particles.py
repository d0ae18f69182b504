"""What a batch of generated events holds, as flat arrays: prompt leptons, hadronic taus, neutrinos, jets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import awkward as ak
import fastjet
import numpy as np
import vector
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

ELECTRON, MUON, TAU, Z, W, HIGGS = 11, 13, 15, 23, 24, 25
NEUTRINOS = (12, 14, 16)
DETECTOR_MAX_ETA = 4.9
JET_RADIUS = 0.4
JET_MIN_TRUE_PT = 10.0
HEAVY_HADRON_MIN_PT = 5.0
HEAVY_HADRON_CONE = 0.3

vector.register_awkward()


@dataclass(frozen=True)
class Objects:
    """Momenta (GeV) with the event they belong to, all of shape (n_objects,)."""

    event: Integers
    px: Floats
    py: Floats
    pz: Floats
    e: Floats

    def take(self, index: Any) -> Objects:
        """Return the objects at an index or under a mask."""
        return Objects(self.event[index], self.px[index], self.py[index], self.pz[index], self.e[index])

    @property
    def pt(self) -> Floats:
        """Transverse momentum."""
        return np.hypot(self.px, self.py)

    @property
    def phi(self) -> Floats:
        """Azimuth."""
        return np.arctan2(self.py, self.px)

    @property
    def eta(self) -> Floats:
        """Pseudorapidity; an object along the beam gets about 20."""
        return np.arcsinh(self.pz / np.maximum(self.pt, 1e-8 * np.abs(self.pz) + 1e-12))

    @property
    def mass(self) -> Floats:
        """Invariant mass; rounding below zero gives 0."""
        return np.sqrt(np.maximum(self.e**2 - self.px**2 - self.py**2 - self.pz**2, 0.0))


@dataclass(frozen=True)
class Jets:
    """Generated jets: momenta, flavour (5, 4 or 0) and the charge of the hardest charged constituent."""

    momentum: Objects
    flavour: Integers
    charge: Integers


class Record:
    """The particles of a batch of events as flat arrays.

    Parameters
    ----------
    batch : ak.Array
        What ``Pythia.nextBatch`` returned.
    """

    def __init__(self, batch: ak.Array) -> None:
        particles = batch.prt
        counts = ak.to_numpy(ak.num(particles))
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        self.n_events = len(counts)
        event = np.repeat(np.arange(self.n_events), counts)
        flat = ak.flatten(particles)
        self.id = ak.to_numpy(flat.id).astype(np.int64)
        self.kind = np.abs(self.id)
        self.final = ak.to_numpy(flat.status) > 0
        self.mother = ak.to_numpy(flat.mother1).astype(np.int64) + starts[event]
        momentum = flat.p
        self.momentum = Objects(event, *(ak.to_numpy(momentum[axis]) for axis in ("px", "py", "pz", "e")))

    def _origin(self, index: Integers) -> Integers:
        """Return the first ancestor that is not a copy of the particle before its radiation."""
        ancestor = self.mother[index]
        while (copies := self.id[ancestor] == self.id[index]).any():
            ancestor = np.where(copies, self.mother[ancestor], ancestor)
        return ancestor

    def prompt_leptons(self) -> Integers:
        """Return the indices of electrons and muons from W, Z, H or from a tau of theirs."""
        leptons = np.flatnonzero(self.final & ((self.kind == ELECTRON) | (self.kind == MUON)))
        origin = self._origin(leptons)
        from_tau = self.kind[origin] == TAU
        origin = np.where(from_tau, self._origin(origin), origin)
        return leptons[np.isin(self.kind[origin], (Z, W, HIGGS))]

    def hadronic_taus(self, leptons: Integers) -> tuple[Objects, Integers]:
        """Return the visible momenta and the charges of prompt hadronic taus, given the prompt leptons."""
        neutrinos = np.flatnonzero(self.final & (self.kind == 16))
        tau = self.mother[neutrinos]
        keep = (self.kind[tau] == TAU) & ~np.isin(tau, self._origin(leptons))
        keep[keep] = np.isin(self.kind[self._origin(tau[keep])], (Z, W, HIGGS))
        tau, neutrino = self.momentum.take(tau[keep]), self.momentum.take(neutrinos[keep])
        visible = Objects(
            tau.event, tau.px - neutrino.px, tau.py - neutrino.py, tau.pz - neutrino.pz, tau.e - neutrino.e
        )
        return visible, -np.sign(self.id[self.mother[neutrinos[keep]]])

    def neutrino_sum(self) -> tuple[Floats, Floats]:
        """Return the summed px and py of all neutrinos, each of shape (n_events,)."""
        neutrinos = self.momentum.take(self.final & np.isin(self.kind, NEUTRINOS))
        return (
            np.bincount(neutrinos.event, neutrinos.px, self.n_events),
            np.bincount(neutrinos.event, neutrinos.py, self.n_events),
        )

    def visible_sum(self) -> Floats:
        """Return the scalar sum of the visible pT within the detector, of shape (n_events,)."""
        visible = self.momentum.take(self.final & ~np.isin(self.kind, NEUTRINOS))
        pt = np.where(np.abs(visible.eta) < DETECTOR_MAX_ETA, visible.pt, 0.0)
        return np.bincount(visible.event, pt, self.n_events)

    def jets(self, selected: Mask, leptons: Integers, charge_of: dict[int, float]) -> Jets:
        """Cluster anti-kt jets in the selected events.

        Parameters
        ----------
        selected : mask, shape (n_events,)
            Events to look at.
        leptons : indices
            Prompt leptons, which are left out.
        charge_of : dict
            Electric charge by particle code; filled on the way by the caller.

        Returns
        -------
        Jets
            Sorted by event, then by falling pT.
        """
        usable = self.final & ~np.isin(self.kind, NEUTRINOS) & selected[self.momentum.event]
        usable[leptons] = False
        index = np.flatnonzero(usable)
        index = index[np.abs(self.momentum.take(index).eta) < DETECTOR_MAX_ETA]
        inputs = self.momentum.take(index)
        counts = np.bincount(inputs.event, minlength=self.n_events)
        nonempty = np.flatnonzero(counts)
        if not len(nonempty):
            none = np.zeros(0, dtype=np.int64)
            return Jets(inputs, none, none)
        columns = {"px": inputs.px, "py": inputs.py, "pz": inputs.pz, "E": inputs.e}
        array = ak.unflatten(ak.zip(columns, with_name="Momentum4D"), counts[nonempty])
        sequence = fastjet.ClusterSequence(array, fastjet.JetDefinition(fastjet.antikt_algorithm, JET_RADIUS))
        clustered = sequence.inclusive_jets(min_pt=JET_MIN_TRUE_PT)
        members = sequence.constituent_index(min_pt=JET_MIN_TRUE_PT)
        event = np.repeat(nonempty, ak.to_numpy(ak.num(clustered)))
        flat = ak.flatten(clustered)
        momentum = Objects(event, *(ak.to_numpy(flat[axis]) for axis in ("px", "py", "pz", "E")))

        first = np.concatenate([[0], np.cumsum(counts[nonempty])[:-1]])
        sizes = ak.to_numpy(ak.flatten(ak.num(members, axis=2)))
        jet_of_member = np.repeat(np.arange(len(event)), sizes)
        first_of_event = np.zeros(self.n_events, dtype=np.int64)
        first_of_event[nonempty] = first
        member = ak.to_numpy(ak.flatten(members, axis=None)) + first_of_event[event[jet_of_member]]
        charge = np.array([charge_of[code] for code in self.id[index].tolist()])[member]
        hardness = np.where(charge != 0, inputs.pt[member], -1.0)
        # after sorting by jet and falling hardness the first member of each jet is its hardest charged one
        order = np.lexsort((-hardness, jet_of_member))
        leading = order[np.concatenate([[0], np.cumsum(sizes)[:-1]])]
        jet_charge = np.sign(charge[leading]).astype(np.int64)
        jet_charge[jet_charge == 0] = 1

        by_pt = np.lexsort((-momentum.pt, event))
        momentum = momentum.take(by_pt)
        return Jets(momentum, self._flavour(momentum, selected), jet_charge[by_pt])

    def _flavour(self, jets: Objects, selected: Mask) -> Integers:
        """Return 5 for jets with a b hadron within the cone, else 4 with a c hadron, else 0."""
        flavour = np.zeros(len(jets.event), dtype=np.int64)
        for quark in (4, 5):
            heavy = (self.kind // 100 % 10 == quark) | (self.kind // 1000 % 10 == quark)
            heavy &= (self.kind > 100) & (self.kind < 100_000) & selected[self.momentum.event]
            hadrons = self.momentum.take(heavy)
            hadrons = hadrons.take(hadrons.pt > HEAVY_HADRON_MIN_PT)
            jet, hadron = pairs(jets.event, hadrons.event, self.n_events)
            near = delta_r(jets.take(jet), hadrons.take(hadron)) < HEAVY_HADRON_CONE
            flavour[jet[near]] = quark
        return flavour


def pairs(left: Integers, right: Integers, n_events: int) -> tuple[Integers, Integers]:
    """Return the indices of all pairs of objects of one event; both event arrays must be sorted."""
    counts = np.bincount(right, minlength=n_events)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    repeats = counts[left]
    index_left = np.repeat(np.arange(len(left)), repeats)
    offset = np.arange(len(index_left)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    return index_left, starts[left[index_left]] + offset


def delta_phi(a: Floats, b: Floats) -> Floats:
    """Return a - b wrapped to [-pi, pi)."""
    return (a - b + np.pi) % (2 * np.pi) - np.pi


def delta_r(a: Objects, b: Objects) -> Floats:
    """Return the distance in pseudorapidity and azimuth, object by object."""
    return np.hypot(a.eta - b.eta, delta_phi(a.phi, b.phi))
