"""What makes flat arrays a forest: checked once, so that the compiled kernels need not look at bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from hepml.errors import ModelFormatError, did_you_mean
from hepml.forest.medians import MEDIANS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.forest.forest import Forest

__all__ = ["Aggregate", "Comparison", "Link", "Precision", "check_forest", "tree_depths"]

Comparison = Literal["<", "<="]
Precision = Literal["float32", "float64"]
Aggregate = Literal["sum", "average", "median", "tmva_median"]
Link = Literal["identity", "logistic", "logistic_2x", "softmax", "tmva_grad", "exp"]

_CHOICES = {"comparison": Comparison, "precision": Precision, "aggregate": Aggregate, "link": Link}
_NODE_ARRAYS = (
    "feature",
    "threshold",
    "left",
    "right",
    "missing_right",
    "category_set",
    "node_id",
    "gain",
    "cover",
    "value",
)
# nodes are counted by 32 bits; a block of events takes 2 kB for each feature
_MOST_NODES = 2**31 - 1
_MOST_FEATURES = 1_000_000
_DEEPEST = 10_000
# single precision holds no larger category exactly
_LARGEST_CATEGORY = 2**24


def check_forest(forest: Forest) -> None:
    """Raise :class:`~hepml.errors.ModelFormatError` unless all parts of a forest fit together."""
    for name, allowed in _CHOICES.items():
        if (value := getattr(forest, name)) not in get_args(allowed):
            _fail(f"{name} {value!r} is not known{did_you_mean(str(value), get_args(allowed))} ({_listed(allowed)})")
    _check_shapes(forest)
    _check_numbers(forest)
    _check_categories(forest)
    _check_structure(forest)


def _listed(allowed: object) -> str:
    return "allowed: " + ", ".join(map(str, get_args(allowed)))


def _fail(problem: str) -> None:
    msg = f"these are not the parts of a forest: {problem}"
    raise ModelFormatError(msg)


def _check_shapes(forest: Forest) -> None:
    n_nodes, starts = len(forest.feature), forest.first_node
    if starts.ndim != 1 or len(starts) < 2:
        _fail("there is no tree")
    if starts[0] != 0 or starts[-1] != n_nodes or not (np.diff(starts) > 0).all():
        _fail(f"first_node does not count {n_nodes} nodes upwards from 0, at least one for each tree")
    if n_nodes > _MOST_NODES:
        _fail(f"{n_nodes} nodes are more than the {_MOST_NODES} that can be counted")
    if not 1 <= forest.n_features <= _MOST_FEATURES:
        _fail(f"{forest.n_features} features (1 to {_MOST_FEATURES} are possible)")
    if len(set(forest.feature_names)) != forest.n_features:
        _fail("two features have the same name")
    if forest.base.ndim != 1 or not forest.n_outputs:
        _fail(f"base has the shape {forest.base.shape}, not one number for each output")
    width = forest.value.shape[1] if forest.value.ndim == 2 else 0
    if width not in {1, forest.n_outputs}:
        _fail(f"value has the shape {forest.value.shape}; there are {n_nodes} nodes and {forest.n_outputs} outputs")
    _check_lengths(forest, width)


def _check_lengths(forest: Forest, width: int) -> None:
    n_nodes = len(forest.feature)
    for name in _NODE_ARRAYS:
        if (shape := getattr(forest, name).shape)[:1] != (n_nodes,) or (name != "value" and len(shape) != 1):
            _fail(f"{name} has the shape {shape}; there are {n_nodes} nodes")
    for name in ("output", "tree_weight"):
        if (shape := getattr(forest, name).shape) != (forest.n_trees,):
            _fail(f"{name} has the shape {shape}; there are {forest.n_trees} trees")
    if width > 1 and forest.output.any():
        _fail("trees with values for all outputs must have output 0")
    if forest.output.min() < 0 or forest.output.max() >= forest.n_outputs:
        _fail(f"a tree adds to an output that is not among the {forest.n_outputs}")
    if forest.link == "softmax" and forest.n_outputs < 2:
        _fail("softmax needs several outputs")


def _check_numbers(forest: Forest) -> None:
    leaf = forest.feature < 0
    if not np.isfinite(forest.value[leaf]).all():
        _fail("a leaf value is not finite")
    if np.isnan(forest.threshold[~leaf]).any():
        _fail("a threshold is NaN")
    if not np.isfinite(forest.base).all() or not np.isfinite(forest.tree_weight).all():
        _fail("base or tree_weight is not finite")
    if forest.aggregate == "average" and not (
        forest.tree_weight.sum() > 0.0 and np.array_equal(np.unique(forest.output), [0])
    ):
        _fail("an average needs trees of one kind whose weights have a positive sum")
    if forest.aggregate in MEDIANS and not (
        forest.n_outputs == 1 and (forest.tree_weight >= 0.0).all() and forest.tree_weight.sum() > 0.0
    ):
        _fail("a median needs trees of one output, with weights of which none is negative and one is positive")
    if forest.feature.max() >= forest.n_features:
        _fail(f"a split uses feature {forest.feature.max()}; there are {forest.n_features}")


def _check_categories(forest: Forest) -> None:
    first, values, used = forest.category_first, forest.category_values, forest.category_set
    n_sets = len(forest.category_inverted)
    if first.shape != (n_sets + 1,) or first[0] != 0 or first[-1] != len(values) or (np.diff(first) < 0).any():
        _fail(f"category_first does not count {len(values)} values in {n_sets} sets")
    if used.min(initial=-1) < -1 or used.max(initial=-1) >= n_sets:
        _fail(f"a split uses a set of categories that is not among the {n_sets}")
    if values.size and (values.min() < 0 or values.max() >= _LARGEST_CATEGORY):
        _fail(f"categories must lie between 0 and {_LARGEST_CATEGORY - 1}")
    inside = np.ones(len(values), dtype=bool)
    inside[first[:-1][first[:-1] < len(values)]] = False
    if (inside[1:] & (np.diff(values) <= 0)).any():
        _fail("the values of a set of categories do not ascend")


def _check_structure(forest: Forest) -> None:
    left, right, starts = forest.left, forest.right, forest.first_node
    leaf = forest.feature < 0
    if not (np.array_equal(leaf, left < 0) and np.array_equal(leaf, right < 0)):
        _fail("a node is a leaf by its feature and a split by its children, or the other way round")
    inner = np.flatnonzero(~leaf)
    sizes = np.diff(starts)
    tree = np.repeat(np.arange(forest.n_trees), sizes)
    children = np.concatenate([left[inner], right[inner]]).astype(np.int64)
    of_tree = np.tile(tree[inner], 2)
    # the root, which comes first, is nobody's child
    if (children <= starts[of_tree]).any() or (children >= starts[of_tree + 1]).any():
        _fail("a child is out of its tree, or a root")
    parents = np.bincount(children, minlength=len(left))
    parents[starts[:-1]] = 1
    if (parents != 1).any():
        _fail(f"node {int(np.flatnonzero(parents != 1)[0])} has no parent, or two")
    # asked for here because it finds cycles that no root leads to
    assert len(forest.depth) == forest.n_trees  # noqa: S101


def tree_depths(forest: Forest) -> NDArray[np.int32]:
    """Count the splits above the deepest leaf of each tree, one level of all trees at a time.

    Raises
    ------
    ModelFormatError
        If some nodes are reached from no root, or a tree is deeper than any method grows it.
    """
    depth = np.zeros(forest.n_trees, dtype=np.int32)
    nodes: NDArray[Any] = forest.first_node[:-1]
    tree = np.arange(forest.n_trees)
    n_reached, level = len(nodes), 0
    while True:
        split = forest.feature[nodes] >= 0
        nodes, tree = nodes[split], tree[split]
        if not nodes.size:
            break
        level += 1
        if level > _DEEPEST:
            _fail(f"a tree is deeper than {_DEEPEST}")
        depth[tree] = level
        nodes = np.concatenate([forest.left[nodes], forest.right[nodes]])
        tree = np.tile(tree, 2)
        n_reached += len(nodes)
    if n_reached != len(forest.feature):
        _fail(f"{len(forest.feature) - n_reached} nodes are reached from no root")
    depth.flags.writeable = False
    return depth
