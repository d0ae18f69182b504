"""Compiled prediction of tree ensembles: blocks of events, column by column, without branches.

Every function works on plain arrays that :mod:`hepml.forest.plan` lays out, and adds the trees of each event in their
order, in double precision, so that no result depends on blocks, threads or the kernel that was chosen.

A block of events is copied into ``x``, one contiguous line for each *row* of the plan: a feature with its missing values
replaced so that one comparison ``x >= cut`` decides every node.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["BLOCK", "leaves", "load", "median", "score", "score_few"]

# events that are worked on at a time: their features stay in the processor's second-level cache, mostly in the first
BLOCK = 512

# what a row of the plan makes of a feature
_NAN_LOW, _NAN_HIGH, _ONLY_NAN_HIGH, _ONLY_NAN_LOW, _CATEGORY = range(5)

# a bit times this number has its place in its first six digits (Leiserson, Prokop & Randall 1998)
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_PLACE = np.zeros(64, np.int64)
_PLACE[[(0x03F79D71B4CB0A89 << place & (2**64 - 1)) >> 58 for place in range(64)]] = np.arange(64)

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def score(
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
    tree_kind,
    tree_first,
    tree_depth,
    tree_output,
    base,
    sub_row,
    sub_cut,
    sub_leaf,
    sub_node,
    top_row,
    top_cut,
    node_left,
    node_row,
    node_cut,
    node_value,
    marks,
    out,
):
    """Sum the trees for events ``start`` to ``stop``; ``out[m]`` gets the sums after ``marks[m]`` trees.

    ``out`` has the shape (n_marks, n_events, n_outputs). The number of events with a missing value is returned.
    """
    n_outputs = base.shape[0]
    x = np.empty((row_feature.shape[0], BLOCK), sub_cut.dtype)
    lines = x.reshape(x.size)
    buffer = np.empty((4, BLOCK), sub_leaf.dtype)
    node = np.empty(BLOCK, np.int32)
    sums = np.empty((n_outputs, BLOCK), np.float64)
    n_missing = 0
    for first in range(start, stop, BLOCK):
        n = min(BLOCK, stop - first)
        n_missing += load(flat, layout, first, n, row_feature, row_kind, row_set, row_answer, set_first, set_values, x)
        for k in range(n_outputs):
            sums[k, :n] = base[k]
        tree = 0
        for mark in range(marks.shape[0]):
            while tree < marks[mark]:
                kind, at, total = tree_kind[tree], tree_first[tree], sums[tree_output[tree]]
                if kind == 0:
                    _set_3(x, sub_row[at], sub_cut[at], sub_node[at], node, n)
                    _descend(lines, tree_depth[tree] - 3, node_left, node_row, node_cut, node, n)
                    if node_value.shape[1] == 1:
                        for e in range(n):
                            total[e] += node_value[np.uint32(node[e]), 0]
                    else:
                        for k in range(n_outputs):
                            line = sums[k]
                            for e in range(n):
                                line[e] += node_value[np.uint32(node[e]), k]
                elif kind == 1:
                    _add_1(x, sub_row[at], sub_cut[at], sub_leaf[at], total, n)
                elif kind == 2:
                    _add_2(x, sub_row[at], sub_cut[at], sub_leaf[at], total, n)
                elif kind == 3:
                    _add_3(x, sub_row[at], sub_cut[at], sub_leaf[at], total, n)
                else:
                    for part in range(1 << (kind - 3)):
                        _set_3(x, sub_row[at + part], sub_cut[at + part], sub_leaf[at + part], buffer[part], n)
                    if kind == 4:
                        _join_2(x, top_row[tree], top_cut[tree], buffer, total, n)
                    else:
                        _join_4(x, top_row[tree], top_cut[tree], buffer, total, n)
                tree += 1
            for k in range(n_outputs):
                for e in range(n):
                    out[mark, first + e, k] = sums[k, e]
    return n_missing


@_compiled
def score_few(
    flat,
    layout,
    row_feature,
    row_kind,
    row_set,
    row_answer,
    set_first,
    set_values,
    tree_root,
    tree_output,
    base,
    node_left,
    node_row,
    node_cut,
    node_value,
    out,
):
    """Sum the trees for each event by itself: no block has to be filled. ``out`` has the shape (n_events, n_outputs)."""
    x = np.empty((row_feature.shape[0], 1), node_cut.dtype)
    n_missing = 0
    for event in range(out.shape[0]):
        n_missing += load(flat, layout, event, 1, row_feature, row_kind, row_set, row_answer, set_first, set_values, x)
        for k in range(base.shape[0]):
            out[event, k] = base[k]
        for tree in range(tree_root.shape[0]):
            at = tree_root[tree]
            while node_left[at] != at:
                at = node_left[at] + np.int32(x[np.uint32(node_row[at]), 0] >= node_cut[at])
            if node_value.shape[1] == 1:
                out[event, tree_output[tree]] += node_value[at, 0]
            else:
                for k in range(base.shape[0]):
                    out[event, k] += node_value[at, k]
    return n_missing


@_compiled
def leaves(
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
    tree_root,
    tree_depth,
    node_left,
    node_row,
    node_cut,
    node_id,
    out,
):
    """Write the number of the leaf that each event reaches in each tree; ``out`` has the shape (n_events, n_trees)."""
    x = np.empty((row_feature.shape[0], BLOCK), node_cut.dtype)
    lines = x.reshape(x.size)
    node = np.empty(BLOCK, np.int32)
    n_missing = 0
    for first in range(start, stop, BLOCK):
        n = min(BLOCK, stop - first)
        n_missing += load(flat, layout, first, n, row_feature, row_kind, row_set, row_answer, set_first, set_values, x)
        for tree in range(tree_root.shape[0]):
            for e in range(n):
                node[e] = tree_root[tree]
            _descend(lines, tree_depth[tree], node_left, node_row, node_cut, node, n)
            for e in range(n):
                out[first + e, tree] = node_id[node[e]]
    return n_missing


@_compiled
def median(ranks, value, weight, marks, totals, part, base, out):
    """Write the median of the first ``marks[m]`` trees of each event, given by the ranks of their leaves, to ``out[m]``.

    The middle tree is the first, by ascending leaf values, with which the weights reach half their sum. With ``part`` they
    must exceed it, and 1 / ``part`` of the trees is averaged with it on either side.
    """
    order = np.empty(ranks.shape[1], np.int64)
    sums = np.empty(ranks.shape[1], np.float64)
    # leaves have different ranks: to sort them is to mark each in a line of bits and to read that from its begin
    bits = np.zeros((value.shape[0] + 63) >> 6, np.uint64)
    one, low_bits, place_bits = np.uint64(1), np.int64(63), np.uint64(58)
    for e in range(ranks.shape[0]):
        bits[:] = 0
        n = 0
        for m in range(marks.shape[0]):
            for tree in range(n, marks[m]):
                rank = np.int64(ranks[e, tree])
                bits[rank >> 6] |= one << np.uint64(rank & low_bits)
            n = marks[m]
            k, reached = 0, 0.0
            for w in range(bits.shape[0]):
                word = bits[w]
                while word != 0:
                    lowest = word & (~word + one)
                    word ^= lowest
                    rank = (w << 6) + _PLACE[np.int64((lowest * _DE_BRUIJN) >> place_bits)]
                    reached += weight[rank]
                    order[k], sums[k] = rank, reached
                    k += 1
            # scikit-learn adds all weights in this order, TMVA in that of the trees: sums may differ in their last digit
            total = totals[m] if part > 0 else reached
            if not total > 0.0:
                out[m, e] = np.nan
                continue
            half = 0.5 * total
            middle = 0
            while middle < n - 1 and (sums[middle] < half or (part > 0 and sums[middle] == half)):
                middle += 1
            reach = n // part if part > 0 else 0
            first, last = max(middle - reach, 0), min(middle + reach, n - 1)
            mean = 0.0
            for t in range(first, last + 1):
                mean += value[order[t]]
            out[m, e] = mean / (last - first + 1) + base


@_compiled
def load(flat, layout, first, n, row_feature, row_kind, row_set, row_answer, set_first, set_values, x):
    """Copy a block of events into the lines of ``x``; ``layout`` is the distance of two events and of two features."""
    step, jump = layout[0], layout[1]
    n_missing = 0
    for row in range(row_feature.shape[0]):
        line, kind = x[row], row_kind[row]
        at = first * step + row_feature[row] * jump
        if kind == _CATEGORY:
            a, b = set_first[row_set[row]], set_first[row_set[row] + 1]
            for e in range(n):
                # rounded to the precision of the comparisons first, as every feature
                line[e] = flat[at + e * step]
                n_missing += np.int64(line[e] != line[e])
                line[e] = row_answer[row, _membership(line[e], set_values[a:b])]
            continue
        missing = 0
        if step == 1:
            source = flat[at : at + n]
            for e in range(n):
                line[e] = source[e]
                missing += np.int64(source[e] != source[e])
        else:
            for e in range(n):
                value = flat[at + e * step]
                line[e] = value
                missing += np.int64(value != value)
        n_missing += missing
        if missing and kind == _NAN_LOW:
            for e in range(n):
                line[e] = -np.inf if line[e] != line[e] else line[e]
        elif missing and kind == _NAN_HIGH:
            for e in range(n):
                line[e] = np.inf if line[e] != line[e] else line[e]
        elif kind == _ONLY_NAN_HIGH:
            for e in range(n):
                line[e] = 1.0 if line[e] != line[e] else -1.0
        elif kind == _ONLY_NAN_LOW:
            for e in range(n):
                line[e] = -1.0 if line[e] != line[e] else 1.0
    return n_missing


@_compiled
def _membership(value, members):
    """Return 0 if the value, cut to an integer, is among the sorted members, 1 if it is not, 2 if it is missing."""
    if value != value:
        return 2
    if not (value >= 0.0 and value < 16777216.0):
        return 1
    number = np.int64(value)
    at = np.searchsorted(members, number)
    return 0 if at < members.shape[0] and members[at] == number else 1


@_compiled
def _descend(lines, depth, node_left, node_row, node_cut, node, n):
    """Go down ``depth`` levels from each event's node, all events a level at a time.

    Leaves are their own left child and pass no cut.
    """
    for _ in range(depth):
        for e in range(n):
            at = np.uint32(node[e])
            node[e] = node_left[at] + np.int32(lines[np.uint32(node_row[at] * BLOCK + e)] >= node_cut[at])


@_compiled
def _add_1(x, row, cut, leaf, total, n):
    x0, c0, v0, v1 = x[row[0]], cut[0], leaf[0], leaf[1]
    for e in range(n):
        total[e] += np.float64(v1 if x0[e] >= c0 else v0)


@_compiled
def _add_2(x, row, cut, leaf, total, n):
    x0, x1, x2 = x[row[0]], x[row[1]], x[row[2]]
    c0, c1, c2 = cut[0], cut[1], cut[2]
    v0, v1, v2, v3 = leaf[0], leaf[1], leaf[2], leaf[3]
    for e in range(n):
        a1 = v1 if x1[e] >= c1 else v0
        a2 = v3 if x2[e] >= c2 else v2
        total[e] += np.float64(a2 if x0[e] >= c0 else a1)


@_compiled
def _add_3(x, row, cut, leaf, total, n):
    """Add a leaf value at once: by way of :func:`_set_3` the block would be written and read once more."""
    x0, x1, x2, x3, x4, x5, x6 = x[row[0]], x[row[1]], x[row[2]], x[row[3]], x[row[4]], x[row[5]], x[row[6]]
    c0, c1, c2, c3, c4, c5, c6 = cut[0], cut[1], cut[2], cut[3], cut[4], cut[5], cut[6]
    v0, v1, v2, v3, v4, v5, v6, v7 = leaf[0], leaf[1], leaf[2], leaf[3], leaf[4], leaf[5], leaf[6], leaf[7]
    for e in range(n):
        a3 = v1 if x3[e] >= c3 else v0
        a4 = v3 if x4[e] >= c4 else v2
        a5 = v5 if x5[e] >= c5 else v4
        a6 = v7 if x6[e] >= c6 else v6
        a1 = a4 if x1[e] >= c1 else a3
        a2 = a6 if x2[e] >= c2 else a5
        total[e] += np.float64(a2 if x0[e] >= c0 else a1)


@_compiled
def _set_3(x, row, cut, leaf, result, n):
    """Write what three levels lead to: a leaf value, or the node where a deep tree goes on."""
    x0, x1, x2, x3, x4, x5, x6 = x[row[0]], x[row[1]], x[row[2]], x[row[3]], x[row[4]], x[row[5]], x[row[6]]
    c0, c1, c2, c3, c4, c5, c6 = cut[0], cut[1], cut[2], cut[3], cut[4], cut[5], cut[6]
    v0, v1, v2, v3, v4, v5, v6, v7 = leaf[0], leaf[1], leaf[2], leaf[3], leaf[4], leaf[5], leaf[6], leaf[7]
    for e in range(n):
        a3 = v1 if x3[e] >= c3 else v0
        a4 = v3 if x4[e] >= c4 else v2
        a5 = v5 if x5[e] >= c5 else v4
        a6 = v7 if x6[e] >= c6 else v6
        a1 = a4 if x1[e] >= c1 else a3
        a2 = a6 if x2[e] >= c2 else a5
        result[e] = a2 if x0[e] >= c0 else a1


@_compiled
def _join_2(x, row, cut, parts, total, n):
    x0, c0, v0, v1 = x[row[0]], cut[0], parts[0], parts[1]
    for e in range(n):
        total[e] += np.float64(v1[e] if x0[e] >= c0 else v0[e])


@_compiled
def _join_4(x, row, cut, parts, total, n):
    x0, x1, x2 = x[row[0]], x[row[1]], x[row[2]]
    c0, c1, c2 = cut[0], cut[1], cut[2]
    v0, v1, v2, v3 = parts[0], parts[1], parts[2], parts[3]
    for e in range(n):
        a1 = v1[e] if x1[e] >= c1 else v0[e]
        a2 = v3[e] if x2[e] >= c2 else v2[e]
        total[e] += np.float64(a2 if x0[e] >= c0 else a1)
