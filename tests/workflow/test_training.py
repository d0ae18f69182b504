"""The main job: what a run folder holds, and what it must not depend on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from scipy.stats import norm

from hepml import Analysis, Run
from hepml.data import Part
from hepml.errors import (
    EmptyClassError,
    IdentityError,
    InvalidInputError,
    ModelFormatError,
    OutputError,
    UnknownNameError,
)
from hepml.workflow import prepare
from tests.workflow.toys import FIRST_EVENT, analysis_content, write_analysis, write_sample


def train(folder: Path, out: Path, **changes: Any) -> Run:
    return Analysis.from_file(write_analysis(folder, **changes)).train(out)


def test_run_folder_is_complete(toy_run: Run) -> None:
    names = {path.name for path in toy_run.path.iterdir()}
    assert names == {
        "analysis.yaml",
        "provenance.json",
        "metrics.json",
        "models",
        "scores.root",
        "plots",
        "report.html",
        "log.txt",
    }
    assert {path.name for path in (toy_run.path / "models").iterdir()} == {"BDT", "HGB"}
    assert toy_run.method_names == ("BDT", "HGB")
    figures = {path.stem for path in (toy_run.path / "plots").glob("*.svg")}
    index = json.loads((toy_run.path / "plots" / "index.json").read_text(encoding="utf-8"))["figures"]
    assert figures == {entry["name"] for entry in index if not entry.get("failed")}
    assert len(figures) == len(index)
    assert figures >= {
        "roc",
        "inverse_background_efficiency",
        "separation",
        "correlations_signal",
        "correlations_background",
        *(f"{kind}_{method}" for kind in ("training", "learning", "overtraining") for method in ("000", "001")),
        *(f"{kind}_{method}" for kind in ("importance", "contributions") for method in ("000", "001")),
        *(f"dependence_{method}_{place}" for method in ("000", "001") for place in ("000", "001")),
        "purity_000",
        "purity_001",
        "agreement",
        "calibration_000",
        "calibration_001",
        "flatness_000",
        "slices_000_000",
        "slices_001_000",
        "feature_000",
        "feature_001",
    }


def test_auc_approaches_the_closed_form(toy_run: Run) -> None:
    """Two unit Gaussians two sigma apart have AUC = Phi(2 / sqrt 2)."""
    for method in toy_run.metrics["methods"].values():
        auc, error = method["roc"]["auc"], method["roc"]["auc_error"]
        assert 0.005 < error < 0.03
        assert abs(auc - norm.cdf(np.sqrt(2))) < 3 * error + 0.01


def test_scores_in_tmva_layout(toy_run: Run, toy_folder: Path) -> None:
    test, training = toy_run.scores("TestTree"), toy_run.scores("TrainTree")
    for tree in (test, training):
        assert set(tree) == {
            "classID",
            "className",
            "sample",
            "x",
            "y2",
            "y",
            "weight",
            "run",
            "event_number",
            "train_weight",
            "split",
            "BDT",
            "HGB",
        }
        assert set(zip(tree["classID"].tolist(), tree["className"].tolist(), strict=True)) == {
            (0, "Signal"),
            (1, "Background"),
        }
    assert set(test["split"].tolist()) == {Part.TEST}
    assert set(training["split"].tolist()) == {Part.TRAIN, Part.VALIDATION}
    assert not test["train_weight"].any()
    assert (np.sign(training["train_weight"]) == np.sign(training["weight"])).all()
    with uproot.open(f"{toy_folder}/signal.root:events") as tree:
        numbers = tree["event_number"].array(library="np")
    written = np.concatenate([part["event_number"][part["classID"] == 0] for part in (test, training)])
    assert written.dtype == np.uint64
    assert np.array_equal(np.sort(written), numbers)
    assert numbers[0] == FIRST_EVENT


def test_scores_and_models_agree(toy_run: Run) -> None:
    tree = toy_run.scores("TestTree")
    X = np.column_stack([tree["x"], tree["y2"]]).astype(np.float32)
    for name, model in toy_run.models.items():
        assert np.array_equal(model.evaluate(X), tree[name])
        assert np.array_equal(model.evaluate({"x": tree["x"], "y": tree["y"].astype(np.float32)}), tree[name])


def test_two_runs_are_identical(toy_run: Run, tmp_path: Path) -> None:
    again = Analysis(toy_run.config).train(tmp_path / "again")
    assert (again.path / "metrics.json").read_bytes() == (toy_run.path / "metrics.json").read_bytes()
    for tree in ("TestTree", "TrainTree"):
        first, second = toy_run.scores(tree), again.scores(tree)
        assert all(np.array_equal(first[name], second[name]) for name in first)


def test_another_method_changes_no_other(toy_run: Run, tmp_path: Path) -> None:
    alone = Analysis(toy_run.config).with_methods(["HGB"]).train(tmp_path / "alone")
    assert alone.metrics["methods"]["HGB"] == toy_run.metrics["methods"]["HGB"]


def test_order_of_samples_changes_no_part(toy_folder: Path) -> None:
    analysis = Analysis.from_file(write_analysis(toy_folder))
    forward = prepare(analysis.config, analysis.read())
    config = analysis.config.model_copy(update={"samples": analysis.config.samples[::-1]})
    backward = prepare(config, Analysis(config).read())
    for name in ("signal", "background"):
        parts = []
        for prepared in (forward, backward):
            number = [info.name for info in prepared.dataset.samples].index(name)
            parts.append(prepared.part[prepared.dataset.sample == number])
        assert np.array_equal(*parts)


def test_poisoned_test_labels_change_no_model_and_no_cut(toy_folder: Path, tmp_path: Path) -> None:
    """Swap the samples of all test events: whatever was decided must stay bit-identical."""
    methods = {
        "BDT": {"kind": "xgboost", "n_estimators": 20},
        "HGB": {"kind": "hist_gradient_boosting", "max_iter": 20},
    }
    analysis = Analysis.from_file(write_analysis(toy_folder, methods=methods))
    dataset = analysis.read()
    part = prepare(analysis.config, dataset).part
    sample = np.where(part == Part.TEST, 1 - dataset.sample, dataset.sample).astype(np.int32)
    poisoned = replace(dataset, sample=sample)
    clean_run = analysis.train(tmp_path / "clean", dataset=dataset)
    poisoned_run = analysis.train(tmp_path / "poisoned", dataset=poisoned)
    assert (
        poisoned_run.metrics["methods"]["BDT"]["roc"]["auc"] < 0.5 < clean_run.metrics["methods"]["BDT"]["roc"]["auc"]
    )
    for name in methods:
        for path in sorted((clean_run.path / "models" / name).iterdir()):
            twin = poisoned_run.path / "models" / name / path.name
            if path.name in {"seen.npz", "MODEL_CARD.md"}:
                continue  # what they say of samples and of the test part is the poison itself
            if path.name == "model.json":
                first, second = (json.loads(file.read_text()) for file in (path, twin))
                for document in (first, second):
                    document.pop("attachments")
                assert first == second
            else:
                assert path.read_bytes() == twin.read_bytes()
        cuts = [[cut["threshold"] for cut in run.metrics["methods"][name]["cuts"]] for run in (clean_run, poisoned_run)]
        assert cuts[0] == cuts[1]


def test_output_below_a_file_is_refused(toy_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        Analysis.from_file(write_analysis(toy_folder)).train(tmp_path / "file" / "run")


def start_long_training(folder: Path, out: Path) -> subprocess.Popen[str]:
    """Start a run whose first method is quick and whose second takes minutes; return once the first is stored."""
    methods = {
        "quick": {"kind": "xgboost", "n_estimators": 5},
        "slow": {"kind": "hist_gradient_boosting", "max_iter": 100_000, "learning_rate": 1e-6},
    }
    path = write_analysis(folder, methods=methods)
    process = subprocess.Popen(
        [sys.executable, "-m", "hepml", "train", str(path), "-o", str(out)], text=True, stderr=subprocess.PIPE
    )
    stored = out.with_name(f".{out.name}.partial") / "models" / "quick" / "model.json"
    deadline = time.monotonic() + 120
    while not stored.exists():
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_leaves_nothing_final_and_is_resumed(
    tmp_path: Path, toy_folder: Path, kill: signal.Signals
) -> None:
    out = tmp_path / "run"
    process = start_long_training(toy_folder, out)
    os.kill(process.pid, kill)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (-kill if kill == signal.SIGKILL else 130)
    assert "Traceback" not in errors
    assert not out.exists()
    with pytest.raises(ModelFormatError, match="interrupted"):
        Run(out)
    stored = tmp_path / ".run.partial" / "models" / "quick" / "model.json"
    before = stored.stat().st_mtime_ns
    analysis = Analysis.from_file(toy_folder / "analysis.yaml").with_methods(["quick"])
    run = analysis.train(out, resume=True)
    assert (run.path / "models" / "quick" / "model.json").stat().st_mtime_ns == before
    assert "taken from the interrupted run" in (run.path / "log.txt").read_text()
    fresh = analysis.train(tmp_path / "fresh")
    assert fresh.metrics == run.metrics


def test_resume_trains_again_when_an_option_changed(tmp_path: Path, toy_folder: Path) -> None:
    out = tmp_path / "run"
    process = start_long_training(toy_folder, out)
    process.kill()
    process.communicate()
    changed = write_analysis(toy_folder, methods={"quick": {"kind": "xgboost", "n_estimators": 6}})
    run = Analysis.from_file(changed).train(out, resume=True)
    assert run.metrics["methods"]["quick"]["parameters"]["n_estimators"] == 6
    assert "it is trained again" in (run.path / "log.txt").read_text()


def test_wrong_option_is_found_before_anything_is_read(tmp_path: Path) -> None:
    path = write_analysis(tmp_path, methods={"BDT": {"kind": "xgboost", "max_detph": 3}})
    with pytest.raises(UnknownNameError, match=r"methods\.BDT.*max_detph.*max_depth"):
        Analysis.from_file(path)
    path = write_analysis(tmp_path, methods={"BDT": {"kind": "xgbost"}})
    with pytest.raises(UnknownNameError, match="did you mean 'xgboost'"):
        Analysis.from_file(path)
    path = write_analysis(tmp_path, methods={"BDT": {"kind": "xgboost", "max_depth": "deep"}})
    with pytest.raises(InvalidInputError, match="max_depth"):
        Analysis.from_file(path)


def test_class_without_events(toy_folder: Path, tmp_path: Path) -> None:
    only = [{"name": "signal", "role": "signal", "files": "signal.root"}]
    with pytest.raises(EmptyClassError, match="no background"):
        train(toy_folder, tmp_path / "run", samples=only)
    assert not (tmp_path / "run").exists()


def test_negative_class_is_refused(toy_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(EmptyClassError, match="three times its uncertainty"):
        train(toy_folder, tmp_path / "run", weight="event_number % 2 ? 1 : -1")


def test_identity_in_two_parts_is_refused(tmp_path: Path) -> None:
    write_sample(tmp_path / "train.root", 600, mean=1, seed=1)
    write_sample(tmp_path / "test.root", 600, mean=1, seed=2, first_event=FIRST_EVENT + 599)
    write_sample(tmp_path / "background.root", 1000, mean=-1, seed=3)
    samples = [
        {"name": "signal", "role": "signal", "files": {"train": "train.root", "test": "test.root"}},
        {"name": "background", "role": "background", "files": "background.root"},
    ]
    with pytest.raises(IdentityError, match=rf"'signal'.*event_number={FIRST_EVENT + 599}\b"):
        train(tmp_path, tmp_path / "run", samples=samples)


def test_fixed_parts_are_kept_and_validation_comes_out_of_training(tmp_path: Path) -> None:
    write_sample(tmp_path / "train.root", 900, mean=1, seed=1)
    write_sample(tmp_path / "test.root", 300, mean=1, seed=2, first_event=10)
    write_sample(tmp_path / "background.root", 1000, mean=-1, seed=3)
    samples = [
        {"name": "signal", "role": "signal", "files": {"train": "train.root", "test": "test.root"}},
        {"name": "background", "role": "background", "files": "background.root"},
    ]
    analysis = Analysis.from_file(write_analysis(tmp_path, samples=samples))
    prepared = prepare(analysis.config, analysis.read())
    here = prepared.dataset.sample == 0
    counts = np.bincount(prepared.part[here], minlength=4)
    assert counts[Part.TEST] == 300
    assert counts[Part.TRAIN] + counts[Part.VALIDATION] == 900
    assert abs(counts[Part.VALIDATION] - 900 * 2 / 7) < 5 * np.sqrt(900 * 2 / 7)
    first = prepared.dataset.identity.columns[1][here & (prepared.part == Part.TEST)]
    assert first.min() == 10


def test_rows_of_one_event_stay_together_and_are_clustered(tmp_path: Path) -> None:
    """Each event twice, with half its weight: the same parts, and no smaller error for what is the same information."""
    write_sample(tmp_path / "signal.root", 1200, mean=1, seed=1)
    write_sample(tmp_path / "background.root", 1200, mean=-1, seed=2)
    once = Analysis.from_file(write_analysis(tmp_path))
    both = [
        {"name": name, "role": name, "files": [f"{name}.root", f"copy_{name}.root"], "scale": 0.5}
        for name in ("signal", "background")
    ]
    for name in ("signal", "background"):
        (tmp_path / f"copy_{name}.root").write_bytes((tmp_path / f"{name}.root").read_bytes())
    dataset = once.read()
    run = once.train(tmp_path / "once", dataset=dataset)
    twice = Analysis.from_file(write_analysis(tmp_path, samples=both))
    prepared = prepare(twice.config, twice.read())
    assert prepared.test.event is not None
    assert len(np.unique(prepared.test.event)) * 2 == len(prepared.test.rows)
    from hepml.evaluation import roc_curve

    score = run.model("BDT").evaluate(prepared.test.X)
    curve = roc_curve(prepared.test.y, score, prepared.test.weight, event=prepared.test.event)
    roc = run.metrics["methods"]["BDT"]["roc"]
    assert curve.auc == pytest.approx(roc["auc"], abs=1e-12)
    assert curve.auc_error == pytest.approx(roc["auc_error"], rel=1e-9)


def test_second_process_is_refused(tmp_path: Path, toy_folder: Path) -> None:
    out = tmp_path / "run"
    process = start_long_training(toy_folder, out)
    try:
        with pytest.raises(OutputError, match="another process"):
            Analysis.from_file(write_analysis(toy_folder)).train(out)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": {"run": {"kind": "xgboost"}}}, "'run' identifies events.*the method"),
        ({"features": ["x", {"name": "run", "expression": "y"}]}, "'run' identifies events.*the feature"),
        ({"spectators": [{"name": "event_number", "expression": "y"}]}, "'event_number' identifies.*the spectator"),
    ],
)
def test_nothing_takes_the_place_of_the_identity(
    toy_folder: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    """The branches that identify an event by convention are known only when files are open."""
    with pytest.raises(InvalidInputError, match=message):
        train(toy_folder, tmp_path / "run", **changes)


def test_spectator_may_repeat_the_identity(toy_folder: Path, tmp_path: Path) -> None:
    run = train(toy_folder, tmp_path / "run", spectators=["event_number"])
    assert run.scores()["event_number"].dtype == np.uint64
    assert run.scores()["event_number"].min() >= FIRST_EVENT


def test_dataset_of_another_analysis_is_refused(toy_folder: Path, tmp_path: Path) -> None:
    analysis = Analysis.from_file(write_analysis(toy_folder))
    dataset = analysis.read()
    fewer = Analysis.from_file(write_analysis(toy_folder, features=["x"]))
    with pytest.raises(InvalidInputError, match="has the features x, y2; the analysis has x"):
        fewer.train(tmp_path / "run", dataset=dataset)
    samples = [{"name": "s", "role": "signal", "files": "signal.root"}, analysis_content()["samples"][1]]
    renamed = Analysis.from_file(write_analysis(toy_folder, samples=samples))
    with pytest.raises(InvalidInputError, match=r"sample signal \(signal\); the analysis has s \(signal\)"):
        renamed.train(tmp_path / "run", dataset=dataset)
    data = [*analysis_content()["samples"], {"name": "d", "role": "data", "files": "signal.root", "blind": "x > 0"}]
    blinded = Analysis.from_file(write_analysis(toy_folder, samples=data))
    with pytest.raises(InvalidInputError, match=r"Analysis\.read"):
        blinded.train(tmp_path / "run", dataset=dataset)


def test_everything_for_test_beside_fixed_parts_is_one_clear_error(tmp_path: Path) -> None:
    for number, name in enumerate(("train", "test", "background")):
        write_sample(tmp_path / f"{name}.root", 300, mean=0, seed=number, first_event=1000 * number)
    samples = [
        {"name": "signal", "role": "signal", "files": {"train": "train.root", "test": "test.root"}},
        {"name": "background", "role": "background", "files": "background.root"},
    ]
    with pytest.raises(EmptyClassError, match="no background events in the train part"):
        train(tmp_path, tmp_path / "run", samples=samples, split={"train": 0, "validation": 0, "test": 1})


def test_file_that_is_gone_costs_its_checksum_only(toy_folder: Path, tmp_path: Path) -> None:
    for name in ("signal", "background"):
        shutil.copy(toy_folder / f"{name}.root", tmp_path)
    analysis = Analysis.from_file(write_analysis(tmp_path))
    dataset = analysis.read()
    (tmp_path / "signal.root").unlink()
    run = analysis.train(tmp_path / "run", dataset=dataset)
    gone, there = run.provenance["files"]
    assert (gone["size"], gone["sha256"]) == (None, None)
    assert len(there["sha256"]) == 64
    assert "provenance has no checksum" in (run.path / "log.txt").read_text()


def test_provenance(toy_run: Run, toy_folder: Path) -> None:
    import hashlib

    facts = toy_run.provenance
    recorded = {Path(file["path"]).name: file["sha256"] for file in facts["files"]}
    for name in ("signal.root", "background.root"):
        assert recorded[name] == hashlib.sha256((toy_folder / name).read_bytes()).hexdigest()
    assert facts["libraries"]["xgboost"] != "not installed"
    assert facts["seed"] == 3
    text = (toy_run.path / "metrics.json").read_text()
    assert facts["host"] not in text
    assert "seconds" not in json.loads(text)


def test_numbers_do_not_depend_on_threads(toy_folder: Path, tmp_path: Path) -> None:
    write_analysis(toy_folder)
    for threads in ("1", "2"):
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        command = [
            sys.executable,
            "-m",
            "hepml",
            "train",
            str(toy_folder / "analysis.yaml"),
            "-o",
            str(tmp_path / threads),
        ]
        subprocess.run(command, env=environment, check=True, capture_output=True)
    assert (tmp_path / "1" / "metrics.json").read_bytes() == (tmp_path / "2" / "metrics.json").read_bytes()
