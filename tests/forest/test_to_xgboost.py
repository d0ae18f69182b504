"""Forests as XGBoost models: read by xgboost itself, and the same trees after a round trip."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier

from hepml.errors import ExportError
from hepml.forest import Forest, to_xgboost
from hepml.forest.verification import verify
from tests.forest.reference import random_events, random_forest

if TYPE_CHECKING:
    from pathlib import Path


@given(
    seed=st.integers(0, 2**32 - 1),
    depth=st.integers(0, 7),
    n_outputs=st.integers(1, 3),
    vector=st.booleans(),
    average=st.booleans(),
    link=st.sampled_from(["identity", "logistic", "logistic_2x", "exp", "softmax"]),
    options=st.fixed_dictionaries(
        {"comparison": st.sampled_from(["<", "<="]), "takes_missing": st.booleans(), "categories": st.booleans()}
    ),
)
@settings(max_examples=40)
def test_xgboost_gives_the_response_of_every_forest(  # noqa: PLR0917  (hypothesis gives them by name)
    seed: int, depth: int, n_outputs: int, vector: bool, average: bool, link: Any, options: dict[str, Any]
) -> None:
    rng = np.random.default_rng(seed)
    forest = random_forest(
        rng,
        depth=depth,
        n_outputs=n_outputs,
        vector_leaves=vector and n_outputs > 1,
        aggregate="average" if average and (vector or n_outputs == 1) else "sum",
        tree_weight=rng.uniform(0.5, 2.0, 7),
        link="identity" if link == "softmax" and n_outputs == 1 else link,
        largest_category=1000,
        **options,
    )
    result = verify(to_xgboost.make_form(forest), forest)
    assert result.verified
    assert result.by == f"xgboost {xgb.__version__}"


@pytest.mark.parametrize(
    ("objective", "more"),
    [
        ("binary:logistic", {"base_score": 0.03}),
        ("binary:logistic", {"base_score": 0.9999}),
        ("reg:squarederror", {}),
        ("count:poisson", {}),
        ("multi:softprob", {"num_class": 3}),
    ],
)
def test_a_round_trip_keeps_the_trees(objective: str, more: dict[str, Any], tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(500, 4)).astype(np.float32)
    X[rng.random(X.shape) < 0.1] = np.nan
    y = rng.integers(0, 3 if "multi" in objective else 2, 500)
    data = xgb.DMatrix(X, y, feature_names=["pt", "eta", "phi", "é ü"])
    booster = xgb.train({"objective": objective, "max_depth": 4, "gamma": 0.3, **more}, data, 6)
    forest = Forest.from_xgboost(booster)
    path = tmp_path / "model.json"
    assert forest.to_xgboost(path).verified
    again = xgb.Booster(model_file=path)
    assert again.feature_names == data.feature_names
    events = np.vstack([random_events(rng, 500, 4, forest).clip(-3e38, 3e38).astype(np.float32), X])
    for kind in ("margin", "value"):
        one, two = (b.inplace_predict(events, predict_type=kind, validate_features=False) for b in (booster, again))
        np.testing.assert_allclose(one, two, rtol=2e-7, atol=2e-7)
    before, after = (
        json.loads(bytes(b.save_raw("json")))["learner"]["gradient_booster"]["model"] for b in (booster, again)
    )
    assert before["tree_info"] == after["tree_info"]
    assert before["iteration_indptr"] == after["iteration_indptr"]
    for old, new in zip(before["trees"], after["trees"], strict=True):
        for key in ("left_children", "right_children", "split_indices", "split_conditions", "default_left", "parents"):
            assert old[key] == new[key], key
        for key in ("loss_changes", "sum_hessian"):
            np.testing.assert_array_equal(old[key], new[key])
    back = Forest.from_xgboost(path)
    assert back.feature_names == forest.feature_names
    np.testing.assert_array_equal(back.value, forest.value)
    np.testing.assert_array_equal(back.predict(events, output="leaf"), forest.predict(events, output="leaf"))


def test_what_xgboost_cannot_hold_is_refused_with_the_way_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    double = random_forest(rng, precision="float64", comparison="<=")
    with pytest.raises(ExportError, match="float32_features=True"):
        double.to_xgboost(tmp_path / "model.json")
    assert double.to_xgboost(tmp_path / "double.json", float32_features=True).verified
    grad = random_forest(rng, link="tmva_grad")
    with pytest.raises(ExportError, match="margin_only=True"):
        grad.to_xgboost(tmp_path / "model.json")
    assert grad.to_xgboost(tmp_path / "grad.json", margin_only=True).verified
    with pytest.raises(ExportError, match=r"1\.7 GB.* largest is 16777215: number categories"):
        one_set([2**24 - 1], n_trees=800).to_xgboost(tmp_path / "model.json")
    large = replace(grad, link="identity", base=np.array([1e39]))
    with pytest.raises(ExportError, match="single precision"):
        large.to_xgboost(tmp_path / "model.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["double.json", "grad.json"]


def one_set(members: list[int], *, n_trees: int = 1, **more: Any) -> Forest:
    """Return trees of one split by category: -1 for members, 1 for others; missing values go right."""
    return Forest.from_nodes(
        feature=[0, -1, -1] * n_trees,
        threshold=np.zeros(3 * n_trees),
        left=[k + 3 * t for t in range(n_trees) for k in (1, -1 - 3 * t, -1 - 3 * t)],
        right=[k + 3 * t for t in range(n_trees) for k in (2, -1 - 3 * t, -1 - 3 * t)],
        value=[0.0, -1.0, 1.0] * n_trees,
        first_node=np.arange(n_trees + 1) * 3,
        feature_names=["n"],
        missing_right=[True, False, False] * n_trees,
        category_set=[0, -1, -1] * n_trees,
        categories=[members],
        **more,
    )


@pytest.mark.parametrize("members", [[], [0], [3], [0, 2, 5], [0, 1, 2, 3], [31, 32, 33, 64], [2**24 - 1]], ids=str)
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("name", ["n", "jet[0]"])
def test_xgboost_asks_for_the_same_sets(members: list[int], inverted: bool, name: str, tmp_path: Path) -> None:
    forest = replace(one_set(members, category_inverted=[inverted]), feature_names=(name,))
    assert forest.to_xgboost(tmp_path / "model.json").largest_difference == 0.0
    booster = xgb.Booster(model_file=tmp_path / "model.json")
    assert booster.feature_types == (["c"] if members else ["float"] if name == "n" else None)
    whole = [value + step for value in (*members, 40, 2**24 - 2) for step in (-1, 0, 1)]
    x = np.array([*whole, *(value + 0.5 for value in whole[:9]), -0.0, -0.5, -7, 1e30, np.nan], np.float32)[:, None]
    inside = np.isin(np.where(x[:, 0] >= 0, np.trunc(x[:, 0]), -1), members)
    expected = np.where(np.isnan(x[:, 0]), 1.0, np.where(inside != inverted, -1.0, 1.0))
    np.testing.assert_array_equal(forest.predict(x), expected)
    np.testing.assert_array_equal(booster.inplace_predict(x, validate_features=False), expected)
    assert Forest.from_xgboost(tmp_path / "model.json").predict(x).tolist() == expected.tolist()


def test_a_round_trip_keeps_categories(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    X = np.column_stack([rng.integers(0, 40, 800), rng.normal(size=800), rng.integers(0, 3, 800)]).astype(np.float32)
    X[rng.random(X.shape) < 0.1] = np.nan
    y = (X[:, 0] % 3 == 0) ^ (X[:, 1] > 0) ^ (X[:, 2] == 1)
    data = xgb.DMatrix(X, y, feature_types=["c", "q", "c"], feature_names=["a", "b", "c"], enable_categorical=True)
    booster = xgb.train({"objective": "binary:logistic", "max_depth": 4, "max_cat_to_onehot": 2}, data, 8)
    forest = Forest.from_xgboost(booster)
    assert forest.to_xgboost(tmp_path / "model.json").verified
    again = xgb.Booster(model_file=tmp_path / "model.json")
    assert again.feature_types == ["c", "float", "c"]
    before, after = (
        json.loads(bytes(b.save_raw("json")))["learner"]["gradient_booster"]["model"]["trees"] for b in (booster, again)
    )
    for old, new in zip(before, after, strict=True):
        for key in ("split_type", "categories", "categories_nodes", "categories_segments", "categories_sizes"):
            assert old[key] == new[key], key
        for key in ("left_children", "right_children", "split_indices", "default_left", "parents"):
            assert old[key] == new[key], key
    np.testing.assert_array_equal(again.predict(data, pred_leaf=True), booster.predict(data, pred_leaf=True))
    np.testing.assert_allclose(again.predict(data), booster.predict(data), rtol=2e-7)
    back = Forest.from_xgboost(tmp_path / "model.json")
    np.testing.assert_array_equal(back.predict(X, output="leaf"), forest.predict(X, output="leaf"))


def test_categories_of_scikit_learn_become_those_of_xgboost(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    X = np.column_stack([rng.integers(0, 9, 600) * 10, rng.normal(size=600)]).astype(np.float32)
    X[rng.random(X.shape) < 0.1] = np.nan
    estimator = HistGradientBoostingClassifier(max_iter=8, categorical_features=[0])
    forest = Forest.from_sklearn(estimator.fit(X, (X[:, 0] % 20 == 0) ^ (X[:, 1] > 0)))
    assert (forest.category_set >= 0).any()
    forest.to_xgboost(tmp_path / "model.json", float32_features=True)
    booster = xgb.Booster(model_file=tmp_path / "model.json")
    # also categories that were never seen, which scikit-learn takes for missing
    events = np.vstack([X, np.column_stack([rng.integers(-5, 100, 300), rng.normal(size=300)]).astype(np.float32)])
    found = booster.inplace_predict(events, validate_features=False)
    np.testing.assert_allclose(found, estimator.predict_proba(events)[:, 1], rtol=1e-5)


@pytest.mark.parametrize("base", [0.0, 1e-30, -0.2, 8.5, -30.0, 40.0])
@pytest.mark.parametrize("link", ["logistic", "exp"])
def test_any_base_is_kept(base: float, link: Any, tmp_path: Path) -> None:
    forest = replace(random_forest(np.random.default_rng(2), link=link), base=np.array([base]))
    assert forest.to_xgboost(tmp_path / "model.json").largest_difference < 1e-5 * max(1.0, abs(base))


def test_names_that_xgboost_does_not_take_are_left_out(tmp_path: Path) -> None:
    forest = replace(random_forest(np.random.default_rng(2)), feature_names=("jet_pt[0]", "b", "c", "d"))
    forest.to_xgboost(tmp_path / "model.json")
    booster = xgb.Booster(model_file=tmp_path / "model.json")
    X = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    np.testing.assert_allclose(booster.predict(xgb.DMatrix(X)), forest.predict(X), rtol=1e-5)
