"""From XGBoost to a forest: live boosters and estimators, JSON and UBJSON files."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from hepml.errors import InvalidInputError, ModelFormatError
from hepml.forest.category_sets import CategorySets
from hepml.forest.described import described_features
from hepml.forest.files import read_model_file
from hepml.forest.forest import Forest
from hepml.forest.safe_json import parse_json
from hepml.forest.ubjson import parse_ubjson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from hepml.forest.checks import Link

__all__ = ["from_json", "from_ubjson", "from_xgboost"]

# from the margin to the score, and from the stored base score to the margin, by the name of the objective
_LINKS: dict[str, Link] = {
    "binary:logistic": "logistic",
    "reg:logistic": "logistic",
    "multi:softprob": "softmax",
    "multi:softmax": "softmax",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
    "survival:cox": "exp",
    "survival:aft": "exp",
    "binary:logitraw": "identity",
    "binary:hinge": "identity",
    "reg:squarederror": "identity",
    "reg:linear": "identity",
    "reg:squaredlogerror": "identity",
    "reg:pseudohubererror": "identity",
    "reg:absoluteerror": "identity",
    "reg:quantileerror": "identity",
    "reg:expectileerror": "identity",
    "rank:ndcg": "identity",
    "rank:map": "identity",
    "rank:pairwise": "identity",
}
_INTEGERS = ("left_children", "right_children", "split_indices", "default_left")
_FLOATS = ("loss_changes", "sum_hessian")
_MOST_OUTPUTS = 100_000


def from_xgboost(model: Any, feature_names: Sequence[str] | None = None) -> Forest:
    """Make a forest of an XGBoost model.

    Parameters
    ----------
    model : xgboost.Booster, fitted xgboost estimator, str or path
        A file may be JSON or UBJSON.
    feature_names : sequence of str, optional
        Default: those of the model, or f0, f1, ....

    Returns
    -------
    Forest
        Its margins are those of ``output_margin=True``, its leaves those of ``pred_leaf=True`` and ``apply``. The score is
        that of ``predict``, for classifiers of ``predict_proba`` (of the second class if there are two); for the objectives
        ``binary:logitraw`` and ``binary:hinge`` it is the margin. Estimators, and files that they wrote, are cut to their
        best iteration as in their own ``predict``; boosters are not.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ModelFormatError
        If the file is damaged, or the model has no trees or an unknown objective.
    InvalidInputError
        If it is no fitted model, marks missing values by something else than NaN, or the number of names is wrong.
    """
    import os

    if isinstance(model, str | os.PathLike):
        content, name = read_model_file(model), str(model)
        reader = from_json if content[1:].lstrip()[:1] == b'"' else from_ubjson
        return reader(content, name, feature_names)
    import xgboost as xgb

    rounds = None
    if isinstance(model, xgb.XGBModel):
        missing: Any = model.missing
        if missing is not None and not math.isnan(missing):
            msg = (
                f"this estimator takes the value {missing!r} for missing, and a forest takes NaN only: hand over its "
                "get_booster(), and give the forest NaN in place of that value"
            )
            raise InvalidInputError(msg)
        try:
            booster = model.get_booster()
        except ValueError as error:
            msg = f"this {type(model).__name__} is not fitted: {error}"
            raise InvalidInputError(msg) from error
        rounds = _best_rounds(booster.attributes()) if model.booster != "gblinear" else None
    elif isinstance(model, xgb.Booster):
        booster = model
    else:
        msg = f"{type(model).__name__} is no XGBoost model: give a Booster, a fitted estimator or the path of a model file"
        raise InvalidInputError(msg)
    document = parse_ubjson(bytes(booster.save_raw("ubj")), "the booster")
    return _forest(document, "the booster", feature_names, rounds)


def from_json(content: bytes, name: str, feature_names: Sequence[str] | None = None) -> Forest:
    """Make a forest of a JSON file.

    Parameters
    ----------
    content : bytes
        The whole file.
    name : str
        Its name, for messages.
    feature_names : sequence of str, optional
        Default: those in the file.

    Returns
    -------
    Forest
        With the best number of rounds if an estimator wrote the file.

    Raises
    ------
    ModelFormatError
        If it is damaged, or a model that a forest cannot express.
    """
    # XGBoost writes thresholds beyond all numbers so
    return _from_document(parse_json(content, name, infinities=True), name, feature_names)


def from_ubjson(content: bytes, name: str, feature_names: Sequence[str] | None = None) -> Forest:
    """Make a forest of a UBJSON file; see :func:`from_json`."""
    return _from_document(parse_ubjson(content, name), name, feature_names)


def _from_document(document: dict[str, Any], name: str, feature_names: Sequence[str] | None) -> Forest:
    learner = document.get("learner")
    attributes = learner.get("attributes") if isinstance(learner, dict) else None
    # XGBoost predicts with the best iteration when an estimator reads the file back, with all when a booster does
    attributes = attributes if isinstance(attributes, dict) else {}
    by_estimator = "scikit_learn" in attributes
    rounds = _best_rounds(attributes) if by_estimator else None
    forest = _forest(document, name, feature_names, rounds)
    described = described_features(attributes)
    return replace(forest, metadata={**forest.metadata, **described}) if described else forest


def _best_rounds(attributes: Mapping[str, Any]) -> int | None:
    if "best_iteration" not in attributes:
        return None
    return _integer(attributes["best_iteration"], "best_iteration", 0, 2**31) + 1


def _forest(document: dict[str, Any], name: str, feature_names: Sequence[str] | None, rounds: int | None) -> Forest:
    try:
        return _checked_forest(document, feature_names, rounds)
    except ModelFormatError as error:
        msg = f"{name} is no XGBoost model of trees that can be read: {error}"
        raise ModelFormatError(msg) from error


def _checked_forest(document: dict[str, Any], feature_names: Sequence[str] | None, rounds: int | None) -> Forest:
    learner = _object(document, "learner")
    objective = _object(learner, "objective").get("name")
    if not isinstance(objective, str) or objective not in _LINKS:
        _fail(f"its objective is {objective!r:.100} (known: {', '.join(_LINKS)})")
    link = _LINKS[objective]
    model, weight_drop, booster = _trees_of(_object(learner, "gradient_booster"))
    parameters = _object(learner, "learner_model_param")
    n_features = _integer(parameters.get("num_feature"), "num_feature", 1, 1_000_000)
    n_classes = _integer(parameters.get("num_class", "0"), "num_class", 0, _MOST_OUTPUTS)
    n_targets = _integer(parameters.get("num_target", "1"), "num_target", 0, _MOST_OUTPUTS)
    n_outputs = max(n_classes, n_targets, 1)

    trees = model.get("trees")
    if not isinstance(trees, list) or not trees or not all(isinstance(tree, dict) for tree in trees):
        _fail("there is no tree")
    output = _numbers(model, "tree_info", "iu", len(trees))
    if weight_drop is not None and len(weight_drop) != len(trees):
        _fail(f"weight_drop has {len(weight_drop)} values for {len(trees)} trees")
    if rounds is not None:
        n_used = _trees_of_rounds(model, rounds, n_outputs, len(trees))
        trees, output = trees[:n_used], output[:n_used]
        weight_drop = None if weight_drop is None else weight_drop[:n_used]

    nodes, sets = _nodes(trees, n_outputs)
    if nodes["value"].shape[1] > 1:
        output = np.zeros(len(trees), dtype=np.int64)
    metadata: dict[str, Any] = {"source": _source(document), "objective": objective, "booster": booster}
    if rounds is not None:
        metadata["best_iteration"] = rounds - 1
    return Forest.from_nodes(
        **nodes,
        feature_names=_names(learner, n_features, feature_names),
        output=output,
        tree_weight=weight_drop,
        base=_base(parameters.get("base_score"), link, n_outputs),
        comparison="<",
        precision="float32",
        link=link if n_outputs > 1 or link != "softmax" else "identity",
        categories=sets.values,
        # members of a set go right; everything else, also what is no category at all, goes left
        category_inverted=np.ones(len(sets.values), dtype=bool),
        metadata=metadata,
    )


def _trees_of(gradient_booster: dict[str, Any]) -> tuple[dict[str, Any], NDArray[np.float64] | None, str]:
    booster = gradient_booster.get("name")
    if booster == "gbtree":
        return _object(gradient_booster, "model"), None, booster
    if booster == "dart":
        weights = _single(_numbers(gradient_booster, "weight_drop", "iuf"))
        return _object(_object(gradient_booster, "gbtree"), "model"), weights, booster
    return _fail(f"its booster is {booster!r:.100}, which has no trees (known: gbtree, dart)")


def _trees_of_rounds(model: dict[str, Any], rounds: int, n_outputs: int, n_trees: int) -> int:
    """Return the number of trees of the first rounds of boosting."""
    if "iteration_indptr" in model:
        ends = _numbers(model, "iteration_indptr", "iu")
        if len(ends) <= rounds:
            _fail(f"the best iteration is {rounds - 1}, and there are {len(ends) - 1} iterations")
        used = int(ends[rounds])
    else:
        parallel = _object(model, "gbtree_model_param").get("num_parallel_tree", "1")
        used = rounds * n_outputs * _integer(parallel, "num_parallel_tree", 0, 2**31)
    if not 1 <= used <= n_trees:
        _fail(f"the best iteration ends with tree {used} of {n_trees}")
    return used


def _nodes(trees: list[dict[str, Any]], n_outputs: int) -> tuple[dict[str, Any], CategorySets]:
    """Return the arrays of all nodes, and the sets of categories that they use."""
    sets = CategorySets()
    parts: dict[str, list[NDArray[Any]]] = {
        key: [] for key in (*_INTEGERS, *_FLOATS, "split_conditions", "set", "value")
    }
    widths = set()
    for number, tree in enumerate(trees):
        n_nodes = len(_numbers(tree, "left_children", "iu"))
        if not n_nodes:
            _fail(f"tree {number} has no nodes")
        for key in _INTEGERS:
            # versions before 1.7 wrote booleans
            parts[key].append(_numbers(tree, key, "iub", n_nodes).astype(np.int64))
        for key in (*_FLOATS, "split_conditions"):
            parts[key].append(_numbers(tree, key, "iuf", n_nodes))
        parts["set"].append(_sets_of_splits(tree, n_nodes, sets))
        width = _integer(_object(tree, "tree_param").get("size_leaf_vector", "1"), "size_leaf_vector", 0, _MOST_OUTPUTS)
        widths.add(max(width, 1))
        if width > 1:
            parts["value"].append(_leaf_vectors(tree, parts, width))
        else:
            parts["value"].append(parts["split_conditions"][-1][:, None])
    if len(widths) != 1 or widths - {1, n_outputs}:
        _fail(f"its leaves have {sorted(widths)} values for {n_outputs} outputs")
    sizes = [len(part) for part in parts["left_children"]]
    first = np.cumsum([0, *sizes])
    flat = {key: np.concatenate(part) for key, part in parts.items()}
    offset = np.repeat(first[:-1], sizes)
    own = np.arange(first[-1]) - offset
    leaf = flat["left_children"] == -1
    nodes = {
        "feature": np.where(leaf, -1, flat["split_indices"]),
        # in files numbers are decimal, in XGBoost single precision
        "threshold": np.where(leaf, 0.0, _single(flat["split_conditions"])),
        "left": np.where(leaf, -1, flat["left_children"] + offset),
        "right": np.where(leaf, -1, flat["right_children"] + offset),
        "missing_right": ~leaf & (flat["default_left"] == 0),
        "value": np.where(leaf[:, None], _single(flat["value"]), 0.0),
        "category_set": np.where(leaf, -1, flat["set"]),
        "node_id": own,
        "gain": np.where(leaf, np.nan, _single(flat["loss_changes"])),
        "cover": _single(flat["sum_hessian"]),
    }
    if (flat["left_children"] < -1).any() or (~leaf & (flat["right_children"] < 0)).any():
        _fail("a child has a negative number")
    if (~leaf & (flat["split_indices"] < 0)).any():
        _fail("a split has a negative feature")
    return _without_pruned(nodes, first), sets


def _single(values: NDArray[Any]) -> NDArray[np.float64]:
    # what is out of range is found by the forest
    with np.errstate(all="ignore"):
        return values.astype(np.float32).astype(np.float64)


def _without_pruned(nodes: dict[str, NDArray[Any]], first: NDArray[Any]) -> dict[str, Any]:
    """Drop leaves that pruning cut off, which XGBoost leaves in the arrays; ``first_node`` is added."""
    split = nodes["feature"] >= 0
    children = np.concatenate([nodes["left"][split], nodes["right"][split]])
    if (children >= len(split)).any():
        _fail("a child is out of range")
    kept = np.zeros(len(split), dtype=bool)
    kept[children] = True
    kept[first[:-1]] = True
    if kept.all():
        return nodes | {"first_node": first}
    if (split & ~kept).any():
        _fail("a split is no node's child")
    place = np.cumsum(kept) - 1
    counts = np.add.reduceat(kept.astype(np.int64), first[:-1])
    nodes = {key: array[kept] for key, array in nodes.items()}
    for side in ("left", "right"):
        nodes[side] = np.where(nodes[side] < 0, -1, place[nodes[side]])
    return nodes | {"first_node": np.concatenate([[0], np.cumsum(counts)])}


def _leaf_vectors(tree: dict[str, Any], parts: dict[str, list[NDArray[Any]]], width: int) -> NDArray[np.float64]:
    """Return the values of the leaves of a tree with several; a leaf's right child is the number of its vector."""
    if "leaf_weights" not in tree:
        _fail("its leaves are vectors as XGBoost before 3.2 wrote them: load it with XGBoost 3.2 and save it again")
    left, right = parts["left_children"][-1], parts["right_children"][-1]
    leaf = left == -1
    weights = _numbers(tree, "leaf_weights", "iuf")
    if len(weights) != width * leaf.sum() or (right[leaf] < 0).any() or (right[leaf] >= leaf.sum()).any():
        _fail(f"{len(weights)} leaf values do not belong to {leaf.sum()} leaves of {width}")
    values = np.zeros((len(left), width))
    values[leaf] = weights.reshape(-1, width)[right[leaf]]
    return values


def _sets_of_splits(tree: dict[str, Any], n_nodes: int, sets: CategorySets) -> NDArray[np.int64]:
    """Return the set of categories of each node, -1 for none."""
    of_node = np.full(n_nodes, -1, dtype=np.int64)
    if "split_type" not in tree:
        return of_node
    by_category = _numbers(tree, "split_type", "iu", n_nodes) == 1
    if not by_category.any():
        return of_node
    where = _numbers(tree, "categories_nodes", "iu")
    start = _numbers(tree, "categories_segments", "iu", len(where)).astype(np.int64)
    size = _numbers(tree, "categories_sizes", "iu", len(where)).astype(np.int64)
    values = _numbers(tree, "categories", "iu")
    # segments that overlap could make much of little
    if (size < 0).any() or not np.array_equal(start, np.cumsum(size) - size) or size.sum() != len(values):
        _fail("the categories of its splits do not follow one another")
    if not np.array_equal(np.sort(where), np.flatnonzero(by_category)):
        _fail("the splits by category are not those that have categories")
    for node, a, n in zip(where.tolist(), start.tolist(), size.tolist(), strict=True):
        of_node[node] = sets.number(values[a : a + n])
    return of_node


def _base(stored: Any, link: Link, n_outputs: int) -> NDArray[np.float64]:
    """Return the margins that the base score stands for; it is one number for all outputs, or (since 3.1) one for each."""
    if not isinstance(stored, str):
        _fail(f"its base_score is {stored!r:.100}")
    try:
        numbers = json.loads(stored, parse_constant=_not_finite)
        score = _single(np.atleast_1d(np.asarray(numbers, dtype=np.float64))).astype(np.float32)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        msg = f"its base_score is {stored!r:.100}"
        raise ModelFormatError(msg) from error
    if score.ndim != 1 or len(score) not in {1, n_outputs}:
        _fail(f"its base_score has {score.size} values for {n_outputs} outputs")
    with np.errstate(all="ignore"):
        if link == "logistic":
            score = -np.log(np.float32(1.0) / score - np.float32(1.0))
        elif link == "exp":
            score = np.log(score)
    return np.broadcast_to(score, (n_outputs,)).astype(np.float64)


def _names(learner: dict[str, Any], n_features: int, given: Sequence[str] | None) -> list[str]:
    if given is not None:
        if len(given) != n_features:
            msg = f"{len(given)} feature names are given for {n_features} features"
            raise InvalidInputError(msg)
        return [str(name) for name in given]
    names = learner.get("feature_names") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        _fail("its feature names are not text")
    if names and len(names) != n_features:
        _fail(f"it has {len(names)} feature names for {n_features} features")
    return names or [f"f{number}" for number in range(n_features)]


def _source(document: dict[str, Any]) -> str:
    version = document.get("version")
    parts = list(version)[:3] if isinstance(version, list | np.ndarray) else []
    numbers = ".".join(str(int(part)) for part in parts if isinstance(part, int | np.integer))
    return f"XGBoost {numbers}".strip()


def _object(parent: dict[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key)
    if not isinstance(value, dict):
        _fail(f"it has no object {key!r}")
    return value


def _numbers(parent: dict[str, Any], key: str, kinds: str, size: int | None = None) -> NDArray[Any]:
    """Return a flat array of numbers of the given kinds."""
    value = parent.get(key)
    if not isinstance(value, list | np.ndarray):
        _fail(f"it has no list {key!r}")
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError) as error:
        msg = f"{key!r} is no list of numbers: {error}"
        raise ModelFormatError(msg) from error
    if not array.size and array.ndim == 1:
        array = np.zeros(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in kinds:
        _fail(f"{key!r} is no list of numbers that fit")
    if size is not None and len(array) != size:
        _fail(f"{key!r} has {len(array)} values where {size} belong")
    return array


def _integer(value: Any, name: str, smallest: int, largest: int) -> int:
    """Return a whole number, which XGBoost writes as text."""
    try:
        number = int(value) if isinstance(value, str | int) and len(str(value)) < 20 else None
    except ValueError:
        number = None
    if number is None or not smallest <= number <= largest:
        _fail(f"its {name} is {value!r:.100}")
    return number


def _not_finite(text: str) -> float:
    msg = f"{text} is no finite number"
    raise ValueError(msg)


def _fail(problem: str) -> NoReturn:
    raise ModelFormatError(problem)
