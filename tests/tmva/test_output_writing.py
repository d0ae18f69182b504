"""TMVA.root written: it comes back as it went, ROOT reads the same, macros find their keys, wrong input is refused."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import uproot

from hepml.errors import InvalidInputError, OutputError
from hepml.root_process import RootProcess, root_is_installed
from hepml.tmva import read_output, write_output
from tests.tmva.golden import reference
from tests.tmva.test_output_histograms import two_gaussians

if TYPE_CHECKING:
    from pathlib import Path

    from hepml.tmva.output import OutputEvents

KINDS = {"A": "xgboost"}
LABELS = {"x": (r"$p_{T}^{\tau}$", "GeV")}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, OutputEvents, OutputEvents]:
    path = tmp_path_factory.mktemp("output") / "TMVA.root"
    spectators = {"event": np.arange(400, dtype=np.int64) + 2**53 + 1, "mass": np.linspace(0, 1, 400)}
    train, test = (
        two_gaussians(seed=seed, spectators=spectators, probabilities={"A": np.full(400, 0.5, np.float32)})
        for seed in (1, 2)
    )
    write_output(path, train, test, kinds=KINDS, labels=LABELS, yields={"Signal": 10.0, "Background": 200.0})
    return path, train, test


def test_round_trip(written: tuple[Path, OutputEvents, OutputEvents]) -> None:
    path, train, test = written
    output = read_output(path)
    assert output.written_by == "hepml"
    dataset = output.dataset("dataset")
    for tree, events in ((dataset.train, train), (dataset.test, test)):
        back = tree.events()
        for what in ("variables", "spectators", "responses", "probabilities"):
            found, given = getattr(back, what), getattr(events, what)
            assert list(found) == list(given)
            for name, column in given.items():
                single = column.astype(np.float32) if column.dtype == np.float64 else column
                assert np.array_equal(found[name], single), name
                assert found[name].dtype == single.dtype
        assert np.array_equal(back.weight, events.weight)
        assert np.array_equal(back.is_signal, events.is_signal)
        assert not back.weight_is_normalised
        weight = back.physics_weight()
        assert [weight[back.is_signal].sum(), weight[~back.is_signal].sum()] == pytest.approx([10.0, 200.0])
    assert dataset.method("A").kind == "xgboost"
    assert dataset.histogram("InputVariables_Id/x__Signal_Id").axis_titles[0] == "p_{T}^{#tau}  [GeV]"
    assert dataset.correlation_matrix("Background").labels == ("p_{T}^{#tau}", "y")
    # it can be written again from what was read, and is the same
    write_output(
        path.with_name("again.root"), dataset.train.events(), dataset.test.events(), kinds=KINDS, labels=LABELS
    )
    again = read_output(path.with_name("again.root")).dataset()
    for name in dataset.method("A").histogram_names:
        one, other = dataset.method("A").histogram(name), again.method("A").histogram(name)
        # training responses were double precision before
        assert np.allclose(one.values, other.values, atol=0.02 if "rain" in name else 0), name


def test_gui_and_macros_find_their_keys(written: tuple[Path, OutputEvents, OutputEvents]) -> None:
    with uproot.open(written[0]) as file:
        # TMVAGui asks which dataset is meant if there is more than one key
        assert file.keys(recursive=False, cycle=False) == ["dataset"]
        kinds = dict(file["dataset"].iterclassnames(cycle=False))
        titles = {key: file["dataset"].key(key).fTitle for key in ("TestTree", "TrainTree")}
        branches = {branch.name: branch.title for branch in file["dataset/TestTree"].branches}
    responses = "S B S_high B_high effS effB effBvsS rejBvsS invBeffvsSeff Train_S Train_B trainingEffS trainingEffB"
    for name in (*responses.split(), "trainingEffBvsS", "trainingRejBvsS", "Proba_S", "Proba_B"):
        assert kinds[f"Method_xgboost/A/MVA_A_{name}"] == "TH1D"
    assert kinds["Method_xgboost/A/x__Signal"] == kinds["InputVariables_Id/y__Background_Id"] == "TH1F"
    assert kinds["InputVariables_Id/CorrelationPlots/scat_y_vs_x_Signal_Id"] == "TH2F"
    assert kinds["InputVariables_Id/CorrelationPlots/prof_y_vs_x_Signal_Id"] == "TProfile"
    assert [kinds["CorrelationMatrixS"], kinds["CorrelationMatrixB"]] == ["TH2F", "TH2F"]
    assert titles == {"TestTree": "TestTree", "TrainTree": "TrainTree"}
    assert list(branches.values()) == [
        *("classID/I", "className/C", "x/F", "y/F", "event/L", "mass/F", "weight/F", "A/F", "prob_A/F")
    ]


def test_keys_and_classes_are_those_of_tmva(tmp_path: Path) -> None:
    folder = reference()
    if folder is None:
        pytest.skip("HEPML_REFERENCE_DATA is not set")
    golden = folder / "output" / "TMVA_alternate.root"
    dataset = read_output(golden).dataset()
    kinds = {name: str(method.kind) for name, method in dataset.methods.items()}
    write_output(tmp_path / "TMVA.root", dataset.train.events(), dataset.test.events(), kinds=kinds)
    with uproot.open(golden) as theirs, uproot.open(tmp_path / "TMVA.root") as ours:
        expected = dict(theirs.iterclassnames(cycle=False))
        found = dict(ours.iterclassnames(cycle=False))
        titles = {key: (theirs.key(key).fTitle, ours.key(key).fTitle) for key in found if key in expected}
        trees = [
            [(branch.name, branch.title) for branch in file["dataset/TrainTree"].branches] for file in (theirs, ours)
        ]
    assert trees[0] == trees[1]
    assert set(found) - set(expected) == {"dataset/hepml"}
    assert {key: kind for key, kind in found.items() if key != "dataset/hepml"}.items() <= expected.items()
    # uproot gives folders no titles of their own
    assert {key for key, (one, other) in titles.items() if one != other} == {
        f"dataset/Method_{kind}" for kind in kinds.values()
    }
    missing = {key.removeprefix("dataset/") for key in set(expected) - set(found)}
    described = ("InputVariables_Deco", "InputVariables_PCA", "InputVariables_Gauss_Deco", "Method_")
    assert all(key.startswith(described) for key in missing)
    of_methods = {key.split("/", 2)[2] for key in missing if key.startswith("Method_")}
    own = {name for name in of_methods if not name.startswith("CorrelationPlots")}
    assert {name for name in own if name.startswith("MVA_")} == {"MVA_Fisher_Rarity_S", "MVA_Fisher_Rarity_B"}


TASKS = """
import numpy as np
import ROOT
def look(folder, path):
    file = ROOT.TFile.Open(path)
    tree = file.Get("dataset/TestTree")
    columns = ROOT.RDataFrame(tree).AsNumpy(["classID", "x", "weight", "A", "event"])
    np.save(folder / "A.npy", columns["A"])
    np.save(folder / "event.npy", columns["event"])
    named = tree.GetEntries('className == "Background" && classID == 1')
    score = file.Get("dataset/Method_xgboost/A/MVA_A_S")
    train = file.Get("dataset/Method_xgboost/A/MVA_A_Train_S")
    matrix = file.Get("dataset/CorrelationMatrixS")
    plane = file.Get("dataset/InputVariables_Id/CorrelationPlots/scat_y_vs_x_Signal_Id")
    profile = file.Get("dataset/InputVariables_Id/CorrelationPlots/prof_y_vs_x_Signal_Id")
    curve = file.Get("dataset/Method_xgboost/A/MVA_A_rejBvsS")
    canvas = ROOT.TCanvas()
    for drawn in (score, matrix, plane, profile):
        drawn.Draw("colz text" if drawn.InheritsFrom("TH2") else "")
    canvas.Print(str(folder / "drawn.png"))
    return {
        "named": named, "sum": float(np.sum(columns["weight"])), "mean": score.GetMean(),
        "contents": [score.GetBinContent(bin) for bin in range(42)],
        "errors": [score.GetBinError(bin) for bin in range(42)],
        "ks": score.KolmogorovTest(train), "label": matrix.GetXaxis().GetBinLabel(1),
        "correlation": matrix.GetBinContent(1, 2), "plane": plane.GetEntries(),
        "means": [profile.GetBinContent(bin) for bin in range(1, 41)],
        "rejection": [curve.GetBinContent(bin) for bin in range(1, 101)], "title": curve.GetYaxis().GetTitle(),
        "keys": [key.GetName() for key in file.Get("dataset").GetListOfKeys()],
        "drawn": (folder / "drawn.png").stat().st_size,
    }
"""


@pytest.mark.requires_root
@pytest.mark.skipif(not root_is_installed(), reason="PyROOT (extra root) is not installed")
def test_root_reads_trees_and_histograms(
    written: tuple[Path, OutputEvents, OutputEvents], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _, test = written
    (tmp_path / "output_tasks.py").write_text(TASKS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with RootProcess(purpose="a test", timeout=120) as process:
        seen = process.call("output_tasks:look", {"path": str(path)})
        assert np.array_equal(process.array("A"), np.asarray(test.responses["A"]).astype(np.float32))
        assert np.array_equal(process.array("event"), test.spectators["event"])
    dataset = read_output(path).dataset()
    histogram = dataset.method("A").histogram("S")
    assert seen["named"] == (~test.is_signal).sum()
    assert seen["sum"] == pytest.approx(test.weight.sum())
    assert seen["contents"][1:-1] == histogram.values.tolist()
    assert np.square(seen["errors"][1:-1]) == pytest.approx(histogram.variances)
    signal = test.is_signal
    expected = np.average(np.asarray(test.responses["A"])[signal], weights=test.weight[signal])
    assert seen["mean"] == pytest.approx(expected, rel=1e-6)
    assert 0 < seen["ks"] <= 1
    assert seen["label"] == "p_{T}^{#tau}"
    assert seen["correlation"] == dataset.correlation_matrix("Signal").values[0, 1]
    assert seen["plane"] == signal.size / 2
    profile = dataset.histogram("InputVariables_Id/CorrelationPlots/prof_y_vs_x_Signal_Id")
    assert seen["means"] == pytest.approx(profile.values.tolist())
    assert seen["rejection"] == dataset.method("A").histogram("rejBvsS").values.tolist()
    assert seen["title"] == "Backgr rejection (1-eff)"
    assert {"TestTree", "TrainTree", "CorrelationMatrixS", "InputVariables_Id", "Method_xgboost"} <= set(seen["keys"])
    assert seen["drawn"] > 1000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": {0: "C0", 1: "C1"}}, "have the classes C0, C1: only Signal and Background can be written"),
        ({"targets": {"t": np.zeros(400)}}, "only Signal and Background"),
        ({"variables": {}}, "have no variables"),
        ({"responses": {"A": np.zeros((400, 3))}}, "the responses of A are not one number an event"),
        ({"responses": {"B": np.zeros(400)}}, "have other responses: B and A"),
        ({"spectators": {"weight": np.zeros(400)}}, "other spectators"),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    events = two_gaussians()
    with pytest.raises(InvalidInputError, match=message):
        write_output(tmp_path / "x.root", replace(events, **changes), events)
    assert not (tmp_path / "x.root").exists()


def test_names_become_those_of_tmva(tmp_path: Path) -> None:
    events = two_gaussians()
    named = replace(events, variables={"m_jj/1000": events.variables["x"], "Max$(a*b)": events.variables["y"]})
    write_output(tmp_path / "x.root", named, named)
    dataset = read_output(tmp_path / "x.root").dataset()
    assert list(dataset.test.events().variables) == ["m_jj_D_1000", "Max__a_T_b_"]
    assert dataset.correlation_matrix("Signal").labels == ("m_jj/1000", "Max$(a*b)")
    both = replace(events, variables={"a b": events.variables["x"], "a_b": events.variables["y"]})
    with pytest.raises(InvalidInputError, match="'a b' and 'a_b' would both be the branch 'a_b'"):
        write_output(tmp_path / "y.root", both, both)
    clash = replace(events, spectators={"weight": events.weight})
    with pytest.raises(InvalidInputError, match="would both be the branch 'weight'"):
        write_output(tmp_path / "y.root", clash, clash)
    with pytest.raises(InvalidInputError, match="'a/b' cannot be the name of a folder"):
        write_output(tmp_path / "y.root", events, events, dataset="a/b")


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    events = two_gaussians()
    (tmp_path / "TMVA.root").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        write_output(tmp_path / "TMVA.root", events, events)
    assert (tmp_path / "TMVA.root").read_text() == "mine"
    write_output(tmp_path / "TMVA.root", events, events, overwrite=True)
    assert read_output(tmp_path / "TMVA.root").dataset().test.n_events == 400


def test_a_method_without_a_curve_keeps_its_responses(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    events = two_gaussians()
    events = replace(events, responses={"A": events.responses["A"], "flat": np.ones(400)})
    with caplog.at_level(logging.WARNING, "hepml.tmva"):
        write_output(tmp_path / "x.root", events, events)
    assert "has no histograms of flat: all 400 scores lie at 1" in caplog.text
    dataset = read_output(tmp_path / "x.root").dataset()
    assert dataset.test.events().response("flat").tolist() == [1.0] * 400
    assert [name for name in dataset.method("flat").histogram_names if name.startswith("MVA")] == []
