"""``kind: lightgbm``: several classes, regression, and the model as LightGBM itself reads it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from hepml import classifiers
from hepml.errors import MissingDependencyError, ModelFormatError

pytest.importorskip("lightgbm", reason="lightgbm is not installed")

FEW = {"n_estimators": 30, "min_child_samples": 5, "min_child_weight": 1.0, "n_jobs": 1}


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(3000, 3)).astype(np.float32)
    return X, np.where(rng.random(3000) < 0.2, -1.0, 1.0), X[:, 0] + 0.5 * X[:, 1] ** 2


def test_lightgbm_itself_gives_the_same_probabilities(sample):
    X, w, target = sample
    for y in (target > 0.5, np.digitize(target, [0.0, 1.0])):
        model = classifiers.get("lightgbm")(**FEW).fit(X, y, w)
        np.testing.assert_allclose(model.evaluate(X), model.booster_.predict(X), rtol=1e-12)
        assert model.n_iter_ == 30


def test_several_classes_with_signed_weights(sample, tmp_path):
    X, _, target = sample
    y = np.digitize(target, [0.0, 1.0])
    # events of negative weight cancel others exactly where the label is a wrong one
    wrong = (y + 1) % 3
    both, labels = np.concatenate([X, X, X]), np.concatenate([y, wrong, wrong])
    weight = np.repeat([1.0, 0.8, -0.8], len(X))
    part = (X[:1000], y[:1000], None)
    signed = classifiers.get("lightgbm")(**FEW).fit(both, labels, weight, validation=part)
    assert np.mean(signed.predict(X) == y) > 0.9
    absolute = classifiers.get("lightgbm")(negative_weights="abs", **FEW).fit(both, labels, weight)
    assert np.mean(absolute.predict(X) == y) < 0.3
    assert len(signed.training_report_["validation_log_loss"]) >= signed.n_iter_
    assert np.array_equal(classifiers.load(signed.save(tmp_path / "m")).evaluate(X), signed.evaluate(X))


def test_regression_of_one_and_of_two_targets(sample, tmp_path):
    X, w, target = sample
    regressor = classifiers.get("lightgbm", "regression")
    one = regressor(**FEW).fit(X, 1000.0 + 50.0 * target, np.abs(w), validation=(X, 1000.0 + 50.0 * target, w))
    assert np.std(one.predict(X) - 1000.0 - 50.0 * target) < 0.3 * 50.0 * target.std()
    # the targets' units change nothing
    other = regressor(**FEW).fit(X, target, np.abs(w))
    np.testing.assert_allclose(one.n_iter_, other.n_iter_)
    np.testing.assert_allclose((one.predict(X) - 1000.0) / 50.0, other.predict(X), atol=0.05)
    # without chance in events and features, each target has the trees that it has alone
    whole = {**FEW, "subsample": 1.0, "colsample_bytree": 1.0}
    alone = regressor(**whole).fit(X, target)
    two = regressor(**whole).fit(X, np.column_stack([target, -3.0 * target]))
    np.testing.assert_allclose(two.predict(X), alone.predict(X)[:, None] * [1.0, -3.0], atol=1e-3)
    assert np.array_equal(classifiers.load(two.save(tmp_path / "m")).evaluate(X), two.evaluate(X))


def test_another_model_is_refused(sample):
    X, _, target = sample
    model = classifiers.get("lightgbm")(**FEW).fit(X, target > 0)
    other = classifiers.get("lightgbm", "regression")(**FEW).fit(X, target)
    with pytest.raises(ModelFormatError, match="link, number of outputs"):
        model._restore({}, other._payloads())


def test_only_the_training_needs_the_library(sample, monkeypatch, tmp_path):
    X, _, target = sample
    model = classifiers.get("lightgbm")(**FEW).fit(X, target > 0)
    folder = model.save(tmp_path / "m")
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    assert np.array_equal(classifiers.load(folder).evaluate(X), model.evaluate(X))
    with pytest.raises(MissingDependencyError, match=r"hepml-framework\[lightgbm\]"):
        classifiers.get("lightgbm")(**FEW).fit(X, target > 0)
