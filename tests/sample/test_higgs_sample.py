"""The committed H -> tau tau sample holds what its README says, and its script makes it again."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import awkward as ak
import numpy as np
import pytest
import uproot
import vector
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

if TYPE_CHECKING:
    from types import ModuleType

SAMPLE = Path(__file__).parents[2] / "data" / "higgs_tautau"
PROCESSES = ("ggH", "VBFH", "Ztautau", "ttbar", "Wjets")
SIGNAL = ("ggH", "VBFH")

IDENTITY = {"run": "uint32_t", "event_number": "uint64_t"}
WEIGHTS = {"gen_weight": "double", "reco_weight": "float", "weight": "double"}
FLAGS = ("lep_charge", "lep_flavour", "tau_charge", "tau_is_true", "n_jets")
DIJET = ("m_jj", "deta_jj", "prod_eta_jj", "lep_eta_centrality")
LEAD_JET = ("lead_jet_pt", "lead_jet_eta", "lead_jet_phi")
SUBLEAD_JET = ("sublead_jet_pt", "sublead_jet_eta", "sublead_jet_phi")
OBJECTS = (
    *("lep_pt", "lep_eta", "lep_phi", "tau_pt", "tau_eta", "tau_phi", "tau_mass", "met", "met_phi", "sum_et"),
    *("m_vis", "mt_lep_met", "mt_tau_met", "m_coll", "pt_h", "pt_tot", "deltar_tau_lep", "dphi_tau_lep"),
    *("dphi_lep_met", "sum_pt", "jet_sum_pt", "pt_ratio_lep_tau", "met_phi_centrality"),
)
FLOATS = (*OBJECTS, *LEAD_JET, *SUBLEAD_JET, *DIJET)
JETS = {"jet_pt": "float[]", "jet_eta": "float[]", "jet_phi": "float[]", "jet_mass": "float[]", "jet_btag": "int32_t[]"}
# the stored values carry 10 explicit mantissa bits
HALF_STEP = 2.0**-11


@pytest.fixture(scope="module")
def sample() -> dict[str, ak.Array]:
    """Return all events by process."""
    arrays = {}
    for name in PROCESSES:
        with uproot.open(SAMPLE / f"{name}.root") as file:
            arrays[name] = file["events"].arrays()
    return arrays


def script_module(name: str) -> ModuleType:
    """Import a module of the sample's folder, which is no package."""
    spec = importlib.util.spec_from_file_location(f"higgs_tautau_{name}", SAMPLE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


observables = script_module("observables")


def test_files_are_small_enough_for_a_repository() -> None:
    sizes = [path.stat().st_size for path in SAMPLE.glob("*.root")]
    assert len(sizes) == len(PROCESSES)
    assert sum(sizes) <= 5_000_000
    assert max(sizes) < 2_000_000


@pytest.mark.parametrize("name", PROCESSES)
def test_trees_and_column_types(name: str) -> None:
    with uproot.open(SAMPLE / f"{name}.root") as file:
        assert sorted(file.keys(cycle=False)) == ["Runs", "events"]
        assert file.classname_of("events") == "TTree"
        assert file.file.compression == uproot.ZSTD(9)
        found = {branch.name: branch.typename for branch in file["events"].branches}
        assert file["Runs"].num_entries == 1
    floats = dict.fromkeys(FLOATS, "float")
    assert found == IDENTITY | WEIGHTS | dict.fromkeys(FLAGS, "int32_t") | floats | JETS


def test_number_of_events(sample: dict[str, ak.Array]) -> None:
    assert 40_000 <= sum(len(events) for events in sample.values()) <= 60_000


def test_event_numbers_are_unique_and_need_64_bits(sample: dict[str, ak.Array]) -> None:
    numbers = np.concatenate([ak.to_numpy(events.event_number) for events in sample.values()])
    assert numbers.dtype == np.uint64
    assert len(np.unique(numbers)) == len(numbers)
    assert numbers.min() > 2**32
    runs = [np.unique(ak.to_numpy(events.run)).tolist() for events in sample.values()]
    assert runs == [[1001], [1002], [1003], [1004], [1005]]


@pytest.mark.parametrize("name", PROCESSES)
def test_weight_is_normalised_to_all_generated_events(name: str, sample: dict[str, ak.Array]) -> None:
    events = sample[name]
    with uproot.open(SAMPLE / f"{name}.root") as file:
        runs = {key: values[0] for key, values in file["Runs"].arrays(library="np").items()}
    expected = runs["xsec_pb"] * 1000 * runs["lumi_fb"] / runs["genEventSumw"] * events.gen_weight * events.reco_weight
    np.testing.assert_allclose(events.weight, expected, rtol=1e-13)
    assert runs["genEventCount"] > len(events)
    assert runs["genEventSumw"] > ak.sum(events.gen_weight)
    # shares are whole numbers of events, so the mean weight is 1 up to Pythia's rare overweight events
    assert runs["genEventSumw"] == pytest.approx(runs["genEventCount"], rel=1e-2)
    assert runs["genEventSumw2"] >= runs["genEventSumw"] ** 2 / runs["genEventCount"] * (1 - 1e-12)
    assert runs["k_factor"] == pytest.approx(runs["xsec_pb"] / runs["xsec_lo_pb"], rel=1e-12)
    assert 1.0 < runs["k_factor"] < 2.2
    assert ak.all((events.reco_weight > 0) & (events.reco_weight < 1))


@pytest.mark.parametrize("name", PROCESSES)
def test_sentinels_stand_exactly_where_jets_are_missing(name: str, sample: dict[str, ak.Array]) -> None:
    events = sample[name]
    for columns, needed in ((LEAD_JET, 1), (SUBLEAD_JET, 2), (DIJET, 2)):
        for column in columns:
            np.testing.assert_array_equal(events[column] == -999, events.n_jets < needed, err_msg=column)
    for column in set(OBJECTS) - {"m_coll"}:
        assert not ak.any(events[column] == -999), column
    for column in (*FLOATS, "weight"):
        assert np.isfinite(events[column]).to_numpy().all(), column


@pytest.mark.parametrize("name", PROCESSES)
def test_jets_share_one_counter_and_fall_in_pt(name: str, sample: dict[str, ak.Array]) -> None:
    events = sample[name]
    for column in JETS:
        np.testing.assert_array_equal(ak.num(events[column]), events.n_jets)
    assert ak.all(events.jet_pt[:, 1:] <= events.jet_pt[:, :-1])
    assert ak.all(np.isin(ak.flatten(events.jet_btag), (0, 1)))
    for position, columns in enumerate((LEAD_JET, SUBLEAD_JET)):
        enough = events[events.n_jets > position]
        for column, source in zip(columns, ("jet_pt", "jet_eta", "jet_phi"), strict=True):
            np.testing.assert_array_equal(enough[column], enough[source][:, position])


@pytest.mark.parametrize("name", PROCESSES)
def test_acceptance(name: str, sample: dict[str, ak.Array]) -> None:
    events = sample[name]
    rounding = 1 + HALF_STEP
    assert ak.all((events.lep_pt >= 26) & (abs(events.lep_eta) <= 2.4 * rounding))
    assert ak.all((events.tau_pt >= 20) & (abs(events.tau_eta) <= 2.3 * rounding))
    assert ak.all(ak.flatten((events.jet_pt >= 30) & (abs(events.jet_eta) <= 4.7 * rounding)))
    assert ak.all(abs(ak.flatten(events.jet_eta[events.jet_btag == 1])) <= 2.5 * rounding)
    assert ak.all(events.deltar_tau_lep > 0.39)
    for angle in ("lep_phi", "tau_phi", "met_phi"):
        assert ak.all(abs(events[angle]) <= np.pi * rounding)
    assert set(np.unique(events.lep_charge)) <= {-1, 1}
    assert set(np.unique(events.tau_charge)) <= {-1, 1}
    assert set(np.unique(events.lep_flavour)) == {11, 13}


@pytest.mark.parametrize("name", PROCESSES)
def test_derived_columns_follow_from_the_four_vectors(name: str, sample: dict[str, ak.Array]) -> None:
    events = sample[name]

    def column(key: str) -> np.ndarray:
        return ak.to_numpy(events[key]).astype(np.float64)

    lep = vector.array(
        {"pt": column("lep_pt"), "phi": column("lep_phi"), "eta": column("lep_eta"), "mass": 0 * column("met")}
    )
    tau = vector.array({key: column(f"tau_{key}") for key in ("pt", "phi", "eta", "mass")})
    met = vector.array({"pt": column("met"), "phi": column("met_phi")})
    jets = ak.zip({key: ak.values_astype(events[f"jet_{key}"], np.float64) for key in ("pt", "eta", "phi", "mass")})
    jet_x, jet_y = ak.sum(jets.pt * np.cos(jets.phi), axis=1), ak.sum(jets.pt * np.sin(jets.phi), axis=1)
    higgs = lep.to_Vector2D() + tau.to_Vector2D() + met
    expected = {
        "m_vis": (lep + tau).mass,
        "mt_lep_met": np.sqrt(np.maximum((lep.pt + met.pt) ** 2 - (lep.to_Vector2D() + met).rho2, 0)),
        "pt_h": higgs.rho,
        "pt_tot": np.hypot(higgs.x + ak.to_numpy(jet_x), higgs.y + ak.to_numpy(jet_y)),
        "deltar_tau_lep": lep.deltaR(tau),
        "dphi_lep_met": abs(lep.to_Vector2D().deltaphi(met)),
        "sum_pt": lep.pt + tau.pt + ak.to_numpy(ak.sum(jets.pt, axis=1)),
        "pt_ratio_lep_tau": lep.pt / tau.pt,
    }
    for key, values in expected.items():
        np.testing.assert_allclose(column(key), values, rtol=1.01 * HALF_STEP, atol=1e-4, err_msg=key)
    two = events.n_jets >= 2
    pair = jets[two][:, :2]
    first, second = (
        vector.array({k: ak.to_numpy(pair[k][:, i]) for k in ("pt", "phi", "eta", "mass")}) for i in (0, 1)
    )
    np.testing.assert_allclose(column("m_jj")[two], (first + second).mass, rtol=1.01 * HALF_STEP)
    np.testing.assert_allclose(column("deta_jj")[two], abs(first.eta - second.eta), rtol=1.01 * HALF_STEP, atol=1e-9)
    collinear = column("m_coll") != -999
    assert (column("m_coll") >= column("m_vis") * (1 - 2 * HALF_STEP))[collinear].all()


@pytest.mark.parametrize("name", PROCESSES)
def test_floats_carry_ten_mantissa_bits(name: str, sample: dict[str, ak.Array]) -> None:
    for column in FLOATS:
        bits = ak.to_numpy(sample[name][column]).astype(np.float32).view(np.uint32)
        unused = np.uint32(2**13 - 1)
        # -999 itself fits: 999 needs 10 bits
        assert not (bits & unused).any(), column


def test_yields_and_composition(sample: dict[str, ak.Array]) -> None:
    yields = {name: float(ak.sum(events.weight)) for name, events in sample.items()}
    # ranges: acceptance times efficiency of such a selection, 4-9 % (H), 1-3 % (Z)
    assert 2e3 < yields["ggH"] < 8e3
    assert 1e2 < yields["VBFH"] < 8e2
    assert 3e5 < yields["Ztautau"] < 1e6
    assert 1e5 < yields["ttbar"] < 5e5
    assert 3e5 < yields["Wjets"] < 3e6

    def mean(name: str, column: str) -> float:
        events = sample[name]
        return float(ak.sum(events[column] * events.weight) / yields[name])

    assert all(mean(name, "tau_is_true") == pytest.approx(1) for name in ("ggH", "VBFH", "Ztautau"))
    assert mean("Wjets", "tau_is_true") == 0
    assert 0.3 < mean("ttbar", "tau_is_true") < 0.9
    assert mean("ggH", "m_vis") > mean("Ztautau", "m_vis") + 5
    assert mean("Wjets", "mt_lep_met") > mean("Ztautau", "mt_lep_met") + 20
    assert mean("VBFH", "n_jets") > mean("ggH", "n_jets")
    tagged = {
        name: float(ak.sum(events.weight[ak.any(events.jet_btag == 1, axis=1)]) / yields[name])
        for name, events in sample.items()
    }
    assert tagged["ttbar"] > 0.5
    assert max(value for name, value in tagged.items() if name != "ttbar") < 0.1
    same_sign = {
        name: float(ak.sum(events.weight[events.lep_charge * events.tau_charge > 0]) / yields[name])
        for name, events in sample.items()
    }
    assert same_sign["ggH"] < 0.01
    assert 0.3 < same_sign["Wjets"] < 0.5


def test_variance_of_weights_is_moderate(sample: dict[str, ak.Array]) -> None:
    for name, events in sample.items():
        effective = float(ak.sum(events.weight) ** 2 / ak.sum(events.weight**2))
        assert effective > 0.3 * len(events), name


def test_signal_can_be_told_from_background(sample: dict[str, ak.Array]) -> None:
    features = np.concatenate([np.stack([ak.to_numpy(e[c]) for c in FLOATS], axis=1) for e in sample.values()])
    label = np.concatenate([np.full(len(events), name in SIGNAL) for name, events in sample.items()])
    weight = np.concatenate([ak.to_numpy(events.weight) for events in sample.values()])
    train = np.random.default_rng(1).random(len(label)) < 0.5
    balance = np.where(label, weight / weight[label].sum(), weight / weight[~label].sum()) * len(label) / 2
    model = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(
        features[train], label[train], balance[train]
    )
    score = model.predict_proba(features[~train])[:, 1]
    assert 0.80 < roc_auc_score(label[~train], score, sample_weight=weight[~train]) < 0.95


@given(st.floats(min_value=2.0**-100, max_value=2.0**100, width=32))
def test_rounding_is_within_half_a_step_and_idempotent(value: float) -> None:
    once = observables.rounded([value, -value])
    assert abs(once[0] - value) <= HALF_STEP * value
    assert once[1] == -once[0]
    np.testing.assert_array_equal(observables.rounded(once), once)


@given(
    *(st.floats(0.05, 3.0) for _ in range(2)),
    st.floats(0.6, 3.0),
    st.floats(-2.0, 2.0),
)
def test_collinear_mass_is_exact_for_collinear_neutrinos(
    along_lep: float, along_tau: float, dphi: float, eta: float
) -> None:
    one = {"lep_pt": 40.0, "lep_eta": eta, "lep_phi": 0.3, "tau_pt": 35.0, "tau_eta": -0.4, "tau_phi": 0.3 + dphi}
    met_x = along_lep * 40.0 * np.cos(0.3) + along_tau * 35.0 * np.cos(0.3 + dphi)
    met_y = along_lep * 40.0 * np.sin(0.3) + along_tau * 35.0 * np.sin(0.3 + dphi)
    one |= {"tau_mass": 0.0, "met": np.hypot(met_x, met_y), "met_phi": np.arctan2(met_y, met_x)}
    jets = ak.Array([[{"pt": 50.0, "eta": 2.0, "phi": 0.0, "mass": 5.0, "btag": 0}]])[:, :0]
    derived = observables.derived_columns({key: np.array([value]) for key, value in one.items()}, jets)
    expected = np.sqrt(2 * 40 * 35 * (np.cosh(eta + 0.4) - np.cos(dphi)) * (1 + along_lep) * (1 + along_tau))
    assert derived["m_coll"][0] == pytest.approx(expected, rel=1.01 * HALF_STEP)
    assert derived["met_phi_centrality"][0] >= 1 - HALF_STEP
    assert derived["m_jj"][0] == -999


def test_shares_and_fractions_of_forced_decays_are_complete() -> None:
    processes = script_module("processes")
    assert tuple(process.name for process in processes.PROCESSES) == PROCESSES
    for process in processes.PROCESSES:
        assert sum(variant.fraction for variant in process.variants) == pytest.approx(1)
        assert sum(variant.share for variant in process.variants) == pytest.approx(1)


def run_script(output: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SAMPLE / "make_sample.py"), "-o", str(output), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.skipif(
    importlib.util.find_spec("pythia8mc") is None or importlib.util.find_spec("fastjet") is None,
    reason="pythia8mc and fastjet (extra sim) are not installed",
)
def test_a_seed_makes_the_same_events_with_any_number_of_workers(tmp_path: Path) -> None:
    common = ("-p", "ggH", "-p", "Wjets", "-n", "50", "--chunk", "600")
    runs = {
        "once": run_script(tmp_path / "once", *common, "--seed", "7", "--workers", "1"),
        "again": run_script(tmp_path / "again", *common, "--seed", "7", "--workers", "2"),
        "other": run_script(tmp_path / "other", *common, "--seed", "8", "--workers", "2"),
    }
    for run in runs.values():
        assert run.returncode == 0, run.stderr
    for name in ("ggH", "Wjets"):
        trees = {key: uproot.open(tmp_path / key / f"{name}.root") for key in runs}
        once, again, other = (file["events"].arrays() for file in trees.values())
        assert len(once) >= 50
        assert once.type == again.type
        assert all(ak.array_equal(once[field], again[field]) for field in once.fields)
        assert not ak.array_equal(once.lep_pt, other.lep_pt)
        books = [file["Runs"].arrays(library="np") for file in trees.values()]
        assert all(books[0][key] == books[1][key] for key in books[0])
        for file in trees.values():
            file.close()
