"""XGBoost's models as forests, against XGBoost's own margins, scores and leaves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xgboost as xgb

from hepml.errors import InvalidInputError, MissingFileError, ModelFormatError
from hepml.forest import Forest
from tests.forest.reference import random_events, reference_margin

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RNG = np.random.default_rng(4)
N_TRAIN = 1500
X_TRAIN = RNG.normal(size=(N_TRAIN, 4)).astype(np.float32)
X_TRAIN[RNG.random(X_TRAIN.shape) < 0.1] = np.nan
FILLED = np.nan_to_num(X_TRAIN)
Y = (FILLED[:, 0] + FILLED[:, 1] * FILLED[:, 2] > 0).astype(int)
Y3 = Y + (FILLED[:, 3] > 0.2)
SMALL: dict[str, Any] = {"n_estimators": 12, "max_depth": 4, "n_jobs": 1}

MODELS: dict[str, tuple[Any, NDArray[Any]]] = {
    "binary": (xgb.XGBClassifier(**SMALL), Y),
    "multi-class": (xgb.XGBClassifier(**SMALL), Y3),
    "parallel trees": (xgb.XGBClassifier(**SMALL, num_parallel_tree=3, subsample=0.5), Y3),
    "dart": (xgb.XGBClassifier(**SMALL, booster="dart", rate_drop=0.4), Y),
    "dart, multi-class": (xgb.XGBClassifier(**SMALL, booster="dart", rate_drop=0.4), Y3),
    "random forest": (xgb.XGBRFClassifier(**SMALL), Y),
    "pruned": (xgb.XGBRegressor(**SMALL, tree_method="exact", gamma=15.0), Y),
    "two targets": (xgb.XGBRegressor(**SMALL), np.column_stack([Y, Y3])),
    "leaf vectors": (xgb.XGBRegressor(**SMALL, multi_strategy="multi_output_tree"), np.column_stack([Y, Y3])),
    "base score": (xgb.XGBClassifier(**SMALL, base_score=0.1), Y),
    "deep": (xgb.XGBClassifier(n_estimators=4, max_depth=12, n_jobs=1), Y),
    **{
        objective: (xgb.XGBRegressor(**SMALL, objective=objective), (Y + 0.5) / 2)
        for objective in ("reg:logistic", "count:poisson", "reg:gamma", "reg:tweedie", "reg:absoluteerror")
    },
    "binary:logitraw": (xgb.XGBRegressor(**SMALL, objective="binary:logitraw"), Y),
    "two quantiles": (xgb.XGBRegressor(**SMALL, objective="reg:quantileerror", quantile_alpha=[0.3, 0.7]), Y3),
}


def events(forest: Forest, n_events: int = 600) -> NDArray[np.float32]:
    """Return random events and edge cases; XGBoost takes no infinities."""
    X = random_events(np.random.default_rng(5), n_events, 4, forest)
    limit = float(np.finfo(np.float32).max)
    return np.clip(X, -limit, limit).astype(np.float32)


def assert_close(found: NDArray[Any], margin: NDArray[Any]) -> None:
    assert found.shape == margin.shape
    assert (np.abs(found - margin) <= 1e-5 * np.maximum(1.0, np.abs(margin))).all()


@pytest.mark.parametrize("name", MODELS)
def test_margins_scores_and_leaves_are_those_of_the_library(name: str, tmp_path: Path) -> None:
    model, y = MODELS[name]
    model.fit(X_TRAIN, y)
    forest = Forest.from_xgboost(model)
    X = events(forest)
    margin = forest.predict(X, output="margin")
    assert_close(margin, model.predict(X, output_margin=True))
    np.testing.assert_allclose(np.reshape(margin, (len(X), -1)), reference_margin(forest, X), rtol=0, atol=1e-12)
    score = model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)
    assert_close(forest.predict(X), score[:, 1] if score.ndim == 2 and forest.n_outputs == 1 else score)
    np.testing.assert_array_equal(forest.predict(X, output="leaf"), model.apply(X).reshape(len(X), -1))
    for suffix in ("json", "ubj"):
        path = tmp_path / f"model.{suffix}"
        model.save_model(path)
        assert Forest.from_xgboost(path) == forest
        assert Forest.from_file(path) == forest


def test_what_is_known_of_the_model_is_kept() -> None:
    data = xgb.DMatrix(X_TRAIN, label=Y, feature_names=["pt", "eta", "phi", "m"])
    booster = xgb.train({"objective": "binary:logistic", "max_depth": 2}, data, 3)
    forest = Forest.from_xgboost(booster)
    assert forest.feature_names == ("pt", "eta", "phi", "m")
    assert forest.metadata["source"] == f"XGBoost {xgb.__version__}"
    assert forest.metadata["objective"] == "binary:logistic"
    gains = booster.get_score(importance_type="total_gain")
    split = forest.feature >= 0
    for number, name in enumerate(forest.feature_names):
        found = forest.gain[split & (forest.feature == number)].sum()
        np.testing.assert_allclose(found, gains.get(name, 0.0), rtol=1e-5)
    np.testing.assert_allclose(
        forest.cover[split], forest.cover[forest.left[split]] + forest.cover[forest.right[split]], 1e-5
    )
    assert Forest.from_xgboost(booster, ["a", "b", "c", "d"]).feature_names == ("a", "b", "c", "d")
    with pytest.raises(InvalidInputError, match="2 feature names are given for 4"):
        Forest.from_xgboost(booster, ["a", "b"])


@pytest.mark.parametrize("one_hot", [2, 50])
def test_categories_that_are_invalid_go_where_the_library_sends_them(one_hot: int) -> None:
    rng = np.random.default_rng(6)
    X = X_TRAIN.copy()
    X[:, 3] = rng.integers(0, 12, len(X))
    kinds = ["q", "q", "q", "c"]
    data = xgb.DMatrix(X, label=(X[:, 3] % 3 == 0) ^ Y, feature_types=kinds, enable_categorical=True)
    booster = xgb.train({"max_depth": 4, "objective": "binary:logistic", "max_cat_to_onehot": one_hot}, data, 8)
    forest = Forest.from_xgboost(booster)
    assert (forest.category_set >= 0).any()
    X = X[:400]
    X[:40, 3] = [np.nan, -1.0, -0.5, 3.7, 11.0, 12.0, 31.0, 32.0, 1000.0, 2.0**24 - 1] * 4
    assert_close(forest.predict(X, output="margin"), booster.inplace_predict(X, predict_type="margin"))
    # a matrix refuses what is no category, also for prediction
    valid = X[40:]
    matrix = xgb.DMatrix(valid, feature_types=kinds, enable_categorical=True)
    np.testing.assert_array_equal(forest.predict(valid, output="leaf"), booster.predict(matrix, pred_leaf=True))


def test_the_best_iteration_counts_as_in_the_library(tmp_path: Path) -> None:
    model = xgb.XGBClassifier(n_estimators=60, early_stopping_rounds=4, learning_rate=1.0, n_jobs=1)
    model.fit(X_TRAIN[:700], Y3[:700], eval_set=[(X_TRAIN[700:], Y3[700:])], verbose=False)
    forest = Forest.from_xgboost(model)
    X = events(forest)
    assert forest.n_trees == 3 * (model.best_iteration + 1) < 3 * model.get_booster().num_boosted_rounds()
    assert forest.metadata["best_iteration"] == model.best_iteration
    assert_close(forest.predict(X), model.predict_proba(X))
    # boosters predict with all trees
    assert_close(Forest.from_xgboost(model.get_booster()).predict(X), model.get_booster().inplace_predict(X))
    model.save_model(tmp_path / "estimator.json")
    assert Forest.from_file(tmp_path / "estimator.json") == forest
    # before 2.0 there was no list of where iterations end
    document = json.loads((tmp_path / "estimator.json").read_text())
    del document["learner"]["gradient_booster"]["model"]["iteration_indptr"]
    (tmp_path / "old.json").write_text(json.dumps(document))
    assert Forest.from_file(tmp_path / "old.json") == forest


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="not fitted"):
        Forest.from_xgboost(xgb.XGBClassifier())
    with pytest.raises(InvalidInputError, match="no XGBoost model"):
        Forest.from_xgboost(3)
    with pytest.raises(InvalidInputError, match=r"-999.*get_booster"):
        Forest.from_xgboost(xgb.XGBClassifier(**SMALL, missing=-999.0).fit(FILLED, Y))
    linear = xgb.train({"booster": "gblinear"}, xgb.DMatrix(FILLED, label=Y), 2)
    with pytest.raises(ModelFormatError, match=r"gblinear.*no trees"):
        Forest.from_xgboost(linear)
    with pytest.raises(MissingFileError):
        Forest.from_xgboost(tmp_path / "nothing.json")


DAMAGE: dict[str, Any] = {
    "objective": ("learner", "objective", "name", "multi:magic"),
    "base_score has 5": ("learner", "learner_model_param", "base_score", "[1,2,3,4,5]"),
    "base_score is 'inf": ("learner", "learner_model_param", "base_score", "inf"),
    "base or tree_weight": ("learner", "learner_model_param", "base_score", "0"),
    "num_feature": ("learner", "learner_model_param", "num_feature", "99999999999999"),
    "uses feature": ("learner", "learner_model_param", "num_feature", "1"),
    "num_class": ("learner", "learner_model_param", "num_class", "1e5"),
    "feature names": ("learner", "feature_names", [1, 2, 3, 4]),
    "there is no tree": ("learner", "gradient_booster", "model", "trees", []),
    "tree_info": ("learner", "gradient_booster", "model", "tree_info", [0]),
    "child": ("learner", "gradient_booster", "model", "trees", 0, "left_children", 0, 0),
    "out of range": ("learner", "gradient_booster", "model", "trees", 0, "left_children", 0, 10**9),
    "leaf value": ("learner", "gradient_booster", "model", "trees", 0, "split_conditions", 6, 1e300),
    "categories": ("learner", "gradient_booster", "model", "trees", 0, "split_type", 0, 1),
    "list of numbers": ("learner", "gradient_booster", "model", "trees", 0, "right_children", 0, [1]),
}


@pytest.mark.parametrize("reason", DAMAGE)
def test_a_damaged_model_is_refused_with_the_reason(reason: str, tmp_path: Path) -> None:
    booster = xgb.train({"objective": "binary:logistic", "max_depth": 2}, xgb.DMatrix(FILLED, label=Y), 3)
    document = json.loads(bytes(booster.save_raw("json")))
    *place, last, value = DAMAGE[reason]
    part = document
    for key in place:
        part = part[key]
    part[last] = value
    (tmp_path / "model.json").write_text(json.dumps(document))
    with pytest.raises(ModelFormatError, match=reason):
        Forest.from_xgboost(tmp_path / "model.json")


def test_infinities_go_where_the_library_sends_them() -> None:
    model = xgb.XGBClassifier(**SMALL).fit(X_TRAIN, Y)
    forest = Forest.from_xgboost(model)
    X = events(forest)
    X[::3, 0], X[1::3, 1], X[::5, 2] = np.inf, -np.inf, np.inf
    assert_close(forest.predict(X, output="margin"), model.get_booster().inplace_predict(X, predict_type="margin"))
