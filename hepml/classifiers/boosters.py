"""Read XGBoost's JSON model format from a file that nobody vouches for.

XGBoost checks little of what it reads and follows child indices without looking at bounds, so everything that could lead
it out of its arrays or round in circles is checked here first.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import xgboost as xgb

from hepml.classifiers.trees import check_structure
from hepml.errors import ModelFormatError
from hepml.forest.safe_json import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["booster_from_json"]

_INTEGERS = ("left_children", "right_children", "parents", "split_indices", "default_left", "split_type")
_FLOATS = ("split_conditions", "base_weights", "loss_changes", "sum_hessian")
_CATEGORIES = ("categories", "categories_nodes", "categories_segments", "categories_sizes")
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
_LARGEST_INDEX = 2**31 - 1


def booster_from_json(
    content: bytes, n_features: int, objective: str = "binary:logistic", n_outputs: int = 1
) -> xgb.Booster:
    """Make a booster of numerical trees from XGBoost's JSON, checked.

    Parameters
    ----------
    content : bytes
        What ``Booster.save_raw("json")`` returned.
    n_features : int
        Number of features that the model must have.
    objective : {"binary:logistic", "multi:softprob", "reg:squarederror"}
        Name of the objective that the model must have.
    n_outputs : int
        Number of classes or targets that it must have; 1 for ``binary:logistic``.

    Returns
    -------
    xgboost.Booster
        Ready to predict.

    Raises
    ------
    ModelFormatError
        If it is not such a model, or is damaged.
    """
    document = parse_json(content, "the XGBoost model")
    try:
        _check_document(document, n_features, objective, n_outputs)
        booster = xgb.Booster()
        # what was checked is what is loaded: the text is written again, without what a second parser may read otherwise
        booster.load_model(bytearray(json.dumps(document).encode()))
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError, xgb.core.XGBoostError) as error:
        if isinstance(error, ModelFormatError):
            raise
        msg = f"the XGBoost model is damaged: {type(error).__name__} {str(error).splitlines()[0] if str(error) else ''}"
        raise ModelFormatError(msg) from error
    return booster


def _check_document(document: Mapping[str, Any], n_features: int, objective: str, n_outputs: int) -> None:
    learner = document["learner"]
    parameters = learner["learner_model_param"]
    booster = learner["gradient_booster"]
    model = booster["model"]
    _require(booster["name"] == "gbtree", "its booster is not 'gbtree'")
    _require(learner["objective"]["name"] == objective, f"its objective is not {objective!r}")
    _require(int(parameters["num_feature"]) == n_features, "its number of features is not that of model.json")
    n_classes = n_outputs if objective == "multi:softprob" else 0
    n_targets = n_outputs if objective == "reg:squarederror" else 1
    _require(int(parameters["num_class"]) == n_classes, f"it does not have {n_classes} classes")
    _require(int(parameters.get("num_target", "1")) == n_targets, f"it does not have {n_targets} targets")
    # a vector since XGBoost 3.1
    base_score = [float(text) for text in str(parameters["base_score"]).strip("[]").split(",")]
    _require(len(base_score) == n_outputs, f"it does not have {n_outputs} base scores")
    if objective == "binary:logistic":
        _require(0.0 < base_score[0] < 1.0, "its base score is not between 0 and 1")
    else:
        _require(all(abs(base) <= _LARGEST_FLOAT32 for base in base_score), "its base score does not fit float32")
    trees = model["trees"]
    counts = model["gbtree_model_param"]
    _require(int(counts["num_trees"]) == len(trees) > 0, "its number of trees is wrong")
    _require(int(counts.get("num_parallel_tree", "1")) == 1, "it has parallel trees")
    n_rounds, rest = divmod(len(trees), n_outputs)
    _require(rest == 0 and model["tree_info"] == list(range(n_outputs)) * n_rounds, "its trees do not take turns")
    ends = list(range(0, len(trees) + 1, n_outputs))
    _require(model["iteration_indptr"] == ends, "its iterations are not one tree for each output")
    categories = model.get("cats", {})
    _require(not any(categories.get(key) for key in ("enc", "feature_segments")), "it has categorical features")
    for index, tree in enumerate(trees):
        _require(tree["id"] == index, f"tree {index} has another id")
        _check_tree(tree, n_features, f"tree {index}")


def _check_tree(tree: Mapping[str, Any], n_features: int, name: str) -> None:
    parameters = tree["tree_param"]
    n_nodes = int(parameters["num_nodes"])
    _require(int(parameters["num_feature"]) == n_features, f"{name} has another number of features")
    _require(int(parameters.get("size_leaf_vector", "1")) <= 1, f"{name} has vector leaves")
    _require(int(parameters["num_deleted"]) == 0, f"{name} has deleted nodes")
    integers = {key: _array(tree[key], int, n_nodes, f"{name}: {key}") for key in _INTEGERS}
    for key in _FLOATS:
        values = _array(tree[key], float, n_nodes, f"{name}: {key}")
        _require(bool((np.abs(values) <= _LARGEST_FLOAT32).all()), f"{name}: {key} does not fit float32")
    _require(not any(tree.get(key) for key in _CATEGORIES), f"{name} has categorical splits")
    _require(not integers["split_type"].any(), f"{name} has categorical splits")
    _require(bool(np.isin(integers["default_left"], (0, 1)).all()), f"{name}: default_left is not 0 or 1")
    left, right = integers["left_children"], integers["right_children"]
    leaf = left == -1
    check_structure(left, right, leaf, integers["split_indices"], n_features=n_features, name=name)
    _require(bool((right[leaf] == -1).all()), f"{name}: a leaf has a child")
    parents = integers["parents"]
    _require(parents[0] == _LARGEST_INDEX, f"{name}: its root has a parent")
    inner = np.flatnonzero(~leaf)
    _require(
        bool((parents[left[inner]] == inner).all() and (parents[right[inner]] == inner).all()),
        f"{name}: parents and children disagree",
    )


def _array(values: object, kind: type, length: int, name: str) -> Any:
    _require(isinstance(values, list) and len(values) == length, f"{name} is not a list of {length} values")
    assert isinstance(values, list)  # noqa: S101  (for the type checker; the line above raised)
    allowed = {int} if kind is int else {int, float}
    _require({type(value) for value in values} <= allowed, f"{name} holds something else than numbers")
    return np.asarray(values, dtype=np.int64 if kind is int else np.float64)


def _require(condition: bool, problem: str) -> None:
    if not condition:
        msg = f"the XGBoost model cannot be used: {problem}"
        raise ModelFormatError(msg)
