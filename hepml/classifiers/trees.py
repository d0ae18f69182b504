"""Trees of scikit-learn's histogram gradient boosting as one flat array, which can be stored and checked."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import ModelFormatError
from hepml.forest.safe_npy import array_from_npy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

__all__ = [
    "NODE_DTYPE",
    "check_structure",
    "nodes_from_bytes",
    "nodes_from_predictors",
    "nodes_to_bytes",
]

# one row a node, trees one after another, children as row numbers within their tree, root first
NODE_DTYPE = np.dtype(
    [
        ("tree", "<i4"),
        ("feature", "<i4"),
        ("threshold", "<f8"),
        ("left", "<i4"),
        ("right", "<i4"),
        ("missing_left", "u1"),
        ("leaf", "u1"),
        ("value", "<f8"),
        ("gain", "<f8"),
        ("count", "<u4"),
    ]
)


def nodes_from_predictors(predictors: Sequence[TreePredictor]) -> NDArray[np.void]:
    """Return the nodes of scikit-learn's trees, shape (n_nodes,), dtype ``NODE_DTYPE``."""
    parts = []
    for index, predictor in enumerate(predictors):
        source = predictor.nodes
        leaf = source["is_leaf"].astype(bool)
        nodes = np.zeros(source.size, dtype=NODE_DTYPE)
        nodes["tree"] = index
        nodes["leaf"] = leaf
        nodes["feature"] = np.where(leaf, 0, source["feature_idx"])
        nodes["threshold"] = np.where(leaf, 0.0, source["num_threshold"])
        nodes["left"] = np.where(leaf, -1, source["left"].astype(np.int64))
        nodes["right"] = np.where(leaf, -1, source["right"].astype(np.int64))
        nodes["missing_left"] = np.where(leaf, 0, source["missing_go_to_left"])
        nodes["value"] = source["value"]
        nodes["gain"] = np.where(leaf, 0.0, source["gain"])
        nodes["count"] = source["count"]
        parts.append(nodes)
    return np.concatenate(parts)


def nodes_to_bytes(nodes: NDArray[np.void]) -> bytes:
    """Return the nodes as the bytes of an ``.npy`` file."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, nodes, version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def nodes_from_bytes(content: bytes, n_features: int) -> NDArray[np.void]:
    """Read and check what :func:`nodes_to_bytes` wrote.

    Parameters
    ----------
    content : bytes
        A whole ``.npy`` file.
    n_features : int
        Number of features that the trees may refer to.

    Returns
    -------
    ndarray of NODE_DTYPE, shape (n_nodes,)
        Safe to predict with.

    Raises
    ------
    ModelFormatError
        If it is not such a file, or its trees are no trees.
    """
    nodes = array_from_npy(content, NODE_DTYPE, "the array of tree nodes")
    if not nodes.size:
        msg = "the array of tree nodes is damaged: it holds none"
        raise ModelFormatError(msg)
    _check_nodes(nodes, n_features)
    return nodes


def check_structure(
    left: NDArray[np.integer],
    right: NDArray[np.integer],
    leaf: NDArray[np.bool_],
    feature: NDArray[np.integer],
    *,
    n_features: int,
    name: str,
) -> None:
    """Raise unless the nodes of one tree form a tree whose root is node 0.

    Parameters
    ----------
    left, right : ndarray of int, shape (n_nodes,)
        Children of each node; not looked at for leaves.
    leaf : ndarray of bool, shape (n_nodes,)
        Which nodes are leaves.
    feature : ndarray of int, shape (n_nodes,)
        Feature of each split.
    n_features : int
        Number of features.
    name : str
        Which tree, for the message.

    Raises
    ------
    ModelFormatError
        If a child is out of range, has two parents, or is the root; if a split uses a feature that is not there.

    Notes
    -----
    When no node has two parents and the root has none, following children from the root cannot come back.
    """
    inner = np.flatnonzero(~leaf)
    children = np.concatenate([left[inner], right[inner]]).astype(np.int64)
    if leaf.size == 0:
        problem = "has no node"
    elif children.size and (children.min() < 1 or children.max() >= leaf.size):
        problem = "has a child that is out of range"
    elif np.bincount(children, minlength=leaf.size)[1:].max(initial=1) != 1 or children.size != leaf.size - 1:
        problem = "has nodes with no parent or with two"
    elif inner.size and (feature[inner].min() < 0 or feature[inner].max() >= n_features):
        problem = f"splits on a feature that is not among the {n_features}"
    else:
        return
    msg = f"the model is damaged: {name} {problem}"
    raise ModelFormatError(msg)


def _check_nodes(nodes: NDArray[np.void], n_features: int) -> None:
    tree = nodes["tree"]
    steps = np.diff(tree)
    if tree[0] != 0 or not np.isin(steps, (0, 1)).all():
        msg = "the model is damaged: its trees are not numbered 0, 1, 2, ..."
        raise ModelFormatError(msg)
    if not np.isin(nodes["leaf"], (0, 1)).all() or not np.isin(nodes["missing_left"], (0, 1)).all():
        msg = "the model is damaged: a flag of a tree node is neither 0 nor 1"
        raise ModelFormatError(msg)
    # a threshold of infinity separates the missing values from all others
    if not np.isfinite(nodes["value"]).all() or np.isnan(nodes["threshold"]).any():
        msg = "the model is damaged: a leaf value is not finite or a threshold is NaN"
        raise ModelFormatError(msg)
    for index, part in enumerate(np.split(nodes, np.flatnonzero(steps) + 1)):
        leaf = part["leaf"].astype(bool)
        check_structure(part["left"], part["right"], leaf, part["feature"], n_features=n_features, name=f"tree {index}")
