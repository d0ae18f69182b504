"""Write trees of TLorentzVectors by ROOT, and what its methods give: a task for :class:`hepml.root_process.RootProcess`."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

METHODS = ("Px", "Py", "Pz", "E", "Pt", "Eta", "Phi", "M")


def write(folder: Path, *, path: str) -> int:
    """Write a scalar and lists of vectors in every way that a branch can be split; return the number of entries."""
    import ROOT

    file = ROOT.TFile(path, "recreate")
    tree = ROOT.TTree("events", "events")
    number = np.zeros(1, dtype=np.int64)
    tree.Branch("event", number, "event/L")
    singles = {name: ROOT.TLorentzVector() for name in ("flat", "split", "dot.")}
    for name, single in singles.items():
        tree.Branch(name, single, 32000, 0 if name == "flat" else 99)
    vectors = [ROOT.std.vector["TLorentzVector"]() for _ in range(2)]
    tree.Branch("vflat", vectors[0], 32000, 0)
    tree.Branch("vsplit", vectors[1], 32000, 99)
    clones = ROOT.TClonesArray("TLorentzVector", 4)
    tree.Branch("clones", clones, 32000, 99)
    coordinates = ROOT.Math.PtEtaPhiMVector()
    tree.Branch("gen", coordinates, 32000, 99)
    words = ROOT.std.string("text")
    tree.Branch("words", words)

    edges = (0.0, -0.0, 3.0, -4.0, 1e-8)
    rows = [(x, y, z, e) for x, y, z in itertools.product(edges, repeat=3) for e in (0.0, 5.0)]
    rng = np.random.default_rng(2)
    rows += [tuple(map(float, row)) for row in rng.normal(0, 30, (200, 4))]
    for entry, row in enumerate(rows):
        number[0] = entry
        for single in singles.values():
            single.SetPxPyPzE(*row)
        coordinates.SetCoordinates(abs(row[0]), row[1], row[2], row[3])
        clones.Clear()
        for vector in vectors:
            vector.clear()
        for place, other in enumerate(rows[entry : entry + entry % 4]):
            for vector in vectors:
                vector.push_back(ROOT.TLorentzVector(*other))
            clones.ConstructedAt(place).SetPxPyPzE(*other)
        tree.Fill()
    tree.Write()
    file.Close()
    values = [[getattr(ROOT.TLorentzVector(*row), name)() for name in METHODS] for row in rows]
    np.save(folder / "values.npy", np.array(values))
    return len(rows)
