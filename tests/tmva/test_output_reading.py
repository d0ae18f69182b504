"""TMVA.root read: every golden file, files in the layout of old, and files that are damaged or something else."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import uproot

from hepml.errors import (
    EmptyClassError,
    FileUnreadableError,
    InvalidInputError,
    MissingFileError,
    ModelFormatError,
    UnknownNameError,
    WeightError,
)
from hepml.readers import root_writer
from hepml.tmva import read_output, write_output
from tests.tmva.golden import reference
from tests.tmva.test_output_histograms import two_gaussians

if TYPE_CHECKING:
    from pathlib import Path

    from hepml.tmva.output import OutputDataset, OutputEvents


def golden(job: str) -> OutputDataset:
    folder = reference()
    if folder is None:
        pytest.skip("HEPML_REFERENCE_DATA is not set")
    return read_output(folder / "output" / f"TMVA_{job}.root").dataset("dataset")


@pytest.mark.parametrize(
    ("job", "methods", "variables", "spectators", "targets"),
    [
        (
            "alternate",
            {"Fisher": "Fisher", "Likelihood": "Likelihood", "BDT10": "BDT", "BDTG10": "BDT"},
            ["var1", "var2", "var3", "var4"],
            ["eventnumber"],
            [],
        ),
        (
            "expr",
            {"FisherCat": "Category", "BDT": "BDT", "KNN": "KNN", "MLP_GD": "MLP", "LikPart": "Likelihood"}
            | dict.fromkeys(("Fisher", *(f"Fisher{end}" for end in ("DG", "P", "N", "U", "Dsig", "Part"))), "Fisher"),
            ["myvar1", "myvar2", "var3", "abs_var3_"],
            ["spec1", "spec2", "weight", "eventnumber", "FisherCat_cat1", "FisherCat_cat2"],
            [],
        ),
        (
            "multi",
            {"BDTG": "BDT", "BDTGnobag": "BDT", "MLP": "MLP", "FDA_GA": "FDA"},
            ["var1", "var2", "var3", "var4"],
            [],
            [],
        ),
        (
            "reg",
            {
                "BDTG": "BDT",
                "BDTGnobag": "BDT",
                "BDT": "BDT",
                "LD": "LD",
                "MLP": "MLP",
                "KNN": "KNN",
                "PDEFoam": "PDEFoam",
            },
            ["var1", "var2"],
            [],
            ["fvalue"],
        ),
    ],
)
def test_golden(
    job: str, methods: dict[str, str], variables: list[str], spectators: list[str], targets: list[str]
) -> None:
    dataset = golden(job)
    assert {name: method.kind for name, method in dataset.methods.items()} == methods
    assert all(
        method.weights_file == f"dataset/weights/TMVA_{name}.weights.xml" for name, method in dataset.methods.items()
    )
    folder = reference()
    assert folder is not None
    with np.load(folder / "trees" / f"{job}.npz") as trees:
        arrays = dict(trees)
    for tree, short in ((dataset.train, "TrainTree"), (dataset.test, "TestTree")):
        events = tree.events()
        assert [list(events.variables), list(events.spectators), list(events.targets)] == [
            variables,
            spectators,
            targets,
        ]
        assert set(events.responses) == set(methods)
        assert events.weight_is_normalised
        assert events.weight.dtype == np.float64
        columns = {**events.variables, **events.targets, **events.responses}
        for name, column in columns.items():
            expected = [arrays[key] for key in arrays if key.partition(".")[0] == f"{short}/{name}"]
            assert np.array_equal(column, expected[0] if len(expected) == 1 else np.column_stack(expected)), name


def test_the_weight_is_not_the_spectator_of_that_name() -> None:
    test = golden("expr").test.events()
    assert set(np.unique(test.weight)) == {1.0}
    assert test.spectators["weight"].min() < 0


def test_several_classes_and_targets() -> None:
    test = golden("multi").test.events(["BDTG"])
    assert dict(test.classes) == {0: "C0", 1: "C1", 2: "C2"}
    assert test.response("BDTG").shape == (6000, 3)
    assert np.allclose(test.response("BDTG").sum(axis=1), 1.0, atol=1e-6)
    with pytest.raises(InvalidInputError, match="the classes are C0, C1, C2: there is no signal"):
        _ = test.is_signal
    assert golden("reg").test.events().response("BDT").shape == (5000,)


def test_histograms_and_matrices() -> None:
    dataset = golden("alternate")
    method = dataset.method("BDT10")
    histogram = method.histogram("MVA_BDT10_S")
    assert method.histogram("S").to_dict() == histogram.to_dict()
    assert (histogram.kind, histogram.values.shape, histogram.n_entries) == ("TH1D", (40,), 5000.0)
    assert (histogram.values * np.diff(histogram.edges[0])).sum() == pytest.approx(1.0)
    assert np.all(histogram.variances[histogram.values > 0] > 0)
    assert method.histogram("rejBvsS").axis_titles == ("Signal eff", "Backgr rejection (1-eff)")
    plane = dataset.histogram("InputVariables_Id/CorrelationPlots/scat_var2_vs_var1_Signal_Id")
    assert (plane.values.shape, len(plane.edges)) == ((300, 300), 2)
    # x is var1: the larger spread of one class must be on the axis that is named so
    assert plane.axis_titles[:2] == ("var1", "var2")
    matrix = dataset.correlation_matrix("Signal")
    assert matrix.labels == ("var1", "var2", "var3", "var4")
    assert matrix.values[0].tolist() == [100.0, 37.0, 58.0, 80.0]
    assert list(dataset.correlation_names) == ["Signal", "Background"]
    with pytest.raises(UnknownNameError, match="did you mean 'BDT10'"):
        dataset.method("BDT")
    with pytest.raises(UnknownNameError, match=r"unknown histogram of method BDT10 'rejBvS'; did you mean"):
        method.histogram("rejBvS")
    with pytest.raises(UnknownNameError, match="unknown histogram of dataset"):
        dataset.histogram("InputVariables_Id/var9__Signal_Id")
    with pytest.raises(UnknownNameError, match="class with a correlation matrix"):
        dataset.correlation_matrix("signal")


def test_it_shows_itself_as_json_and_html() -> None:
    folder = reference()
    if folder is None:
        pytest.skip("HEPML_REFERENCE_DATA is not set")
    output = read_output(folder / "output" / "TMVA_multi.root")
    content = json.loads(json.dumps(output.to_dict(), allow_nan=False))
    assert content["written_by"] == "TMVA"
    assert content["datasets"]["dataset"]["test"]["weights"] == "normalised by TMVA"
    assert "multi.root" in output._repr_html_()
    events = output.dataset().test.events()
    assert json.loads(json.dumps(events.to_dict()))["classes"]["C1"] == {"n_events": 2000, "sum_of_weights": 2000.0}
    profile = golden("alternate").histogram("InputVariables_Id/CorrelationPlots/prof_var2_vs_var1_Signal_Id")
    assert json.dumps(profile.to_dict(), allow_nan=False)


def write_old(path: Path, events: OutputEvents, *, folder: str = "", more: dict[str, Any] | None = None) -> None:
    """Write the bare bones of a file: trees, and a folder of a method."""
    names = np.array(["Signal", "Background"])
    columns = {
        "classID": events.class_id,
        "className": list(names[events.class_id]),
        **events.variables,
        "mass": np.ones(len(events), np.float32),
        "weight": events.weight.astype(np.float32),
        "BDT": np.asarray(events.responses["A"], np.float32),
    }
    with uproot.recreate(path) as file:
        for tree in ("TrainTree", "TestTree"):
            kinds = {name: "string" if name == "className" else column.dtype for name, column in columns.items()}
            import awkward as ak

            made = file.mktree(f"{folder}{tree}", kinds)
            made.extend(columns | {"className": ak.Array(columns["className"])})
        counts = np.histogram([0.5], bins=4, range=(0, 1))
        file[f"{folder}Method_BDT/BDT/MVA_BDT_S"] = counts
        file[f"{folder}Method_BDT/BDT/x__Signal"] = counts
        file[f"{folder}Method_BDT/BDT/y__Signal"] = counts
        for key, content in (more or {}).items():
            file[key] = content


def test_the_layout_of_old(tmp_path: Path) -> None:
    events = two_gaussians()
    write_old(tmp_path / "old.root", events)
    output = read_output(tmp_path / "old.root")
    assert list(output.datasets) == [""]
    dataset = output.dataset()
    test = dataset.test.events()
    assert (list(test.variables), list(test.spectators)) == (["x", "y"], ["mass"])
    assert np.array_equal(test.is_signal, events.class_id == 0)
    assert dataset.method("BDT").histogram("S").values.sum() == 1
    assert dataset.method("BDT").weights_file is None
    only = dataset.test.events([], columns=False)
    assert (len(only), dict(only.variables), dict(only.responses)) == (400, {}, {})


def test_several_datasets_must_be_named(tmp_path: Path) -> None:
    events = two_gaussians()
    for name in ("one", "two"):
        write_output(tmp_path / f"{name}.root", events, events, dataset=name)
    with uproot.recreate(tmp_path / "both.root") as file:
        for name in ("one", "two"):
            file[f"{name}/Method_A/A/MVA_A_S"] = np.histogram([0.5])
    output = read_output(tmp_path / "both.root")
    with pytest.raises(InvalidInputError, match="holds the datasets one, two: say which"):
        output.dataset()
    with pytest.raises(UnknownNameError, match="unknown dataset 'on'; did you mean 'one'"):
        output.dataset("on")
    with pytest.raises(ModelFormatError, match=r"dataset 'one' of .* has no TestTree: was the job stopped"):
        _ = output.dataset("one").test
    assert json.dumps(output.to_dict())


def test_a_response_without_a_folder_is_a_method(tmp_path: Path) -> None:
    events = two_gaussians()
    write_old(tmp_path / "old.root", events)
    with uproot.update(tmp_path / "old.root") as file:
        file["Method_MLP/MLP/MVA_MLP_S"] = np.histogram([0.5])
    methods = read_output(tmp_path / "old.root").dataset().methods
    assert {name: method.kind for name, method in methods.items()} == {"BDT": "BDT", "MLP": "MLP"}
    dataset = read_output(tmp_path / "old.root").dataset()
    with pytest.raises(UnknownNameError, match="unknown method 'MLP'"):
        dataset.test.events(["MLP"])


def test_trees_alone(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "silent.root") as file:
        kinds = {"classID": "i4", "className": "string", "x": "f4", "weight": "f4", "BDT": "f4"}
        tree = file.mktree("d/TestTree", kinds)
        numbers = np.ones(3, np.float32)
        tree.extend(
            {
                "classID": np.array([1, 0, 1]),
                "className": ["b", "s", "b"],
                "x": numbers,
                "weight": numbers,
                "BDT": numbers,
            }
        )
    dataset = read_output(tmp_path / "silent.root").dataset("d")
    assert (dataset.test.classes, dataset.train_tree, list(dataset.methods)) == (((0, "s"), (1, "b")), None, ["BDT"])
    scores = tmp_path / "scores.root"
    with root_writer(scores) as writer:
        writer.note({"format": "hepml-scores", "version": 1})
        writer.extend("TestTree", {"classID": np.ones(1, np.int32)})
    with pytest.raises(ModelFormatError, match="hepml wrote it: open the folder of its run with hepml"):
        read_output(scores)


def test_what_is_no_output(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        read_output(tmp_path / "none.root")
    (tmp_path / "text.root").write_text("no ROOT file" * 10)
    with pytest.raises(FileUnreadableError, match="not a ROOT file"):
        read_output(tmp_path / "text.root")
    with uproot.recreate(tmp_path / "other.root") as file:
        file["events/h"] = np.histogram([0.5])
    with pytest.raises(ModelFormatError, match=r"other.root is no output of TMVA: .* It holds events, events/h$"):
        read_output(tmp_path / "other.root")
    with uproot.recreate(tmp_path / "tree.root") as file:
        file["Method_BDT/BDT/h"] = np.histogram([0.5])
        file.mktree("TestTree", {"x": "f4"})
    with pytest.raises(ModelFormatError, match=r"TestTree in .* is no tree of TMVA: it begins with x where"):
        read_output(tmp_path / "tree.root")


def test_a_later_version_is_refused(tmp_path: Path) -> None:
    events = two_gaussians()
    write_old(
        tmp_path / "later.root",
        events,
        folder="d/",
        more={"d/hepml": json.dumps({"format": "hepml-tmva", "version": 2})},
    )
    with pytest.raises(ModelFormatError, match=r"hepml-tmva 2; this hepml reads hepml-tmva up to 1"):
        read_output(tmp_path / "later.root")


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.97])
def test_a_truncated_file(tmp_path: Path, kept: float) -> None:
    events = two_gaussians()
    write_output(tmp_path / "whole.root", events, events)
    content = (tmp_path / "whole.root").read_bytes()
    (tmp_path / "cut.root").write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(FileUnreadableError, match=r"cut\.root"):
        read_output(tmp_path / "cut.root").dataset().test.events()


def test_damaged_bytes_are_one_clear_error(tmp_path: Path) -> None:
    events = two_gaussians()
    write_output(tmp_path / "whole.root", events, events)
    content = np.frombuffer((tmp_path / "whole.root").read_bytes(), np.uint8)
    rng = np.random.default_rng(3)
    failed = 0
    for number in range(25):
        broken = content.copy()
        start = int(rng.integers(100, content.size - 2000))
        broken[start : start + 2000] = rng.integers(0, 256, 2000)
        path = tmp_path / f"broken{number}.root"
        path.write_bytes(broken.tobytes())
        try:
            dataset = read_output(path).dataset()
            dataset.test.events()
            for name in dataset.method("A").histogram_names:
                dataset.method("A").histogram(name)
        except (FileUnreadableError, ModelFormatError, UnknownNameError):
            failed += 1
    assert failed > 0


def test_significances_need_yields() -> None:
    events = two_gaussians(weight_is_normalised=True)
    with pytest.raises(
        WeightError, match=r"normalised by TMVA: NormMode .*give the expected yields of Signal and Background"
    ):
        events.physics_weight()
    with pytest.raises(WeightError, match="those of a part"):
        two_gaussians().physics_weight()
    weight = events.physics_weight({"Signal": 12.5, "Background": 3000.0})
    assert weight[events.is_signal].sum() == pytest.approx(12.5)
    assert weight[~events.is_signal].sum() == pytest.approx(3000.0)
    assert np.array_equal(np.sign(weight), np.sign(events.weight))
    for wrong in ({"Signal": 1.0}, {"Signal": -1.0, "Background": 2.0}, {"Signal": math.nan, "Background": 2.0}):
        with pytest.raises(InvalidInputError, match="needed is a positive number for each of the classes"):
            events.physics_weight(wrong)
    negative = two_gaussians(weight=np.full(400, -1.0))
    with pytest.raises(EmptyClassError, match="class Signal sum to -200"):
        negative.physics_weight({"Signal": 1.0, "Background": 1.0})
    with pytest.raises(UnknownNameError, match="unknown method 'B'"):
        events.response("B")
