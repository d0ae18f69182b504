"""Cuts on a Fisher discriminant of a node's correlated variables, beside cuts on variables (``UseFisherCuts``)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from hepml.tmva.training.trees.inversion import invert
from hepml.tmva.training.trees.scan import SUMS
from hepml.tmva.training.trees.separation import REGRESSION, regression_gain, separation_gain

__all__ = ["choose_discriminant", "discriminant", "fit_discriminant", "goes_right"]

# a determinant below stops TMVA
_SINGULAR = 1e-119
# variances of which the product is smaller are none (Tools::GetCorrelationMatrix)
_SMALLEST_VARIANCES = 1e-20
# where TMVA begins to look for the range of a discriminant
_FAR = 999.0

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def discriminant(rows, place, coefficients):
    """Return the discriminant of an event, the constant first and variable by variable."""
    value = coefficients[-1]
    for v in range(len(coefficients) - 1):
        value += coefficients[v] * np.float64(rows[place + v])
    return value


@_compiled
def goes_right(rows, place, node, coefficients):
    """Whether a node sends the event right whose variables begin at ``place`` (``DecisionTreeNode::GoesRight``)."""
    if node.discriminant >= 0:
        above = discriminant(rows, place, coefficients[node.discriminant]) > np.float64(node.cut)
    else:
        above = rows[place + node.variable] >= node.cut
    return above == (node.cut_type != 0)


@_compiled
def _weigh(terms, event, regression):
    """Return weight and class, 0 for signal."""
    at = 4 * np.intp(event)
    if regression:
        return terms[at] + terms[at + 1], 0 if terms[at] != 0.0 else 1
    return terms[at], 0 if terms[at + 2] == 0.0 else 1


@_compiled
def _correlated(rows, padded, events, terms, regression, class_index, n_variables, least):
    """Return which variables correlate with another, in the first class or in the second."""
    count = np.zeros(2)
    first, second = np.zeros((2, n_variables)), np.zeros((2, n_variables, n_variables))
    for event in events:
        class_ = class_index[event]
        if class_ > 1:
            continue
        w, place = _weigh(terms, event, regression)[0], np.intp(event) * padded
        count[class_] += w
        for i in range(n_variables):
            x = np.float64(rows[place + i])
            first[class_, i] += x * w
            for j in range(i, n_variables):
                second[class_, i, j] += x * np.float64(rows[place + j]) * w
    found = np.zeros(n_variables, np.bool_)
    for class_ in range(2):
        n, mean, square = count[class_], first[class_], second[class_]
        for i in range(n_variables):
            of_i = square[i, i] / n - mean[i] * mean[i] / (n * n)
            for j in range(i + 1, n_variables):
                product = of_i * (square[j, j] / n - mean[j] * mean[j] / (n * n))
                if product > _SMALLEST_VARIANCES:
                    covariance = square[i, j] / n - mean[i] * mean[j] / (n * n)
                    if abs(covariance / math.sqrt(product)) > least:
                        found[i] = found[j] = True
    return found


@_compiled
def fit_discriminant(rows, padded, events, terms, kind, class_index, least, used, coefficients):
    """Fit a discriminant of the variables that may be used and correlate (``GetFisherCoefficients``).

    Parameters
    ----------
    rows, padded, terms
        As for :func:`hepml.tmva.training.trees.scan.fill`.
    events : ndarray of int32
        The node's events.
    kind : int
        Separation, or ``REGRESSION``.
    class_index : ndarray of int8, shape (n_events,)
        Class of each event; correlations are those of the first two.
    least : float
        Correlation above which variables take part.
    used : ndarray of int
        Variables that the node may use.
    coefficients : ndarray of float64, shape (n_variables + 1,)
        Set: 0 for variables that take no part, the constant last. NaN if a class is not there.

    Returns
    -------
    (ndarray of int, bool)
        The variables that take part, and whether their covariances are singular, at which TMVA stops.
    """
    regression = kind == REGRESSION
    n_variables = len(coefficients) - 1
    correlated = _correlated(rows, padded, events, terms, regression, class_index, n_variables, least)
    part = np.array([v for v in used if correlated[v]], dtype=np.int64)
    k = len(part)
    weights, mean = np.zeros(2), np.zeros((2, k))
    for event in events:
        (w, side), place = _weigh(terms, event, regression), np.intp(event) * padded
        weights[side] += w
        for i in range(k):
            mean[side, i] += np.float64(rows[place + part[i]]) * w
    for side in range(2):
        for i in range(k):
            mean[side, i] /= weights[side]
    squares, x = np.zeros((2, k, k)), np.zeros(k)
    for event in events:
        (w, side), place = _weigh(terms, event, regression), np.intp(event) * padded
        for i in range(k):
            x[i] = np.float64(rows[place + part[i]]) - mean[side, i]
        for i in range(k):
            for j in range(i, k):
                squares[side, i, j] += x[i] * x[j] * w
    within = np.zeros((k, k))
    for i in range(k):
        for j in range(i, k):
            within[i, j] = within[j, i] = squares[0, i, j] / weights[0] + squares[1, i, j] / weights[1]
    singular = abs(invert(within)) < _SINGULAR
    coefficients[:] = 0.0
    scale = math.sqrt(weights[0] * weights[1]) / (weights[0] + weights[1]) if weights[0] * weights[1] >= 0.0 else np.nan
    constant = 0.0
    for i in range(k):
        value = 0.0
        for j in range(k):
            value += within[i, j] * (mean[0, j] - mean[1, j])
        value *= scale
        coefficients[part[i]] = value
        constant += value * (mean[0, i] + mean[1, i])
    coefficients[n_variables] = constant / -2.0
    return part, singular


@_compiled
def choose_discriminant(
    rows, padded, events, terms, kind, n_cuts, min_size, used, grid, room, sums, coefficients, best
):
    """Return whether a cut on the discriminant gains more than ``best``, which it replaces.

    ``grid``, ``room`` and ``sums`` are as :func:`hepml.tmva.training.trees.scan.choose` left them for the variables
    ``used``, and ``best`` is as it was set there, its gain -1 if it found no cut.
    """
    regression = kind == REGRESSION
    n, n_bins = len(events), n_cuts + 1
    values = np.empty(n)
    low, high = _FAR, -_FAR
    for at in range(n):
        x = discriminant(rows, np.intp(events[at]) * padded, coefficients)
        values[at] = x
        high = max(high, x)
        low = min(low, x)
    histogram = np.zeros((n_bins, 5))
    all_s, all_b = 0.0, 0.0
    for at in range(n):
        term = 4 * np.intp(events[at])
        w, side = _weigh(terms, events[at], regression)
        place = np.float64(n_bins) * (values[at] - low) / (high - low)
        # what is no number, or none that an integer holds, falls into the first bin
        here = histogram[min(n_bins - 1, np.int64(place)) if 0.0 <= place < 2.0**31 else 0]
        here[side] += w
        here[2] += 1.0
        if side == 0:
            all_s += w
        else:
            all_b += w
        if regression:
            here[3] += terms[term + 2]
            here[4] += terms[term + 3]
    for at in range(1, n_bins):
        histogram[at] += histogram[at - 1]
    gain, cut = best[0], -1
    for at in range(n_bins - 1):
        s, b, count = histogram[at, 0], histogram[at, 1], histogram[at, 2]
        if count < min_size or n - count < min_size:
            continue
        if s + b < min_size or (all_s - s) + (all_b - b) < min_size:
            continue
        if regression:
            last = histogram[n_bins - 1]
            here = regression_gain(s + b, histogram[at, 3], histogram[at, 4], all_s + all_b, last[3], last[4])
        else:
            here = separation_gain(kind, s, b, all_s, all_b)
        if gain < here:
            gain, cut = here, at
    if cut < 0:
        return False
    best[:] = 0.0
    best[0] = gain
    best[1] = low + np.float64(cut + 1) * ((high - low) / np.float64(n_bins))
    best[2] = 1.0 if regression or histogram[cut, 0] / all_s > histogram[cut, 1] / all_b else 0.0
    if regression and len(used) and used[0] == 0 and np.float64(grid[1][0]) > np.float64(grid[0][0]):
        # the first variable's sums, as far as there are bins, become those of the node
        last = SUMS * (np.intp(room[0]) + min(n_bins, grid[2][0]) - 1)
        best[3], best[4] = sums[last + 2], sums[last + 3]
    return True
