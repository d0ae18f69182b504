"""The command line as a user sees it: exit codes, one clear message, no traceback."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import uproot

from hepml.tmva import read_output
from tests.workflow.toys import write_analysis, write_sample

SAMPLE = Path(__file__).parents[2] / "data" / "higgs_tautau" / "ggH.root"


def hepml(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hepml", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
        timeout=300,
    )


def test_help_and_version() -> None:
    run = hepml("--help")
    assert run.returncode == 0
    for verb in ("inspect", "skim", "train", "evaluate", "apply", "compare", "convert", "report", "doctor"):
        assert verb in run.stdout
        assert hepml(verb, "--help").returncode == 0
    assert hepml("--version").stdout.startswith("hepml 0.")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("inspcet", "x.root"), 2, "did you mean 'inspect'"),
        (("train",), 2, "Missing argument"),
        (("inspect", "--no-such-option", "x.root"), 2, "No such option"),
        (("inspect", "nowhere/x.root"), 1, "no such file: nowhere/x.root"),
        (("train", "nowhere.yaml"), 1, "cannot read nowhere.yaml"),
        (("report", "."), 1, "not a run folder"),
        (("apply", "nowhere", SAMPLE, "-o", "out"), 1, "no model at nowhere"),
    ],
)
def test_wrong_use(arguments: tuple[object, ...], code: int, message: str, tmp_path: Path) -> None:
    run = hepml(*arguments, cwd=tmp_path)
    assert run.returncode == code
    assert message in run.stderr
    assert "Traceback" not in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    for arguments in (("--debug", "inspect", tmp_path / "x.root"), ("inspect", tmp_path / "x.root", "--debug")):
        run = hepml(*arguments)
        assert run.returncode == 1
        assert "MissingFileError" in run.stderr
        assert "Traceback" in run.stderr


def test_inspect_prints_and_exports(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "a.root") as file:
        values = np.array([1.0, 2.0, np.nan, -999.0], dtype="f4")
        file.mktree("deep/events", {"x": "f4"}).extend({"x": values})
    run = hepml("inspect", f"{tmp_path}/a.root:deep/events", "--stats")
    assert run.returncode == 0, run.stderr
    assert "deep/events (TTree): 4 entries, 1 branches" in run.stdout
    assert "-999: a sentinel?" in run.stdout
    (content,) = json.loads(hepml("inspect", tmp_path / "a.root", "--stats", "--json").stdout)
    found = content["trees"][0]["branches"][0]["statistics"]
    assert (found["n_values"], found["n_nan"], found["minimum"], found["maximum"]) == (4, 1, -999.0, 2.0)
    assert hepml("inspect", f"{tmp_path}/a.root:event").stderr.strip().endswith("(trees: deep/events)")
    assert "did you mean 'x'" in hepml("inspect", tmp_path / "a.root", "-b", "X").stderr


def test_inspect_says_what_is_wrong_with_the_events_of_several_files(tmp_path: Path) -> None:
    event = np.arange(50, dtype="u8")
    event[7] = 3
    for name, number in (("a", "x"), ("b", "y")):
        with uproot.recreate(tmp_path / f"{name}.root") as file:
            columns = {"event": event, number: 1.7e9 + np.arange(50.0), "id": 2**24 + np.arange(50)}
            file.mktree("events", {key: column.dtype for key, column in columns.items()}).extend(columns)
    run = hepml("inspect", tmp_path / "a.root", tmp_path / "b.root", "--stats", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    shown = " ".join(run.stdout.replace("│", " ").split())
    for text in (
        "events: 1 entries repeat the event of an earlier entry",
        "events: 49 entries have the event of an entry of an earlier file",
        "event=3: entry 7, first entry 3 of ",
        "events: branch 'y' is not in ",
        "events: no branch 'x', which ",
    ):
        assert text in shown, text
    content = json.loads(hepml("inspect", tmp_path / "a.root", tmp_path / "b.root", "--stats", "--json").stdout)
    page = (Path(__file__).parents[2] / "docs" / "inspecting.md").read_text()
    assert all(f"{key}`" in page or f"{key}[]" in page for key in all_keys(content))
    assert content[1]["trees"][0]["repeated"]["n_in_earlier_files"] == 49
    (time,) = (branch["statistics"] for branch in content[0]["trees"][0]["branches"] if branch["name"] == "x")
    # 1.7e9 itself is a float32 number
    assert time["n_rounded"] == 49
    assert time["resolution"] > 1


def all_keys(content: object) -> set[str]:
    if isinstance(content, list):
        return set().union(*map(all_keys, content))
    if isinstance(content, dict):
        return set(content) | set().union(*map(all_keys, content.values()))
    return set()


def test_train_report_apply(tmp_path: Path) -> None:
    write_sample(tmp_path / "signal.root", 800, mean=1, seed=1)
    write_sample(tmp_path / "background.root", 800, mean=-1, seed=2)
    write_analysis(tmp_path)
    run = hepml("train", "analysis.yaml", "--tmva-output", "TMVA.root", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert list(read_output(tmp_path / "TMVA.root").dataset().methods) == ["BDT"]
    refused = hepml("evaluate", "runs/toy", "--tmva-output", "TMVA.root", cwd=tmp_path)
    assert refused.returncode == 1
    assert "TMVA.root exists already" in refused.stderr
    (tmp_path / "TMVA.root").unlink()
    for text in (
        "AUC",
        "background rejection at 30% signal",
        "background rejection at 70% signal",
        "overtraining",
        "BDT",
    ):
        assert text in run.stdout
    assert run.stdout.rstrip().endswith("report: runs/toy/report.html")
    (tmp_path / "runs" / "toy" / "report.html").unlink()
    assert hepml("report", "runs/toy", cwd=tmp_path).returncode == 0
    assert (tmp_path / "runs" / "toy" / "report.html").is_file()
    run = hepml("apply", "runs/toy", "*.root", "-o", "out", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["background.root", "signal.root"]
    run = hepml("train", "analysis.yaml", cwd=tmp_path)
    assert run.returncode == 1
    assert "exists already" in run.stderr
    for nothing in ("", ","):
        run = hepml("train", "analysis.yaml", "-o", "none", "--methods", nothing, cwd=tmp_path)
        assert (run.returncode, run.stderr) == (1, "error: no method is named (methods: BDT)\n")
    assert hepml("train", "analysis.yaml", "--overwrite", "--methods", "BDt", cwd=tmp_path).stderr.startswith(
        "error: unknown method 'BDt'; did you mean 'BDT'"
    )


def test_closed_pipe_is_no_crash() -> None:
    command = f"{sys.executable} -m hepml inspect {SAMPLE} | head -1"
    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in run.stderr
    assert "Exception ignored" not in run.stderr


def test_doctor_names_what_is_missing() -> None:
    run = hepml("doctor")
    assert run.returncode == 0
    assert "uproot" in run.stdout
    there = importlib.util.find_spec("torch") is not None
    assert ('pip install "hepml-framework[nn]"' in run.stdout) is not there


def test_title_beyond_the_encoding_costs_no_run(tmp_path: Path) -> None:
    write_sample(tmp_path / "signal.root", 600, mean=1, seed=1)
    write_sample(tmp_path / "background.root", 600, mean=-1, seed=2)
    write_analysis(tmp_path, title="H → ττ")
    for encoding in ("latin-1", "ascii"):
        run = subprocess.run(
            [sys.executable, "-m", "hepml", "train", "analysis.yaml", "-o", encoding],
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": encoding},
            check=False,
            cwd=tmp_path,
        )
        assert run.returncode == 0, run.stderr
        assert b"H ? ??" in run.stdout
        assert b"0.8" in run.stdout


def test_no_output_encoding_is_needed(tmp_path: Path) -> None:
    """A batch job has no UTF-8 locale; the table must come out all the same."""
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii:backslashreplace", "PYTHONUTF8": "0"}
    run = subprocess.run(
        [sys.executable, "-m", "hepml", "inspect", str(SAMPLE)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr


def test_one_training_alone_and_its_model_applied_as_average(tmp_path: Path) -> None:
    for number, name in enumerate(("signal", "background", "new")):
        write_sample(tmp_path / f"{name}.root", 300, mean=number, seed=number, first_event=1000 * number)
    methods = {"HGB": {"kind": "hist_gradient_boosting", "max_iter": 5}}
    path = write_analysis(tmp_path, methods=methods, folds=3)
    alone = hepml("train", path, "--task", "HGB/fold_1", "-o", tmp_path / "out")
    assert alone.returncode == 0, alone.stderr
    assert f"model: {tmp_path / 'out' / 'HGB' / 'fold_1'}" in alone.stdout.replace("\n", "")
    assert [item.name for item in (tmp_path / "out" / "HGB").iterdir()] == ["fold_1"]
    wrong = hepml("train", path, "--task", "HGB/fold_1", "--resume", "-o", tmp_path / "out")
    assert (wrong.returncode, "--resume" in wrong.stderr) == (2, True)
    unknown = hepml("train", path, "--task", "HGB", "-o", tmp_path / "out")
    assert (unknown.returncode, "HGB/fold_0" in unknown.stderr) == (1, True)
    assert hepml("train", path, "-o", tmp_path / "run").returncode == 0
    applied = hepml("apply", tmp_path / "run", tmp_path / "new.root", "-o", tmp_path / "new", "--average")
    assert applied.returncode == 0, applied.stderr
    with uproot.open(tmp_path / "new" / "new.root") as file:
        assert set(file["events"]["HGB_seen"].array(library="np")) == {-2}
    seen = hepml("apply", tmp_path / "run", tmp_path / "signal.root", "-o", tmp_path / "new", "--average")
    assert (seen.returncode, "used in the training" in seen.stderr) == (1, True)
