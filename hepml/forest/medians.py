"""The weighted median of trees: leaves are ranked once, so that whole numbers are sorted for each event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.forest import kernels

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hepml.forest.forest import Forest
    from hepml.forest.plan import Plan

__all__ = ["MEDIANS", "TMVA_PART", "medians", "ranked_leaves"]

# ways to put trees together that sort their leaves
MEDIANS = frozenset({"median", "tmva_median"})
# TMVA takes the trees beside the middle one along: a sixth of all on either side
TMVA_PART = 6

# Numba's dispatchers have no signatures that a type checker could read
_KERNELS: Any = kernels


def ranked_leaves(
    value: NDArray[np.float64], leaf: NDArray[np.bool_], weight: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """Rank the leaves of all trees by their values, equal ones by their trees.

    Parameters
    ----------
    value : ndarray of float64, shape (n_nodes,)
        Leaf values, trees one after another.
    leaf : ndarray of bool, shape (n_nodes,)
        Nodes without children.
    weight : ndarray of float64, shape (n_nodes,)
        Weight of the tree of each node.

    Returns
    -------
    rank : ndarray of int32, shape (n_nodes,)
        Place of each leaf among all; 0 for splits.
    value, weight : ndarray of float64, shape (n_leaves,)
        Of the leaf at each place.
    """
    order = np.flatnonzero(leaf)
    order = order[np.argsort(value[order], kind="stable")]
    rank = np.zeros(len(value), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank, value[order], weight[order]


def medians(  # noqa: PLR0917  (what the kernels read and write)
    forest: Forest,
    plan: Plan,
    flat: NDArray[Any],
    layout: NDArray[np.int64],
    marks: NDArray[np.int64],
    out: NDArray[np.float64],
) -> Callable[[int, int], int]:
    """Return the function that writes the medians of events ``start`` to ``stop``, and counts those with missing values.

    Parameters
    ----------
    forest : Forest
        Whose ``aggregate`` is a median.
    plan : Plan
        Its plan.
    flat, layout : ndarray
        Features, as the kernels read them.
    marks : ndarray of int64, shape (n_marks,)
        Numbers of trees to take the median of.
    out : ndarray of float64, shape (n_marks, n_events, 1)
        Where to write.

    Notes
    -----
    H. Drucker, Improving regressors using boosting techniques, ICML 1997. ``median`` is scikit-learn's
    (AdaBoostRegressor), ``tmva_median`` that of TMVA's AdaBoostR2 (MethodBDT::GetRegressionValues): see docs/forest.md.
    """
    node_rank, value, weight = plan.ranks
    trees = plan.tree_root, plan.tree_depth, *plan.nodes, node_rank
    totals = np.cumsum(forest.tree_weight)[marks - 1]
    part = TMVA_PART if forest.aggregate == "tmva_median" else 0

    def work(start: int, stop: int) -> int:
        n_missing = 0
        for first in range(start, stop, kernels.BLOCK):
            n = min(kernels.BLOCK, stop - first)
            ranks = np.empty((n, forest.n_trees), dtype=np.int32)
            block = flat[first * layout[0] :]
            n_missing += int(_KERNELS.leaves(block, layout, 0, n, *plan.rows, *trees, ranks))
            _KERNELS.median(ranks, value, weight, marks, totals, part, forest.base[0], out[:, first : first + n, 0])
        return n_missing

    return work
