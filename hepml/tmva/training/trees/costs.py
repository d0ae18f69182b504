"""AdaCost: boosting by what each kind of answer costs, in TMVA's order of operations."""

from __future__ import annotations

import math

from numba import njit

__all__ = ["cost_boost"]

# Event::GetBoostWeight never answers less
_SMALLEST_BOOST = 1e-4

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def cost_of(costs, signal, output):
    """Return the cost of an event, by what it is and what the tree takes it for."""
    taken = output > 0.0
    if signal:
        return costs[0] if taken else costs[1]
    return costs[2] if taken else costs[3]


@_compiled
def cost_boost(sample, weight, boost, is_signal, answer, costs, beta, inverse, ratio):
    """Boost by the costs of a classification tree (``MethodBDT::AdaCost``).

    Parameters
    ----------
    sample : ndarray of int32
        Events that the tree was grown on, repetitions included.
    weight, boost : ndarray of float64, shape (n_events,)
        Weights of the events, and what boosting made of them, changed here.
    is_signal : ndarray of bool, shape (n_events,)
        Whether each event is signal.
    answer : ndarray of float64, shape (n_events,)
        Purity of its leaf.
    costs : ndarray of float64, shape (4,)
        Css, Cts_sb, Ctb_ss and Cbb.
    beta, ratio : float
        AdaBoostBeta and SigToBkgFraction.
    inverse : bool
        Whether negative weights are boosted inversely; else they keep their weight.

    Returns
    -------
    float
        The tree's weight.
    """
    total, cost = 0.0, 0.0
    for event in sample:
        w = weight[event] * boost[event]
        total += w
        side = 1.0 if is_signal[event] else -1.0
        output = (answer[event] - 0.5) * 2.0
        cost += w * side * output * cost_of(costs, is_signal[event], output)
    cost /= total
    alpha = math.log((1.0 + cost) / (1.0 - cost)) * beta
    new_total = 0.0
    for event in sample:
        side = 1.0 if is_signal[event] else -1.0
        output = (answer[event] - 0.5) * 2.0
        factor = math.exp(-1.0 * alpha * side * output * cost_of(costs, is_signal[event], output))
        if weight[event] * boost[event] > 0.0:
            boost[event] = max(_SMALLEST_BOOST, boost[event]) * factor
        elif inverse:
            boost[event] *= 1.0 / factor
        new_total += weight[event] * boost[event]
    norm = len(sample) / new_total
    norm_signal = norm * ratio
    for event in sample:
        boost[event] *= norm_signal if is_signal[event] else norm
    return alpha
