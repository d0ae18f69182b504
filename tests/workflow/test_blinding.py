"""Blinded data appear in no output of a run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hepml import Analysis, Run
from hepml.errors import InvalidInputError
from tests.workflow.toys import write_analysis, write_sample

if TYPE_CHECKING:
    from pathlib import Path

N_DATA = 997


def samples(**options: Any) -> list[dict[str, Any]]:
    return [
        {"name": "signal", "role": "signal", "files": "signal.root"},
        {"name": "background", "role": "background", "files": "background.root"},
        {"name": "data", "role": "data", "files": "data.root", **options},
        {"name": "side", "role": "control", "files": "side.root"},
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("blind")
    write_sample(path / "signal.root", 800, mean=1, seed=1)
    write_sample(path / "background.root", 800, mean=-1, seed=2)
    write_sample(path / "data.root", N_DATA, mean=-0.5, seed=3)
    write_sample(path / "side.root", 100, mean=-1, seed=4)
    return path


def run(folder: Path, out: Path, *, unblind: bool = False, **options: Any) -> Run:
    return Analysis.from_file(write_analysis(folder, samples=samples(**options))).train(out, unblind=unblind)


def data_rows(finished: Run) -> list[dict[str, Any]]:
    return [row for row in finished.metrics["samples"] if row["role"] == "data"]


def test_score_region_is_hidden_everywhere(folder: Path, tmp_path: Path) -> None:
    finished = run(folder, tmp_path / "run")
    open_run = run(folder, tmp_path / "open", unblind=True)
    loosest = min(cut["threshold"] for cut in finished.metrics["methods"]["BDT"]["cuts"])
    shown, everything = finished.scores("DataTree"), open_run.scores("DataTree")
    assert len(everything["BDT"]) == N_DATA
    assert shown["BDT"].max() < loosest
    assert np.array_equal(
        np.sort(shown["event_number"]), np.sort(everything["event_number"][everything["BDT"] < loosest])
    )
    (row,) = data_rows(finished)
    assert row["n_events"] == len(shown["BDT"])
    assert row["n_entries"] is None
    assert row["cutflow"] is None
    (open_row,) = data_rows(open_run)
    assert [step["n_events"] for step in open_row["cutflow"]] == [N_DATA]
    hidden = N_DATA - len(shown["BDT"])
    assert hidden > 50
    # neither the number of hidden events nor the total that would give it away stands anywhere
    for path in finished.path.rglob("*"):
        if path.suffix in {".json", ".html", ".txt", ".yaml"}:
            text = path.read_text(encoding="utf-8")
            for number in (N_DATA, hidden):
                # as a number of its own, not among the digits of another
                assert not re.search(rf"(?<![\w.-]){number}(?![\w.])", text), (path, number)
    assert finished.provenance["decisions"]["unblind"] is False
    assert open_run.provenance["decisions"]["unblind"] is True
    assert len(finished.scores("ControlTree")["BDT"]) == 100


def test_expression_hides_a_window(folder: Path, tmp_path: Path) -> None:
    finished = run(folder, tmp_path / "run", blind="x > 0 && x < 1")
    x = finished.scores("DataTree")["x"]
    assert not ((x > 0) & (x < 1)).any()
    assert (x > 1).any()
    assert not any(name.startswith("__") for name in finished.scores("DataTree"))


def test_nothing_is_hidden_when_it_is_said(folder: Path, tmp_path: Path) -> None:
    assert len(run(folder, tmp_path / "run", blind="none").scores("DataTree")["x"]) == N_DATA


def test_without_a_method_there_is_no_run(folder: Path) -> None:
    """No score, nothing to blind by: all data would be shown."""
    analysis = Analysis.from_file(write_analysis(folder, samples=samples()))
    with pytest.raises(InvalidInputError, match=r"no method is named \(methods: BDT\)"):
        analysis.with_methods([])


def test_data_train_nothing(folder: Path, tmp_path: Path) -> None:
    with_data = run(folder, tmp_path / "with")
    without = Analysis.from_file(write_analysis(folder, samples=samples()[:2])).train(tmp_path / "without")
    assert with_data.metrics["methods"] == without.metrics["methods"]
