"""Files of experiments, beside the project: HEPML_REFERENCE_DATA/real_data."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from hepml.readers import FileSummary, TreeLocation, TreeSource, inspect_file, read

ROOT_FILES = (
    "nanoAOD_2015_CMS_Open_Data_ttbar.root",
    "uproot-HZZ-objects.root",
    "uproot-HZZ.root",
    "uproot-Zmumu.root",
    "uproot-physlite-rntuple_v1-0-0-0.root",
)


@pytest.fixture(scope="module")
def folder() -> Path:
    place = os.environ.get("HEPML_REFERENCE_DATA")
    if not place:
        pytest.skip("HEPML_REFERENCE_DATA is not set: no real files to read")
    return Path(place) / "real_data"


@functools.cache
def inspected(path: Path) -> FileSummary:
    return inspect_file(TreeLocation(str(path)))


@pytest.mark.parametrize("name", ROOT_FILES)
def test_real_files_can_be_inspected(folder: Path, name: str) -> None:
    summary = inspected(folder / name)
    with uproot.open(folder / name) as file:
        for tree in summary.trees:
            assert tree.n_entries == file[tree.name].num_entries
            if tree.kind == "TTree":
                assert len(tree.branches) == len(file[tree.name].keys(full_paths=True))
    assert summary.trees


def test_statistics_of_real_events(folder: Path) -> None:
    (tree,) = inspect_file(TreeLocation(str(folder / "uproot-Zmumu.root")), statistics=True).trees
    with uproot.open(folder / "uproot-Zmumu.root") as file:
        for branch in tree.branches:
            if branch.shape != "scalar":
                continue
            values = file["events"][branch.name].array(library="np")
            assert branch.statistics is not None
            assert branch.statistics.maximum == values.max(), branch.name


def test_jagged_muons_against_awkward(folder: Path) -> None:
    path = folder / "uproot-HZZ.root"
    with uproot.open(path) as file:
        arrays = file["events"].arrays(["NMuon", "Muon_Px", "Muon_Py", "Jet_Px", "EventWeight"])
    muon_pt = np.hypot(ak.values_astype(arrays.Muon_Px, "f8"), ak.values_astype(arrays.Muon_Py, "f8"))
    mask = ak.to_numpy(arrays.NMuon >= 1)
    dataset = read(
        path,
        tree="events",
        features=[
            ("lead", "Max$(sqrt(Muon_Px*Muon_Px + Muon_Py*Muon_Py))"),
            ("sum", "Sum$(Muon_Px)"),
            ("second", "Alt$(Muon_Px[1], -5)"),
            ("n_jets", "Length$(Jet_Px)"),
        ],
        selection="NMuon >= 1",
        weight="EventWeight",
    )
    np.testing.assert_allclose(dataset.X[:, 0], ak.to_numpy(ak.max(muon_pt, axis=1))[mask], rtol=1e-6)
    total = ak.to_numpy(ak.sum(ak.values_astype(arrays.Muon_Px, "f8"), axis=1))[mask]
    np.testing.assert_allclose(dataset.X[:, 1], total, rtol=1e-6, atol=1e-5)
    second = ak.to_numpy(ak.fill_none(ak.pad_none(arrays.Muon_Px, 2)[:, 1], -5.0))[mask]
    np.testing.assert_array_equal(dataset.X[:, 2], second.astype(np.float32))
    np.testing.assert_array_equal(dataset.X[:, 3], ak.to_numpy(ak.num(arrays.Jet_Px))[mask])
    np.testing.assert_array_equal(dataset.weight, ak.to_numpy(arrays.EventWeight)[mask].astype(np.float64))


def test_jagged_jets_of_nanoaod_against_awkward(folder: Path) -> None:
    path = folder / "nanoAOD_2015_CMS_Open_Data_ttbar.root"
    with uproot.open(path) as file:
        arrays = file["Events"].arrays(["run", "luminosityBlock", "event", "Jet_pt", "Jet_eta", "MET_pt", "nMuon"])
    dataset = read(
        path,
        tree="Events",
        features=["MET_pt", "nMuon", ("ht", "Sum$(Jet_pt*(abs(Jet_eta) < 2.4))"), ("lead", "Jet_pt[0]")],
        spectators=["event"],
    )
    assert dataset.identity.names == ("run", "luminosityBlock", "event")
    np.testing.assert_array_equal(dataset.spectators["event"], ak.to_numpy(arrays.event))
    np.testing.assert_array_equal(dataset.X[:, 0], ak.to_numpy(arrays.MET_pt))
    np.testing.assert_array_equal(dataset.X[:, 1], ak.to_numpy(arrays.nMuon).astype(np.float32))
    central = ak.values_astype(arrays.Jet_pt, "f8") * (abs(arrays.Jet_eta) < 2.4)
    np.testing.assert_allclose(dataset.X[:, 2], ak.to_numpy(ak.sum(central, axis=1)), rtol=1e-6)
    lead = ak.to_numpy(ak.fill_none(ak.firsts(arrays.Jet_pt), np.nan))
    np.testing.assert_array_equal(dataset.X[:, 3], lead.astype(np.float32))


def test_every_usable_branch_of_real_files_can_be_read(folder: Path) -> None:
    for name in ROOT_FILES:
        for tree in inspected(folder / name).trees:
            if tree.n_entries == 0:
                continue
            with TreeSource(TreeLocation(str(folder / name), tree.name)) as source:
                usable = [branch.name for branch in tree.branches if branch.shape != "unusable"][:60]
                for branch, array in source.read(usable, 0, min(5, tree.n_entries)).items():
                    assert len(array) == min(5, tree.n_entries), branch
