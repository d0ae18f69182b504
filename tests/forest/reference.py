"""A forest evaluated as its documentation reads, node by node in plain Python, and random forests to try it on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.forest import Forest

if TYPE_CHECKING:
    from numpy.typing import NDArray

EDGES = (
    np.nan,
    np.inf,
    -np.inf,
    0.0,
    -0.0,
    1e-45,
    -1e-45,
    1e-310,
    3.4028234663852886e38,
    1e300,
    -1e300,
    2.0,
    2.5,
    -1.0,
)


def reference_leaf(forest: Forest, tree: int, x: NDArray[Any]) -> int:
    """Follow one event through one tree; return the number of the node where it ends."""
    node = int(forest.first_node[tree])
    while forest.feature[node] >= 0:
        node = int(forest.right[node] if goes_right(forest, node, x[forest.feature[node]]) else forest.left[node])
    return node


def goes_right(forest: Forest, node: int, value: Any) -> bool:
    if forest.precision == "float32":
        with np.errstate(over="ignore"):
            value = np.float32(value)
    value = float(value)
    if math.isnan(value):
        return bool(forest.missing_right[node])
    number = int(forest.category_set[node])
    if number >= 0:
        members = forest.category_values[forest.category_first[number] : forest.category_first[number + 1]].tolist()
        is_member = 0 <= value < 2**24 and int(value) in members
        return is_member == bool(forest.category_inverted[number])
    threshold = float(forest.threshold[node])
    return not (value < threshold if forest.comparison == "<" else value <= threshold)


def reference_margin(forest: Forest, X: NDArray[Any], n_trees: int | None = None) -> NDArray[np.float64]:
    """Return margins of shape (n_events, n_outputs), trees added in their order."""
    n_trees = forest.n_trees if n_trees is None else n_trees
    if "median" in forest.aggregate:
        return np.array([[reference_median(forest, x, n_trees)] for x in X])
    result = np.empty((len(X), forest.n_outputs))
    for event, x in enumerate(X):
        total = forest.base.copy() if forest.aggregate == "sum" else np.zeros(forest.n_outputs)
        for tree in range(n_trees):
            values = forest.value[reference_leaf(forest, tree, x)] * forest.tree_weight[tree]
            if len(values) == 1:
                total[forest.output[tree]] += values[0]
            else:
                total += values
        if forest.aggregate == "average":
            total = total / np.cumsum(forest.tree_weight)[n_trees - 1] + forest.base
        result[event] = total
    return result


def reference_median(forest: Forest, x: NDArray[Any], n_trees: int) -> float:
    """Sort the trees of an event by their leaves, and look for the one in the middle of the weight."""
    leaves = [float(forest.value[reference_leaf(forest, tree, x), 0]) for tree in range(n_trees)]
    weights = forest.tree_weight.tolist()
    order = sorted(range(n_trees), key=leaves.__getitem__)
    if forest.aggregate == "median":
        half = sum(weights[tree] for tree in order) / 2
        middle = next(k for k in range(n_trees) if sum(weights[tree] for tree in order[: k + 1]) >= half)
        return leaves[order[middle]] + float(forest.base[0])
    # as MethodBDT::GetRegressionValues reads, where t is one more than the number of the middle tree
    t = 0
    reached = 0.0
    while reached <= sum(weights[:n_trees]) / 2:
        reached += weights[order[t]]
        t += 1
    first, last = max(0, math.trunc(t - n_trees // 6 - 0.5)), min(n_trees, math.trunc(t + n_trees // 6 + 0.5))
    chosen = [leaves[tree] for tree in order[first:last]]
    return sum(chosen) / len(chosen) + float(forest.base[0])


def random_forest(
    rng: np.random.Generator,
    *,
    n_trees: int = 7,
    depth: int = 3,
    n_features: int = 4,
    full: bool = False,
    n_outputs: int = 1,
    vector_leaves: bool = False,
    categories: bool = False,
    largest_category: int = 2**24 - 1,
    missing: bool = True,
    single_leaves: bool = False,
    **options: Any,
) -> Forest:
    """Grow trees at random, of at most ``depth`` levels (``full``: of exactly so many), with thresholds that repeat."""
    parts: dict[str, list[Any]] = {key: [] for key in ("feature", "threshold", "left", "right", "value", "set")}
    first, sets = [0], [[0, 2, 5], [1], [], [3, 4, largest_category]]
    width = n_outputs if vector_leaves else 1

    def grow(level: int) -> int:
        node = len(parts["feature"])
        is_split = level < depth and (full or rng.random() < 0.8)
        by_category = is_split and categories and rng.random() < 0.4
        value = rng.normal(size=width)
        parts["feature"].append(int(rng.integers(n_features)) if is_split else -1)
        parts["threshold"].append(float(rng.choice([-1.0, -0.1, 0.0, 0.1, 0.5, 1.0, 2.0, np.inf, -np.inf, 1e-45])))
        parts["value"].append(np.float32(value).astype(float) if single_leaves else value)
        parts["set"].append(int(rng.integers(len(sets))) if by_category else -1)
        parts["left"].append(-1)
        parts["right"].append(-1)
        if is_split:
            parts["left"][node] = grow(level + 1)
            parts["right"][node] = grow(level + 1)
        return node

    for _ in range(n_trees):
        grow(0)
        first.append(len(parts["feature"]))
    n_nodes = first[-1]
    return Forest.from_nodes(
        feature=parts["feature"],
        threshold=parts["threshold"],
        left=parts["left"],
        right=parts["right"],
        value=np.array(parts["value"]),
        first_node=first,
        feature_names=[f"x{number}" for number in range(n_features)],
        missing_right=rng.random(n_nodes) < 0.5 if missing else None,
        output=None if vector_leaves or n_outputs == 1 else np.arange(n_trees) % n_outputs,
        base=options.pop("base", rng.normal(size=n_outputs)),
        category_set=parts["set"] if categories else None,
        categories=sets if categories else (),
        category_inverted=rng.random(len(sets)) < 0.5 if categories else None,
        **options,
    )


def random_events(
    rng: np.random.Generator, n_events: int, n_features: int, forest: Forest | None = None
) -> NDArray[Any]:
    """Return float64 events; about half of their values are special ones or lie on and beside thresholds."""
    special = list(EDGES)
    if forest is not None:
        for threshold in np.unique(forest.threshold).tolist():
            near = np.float32(threshold)
            special += [threshold, np.nextafter(threshold, np.inf), np.nextafter(threshold, -np.inf)]
            special += [float(np.nextafter(near, np.float32(end))) for end in (np.inf, -np.inf)]
    X = rng.normal(size=(n_events, n_features))
    chosen = rng.random(X.shape) < 0.5
    X[chosen] = rng.choice(special, chosen.sum())
    return X
