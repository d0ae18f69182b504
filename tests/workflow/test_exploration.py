"""What a run says of its features before any training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from hepml import Analysis
from hepml.evaluation import correlations, separation
from hepml.workflow import prepare
from hepml.workflow.topics import RunContext
from hepml.workflow.topics import exploration as topic

if TYPE_CHECKING:
    from pathlib import Path

    from hepml import Run


def training(toy_run: Run) -> dict[str, np.ndarray]:
    tree = toy_run.scores("TrainTree")
    part = tree["split"] == 1
    return {name: tree[name][part] for name in ("x", "y2", "y", "classID", "weight")}


def test_features_are_ranked_on_the_training_part(toy_run: Run) -> None:
    tree = training(toy_run)
    for row in toy_run.metrics["features"]:
        expected = separation(tree[row["name"]], tree["classID"] == 0, tree["weight"])
        assert row["separation"] == pytest.approx(expected.value)
        assert row["separation_error"] == pytest.approx(expected.error)
        assert row["separation_bins"] == expected.n_bins
    x, y2 = toy_run.metrics["features"]
    assert x["separation"] > 0.4
    assert x["mutual_information"] > 0.3
    assert abs(y2["separation"]) < 4 * y2["separation_error"]
    page = (toy_run.path / "report.html").read_text(encoding="utf-8")
    assert page.index("<td>x</td>") < page.index("<td>y2</td>")


def test_correlations_are_of_features_and_spectators_by_class(toy_run: Run) -> None:
    tree, found = training(toy_run), toy_run.metrics["correlations"]
    assert found["columns"] == ["x", "y2", "y"]
    for number, name in enumerate(("signal", "background")):
        here = tree["classID"] == number
        columns = np.column_stack([tree[column][here] for column in found["columns"]])
        expected = correlations(columns, tree["weight"][here])
        for key in ("linear", "linear_error", "rank", "rank_error", "n_events"):
            np.testing.assert_allclose(found[name][key], getattr(expected, key), rtol=1e-6, atol=1e-9)


def test_of_very_many_events_some_are_correlated(toy_run: Run, toy_folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(topic, "_MOST_CORRELATED", 800)
    analysis = Analysis.from_file(toy_folder / "analysis.yaml")
    prepared = prepare(analysis.config, analysis.read())
    visible = np.ones(len(prepared.dataset), dtype=bool)
    found = topic.exploration(RunContext(analysis.config, prepared, {}, visible, unblind=False))
    n_events = [found.correlations[name].n_events[0, 0] for name in ("signal", "background")]
    assert abs(sum(n_events) - 800) < 4 * np.sqrt(800)
    for name, n_chosen in zip(("signal", "background"), n_events, strict=True):
        whole = toy_run.metrics["correlations"][name]
        assert n_chosen < whole["n_events"][0][0]
        few = found.correlations[name]
        assert abs(few.linear[0, 2] - whole["linear"][0][2]) < 4 * few.linear_error[0, 2]
    assert found.separations["x"].value == toy_run.metrics["features"][0]["separation"]


def test_there_is_a_figure_of_each(toy_run: Run) -> None:
    for name in ("separation", "correlations_signal", "correlations_background"):
        assert (toy_run.path / "plots" / f"{name}.svg").exists()


def test_without_data_nothing_is_compared(toy_run: Run) -> None:
    assert toy_run.metrics["data_mc"] == []
