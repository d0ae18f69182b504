"""Networks learn, are the same again from a seed and a file, and say what to do when they cannot."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hepml import classifiers
from hepml.classifiers.networks.classifier import NNClassifier
from hepml.errors import FeatureValueError, HepmlError, InvalidInputError, ModelFormatError

pytest.importorskip("torch", reason="torch is not installed")

SMALL = {"width": 16, "epochs": 8, "batch_size": 256, "n_jobs": 1, "device": "cpu"}


def toy(seed, n=3000):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    X = rng.normal(size=(n, 3)) + 0.8 * y[:, None] * np.array([1.0, -1.0, 0.0])
    return X.astype(np.float32), y


@pytest.fixture(scope="module")
def fitted():
    X, y = toy(1)
    return NNClassifier(**SMALL).fit(X, y, validation=(*toy(2), None))


def test_it_comes_near_the_best_there_is(fitted):
    X, y = toy(3, 20_000)
    best = roc_auc_score(y, X[:, 0] - X[:, 1])
    assert best - 0.01 < roc_auc_score(y, fitted.evaluate(X)) < best + 0.002
    assert fitted.n_iter_ == 1 + int(np.argmin(fitted.training_report_["validation_log_loss"]))


def test_a_seed_gives_the_same_bits_and_another_does_not(fitted):
    X, y = toy(1)
    again = NNClassifier(**SMALL).fit(X, y, validation=(*toy(2), None))
    np.testing.assert_array_equal(again.decision_function(X), fitted.decision_function(X))
    other = NNClassifier(**SMALL, random_state=7).fit(X, y, validation=(*toy(2), None))
    assert (other.decision_function(X) != fitted.decision_function(X)).any()


def test_a_score_does_not_depend_on_the_chunk(fitted):
    X, _ = toy(4, 2500)
    whole = fitted.decision_function(X)
    for size in (1, 7, 1000):
        parts = [fitted.decision_function(X[k : k + size]) for k in range(0, 300 if size == 1 else len(X), size)]
        joined = np.concatenate(parts)
        np.testing.assert_array_equal(joined, whole[: len(joined)])


def test_single_precision_agrees_with_double(fitted):
    X, _ = toy(5)
    margin, _, error = fitted.program_.evaluate(X)
    assert (np.abs(fitted.decision_function(X) - margin[:, 0]) <= error[:, 0] + 1e-6).all()


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "tanh"])
def test_numpy_scores_what_torch_trained_through_a_file(tmp_path, activation, residual):
    X, y = toy(6, 600)
    X[::5, 1] = np.nan
    y[::3] += 1
    options = {**SMALL, "epochs": 2, "activation": activation, "residual": residual, "scaling": "quantile"}
    model = NNClassifier(**options, missing="mean", dropout=0.1).fit(X, y)
    assert model.evaluate(X).shape == (600, 3)
    model.save(tmp_path / "model")
    read = classifiers.load(tmp_path / "model").estimator
    np.testing.assert_array_equal(read.evaluate(X), model.evaluate(X))
    payloads = model._payloads()
    payloads["parameters.npy"] = payloads["parameters.npy"][:-4]
    with pytest.raises(ModelFormatError):
        read._restore(model._state(), payloads)


def test_signed_training_is_compatible_with_the_equivalent_positive_sample():
    differences = []
    X_test, y_test = toy(99, 20_000)
    for seed in range(10):
        X, y = toy(100 + seed, 4000)
        rng = np.random.default_rng(seed)
        # a fifth of the events has the weight -1, and the others are more by as many of the same density
        extra, y_extra = toy(500 + seed, 2000)
        signs = np.concatenate([np.ones(5000), -np.ones(1000)])
        order = rng.permutation(6000)
        X_signed, y_signed = np.concatenate([X, extra])[order], np.concatenate([y, y_extra])[order]
        options = {**SMALL, "epochs": 4}
        plain = NNClassifier(**options).fit(X, y).evaluate(X_test)
        signed = NNClassifier(**options).fit(X_signed, y_signed, signs[order]).evaluate(X_test)
        differences.append(roc_auc_score(y_test, signed) - roc_auc_score(y_test, plain))
    error = np.std(differences, ddof=1) / np.sqrt(len(differences))
    assert error < 0.002
    assert abs(np.mean(differences)) < 3 * error


def test_a_region_of_negative_density_leaves_the_loss_bounded():
    X, y = toy(8)
    weight = np.where((X[:, 0] > 1.0) & (y == 0), -1.0, 1.0)
    model = NNClassifier(**{**SMALL, "epochs": 40}, learning_rate=0.05).fit(X, y, weight)
    assert np.isfinite(model.decision_function(X)).all()


def test_what_cannot_be_trained_names_the_cure(fitted):
    X, y = toy(9, 300)
    X[3, 1] = np.nan
    with pytest.raises(FeatureValueError, match=r"'x1' is missing .* missing: mean"):
        NNClassifier(**SMALL).fit(X, y)
    with pytest.raises(FeatureValueError, match="missing: mean"):
        fitted.evaluate(X)
    with pytest.raises(InvalidInputError, match=r"'mps' was asked for.*device: auto"):
        NNClassifier(**{**SMALL, "device": "mps"}).fit(*toy(1, 100))


def test_a_loss_that_is_not_finite_stops_with_its_cure(monkeypatch):
    from hepml.classifiers.networks import classifier

    monkeypatch.setattr(classifier, "_loss", lambda *_: float("nan"))
    with pytest.raises(HepmlError, match="lower learning_rate"):
        NNClassifier(**SMALL).fit(*toy(1, 300), validation=(*toy(2, 300), None))


def test_a_constant_feature_plays_no_part(caplog):
    X, y = toy(10, 500)
    X[:, 2] = 3.0
    model = NNClassifier(**SMALL).fit(X, y)
    assert "'x2' is constant" in caplog.text
    moved = X.copy()
    moved[:, 2] = 50.0
    np.testing.assert_array_equal(model.evaluate(moved), model.evaluate(X))


def test_scoring_needs_no_torch(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    code = (
        "import sys, numpy as np; from hepml import classifiers; "
        f"m = classifiers.load({str(tmp_path / 'model')!r}); m.estimator.evaluate(np.zeros((2, 3))); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
