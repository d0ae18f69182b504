"""What happens to events between two trees: weights and targets, in TMVA's order of operations.

``sample`` are the events that a tree was grown on, in order; under bagging some stand there repeatedly, and are then boosted
repeatedly, as by ``MethodBDT``. ``answer`` is what the tree says of each event.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from hepml.tmva.random import poisson, seeded
from hepml.tmva.training.trees.fisher_cuts import goes_right

__all__ = [
    "ada_boost",
    "answers_of_leaves",
    "bag",
    "descend",
    "deviation",
    "gradient_leaves",
    "huber_leaves",
    "r2_boost",
    "regression_boost",
    "terms_of_classes",
    "terms_of_targets",
    "update_binary",
    "update_classes",
    "weighted_quantile",
]

# Event::GetBoostWeight never answers less
_SMALLEST_BOOST = 1e-4
_SMALLEST_HESSIAN = 1e-30

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def bag(seed, n_events, mean):
    """Return a sample with repetitions, Poisson numbers of each event (``GetBaggedSubSample``)."""
    state = seeded(np.uint32(seed))
    times = np.empty(n_events, np.int32)
    n = 0
    for event in range(n_events):
        times[event] = np.int32(poisson(state, mean))
        n += times[event]
    sample = np.empty(n, np.int32)
    at = 0
    for event in range(n_events):
        for _ in range(times[event]):
            sample[at] = event
            at += 1
    return sample


@_compiled
def terms_of_classes(weight, boost, is_signal, terms):
    """Write what each event adds to a bin of a classification tree."""
    for event in range(len(weight)):
        terms[4 * event] = weight[event] * boost[event]
        terms[4 * event + 1] = 1.0
        terms[4 * event + 2] = 0.0 if is_signal[event] else 1.0
        terms[4 * event + 3] = 0.0


@_compiled
def terms_of_targets(weight, boost, is_signal, target, terms):
    """Write what each event adds to a bin of a regression tree."""
    for event in range(len(weight)):
        w = weight[event] * boost[event]
        t = np.float64(target[event])
        terms[4 * event] = w if is_signal[event] else 0.0
        terms[4 * event + 1] = 0.0 if is_signal[event] else w
        terms[4 * event + 2] = w * t
        terms[4 * event + 3] = w * t * t


@_compiled
def descend(rows, padded, nodes, coefficients, leaf):
    """Write the leaf of each event."""
    # without a look at each node for a discriminant this is a quarter faster
    plain = len(coefficients) == 0
    for event in range(len(leaf)):
        at, place = 0, np.intp(event) * padded
        while nodes[at].node_type == 0:
            if plain:
                right = (rows[place + nodes[at].variable] >= nodes[at].cut) == (nodes[at].cut_type != 0)
            else:
                right = goes_right(rows, place, nodes[at], coefficients)
            at = nodes[at].right if right else nodes[at].left
        leaf[event] = at


@_compiled
def answers_of_leaves(nodes, ends, events, value, answer):
    """Write ``value[leaf]`` for all events that a tree was grown on; ``ends`` are its leaves."""
    for at in ends:
        for k in range(nodes[at].first, nodes[at].last):
            answer[events[k]] = value[at]


@_compiled
def ada_boost(sample, weight, boost, is_signal, answer, yes_no, limit, beta, inverse, ratio, n_nodes, result):
    """Boost by the error of a classification tree (``MethodBDT::AdaBoost``).

    ``answer`` is the type of the leaf if ``yes_no``, else its purity. ``result`` gets the tree's weight, 0 if boosting is to
    stop, and the fraction of errors.
    """
    total, wrong = 0.0, 0.0
    for event in sample:
        w = weight[event] * boost[event]
        total += w
        if yes_no:
            wrong += w if (answer[event] > limit) != is_signal[event] else 0.0
        else:
            wrong += (w if is_signal[event] else -w) * ((answer[event] - 0.5) * 2.0)
    error = wrong / total
    result[0], result[1] = 0.0, error
    if error >= 0.5 and yes_no:
        if n_nodes > 1:
            return
        error = 0.5
    elif error < 0.0:
        error = abs(error)
    alpha = math.log((1.0 - error) / error if yes_no else (1.0 + error) / (1.0 - error)) * beta
    factor = math.exp(alpha)
    new_total = 0.0
    for event in sample:
        if not yes_no:
            side = 1.0 if is_signal[event] else -1.0
            factor = math.exp(-1.0 * alpha * side * ((answer[event] - 0.5) * 2.0))
        old = boost[event]
        new = max(_SMALLEST_BOOST, old) * factor
        if inverse and not weight[event] * old > 0.0:
            new = old * (1.0 / factor)
        # chosen, not branched on: which events are wrong cannot be foreseen
        boost[event] = new if not yes_no or (answer[event] > limit) != is_signal[event] else old
        new_total += weight[event] * boost[event]
    norm = len(sample) / new_total
    norm_signal = norm * ratio
    for event in sample:
        boost[event] *= norm_signal if is_signal[event] else norm
    result[0], result[1] = alpha, error


@_compiled
def deviation(sample, weight, boost, target, answer, loss, result):
    """Return the average loss of a regression tree, and the largest deviation, as AdaBoostR2 takes it.

    ``loss`` is 0 for a linear one, 1 for a quadratic, 2 for an exponential. ``result`` gets the average, the largest
    deviation, and the sum of weights.
    """
    total, first, second, largest = 0.0, 0.0, 0.0, 0.0
    for event in sample:
        w = weight[event] * boost[event]
        total += w
        off = abs(answer[event] - np.float64(target[event]))
        first += w * off
        second += w * off * off
        largest = max(largest, off)
    if loss == 0:
        error = first / largest / total
    elif loss == 1:
        error = second / largest / largest / total
    else:
        error = 0.0
        for event in sample:
            off = abs(answer[event] - np.float64(target[event]))
            error += weight[event] * boost[event] * (1.0 - math.exp(-off / largest)) / total
    result[0], result[1], result[2] = error, largest, total


@_compiled
def r2_boost(sample, weight, boost, target, answer, error, largest, total):
    """Boost by the deviations of a regression tree (``MethodBDT::AdaBoostR2``); return the tree's weight."""
    ratio = error / (1.0 - error)
    new_total = 0.0
    for event in sample:
        off = abs(answer[event] - np.float64(target[event]))
        factor = ratio ** (1.0 - off / largest)
        old = max(_SMALLEST_BOOST, boost[event])
        if weight[event] * boost[event] > 0.0:
            boost[event] = np.float64(np.float32(old * factor))
        else:
            boost[event] = old / factor
        new_total += weight[event] * boost[event]
    norm = total / new_total
    for event in sample:
        boost[event] = max(_SMALLEST_BOOST, boost[event]) * norm
    return math.log(1.0 / ratio)


@_compiled
def regression_boost(sample, weight, boost, target, is_signal, answer, error, largest, beta, inverse, signal_ratio):
    """Boost a regression as ``MethodBDT::AdaBoost`` does; return the tree's weight."""
    alpha = math.log((1.0 + error) / (1.0 - error)) * beta
    new_total = 0.0
    for event in sample:
        off = abs(answer[event] - np.float64(target[event]))
        factor = (1.0 / alpha) ** (1.0 - off / largest)
        if inverse and not weight[event] * boost[event] > 0.0:
            boost[event] *= 1.0 / factor
        else:
            boost[event] = max(_SMALLEST_BOOST, boost[event]) * factor
        new_total += weight[event] * boost[event]
    norm = len(sample) / new_total
    for event in sample:
        boost[event] *= norm * signal_ratio if is_signal[event] else norm
    return alpha


@_compiled
def gradient_leaves(nodes, ends, events, weight, boost, target, shrinkage):
    """Set the responses that minimise the log likelihood (``MethodBDT::GradBoost``)."""
    for at in ends:
        node = nodes[at]
        gradient, hessian = 0.0, 0.0
        for event in events[node.first : node.last]:
            w = weight[event] * boost[event]
            t = np.float64(target[event])
            gradient += t * w
            hessian += abs(t) * (1.0 - abs(t)) * w * w
        node.response = np.float32(shrinkage * gradient / max(hessian, _SMALLEST_HESSIAN))


@_compiled
def update_binary(score, answer, is_signal, target):
    """Add a tree to the scores, and write the gradients (``MethodBDT::UpdateTargets``)."""
    for event in range(len(score)):
        score[event] += answer[event]
        p = 1.0 / (1.0 + math.exp(-2.0 * score[event]))
        target[event] = np.float32((1.0 if is_signal[event] else 0.0) - p)


@_compiled
def update_classes(score, class_index, target):
    """Write the gradients of several classes; ``score`` and ``target`` have the shape (n_classes, n_events)."""
    n_classes = len(score)
    for event in range(score.shape[1]):
        for i in range(n_classes):
            norm = 0.0
            for j in range(n_classes):
                if i != j:
                    norm += math.exp(score[j, event] - score[i, event])
            p = 1.0 / (1.0 + norm)
            target[i, event] = np.float32(1.0 - p if class_index[event] == i else -p)


@_compiled
def weighted_quantile(values, weights, quantile, norm):
    """Return the value behind the one where the sum of weights exceeds a part (``GetWeightedQuantile``), 0 behind the end.

    Equal values count by their weights, the smaller first.
    """
    n = len(values)
    order = np.argsort(values)
    total, at, end = 0.0, 0, 0
    limit = norm * quantile
    while at < n and total <= limit:
        if at == end:
            while end < n and values[order[end]] == values[order[at]]:
                end += 1
            if end > at + 1:
                tied = order[at:end].copy()
                order[at:end] = tied[np.argsort(weights[tied])]
        total += weights[order[at]]
        at += 1
    return 0.0 if at >= n else values[order[at]]


@_compiled
def huber_leaves(nodes, ends, events, weight, boost, residual, transition, shrinkage):
    """Set the responses that minimise Huber's loss (``MethodBDT::GradBoostRegression``)."""
    for at in ends:
        node = nodes[at]
        here = events[node.first : node.last]
        n = len(here)
        values, weights = residual[here], np.empty(n)
        total = 0.0
        for k in range(n):
            weights[k] = weight[here[k]] * boost[here[k]]
            total += weights[k]
        median = weighted_quantile(values, weights, 0.5, total)
        shift = 0.0
        for k in range(n):
            off = values[k] - median
            shift += 1.0 / n * (-1.0 if off < 0.0 else 1.0) * min(transition, abs(off))
        node.response = np.float32(shrinkage * (median + shift))
