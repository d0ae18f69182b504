"""Evaluating a finished run again: the same numbers, other options, and models that are not of these events."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import uproot

from hepml import Analysis, Run
from hepml.errors import ModelFormatError, OutputError
from hepml.tmva import read_output
from tests.workflow.toys import write_analysis, write_sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluated")
    write_sample(folder / "signal.root", 600, mean=1, seed=1, negative=0.1)
    write_sample(folder / "background.root", 600, mean=-1, seed=2)
    Analysis.from_file(write_analysis(folder)).train(folder / "run")
    return folder


@pytest.fixture
def again(trained: Path, tmp_path: Path) -> Callable[[str], Path]:
    def copy(name: str) -> Path:
        shutil.copytree(trained / name, tmp_path / name)
        return tmp_path / name

    return copy


def test_the_same_numbers_come_out(trained: Path, again: Callable[[str], Path]) -> None:
    run = again("run")
    before = (run / "metrics.json").read_bytes()
    models = {path.name: path.read_bytes() for path in (run / "models" / "BDT").iterdir()}
    (run / "metrics.json").write_text("{}", encoding="utf-8")
    shutil.rmtree(run / "plots")
    evaluated = Analysis.from_file(trained / "analysis.yaml").evaluate(run, tmva_output=run / "TMVA.root")
    assert (run / "metrics.json").read_bytes() == before
    assert {path.name: path.read_bytes() for path in (run / "models" / "BDT").iterdir()} == models
    assert (run / "plots" / "roc.svg").is_file()
    assert evaluated.provenance["decisions"]["evaluated_again"] is True
    agrees_with_scores(run)


def agrees_with_scores(run: Path) -> None:
    """Compare TMVA.root with scores.root: the same events in the same order, without those of validation."""
    dataset = read_output(run / "TMVA.root").dataset()
    assert {name: method.kind for name, method in dataset.methods.items()} == {"BDT": "xgboost"}
    whole = 0.0
    with uproot.open(run / "scores.root") as file:
        for tree, part in ((dataset.train, 1), (dataset.test, 3)):
            columns = file[tree.path.rpartition("/")[2]].arrays(library="np")
            whole += columns["weight"][columns["classID"] == 0].sum()
            events, chosen = tree.events(), columns["split"] == part
            found = {**events.variables, **events.spectators, **events.responses, "classID": events.class_id}
            assert {"x", "y2", "y", "run", "event_number", "BDT"} < set(found)
            for name, column in found.items():
                assert np.array_equal(column, columns[name][chosen].astype(column.dtype)), name
            assert np.array_equal(events.weight, columns["weight"][chosen].astype(np.float32))
    # whatever part of the events it holds, significances are those of all
    test = dataset.test.events()
    assert test.physics_weight()[test.is_signal].sum() == pytest.approx(whole)


def test_an_existing_file_stops_a_run_before_it_begins(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "TMVA.root").write_text("mine")
    analysis = Analysis.from_file(trained / "analysis.yaml")
    for call in (analysis.train, analysis.evaluate):
        out = tmp_path / "new" if call == analysis.train else trained / "run"
        with pytest.raises(OutputError, match=r"TMVA\.root exists already"):
            call(out, tmva_output=tmp_path / "TMVA.root")
    assert (tmp_path / "TMVA.root").read_text() == "mine"
    assert not (tmp_path / "new").exists()


def test_options_of_the_evaluation_may_change(trained: Path, again: Callable[[str], Path], tmp_path: Path) -> None:
    run = again("run")
    for name in ("signal.root", "background.root"):
        shutil.copy(trained / name, tmp_path / name)
    path = write_analysis(tmp_path, evaluation={"permutations": 40})
    evaluated = Analysis.from_file(path).evaluate(run)
    comparison = evaluated.metrics["methods"]["BDT"]["overtraining"]
    assert comparison["signal"]["n_permutations"] == 40
    assert evaluated.metrics["methods"]["BDT"]["roc"] == Run(trained / "run").metrics["methods"]["BDT"]["roc"]


def test_models_of_other_events_are_refused_and_the_run_stays(
    trained: Path, again: Callable[[str], Path], tmp_path: Path
) -> None:
    run = again("run")
    before = (run / "metrics.json").read_bytes()
    write_sample(tmp_path / "signal.root", 600, mean=1, seed=5)
    shutil.copy(trained / "background.root", tmp_path / "background.root")
    with pytest.raises(ModelFormatError, match="BDT: the model was trained on other events"):
        Analysis.from_file(write_analysis(tmp_path)).evaluate(run)
    assert (run / "metrics.json").read_bytes() == before


def test_what_is_no_run_is_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFormatError, match="not a run folder"):
        Analysis.from_file(trained / "analysis.yaml").evaluate(tmp_path)
