"""Networks that estimate targets: the mean of the target at the features, in its own units, through a file."""

from __future__ import annotations

import numpy as np
import pytest

from hepml import classifiers
from hepml.classifiers import get
from hepml.errors import ModelFormatError

pytest.importorskip("torch", reason="torch is not installed")

SMALL = {"width": 32, "epochs": 25, "batch_size": 256, "n_jobs": 1, "device": "cpu", "activation": "silu"}


def events(seed: int, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.0, 1.0, size=(n, 2)).astype(np.float32)
    truth = np.column_stack([500.0 + 100.0 * np.sin(2.0 * X[:, 0]) * X[:, 1], 0.001 * X[:, 0]])
    return X, truth + rng.normal(size=(n, 2)) * [5.0, 0.0001]


@pytest.fixture(scope="module")
def fitted():
    return get("nn", "regression")(**SMALL).fit(*events(1), validation=(*events(2), None))


def test_it_estimates_targets_of_any_size(fitted):
    X, _ = events(3)
    truth = np.column_stack([500.0 + 100.0 * np.sin(2.0 * X[:, 0]) * X[:, 1], 0.001 * X[:, 0]])
    residual = np.abs(fitted.evaluate(X) - truth).mean(axis=0)
    assert residual[0] < 3.0
    assert residual[1] < 1e-4
    assert fitted.n_iter_ == 1 + int(np.argmin(fitted.training_report_["validation_loss"]))


def test_a_file_gives_the_same_values_and_a_damaged_one_is_refused(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    read = classifiers.load(tmp_path / "model")
    X, _ = events(4, 100)
    np.testing.assert_array_equal(read.evaluate(X), fitted.evaluate(X))
    assert read.estimator.n_targets_ == 2
    state = fitted._state()
    for broken in ({**state, "scale": [1.0]}, {**state, "shift": [np.inf, 0.0]}, {"epochs": 3}):
        with pytest.raises(ModelFormatError, match="2 targets"):
            read.estimator._restore(broken, fitted._payloads())


def test_negative_weights_undo_events_of_another_law():
    found = []
    for seed in range(4):
        X, y = events(10 + seed, 3000)
        extra, _ = events(50 + seed, 600)
        wrong = np.full((600, 1), 900.0)
        again = np.concatenate([X, extra, extra])
        targets = np.concatenate([y[:, :1], wrong, wrong])
        weight = np.concatenate([np.ones(3600), -np.ones(600)])
        options = {**SMALL, "epochs": 10}
        test = events(99)[0]
        signed = get("nn", "regression")(**options).fit(again, targets[:, 0], weight).evaluate(test)
        plain = get("nn", "regression")(**options).fit(X, y[:, 0]).evaluate(test)
        found.append(float((signed - plain).mean()))
    assert abs(np.mean(found)) < 4.0 * np.std(found, ddof=1) / 2.0 + 1.0
