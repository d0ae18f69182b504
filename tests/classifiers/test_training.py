"""Both kinds reduce to their library, repeat themselves, stop early on the validation part and refuse bad events."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost
from sklearn.ensemble import HistGradientBoostingClassifier as LibraryClassifier
from sklearn.metrics import roc_auc_score

from hepml import classifiers
from hepml.classifiers.training import thread_count
from hepml.errors import EmptyClassError, FeatureValueError, InvalidInputError

_ALL = {"xgboost": {"subsample": 1.0, "colsample_bytree": 1.0}, "hist_gradient_boosting": {"max_features": 1.0}}


def _coarse(events):
    """Fewer different values than bins, so that every library bins them alike, and different positive weights."""
    X = np.round(events.X * 20) / 20
    return X, np.abs(events.w) / np.abs(events.w).mean()


def test_xgboost_with_positive_weights_is_binary_logistic(events, quick):
    X, w = _coarse(events)
    model = quick("xgboost", 20, max_delta_step=0.0, min_child_weight=1.0, **_ALL["xgboost"]).fit(X, events.y, w)
    prevalence = w[events.y].sum() / w.sum()
    native = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 4, "learning_rate": 0.1, "base_score": prevalence, "nthread": 1},
        xgboost.DMatrix(X, label=events.y, weight=w),
        num_boost_round=20,
    )
    np.testing.assert_allclose(model.evaluate(X), native.inplace_predict(X), atol=2e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_hist_gradient_boosting_with_positive_weights_is_scikit_learn(events, quick, weighted):
    X, w = _coarse(events)
    options = {"l2_regularization": 1.0, "max_leaf_nodes": 16, "max_depth": 5}
    model = quick(
        "hist_gradient_boosting", 20, max_delta_step=0.0, min_child_weight=1e-3, max_features=1.0, **options
    ).fit(X, events.y, w if weighted else None)
    library = LibraryClassifier(max_iter=20, early_stopping=False, **options)
    library.fit(X, events.y, sample_weight=w if weighted else None)
    np.testing.assert_allclose(model.evaluate(X), library.predict_proba(X)[:, 1], atol=2e-5)


def test_bins_of_many_values_are_those_of_scikit_learn(events, quick):
    options = {"l2_regularization": 1.0, "max_leaf_nodes": 8, "max_bins": 32, "max_depth": 5}
    model = quick(
        "hist_gradient_boosting", 10, max_delta_step=0.0, min_child_weight=1e-3, max_features=1.0, **options
    ).fit(events.X, events.y)
    library = LibraryClassifier(max_iter=10, early_stopping=False, **options).fit(events.X, events.y)
    difference = model.evaluate(events.X) - library.predict_proba(events.X)[:, 1]
    # scikit-learn < 1.7 puts an edge between two events where it now stands at one
    assert np.abs(difference).mean() < 0.01
    assert np.std(model.evaluate(events.X)) > 0.15


def test_two_trainings_are_identical_whatever_the_threads(kind, quick, events):
    held_out = (events.X[::2], events.y[::2], events.w[::2])
    models = [
        quick(kind, random_state=3, n_jobs=n_jobs).fit(events.X, events.y, events.w, validation=held_out)
        for n_jobs in (1, 1, 2)
    ]
    assert models[0]._payloads() == models[1]._payloads() == models[2]._payloads()
    assert models[0].training_report_ == models[2].training_report_


def test_the_memory_order_of_the_features_changes_nothing(kind, quick, events):
    in_rows = quick(kind).fit(np.ascontiguousarray(events.X), events.y, events.w)
    in_columns = quick(kind).fit(np.asfortranarray(events.X), events.y, events.w)
    assert in_rows._payloads() == in_columns._payloads()
    assert np.array_equal(in_rows.evaluate(events.X), in_rows.evaluate(np.asfortranarray(events.X)))


def test_the_seed_matters(kind, quick, events):
    options = {} if kind != "hist_gradient_boosting" else {"max_features": 0.5}
    first, second = (quick(kind, random_state=s, **options).fit(events.X, events.y, events.w) for s in (1, 2))
    assert not np.array_equal(first.evaluate(events.X), second.evaluate(events.X))


def test_early_stopping_keeps_the_best_iteration(kind, quick, two_gaussians):
    train, held_out = two_gaussians(500, seed=1), two_gaussians(500, seed=2)
    name = "n_iter_no_change" if kind == "hist_gradient_boosting" else "early_stopping_rounds"
    options = {"learning_rate": 0.3, "min_child_weight": 1.0}
    stopped = quick(kind, 400, **{name: 10}, **options).fit(*train, validation=held_out)
    report = stopped.training_report_
    curve = report["validation_log_loss"]
    assert report["iterations"] == np.argmin(curve) + 1
    assert len(curve) == report["iterations"] + 10 < 400
    exact = quick(kind, report["iterations"], **options).fit(*train)
    assert np.array_equal(stopped.evaluate(train[0]), exact.evaluate(train[0]))
    # the curve is the metric of the model that is kept
    X, y, w = held_out
    p = stopped.evaluate(X)
    assert -np.average(np.where(y, np.log(p), np.log1p(-p)), weights=w) == pytest.approx(min(curve), rel=1e-6)
    never = quick(kind, 60, **{name: None}, **options).fit(*train, validation=held_out)
    assert len(never.training_report_["validation_log_loss"]) == 60
    assert never.training_report_["iterations"] == np.argmin(never.training_report_["validation_log_loss"]) + 1


def test_validation_labels_do_not_enter_the_trees(kind, quick, two_gaussians):
    train, (X, y, w) = two_gaussians(500, seed=1), two_gaussians(500, seed=2)
    report = quick(kind, 20).fit(*train, validation=(X, y, w)).training_report_
    poisoned = quick(kind, 20).fit(*train, validation=(X, ~y, None))
    assert poisoned.training_report_["iterations"] == 1
    plain = quick(kind, 1).fit(*train)
    assert report["iterations"] > 1
    assert np.array_equal(poisoned.evaluate(X), plain.evaluate(X))


def test_validation_part_is_checked(kind, quick, events):
    with pytest.raises(InvalidInputError, match="label '7'"):
        quick(kind).fit(events.X, events.y.astype(int), validation=(events.X, np.full(2000, 7), None))
    with pytest.raises(EmptyClassError, match="validation events sum to 0"):
        quick(kind).fit(events.X, events.y, validation=(events.X, np.zeros(2000, bool), None))
    bad = np.where(np.isnan(events.X), np.inf, events.X)
    with pytest.raises(FeatureValueError, match="'x1'"):
        quick(kind).fit(events.X, events.y, validation=(bad, events.y, None))


def test_missing_values_are_used(kind, quick):
    rng = np.random.default_rng(0)
    y = rng.random(2000) < 0.5
    X = rng.normal(size=(2000, 1)).astype(np.float32)
    X[y & (rng.random(2000) < 0.8)] = np.nan
    model = quick(kind).fit(X, y)
    assert model.evaluate([[np.nan]])[0] > 0.95
    assert model.evaluate([[0.0]])[0] < 0.35


def test_infinite_features_are_named(kind, quick, events):
    X = events.X.copy()
    X[3, 1] = np.inf
    X[70, 1] = -np.inf
    message = r"infinite values .*feature 'x1' \(2 of 2000 events\)"
    with pytest.raises(FeatureValueError, match=message):
        quick(kind).fit(X, events.y)
    model = quick(kind, 2).fit(events.X, events.y)
    with pytest.raises(FeatureValueError, match=message):
        model.evaluate(X)
    with pytest.raises(FeatureValueError, match="'x0'"):
        model.evaluate(np.array([[1e39, 0.0]]))


def test_a_method_that_cannot_take_nan_names_the_feature(events):
    class Fussy(classifiers.get("xgboost")):
        handles_nan = False

    message = rf"'xgboost' cannot take missing values .*'x0' \({np.isnan(events.X[:, 0]).sum()} of 2000"
    with pytest.raises(FeatureValueError, match=message):
        Fussy(n_jobs=1).fit(events.X, events.y)


def test_labels_of_any_kind(kind, quick, events):
    reference = quick(kind).fit(events.X, events.y, events.w)
    for labels in (np.array(["bkg", "sig"]), np.array([-1, 1]), np.array([0.0, 1.0])):
        y = labels[events.y.astype(int)]
        model = quick(kind).fit(events.X, y, events.w)
        assert np.array_equal(model.evaluate(events.X), reference.evaluate(events.X))
        assert set(model.predict(events.X)) == set(labels)
        assert np.array_equal(model.predict(events.X) == labels[1], model.decision_function(events.X) > 0)
    with pytest.raises(EmptyClassError, match="1 class"):
        quick(kind).fit(events.X, np.ones(2000))


def test_scores_agree_with_each_other(kind, quick, events):
    model = quick(kind).fit(events.X, events.y, events.w)
    score, proba = model.evaluate(events.X), model.predict_proba(events.X)
    assert score.dtype == np.float64
    assert score.shape == (2000,)
    assert np.array_equal(score, proba[:, 1])
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(np.log(proba[:, 1] / proba[:, 0]), model.decision_function(events.X), atol=1e-9)
    assert model.evaluate(np.empty((0, 2))).shape == (0,)
    # one event at a time, or all: the same
    assert np.array_equal(np.concatenate([model.evaluate(row[None]) for row in events.X[:20]]), score[:20])
    assert np.array_equal(model.evaluate(np.tile(events.X, (40, 1)))[-2000:], score)


def test_the_defaults_separate(kind, two_gaussians):
    X, y, _ = two_gaussians(2000, seed=1)
    test, truth, _ = two_gaussians(5000, seed=2)
    model = classifiers.get(kind)(n_jobs=1).fit(X, y, validation=two_gaussians(1000, seed=3))
    # closed form: Phi(1.4 / sqrt 2) = 0.8389
    assert roc_auc_score(truth, model.evaluate(test)) == pytest.approx(0.8389, abs=0.012)


def test_a_constant_or_empty_column_is_no_problem(kind, quick, events):
    X = np.column_stack([events.X, np.ones(2000, np.float32), np.full(2000, np.nan, np.float32)])
    score = quick(kind).fit(X, events.y, events.w).evaluate(X)
    assert np.isfinite(score).all()


def test_threads_follow_the_work():
    assert thread_count(3, 10) == 3
    assert thread_count(None, 10) == 1
    assert thread_count(None, 10**9) >= 1
