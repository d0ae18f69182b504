"""Runs on columns from a cache: the same numbers, whether they are in memory, were read now or before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import uproot

from hepml import Analysis
from hepml.cli.main import main
from hepml.errors import AnalysisFileError, InvalidInputError
from hepml.workflow import prepare
from tests.workflow.toys import write_analysis

if TYPE_CHECKING:
    from pathlib import Path

METHODS = {
    "BDT": {"kind": "xgboost", "n_estimators": 20, "max_depth": 2},
    "HGB": {"kind": "hist_gradient_boosting", "max_iter": 20},
}


@pytest.fixture
def samples(toy_run: Any) -> list[dict[str, Any]]:
    """What ``toy_run`` read."""
    provenance = json.loads((toy_run.path / "provenance.json").read_text(encoding="utf-8"))
    return [
        {"name": info["name"], "role": info["role"], "files": [file["path"]]}
        for info, file in zip(toy_run.metrics["samples"], provenance["files"], strict=True)
    ]


@pytest.fixture
def analysis(samples: list[dict[str, Any]], tmp_path: Path) -> Analysis:
    """The analysis of ``toy_run``."""
    evaluation = {"permutations": 20, "learning_curve": [0.2, 0.4, 0.7, 1.0]}
    return Analysis.from_file(write_analysis(tmp_path, samples=samples, methods=METHODS, evaluation=evaluation))


def test_a_run_on_mapped_columns_is_the_same_run(toy_run, analysis, tmp_path):
    analysis.read(cache=tmp_path / "cache")
    run = analysis.train(tmp_path / "run", cache=tmp_path / "cache")
    assert (run.path / "metrics.json").read_bytes() == (toy_run.path / "metrics.json").read_bytes()
    assert {path.name for path in run.path.iterdir()} == {path.name for path in toy_run.path.iterdir()}
    with uproot.open(run.path / "scores.root") as one, uproot.open(toy_run.path / "scores.root") as other:
        for tree in ("TrainTree", "TestTree"):
            here, there = one[tree].arrays(library="np"), other[tree].arrays(library="np")
            assert here.keys() == there.keys()
            assert all(np.array_equal(here[name], there[name]) for name in here)
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_the_parts_of_mapped_columns_are_mapped(analysis, tmp_path):
    mapped = analysis.read(cache=tmp_path / "cache")
    prepared = prepare(analysis.config, mapped, folder=tmp_path)
    here = prepare(analysis.config, analysis.read())
    assert prepared.digest() == here.digest()
    for name in ("train", "validation", "test"):
        one, other = getattr(prepared, name), getattr(here, name)
        assert isinstance(one.X, np.memmap)
        assert not isinstance(other.X, np.memmap)
        assert np.array_equal(one.X, other.X)
        assert np.array_equal(one.train_weight, other.train_weight)


def test_the_analysis_file_names_a_cache(analysis, samples, tmp_path):
    path = write_analysis(tmp_path, samples=samples, cache={"folder": "kept", "limit": "1 GB"})
    named = Analysis.from_file(path)
    assert named.cache().path == tmp_path / "kept"
    assert named.cache().limit == "1 GB"
    assert named.cache(tmp_path / "other").limit == "1 GB"
    assert isinstance(named.read().X, np.memmap)
    assert len(list((tmp_path / "kept").iterdir())) == 1
    assert analysis.cache() is None


def test_a_cache_that_cannot_be_understood_is_refused_before_anything_is_read(samples, tmp_path):
    with pytest.raises(InvalidInputError, match="limit of the cache is 'lots'"):
        Analysis.from_file(write_analysis(tmp_path, samples=samples, cache={"folder": "kept", "limit": "lots"}))
    with pytest.raises(AnalysisFileError, match=r"cache.foldr.*did you mean 'folder'"):
        Analysis.from_file(write_analysis(tmp_path, samples=samples, cache={"foldr": "kept"}))


def test_the_command_takes_a_folder(samples, tmp_path):
    path = write_analysis(tmp_path, samples=samples)
    with pytest.raises(SystemExit) as ended:
        main(["train", str(path), "-o", str(tmp_path / "run"), "--cache", str(tmp_path / "cache")])
    assert ended.value.code == 0
    assert [entry.suffix for entry in (tmp_path / "cache").iterdir()] == [".hepml-columns"]
