"""Training on a memory-mapped matrix: the model is that of the same matrix in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hepml import classifiers
from hepml.classifiers import xgboost_matrices
from hepml.errors import FeatureValueError, InvalidInputError

N_EVENTS, N_FEATURES = 20_000, 5


@pytest.fixture(scope="module")
def events() -> dict[str, Any]:
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, N_EVENTS)
    X = rng.normal(size=(N_EVENTS, N_FEATURES)) + 0.5 * y[:, None]
    X[rng.random(X.shape) < 0.05] = np.nan
    weight = rng.normal(1.0, 1.0, N_EVENTS)
    return {"X": np.asfortranarray(X.astype(np.float32)), "y": y, "weight": weight}


@pytest.fixture
def mapped(events, tmp_path) -> np.memmap:
    events["X"].T.tofile(tmp_path / "X")
    return np.memmap(tmp_path / "X", np.float32, "r", shape=events["X"].shape, order="F")


def fit(kind: str, X: Any, events: dict[str, Any], **options: Any) -> Any:
    half = N_EVENTS // 2
    y, weight = events["y"], events["weight"]
    sizes = {"xgboost": {"n_estimators": 25}, "hist_gradient_boosting": {"max_iter": 25}}
    estimator = classifiers.get(kind)(random_state=3, **sizes[kind], **options)
    return estimator.fit(
        X[:half], y[:half], sample_weight=weight[:half], validation=(X[half:], y[half:], weight[half:])
    )


@pytest.mark.parametrize("policy", ["signed", "ignore"])
@pytest.mark.parametrize("kind", ["xgboost", "hist_gradient_boosting"])
def test_a_mapped_matrix_gives_the_same_model(kind, policy, events, mapped, monkeypatch):
    # several batches and blocks
    monkeypatch.setattr(xgboost_matrices.RowBatches.__init__, "__defaults__", (1001, None))
    monkeypatch.setattr("hepml.classifiers.estimator._MAPPED_BLOCK", 777)
    here = fit(kind, events["X"], events, negative_weights=policy)
    there = fit(kind, mapped, events, negative_weights=policy)
    assert here._payloads() == there._payloads()
    assert here.training_report_ == there.training_report_
    assert np.array_equal(here.evaluate(events["X"]), there.evaluate(mapped))


@pytest.mark.parametrize("max_bin", [16, 256])
def test_bins_do_not_depend_on_batches(events, max_bin):
    import xgboost as xgb

    whole = xgb.QuantileDMatrix(events["X"], max_bin=max_bin, nthread=1).get_quantile_cut()
    for n_rows in (100, 3333, N_EVENTS):
        batches = xgboost_matrices.RowBatches(events["X"], n_rows)
        cuts = xgb.QuantileDMatrix(batches, max_bin=max_bin, nthread=1).get_quantile_cut()
        assert all(np.array_equal(one, other) for one, other in zip(whole, cuts, strict=True))


@pytest.mark.parametrize("mapping", [False, True])
def test_external_memory_gives_the_same_trees(events, mapped, monkeypatch, tmp_path, mapping):
    monkeypatch.setattr(xgboost_matrices.RowBatches.__init__, "__defaults__", (3000, None))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "pages"))
    (tmp_path / "pages").mkdir()
    here = fit("xgboost", events["X"], events)
    there = fit("xgboost", mapped if mapping else events["X"], events, external_memory=True)
    assert here._payloads() == there._payloads()
    assert here.training_report_ == there.training_report_
    assert list((tmp_path / "pages").iterdir()) == []


def test_the_flag_is_true_or_false():
    kind = classifiers.get("xgboost")
    with pytest.raises(InvalidInputError, match=r"methods.bdt.external_memory: must be true or false, not 'yes'"):
        kind.from_options({"external_memory": "yes"}, where="methods.bdt")
    assert kind.from_options({"external_memory": True}).external_memory is True


def test_what_cannot_be_trained_on_is_found_in_a_mapped_matrix(events, tmp_path):
    X = events["X"].copy(order="F")
    X[12_345, 2] = np.inf
    X.T.tofile(tmp_path / "X")
    mapped = np.memmap(tmp_path / "X", np.float32, "r", shape=X.shape, order="F")
    with pytest.raises(FeatureValueError, match=r"feature 'x2' \(1 of 10000 events\)"):
        fit("xgboost", mapped, events)
