"""Compiled Shapley values of tree ensembles: two passes over each tree for each point of a quadrature, no table, no leaf alone.

For a leaf of value v that d features lead to, with shares z_i of the cover and o_i = 1 where the event meets all conditions
on feature i, feature i contributes

    v (o_i - z_i) * integral over t from 0 to 1 of product over j != i of (t o_j + (1 - t) z_j),

since t^k (1 - t)^(d - 1 - k) integrates to Shapley's weight k! (d - 1 - k)! / d! of a coalition of k others. The integrand is
a polynomial of degree d - 1, so Gauss and Legendre's rule of d / 2 points, rounded up, gives it exactly. At one point all
leaves below a node share the factors above it: a pass down multiplies them, a pass up adds the leaves, and each split
contributes from what is above times what is below. Every factor is positive and nothing is divided out of a product, so
deep trees lose no digits.

A feature that is asked again further down replaces its factor f = t + (1 - t) z by f' = t o + (1 - t) z z', and what the upper
split has counted for the leaves below the lower one is corrected there: together, by z (o - z') / f^2. Where the upper
condition is not met the lower one changes nothing (Yu, Xu, Yang, Liu, NeurIPS 2022, "Linear TreeShap", sums alike).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hepml.forest.kernels import load

__all__ = ["LANES", "explain", "outline"]

# events that are worked on at a time: what stands above and below a path of six splits stays in the first-level cache
LANES = 128

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def outline(feature, left, right, cover, value, first_node, output, depth, place, expectation):
    """Describe each split of each tree, a parent before its children, and the left side of a split before the right one.

    Returns the first split of each tree and its most different features on a way; of each split level, side below its
    parent, place, feature, children's places (-1 unless a leaf) and level of the last split above on the same feature (-1
    if none); the cover's share of both children and that of the feature by the splits above; and whether a split further
    down is on the same feature. ``expectation`` is added to.
    """
    n_splits = (feature >= 0).sum()
    tree_first = np.empty(first_node.shape[0], np.int64)
    most = np.zeros(first_node.shape[0] - 1, np.int64)
    whole = np.empty((n_splits, 7), np.int64)
    share = np.empty((n_splits, 3), np.float64)
    kept = np.zeros(n_splits, np.bool_)
    deepest = depth.max() + 1
    stack = np.empty((2 * deepest + 2, 3), np.int64)
    path, side = np.empty(deepest, np.int64), np.empty(deepest, np.int64)
    distinct = np.zeros(deepest + 1, np.int64)
    reached = np.ones(deepest + 1, np.float64)
    split = 0
    for tree in range(first_node.shape[0] - 1):
        tree_first[tree] = split
        stack[0, 0], stack[0, 1], stack[0, 2] = first_node[tree], 0, 0
        height = 1
        while height:
            height -= 1
            node, level, turn = stack[height, 0], stack[height, 1], stack[height, 2]
            if level:
                above = path[level - 1]
                side[level - 1] = turn
                reached[level] = reached[level - 1] * share[above, turn]
                distinct[level] = distinct[level - 1] + (whole[above, 6] < 0)
            if feature[node] < 0:
                most[tree] = max(most[tree], distinct[level])
                if value.shape[1] == 1:
                    expectation[output[tree]] += reached[level] * value[place[node], 0]
                else:
                    for k in range(value.shape[1]):
                        expectation[k] += reached[level] * value[place[node], k]
                continue
            whole[split, 0], whole[split, 1], whole[split, 2] = level, turn, place[node]
            whole[split, 3] = feature[node]
            again = level - 1
            while again >= 0 and whole[path[again], 3] != feature[node]:
                again -= 1
            whole[split, 6] = again
            share[split, 2] = 1.0
            if again >= 0:
                upper = path[again]
                share[split, 2] = share[upper, 2] * share[upper, side[again]]
                kept[upper] = True
            for turn in range(2):
                child = right[node] if turn else left[node]
                share[split, turn] = cover[child] / cover[node] if cover[node] > 0.0 else 0.0
                whole[split, 4 + turn] = place[child] if feature[child] < 0 else -1
            path[level] = split
            stack[height, 0], stack[height, 1], stack[height, 2] = right[node], level + 1, 1
            stack[height + 1, 0], stack[height + 1, 1], stack[height + 1, 2] = left[node], level + 1, 0
            height += 2
            split += 1
    tree_first[-1] = split
    return tree_first, most, whole, share, kept


@_compiled
def explain(
    flat,
    layout,
    start,
    stop,
    row_feature,
    row_kind,
    row_set,
    row_answer,
    set_first,
    set_values,
    tree_output,
    depth,
    node_row,
    node_cut,
    node_value,
    tree_first,
    whole,
    share,
    kept,
    n_points,
    first_point,
    points,
    point_weights,
    scale,
    base,
    out,
):
    """Write contributions of events ``start`` to ``stop`` to ``out`` of the shape (n_events, n_features + 1, n_outputs).

    Each tree has ``n_points`` from ``first_point`` on. The number of events with a missing value is returned.
    """
    n_features, n_outputs = out.shape[1] - 1, out.shape[2]
    deepest = depth.max() + 1
    x = np.empty((row_feature.shape[0], LANES), node_cut.dtype)
    total = np.empty((n_outputs, n_features, LANES), np.float64)
    above = np.empty((deepest, LANES), np.float64)
    below = np.empty((deepest + 1, 2, LANES), np.float64)
    # whether all conditions on the feature of a split hold, down to the next level
    holds = np.empty((deepest + 1, LANES), np.bool_)
    path = np.empty(deepest, np.int64)
    n_missing = 0
    for first in range(start, stop, LANES):
        n = min(LANES, stop - first)
        n_missing += load(flat, layout, first, n, row_feature, row_kind, row_set, row_answer, set_first, set_values, x)
        total[:] = 0.0
        for tree in range(tree_output.shape[0]):
            begin, end = tree_first[tree], tree_first[tree + 1]
            some = first_point[tree]
            for k in range(node_value.shape[1]):
                sums = total[tree_output[tree] + k]
                for point in range(some, some + n_points[tree]):
                    t, weight = points[point], point_weights[point]
                    last = -1
                    for split in range(begin, end + 1):
                        level = whole[split, 0] if split < end else 0
                        while last >= level:
                            done = path[last]
                            _go_up(
                                x[node_row[whole[done, 2]]],
                                node_cut[whole[done, 2]],
                                whole[done],
                                share[done],
                                node_value,
                                k,
                                t,
                                weight,
                                above[last],
                                below[last + 1],
                                below[last, whole[done, 1]],
                                holds,
                                sums[whole[done, 3]],
                                n,
                            )
                            last -= 1
                        if split == end:
                            break
                        last = level
                        path[level] = split
                        if level == 0:
                            above[0, :n] = 1.0
                        else:
                            upper = path[level - 1]
                            _go_down(
                                x[node_row[whole[upper, 2]]],
                                node_cut[whole[upper, 2]],
                                whole[upper, 6],
                                share[upper],
                                whole[split, 1],
                                kept[upper],
                                t,
                                above[level - 1],
                                above[level],
                                holds,
                                level,
                                n,
                            )
        for k in range(n_outputs):
            for feature in range(n_features):
                for e in range(n):
                    out[first + e, feature, k] = total[k, feature, e] * scale
            for e in range(n):
                out[first + e, n_features, k] = base[k]
    return n_missing


@_compiled
def _factors(t, share, side, again):
    """Return what a side of a split multiplies by if its condition is met, is not, or an upper one is not; and f."""
    z = share[side]
    if again < 0:
        return t + (1.0 - t) * z, (1.0 - t) * z, z, 1.0
    old = t + (1.0 - t) * share[2]
    rest = (1.0 - t) * share[2] * z
    return (t + rest) / old, rest / old, z, old


@_compiled
def _go_down(x, cut, again, share, side, keep, t, source, target, holds, level, n):
    """Multiply the factor of one side of a split to what is above it."""
    met, missed, void, _ = _factors(t, share, side, again)
    low, high = (missed, met) if side else (met, missed)
    right = side == 1
    if again < 0:
        for e in range(n):
            target[e] = source[e] * (high if x[e] >= cut else low)
        if keep:
            line = holds[level]
            for e in range(n):
                line[e] = (x[e] >= cut) == right
    else:
        upper = holds[again + 1]
        for e in range(n):
            target[e] = source[e] * ((high if x[e] >= cut else low) if upper[e] else void)
        if keep:
            line = holds[level]
            for e in range(n):
                line[e] = ((x[e] >= cut) == right) & upper[e]


@_compiled
def _go_up(x, cut, whole, share, node_value, k, t, weight, above, below, target, holds, total, n):
    """Add the leaves of both sides of a split, each times its factors, and what the split contributes."""
    again = whole[6]
    met_0, missed_0, void_0, old = _factors(t, share, 0, again)
    met_1, missed_1, void_1, old = _factors(t, share, 1, again)
    factor = weight * share[2] / (old * old) if again >= 0 else weight
    # what the left and right side contribute where x >= cut is not so, and where it is
    left_low, right_low = factor * (1.0 - share[0]), -factor * share[1]
    left_high, right_high = -factor * share[0], factor * (1.0 - share[1])
    upper = holds[again + 1]
    if whole[4] >= 0 and whole[5] >= 0:
        a, b = node_value[whole[4], k], node_value[whole[5], k]
        sum_low, sum_high = met_0 * a + missed_1 * b, missed_0 * a + met_1 * b
        part_low, part_high = left_low * a + right_low * b, left_high * a + right_high * b
        if again < 0:
            for e in range(n):
                target[e] = sum_high if x[e] >= cut else sum_low
            for e in range(n):
                total[e] += above[e] * (part_high if x[e] >= cut else part_low)
        else:
            sum_void = void_0 * a + void_1 * b
            for e in range(n):
                target[e] = (sum_high if x[e] >= cut else sum_low) if upper[e] else sum_void
            for e in range(n):
                total[e] += above[e] * ((part_high if x[e] >= cut else part_low) if upper[e] else 0.0)
        return
    left, right = below[0], below[1]
    if whole[4] >= 0:
        left[:n] = node_value[whole[4], k]
    if whole[5] >= 0:
        right[:n] = node_value[whole[5], k]
    if again < 0:
        for e in range(n):
            target[e] = left[e] * (missed_0 if x[e] >= cut else met_0) + right[e] * (met_1 if x[e] >= cut else missed_1)
        for e in range(n):
            part = left[e] * (left_high if x[e] >= cut else left_low)
            part += right[e] * (right_high if x[e] >= cut else right_low)
            total[e] += above[e] * part
    else:
        for e in range(n):
            kept_0 = (missed_0 if x[e] >= cut else met_0) if upper[e] else void_0
            kept_1 = (met_1 if x[e] >= cut else missed_1) if upper[e] else void_1
            target[e] = left[e] * kept_0 + right[e] * kept_1
        for e in range(n):
            part = left[e] * (left_high if x[e] >= cut else left_low)
            part += right[e] * (right_high if x[e] >= cut else right_low)
            total[e] += above[e] * (part if upper[e] else 0.0)
