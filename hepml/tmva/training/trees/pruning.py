"""Cut branches off a boosted tree: TMVA's ``CostComplexityPruneTool`` and ``ExpectedErrorPruneTool``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from hepml.tmva.training.trees.fisher_cuts import goes_right
from hepml.tmva.training.trees.tree_order import cut_off

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Pruning", "ValidationSample", "prune_by_complexity", "prune_by_error", "validation_step"]

_EPSILON = np.finfo(np.float64).eps

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@dataclass(frozen=True, slots=True)
class Pruning:
    """How trees are pruned.

    Parameters
    ----------
    method : {"NoPruning", "CostComplexity", "ExpectedError"}
        PruneMethod, after what TMVA switches off.
    strength : float
        PruneStrength.
    step : int
        Each ``step``-th event of the training is set aside to find the strength; 0: none is.
    """

    method: str
    strength: float
    step: int


@dataclass(frozen=True, slots=True, eq=False)
class ValidationSample:
    """Events that a strength is chosen on; they are neither grown on nor boosted.

    Parameters
    ----------
    X : ndarray of float32, shape (n_events, n_variables)
        Variables.
    weight : ndarray of float64, shape (n_events,)
        Signed weights.
    is_signal : ndarray of bool, shape (n_events,)
        Whether of the signal class.
    target : ndarray of float32, shape (n_events,)
        What a regression learns; zeros otherwise.
    """

    X: NDArray[np.float32]
    weight: NDArray[np.float64]
    is_signal: NDArray[np.bool_]
    target: NDArray[np.float32]


def validation_step(fraction: float) -> int:
    """Return each how manieth event is set aside (``MethodBDT::InitEventSample``); 0 if TMVA cannot part the sample so."""
    if not 1e-9 < fraction < np.inf:
        return 0
    inverse = 1.0 / fraction
    return int(math.ceil(inverse) if math.fmod(inverse, 1.0) > 0.5 else math.floor(inverse))


def prune_by_complexity(
    nodes: NDArray[np.void],
    coefficients: NDArray[np.float64],
    validation: ValidationSample | None,
    *,
    strength: float,
    purity_limit: float,
    regression: bool,
) -> None:
    """Prune the weakest links, as many as ``strength`` per cent of all, or as are best for the validation sample.

    Parameters
    ----------
    nodes : ndarray of NODE
        The tree, daughters behind their mothers; changed in place.
    coefficients : ndarray of float64, shape (n_discriminants, n_variables + 1)
        Of its cuts on Fisher discriminants.
    validation : ValidationSample or None
        If given, ``strength`` is of no meaning.
    strength : float
        In (0, 100].
    purity_limit : float
        Leaves of larger purity are signal's.
    regression : bool
        Whether the error is one of targets.
    """
    loss = np.zeros(len(nodes))
    total = 1.0
    if validation is not None:
        arguments = (validation.X, validation.weight, validation.is_signal, validation.target)
        total = _losses(nodes, coefficients, *arguments, purity_limit, regression, loss)
    sequence, errors = _weakest_links(nodes, loss, total)
    if validation is None:
        n = int(strength / 100.0 * len(sequence))
    else:
        # TMVA stops one link before the best tree
        best = int(np.argmin(errors))
        n = best - 1 if errors[best] < errors[0] else 0
    for at in sequence[:n]:
        cut_off(nodes[at], purity_limit)


@_compiled
def _losses(nodes, coefficients, X, weight, is_signal, target, purity_limit, regression, loss):
    """Write the loss of each node, were it a leaf, on the validation sample; return the sum of weights."""
    signal, background = np.zeros(len(nodes)), np.zeros(len(nodes))
    first, second = np.zeros(len(nodes), np.float32), np.zeros(len(nodes), np.float32)
    total = 0.0
    for event in range(len(weight)):
        w, t = weight[event], np.float64(target[event])
        total += w
        at = 0
        while True:
            if is_signal[event]:
                signal[at] += w
            else:
                background[at] += w
            first[at] += np.float32(w * t)
            second[at] += np.float32(w * t * t)
            if nodes[at].node_type != 0:
                break
            right = goes_right(X[event], 0, nodes[at], coefficients)
            at = nodes[at].right if right else nodes[at].left
    for at in range(len(nodes)):
        node = nodes[at]
        if regression:
            r = node.response
            crossed = np.float32(np.float32(np.float32(2.0) * first[at]) * r)
            w = signal[at] + background[at]
            loss[at] = np.float64(np.float32(second[at] - crossed)) + w * np.float64(r) * np.float64(r)
        else:
            loss[at] = background[at] if np.float64(node.purity) > purity_limit else signal[at]
    return total


@_compiled
def _error(nodes, ends, loss):
    """Sum the losses of the leaves, as the recursion of ``TestPrunedTreeQuality`` does."""
    summed = loss.copy()
    for at in range(len(nodes) - 1, -1, -1):
        if not ends[at] and nodes[at].node_type == 0:
            summed[at] = summed[nodes[at].left] + summed[nodes[at].right]
    return summed[0]


@_compiled
def _gather(nodes, at, own, below, n_leaves, alpha, least):
    """Write what a mother has from her daughters: leaves and their impurity, and the cost that the weakest link has."""
    left, right = nodes[at].left, nodes[at].right
    n_leaves[at] = n_leaves[left] + n_leaves[right]
    below[at] = below[left] + below[right]
    alpha[at] = (own[at] - below[at]) / (n_leaves[at] - 1)
    of_both = min(least[left], least[right])
    least[at] = min(alpha[at], of_both)


@_compiled
def _weakest_links(nodes, loss, total):
    """Return the nodes in the order of pruning, and the error before the first and after each."""
    n = len(nodes)
    own, below = np.zeros(n), np.zeros(n)
    alpha, least = np.full(n, np.inf), np.full(n, np.inf)
    n_leaves, mother, ends = np.ones(n, np.int64), np.full(n, -1), np.ones(n, np.bool_)
    for at in range(n - 1, -1, -1):
        node = nodes[at]
        own[at] = (np.float64(node.signal) + np.float64(node.background)) * np.float64(node.impurity)
        below[at] = own[at]
        if node.node_type == 0:
            ends[at] = False
            mother[node.left], mother[node.right] = at, at
            _gather(nodes, at, own, below, n_leaves, alpha, least)
    sequence, errors = np.zeros(n, np.int64), np.zeros(n + 1)
    errors[0] = _error(nodes, ends, loss) / total
    k = 0
    while n_leaves[0] > 1 and least[0] < alpha[0]:
        at = 0
        while least[at] < alpha[at]:
            at = nodes[at].left if abs(least[at] - least[nodes[at].left]) < _EPSILON else nodes[at].right
        sequence[k] = at
        ends[at], n_leaves[at], below[at], alpha[at], least[at] = True, 1, own[at], np.inf, np.inf
        while at != 0:
            at = mother[at]
            _gather(nodes, at, own, below, n_leaves, alpha, least)
        k += 1
        errors[k] = _error(nodes, ends, loss) / total
    return sequence[:k], errors[: k + 1]


@_compiled
def prune_by_error(nodes, coefficients, X, sample, terms, regression, strength, purity_limit):
    """Prune where the error that is expected of a node is no larger than that of its branch.

    ``X`` has the shape (n_events, >= n_variables); ``sample`` and ``terms`` are what the tree was grown on.
    """
    n = len(nodes)
    weight = np.zeros(n)
    for event in sample:
        w = terms[4 * np.intp(event)]
        if regression:
            w += terms[4 * np.intp(event) + 1]
        at = 0
        while nodes[at].node_type == 0:
            right = goes_right(X[event], 0, nodes[at], coefficients)
            at = nodes[at].right if right else nodes[at].left
            weight[at] += w
    # the root's is summed by class
    weight[0] = np.float64(nodes[0].signal) + np.float64(nodes[0].background)
    error = np.zeros(n)
    cut = np.zeros(n, np.bool_)
    for at in range(n - 1, -1, -1):
        node = nodes[at]
        here = np.float64(np.float32(weight[at]))
        p = node.purity
        f = np.float64(p) if np.float64(p) > purity_limit else np.float64(np.float32(1.0) - p)
        own = 1.0 - (f - strength * math.sqrt(f * (1.0 - f) / here))
        own = min(1.0, own)
        error[at] = own
        if node.node_type == 0:
            left, right = node.left, node.right
            of_left = np.float64(np.float32(weight[left])) * error[left]
            error[at] = (of_left + np.float64(np.float32(weight[right])) * error[right]) / here
            cut[at] = error[at] >= own
    for at in range(n):
        if cut[at]:
            cut_off(nodes[at], purity_limit)
