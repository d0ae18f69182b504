"""The toy analysis and a finished run of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.workflow.toys import write_analysis, write_sample

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with signal.root and background.root; read it, do not write to it."""
    folder = tmp_path_factory.mktemp("toy")
    write_sample(folder / "signal.root", 1500, mean=1.0, seed=1, negative=0.1)
    write_sample(folder / "background.root", 2000, mean=-1.0, seed=2)
    return folder


@pytest.fixture(scope="session")
def toy_run(toy_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A finished run of the toy analysis with two methods."""
    from hepml import Analysis

    methods = {
        "BDT": {"kind": "xgboost", "n_estimators": 20, "max_depth": 2},
        "HGB": {"kind": "hist_gradient_boosting", "max_iter": 20},
    }
    shares = [0.2, 0.4, 0.7, 1.0]
    write_analysis(toy_folder, methods=methods, evaluation={"permutations": 20, "learning_curve": shares})
    return Analysis.from_file(toy_folder / "analysis.yaml").train(tmp_path_factory.mktemp("runs") / "toy")
