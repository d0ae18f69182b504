"""Blinded data appear in no output of a run."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import uproot

from hepml import Analysis, Run, plots
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
            # milliseconds of the log are any number
            text = re.sub(r"\d\d:\d\d:\d\d,\d{3}", "", path.read_text(encoding="utf-8"))
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


def comparison(finished: Run, sample: str = "data") -> dict[str, dict[str, Any]]:
    (found,) = (found for found in finished.metrics["data_mc"] if found["sample"] == sample)
    return {row["name"]: row for row in found["features"]}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the figures of data over simulation are given; they are not drawn."""
    given: list[Any] = []
    monkeypatch.setattr(plots, "data_mc", lambda result, *_, **__: given.append(result))
    # the files are not looked at
    monkeypatch.setattr(plots, "save", lambda _, path: path.write_bytes(b""))
    return given


def test_only_visible_data_are_compared_with_simulation_cut_alike(
    folder: Path, tmp_path: Path, drawn: list[Any]
) -> None:
    finished = run(folder, tmp_path / "run")
    loosest = min(cut["threshold"] for cut in finished.metrics["methods"]["BDT"]["cuts"])
    shown, test = finished.scores("DataTree"), finished.scores("TestTree")
    # two features of data, then two of the control sample
    assert [result.data.n_events for result in drawn] == [len(shown["BDT"])] * 2 + [100] * 2
    for result in drawn[:2]:
        for name, histogram in result.simulation.items():
            kept = (test["sample"] == name) & (test["BDT"] < loosest)
            assert histogram.n_events == kept.sum()
            # scaled from the test part to all 800 events
            scale = 800 / (test["sample"] == name).sum()
            assert histogram.total == pytest.approx(scale * test["weight"][kept].sum())
    x = drawn[0]
    assert x.data.sum_w.sum() + x.data.underflow + x.data.overflow == pytest.approx(shown["weight"].sum())
    row = comparison(finished)["x"]
    assert row["ratio"] == pytest.approx(shown["weight"].sum() / x.total.total)
    assert comparison(finished, "side")["x"]["ratio"] == pytest.approx(100 / 1600)
    assert (finished.path / "plots" / "data_mc_001_001.svg").exists()
    assert "data against simulation" in (finished.path / "report.html").read_text(encoding="utf-8")


def test_a_hidden_window_is_empty_in_the_figure(folder: Path, tmp_path: Path, drawn: list[Any]) -> None:
    run(folder, tmp_path / "run", blind="x > 0 && x < 1")
    x = drawn[0]
    inside = (x.data.edges[:-1] >= 0) & (x.data.edges[1:] <= 1)
    assert inside.any()
    assert (x.data.sum_w2[inside] == 0).all()
    assert (x.total.sum_w2[inside] == 0).all()
    # all parts: no score has looked at them
    assert sum(histogram.n_events for histogram in x.simulation.values()) > 1000


@pytest.mark.parametrize(("options", "unblind"), [({"blind": "none"}, False), ({}, True)])
def test_all_data_are_compared_when_nothing_is_hidden(
    folder: Path, tmp_path: Path, options: dict[str, str], unblind: bool, drawn: list[Any]
) -> None:
    finished = run(folder, tmp_path / "run", unblind=unblind, **options)
    assert drawn[0].data.n_events == N_DATA
    assert comparison(finished)["x"]["ratio"] == pytest.approx(N_DATA / 1600)


def test_data_that_are_all_hidden_are_not_compared(folder: Path, tmp_path: Path, drawn: list[Any]) -> None:
    finished = run(folder, tmp_path / "run", blind="x > -100")
    assert [found["sample"] for found in finished.metrics["data_mc"]] == ["side"]
    assert len(drawn) == 2


def test_hidden_data_change_no_number(folder: Path, tmp_path: Path) -> None:
    """Other events in the hidden window: nothing that is written differs."""
    first = run(folder, tmp_path / "first", blind="x > 0")
    with uproot.open(folder / "data.root") as file:
        columns = file["events"].arrays(library="np")
    columns["x"] = np.where(columns["x"] > 0, 7 * columns["x"], columns["x"])
    columns["weight"] = np.where(columns["x"] > 0, 3.0, columns["weight"])
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    with uproot.recreate(other / "data.root") as file:
        tree = file.mktree("events", {name: column.dtype for name, column in columns.items()})
        tree.extend(columns)
    second = run(other, tmp_path / "second", blind="x > 0")
    assert (first.path / "metrics.json").read_bytes() == (second.path / "metrics.json").read_bytes()
    for path in (first.path / "plots").glob("*.svg"):
        assert path.read_bytes() == (second.path / "plots" / path.name).read_bytes(), path.name
