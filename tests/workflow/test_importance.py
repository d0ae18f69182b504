"""Importance of features in a run: what is computed by default, on request and of a part of the events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hepml import Analysis
from hepml.evaluation import permutation_importance
from hepml.report.figures import data_simulation, drawing
from hepml.workflow.seeds import task_sequence
from hepml.workflow.topics import importance as topic
from tests.workflow.toys import write_analysis, write_sample

if TYPE_CHECKING:
    from pathlib import Path

    from hepml import Run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("importance")
    write_sample(path / "signal.root", 900, mean=1.0, seed=1, negative=0.1)
    write_sample(path / "background.root", 900, mean=-1.0, seed=2)
    write_sample(path / "side.root", 300, mean=-1.0, seed=3)
    write_sample(path / "data.root", 400, mean=-0.5, seed=4)
    return path


@pytest.fixture(autouse=True)
def few_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only data over simulation is drawn: figures take most of a run's time, and the toy run has them."""
    monkeypatch.setattr(drawing, "FIGURES", (data_simulation.jobs,))


def train(folder: Path, out: Path, **changes: Any) -> Run:
    evaluation = {"permutations": 20, **changes.pop("evaluation", {})}
    options = {"evaluation": evaluation, "report": {"formats": ["svg"]}, **changes}
    return Analysis.from_file(write_analysis(folder, **options)).train(out)


def entries(run: Run, key: str, method: str = "BDT") -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in run.metrics["methods"][method][key]["features"]}


def test_a_run_tells_what_its_features_are_worth(toy_run: Run) -> None:
    for method in ("BDT", "HGB"):
        permuted = entries(toy_run, "permutation_importance", method)
        auc = toy_run.metrics["methods"][method]["roc"]["auc"]
        # without x there is nothing left to tell the classes apart
        assert abs(permuted["x"]["value"] - (auc - 0.5)) < 4 * permuted["x"]["error"]
        assert abs(permuted["y2"]["value"]) < 4 * permuted["y2"]["error"] + 1e-3
        contributions = entries(toy_run, "contributions", method)
        assert contributions["x"]["value"] > 5 * contributions["y2"]["value"]
        assert contributions["x"]["error"] > 0
        kinds = {found["kind"]: found for found in toy_run.metrics["methods"][method]["tree_importance"]}
        assert set(kinds) == {"tmva", "total_gain", "gain", "total_cover", "cover", "splits"}
        assert sum(row["value"] for row in kinds["tmva"]["features"]) == pytest.approx(1)
        forest = toy_run.model(method).forest
        assert [row["value"] for row in kinds["total_gain"]["features"]] == forest.importance("total_gain").tolist()
    assert "drop_column" not in toy_run.metrics["methods"]["BDT"]
    page = (toy_run.path / "report.html").read_text(encoding="utf-8")
    assert page.count("Loss of AUC if the values are exchanged") == 2


def test_the_numbers_are_those_of_the_test_part(toy_run: Run) -> None:
    tree = toy_run.scores("TestTree")
    X = np.column_stack([tree["x"], tree["y2"]]).astype(np.float32)
    y = tree["classID"] == 0
    # the tree has one sample after the other, as the dataset has
    expected = permutation_importance(
        toy_run.model("BDT").evaluate,
        X,
        y,
        tree["weight"],
        names=["x", "y2"],
        n_repeats=3,
        seed=task_sequence(toy_run.config.seed, "permutation_importance/BDT"),
    )
    found = entries(toy_run, "permutation_importance")
    np.testing.assert_allclose([found["x"]["value"], found["y2"]["value"]], expected.value, rtol=1e-9)
    np.testing.assert_allclose([found["x"]["error"], found["y2"]["error"]], expected.error, rtol=1e-9)


def test_rankings_stand_in_the_log_as_tmva_prints_them(toy_run: Run) -> None:
    lines = [line.partition("hepml.workflow: ")[2] for line in (toy_run.path / "log.txt").read_text().splitlines()]
    start = lines.index("BDT: Ranking result (top variable is best ranked)")
    (tmva,) = [f for f in toy_run.metrics["methods"]["BDT"]["tree_importance"] if f["kind"] == "tmva"]
    ranked = sorted(tmva["features"], key=lambda row: -row["value"])
    assert lines[start + 1 : start + 7] == [
        f"BDT: {'-' * 36}",
        "BDT: Rank : Variable  : Variable Importance",
        f"BDT: {'-' * 36}",
        *(f"BDT:    {rank} : {row['name']:<9} : {row['value']:.3e}" for rank, row in enumerate(ranked, 1)),
        f"BDT: {'-' * 36}",
    ]
    assert "input variables: Rank : Variable  : Separation" in lines


def test_training_without_a_feature_is_a_training_of_the_others(folder: Path, tmp_path: Path) -> None:
    """Parts, options and seeds do not depend on the features, so another analysis gives the same model."""
    features = ["x", {"name": "y2", "expression": "y*y"}, {"name": "twice", "expression": "2*x + 0.1*y"}]
    found = train(folder, tmp_path / "all", features=features, evaluation={"drop_column": True})
    dropped = entries(found, "drop_column")
    assert list(dropped) == ["x", "y2", "twice", "x + twice"]
    assert dropped["x + twice"]["members"] == ["x", "twice"]
    assert list(entries(found, "permutation_importance")) == list(dropped)
    auc = found.metrics["methods"]["BDT"]["roc"]["auc"]
    for name, kept in (("x", features[1:]), ("x + twice", features[1:2])):
        other = train(folder, tmp_path / name.replace(" ", ""), features=kept).metrics["methods"]["BDT"]["roc"]
        assert dropped[name]["value"] == pytest.approx(auc - other["auc"], abs=1e-12)
    # paired: what both methods have in common cancels
    assert 0 < dropped["x"]["error"] < 0.5 * found.metrics["methods"]["BDT"]["roc"]["auc_error"]
    assert abs(dropped["x"]["value"]) < 0.02
    assert dropped["x + twice"]["value"] > 0.3
    page = (found.path / "report.html").read_text(encoding="utf-8")
    assert "trained again without the features" in page


def test_nothing_is_computed_that_was_not_asked_for(folder: Path, tmp_path: Path) -> None:
    settings = {"permutation_repeats": 0, "explained_events": 0}
    found = train(folder, tmp_path / "run", evaluation=settings).metrics["methods"]["BDT"]
    assert found.keys() & {"permutation_importance", "contributions", "drop_column"} == set()
    assert found["tree_importance"]


def test_of_many_events_some_are_used_and_their_number_is_stated(
    toy_run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic, "_MOST_PERMUTED", 200)
    found = train(folder, tmp_path / "run", evaluation={"explained_events": 100}).metrics["methods"]["BDT"]
    assert abs(found["permutation_importance"]["n_rows"] - 200) < 4 * np.sqrt(200)
    assert abs(found["contributions"]["n_rows"] - 100) < 40
    whole = toy_run.metrics["methods"]["BDT"]
    assert whole["permutation_importance"]["n_rows"] == whole["roc"]["n_signal"] + whole["roc"]["n_background"]


def test_scores_of_data_are_compared_where_they_may_be_shown(folder: Path, tmp_path: Path) -> None:
    samples = [
        {"name": "signal", "role": "signal", "files": "signal.root"},
        {"name": "background", "role": "background", "files": "background.root"},
        {"name": "data", "role": "data", "files": "data.root"},
        {"name": "side", "role": "control", "files": "side.root"},
    ]
    found = train(folder, tmp_path / "run", samples=samples, features=["x"])
    compared = {row["sample"]: row for row in found.metrics["data_mc"]}
    assert {name: [row["name"] for row in of["methods"]] for name, of in compared.items()} == {
        "data": ["BDT"],
        "side": ["BDT"],
    }
    # the only feature decides the score, so both are compared on the same events where data are blinded by it
    (feature,), (score,) = compared["data"]["features"], compared["data"]["methods"]
    assert score["ratio"] == feature["ratio"]
    # of the control sample all events are shown, and simulation of all scores
    test = found.scores("TestTree")
    simulated = sum(
        test["weight"][test["sample"] == name].sum() * 900 / np.count_nonzero(test["sample"] == name)
        for name in ("signal", "background")
    )
    assert compared["side"]["methods"][0]["ratio"] == pytest.approx(300 * 0.5 / simulated)
    assert (found.path / "plots" / "data_mc_000_score_000.svg").exists()
    assert "BDT (score)" in (found.path / "report.html").read_text(encoding="utf-8")


def test_with_folds_each_event_is_looked_at_by_the_model_that_scores_it(folder: Path, tmp_path: Path) -> None:
    options = {"split": None, "folds": 3, "methods": {"BDT": {"kind": "xgboost", "n_estimators": 3, "max_depth": 2}}}
    found = train(folder, tmp_path / "run", evaluation={"drop_column": True}, **options)
    method = found.metrics["methods"]["BDT"]
    permuted = entries(found, "permutation_importance")
    assert method["permutation_importance"]["auc"] == pytest.approx(method["roc"]["auc"])
    assert abs(permuted["x"]["value"] - (method["roc"]["auc"] - 0.5)) < 4 * permuted["x"]["error"]
    assert entries(found, "contributions")["x"]["value"] > entries(found, "contributions")["y2"]["value"]
    forests = [model.forest for model in found.model("BDT").models]
    kinds = {one["kind"]: [row["value"] for row in one["features"]] for one in method["tree_importance"]}
    np.testing.assert_allclose(kinds["splits"], np.mean([forest.importance("splits") for forest in forests], axis=0))
    assert "with folds all events are in both" in method["drop_column"]["not_computable"]
    assert "training without features: not computable" in (found.path / "report.html").read_text(encoding="utf-8")
