"""Runs and results in notebooks, and the example that is kept with its outputs."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from hepml import evaluation
from hepml.workflow.notebook import notebook_progress

if TYPE_CHECKING:
    from hepml import Run

EXAMPLE = Path(__file__).parents[2] / "analyses" / "higgs_tautau" / "example.ipynb"


def shown(notebook: nbformat.NotebookNode) -> list[str]:
    return [
        output.data["text/html"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "data" in output and "text/html" in output.data
    ]


@pytest.mark.filterwarnings("ignore")  # those of the kernel's libraries
def test_the_example_notebook_runs_and_shows_what_it_did_when_it_was_kept(tmp_path: Path, monkeypatch) -> None:
    kept = nbformat.read(EXAMPLE, as_version=4)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    executed = copy.deepcopy(kept)
    # an error in a cell raises here
    NotebookClient(
        executed, timeout=300, kernel_name="python3", resources={"metadata": {"path": EXAMPLE.parent}}
    ).execute()
    old, new = shown(kept), shown(executed)
    assert len(old) == len(new) >= 5
    dataset, progress, run, figure, curve = new[:5]
    assert dataset.startswith("<div")
    assert "ggH" in dataset
    assert 'value="1.000"' in progress
    assert "done" in progress
    assert "<td>BDT</td>" in run
    assert "AUC (test)" in run
    assert "data:image/svg+xml" in run
    assert "data:image/svg+xml" in figure
    assert "RocCurve" in curve
    assert "±" in curve
    assert not any("<script" in text for text in new)


def test_a_run_shows_the_numbers_of_its_table(toy_run: Run) -> None:
    page = toy_run._repr_html_()
    for name in toy_run.method_names:
        assert f"<td>{name}</td>" in page
    assert f"{toy_run.metrics['methods']['BDT']['roc']['auc']:.3f}"[:5] in page
    assert str(toy_run.path) not in page
    assert next(iter(toy_run.figures)) == "roc"
    assert all(figure.path.is_file() for figure in toy_run.figures.values())


def test_results_show_value_and_error() -> None:
    result = evaluation.roc_curve([0, 0, 1, 1] * 50, np.arange(200))
    page = result._repr_html_()
    assert "±" in page
    assert page.count(" values<") == 3  # of a long curve only the length
    assert len(page) < 10_000
    assert "<td" in page
    assert "<script" not in page


def test_outside_of_notebooks_there_is_no_bar() -> None:
    assert notebook_progress() is None
