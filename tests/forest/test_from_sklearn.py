"""scikit-learn's trees as forests, against scikit-learn's own probabilities, values, decision functions and leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import ensemble, tree
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from hepml.errors import FeatureValueError, InvalidInputError
from hepml.forest import Forest
from tests.forest.reference import random_events, reference_margin

RNG = np.random.default_rng(7)
X = RNG.normal(size=(700, 4))
X[:, 3] = RNG.integers(0, 7, len(X)) * 10
WITH_MISSING = np.where(RNG.random(X.shape) < 0.1, np.nan, X)
Y = (X[:, 0] + X[:, 1] * (X[:, 3] % 20 > 0) > 0).astype(int)
LABELS = {"binary": np.array(["background", "signal"])[Y], "multi-class": Y + (X[:, 2] > 0)}

SINGLE = (
    tree.DecisionTreeClassifier(max_depth=6, random_state=1),
    tree.DecisionTreeRegressor(max_depth=6, random_state=1),
    tree.ExtraTreeClassifier(max_depth=6, random_state=1),
    tree.ExtraTreeRegressor(max_depth=6, random_state=1),
    ensemble.RandomForestClassifier(n_estimators=8, random_state=1),
    ensemble.RandomForestRegressor(n_estimators=8, random_state=1),
    ensemble.ExtraTreesClassifier(n_estimators=8, random_state=1),
    ensemble.ExtraTreesRegressor(n_estimators=8, random_state=1),
)
BOOSTED = (
    ensemble.GradientBoostingClassifier(n_estimators=8, random_state=1),
    ensemble.GradientBoostingClassifier(n_estimators=8, init="zero", random_state=1),
    ensemble.GradientBoostingRegressor(n_estimators=8, random_state=1),
    ensemble.GradientBoostingRegressor(n_estimators=8, loss="quantile", random_state=1),
    ensemble.AdaBoostClassifier(tree.DecisionTreeClassifier(max_depth=2), n_estimators=8, random_state=1),
)
HISTOGRAMS = (
    ensemble.HistGradientBoostingClassifier(max_iter=8, random_state=1),
    ensemble.HistGradientBoostingClassifier(max_iter=8, categorical_features=[3], random_state=1),
    ensemble.HistGradientBoostingClassifier(max_iter=8, categorical_features=[1], random_state=1),
    ensemble.HistGradientBoostingRegressor(max_iter=8, categorical_features=[3], random_state=1),
    ensemble.HistGradientBoostingRegressor(max_iter=8, loss="poisson", random_state=1),
)


def target(estimator: Any, kind: str) -> Any:
    return LABELS[kind] if hasattr(estimator, "predict_proba") else LABELS["multi-class"] + 1.0


def assert_agrees(estimator: Any, events: Any) -> Forest:
    forest = Forest.from_sklearn(estimator)
    score = estimator.predict_proba(events) if hasattr(estimator, "predict_proba") else estimator.predict(events)
    if score.ndim == 2 and score.shape[1] == 2:
        score = score[:, 1]
    assert forest.predict(events).shape == score.shape
    np.testing.assert_allclose(forest.predict(events), score, rtol=1e-12, atol=1e-12)
    margin = forest.predict(events, output="margin")
    if hasattr(estimator, "decision_function"):
        scale = forest.metadata.get("margin_scale", 1.0)
        np.testing.assert_allclose(margin / scale, estimator.decision_function(events), rtol=1e-12, atol=1e-12)
    if forest.aggregate == "sum":
        np.testing.assert_allclose(
            margin.reshape(len(events), -1), reference_margin(forest, events), rtol=0, atol=1e-12
        )
    leaf = None
    if hasattr(estimator, "apply"):
        leaf = estimator.apply(events).reshape(len(events), -1)
    elif hasattr(estimator, "estimators_"):
        leaf = np.column_stack([each.apply(events) for each in estimator.estimators_])
    if leaf is not None:
        np.testing.assert_array_equal(forest.predict(events, output="leaf"), leaf)
    return forest


def edges(forest: Forest, *, missing: bool) -> Any:
    """Return random events and edge cases; scikit-learn takes no infinities, and warns if a sum overflows."""
    events = np.clip(random_events(np.random.default_rng(8), 300, 4, forest), -1e35, 1e35)
    return events if missing else np.nan_to_num(events)


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("estimator", SINGLE, ids=str)
def test_trees_and_forests(estimator: Any, kind: str) -> None:
    for features in (X, WITH_MISSING):
        estimator.fit(features, target(estimator, kind))
        forest = assert_agrees(estimator, WITH_MISSING)
        assert forest.takes_missing
        assert_agrees(estimator, edges(forest, missing=True))


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("estimator", BOOSTED, ids=str)
def test_boosted_trees(estimator: Any, kind: str) -> None:
    estimator.fit(X, target(estimator, kind))
    forest = assert_agrees(estimator, X)
    assert_agrees(estimator, edges(forest, missing=False))
    with pytest.raises(FeatureValueError, match="missing"):
        forest.predict(WITH_MISSING)


def test_exponential_loss() -> None:
    estimator = ensemble.GradientBoostingClassifier(n_estimators=8, loss="exponential").fit(X, Y)
    assert assert_agrees(estimator, X).link == "logistic_2x"


@pytest.mark.parametrize("loss", ["linear", "square", "exponential"])
@pytest.mark.parametrize("trees", [None, tree.ExtraTreeRegressor(max_depth=9, random_state=1)], ids=str)
def test_medians(loss: Any, trees: Any) -> None:
    estimator = ensemble.AdaBoostRegressor(trees, n_estimators=30, loss=loss, random_state=1)
    estimator.fit(X, target(estimator, "binary"))
    forest = assert_agrees(estimator, X)
    assert forest.aggregate == "median"
    events = edges(forest, missing=False)
    np.testing.assert_array_equal(assert_agrees(estimator, events).predict(events), estimator.predict(events))
    np.testing.assert_array_equal(forest.predict(events, output="staged"), list(estimator.staged_predict(events)))
    with pytest.raises(FeatureValueError, match="missing"):
        forest.predict(WITH_MISSING)


def test_the_median_of_one_tree_that_is_worse_than_chance() -> None:
    noise = np.array([1.0] * 50 + [0.0] * 49)
    estimator = ensemble.AdaBoostRegressor(tree.DecisionTreeRegressor(max_depth=1), random_state=1)
    estimator.fit(np.zeros((99, 1)), noise)
    assert not estimator.estimator_weights_.any()
    assert assert_agrees(estimator, np.zeros((3, 1))).n_trees == 1


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("estimator", HISTOGRAMS, ids=str)
def test_histogram_gradient_boosting(estimator: Any, missing: bool, kind: str) -> None:
    features = (WITH_MISSING if missing else X).copy()
    if estimator.categorical_features == [1]:
        # columns by category come first inside the library
        features = features[:, [0, 3, 2, 1]]
    estimator.fit(features, target(estimator, kind))
    events = np.concatenate([features] * 2)
    rng = np.random.default_rng(9)
    for column in estimator.categorical_features or () if isinstance(estimator.categorical_features, list) else ():
        # also categories that were never seen
        events[:300, column] = rng.integers(-5, 90, 300)
        events[300:310, column] = 1e9
    forest = assert_agrees(estimator, events)
    assert forest.precision == "float64"
    if not isinstance(estimator.categorical_features, list):
        assert_agrees(estimator, random_events(np.random.default_rng(8), 300, 4, forest))


def test_histograms_that_stop_early() -> None:
    estimator = ensemble.HistGradientBoostingClassifier(
        max_iter=200, early_stopping=True, n_iter_no_change=2, random_state=1
    )
    assert assert_agrees(estimator.fit(X, Y), X).n_trees == estimator.n_iter_ < 200


def test_gain_and_cover_are_those_of_the_impurity() -> None:
    estimator = DecisionTreeClassifier(max_depth=4).fit(X, Y)
    forest = Forest.from_sklearn(estimator, ["a", "b", "c", "d"])
    split = forest.feature >= 0
    gain = np.bincount(forest.feature[split], forest.gain[split], minlength=4)
    np.testing.assert_allclose(gain / gain.sum(), estimator.feature_importances_)
    np.testing.assert_array_equal(forest.cover, estimator.tree_.n_node_samples)
    assert forest.feature_names == ("a", "b", "c", "d")
    assert forest.metadata["classes"] == [0, 1]
    assert Forest.from_sklearn(estimator).feature_names == ("x0", "x1", "x2", "x3")


REFUSED = {
    "not fitted": DecisionTreeClassifier,
    "2 targets": lambda: tree.DecisionTreeRegressor(max_depth=2).fit(X, np.column_stack([Y, Y])),
    "no ensemble of trees": lambda: LogisticRegression().fit(X, Y),
    "one class only": lambda: DecisionTreeClassifier().fit(X, np.zeros(len(X))),
    "init": lambda: ensemble.GradientBoostingClassifier(n_estimators=2, init=DecisionTreeClassifier()).fit(X, Y),
    "AdaBoostRegressor boosts LinearRegression": lambda: ensemble.AdaBoostRegressor(
        LinearRegression(), n_estimators=2
    ).fit(X, Y),
    "no decision tree": lambda: ensemble.AdaBoostClassifier(LogisticRegression(), n_estimators=2).fit(X, Y),
    "no whole numbers": lambda: ensemble.HistGradientBoostingClassifier(max_iter=2, categorical_features=[3]).fit(
        X / 20, Y
    ),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_a_forest_cannot_express_is_refused_with_the_reason(reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        Forest.from_sklearn(REFUSED[reason]())


def test_as_many_names_as_features() -> None:
    with pytest.raises(InvalidInputError, match="1 feature names are given for 4"):
        Forest.from_sklearn(DecisionTreeClassifier(max_depth=2).fit(X, Y), ["a"])
