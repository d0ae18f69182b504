"""The best single cut and the linear discriminant: their choice, missing values and signed weights."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from hepml.classifiers.baselines import best_single_cut, linear_discriminant
from hepml.errors import EmptyClassError, InvalidInputError, WeightError
from hepml.evaluation import roc_curve

NAMES = ("a", "b", "c", "d")


@pytest.fixture
def correlated():
    """Two Gaussians with a common, full covariance."""
    rng = np.random.default_rng(1)
    y = (rng.random(4000) < 0.4).astype(np.int8)
    mixing = rng.normal(size=(4, 4))
    X = (rng.normal(size=(4000, 4)) + 0.4 * y[:, None] * [1, -1, 0.5, 0]) @ mixing
    return X.astype(np.float32), y, np.ones(4000)


def test_discriminant_is_that_of_scikit_learn(correlated):
    X, y, weight = correlated
    ours = linear_discriminant(X, y, weight, NAMES).evaluate(X)
    theirs = LinearDiscriminantAnalysis(solver="eigen", priors=[0.5, 0.5]).fit(X, y).decision_function(X)
    slope, offset = np.polyfit(theirs, ours, 1)
    assert slope > 0
    np.testing.assert_allclose(ours, slope * theirs + offset, atol=1e-5 * ours.std())


def test_cancelling_weights_leave_the_discriminant_of_the_rest(correlated):
    """Events that are there once with weight 1 and once with -1 change nothing."""
    X, y, weight = correlated
    rng = np.random.default_rng(2)
    extra = rng.normal(5, 3, (500, 4)).astype(np.float32)
    labels = rng.integers(0, 2, 500).astype(np.int8)
    model = linear_discriminant(
        np.concatenate([X, extra, extra]), np.concatenate([y, labels, labels]),
        np.concatenate([weight, np.ones(500), -np.ones(500)]), NAMES,
    )  # fmt: skip
    plain = linear_discriminant(X, y, weight, NAMES)
    np.testing.assert_allclose(model.coefficient, plain.coefficient, rtol=1e-9)


@given(st.floats(0.01, 100), st.integers(0, 2**32 - 1))
def test_scale_of_a_class_changes_nothing(scale, seed):
    rng = np.random.default_rng(seed)
    y = np.arange(200) % 2
    X = (rng.normal(size=(200, 4)) + 0.3 * y[:, None]).astype(np.float32)
    weight = rng.uniform(-0.1, 1, 200)
    scaled = np.where(y == 1, scale * weight, weight)
    plain, other = (linear_discriminant(X, y, w, NAMES) for w in (weight, scaled))
    np.testing.assert_allclose(other.coefficient, plain.coefficient, rtol=1e-6, atol=1e-9)
    assert best_single_cut(X, y, weight, NAMES).feature == best_single_cut(X, y, scaled, NAMES).feature


def test_redundant_and_constant_columns_are_left_out(correlated):
    X, y, weight = correlated
    doubled = np.column_stack([X, X[:, 1] * 2, np.full(len(X), 7)]).astype(np.float32)
    model = linear_discriminant(doubled, y, weight, (*NAMES, "twice_b", "seven"))
    assert set(model.left_out) in ({"twice_b", "seven"}, {"b", "seven"})
    np.testing.assert_allclose(model.evaluate(doubled), linear_discriminant(X, y, weight, NAMES).evaluate(X), atol=1e-4)


def test_being_missing_can_tell_the_classes_apart():
    """Whether the feature is there is all that differs; the two features that go missing together count once."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 4000)
    X = rng.normal(size=(4000, 3)).astype(np.float32)
    gone = rng.random(4000) < np.where(y == 1, 0.7, 0.2)
    X[gone, 0] = X[gone, 2] = np.nan
    model = linear_discriminant(X, y, np.ones(4000), NAMES[:3])
    assert np.isfinite(model.evaluate(X)).all()
    assert roc_curve(y, model.evaluate(X)).auc == pytest.approx(0.75, abs=0.02)
    assert len(model.left_out) == 1
    assert model.left_out[0].endswith("is missing")
    # a missing value counts as the mean of the classes
    assert model.fill[0] == pytest.approx(np.mean([np.nanmean(X[y == label, 0]) for label in (0, 1)]), rel=1e-6)


@pytest.mark.parametrize("kind", ["above", "below", "near"])
def test_best_cut_is_found_in_feature_and_kind(kind):
    rng = np.random.default_rng(4)
    y = rng.integers(0, 2, 3000)
    X = rng.normal(size=(3000, 4)).astype(np.float32)
    X[:, 2] = {
        "above": X[:, 2] + y, "below": X[:, 2] - y, "near": np.where(y == 1, 91 + 2 * X[:, 2], 91 + 20 * X[:, 2]),
    }[kind]  # fmt: skip
    cut = best_single_cut(X, y, np.ones(3000), NAMES)
    assert (cut.feature, cut.kind) == ("c", kind)
    score = cut.evaluate(X)
    assert roc_curve(y, score).auc == pytest.approx(cut.auc_train)
    threshold = np.quantile(score, 0.6)
    text = cut.describe(threshold)
    passed = {
        "above": X[:, 2] >= threshold, "below": X[:, 2] <= -threshold, "near": np.abs(X[:, 2] - cut.center) <= -threshold,
    }[kind]  # fmt: skip
    np.testing.assert_array_equal(score >= threshold, passed)
    assert text.startswith({"above": "c >= ", "below": "c <= ", "near": "|c - 9"}[kind])
    if kind == "near":
        assert cut.center == pytest.approx(91, abs=0.5)


def test_event_without_the_feature_passes_no_cut():
    X = np.array([[1.0], [2.0], [np.nan], [0.5]], dtype=np.float32)
    cut = best_single_cut(X, np.array([1, 1, 0, 0]), np.ones(4), ["x"])
    assert cut.auc_train == 1
    assert cut.evaluate(X)[2] < cut.evaluate(X)[3]
    assert np.isfinite(cut.evaluate(X)).all()


def test_json_is_strict(correlated):
    X, y, weight = correlated
    X[:50, 3] = np.nan
    for model in (linear_discriminant(X, y, weight, NAMES), best_single_cut(X, y, weight, NAMES)):
        assert json.loads(json.dumps(model.to_dict(), allow_nan=False))


def test_bad_input_is_one_clear_error(correlated):
    X, y, weight = correlated
    for fit in (best_single_cut, linear_discriminant):
        with pytest.raises(EmptyClassError, match="signal"):
            fit(X, np.zeros(len(y)), weight, NAMES)
        with pytest.raises(EmptyClassError, match="background events sum to -"):
            fit(X, y, np.where(y == 1, 1.0, -1.0), NAMES)
    with pytest.raises(InvalidInputError, match="at least one feature"):
        best_single_cut(X[:, :0], y, weight, ())
    with pytest.raises(WeightError, match="1 NaN"):
        best_single_cut(X, y, np.where(np.arange(len(y)) == 3, np.nan, 1.0), NAMES)
