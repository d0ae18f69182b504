"""Importance by hand, and contributions against Shapley's definition summed over all coalitions."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier

from hepml.errors import FeatureValueError, InvalidInputError
from hepml.forest import Forest
from tests.forest.reference import goes_right, random_events, random_forest

if TYPE_CHECKING:
    from numpy.typing import NDArray


def with_cover(rng: np.random.Generator, forest: Forest) -> Forest:
    """Share 100 events of each root among its leaves at random; some get none."""
    cover = np.zeros(len(forest.feature))
    for root in forest.first_node[:-1]:
        cover[root] = 100.0
        open_nodes = [int(root)]
        while open_nodes:
            node = open_nodes.pop()
            if forest.feature[node] >= 0:
                share = rng.choice([0.0, 0.3, 0.5, 0.9])
                cover[forest.left[node]] = share * cover[node]
                cover[forest.right[node]] = (1.0 - share) * cover[node]
                open_nodes += [int(forest.left[node]), int(forest.right[node])]
    return replace(forest, cover=cover)


def expectation(forest: Forest, x: NDArray[Any], known: set[int]) -> NDArray[np.float64]:
    """Return the mean margin of the training events if only some features of ``x`` are known."""
    total = forest.base.copy()
    for tree in range(forest.n_trees):
        open_nodes = [(int(forest.first_node[tree]), 1.0)]
        while open_nodes:
            node, share = open_nodes.pop()
            feature = int(forest.feature[node])
            left, right = int(forest.left[node]), int(forest.right[node])
            if feature < 0:
                value = forest.value[node] * forest.tree_weight[tree] * share
                if forest.aggregate == "average":
                    value = value / forest.tree_weight.sum()
                if len(value) == 1:
                    total[forest.output[tree]] += value[0]
                else:
                    total += value
            elif feature in known:
                open_nodes.append((right if goes_right(forest, node, x[feature]) else left, share))
            elif forest.cover[node] > 0.0:
                open_nodes += [(child, share * forest.cover[child] / forest.cover[node]) for child in (left, right)]
    return total


def shapley(forest: Forest, x: NDArray[Any]) -> NDArray[np.float64]:
    """Sum over all coalitions, as the definition says."""
    n = forest.n_features
    result = np.zeros((n + 1, forest.n_outputs))
    result[-1] = expectation(forest, x, set())
    for feature in range(n):
        others = [other for other in range(n) if other != feature]
        for size in range(n):
            weight = factorial(size) * factorial(n - size - 1) / factorial(n)
            for chosen in combinations(others, size):
                gain = expectation(forest, x, {*chosen, feature}) - expectation(forest, x, set(chosen))
                result[feature] += weight * gain
    return result


@given(seed=st.integers(0, 2**32 - 1), depth=st.integers(0, 5), n_outputs=st.integers(1, 2), average=st.booleans())
@settings(max_examples=25)
def test_contributions_are_shapley_values(seed: int, depth: int, n_outputs: int, average: bool) -> None:
    rng = np.random.default_rng(seed)
    forest = random_forest(
        rng,
        n_trees=3,
        depth=depth,
        n_outputs=n_outputs,
        vector_leaves=n_outputs > 1,
        categories=True,
        aggregate="average" if average else "sum",
        tree_weight=[1.0, 0.5, 2.0],
    )
    forest = with_cover(rng, forest)
    X = random_events(rng, 3, 4, forest)
    found = forest.contributions(X).reshape(3, 5, n_outputs)
    np.testing.assert_allclose(found, [shapley(forest, x) for x in X], rtol=0, atol=1e-12)
    margin = forest.predict(X, output="margin").reshape(3, n_outputs)
    np.testing.assert_allclose(found.sum(axis=1), margin, rtol=0, atol=1e-12)


@given(seed=st.integers(0, 2**32 - 1), n_features=st.integers(1, 6), depth=st.integers(6, 11))
@settings(max_examples=10)
def test_features_that_are_asked_again_and_again(seed: int, n_features: int, depth: int) -> None:
    rng = np.random.default_rng(seed)
    forest = with_cover(rng, random_forest(rng, n_trees=1, depth=depth, n_features=n_features))
    X = random_events(rng, 2, n_features, forest)
    found = forest.contributions(X)
    np.testing.assert_allclose(found, [shapley(forest, x)[:, 0] for x in X], rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_features", [1, 2, 7, 60, 301])
@pytest.mark.parametrize("share", [0.5, 0.999])
def test_one_condition_on_each_feature_by_hand(n_features: int, share: float) -> None:
    """By symmetry: all features get the same if all conditions are met, and all but the last if only that one is not."""
    n = n_features
    split, leaf = np.arange(n), np.arange(n, 2 * n + 1)
    forest = Forest.from_nodes(
        feature=[*range(n), *[-1] * (n + 1)],
        threshold=np.zeros(2 * n + 1),
        left=[*leaf[:-1], *[-1] * (n + 1)],
        right=[*split[1:], leaf[-1], *[-1] * (n + 1)],
        value=[*[0.0] * 2 * n, 1.0],
        first_node=[0, 2 * n + 1],
        feature_names=[f"x{number}" for number in range(n)],
        cover=[*share**split, *share**split * (1.0 - share), share**n],
    )
    X = np.ones((2, n))
    X[1, -1] = -1.0
    met, missed = forest.contributions(X)
    np.testing.assert_allclose(met, [*[(1.0 - share**n) / n] * n, share**n], rtol=1e-11)
    # with k of the n - 1 others known the leaf is reached by share^(n - k), and by 0 once the last feature is known
    last = -share * np.mean(share ** np.arange(n))
    np.testing.assert_allclose(missed[n - 1], last, rtol=1e-11)
    np.testing.assert_allclose(missed[: n - 1], (-(share**n) - last) / max(n - 1, 1), rtol=1e-11)


def test_fully_grown_trees_lose_no_digits() -> None:
    rng = np.random.default_rng(6)
    X = rng.normal(size=(1500, 30))
    y = (X[:, :10].sum(axis=1) + rng.normal(size=len(X)) > 0).astype(int) + (X[:, 10] > 1.0)
    forest = Forest.from_sklearn(RandomForestClassifier(10, max_features=1, random_state=7).fit(X, y))
    assert forest.depth.max() > 15
    assert forest.n_outputs == 3
    found, margin = forest.contributions(X[:200]), forest.predict(X[:200], output="margin")
    np.testing.assert_allclose(found.sum(axis=1), margin, rtol=0, atol=1e-13)
    np.testing.assert_allclose(found[:, -1], np.tile(found[0, -1], (200, 1)), rtol=0, atol=0)
    np.testing.assert_allclose(found.sum(axis=2)[:, :-1], 0.0, rtol=0, atol=1e-13)


def test_blocks_threads_and_layouts_change_nothing() -> None:
    rng = np.random.default_rng(4)
    forest = with_cover(rng, random_forest(rng, n_trees=5, depth=6))
    X = rng.normal(size=(9000, 4)).astype(np.float32)
    found = forest.contributions(X, threads=1)
    np.testing.assert_array_equal(forest.contributions(X, threads=2), found)
    np.testing.assert_array_equal(forest.contributions(np.asfortranarray(X)), found)
    np.testing.assert_array_equal(forest.contributions(X.astype(np.float64)[300:1101]), found[300:1101])
    np.testing.assert_array_equal(forest.contributions(X[8999:]), found[8999:])
    assert forest.contributions(X[:0]).shape == (0, 5)


def test_xgboost_explains_its_trees_alike() -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(3000, 5)).astype(np.float32)
    X[rng.random(X.shape) < 0.1] = np.nan
    data = xgb.DMatrix(X, np.nan_to_num(X[:, 0]) * np.nan_to_num(X[:, 1]) + np.nan_to_num(X[:, 2]) > 0)
    booster = xgb.train({"objective": "binary:logistic", "max_depth": 4}, data, 20)
    forest = Forest.from_xgboost(booster)
    # the library adds in single precision
    np.testing.assert_allclose(forest.contributions(X), booster.predict(data, pred_contribs=True), rtol=0, atol=2e-5)
    for kind, name in (("gain", "gain"), ("total_gain", "total_gain"), ("cover", "cover"), ("splits", "weight")):
        known = booster.get_score(importance_type=name)
        expected = [known.get(f"f{number}", 0.0) for number in range(5)]
        np.testing.assert_allclose(forest.importance(kind), expected, rtol=1e-5)  # type: ignore[arg-type]


def test_importance_by_hand() -> None:
    forest = Forest.from_nodes(
        feature=[0, 1, -1, -1, -1, 0, -1, -1],
        threshold=np.zeros(8),
        left=[1, 2, -1, -1, -1, 6, -1, -1],
        right=[4, 3, -1, -1, -1, 7, -1, -1],
        value=np.zeros(8),
        first_node=[0, 5, 8],
        feature_names=["x", "y", "z"],
        gain=[6.0, 1.0, 0, 0, 0, 2.0, 0, 0],
        cover=[10.0, 4.0, 2.0, 2.0, 6.0, 20.0, 10.0, 10.0],
    )
    assert forest.importance().tolist() == [4.0, 1.0, 0.0]
    assert forest.importance("total_gain").tolist() == [8.0, 1.0, 0.0]
    assert forest.importance("cover").tolist() == [15.0, 4.0, 0.0]
    assert forest.importance("total_cover").tolist() == [30.0, 4.0, 0.0]
    assert forest.importance("splits").tolist() == [2.0, 1.0, 0.0]
    with pytest.raises(InvalidInputError, match="did you mean 'gain'"):
        forest.importance("gains")  # type: ignore[arg-type]


def test_what_is_not_known_is_said() -> None:
    forest = random_forest(np.random.default_rng(0), full=True)
    for kind in ("gain", "cover"):
        with pytest.raises(InvalidInputError, match=f"{kind} of splits is not known"):
            forest.importance(kind)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="need the cover"):
        forest.contributions(np.zeros((1, 4)))
    for strange in (-1.0, np.inf):
        with pytest.raises(InvalidInputError, match="cover of 1 of 105 nodes is negative or infinite"):
            replace(forest, cover=np.where(np.arange(105) == 3, strange, 1.0)).contributions(np.zeros((1, 4)))
    rng = np.random.default_rng(1)
    forest = with_cover(rng, random_forest(rng, full=True, takes_missing=False))
    with pytest.raises(FeatureValueError, match="missing"):
        forest.contributions(np.full((1, 4), np.nan))
