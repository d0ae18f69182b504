"""The folder in which a run grows: what is replaced, what is taken up again, and who is refused."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hepml import Analysis, Run
from hepml.data import Part
from hepml.errors import OutputError
from hepml.workflow import growing, prepare
from tests.workflow.toys import analysis_content, write_analysis

if TYPE_CHECKING:
    from pathlib import Path


def test_existing_run_is_not_replaced_unless_asked(toy_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    analysis = Analysis.from_file(write_analysis(toy_folder))
    analysis.train(out)
    (out / "mine.txt").write_text("of the old run")
    with pytest.raises(OutputError, match="exists already"):
        analysis.train(out)
    assert (out / "mine.txt").exists()
    analysis.train(out, overwrite=True)
    assert not (out / "mine.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_is_no_run_is_never_overwritten(toy_folder: Path, tmp_path: Path) -> None:
    """`-o . --overwrite` must not delete the folder that the analysis stands in."""
    analysis = Analysis.from_file(write_analysis(toy_folder))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "precious.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("home", "file"):
        with pytest.raises(OutputError, match="is not a run"):
            analysis.train(tmp_path / name, overwrite=True)
    assert (tmp_path / "home" / "precious.txt").read_text() == (tmp_path / "file").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 2
    (tmp_path / "empty").mkdir()
    assert analysis.train(tmp_path / "empty", overwrite=True).method_names == ("BDT",)


def test_run_that_appeared_meanwhile_is_not_replaced(toy_folder: Path, tmp_path: Path) -> None:
    """Another process may finish a run of the same name between the first check and the rename."""
    out = tmp_path / "run"
    job = Analysis.from_file(write_analysis(toy_folder))

    def finish_first(step: str, _fraction: float) -> None:
        if step == "done":
            out.mkdir()
            (out / "metrics.json").write_text("theirs")

    with pytest.raises(OutputError, match=r"complete in .*\.run\.partial but cannot be renamed.*exists already"):
        job.train(out, progress=finish_first)
    assert (out / "metrics.json").read_text() == "theirs"
    assert (tmp_path / ".run.partial" / "metrics.json").is_file()


def test_lock_on_a_deleted_file_excludes_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that opened the lock just before its owner deleted it must not believe that it holds it."""
    lock = tmp_path / ".run.lock"
    real, inodes = growing.fcntl.flock, []

    def late(file: Any, operation: int) -> None:
        if not inodes:
            lock.unlink()
        real(file, operation)
        inodes.append(os.fstat(file.fileno()).st_ino)

    monkeypatch.setattr(growing.fcntl, "flock", late)
    with growing.working_folder(tmp_path / "run", keep=None, overwrite=False):
        assert len(inodes) == 2
        assert lock.stat().st_ino == inodes[-1]
    assert not lock.exists()


def test_resume_keeps_models_only(toy_folder: Path, tmp_path: Path) -> None:
    """What else was left may be of other options: unblinded scores, figures of other features, counts of data."""
    partial = tmp_path / ".run.partial"
    (partial / "plots").mkdir(parents=True)
    (partial / "plots" / "feature_007.svg").write_text("<svg/>")
    (partial / "models" / "dropped").mkdir(parents=True)
    (partial / "models" / ".BDT.0123.partial").mkdir()
    (partial / ".scores.0123.partial.root").write_text("unblinded")
    (partial / "log.txt").write_text("none of 997 data\n")
    run = Analysis.from_file(write_analysis(toy_folder)).train(tmp_path / "run", resume=True)
    assert [path.name for path in (run.path / "models").iterdir()] == ["BDT"]
    assert not (run.path / "plots" / "feature_007.svg").exists()
    assert not list(run.path.glob(".*"))
    assert "997" not in (run.path / "log.txt").read_text()


def test_resume_never_takes_up_stale_cuts_or_a_stale_table(toy_folder: Path, tmp_path: Path) -> None:
    """Cuts hang on the working points, METHOD_seen on the test events; both are stored with the model."""
    analysis = Analysis.from_file(write_analysis(toy_folder))
    dataset = analysis.read()
    part = prepare(analysis.config, dataset).part
    finished = analysis.train(tmp_path / "first", dataset=dataset)
    stored = (finished.path / "models" / "BDT" / "seen.npz").read_bytes()

    def resumed(name: str, job: Analysis, events: Any) -> Run:
        (tmp_path / f".{name}.partial").mkdir()
        shutil.copytree(finished.path / "models", tmp_path / f".{name}.partial" / "models")
        return job.train(tmp_path / name, dataset=events, resume=True)

    same = resumed("same", analysis, dataset)
    assert "taken from the interrupted run" in (same.path / "log.txt").read_text()
    changed = analysis_content(evaluation={"permutations": 20, "working_points": [0.5]})
    (toy_folder / "other.yaml").write_text(json.dumps(changed))
    points = resumed("points", Analysis.from_file(toy_folder / "other.yaml"), dataset)
    assert [cut["target"] for cut in points.metrics["methods"]["BDT"]["cuts"]] == [0.5]
    fewer = dataset[~((part == Part.TEST) & (np.arange(len(dataset)) % 2 == 0))]
    assert (resumed("fewer", analysis, fewer).path / "models" / "BDT" / "seen.npz").read_bytes() != stored
