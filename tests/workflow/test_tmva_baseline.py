"""The analyses of ``analyses/tmva_baseline``: TMVA's methods from training to comparison, with fewer trees."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from hepml import Analysis, Run, compare

FOLDER = Path(__file__).parents[2] / "analyses" / "tmva_baseline"
HIGGS = FOLDER.parent / "higgs_tautau" / "analysis.yaml"
# areas under the ROC curve, see data/four_gaussians/README.md
BEST_LINEAR, LIKELIHOOD_RATIO = 0.9136, 0.964

SIGNAL, TRAINING = 0, 1


def content_of(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of the toy with three of its methods and 20 trees, and with fewer figures."""
    folder = tmp_path_factory.mktemp("tmva_baseline")
    content = content_of("toy.yaml")
    for sample in content["samples"]:
        path, _, tree = sample["files"].partition(":")
        sample["files"] = f"{(FOLDER / path).resolve()}:{tree}"
    for method in content["methods"].values():
        if "options" in method:
            method["options"] = re.sub(r"NTrees=\d+", "NTrees=20", method["options"])
    content["methods"] = {name: content["methods"][name] for name in ("BDT", "BDTG", "Fisher")}
    content |= {"report": {"formats": ["svg"]}, "spectators": []}
    content["evaluation"] |= {"permutations": 20, "permutation_repeats": 0, "explained_events": 0}
    (folder / "toy.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return Analysis.from_file(folder / "toy.yaml").train(folder / "run", tmva_output=folder / "toy.root")


def test_the_toy_is_the_example_of_tmva() -> None:
    kinds = {name: method["kind"] for name, method in content_of("toy.yaml")["methods"].items()}
    assert kinds.pop("XGBoost") == "xgboost"
    assert kinds == dict.fromkeys(("BDT", "BDTG", "BDTD", "Fisher", "LD", "HMatrix"), "tmva")


def test_methods_separate_as_they_must(run: Run) -> None:
    roc = {name: method["roc"] for name, method in run.metrics["methods"].items()}
    assert abs(roc["Fisher"]["auc"] - BEST_LINEAR) < 3 * roc["Fisher"]["auc_error"]
    for name in ("BDT", "BDTG"):
        assert 0.85 < roc[name]["auc"] < LIKELIHOOD_RATIO + 3 * roc[name]["auc_error"]


def test_what_a_response_cannot_have_is_stated(run: Run) -> None:
    for name, method in run.metrics["methods"].items():
        lost = {topic for topic, found in method.items() if isinstance(found, dict) and "not_computable" in found}
        assert lost == {"calibration"}, name
        assert "only a probability can be calibrated" in method["calibration"]["not_computable"]
        assert method["training"]["engine"] == "native"
    assert "NTrees=20:" in run.metrics["methods"]["BDT"]["training"]["options"]
    report = run.report().read_text(encoding="utf-8")
    assert "BDT, calibration: not computable" in report
    assert "the score is no log-odds" in report
    assert "BDT: AUC against the number of trees" in report
    assert "BDTG: log-loss against the number of trees" in report


def test_only_log_odds_have_a_log_loss(run: Run) -> None:
    methods = run.metrics["methods"]
    voted, boosted = (methods[name]["training_curve"] for name in ("BDT", "BDTG"))
    assert voted["log_loss"] is voted["validation"]["log_loss"] is None
    assert "log-loss" not in methods["BDT"]["overtraining"]["reason"]
    events = run.scores("TrainTree")
    # the response of gradient boosting is 2 P - 1; classes weigh the same
    trained = events["split"] == TRAINING
    probability = (1.0 + events["BDTG"][trained]) / 2.0
    signal = events["classID"][trained] == SIGNAL
    losses = -np.log(probability[signal]).mean(), -np.log(1.0 - probability[~signal]).mean()
    assert boosted["train"]["log_loss"][-1] == pytest.approx(np.mean(losses), rel=1e-5)


def test_the_comparison_ends_it(run: Run, tmp_path: Path) -> None:
    """Run, TMVA.root and weights file of one training are found to be the same on the same events."""
    weights = tmp_path / "again.weights.xml"
    shutil.copy(run.path / "models" / "BDTG" / "TMVA.weights.xml", weights)
    sources = [run.path, run.path.parent / "toy.root", weights]
    found = compare(sources, methods=["run/BDTG", "toy/BDTG", "again/BDT"], permutations=20).to_dict()
    areas = [method["roc"]["auc"] for method in found["methods"].values()]
    assert areas == pytest.approx([run.metrics["methods"]["BDTG"]["roc"]["auc"]] * 3, abs=1e-6)


def test_the_higgs_analysis_has_the_events_of_the_other_one_and_no_missing_value() -> None:
    content, other = content_of("higgs.yaml"), yaml.safe_load(HIGGS.read_text(encoding="utf-8"))
    differing = {key for key in content.keys() | other.keys() if content.get(key) != other.get(key)}
    assert differing == {"name", "title", "missing", "features", "methods"}
    assert [feature["name"] for feature in content["features"]] == [feature["name"] for feature in other["features"]]
    X = Analysis.from_file(FOLDER / "higgs.yaml").read().X
    assert np.isfinite(X).all()
    assert (X != -999).all()
