"""A grown tree's leaves, what is merged of them, and its nodes in the order of TMVA's files."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["in_order", "leaves", "merge"]

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def merge(nodes, n_nodes, purity_limit):
    """Undo splits whose daughters are leaves of one type (``DecisionTree::CleanTree``)."""
    # daughters stand behind their mother
    for at in range(n_nodes - 1, -1, -1):
        node = nodes[at]
        if node.node_type == 0 and nodes[node.left].node_type * nodes[node.right].node_type > 0:
            cut_off(node, purity_limit)


@_compiled
def cut_off(node, purity_limit):
    """Make a node a leaf (``DecisionTree::PruneNode``)."""
    node.left, node.right, node.variable, node.gain = -1, -1, -1, np.float32(-1.0)
    node.node_type = 1 if np.float64(node.purity) > purity_limit else -1


@_compiled
def leaves(nodes):
    """Return the numbers of the leaves."""
    waiting, found = [0], []
    while len(waiting):
        at = waiting.pop()
        if nodes[at].node_type == 0:
            waiting.append(nodes[at].right)
            waiting.append(nodes[at].left)
        else:
            found.append(at)
    return np.array(found)


@_compiled
def in_order(nodes, out):
    """Copy the nodes that are left, mothers before daughters and left before right; return their number."""
    waiting, mothers = [0], [-1]
    n = 0
    while len(waiting):
        at, mother = waiting.pop(), mothers.pop()
        out[n] = nodes[at]
        if mother >= 0:
            if out[mother].left < 0:
                out[mother].left = n
            else:
                out[mother].right = n
        if nodes[at].node_type == 0:
            waiting.append(nodes[at].right)
            waiting.append(nodes[at].left)
            mothers.append(n)
            mothers.append(n)
            out[n].left, out[n].right = -1, -1
        n += 1
    return n
