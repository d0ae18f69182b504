"""The analyses of several classes and of a regression, with fewer events and trees: trained, applied, converted, refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
import yaml

from hepml import Analysis, Run, classifiers, compare
from hepml.config import parse_analysis
from hepml.errors import AnalysisFileError, InvalidInputError
from hepml.report import methods_table
from hepml.workflow import apply_model, convert_model

ANALYSES = Path(__file__).parents[2] / "analyses"
TRAIN, TEST = 1, 3


def small(name: str, folder: Path, **changes: Any) -> Path:
    """Write an analysis with a part of its events and few trees."""
    content = yaml.safe_load((ANALYSES / name / "analysis.yaml").read_text(encoding="utf-8"))
    for sample in content["samples"]:
        sample |= {"files": str((ANALYSES / name / sample["files"]).resolve()), "max_events": 3000}
    content["methods"]["BDT"] |= {"n_estimators": 25}
    content |= {"report": {"formats": ["svg"]}, "features": content["features"][:7]} | changes
    content.setdefault("evaluation", {})["permutations"] = 20
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("classes")
    return Analysis.from_file(small("higgs_multiclass", folder)).train(folder / "run")


@pytest.fixture(scope="module")
def masses(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("masses")
    return Analysis.from_file(small("mass_regression", folder)).train(folder / "run")


def test_scores_have_a_column_for_each_class(classes: Run) -> None:
    names = ["Higgs", "Z", "top", "W"]
    assert classes.metrics["classes"] == names
    events = classes.scores("TestTree")
    scores = np.column_stack([events[f"BDT_{name}"] for name in names])
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_array_equal(np.array(names)[events["classID"]], events["className"])
    assert set(events["sample"][events["classID"] == 0]) == {"ggH", "VBFH"}
    # the metrics are those of the stored scores
    own = events["classID"] == scores.argmax(axis=1)
    weight = events["weight"]
    matrix = classes.metrics["methods"]["BDT"]["confusion_matrix"]
    assert matrix["accuracy"] == pytest.approx(weight[own].sum() / weight.sum())
    assert matrix["balanced_accuracy"] > 0.5
    assert classes.metrics["methods"]["BDT"]["class_log_loss"]["value"] < np.log(4)


def test_classes_weigh_as_much_as_the_first_has_events(classes: Run) -> None:
    events = classes.scores("TrainTree")
    trained = events["split"] == TRAIN
    sums = [events["train_weight"][trained & (events["classID"] == number)].sum() for number in range(4)]
    assert sums == pytest.approx([(trained & (events["classID"] == 0)).sum()] * 4)
    rows = {(row["class"], row["part"]): row for row in classes.metrics["class_sums"]}
    higgs = trained & (events["classID"] == 0)
    assert rows["Higgs", "train"]["sum_weights"] == pytest.approx(events["weight"][higgs].sum())


def test_cuts_of_each_class_are_those_of_validation(classes: Run) -> None:
    events = classes.scores("TrainTree")
    of_class = (events["split"] != TRAIN) & (events["classID"] == 2)
    cut = next(one for one in classes.metrics["methods"]["BDT"]["class_cuts"] if one["class"] == "top")
    passed = of_class & (events["BDT_top"] >= cut["threshold"])
    assert events["weight"][passed].sum() / events["weight"][of_class].sum() == pytest.approx(cut["target"], abs=0.01)


def test_folds_score_each_event_once_and_data_are_blinded_by_the_classes_of_signal(tmp_path: Path) -> None:
    path = small("higgs_multiclass", tmp_path, folds=3)
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    del content["split"]
    data = {"name": "data", "role": "data", "files": content["samples"][0]["files"], "max_events": 1000}
    content["samples"] = [sample | {"max_events": 1500} for sample in content["samples"]] + [data]
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    run = Analysis.from_file(path).train(tmp_path / "run")
    events = run.scores("TestTree")
    assert sum(row["n_events"] for row in run.metrics["class_sums"]) == len(events["weight"])
    assert set(events["fold"]) == {0, 1, 2}
    thresholds = {
        one["class"]: one["threshold"] for one in run.metrics["methods"]["BDT"]["class_cuts"] if one["target"] == 0.7
    }
    shown = run.scores("DataTree")
    assert (shown["BDT_Higgs"] < thresholds["Higgs"]).all()
    # backgrounds hide nothing
    assert (shown["BDT_Z"] >= thresholds["Z"]).any()


def test_estimates_of_a_target_are_measured(masses: Run) -> None:
    events = masses.scores("TestTree")
    assert set(events["className"]) == {"Regression"}
    found = masses.metrics["methods"]["BDT"]["regression"][0]
    deviation = events["BDT"] - events["m_vis"]
    assert found["target"] == "m_vis"
    assert found["bias"] == pytest.approx(deviation.mean(), abs=1e-9)
    assert found["rms"] == pytest.approx(deviation.std())
    assert found["rms"] < 0.6 * found["target_rms"]


@pytest.mark.parametrize("name", ["classes", "masses"])
def test_what_follows_the_training(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    run: Run = request.getfixturevalue(name)
    outputs = [f"BDT_{one}" for one in run.metrics["classes"]] or ["BDT"]
    events = run.scores("TestTree")
    source = ANALYSES.parent / "data" / "higgs_tautau" / "ggH.root"
    (applied,) = apply_model(run.path, [source], tmp_path)
    with uproot.open(applied.output) as file:
        friend = file["events"].arrays(["event_number", "BDT_seen", *outputs], library="np")
    here = np.flatnonzero(np.isin(friend["event_number"], events["event_number"]))
    assert here.size > 100
    assert (friend["BDT_seen"][here] == TEST).all()
    order = np.argsort(events["event_number"])
    places = order[np.searchsorted(events["event_number"], friend["event_number"][here], sorter=order)]
    for output in outputs:
        np.testing.assert_array_equal(friend[output][here], events[output][places])
    for end in ("onnx", "json"):
        checked = convert_model(run.path, tmp_path / f"model.{end}").verification
        assert checked is not None
        assert (tmp_path / f"model.{end}").is_file()
    with pytest.raises(InvalidInputError, match="only methods of signal against background are compared"):
        compare([run.path, source])
    with pytest.raises(InvalidInputError, match="signal and background only"):
        Analysis(run.config).train(tmp_path / "again", tmva_output=tmp_path / "TMVA.root")
    header, rows = methods_table(run.metrics)
    assert {len(row) for row in rows} == {len(header)}
    assert not any("not computable" in cell for row in rows for cell in row)
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert ": not computable." not in page
    assert "could not be drawn" not in page
    assert page.count("<figure>") == page.count("<img")


@pytest.mark.parametrize("name", ["classes", "masses"])
def test_every_topic_is_documented(name: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(name)
    text = (ANALYSES.parent / "docs" / "tasks.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(\w+)|, `(\w+)\[\]\.\*` \|", text, re.MULTILINE))
    topics = set(run.metrics["methods"]["BDT"]) - {"kind", "parameters", "training"}
    assert topics <= {one for pair in listed for one in pair}


def content(**changes: Any) -> dict[str, Any]:
    samples = [{"name": name, "role": "background", "class": name, "files": "a.root"} for name in ("Z", "W", "top")]
    return {"name": "t", "samples": samples, "features": ["x"], "methods": {"BDT": {"kind": "xgboost"}}} | changes


def of_role(role: str, **more: Any) -> dict[str, Any]:
    return {"name": f"a_{role}", "role": role, "files": "a.root"} | more


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"targets": [{"name": "m"}]}, "targets: targets are for `task: regression`"),
        ({"task": "regression"}, "task: a regression needs `targets`"),
        ({"task": "regression", "targets": [{"name": "m"}]}, "samples[0].class: a regression has no classes"),
        (
            {"task": "regression", "targets": [{"name": "m"}], "samples": [of_role("background")]},
            "samples[0].role: a regression learns from all of its samples",
        ),
        (
            {"task": "regression", "targets": [{"name": "x"}], "samples": [of_role("signal")]},
            "targets[0]: there is a feature or spectator 'x' already",
        ),
        (
            {"samples": [of_role("signal", **{"class": "H"}), of_role("background")]},
            "samples[0].class: 'a_signal' names a",
        ),
        ({"samples": [of_role("data", **{"class": "H"})]}, "only signal and background have a class"),
        (
            {"samples": [*content()["samples"], of_role("signal", **{"class": "Z"})]},
            "samples[3].class: the class 'Z' has the background 'Z' and the signal 'a_signal'",
        ),
        ({"spectators": ["BDT_W"]}, "the score of 'W' would be a second branch 'BDT_W'"),
    ],
)
def test_contradictions_are_errors(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(AnalysisFileError) as found:
        parse_analysis(content(**changes))
    assert message in str(found.value)


def test_a_kind_for_two_classes_says_which_take_more(monkeypatch: pytest.MonkeyPatch) -> None:
    # as one of another package may be: those here take any number
    monkeypatch.setattr(classifiers.get("tmva"), "multiclass", False)
    with pytest.raises(
        InvalidInputError, match=r"methods\.BDT: tmva takes two classes, .* kinds that take more: .*xgboost"
    ):
        Analysis(parse_analysis(content(methods={"BDT": {"kind": "tmva"}}))).train("never")
