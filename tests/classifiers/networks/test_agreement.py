"""Exported networks against torch's own modules: the benchmark of 100,000 events on a few."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from tests.classifiers.networks.programs import program

BENCHMARK = Path(__file__).resolve().parents[3] / "benchmarks" / "nn_agreement.py"


@pytest.fixture(scope="module")
def agreement() -> Any:
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("onnxruntime")
    spec = importlib.util.spec_from_file_location("nn_agreement", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_scores_are_those_of_torch(agreement: Any) -> None:
    for case in ({"activation": "gelu"}, {"n_outputs": 3, "link": "identity"}):
        found = agreement.compared(program(21, **case), 4000)
        assert {"onnxruntime", "double"} <= found.keys()
        assert 0.0 < max(found.values()) < 1e-5


def test_a_difference_would_be_seen(agreement: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(agreement.MODULES, "gelu", lambda: agreement.torch.nn.GELU(approximate="tanh"))
    assert max(agreement.compared(program(21, activation="gelu"), 4000).values()) > 1e-5
