"""The analysis of ``analyses/decorrelation`` with fewer trees: trained, compared in a figure, applied and converted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import uproot
import yaml

import hepml
from hepml import Analysis, Run
from hepml.forest import Forest
from hepml.workflow import apply_model, convert_model

FOLDER = Path(__file__).parents[2] / "analyses" / "decorrelation"
ZTAUTAU = FOLDER.parents[1] / "data" / "higgs_tautau" / "Ztautau.root"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("decorrelation")
    content = yaml.safe_load((FOLDER / "analysis.yaml").read_text(encoding="utf-8"))
    for sample in content["samples"]:
        sample["files"] = str((FOLDER / sample["files"]).resolve())
    content["methods"] = {name: content["methods"][name] | {"n_estimators": 40} for name in ("BDT", "Flat4", "Planed")}
    content["report"] = {"formats": ["svg"]}
    content["evaluation"] |= {"permutations": 20}
    (folder / "analysis.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return Analysis.from_file(folder / "analysis.yaml").train(folder / "run")


def test_flat_trees_leave_the_mass_alone_and_still_separate(run: Run) -> None:
    found = {}
    for name, method in run.metrics["methods"].items():
        (of_mass,) = (item["background"] for item in method["spectators"] if item["variable"] == "mass")
        found[name] = (method["roc"]["auc"], of_mass["distance_correlation"]["value"])
    assert found["Flat4"][1] < 0.2 * found["BDT"][1]
    assert 0.75 < found["Flat4"][0] < found["BDT"][0]
    assert 0.75 < found["Planed"][0] < found["BDT"][0]


def test_the_report_shows_what_is_traded(run: Run) -> None:
    assert (run.path / "plots" / "trade_off_000_00.svg").is_file()
    table = yaml.safe_load((run.path / "plots" / "trade_off_000_00.yaml").read_text(encoding="utf-8"))
    assert "Flat4" in str(table)
    assert "Separation against the shape of mass" in (run.path / "report.html").read_text(encoding="utf-8")


def test_it_is_applied_and_converted_without_the_spectator(run: Run, tmp_path: Path) -> None:
    apply_model(run.path, [ZTAUTAU], tmp_path / "friends")
    with uproot.open(tmp_path / "friends" / ZTAUTAU.name) as file:
        scores = file["events"]["Flat4"].array(library="np")
    assert np.isfinite(scores).all()
    convert_model(run.path / "models" / "Flat4", tmp_path / "flat.json")
    model = run.models["Flat4"]
    X = np.random.default_rng(1).normal(50.0, 30.0, (100, len(model.features))).astype(np.float32)
    assert Forest.from_xgboost(tmp_path / "flat.json").predict(X) == pytest.approx(model.evaluate(X), abs=1e-6)
    assert hepml.load(run.path / "models" / "Flat4").forest is not None
