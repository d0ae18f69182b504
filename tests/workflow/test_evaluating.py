"""Evaluating a finished run again: the same numbers, other options, and models that are not of these events."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from hepml import Analysis, Run
from hepml.errors import ModelFormatError
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
    evaluated = Analysis.from_file(trained / "analysis.yaml").evaluate(run)
    assert (run / "metrics.json").read_bytes() == before
    assert {path.name: path.read_bytes() for path in (run / "models" / "BDT").iterdir()} == models
    assert (run / "plots" / "roc.svg").is_file()
    assert evaluated.provenance["decisions"]["evaluated_again"] is True


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
