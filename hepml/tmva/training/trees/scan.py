"""A node's grids and histograms: for each variable, sums of weights and targets in equal bins between its own ends.

Sums run over the events in their order, as TMVA's do, so that they have its digits.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hepml.tmva.training.trees.separation import REGRESSION, regression_gain, separation_gain
from hepml.tmva.training.trees.vectors import LANES, add_four, add_two, bins, prefetch, widen, widen_16

__all__ = ["AHEAD", "SUMS", "choose", "fill"]

# signal, background, and then: targets and their squares, or the number of events and nothing
SUMS = 4
# ranges in which products of single precision can neither overflow nor lose digits
_SMALLEST_RANGE, _LARGEST_RANGE = 1e-30, 1e30
# events ahead of the one that is worked on whose values are fetched: a node's are not neighbours, and memory is slow
AHEAD = 16
_EPSILON = np.finfo(np.float64).eps

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def fill(
    rows, events, terms, regression, counted, ranged, first_variable, last_variable, grid, room, sums, counts, total
):
    """Fill the histograms of variables ``first_variable`` to ``last_variable``.

    Parameters
    ----------
    rows : ndarray of float32, shape (n_events * n_padded,)
        Variables, event by event.
    events : ndarray of int32
        The node's events, in order; some may stand there repeatedly.
    terms : ndarray of float64, shape (n_events * 4,)
        Of a regression, weight as signal, weight as background, weight times target and times its square. Else weight, 1,
        and 0 for signal or 1 for background.
    regression : bool
        Which of these they are. Bins hold a regression's four sums; else weight and number of signal, and of background.
    counted : bool
        Whether ``counts`` are to be filled, since a regression's bins hold no number.
    ranged : bool
        Whether the grid's ends are those of these events already.
    first_variable, last_variable : int
        A multiple of the vectors' length, and the end.
    grid : tuple of ndarray, each of shape (n_padded,)
        Set here: smallest and largest value (float32), number of bins (int32); ``whole``, whether steps are 1, is read.
    room : ndarray of int32, shape (n_padded + 1,)
        First bin of each variable.
    sums : ndarray of float64, shape (n_bins * 4,)
        The histograms.
    counts : ndarray of int32, shape (n_bins,)
        Number of events in each bin.
    total : ndarray of float64, shape (4,)
        Sums over all events: weights of signal and background, of a regression those of targets and of their squares.
    """
    low, high, n_bins, whole = grid
    padded = len(low)
    stop = (last_variable + LANES - 1) // LANES * LANES
    if not ranged:
        place = np.intp(events[0]) * padded
        for v in range(first_variable, stop):
            low[v] = high[v] = rows[place + v]
        v = first_variable
        while v + 2 * LANES <= stop:
            widen_16(low, high, v, rows, padded, events)
            v += 2 * LANES
        while v < stop:
            widen(low, high, v, rows, padded, events)
            v += LANES
    scale = np.zeros(padded, np.float32)
    slack = np.full(padded, np.float32(-1e-30), np.float32)
    origin = low.copy()
    start = room[:padded].copy()
    for v in range(first_variable, last_variable):
        span = np.float64(high[v]) - np.float64(low[v])
        if whole[v]:
            n_bins[v] = np.int32((high[v] - low[v]) + np.float32(1.0))
        if _SMALLEST_RANGE < span < _LARGEST_RANGE:
            scale[v] = np.float32(n_bins[v] / span)
        elif span >= _EPSILON:
            origin[v], slack[v] = np.float32(0.0), np.float32(np.inf)
        else:
            # one value: the first bin
            start[v] = room[v]
        sums[SUMS * room[v] : SUMS * (room[v] + n_bins[v])] = 0.0
        counts[room[v] : room[v] + n_bins[v]] = 0
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    # variables that are none, behind the last, fill a bin of their own
    where = start.copy()
    for at in range(len(events)):
        ahead = np.intp(events[min(at + AHEAD, len(events) - 1)])
        prefetch(terms, ahead * SUMS)
        for v in range(first_variable, stop, 2 * LANES):
            prefetch(rows, ahead * padded + v)
        place = np.intp(events[at]) * padded
        term = np.intp(events[at]) * SUMS
        for v in range(first_variable, stop, LANES):
            doubt = bins(where, origin, scale, slack, start, v, rows, place + v)
            while doubt:
                lane = v + _lowest(doubt)
                doubt &= doubt - 1
                if lane < last_variable:
                    where[lane] = room[lane] + _bin(rows[place + lane], low[lane], high[lane], n_bins[lane])
        if not regression:
            side = terms[term + 2]
            a += terms[term] * (1.0 - side)
            b += terms[term] * side
            for v in range(first_variable, stop, SUMS):
                add_two(sums, where, v, terms, term, 2 * np.intp(side))
            continue
        for v in range(first_variable, stop, SUMS):
            add_four(sums, where, v, terms, term, 0)
        if counted:
            for v in range(first_variable, last_variable):
                counts[where[v]] += np.int32(1)
        a += terms[term]
        b += terms[term + 1]
        c += terms[term + 2]
        d += terms[term + 3]
    total[0], total[1], total[2], total[3] = a, b, c, d


@_compiled
def _lowest(bits):
    lane = 0
    while not (bits >> lane) & 1:
        lane += 1
    return lane


@_compiled
def _bin(x, low, high, n_bins):
    """Return the bin that TMVA puts a value into."""
    at = np.float64(n_bins) * (np.float64(x) - np.float64(low)) / (np.float64(high) - np.float64(low))
    return min(n_bins - 1, max(0, np.int64(at)))


@_compiled
def choose(kind, used, n_events, min_size, grid, room, sums, counts, unit, total, best):
    """Return the variable of the cut that gains most, -1 if none is allowed (``TrainNodeFast``).

    ``used`` are the variables that may be cut on, in order; ``unit`` the weight of each event of signal and of background,
    0 if ``counts`` tell their number. ``best`` gets the gain, the cut in double precision, whether
    signal is above it, and the sum of targets and of their squares of the first variable, which TMVA makes the node's.
    """
    low, high, n_bins, whole = grid
    regression = kind == REGRESSION
    all_s, all_b = total[0], total[1]
    best_gain, best_variable, best_bin = -1.0, -1, -1
    best[:] = 0.0
    for v in used:
        span = np.float64(high[v]) - np.float64(low[v])
        if span < _EPSILON:
            continue
        first, last = np.intp(room[v]), np.intp(room[v]) + n_bins[v] - 1
        for at in range(first + 1, last + 1):
            for k in range(SUMS):
                sums[SUMS * at + k] += sums[SUMS * (at - 1) + k]
            counts[at] += counts[at - 1]
        gain_here, bin_here = -1.0, -1
        all_t, all_t2 = sums[SUMS * last + 2], sums[SUMS * last + 3]
        for at in range(first, last):
            s, b, t, t2 = sums[SUMS * at], sums[SUMS * at + 1], sums[SUMS * at + 2], sums[SUMS * at + 3]
            if not regression:
                n, b = b + t2, t
            elif unit[0] != 0.0:
                n = np.rint(s / unit[0] + b / unit[1])
            else:
                n = np.float64(counts[at])
            if n < min_size or n_events - n < min_size:
                continue
            if s + b < min_size or (all_s - s) + (all_b - b) < min_size:
                continue
            if regression:
                gain = regression_gain(s + b, t, t2, all_s + all_b, all_t, all_t2)
            else:
                gain = separation_gain(kind, s, b, all_s, all_b)
            if gain_here < gain:
                gain_here, bin_here = gain, at - first
        if best_gain < gain_here:
            best_gain, best_variable, best_bin = gain_here, v, bin_here
    if best_variable < 0:
        return -1
    v, at = best_variable, SUMS * (np.intp(room[best_variable]) + best_bin)
    step = (np.float64(high[v]) - np.float64(low[v])) / np.float64(n_bins[v])
    if whole[v]:
        step = 1.0
    best[0] = best_gain
    best[1] = np.float64(low[v]) + np.float64(best_bin + 1) * step
    best[2] = 1.0 if regression or sums[at] / all_s > sums[at + 2] / all_b else 0.0
    if regression and len(used) and used[0] == 0 and np.float64(high[0]) - np.float64(low[0]) >= _EPSILON:
        last = SUMS * (np.intp(room[0]) + min(n_bins[v], n_bins[0]) - 1)
        best[3], best[4] = sums[last + 2], sums[last + 3]
    return best_variable
