"""TMVA's kd-tree of stored events, and the nearest of them, with ties in the order in which TMVA meets them.

Where two neighbours are equally far in single precision, the one that TMVA's search visits first is the nearer. So the tree
is TMVA's own (``ModulekNN::Optimize``, ``Node::Add``), visited in its order (``kNN::Find``). TMVA prunes by the range of one
variable; here each node has the box of all that lies below it. The distance to a box is summed as that to an event is, and
rounding is monotone, so nothing is left out that TMVA would find.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["build", "nearest"]

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def build(X, wanted, cut, most_steps):
    """Insert events below the nodes that balance the tree.

    ``cut`` holds the splits of complete levels, float32; ``wanted`` says which events may be neighbours: all take part in
    the tree, and only these in its boxes. Returns children (-1 for none), cuts, events of the nodes (-1 for none), boxes and
    the number of levels; 0 levels if it would take more than ``most_steps``.
    """
    n_events, n_variables = X.shape
    n_balanced = cut.shape[0]
    n_nodes = n_balanced + n_events
    child = np.full((n_nodes, 2), -1, np.int64)
    event = np.full(n_nodes, -1, np.int64)
    cuts = np.empty(n_nodes, np.float32)
    cuts[:n_balanced] = cut
    low = np.full((n_nodes, n_variables), np.inf, np.float32)
    high = np.full((n_nodes, n_variables), -np.inf, np.float32)
    for node in range(n_balanced):
        if 2 * node + 2 < n_balanced:
            child[node, 0], child[node, 1] = 2 * node + 1, 2 * node + 2
    levels, steps = 1, 0
    for row in range(n_events):
        new = n_balanced + row
        node, depth = 0, 0
        while True:
            if wanted[row]:
                for k in range(n_variables):
                    low[node, k] = min(low[node, k], X[row, k])
                    high[node, k] = max(high[node, k], X[row, k])
            side = 0 if X[row, depth % n_variables] < cuts[node] else 1
            depth += 1
            below = child[node, side]
            if below < 0:
                child[node, side] = new
                break
            node = below
        steps += depth
        if steps > most_steps:
            return child, cuts, event, low, high, 0
        cuts[new] = X[row, depth % n_variables]
        if wanted[row]:
            event[new] = row
            low[new] = X[row]
            high[new] = X[row]
        levels = max(levels, depth + 1)
    return child, cuts, event, low, high, levels


@_compiled
def nearest(query, X, child, cuts, event, low, high, levels, found, distance):
    """Fill ``found`` with the stored events nearest to each query, nearest first, ``distance`` with squared distances."""
    n_variables = X.shape[1]
    n_wanted = found.shape[1]
    stack, depth_of = np.empty(levels + 2, np.int64), np.empty(levels + 2, np.int64)
    for row in range(query.shape[0]):
        point = query[row]
        size, height = 0, 1
        stack[0], depth_of[0] = 0, 0
        while height:
            height -= 1
            node, depth = stack[height], depth_of[height]
            if size == n_wanted:
                least = np.float32(0.0)
                for k in range(n_variables):
                    gap = np.float32(0.0)
                    if point[k] < low[node, k]:
                        gap = low[node, k] - point[k]
                    elif point[k] > high[node, k]:
                        gap = high[node, k] - point[k]
                    least += gap * gap
                if least >= distance[row, size - 1]:
                    continue
            if event[node] >= 0:
                away = np.float32(0.0)
                for k in range(n_variables):
                    gap = X[event[node], k] - point[k]
                    away += gap * gap
                if size < n_wanted or away < distance[row, size - 1]:
                    if size < n_wanted:
                        size += 1
                    place = size - 1
                    while place > 0 and away < distance[row, place - 1]:
                        distance[row, place] = distance[row, place - 1]
                        found[row, place] = found[row, place - 1]
                        place -= 1
                    distance[row, place], found[row, place] = away, event[node]
            left, right = child[node, 0], child[node, 1]
            if left >= 0 and right >= 0 and not point[depth % n_variables] < cuts[node]:
                left, right = right, left
            for below in (right, left):
                if below >= 0:
                    stack[height], depth_of[height] = below, depth + 1
                    height += 1
