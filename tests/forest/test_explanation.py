"""Importance by hand, and contributions against Shapley's definition summed over all coalitions."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st

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
    from dataclasses import fields

    parts = {item.name: getattr(forest, item.name) for item in fields(forest)}
    return Forest(**{**parts, "cover": cover})


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


def test_threads_change_nothing() -> None:
    rng = np.random.default_rng(4)
    forest = with_cover(rng, random_forest(rng, n_trees=5, depth=4))
    X = rng.normal(size=(9000, 4))
    np.testing.assert_array_equal(forest.contributions(X, threads=1), forest.contributions(X, threads=2))


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
    rng = np.random.default_rng(1)
    forest = with_cover(rng, random_forest(rng, full=True, takes_missing=False))
    with pytest.raises(FeatureValueError, match="missing"):
        forest.contributions(np.full((1, 4), np.nan))
