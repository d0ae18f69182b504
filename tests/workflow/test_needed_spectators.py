"""Columns beside the features that a method's options name, in an analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hepml import Analysis
from hepml.config import parse_analysis
from hepml.errors import UnknownNameError
from tests.workflow.toys import analysis_content

if TYPE_CHECKING:
    from pathlib import Path


def _analysis(folder: Path, **options: Any) -> Analysis:
    method = {"kind": "xgboost", "n_estimators": 5, "max_depth": 2, "uniform_bins": 4, **options}
    content = analysis_content(methods={"BDT": method}, report={"formats": ["svg"]})
    for sample in content["samples"]:
        sample["files"] = str(folder / sample["files"])
    return Analysis(parse_analysis(content))


def test_a_method_gets_the_feature_or_spectator_that_it_names(toy_folder: Path, tmp_path: Path) -> None:
    run = _analysis(toy_folder, uniform_in=["y", "x"]).train(tmp_path / "run")
    assert len(run.metrics["methods"]["BDT"]["training"]["validation_loss"]) == 5
    # what a model was trained with it does not need to be applied
    assert run.models["BDT"].evaluate({"x": [0.5], "y": [0.1]}).shape == (1,)


def test_a_name_that_is_no_column_is_an_error_with_near_misses(toy_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"feature or spectator.*BDT.*'y22'.*did you mean 'y2'"):
        _analysis(toy_folder, uniform_in=["y22"]).train(tmp_path / "run")
    assert not (tmp_path / "run").exists()
