"""The nodes of ONNX's tree ensembles: splits by category become chains of comparisons, which every runtime has.

A set of categories is a set of intervals, since features are cut to whole numbers: {0, 2, 3} is 0 <= x < 1 or 2 <= x < 4.
A chain asks x < 0, x < 1, x < 2, x < 4, and leads in turn to where members and others go. The two subtrees are shared by
the nodes of a chain that lead there when the answer is yes, as ONNX Runtime (and who wrote it for LightGBM) allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import ExportError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.forest.forest import Forest

__all__ = ["OnnxNodes", "onnx_nodes"]

# ONNX Runtime reads nodes by recursion: with 8 MB of stack, 12,000 of them one behind another end the process
_LONGEST_PATH = 2000


@dataclass(frozen=True, slots=True)
class OnnxNodes:
    """Nodes of all trees, those of a tree together and its root first.

    Parameters
    ----------
    tree, number : ndarray of int, shape (n_nodes,)
        Tree of each node, and its number within the tree.
    origin : ndarray of int, shape (n_nodes,)
        The forest's node that it is, or begins to ask for.
    cut : ndarray of float, shape (n_nodes,)
        What is compared with.
    yes, no : ndarray of int, shape (n_nodes,)
        Numbers of the nodes behind it; 0 for leaves.
    missing_yes : ndarray of bool, shape (n_nodes,)
        Whether missing values are answered with yes.
    """

    tree: NDArray[np.int64]
    number: NDArray[np.int64]
    origin: NDArray[np.int64]
    cut: NDArray[Any]
    yes: NDArray[np.int64]
    no: NDArray[np.int64]
    missing_yes: NDArray[np.bool_]


def onnx_nodes(forest: Forest, dtype: np.dtype[Any]) -> OnnxNodes:
    """Return the nodes for features of a type.

    Parameters
    ----------
    forest : Forest
        Any.
    dtype : numpy.dtype
        float32 or float64: cuts decide as the forest's thresholds for all features of it.

    Returns
    -------
    OnnxNodes
        They compare as the forest does, by ``<`` or ``<=``.

    Raises
    ------
    ExportError
        If a way through a tree is longer than ONNX Runtime can read.
    """
    leaf = forest.feature < 0
    tree = np.repeat(np.arange(forest.n_trees), np.diff(forest.first_node))
    place = np.arange(len(tree))
    parts: dict[str, list[NDArray[Any]]] = {
        "tree": [tree],
        "origin": [place],
        "cut": [_cuts(forest, np.where(leaf, 0.0, forest.threshold), dtype)],
        "yes": [np.where(leaf, place, forest.left)],
        "no": [np.where(leaf, place, forest.right)],
        "missing_yes": [~leaf & ~forest.missing_right],
    }
    length = np.ones(len(tree), dtype=np.int64)
    total = len(tree)
    for node in np.flatnonzero(~leaf & (forest.category_set >= 0)).tolist():
        chain = _chain(forest, node, total, dtype)
        length[node] = n = len(chain["cut"])
        for key, values in chain.items():
            # the first takes the place of the split
            parts[key][0][node] = values[0]
            parts[key].append(values[1:])
        parts["tree"].append(np.full(n - 1, tree[node]))
        parts["origin"].append(np.full(n - 1, node))
        total += n - 1
    _refuse_long_paths(forest, length)
    flat = {key: np.concatenate(values) for key, values in parts.items()}
    order = np.argsort(flat["tree"], kind="stable")
    first = np.searchsorted(flat["tree"][order], np.arange(forest.n_trees))
    number = np.empty(total, dtype=np.int64)
    number[order] = np.arange(total) - first[flat["tree"][order]]
    at_leaf = leaf[flat["origin"]]
    nodes = flat | {side: np.where(at_leaf, 0, number[flat[side]]) for side in ("yes", "no")} | {"number": number}
    return OnnxNodes(**{key: values[order] for key, values in nodes.items()})


def _cuts(forest: Forest, threshold: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return cuts that decide as the thresholds do for all features of a type."""
    with np.errstate(over="ignore"):
        cut = threshold.astype(dtype)
    infinity = dtype.type(np.inf)
    if forest.comparison == "<":
        return np.where(cut.astype(np.float64) < threshold, np.nextafter(cut, infinity), cut)
    return np.where(cut.astype(np.float64) > threshold, np.nextafter(cut, -infinity), cut)


def _chain(forest: Forest, node: int, next_place: int, dtype: np.dtype[Any]) -> dict[str, NDArray[Any]]:
    """Return the nodes that ask whether a feature is in the set of a split; the second comes at ``next_place``."""
    number = int(forest.category_set[node])
    members = forest.category_values[forest.category_first[number] : forest.category_first[number + 1]].astype(np.int64)
    left, right = int(forest.left[node]), int(forest.right[node])
    inside, outside = (right, left) if forest.category_inverted[number] else (left, right)
    missing = right if forest.missing_right[node] else left
    below = forest.comparison == "<"
    if not members.size:
        # no number is below the lowest, and all are at most the highest: what is left are missing values
        yes, no = (inside, outside) if below else (outside, inside)
        cut = np.array([-np.inf if below else np.inf], dtype)
        return {
            "cut": cut,
            "yes": np.array([yes]),
            "no": np.array([no]),
            "missing_yes": np.array([missing == yes]),
        }
    breaks = np.flatnonzero(np.diff(members) > 1)
    starts = members[np.concatenate([[0], breaks + 1])]
    ends = members[np.concatenate([breaks, [len(members) - 1]])] + 1
    edges = np.column_stack([starts, ends]).ravel().astype(dtype)
    yes_nodes = np.tile([outside, inside], len(starts))
    no_nodes = np.append(next_place + np.arange(len(edges) - 1), outside)
    missing_yes = np.zeros(len(edges), dtype=bool)
    # they go on until the first node that leads where they belong
    missing_yes[0 if missing == outside else 1] = True
    cut = edges if below else np.nextafter(edges, dtype.type(-np.inf))
    return {"cut": cut, "yes": yes_nodes, "no": no_nodes, "missing_yes": missing_yes}


def _refuse_long_paths(forest: Forest, length: NDArray[np.int64]) -> None:
    nodes: NDArray[Any] = forest.first_node[:-1]
    asked = np.zeros(len(nodes), dtype=np.int64)
    longest = 0
    while nodes.size:
        asked += length[nodes]
        longest = max(longest, int(asked.max()))
        split = forest.feature[nodes] >= 0
        asked = np.tile(asked[split], 2)
        nodes = np.concatenate([forest.left[nodes[split]], forest.right[nodes[split]]])
    if longest > _LONGEST_PATH:
        reason = " that its sets of categories become" if (length > 1).any() else ""
        msg = (
            f"a way through one of its trees has {longest} comparisons{reason}, and ONNX Runtime cannot be trusted with "
            f"more than {_LONGEST_PATH}"
        )
        raise ExportError(msg)
