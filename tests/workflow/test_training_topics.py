"""What a run says of its trainings: curves, verdicts, baselines, and training again on shares of the events."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hepml import Analysis
from hepml.classifiers import get
from hepml.evaluation import roc_curve
from hepml.workflow import prepare
from hepml.workflow.baselines import FittedBaseline, fit_baselines
from hepml.workflow.methods import TrainedMethod
from hepml.workflow.subsets import capped_rows, fraction_rows
from hepml.workflow.topics import MethodContext, Scored
from hepml.workflow.topics import training_curve as curve_topic
from hepml.workflow.topics.overtraining import overtraining
from hepml.workflow.topics.performance import roc
from hepml.workflow.topics.training_curve import training_curve
from tests.workflow.toys import write_analysis, write_sample

if TYPE_CHECKING:
    from pathlib import Path

    from hepml import Run
    from hepml.workflow import Prepared


@pytest.fixture(scope="module")
def prepared(toy_run: Run, toy_folder: Path) -> tuple[Any, Prepared]:  # noqa: ARG001  (it writes the analysis)
    analysis = Analysis.from_file(toy_folder / "analysis.yaml")
    return analysis.config, prepare(analysis.config, analysis.read())


def test_training_curve_ends_at_the_model_and_agrees_with_what_stopped_it(toy_run: Run) -> None:
    for method in toy_run.metrics["methods"].values():
        curve, report = method["training_curve"], method["training"]
        assert curve["stages"][0] == 1
        assert curve["stages"][-1] == report["iterations"]
        watched = np.array(report["validation_log_loss"])[np.array(curve["stages"]) - 1]
        np.testing.assert_allclose(curve["validation"]["log_loss"], watched, rtol=1e-5)
        assert curve["log_loss"]["optimum"] == report["iterations"]
        assert curve["train"]["log_loss"][-1] < curve["train"]["log_loss"][0]


def test_verdict_follows_the_curve(toy_run: Run) -> None:
    for method in toy_run.metrics["methods"].values():
        found, curve = method["overtraining"], method["training_curve"]
        blind = max(curve[name]["resolution"] - curve[name]["size"] for name in ("auc", "log_loss")) > 0
        assert (found["verdict"] == "undecided") == blind
        assert found["reference"] is None
        assert found["reason"] in (toy_run.path / "report.html").read_text(encoding="utf-8")


def test_baselines_are_compared_on_the_test_events(toy_run: Run) -> None:
    cut, linear = toy_run.metrics["baselines"]
    tree = toy_run.scores("TestTree")
    is_signal = tree["classID"] == 0
    assert (cut["model"]["feature"], cut["model"]["kind"]) == ("x", "above")
    expected = roc_curve(is_signal, tree["x"], tree["weight"])
    assert cut["auc"] == pytest.approx(expected.auc)
    assert cut["auc_error"] == pytest.approx(expected.auc_error)
    assert cut["cuts"][0]["text"].startswith("x >= ")
    passed = tree["x"] >= cut["cuts"][0]["threshold"]
    share = tree["weight"][is_signal & passed].sum() / tree["weight"][is_signal].sum()
    assert cut["cuts"][0]["signal_efficiency"] == pytest.approx(share)
    for baseline in (cut, linear):
        # two Gaussians apart in x alone: nothing is to be gained
        assert baseline["auc"] == pytest.approx(0.92, abs=0.03)
        for name, method in toy_run.metrics["methods"].items():
            gain = baseline["gains"][name]
            assert gain["difference"] == pytest.approx(method["roc"]["auc"] - baseline["auc"])
            assert abs(gain["difference"]) < 0.02
            assert (gain["difference_error"] is None) == (gain["reason"] is not None)


def test_what_training_costs_stands_in_provenance_and_in_the_report_alone(toy_run: Run) -> None:
    seconds = toy_run.provenance["seconds"]
    for name in ("single cut", "linear discriminant", "BDT", "HGB"):
        assert seconds[f"train {name}"] >= 0
    assert "seconds" not in (toy_run.path / "metrics.json").read_text(encoding="utf-8")
    page = (toy_run.path / "report.html").read_text(encoding="utf-8")
    assert "gain over linear discriminant" in page
    assert "Is the sample large enough?" in page
    reports = [method["training"] for method in toy_run.metrics["methods"].values()]
    unfinished = sum(report["iterations"] == len(report["validation_log_loss"]) for report in reports)
    assert page.count("more trees may do better") == unfinished >= 1


def test_learning_curve_ends_at_the_method_itself(toy_run: Run) -> None:
    n_train = sum(row["n_events"] for row in toy_run.metrics["parts"] if row["part"] == "train")
    for method in toy_run.metrics["methods"].values():
        curve = method["learning_curve"]
        assert curve["auc"][-1] == pytest.approx(method["roc"]["auc"])
        assert curve["auc_error"][-1] == pytest.approx(method["roc"]["auc_error"])
        assert curve["n_events"][-1] == n_train
        np.testing.assert_allclose(curve["n_events"], np.array([0.2, 0.4, 0.7, 1.0]) * n_train, rtol=0.15)
        assert (curve["reason"] is None) == bool(curve["predictions"])


def test_shares_are_nested_whole_events_that_do_not_depend_on_the_order(prepared: Any) -> None:
    config, events = prepared
    train = events.train
    half, more = (set(fraction_rows(events, train.rows, config.seed, "learning curve", share)) for share in (0.5, 0.7))
    assert half < more
    assert len(half) == pytest.approx(0.5 * len(train.rows), rel=0.1)
    other = set(fraction_rows(events, train.rows, config.seed, "baselines", 0.5))
    # independent of each other and of the split
    assert len(half & other) == pytest.approx(0.25 * len(train.rows), rel=0.15)
    assert capped_rows(events, train.rows, config.seed, "x", len(train.rows)) is None
    assert len(capped_rows(events, train.rows, config.seed, "x", 300)) == pytest.approx(300, rel=0.2)


class Nearest:
    """A method without stages: it remembers the training events."""

    def __init__(self, X: np.ndarray, y: np.ndarray) -> None:
        self.X, self.y = X, y
        self.estimator = SimpleNamespace()

    def evaluate(self, X: np.ndarray) -> np.ndarray:
        distance = np.square(X[:, None] - self.X).sum(axis=2)
        return self.y[distance.argmin(axis=1)].astype(np.float64)


def context_of(config: Any, events: Prepared, model: Any, baselines: dict[str, FittedBaseline]) -> MethodContext:
    method = TrainedMethod("M", model, (), resumed=False)
    parts = (Scored(part, method.scores(part.X)) for part in (events.train, events.validation, events.test))
    context = MethodContext(config, events, method, "k-NN", np.zeros(0), *parts, findings={}, baselines=baselines)
    context.findings["roc"] = roc(context)
    return context


def test_a_method_without_trees_is_compared_with_the_better_baseline(prepared: Any) -> None:
    config, events = prepared
    baselines = fit_baselines(events, config, lambda _step: nullcontext())
    context = context_of(config, events, Nearest(events.train.X, events.train.y), baselines)
    assert training_curve(context) is None
    found = overtraining(context)
    assert found.verdict == "harmful"
    assert found.reference is not None
    assert found.reference.name in baselines
    assert overtraining(context_of(config, events, context.method.model, {})).verdict == "undecided"


def test_very_many_rows_are_thinned(toy_run: Run, prepared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    config, events = prepared
    monkeypatch.setattr(curve_topic, "_MAX_ROWS", 400)
    context = context_of(config, events, toy_run.model("BDT"), {})
    found = training_curve(context)
    assert found is not None
    assert found.n_train == pytest.approx(400, rel=0.2)
    assert found.n_validation == pytest.approx(400, rel=0.2)
    stated = toy_run.metrics["methods"]["BDT"]["training_curve"]
    assert stated["n_train"] > 1000
    assert found.validation.auc[-1] == pytest.approx(stated["validation"]["auc"][-1], abs=0.05)


def test_log_odds_of_another_balance_are_shifted_to_that_of_the_weights(prepared: Any) -> None:
    config, events = prepared
    kept = [
        replace(part, train_weight=part.train_weight * np.where(part.y == 1, 1.0, 3.0))
        for part in (events.train, events.validation)
    ]
    events = replace(events, train=kept[0], validation=kept[1])
    part = events.train
    estimator = get("tmva")(method="BDT", options="NTrees=20:BoostType=Grad").fit(part.X, part.y, part.train_weight)
    model = SimpleNamespace(estimator=estimator, evaluate=estimator.evaluate)
    curve = training_curve(context_of(config, events, model, {}))
    assert curve is not None
    share = part.train_weight[part.y == 1].sum() / part.train_weight.sum()
    signal = (1.0 + estimator.evaluate(part.X)) / 2.0 * share
    probability = signal / (signal + (1.0 - estimator.evaluate(part.X)) / 2.0 * (1.0 - share))
    loss = -np.log(np.where(part.y == 1, probability, 1.0 - probability))
    assert curve.train.log_loss is not None
    assert curve.train.log_loss[-1] == pytest.approx(
        (part.train_weight * loss).sum() / part.train_weight.sum(), rel=1e-5
    )
    assert abs(share - 0.5) > 0.1


def test_with_folds_nothing_is_tested_on_what_it_was_trained_on(tmp_path: Path) -> None:
    """Stages are those of all folds' models; baselines use the parts of the first fold; shares need a split."""
    for name, mean, seed in (("signal", 0.7, 1), ("background", -0.7, 2)):
        write_sample(tmp_path / f"{name}.root", 900, mean=mean, seed=seed)
    options = {"permutations": 20, "learning_curve": [0.5, 1.0]}
    path = write_analysis(tmp_path, folds=3, evaluation=options, report={"formats": ["svg"]})
    run = Analysis.from_file(path).train(tmp_path / "run")
    method = run.metrics["methods"]["BDT"]
    trees = [report["iterations"] for report in method["training"]["folds"]]
    curve = method["training_curve"]
    assert curve["stages"][-1] == max(trees)
    assert curve["n_train"] == curve["n_validation"] == 1800
    assert "folds" in method["learning_curve"]["not_computable"]
    for baseline in run.metrics["baselines"]:
        assert baseline["n_train"] + 2 * baseline["n_test"] == pytest.approx(1800, rel=0.1)
        assert baseline["n_test"] == pytest.approx(600, rel=0.1)
    assert "gain over single cut" in (run.path / "report.html").read_text(encoding="utf-8")
