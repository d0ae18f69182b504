"""``kind: ensemble``: averages are exact, stacking never sees its own training events, trees become one forest."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from hepml import classifiers
from hepml.errors import InvalidInputError, ModelFormatError

pytest.importorskip("lightgbm", reason="lightgbm is not installed")
pytest.importorskip("skops", reason="skops is not installed")

TREES = {"kind": "xgboost", "n_estimators": 20, "max_depth": 2}
DEEP = {"kind": "xgboost", "n_estimators": 10, "max_depth": 4}
LINEAR = {"kind": "sklearn", "estimator": "sklearn.linear_model.LogisticRegression"}


def ensemble(members, **options):
    return classifiers.get("ensemble").from_options({"members": members, "n_jobs": 1, **options}, "methods.E")


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(5)
    y = rng.random(4000) < 0.5
    X = rng.normal(size=(4000, 3)) + np.outer(np.where(y, 0.7, -0.7), [1.0, 0.0, 0.0])
    return X.astype(np.float32), y, np.where(rng.random(4000) < 0.15, -1.0, 1.0)


def test_the_average_is_that_of_log_odds(sample, tmp_path):
    X, y, w = sample
    model = ensemble({"A": TREES, "B": LINEAR}).fit(X, y, w)
    expected = np.mean([member.estimator.decision_function(X) for member in model.members_], axis=0)
    np.testing.assert_allclose(model.decision_function(X), expected, rtol=1e-14)
    np.testing.assert_allclose(model.evaluate(X), expit(expected), rtol=1e-14)
    assert not hasattr(model, "forest_")
    assert np.array_equal(classifiers.load(model.save(tmp_path / "m")).evaluate(X), model.evaluate(X))


@pytest.mark.parametrize("combine", ["average", "stacking"])
def test_forests_are_one_forest(sample, combine):
    X, y, w = sample
    model = ensemble({"A": TREES, "B": DEEP}, combine=combine, folds=2).fit(X, y, w)
    assert model.forest_.n_trees == 30
    np.testing.assert_allclose(model.forest_.predict(X), model.evaluate(X), rtol=1e-12)
    other = ensemble({"A": TREES, "B": {"kind": "lightgbm", "n_estimators": 5}}).fit(X, y, w)
    assert not hasattr(other, "forest_")


def test_several_classes_are_averaged(sample):
    X, _, w = sample
    y = np.digitize(X[:, 1], [-0.5, 0.5])
    members = {
        name: {"kind": "lightgbm", "n_estimators": 20, "num_leaves": size} for name, size in (("A", 4), ("B", 8))
    }
    model = ensemble(members).fit(X, y, np.abs(w))
    assert model.evaluate(X).shape == (4000, 3)
    np.testing.assert_allclose(model.forest_.predict(X), model.evaluate(X), rtol=1e-12)
    with pytest.raises(InvalidInputError, match="two classes: choose combine: average"):
        ensemble(members, combine="stacking").fit(X, y, np.abs(w))


def test_stacking_trusts_no_member_that_learned_by_heart(sample):
    X, y, w = sample
    # such a tree is perfect on what it was trained on, and near to useless elsewhere
    by_heart = {"kind": "sklearn", "estimator": "sklearn.tree.DecisionTreeClassifier"}
    model = ensemble({"A": LINEAR, "B": by_heart}, combine="stacking").fit(X, y, np.abs(w))
    spread = [member.estimator.decision_function(X).std() for member in model.members_]
    linear, tree = model.coefficients_ * spread
    assert linear > 5 * abs(tree)
    assert model.coefficients_[0] == pytest.approx(1.0, abs=0.2)


def test_rows_of_one_event_stay_in_one_fold(sample):
    X, y, w = sample
    # each event twice: without the event the copies would tell a tree what to answer
    X, y, w = np.repeat(X, 2, axis=0), np.repeat(y, 2), np.abs(np.repeat(w, 2))
    event = np.repeat(np.arange(4000.0), 2)
    by_heart = {"kind": "sklearn", "estimator": "sklearn.tree.DecisionTreeClassifier"}
    members = {"A": LINEAR, "B": by_heart}
    together = ensemble(members, combine="stacking", event=["id"])
    assert together.needed_spectators() == ("id",)
    together.fit(X, y, w, spectators={"id": (event, None)})
    apart = ensemble(members, combine="stacking").fit(X, y, w)
    assert abs(together.coefficients_[1]) < 0.1 * apart.coefficients_[1]


def test_signed_weights_are_stacked_as_the_net_density(two_gaussians):
    X, y, w = two_gaussians(10_000, seed=1, negative=0.3)
    members = {"A": LINEAR, "B": {"kind": "sklearn", "estimator": "sklearn.naive_bayes.GaussianNB"}}
    model = ensemble(members, combine="stacking", folds=2).fit(X, y, w)
    grid = np.random.default_rng(0).uniform(-1.5, 1.5, size=(1000, 2))
    slopes = np.linalg.lstsq(np.column_stack([np.ones(1000), grid]), model.decision_function(grid), rcond=None)[0]
    assert slopes[1:] == pytest.approx([1.4, 0.0], abs=0.12)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "methods.E.members: must be a mapping"),
        ({"A": "xgboost"}, "methods.E.members.A: must be a mapping with the kind"),
        ({"A": {"kind": "ensemble"}}, "cannot stand inside"),
        ({"A": {**TREES, "planed_in": ["m"]}}, "need columns beside the features"),
    ],
)
def test_what_cannot_be_asked_for(members, message):
    with pytest.raises(InvalidInputError, match=message):
        ensemble(members)


def test_responses_that_are_no_log_odds_are_not_averaged(sample):
    X, y, w = sample
    members = {"A": TREES, "B": {"kind": "tmva", "method": "Fisher"}}
    with pytest.raises(InvalidInputError, match=r"answers of B are no log-odds.*stacking"):
        ensemble(members).fit(X, y, w)
    ensemble(members, combine="stacking", folds=2).fit(X, y, w)


def test_damaged_state_is_refused(sample):
    X, y, w = sample
    model = ensemble({"A": TREES, "B": LINEAR}).fit(X, y, w)
    state, payloads = model._state(), model._payloads()
    for change in ({"coefficients": [1.0]}, {"coefficients": [1.0, "x"]}, {"intercept": None}, {"more": 1}):
        with pytest.raises(ModelFormatError):
            model._restore({**state, **change}, payloads)
