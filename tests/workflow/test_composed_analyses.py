"""``analyses/categories`` and ``analyses/ensemble`` from training to conversion, with fewer trees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
import yaml

from hepml import Analysis, Run, compare
from hepml.errors import InvalidInputError
from hepml.forest import Forest
from hepml.workflow.applying import apply_model
from hepml.workflow.converting import convert_model

pytest.importorskip("lightgbm", reason="lightgbm is not installed")
pytest.importorskip("skops", reason="skops is not installed")

ANALYSES = Path(__file__).parents[2] / "analyses"
DATA = ANALYSES.parent / "data" / "higgs_tautau"


def fewer_trees(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: min(value, 10) if key == "n_estimators" else fewer_trees(value) for key, value in content.items()}
    return content


def trained(name: str, folder: Path) -> Run:
    content = fewer_trees(yaml.safe_load((ANALYSES / name / "analysis.yaml").read_text(encoding="utf-8")))
    kept = [sample for sample in content["samples"] if sample["name"] in {"VBFH", "Wjets"}]
    for sample in kept:
        sample["files"] = str(DATA / Path(sample["files"]).name)
    content["samples"] = kept
    # those that are made of others; the rest is trained in many a test
    content["methods"] = {name: m for name, m in content["methods"].items() if m["kind"] in {"category", "ensemble"}}
    (folder / "analysis.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return Analysis.from_file(folder / "analysis.yaml").train(folder / "run")


@pytest.fixture(scope="module")
def categories(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained("categories", tmp_path_factory.mktemp("categories"))


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained("ensemble", tmp_path_factory.mktemp("ensemble"))


def applied(run: Run, folder: Path) -> dict[str, Any]:
    (file,) = apply_model(run.path, DATA / "VBFH.root", folder)
    with uproot.open(f"{file.output}:events") as tree:
        columns: dict[str, Any] = tree.arrays(library="np")
    return columns


@pytest.mark.parametrize("name", ["categories", "ensemble"])
def test_train_apply_compare(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(name)
    for method in run.method_names:
        assert run.metrics["methods"][method]["roc"]["auc"] > 0.75, method
    columns = applied(run, tmp_path / "friends")
    test = run.scores("TestTree")
    scored = dict(zip(columns["event_number"].tolist(), range(len(columns["run"])), strict=True))
    of_file = np.isin(test["event_number"], columns["event_number"]) & np.isin(test["run"], columns["run"])
    rows = [scored[number] for number in np.asarray(test["event_number"])[of_file].tolist()]
    same = columns["run"][rows] == np.asarray(test["run"])[of_file]
    for method in run.method_names:
        assert np.array_equal(columns[method][rows][same], np.asarray(test[method])[of_file][same])
    assert set(compare([run.path], permutations=20).methods) == set(run.method_names)


def test_an_average_of_trees_is_one_forest(ensemble: Run, tmp_path: Path) -> None:
    convert_model(ensemble.path, tmp_path / "average.npz", method="Average")
    convert_model(ensemble.path, tmp_path / "average.onnx", method="Average")
    forest = Forest.load(tmp_path / "average.npz")
    X = np.random.default_rng(0).normal(100.0, 50.0, size=(100, forest.n_features)).astype(np.float32)
    np.testing.assert_allclose(forest.predict(X), ensemble.model("Average").evaluate(X), rtol=1e-12)
    with pytest.raises(InvalidInputError, match="of kind 'ensemble', which is neither a tree ensemble"):
        convert_model(ensemble.path, tmp_path / "stacked.onnx", method="Stacked")


def test_categories_are_no_forest(categories: Run, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="of kind 'category', which is neither a tree ensemble"):
        convert_model(categories.path, tmp_path / "categories.onnx", method="ByJets")
