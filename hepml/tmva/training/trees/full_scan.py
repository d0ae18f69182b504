"""The best cut between any two neighbours, for nCuts <= 0 (``DecisionTree::TrainNodeFull``)."""

from __future__ import annotations

import numpy as np
from numba import njit

from hepml.tmva.training.trees.introsort import sort
from hepml.tmva.training.trees.separation import separation_gain

__all__ = ["choose_full"]

# neighbours that are closer, relative to them, are not parted
_CLOSEST = 1e-6
_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def choose_full(rows, padded, events, terms, kind, used, min_size, best):
    """Return the variable of the cut that gains most, -1 if there is none.

    Parameters
    ----------
    rows, padded, events, terms
        As for :func:`hepml.tmva.training.trees.scan.fill`.
    kind : int
        Separation; targets have no full scan.
    used : ndarray of int
        Variables that may be cut on.
    min_size : float
        Least number of a daughter's events; their weight does not matter here.
    best : ndarray of float64
        Gets the gain, the cut, and whether signal is above it.
    """
    n = len(events)
    order = np.arange(n).astype(np.int32)
    x = np.empty(n, np.float32)
    s, b = np.empty(n), np.empty(n)
    best_gain, best_variable = -1.0, -1
    for v in used:
        for at in range(n):
            x[at] = rows[np.intp(events[order[at]]) * padded + v]
        sort(x, order)
        all_s, all_b = 0.0, 0.0
        for at in range(n):
            term = 4 * np.intp(events[order[at]])
            all_s += terms[term] * (1.0 - terms[term + 2])
            all_b += terms[term] * terms[term + 2]
            s[at], b[at] = all_s, all_b
        gain_here, cut_here, above_here = -1.0, 0.0, False
        for at in range(1, n):
            if at < min_size or n - at < min_size:
                continue
            here, before = np.float64(x[at]), np.float64(x[at - 1])
            step = here - before
            if not abs(step / (0.5 * abs(here + before) + 1.0)) > _CLOSEST:
                continue
            gain = separation_gain(kind, s[at], b[at], all_s, all_b)
            if gain > gain_here:
                gain_here, cut_here = gain, here - 0.5 * step
                above_here = s[at] / all_s > b[at] / all_b
        if gain_here > best_gain:
            best_gain, best_variable = gain_here, v
            best[0], best[1], best[2] = gain_here, cut_here, 1.0 if above_here else 0.0
    return best_variable
