"""Compiled Shapley values of tree ensembles: two passes over a tree for each point of a quadrature.

For a leaf of value v that d features lead to, with shares z_i of the cover and o_i = 1 where the event meets all conditions
on feature i, feature i contributes

    v (o_i - z_i) * integral over t from 0 to 1 of product over j != i of (t o_j + (1 - t) z_j),

since t^k (1 - t)^(d - 1 - k) integrates to Shapley's weight k! (d - 1 - k)! / d! of a coalition of k others. The integrand
is a polynomial of degree d - 1, so Gauss and Legendre's rule of d / 2 points, rounded up, gives it exactly. At one point all
leaves below a node share the factors above it: a pass down multiplies them, a pass up adds the leaves, and each split
contributes from what is above times what is below. No factor is negative, so deep trees lose no digits.

A feature that is asked again further down replaces its factor f = t + (1 - t) z by f' = t o + (1 - t) z z': the pass down
multiplies by f' / f, and since the upper split has counted the leaves below the lower one with o - z, the lower one counts
them with z (o - z') / f^2. Where the upper condition is not met, f' / f is z' and the lower split contributes nothing. That
sums share factors, and how splits on one feature are corrected, is Linear TreeShap's (Yu et al., NeurIPS 2022).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hepml.forest.kernels import BLOCK, load

__all__ = ["explain", "outline"]

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
    facts = np.empty((n_splits, 7), np.int64)
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
                distinct[level] = distinct[level - 1] + (facts[above, 6] < 0)
            if feature[node] < 0:
                most[tree] = max(most[tree], distinct[level])
                if value.shape[1] == 1:
                    expectation[output[tree]] += reached[level] * value[place[node], 0]
                else:
                    for k in range(value.shape[1]):
                        expectation[k] += reached[level] * value[place[node], k]
                continue
            facts[split, 0], facts[split, 1], facts[split, 2] = level, turn, place[node]
            facts[split, 3] = feature[node]
            again = level - 1
            while again >= 0 and facts[path[again], 3] != feature[node]:
                again -= 1
            facts[split, 6] = again
            share[split, 2] = 1.0
            if again >= 0:
                upper = path[again]
                share[split, 2] = share[upper, 2] * share[upper, side[again]]
                kept[upper] = True
            for turn in range(2):
                child = right[node] if turn else left[node]
                share[split, turn] = cover[child] / cover[node] if cover[node] > 0.0 else 0.0
                facts[split, 4 + turn] = place[child] if feature[child] < 0 else -1
            path[level] = split
            stack[height, 0], stack[height, 1], stack[height, 2] = right[node], level + 1, 1
            stack[height + 1, 0], stack[height + 1, 1], stack[height + 1, 2] = left[node], level + 1, 0
            height += 2
            split += 1
    tree_first[-1] = split
    return tree_first, most, facts, share, kept


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
    facts,
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
    x = np.empty((row_feature.shape[0], BLOCK), node_cut.dtype)
    total = np.empty((n_outputs, n_features, BLOCK), np.float64)
    above = np.empty((deepest, BLOCK), np.float64)
    below = np.empty((deepest + 1, 2, BLOCK), np.float64)
    # whether all conditions on the feature of a split hold, down to the next level
    holds = np.empty((deepest + 1, BLOCK), np.bool_)
    path = np.empty(deepest, np.int64)
    n_missing = 0
    for first in range(start, stop, BLOCK):
        n = min(BLOCK, stop - first)
        n_missing += load(flat, layout, first, n, row_feature, row_kind, row_set, row_answer, set_first, set_values, x)
        total[:] = 0.0
        for tree in range(tree_output.shape[0]):
            begin, end = tree_first[tree], tree_first[tree + 1]
            for k in range(node_value.shape[1]):
                sums = total[tree_output[tree] + k]
                for point in range(first_point[tree], first_point[tree] + n_points[tree]):
                    t, weight = points[point], point_weights[point]
                    _walk(
                        x,
                        node_row,
                        node_cut,
                        node_value,
                        k,
                        begin,
                        end,
                        facts,
                        share,
                        kept,
                        t,
                        weight,
                        above,
                        below,
                        holds,
                        path,
                        sums,
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
def _walk(
    x, node_row, node_cut, node_value, k, begin, end, facts, share, kept, t, weight, above, below, holds, path, sums, n
):
    """Go down and up the tree of splits ``begin`` to ``end``, depth first, for one point and output."""
    last = -1
    for split in range(begin, end + 1):
        level = facts[split, 0] if split < end else 0
        while last >= level:
            at = path[last]
            row, cut = node_row[facts[at, 2]], node_cut[facts[at, 2]]
            left, right = facts[at, 4], facts[at, 5]
            if left >= 0 and right >= 0:
                a, b = node_value[left, k], node_value[right, k]
                _go_up_from_leaves(x, row, cut, t, weight, share, at, facts, a, b, above, below, holds, last, sums, n)
            else:
                if left >= 0:
                    below[last + 1, 0, :n] = node_value[left, k]
                if right >= 0:
                    below[last + 1, 1, :n] = node_value[right, k]
                _go_up(x, row, cut, t, weight, share, at, facts, above, below, holds, last, sums, n)
            last -= 1
        if split == end:
            break
        last = level
        path[level] = split
        if level == 0:
            above[0, :n] = 1.0
        else:
            at = path[level - 1]
            row, cut = node_row[facts[at, 2]], node_cut[facts[at, 2]]
            again, side = facts[at, 6], facts[split, 1]
            _go_down(x, row, cut, t, share, at, again, side, kept[at], above, holds, level, n)


@_compiled
def _factors(t, share, split, side, again):
    """Return what a side of a split multiplies by if its condition is met, is not, or an upper one is not; and f."""
    z = share[split, side]
    if again < 0:
        return t + (1.0 - t) * z, (1.0 - t) * z, z, 1.0
    old = t + (1.0 - t) * share[split, 2]
    rest = (1.0 - t) * share[split, 2] * z
    return (t + rest) / old, rest / old, z, old


@_compiled
def _go_down(x, row, cut, t, share, split, again, side, keep, above, holds, level, n):
    """Multiply the factor of one side of a split to what is above it."""
    met, missed, void, _ = _factors(t, share, split, side, again)
    low, high = (missed, met) if side else (met, missed)
    right = side == 1
    x, source, target, line, upper = x[row], above[level - 1], above[level], holds[level], holds[again + 1]
    if again < 0:
        for e in range(n):
            target[e] = source[e] * (high if x[e] >= cut else low)
        if keep:
            for e in range(n):
                line[e] = (x[e] >= cut) == right
    else:
        for e in range(n):
            target[e] = source[e] * ((high if x[e] >= cut else low) if upper[e] else void)
        if keep:
            for e in range(n):
                line[e] = ((x[e] >= cut) == right) & upper[e]


@_compiled
def _go_up_from_leaves(x, row, cut, t, weight, share, split, facts, a, b, above, below, holds, level, sums, n):
    """Do what :func:`_go_up` does for a split above leaves of values a and b: all is one of few numbers."""
    side, feature, again = facts[split, 1], facts[split, 3], facts[split, 6]
    met_0, missed_0, void_0, old = _factors(t, share, split, 0, again)
    met_1, missed_1, void_1, old = _factors(t, share, split, 1, again)
    factor = weight * share[split, 2] / (old * old) if again >= 0 else weight
    z_0, z_1 = share[split, 0], share[split, 1]
    sum_low, sum_high, sum_void = met_0 * a + missed_1 * b, missed_0 * a + met_1 * b, void_0 * a + void_1 * b
    part_low, part_high = factor * ((1.0 - z_0) * a - z_1 * b), factor * ((1.0 - z_1) * b - z_0 * a)
    x, above, target, upper, total = x[row], above[level], below[level, side], holds[again + 1], sums[feature]
    if again < 0:
        for e in range(n):
            target[e] = sum_high if x[e] >= cut else sum_low
        for e in range(n):
            total[e] += above[e] * (part_high if x[e] >= cut else part_low)
    else:
        for e in range(n):
            target[e] = (sum_high if x[e] >= cut else sum_low) if upper[e] else sum_void
        for e in range(n):
            total[e] += above[e] * ((part_high if x[e] >= cut else part_low) if upper[e] else 0.0)


@_compiled
def _go_up(x, row, cut, t, weight, share, split, facts, above, below, holds, level, sums, n):
    """Add what is below both sides of a split, each times its factor, and what the split contributes."""
    side, feature, again = facts[split, 1], facts[split, 3], facts[split, 6]
    met_0, missed_0, void_0, old = _factors(t, share, split, 0, again)
    met_1, missed_1, void_1, old = _factors(t, share, split, 1, again)
    factor = weight * share[split, 2] / (old * old) if again >= 0 else weight
    # what the left and right side contribute where x >= cut is not so, and where it is
    left_low, right_low = factor * (1.0 - share[split, 0]), -factor * share[split, 1]
    left_high, right_high = -factor * share[split, 0], factor * (1.0 - share[split, 1])
    x, above, target, upper, total = x[row], above[level], below[level, side], holds[again + 1], sums[feature]
    left, right = below[level + 1, 0], below[level + 1, 1]
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
