"""LightGBM's models as forests, against LightGBM's own scores and leaves; its text needs no LightGBM to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hepml.errors import InvalidInputError, ModelFormatError
from hepml.forest import Forest
from hepml.forest.from_lightgbm import from_text
from tests.forest.reference import random_events

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RNG = np.random.default_rng(10)
X = RNG.normal(size=(1200, 4))
X[:, 2] *= RNG.random(len(X)) < 0.7
X[:, 3] = RNG.integers(0, 70, len(X))
WITH_MISSING = np.where(RNG.random(X.shape) < 0.1, np.nan, X)
Y = ((X[:, 0] + X[:, 1] > 0) ^ (X[:, 3] % 3 == 0)).astype(int)
Y3 = Y + (X[:, 2] > 0)
SMALL = {"num_leaves": 8, "verbose": -1, "num_threads": 1, "min_data_per_group": 10}
FOREST = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}

OPTIONS: dict[str, tuple[dict[str, Any], NDArray[Any]]] = {
    "binary": ({"objective": "binary"}, Y),
    "slope 0.7": ({"objective": "binary", "sigmoid": 0.7}, Y),
    "slope 2": ({"objective": "binary", "sigmoid": 2.0}, Y),
    "multiclass": ({"objective": "multiclass", "num_class": 3}, Y3),
    "one against all": ({"objective": "multiclassova", "num_class": 3, "sigmoid": 0.8}, Y3),
    "cross_entropy": ({"objective": "cross_entropy"}, Y),
    "regression": ({"objective": "regression"}, Y3),
    "poisson": ({"objective": "poisson"}, Y3),
    "gamma": ({"objective": "gamma"}, Y3 + 1),
    "quantile": ({"objective": "quantile"}, Y3),
    "dart": ({"objective": "binary", "boosting": "dart", "drop_rate": 0.5}, Y),
    "random forest": ({"objective": "binary", **FOREST}, Y),
    "random forest, regression": ({"objective": "regression", **FOREST}, Y3),
    "random forest, multiclass": ({"objective": "multiclass", "num_class": 3, **FOREST}, Y3),
    "missing values are zeros": ({"objective": "binary", "use_missing": False}, Y),
    "no split": ({"objective": "binary", "min_data_in_leaf": 5000}, Y),
}


@pytest.fixture
def lightgbm() -> Any:
    return pytest.importorskip("lightgbm", reason="lightgbm is not installed")


def train(lightgbm: Any, options: dict[str, Any], features: NDArray[Any], y: NDArray[Any], rounds: int = 8) -> Any:
    data = lightgbm.Dataset(features, y, categorical_feature=[3])
    return lightgbm.train({**SMALL, **options}, data, rounds)


def events(forest: Forest) -> NDArray[np.float64]:
    """Return random events, edge cases, what LightGBM takes for zero, and numbers that are no category."""
    found = np.concatenate([WITH_MISSING[:300], random_events(np.random.default_rng(11), 400, 4, forest)])
    limit = float(np.float32(1e-35))
    almost = [limit, -limit, 1e-35, -1e-35, np.nextafter(limit, 1), np.nextafter(-limit, -1), 5e-324, -0.0]
    found[:8, :] = np.array(almost)[:, None]
    found[8:14, 3] = [-5.0, 1e10, -1e10, 3.7, 64.0, 200.0]
    # between -1 and 0, LightGBM takes a number for category 0
    found[(found[:, 3] < 0) & (found[:, 3] > -1), 3] = 0.0
    return found


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("name", OPTIONS)
def test_margins_scores_and_leaves_are_those_of_the_library(
    lightgbm: Any, name: str, missing: bool, tmp_path: Path
) -> None:
    options, y = OPTIONS[name]
    booster = train(lightgbm, options, WITH_MISSING if missing else X, y)
    forest = Forest.from_lightgbm(booster)
    found = events(forest)
    for given in (found, np.clip(found, -1e38, 1e38).astype(np.float32)):
        margin = forest.predict(given, output="margin") / forest.metadata.get("margin_scale", 1.0)
        np.testing.assert_allclose(margin, booster.predict(given, raw_score=True), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(forest.predict(given), booster.predict(given), rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(forest.predict(given, output="leaf"), booster.predict(given, pred_leaf=True))
    booster.save_model(tmp_path / "model")
    again = Forest.from_lightgbm(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(found), forest.predict(found))
    assert Forest.from_file(tmp_path / "model") == again


# from 4.7 on it wants other arguments, which 4.3 does not know
@pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated")
def test_estimators_and_the_best_iteration(lightgbm: Any, tmp_path: Path) -> None:
    model = lightgbm.LGBMClassifier(n_estimators=60, early_stopping_round=2, learning_rate=0.5, n_jobs=1, verbose=-1)
    y = (X[:, 0] + X[:, 1] ** 2 + RNG.normal(size=len(X)) > 0.5).astype(int)
    model.fit(X[:600], y[:600], eval_set=[(X[600:], y[600:])])
    forest = Forest.from_lightgbm(model)
    assert 1 < forest.n_trees == model.best_iteration_ < 60
    np.testing.assert_allclose(forest.predict(X), model.predict_proba(X)[:, 1], rtol=1e-12)
    model.booster_.save_model(tmp_path / "best.txt")
    assert Forest.from_file(tmp_path / "best.txt").n_trees == forest.n_trees
    assert forest.metadata["source"] == f"LightGBM {lightgbm.__version__}"
    assert Forest.from_lightgbm(model, ["a", "b", "c", "d"]).feature_names == ("a", "b", "c", "d")
    gain = np.bincount(forest.feature[forest.feature >= 0], forest.gain[forest.feature >= 0], minlength=4)
    np.testing.assert_allclose(gain, model.booster_.feature_importance("gain", model.best_iteration_), rtol=1e-4)


def test_what_a_forest_cannot_express_is_refused_with_the_reason(lightgbm: Any) -> None:
    with pytest.raises(ModelFormatError, match=r"linear functions.*linear_tree=false"):
        Forest.from_lightgbm(train(lightgbm, {"linear_tree": True, "objective": "regression"}, X, Y))
    with pytest.raises(ModelFormatError, match="zero_as_missing=false"):
        Forest.from_lightgbm(train(lightgbm, {"zero_as_missing": True, "objective": "binary"}, X, Y))
    with pytest.raises(ModelFormatError, match="regression sqrt"):
        Forest.from_lightgbm(train(lightgbm, {"reg_sqrt": True, "objective": "regression"}, X, Y3))
    with pytest.raises(InvalidInputError, match="not fitted"):
        Forest.from_lightgbm(lightgbm.LGBMClassifier())
    with pytest.raises(InvalidInputError, match="no LightGBM model"):
        Forest.from_lightgbm(3)


TEXT = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=binary sigmoid:1
feature_names=pt eta
feature_infos=[0:1] -1:0:1:2:3
tree_sizes=0

Tree=0
num_leaves=3
num_cat=1
split_feature=0 1
split_gain=2 1
threshold=0.5 0
decision_type=2 1
left_child=1 -1
right_child=-2 -3
leaf_value=0.25 -0.5 1
leaf_weight=3 4 5
leaf_count=3 4 5
internal_value=0 0
internal_weight=12 8
internal_count=12 8
cat_boundaries=0 1
cat_threshold=10
is_linear=0
shrinkage=0.1


end of trees
"""


def test_text_is_read_as_it_says() -> None:
    forest = from_text(TEXT.encode(), "text")
    assert forest.feature_names == ("pt", "eta")
    events = np.array([[0.5, 1.0], [0.5, 2.0], [0.5, 3.0], [np.nextafter(0.5, 1), 3.0], [np.nan, np.nan]])
    np.testing.assert_array_equal(forest.predict(events, output="margin"), [0.25, 1.0, 0.25, -0.5, 1.0])
    np.testing.assert_array_equal(forest.predict(events, output="leaf").ravel(), [0, 2, 0, 1, 2])
    np.testing.assert_array_equal(forest.cover, [12, 8, 3, 4, 5])
    with pytest.raises(InvalidInputError, match="1 feature names"):
        from_text(TEXT.encode(), "text", ["pt"])


DAMAGE = {
    "does not begin": ("tree\nversion", "three\nversion"),
    "cut off": ("end of trees", "end"),
    "there is no tree": ("Tree=0", "Leaf=0"),
    "twice": ("num_cat=1", "num_leaves=3"),
    "num_leaves": ("num_leaves=3", "num_leaves=99999999999"),
    "values where": ("num_leaves=3", "num_leaves=4"),
    "whole number of iterations": ("iteration=1", "iteration=2"),
    "feature names": ("feature_idx=1", "feature_idx=7"),
    "unique|same name": ("pt eta", "pt pt"),
    "objective": ("binary", "magic"),
    "slope": ("sigmoid:1", "sigmoid:-1"),
    "out of range": ("left_child=1", "left_child=7"),
    "root": ("left_child=1", "left_child=0"),
    "leaf value is not finite": ("0.25", "nan"),
    "threshold is NaN": ("threshold=0.5", "threshold=nan"),
    "cat_boundaries": ("cat_boundaries=0 1", "cat_boundaries=0 9"),
    "32 bits": ("cat_threshold=10", "cat_threshold=-10"),
    "other than numbers": ("0.25", "many"),
    "other than whole": ("split_feature=0", "split_feature=0.5"),
    "negative feature": ("split_feature=0", "split_feature=-1"),
    "missing values": ("decision_type=2", "decision_type=12"),
    "set of categories": ("threshold=0.5 0", "threshold=0.5 3"),
}


@pytest.mark.parametrize("reason", DAMAGE)
def test_a_damaged_text_is_refused_with_the_reason(reason: str) -> None:
    old, new = DAMAGE[reason]
    assert old in TEXT
    with pytest.raises(ModelFormatError, match=reason):
        from_text(TEXT.replace(old, new, 1).encode(), "text")
