"""Grow one tree: split nodes from the root, the right daughter first, as ``DecisionTree::BuildTree`` does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from hepml.tmva.random import poisson, rndm
from hepml.tmva.training.trees.fisher_cuts import choose_discriminant, discriminant, fit_discriminant
from hepml.tmva.training.trees.full_scan import choose_full
from hepml.tmva.training.trees.scan import AHEAD, choose, fill
from hepml.tmva.training.trees.separation import REGRESSION, index
from hepml.tmva.training.trees.vectors import prefetch

__all__ = ["EMPTY_DAUGHTER", "NODE", "SINGULAR", "Arguments", "grow", "is_scanned", "new_node", "split"]

# of `grow`
Arguments = tuple[Any, ...]
# what is known of each node
NODE = np.dtype(
    [
        ("variable", np.int32),
        # row of the coefficients of a cut on a Fisher discriminant, -1 for any other
        ("discriminant", np.int32),
        ("left", np.int32),
        ("right", np.int32),
        ("depth", np.int32),
        ("cut", np.float32),
        ("response", np.float32),
        ("rms", np.float32),
        ("purity", np.float32),
        ("signal", np.float32),
        ("background", np.float32),
        ("gain", np.float32),
        ("impurity", np.float32),
        ("cut_type", np.int8),
        ("node_type", np.int8),
        ("first", np.int64),
        ("last", np.int64),
    ]
)
# results of `grow` where TMVA gives up: all events went one way, or a Fisher discriminant is of no use
EMPTY_DAUGHTER, SINGULAR = -1, -2
_NO_NUMBER = np.float32(-99.0)
_EPSILON = np.finfo(np.float64).eps

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def new_node(nodes, at, depth, first, last):
    """Write an empty node."""
    node = nodes[at]
    node.variable, node.discriminant, node.left, node.right, node.depth = -1, -1, -1, -1, depth
    node.cut, node.response, node.rms, node.gain = 0.0, _NO_NUMBER, 0.0, -1.0
    node.cut_type, node.node_type = 1, -99
    node.first, node.last = first, last


@_compiled
def add_up(terms, events, regression, total):
    """Sum the terms of events in their order."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    for event in events:
        at = 4 * np.intp(event)
        if regression:
            a += terms[at]
            b += terms[at + 1]
            c += terms[at + 2]
            d += terms[at + 3]
        else:
            a += terms[at] * (1.0 - terms[at + 2])
            b += terms[at] * terms[at + 2]
    total[0], total[1], total[2], total[3] = a, b, c, d


@_compiled
def describe(node, kind, total, purity_limit):
    """Write what a node's sums say of it, as if it were a leaf."""
    s, b = total[0], total[1]
    node.signal, node.background = np.float32(s), np.float32(b)
    n = node.signal + node.background
    node.purity = node.signal / n if n > 0 else np.float32(0.5)
    if kind == REGRESSION:
        set_response(node, s + b, total[2], total[3])
    else:
        node.node_type = 1 if np.float64(node.purity) > purity_limit else -1
        node.impurity = np.float32(index(kind, s, b))


@_compiled
def set_response(node, n, t, t2):
    """Write mean and standard deviation of the targets."""
    node.response = np.float32(t / n)
    node.impurity = np.float32((t2 - t * t / n) / n)
    variance = t2 / n - t / n * t / n
    node.rms = np.float32(0.0 if variance < _EPSILON else math.sqrt(variance))


@_compiled
def partition(rows, padded, node, events, coefficients, spare):
    """Sort a node's events by its cut, the left ones first and each side in order; return the number of left ones."""
    n_left, n_right = 0, 0
    if node.discriminant >= 0:
        for event in events:
            value = discriminant(rows, np.intp(event) * padded, coefficients[node.discriminant])
            right = (value > np.float64(node.cut)) == (node.cut_type != 0)
            events[n_left] = event
            spare[n_right] = event
            n_right += right
            n_left += not right
        events[n_left:] = spare[:n_right]
        return n_left
    column = node.variable
    cut, upward = node.cut, node.cut_type != 0
    last = len(events) - 1
    for at in range(len(events)):
        prefetch(rows, np.intp(events[min(at + AHEAD, last)]) * padded + column)
        event = events[at]
        right = (rows[np.intp(event) * padded + column] >= cut) == upward
        events[n_left] = event
        spare[n_right] = event
        n_right += right
        n_left += not right
    events[n_left:] = spare[:n_right]
    return n_left


@_compiled
def random_variables(state, n_variables, n_used, use_poisson):
    """Return a random subset of the variables, in order (``GetRandomisedVariables``)."""
    n = n_used
    if use_poisson:
        n = min(n_variables, max(1, np.int64(poisson(state, np.float64(n_used)))))
    chosen = np.zeros(n_variables, np.bool_)
    found = 0
    while found < n:
        v = np.int64(rndm(state) * n_variables)
        if not chosen[v]:
            chosen[v] = True
            found += 1
    return np.flatnonzero(chosen)


@_compiled
def is_scanned(node, n_cuts, min_size, max_depth):
    """Whether a node is worth its histograms."""
    return n_cuts > 0 and node.last - node.first >= 2 * min_size and node.depth < max_depth


@_compiled
def split(
    at, rows, n_variables, terms, events, kind, n_cuts, min_size, max_depth, purity_limit, n_used, use_poisson, state,
    fisher, grid, room, sums, counts, unit, total, best, spare, importance, nodes, n_nodes,
):  # fmt: skip
    """Describe a node, and split it if that gains; its histograms and ``total`` are there if :func:`is_scanned`.

    ``best`` is room for five numbers, ``n_nodes`` the number of nodes so far, and all else as for :func:`grow`.

    Returns
    -------
    int
        Number of nodes: the daughters are the last two, or there are none. ``EMPTY_DAUGHTER`` if the cut sends all events
        one way, ``SINGULAR`` if a Fisher discriminant has covariances that cannot be inverted.
    """
    node = nodes[at]
    here = events[node.first : node.last]
    n = len(here)
    regression = kind == REGRESSION
    if not is_scanned(node, n_cuts, min_size, max_depth):
        add_up(terms, here, regression, total)
    describe(node, kind, total, purity_limit)
    weight = total[0] + total[1]
    some = weight != 0.0 if regression else total[0] != 0.0 and total[1] != 0.0
    if not (n >= 2 * min_size and weight >= 2 * min_size and node.depth < max_depth and some):
        return n_nodes
    used = np.arange(n_variables)
    if n_used:
        used = random_variables(state, n_variables, n_used, use_poisson and n_cuts > 0)
    with_discriminant, least_correlation, exclusive, class_index, coefficients = fisher
    if with_discriminant:
        own = coefficients[at]
        part, singular = fit_discriminant(
            rows, len(grid[0]), here, terms, kind, class_index, least_correlation, used, own
        )
        if singular:
            return SINGULAR
        if exclusive:
            taken = set(part)
            used = np.array([v for v in used if v not in taken], dtype=np.int64)
    if n_cuts > 0:
        variable = choose(kind, used, n, min_size, grid, room, sums, counts, unit, total, best)
    else:
        variable = choose_full(rows, len(grid[0]), here, terms, kind, used, min_size, best)
    if with_discriminant:
        if variable < 0:
            best[0] = -1.0
        if choose_discriminant(
            rows, len(grid[0]), here, terms, kind, n_cuts, min_size, used, grid, room, sums, coefficients[at], best
        ):
            variable, node.discriminant = n_variables, at
    if variable < 0:
        return n_nodes
    node.variable, node.cut, node.cut_type = variable, np.float32(best[1]), np.int8(best[2])
    node.gain = np.float32(best[0])
    if node.discriminant >= 0:
        for v in range(n_variables):
            c = coefficients[at, v]
            importance[v] += c * c * best[0] * best[0] * weight * weight
    else:
        importance[variable] += best[0] * best[0] * weight * weight
    if best[0] < _EPSILON:
        return n_nodes
    if regression:
        set_response(node, weight, best[3], best[4])
    elif n_cuts <= 0:
        # TrainNodeFull leaves what a new node has
        node.impurity = np.float32(-1.0)
    n_left = partition(rows, len(grid[0]), node, here, coefficients, spare)
    if n_left == 0 or n_left == n:
        return EMPTY_DAUGHTER
    node.node_type = 0
    node.left, node.right = n_nodes, n_nodes + 1
    new_node(nodes, node.left, node.depth + 1, node.first, node.first + n_left)
    new_node(nodes, node.right, node.depth + 1, node.first + n_left, node.last)
    return n_nodes + 2


@_compiled
def grow(
    rows, n_variables, terms, events, kind, n_cuts, min_size, max_depth, purity_limit, n_used, use_poisson, state,
    fisher, grid, room, sums, counts, unit, root, ranged, spare, importance, nodes,
):  # fmt: skip
    """Grow a tree.

    Parameters
    ----------
    rows, terms, grid, room, sums, counts
        As for :func:`hepml.tmva.training.trees.scan.fill`.
    n_variables : int
        Variables without padding.
    events : ndarray of int32
        The sample, repetitions included; sorted into leaves here.
    kind : int
        Separation, or ``REGRESSION``.
    n_cuts : int
        Without any, all cuts between neighbours are tried.
    min_size : float
        Least number and least weight of a daughter's events.
    max_depth : int
        Splits above the deepest leaf.
    purity_limit : float
        Leaves of larger purity are signal's.
    n_used : int
        Number of random variables that a node tries, 0 for all.
    use_poisson : bool
        Whether that is the mean of a Poisson distribution.
    state : ndarray of uint32
        Random numbers.
    fisher : tuple of (bool, float, bool, ndarray of int8, ndarray of float64)
        Whether nodes may cut on Fisher discriminants; the correlation above which variables take part; whether those may
        not be cut on themselves then; class of each event; coefficients, one row for each node that there may be.
    unit : ndarray of float64, shape (2,)
        Weight of a signal and of a background event; zeros if events differ, and must be counted.
    root : ndarray of float32, shape (2, n_padded)
        Smallest and largest value of each variable in the sample.
    ranged : bool
        Whether ``root`` is known; else it is set.
    spare : ndarray of int32
        As long as the sample.
    importance : ndarray of float64, shape (n_variables,)
        The squares of gain and weight of the cuts on each variable are added to it.
    nodes : record array
        The tree, the root first; long enough.

    Returns
    -------
    int
        Number of nodes; ``EMPTY_DAUGHTER`` or ``SINGULAR`` where TMVA gives up.
    """
    total, best = np.zeros(4), np.zeros(5)
    regression = kind == REGRESSION
    counted = regression and unit[0] == 0.0
    new_node(nodes, 0, 0, 0, len(events))
    n_nodes = 1
    waiting = [0]
    while len(waiting):
        at = waiting.pop()
        node = nodes[at]
        if is_scanned(node, n_cuts, min_size, max_depth):
            known = ranged and at == 0
            if known:
                grid[0][:], grid[1][:] = root[0], root[1]
            here = events[node.first : node.last]
            fill(rows, here, terms, regression, counted, known, 0, n_variables, grid, room, sums, counts, total)
            if at == 0:
                root[0], root[1] = grid[0], grid[1]
        grown = split(
            at, rows, n_variables, terms, events, kind, n_cuts, min_size, max_depth, purity_limit, n_used, use_poisson,
            state, fisher, grid, room, sums, counts, unit, total, best, spare, importance, nodes, n_nodes,
        )  # fmt: skip
        if grown < 0:
            return grown
        if grown > n_nodes:
            # TMVA grows the right daughter first
            waiting.append(n_nodes)
            waiting.append(n_nodes + 1)
            n_nodes = grown
    return n_nodes
