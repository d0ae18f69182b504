"""A run with folds: what it holds, how it is resumed, deployed and refused."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
import yaml

import hepml
from hepml import Analysis, Run
from hepml.data import Dataset, Folds, Identity, Part
from hepml.errors import (
    AnalysisFileError,
    EmptyClassError,
    ExportError,
    IdentityError,
    InvalidInputError,
    ModelFormatError,
    UnknownNameError,
)
from hepml.evaluation import roc_curve
from hepml.tmva import read_output
from hepml.workflow import apply_model, convert_model
from hepml.workflow.evaluating import evaluate_method
from hepml.workflow.methods import Cut, TrainedMethod
from hepml.workflow.plan import Plan, training_names
from hepml.workflow.training import train_all
from tests.workflow.test_documentation import assert_formulae, documented, leaves
from tests.workflow.toys import FIRST_EVENT, analysis_content, write_analysis, write_sample

PROJECT = Path(__file__).parents[2]

N_FOLDS, N_DATA = 3, 601
METHODS = {
    "BDT": {"kind": "xgboost", "n_estimators": 15, "max_depth": 2, "n_jobs": 1},
    "HGB": {"kind": "hist_gradient_boosting", "max_iter": 15, "n_jobs": 1},
}
SAMPLES = [
    *analysis_content()["samples"],
    {"name": "data", "role": "data", "files": "data.root"},
    {"name": "side", "role": "control", "files": "side.root"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("folds")
    write_sample(path / "signal.root", 900, mean=1.0, seed=1, negative=0.1)
    write_sample(path / "background.root", 1200, mean=-1.0, seed=2)
    write_sample(path / "data.root", N_DATA, mean=-0.5, seed=3, first_event=1)
    write_sample(path / "side.root", 100, mean=-1.0, seed=4, first_event=5000)
    write_analysis(path, samples=SAMPLES, methods=METHODS, folds=N_FOLDS)
    return path


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "folds"
    return Analysis.from_file(folder / "analysis.yaml").train(out, tmva_output=out / "TMVA.root")


def identity_of(tree: dict[str, Any]) -> Identity:
    return Identity(("run", "event_number"), (tree["run"].astype(np.int64), tree["event_number"]))


def features_of(tree: dict[str, Any]) -> np.ndarray:
    return np.column_stack([tree["x"], tree["y2"]]).astype(np.float32)


def columns(path: Path, tree: str = "events") -> dict[str, Any]:
    with uproot.open(path) as file:
        return dict(file[tree].arrays(library="np"))


def test_trees_hold_all_events_scored_by_the_right_models(run: Run) -> None:
    folds = Folds(N_FOLDS, seed=3)
    for name, part, n_events in (
        ("TestTree", Part.TEST, 2100),
        ("TrainTree", Part.TRAIN, 2100),
        ("ControlTree", Part.TEST, 100),
    ):
        tree = run.scores(name)
        assert len(tree["x"]) == n_events
        assert np.array_equal(tree["fold"], folds.models(identity_of(tree), part))
        assert set(tree["split"].tolist()) == ({0} if name == "ControlTree" else {int(part)})
        for method in METHODS:
            for number, model in enumerate(run.model(method).models):
                here = tree["fold"] == number
                assert np.array_equal(tree[method][here], model.evaluate(features_of(tree)[here]))


def test_weights_are_those_of_the_training_of_the_model(run: Run) -> None:
    tree, test = run.scores("TrainTree"), run.scores("TestTree")
    assert not test["train_weight"].any()
    plan = Plan.of(run.config, Analysis(run.config).read())
    for number, name in enumerate(training_names(run.config)):
        prepared = plan.training(name)
        here = np.flatnonzero(tree["fold"] == number)
        place = np.searchsorted(prepared.train.rows, here)
        assert np.array_equal(prepared.train.rows[place], here)
        assert np.array_equal(tree["train_weight"][here], prepared.train.train_weight[place])


def test_tmva_output_holds_all_events_in_both_trees(run: Run) -> None:
    dataset = read_output(run.path / "TMVA.root").dataset()
    for tree in (dataset.train, dataset.test):
        expected, found = run.scores(tree.path.rpartition("/")[2]), tree.events()
        assert np.array_equal(found.spectators["event_number"], expected["event_number"])
        for name in METHODS:
            assert np.array_equal(found.response(name), expected[name].astype(np.float32))
        # data are nowhere in it
        assert set(found.classes.values()) == {"Signal", "Background"}


def test_numbers_are_of_pooled_scores_and_fold_by_fold(run: Run) -> None:
    test = run.scores("TestTree")
    y = test["classID"] == 0
    for name in METHODS:
        found = run.metrics["methods"][name]
        pooled = roc_curve(y, test[name], test["weight"])
        assert found["roc"]["auc"] == found["folds"]["auc_pooled"] == pooled.auc
        assert found["roc"]["n_signal"] == 900
        areas = []
        for number, area in enumerate(found["folds"]["areas"]):
            here = test["fold"] == number
            curve = roc_curve(y[here], test[name][here], test["weight"][here])
            assert (area["fold"], area["auc"], area["auc_error"]) == (number, curve.auc, curve.auc_error)
            areas.append(curve.auc)
        assert found["folds"]["auc_mean"] == pytest.approx(np.mean(areas))
        assert found["folds"]["auc_spread"] == pytest.approx(np.std(areas, ddof=1))
        assert len(found["training"]["folds"]) == N_FOLDS
        assert found["overtraining"]["auc_test"] == pooled.auc
        assert found["overtraining"]["auc_train"] > pooled.auc
    assert len(set(run.metrics["methods"]["BDT"]["parameters"]["random_state"])) == N_FOLDS
    assert run.metrics["folds"] == N_FOLDS
    assert run.metrics["split"] is None
    assert [row["part"] for row in run.metrics["parts"]] == ["fold_0", "fold_1", "fold_2"] * 2
    assert sum(row["n_events"] for row in run.metrics["parts"]) == 2100


def test_cuts_are_chosen_on_all_events_by_the_model_that_stopped_on_each(run: Run) -> None:
    test, folds = run.scores("TestTree"), Folds(N_FOLDS, seed=3)
    for name in METHODS:
        model = run.model(name)
        stopped = model.evaluate_by(features_of(test), folds.models(identity_of(test), Part.VALIDATION))
        curve = roc_curve(test["classID"] == 0, stopped, test["weight"])
        metrics = run.metrics["methods"][name]
        for cut, of_folds in zip(metrics["cuts"], metrics["fold_cuts"], strict=True):
            assert cut["threshold"] == curve.at_signal_efficiency(cut["target"]).threshold
            assert of_folds["threshold"] == cut["threshold"]
            assert of_folds["thresholds"] == [
                next(one["threshold"] for one in fold.context["cuts"] if one["target"] == cut["target"])
                for fold in model.models
            ]
            passed = test[name] >= np.array(of_folds["thresholds"])[test["fold"]]
            signal = test["classID"] == 0
            weight = test["weight"]
            share = (weight * passed)[signal].sum() / weight[signal].sum()
            assert of_folds["signal_efficiency"] == pytest.approx(share)


def test_metrics_of_folds_are_documented(run: Run, toy_run: Run) -> None:
    assert_formulae(run.metrics)

    def keys(finished: Run) -> set[str]:
        return {re.sub(r"^methods\.[^.]+", "methods.NAME", path) for path in leaves(finished.metrics)}

    there = documented("folds.md", "**metrics.json**", "## The statistics")
    exact = {key for key in there if not key.endswith("*")}
    families = {key[:-1] for key in there if key.endswith("*")}
    added = {path for path in keys(run) - keys(toy_run) if path.startswith("methods.")}
    assert {path for path in added - exact if not path.startswith(tuple(families))} == set()
    assert exact - keys(run) == set()


def test_the_example_is_the_analysis_with_folds(tmp_path: Path) -> None:
    """With fewer events and features than it has, since it is the way that is to be tried."""
    folder = PROJECT / "analyses" / "higgs_tautau"
    content, plain = (
        yaml.safe_load((folder / name).read_text(encoding="utf-8")) for name in ("folds.yaml", "analysis.yaml")
    )
    assert content.pop("folds") == 5
    assert len(content["methods"]) == 2
    differing = {key for key in content.keys() | plain.keys() if content.get(key) != plain.get(key)}
    assert differing == {"name", "split"}
    methods = {name: options | {"learning_rate": 0.2, "n_jobs": 1} for name, options in content["methods"].items()}
    few = [
        sample | {"max_events": 2500, "files": str((folder / sample["files"]).resolve())}
        for sample in content["samples"]
    ]
    content |= {"folds": 5, "samples": few, "methods": methods, "evaluation": {"permutations": 20}}
    content["report"] = {"formats": ["svg"]}
    content["features"] = content["features"][3:7]
    (tmp_path / "folds.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    command = [sys.executable, "-m", "hepml", "train", str(tmp_path / "folds.yaml"), "-o", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "training HistGB/fold_4" in done.stderr + done.stdout
    for method in Run(tmp_path / "run").metrics["methods"].values():
        found = method["folds"]
        assert 0.75 < found["auc_pooled"] < 0.95
        assert abs(found["auc_pooled"] - found["auc_mean"]) < 0.02
        assert found["auc_spread"] < 3 * found["auc_spread_expected"]


def test_every_topic_is_computed_of_pooled_scores(run: Run, toy_run: Run) -> None:
    for name, method in run.metrics["methods"].items():
        lost = {topic for topic, found in method.items() if isinstance(found, dict) and "not_computable" in found}
        assert lost == set()
        assert method.keys() - toy_run.metrics["methods"][name].keys() == {"folds", "fold_cuts"}
        # which trains, so that it cannot be had with folds, and was asked for there only
        assert toy_run.metrics["methods"][name].keys() - method.keys() <= {"learning_curve"}


def test_report_and_figures_speak_of_folds(run: Run, toy_run: Run) -> None:
    assert {path.name for path in (run.path / "plots").glob("folds.*")} == {
        "folds.svg",
        "folds.yaml",
    }
    page = run.report().read_text(encoding="utf-8")
    assert '<section id="folds">' in page
    assert "Each of the 3 models tests on one fold" in page
    section = page[page.index('<section id="folds">') :]
    assert "not computable" not in section[: section.index("</section>")]
    assert '<section id="folds">' not in toy_run.report().read_text(encoding="utf-8")


def test_blinded_data_stay_out(run: Run, folder: Path) -> None:
    """Data are scored by event, as they will be when the model is deployed."""
    shown = run.scores("DataTree")
    scores = {}
    everything = Analysis.from_file(folder / "analysis.yaml").read()
    data = everything[everything.of_roles("data")]
    visible = np.ones(N_DATA, dtype=bool)
    for name in METHODS:
        scores[name] = run.model(name).evaluate(data)
        visible &= scores[name] < min(cut["threshold"] for cut in run.metrics["methods"][name]["cuts"])
    assert 50 < visible.sum() < N_DATA - 50
    assert np.array_equal(shown["BDT"], scores["BDT"][visible])
    for path in run.path.rglob("*"):
        if path.suffix in {".json", ".html", ".txt", ".yaml"}:
            # milliseconds of the log are any number
            text = re.sub(r"\d\d:\d\d:\d\d,\d{3}", "", path.read_text(encoding="utf-8"))
            for number in (N_DATA, N_DATA - int(visible.sum())):
                assert not re.search(rf"(?<![\w.-]){number}(?![\w.])", text), (path, number)


def test_trainings_one_by_one_make_the_same_run(run: Run, folder: Path, tmp_path: Path) -> None:
    """As jobs of a batch farm do it; what is complete is taken up, and nothing depends on who trained it."""
    analysis = Analysis.from_file(folder / "analysis.yaml")
    assert analysis.tasks() == ("BDT/fold_0", "HGB/fold_0", "BDT/fold_1", "HGB/fold_1", "BDT/fold_2", "HGB/fold_2")
    dataset = analysis.read()
    for task in analysis.tasks()[::-1]:
        stored = analysis.train_task(task, tmp_path / ".run.partial" / "models", dataset=dataset)
        assert stored == tmp_path / ".run.partial" / "models" / task
    together = analysis.train(tmp_path / "run", dataset=dataset, resume=True)
    assert (together.path / "log.txt").read_text().count("taken from the interrupted run") == len(analysis.tasks())
    for path in [run.path / "metrics.json", *sorted((run.path / "models").rglob("*.*"))]:
        assert (together.path / path.relative_to(run.path)).read_bytes() == path.read_bytes()
    with pytest.raises(UnknownNameError, match=r"BDT/fold_3.*did you mean 'BDT/fold_"):
        analysis.train_task("BDT/fold_3", tmp_path)


def test_resume_keeps_complete_folds_and_only_those(folder: Path, tmp_path: Path) -> None:
    analysis = Analysis.from_file(folder / "analysis.yaml").with_methods(["HGB"])
    dataset, models = analysis.read(), tmp_path / "models"

    def trained(plan: Plan) -> list[int]:
        times = {path: path.stat().st_mtime_ns for path in models.glob("HGB/*/model.json")}
        train_all(plan, models, tell=lambda *_: None, clock=lambda _: contextlib.nullcontext())
        after = sorted(models.glob("HGB/*/model.json"))
        return [number for number, path in enumerate(after) if times.get(path) != path.stat().st_mtime_ns]

    plan = Plan.of(analysis.config, dataset)
    analysis.train_task("HGB/fold_1", models, dataset=dataset)
    assert trained(plan) == [0, 2]
    # what a kill leaves: a fold without its model file, and one half-written
    (models / "HGB" / "fold_2" / "model.json").unlink()
    shutil.copytree(models / "HGB" / "fold_0", models / "HGB" / ".fold_2.12345678.partial")
    assert trained(plan) == [2]
    assert {path.name for path in (models / "HGB").iterdir()} == {
        "MODEL_CARD.md",
        "model.json",
        "seen.npz",
        *training_names(plan.config),
    }
    assert trained(plan) == []
    changed = analysis.config.model_copy(update={"seed": 4})
    assert trained(Plan.of(changed, dataset)) == [0, 1, 2]


def test_plain_run_and_folds_do_not_take_up_each_other(folder: Path, tmp_path: Path) -> None:
    analysis = Analysis.from_file(folder / "analysis.yaml").with_methods(["HGB"])
    plain = Analysis(analysis.config.model_copy(update={"folds": None}))
    dataset, models = analysis.read(), tmp_path / "models"
    quiet: dict[str, Any] = {"tell": lambda *_: None, "clock": lambda _: contextlib.nullcontext()}
    for _ in range(2):
        for config, kind in ((analysis.config, hepml.classifiers.FoldModel), (plain.config, hepml.classifiers.Model)):
            (method,) = train_all(Plan.of(config, dataset), models, **quiet)
            assert not method.resumed
            assert isinstance(hepml.load(models / "HGB"), kind)


@pytest.mark.parametrize("sample", ["signal", "data"])
def test_apply_scores_by_event(run: Run, folder: Path, tmp_path: Path, sample: str) -> None:
    (result,) = apply_model(run.path, folder / f"{sample}.root", tmp_path / "out.root")
    friend = columns(result.output)
    fold = Folds(N_FOLDS, seed=3).of(identity_of(friend))
    assert set(friend) == {"run", "event_number", "BDT", "BDT_seen", "HGB", "HGB_seen"}
    for method in METHODS:
        assert np.array_equal(friend[f"{method}_seen"], fold)
    if sample == "signal":
        test = run.scores("TestTree")
        assert np.array_equal(friend["BDT"], test["BDT"][test["classID"] == 0])
    apply_model(run.path / "models" / "BDT", folder / f"{sample}.root", tmp_path / "one.root", sample="none")
    assert np.array_equal(columns(tmp_path / "one.root")["BDT"], friend["BDT"])


def test_apply_averages_what_no_model_has_seen(run: Run, toy_run: Run, folder: Path, tmp_path: Path) -> None:
    apply_model(run.path, folder / "data.root", tmp_path / "data.root", average=True)
    friend, raw = columns(tmp_path / "data.root"), columns(folder / "data.root")
    X = np.column_stack([raw["x"], raw["y"].astype(float) ** 2]).astype(np.float32)
    for name in METHODS:
        mean = np.mean([model.evaluate(X) for model in run.model(name).models], axis=0)
        assert np.allclose(friend[name], mean, rtol=1e-15)
        assert set(friend[f"{name}_seen"].tolist()) == {-2}
    with pytest.raises(IdentityError, match=rf"900 of 900 events.*event_number={FIRST_EVENT}"):
        apply_model(run.path, folder / "signal.root", tmp_path / "signal.root", average=True)
    assert not (tmp_path / "signal.root").exists()
    with pytest.raises(IdentityError, match="900 of 900"):
        apply_model(run.path, folder / "signal.root", tmp_path / "signal.root", average=True, sample="signal")
    with pytest.raises(IdentityError, match="not made with a sample 'sgnal'"):
        apply_model(run.path, folder / "signal.root", tmp_path / "signal.root", average=True, sample="sgnal")
    apply_model(run.path, folder / "signal.root", tmp_path / "signal.root", average=True, sample="none")
    with pytest.raises(InvalidInputError, match="nothing to average"):
        apply_model(toy_run.path, folder / "data.root", tmp_path / "other.root", average=True)


def test_infinite_features_have_no_score(run: Run, tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "in.root") as file:
        tree = file.mktree("events", {"run": "u4", "event_number": "u8", "x": "f4", "y": "f4"})
        y = np.array([1.0, np.inf, np.nan], dtype="f4")
        tree.extend({"run": np.ones(3, "u4"), "event_number": np.arange(3, dtype="u8"), "x": np.zeros(3, "f4"), "y": y})
    (result,) = apply_model(run.path, tmp_path / "in.root", tmp_path / "out.root")
    assert np.isnan(columns(tmp_path / "out.root")["BDT"]).tolist() == [False, True, False]
    assert result.n_not_scored == 1


def test_one_fold_alone_is_for_new_events_and_exports(run: Run, folder: Path, tmp_path: Path) -> None:
    one = run.path / "models" / "HGB" / "fold_1"
    with pytest.raises(ModelFormatError, match=r"is one of several folds.*the folder above it.*--sample none"):
        apply_model(one, folder / "data.root", tmp_path / "out.root")
    apply_model(one, folder / "data.root", tmp_path / "out.root", sample="none")
    assert len(columns(tmp_path / "out.root")["HGB"]) == N_DATA
    with pytest.raises(ExportError, match=r"models of 3 folds.*identity.*models/HGB/fold_0"):
        convert_model(run.path, tmp_path / "model.json", method="HGB")
    with pytest.raises(ExportError, match="3 folds"):
        convert_model(run.path / "models" / "HGB", tmp_path / "model.json")
    convert_model(one, tmp_path / "model.npz")
    X = np.random.default_rng(1).normal(size=(50, 2)).astype(np.float32)
    assert np.array_equal(hepml.load(tmp_path / "model.npz").evaluate(X), hepml.load(one).evaluate(X))


def test_events_without_identity_are_refused_before_any_training(tmp_path: Path) -> None:
    for number, name in enumerate(("signal", "background")):
        with uproot.recreate(tmp_path / f"{name}.root") as file:
            x = np.random.default_rng(number).normal(number, 1, 300).astype("f4")
            file.mktree("events", {"x": "f4"}).extend({"x": x})
    path = write_analysis(tmp_path, features=["x"], spectators=[], weight="", folds=5)
    with pytest.raises(IdentityError, match=r"file and entry only.*`identity:`"):
        Analysis.from_file(path).train(tmp_path / "run")
    assert not list(tmp_path.glob(".run.partial/models/*"))


def test_parts_are_decided_once(folder: Path, tmp_path: Path) -> None:
    content = analysis_content(folds=5, split={"train": 0.5, "validation": 0.2, "test": 0.3})
    with pytest.raises(AnalysisFileError, match=r"split: with `folds: 5`.*remove one"):
        Analysis.from_file(write_analysis(tmp_path, **content))
    for wrong in (2, 101, True, 4.5, "5"):
        with pytest.raises(AnalysisFileError, match="folds"):
            Analysis.from_file(write_analysis(tmp_path, folds=wrong))
    fixed = [
        {"name": "signal", "role": "signal", "files": {"train": "a.root", "test": "b.root"}},
        analysis_content()["samples"][1],
    ]
    with pytest.raises(AnalysisFileError, match=r"samples\[0\].*'signal' fix the parts"):
        Analysis.from_file(write_analysis(tmp_path, folds=5, samples=fixed))
    with pytest.raises(AnalysisFileError, match="'fold' is reserved"):
        Analysis.from_file(write_analysis(tmp_path, folds=5, features=["x", {"name": "fold", "expression": "y"}]))
    Analysis.from_file(write_analysis(tmp_path, features=["x", {"name": "fold", "expression": "y"}]))
    analysis = Analysis.from_file(folder / "analysis.yaml")
    dataset = analysis.read()
    part = np.where(dataset.sample == 0, Part.TRAIN, Part.UNSEEN).astype(np.int8)
    arguments = {name: getattr(dataset, name) for name in Dataset.__dataclass_fields__}
    with pytest.raises(InvalidInputError, match="fixed beforehand"):
        Plan.of(analysis.config, Dataset(**arguments | {"fixed_part": part}))


def test_fold_without_a_class_is_named(folder: Path) -> None:
    analysis = Analysis.from_file(folder / "analysis.yaml")
    dataset, folds = analysis.read(), Folds(N_FOLDS, seed=3)
    empty = (dataset.label == 1) & (folds.of(dataset.identity) == 1)
    with pytest.raises(EmptyClassError, match=r"no signal events in the \w+ \(fold_[01]\) part"):
        Plan.of(analysis.config, dataset[~empty])


def test_topics_can_score_other_features_and_refuse_to_train(run: Run) -> None:
    dataset = Analysis(run.config).read()
    plan = Plan.of(run.config, dataset)
    method = TrainedMethod("BDT", run.model("BDT"), (Cut(0.5, 0.5),), resumed=False)
    context = evaluate_method(method, "xgboost", plan.evaluated, run.config)
    for part in (context.train, context.validation, context.test):
        assert np.array_equal(context.scorer(part)(part.X), part.score)
        rows = np.arange(0, len(part.rows), 7)
        assert np.array_equal(context.scorer(part, rows)(part.X[rows]), part.score[rows])
    chosen, reported = (part.position for part in context.disjoint())
    number = dataset.identity.columns[1][plan.evaluated.test.rows]
    assert not set(number[chosen].tolist()) & set(number[reported].tolist())
    assert len(chosen) + len(reported) == 2100
    assert abs(len(chosen) - 1050) < 100
    with pytest.raises(InvalidInputError, match=r"the learning curve trains.*`split:`"):
        context.require_split("the learning curve")
