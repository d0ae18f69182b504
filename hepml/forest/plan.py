"""A forest as the compiled kernels want it: comparisons that need no case for missing values, shallow trees filled up.

A node asks ``x >= cut`` of a *row*, a feature whose missing values were replaced so that the answer is right for them as
well. All arrays here follow from the forest and a precision of the features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.forest.medians import MEDIANS, ranked_leaves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.forest.forest import Forest

__all__ = ["Plan", "breadth_first", "make_plan"]

# kinds of rows, as hepml.forest.kernels knows them
_NAN_LOW, _NAN_HIGH, _ONLY_NAN_HIGH, _ONLY_NAN_LOW, _CATEGORY = range(5)
# deeper trees are followed level by level: filling them up would cost more comparisons than that saves
_DEEPEST_FILLED = 5
# order of the nodes in a filled tree of three levels
_THREE_LEVELS = 7


@dataclass(frozen=True, slots=True)
class Plan:
    """Arrays for the kernels.

    Parameters
    ----------
    rows : tuple
        Feature, kind and set of categories of each row; where the sets begin, and their values.
    tree_kind : ndarray of uint8, shape (n_trees,)
        Depth of trees that are filled up, 0 for those that are followed level by level.
    tree_first : ndarray of int64, shape (n_trees,)
        First part of three levels.
    tree_root, tree_depth, tree_output : ndarray, shape (n_trees,)
        Root, depth and output of each tree.
    filled : tuple
        Rows, cuts (n_parts, 7), leaf values and nodes (n_parts, 8) of the parts of three levels.
    top : tuple
        Rows and cuts (n_trees, 3) of what stands above the parts in trees of four and five levels.
    nodes : tuple
        Left child (a leaf's is itself; right ones follow left ones), row and cut of each node.
    node_value : ndarray of float64, shape (n_nodes, width)
        Leaf values times the weight of their tree; not for medians, where nothing is added.
    ranks : tuple
        For medians, rank of each leaf among all leaves, and value and weight of the leaf of each rank. Else empty.
    node_id : ndarray of int32
        Number of each node in the library that trained.
    """

    rows: tuple[NDArray[Any], ...]
    tree_kind: NDArray[np.uint8]
    tree_first: NDArray[np.int64]
    tree_root: NDArray[np.int64]
    tree_depth: NDArray[np.int32]
    tree_output: NDArray[np.int32]
    filled: tuple[NDArray[Any], ...]
    top: tuple[NDArray[Any], ...]
    nodes: tuple[NDArray[Any], ...]
    node_value: NDArray[np.float64]
    ranks: tuple[NDArray[Any], ...]
    node_id: NDArray[np.int32]


def make_plan(forest: Forest, dtype: np.dtype[Any]) -> Plan:
    """Lay a forest out for features of type ``dtype``.

    Parameters
    ----------
    forest : Forest
        Checked.
    dtype : numpy.dtype
        float32 or float64: the precision of the comparisons.

    Returns
    -------
    Plan
        For the functions of :mod:`hepml.forest.kernels`.
    """
    order, place = breadth_first(forest)
    cut, kind = _cuts(forest, dtype)
    row, rows = _rows(forest, kind)
    leaf = forest.feature < 0
    tree = np.repeat(np.arange(forest.n_trees), np.diff(forest.first_node))
    weight = forest.tree_weight[tree]
    is_median = forest.aggregate in MEDIANS
    value = np.where(leaf[:, None], forest.value * (1.0 if is_median else weight[:, None]), 0.0)
    cut = np.where(leaf, np.asarray(np.nan, dtype), cut)
    left = np.where(leaf, place, place[forest.left]).astype(np.int32)
    nodes = left[order], row[order], cut[order]
    values = np.ascontiguousarray(value[order])
    exits = np.zeros(forest.n_trees, dtype=np.uint8)
    if values.shape[1] == 1:
        exits[:] = np.where(forest.depth <= _DEEPEST_FILLED, forest.depth.clip(min=1), 0)
    roots = place[forest.first_node[:-1]].astype(np.int64)
    filled, top, first = _filled(exits, roots, nodes, values[:, 0])
    return Plan(
        rows=rows,
        tree_kind=exits,
        tree_first=first,
        tree_root=roots,
        tree_depth=forest.depth,
        tree_output=forest.output,
        filled=filled,
        top=top,
        nodes=nodes,
        node_value=values,
        ranks=ranked_leaves(values[:, 0], leaf[order], weight[order]) if is_median else (),
        node_id=forest.node_id[order],
    )


def breadth_first(forest: Forest) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the nodes in an order in which right children follow left ones, and the place of each node in it.

    Trees stay together, level after level, so that those nodes that most events meet share cache lines.
    """
    n_nodes = len(forest.feature)
    level_of = np.zeros(n_nodes, dtype=np.int64)
    rank = np.zeros(n_nodes, dtype=np.int64)
    nodes: NDArray[Any] = forest.first_node[:-1]
    level = 0
    while nodes.size:
        level_of[nodes] = level
        rank[nodes] = np.arange(len(nodes))
        split = nodes[forest.feature[nodes] >= 0]
        nodes = np.column_stack([forest.left[split], forest.right[split]]).ravel()
        level += 1
    tree = np.repeat(np.arange(forest.n_trees), np.diff(forest.first_node))
    order = np.lexsort((rank, level_of, tree))
    place = np.empty(n_nodes, dtype=np.int64)
    place[order] = np.arange(n_nodes)
    return order, place


def _cuts(forest: Forest, dtype: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[np.int8]]:
    """Return what ``x >= cut`` must be asked with, and the kind of row, so that an event goes right as the forest says.

    Features of type ``dtype`` never lie between two neighbouring numbers of it, so rounding a threshold up to the next one
    (for ``"<"``), or to the first one above it (for ``"<="``), changes no answer.
    """
    split = forest.feature >= 0
    threshold = np.where(split, forest.threshold, 0.0)
    with np.errstate(over="ignore"):
        cut = threshold.astype(dtype)
    infinity = np.asarray(np.inf, dtype)
    if forest.comparison == "<":
        cut = np.where(cut.astype(np.float64) < threshold, np.nextafter(cut, infinity), cut)
    else:
        down = np.where(cut.astype(np.float64) > threshold, np.nextafter(cut, -infinity), cut)
        # nothing lies above infinity
        cut = np.where(np.isposinf(down), np.asarray(np.nan, dtype), np.nextafter(down, infinity))
    kind = np.where(forest.missing_right, _NAN_HIGH, _NAN_LOW).astype(np.int8)
    # where all numbers go one way, a replaced missing value could not go the other
    only_right = forest.missing_right & np.isnan(cut)
    only_left = ~forest.missing_right & np.isneginf(cut)
    kind[only_right], kind[only_left] = _ONLY_NAN_HIGH, _ONLY_NAN_LOW
    cut[only_right | only_left] = 0.0
    # of a category the row holds 1 for those that go right and 0 for those that go left
    by_category = split & (forest.category_set >= 0)
    kind[by_category] = _CATEGORY
    cut[by_category] = 0.5
    return cut, kind


def _rows(forest: Forest, kind: NDArray[np.int8]) -> tuple[NDArray[np.int32], tuple[NDArray[Any], ...]]:
    """Return the row of each node, and the rows: as few as there are different ones."""
    split = forest.feature >= 0
    by_category = split & (kind == _CATEGORY)
    keys = np.zeros((len(kind), 4), dtype=np.int64)
    keys[:, 0] = np.where(split, kind, _NAN_LOW)
    keys[:, 1] = np.where(split, forest.feature, 0)
    keys[:, 2] = np.where(by_category, forest.category_set, 0)
    keys[:, 3] = by_category & forest.missing_right
    # a forest without splits still has a row to read
    found, row = np.unique(keys, axis=0, return_inverse=True)
    inverted = forest.category_inverted if len(forest.category_inverted) else np.zeros(1, dtype=bool)
    return row.ravel().astype(np.int32), (
        found[:, 1].astype(np.int64),
        found[:, 0].astype(np.uint8),
        found[:, 2].astype(np.int64),
        # what the row holds for members, other numbers and missing values
        np.column_stack([inverted[found[:, 2]], ~inverted[found[:, 2]], found[:, 3]]).astype(np.uint8),
        forest.category_first,
        forest.category_values,
    )


def _filled(
    kind: NDArray[np.uint8], roots: NDArray[np.int64], nodes: tuple[NDArray[Any], ...], value: NDArray[np.float64]
) -> tuple[tuple[NDArray[Any], ...], tuple[NDArray[Any], ...], NDArray[np.int64]]:
    """Fill trees up to complete ones, in parts of three levels below at most two more; of deep ones, the first three."""
    left, row, cut = nodes
    n_levels = np.where(kind == 0, 3, kind).astype(np.int64)
    n_parts = np.left_shift(1, np.maximum(n_levels - 3, 0))
    first = np.concatenate([[0], np.cumsum(n_parts)[:-1]]).astype(np.int64)
    total = int(n_parts.sum())
    part_row = np.zeros((total, 7), dtype=np.int32)
    part_cut = np.zeros((total, 7), dtype=cut.dtype)
    part_node = np.zeros((total, 8), dtype=np.int32)
    top_row = np.zeros((len(kind), 3), dtype=np.int32)
    top_cut = np.zeros((len(kind), 3), dtype=cut.dtype)
    for depth in range(1, _DEEPEST_FILLED + 1):
        trees = np.flatnonzero(n_levels == depth)
        if not trees.size:
            continue
        above = max(depth - 3, 0)
        # complete[:, k]: the node at place k of the complete tree; a leaf stands for all that would be below it
        complete = np.empty((len(trees), 2 ** (depth + 1) - 1), dtype=np.int64)
        complete[:, 0] = roots[trees]
        for place in range(2**depth - 1):
            here = complete[:, place]
            is_leaf = left[here] == here
            complete[:, 2 * place + 1] = left[here]
            complete[:, 2 * place + 2] = np.where(is_leaf, here, left[here] + 1)
        for place in range(2**above - 1):
            top_row[trees, place], top_cut[trees, place] = row[complete[:, place]], cut[complete[:, place]]
        for part in range(2**above):
            places = [2**above - 1 + part]
            for step in range(min(depth, 3)):
                places += [child for place in places[2**step - 1 :] for child in (2 * place + 1, 2 * place + 2)]
            n_splits = 2 ** min(depth, 3) - 1
            where = first[trees] + part
            part_row[where, :n_splits] = row[complete[:, places[:n_splits]]]
            part_cut[where, :n_splits] = cut[complete[:, places[:n_splits]]]
            part_node[where, : n_splits + 1] = complete[:, places[n_splits:]]
    part_leaf = value[part_node]
    # half the work, where single precision holds the leaf values exactly
    with np.errstate(over="ignore"):
        single = part_leaf.astype(np.float32)
    leaf = single if np.array_equal(single, part_leaf) else part_leaf
    return (part_row, part_cut, leaf, part_node), (top_row, top_cut), first
