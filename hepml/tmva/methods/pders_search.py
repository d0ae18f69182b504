"""Sums over the stored events in a box around an event, for PDERS.

Nodes come in pre-order, a node before its left and its right subtree, so a subtree is a range of nodes and is skipped, or
counted whole, by the box of its events. Events are met in the order in which ``BinarySearchTree::SearchVolume`` meets them,
so sums in single precision are TMVA's. An event is in a volume if lower < x <= upper in all variables.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = [
    "ADAPTIVE",
    "FIXED",
    "NEAREST",
    "OUT_OF_REACH",
    "boxes",
    "respond",
]

FIXED, ADAPTIVE, NEAREST = range(3)
# kernels of respond, in TMVA's order; Sinc3 to Sinc11 and the levels of Lanczos' follow by number
_BOX, _SPHERE, _TEEPEE, _GAUSS, _SINC3, _SINC11, _LANCZOS2, _TRIM = 0, 1, 2, 3, 4, 8, 9, 13
_LANCZOS = np.array([2.0, 3.0, 5.0, 8.0])
# growth by 1.15 that takes a volume beyond any number in single precision, from any that is not zero
_MOST_GROWTHS = 2000
OUT_OF_REACH = np.nan

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def boxes(X, weight, end):
    """Return the box and the sum of weights of each node and all below it, from what is behind each node in pre-order."""
    low, high, total = X.copy(), X.copy(), weight.astype(np.float64)
    for node in range(X.shape[0] - 1, -1, -1):
        child = node + 1
        while child < end[node]:
            total[node] += total[child]
            for k in range(X.shape[1]):
                low[node, k] = min(low[node, k], low[child, k])
                high[node, k] = max(high[node, k], high[child, k])
            child = end[child]
    return low, high, total


@_compiled
def _is_in(x, lower, upper):
    for k in range(x.shape[0]):
        if not (lower[k] < x[k] and upper[k] >= x[k]):
            return False
    return True


@_compiled
def _is_apart(low, high, lower, upper):
    for k in range(low.shape[0]):
        if not (lower[k] < high[k] and upper[k] >= low[k]):
            return True
    return False


@_compiled
def _count(X, weight, end, low, high, total, lower, upper):
    """Return the sum of weights in a volume."""
    count, node = 0.0, 0
    while node < X.shape[0]:
        if _is_apart(low[node], high[node], lower, upper):
            node = end[node]
        elif _is_in(low[node], lower, upper) and _is_in(high[node], lower, upper):
            count += total[node]
            node = end[node]
        else:
            if _is_in(X[node], lower, upper):
                count += weight[node]
            node += 1
    return count


@_compiled
def _collect(X, end, low, high, lower, upper, found):
    """Fill ``found`` with the events in a volume; return how many."""
    size, node = 0, 0
    while node < X.shape[0]:
        if _is_apart(low[node], high[node], lower, upper):
            node = end[node]
            continue
        if _is_in(X[node], lower, upper):
            found[size] = node
            size += 1
        node += 1
    return size


@_compiled
def _collect_some(X, left, right, lower, upper, most, found, queue, depth_of):
    """Fill ``found`` with at most ``most`` events, level by level (``BinarySearchTree::SearchVolumeWithMaxLimit``)."""
    size, first, last = 0, 0, 1
    queue[0], depth_of[0] = 0, 0
    while first < last:
        node, depth = queue[first], depth_of[first]
        first += 1
        if size == most:
            break
        if _is_in(X[node], lower, upper):
            found[size] = node
            size += 1
        if left[node] >= 0 and lower[depth] < X[node, depth]:
            queue[last], depth_of[last] = left[node], (depth + 1) % X.shape[1]
            last += 1
        if right[node] >= 0 and upper[depth] >= X[node, depth]:
            queue[last], depth_of[last] = right[node], (depth + 1) % X.shape[1]
            last += 1
    return size


@_compiled
def _scale(lower, upper, factor):
    for k in range(lower.shape[0]):
        down = 0.5 * (lower[k] * (1.0 + factor) + upper[k] * (1.0 - factor))
        up = 0.5 * (lower[k] * (1.0 - factor) + upper[k] * (1.0 + factor))
        lower[k], upper[k] = down, up


@_compiled
def _adapt(X, weight, end, low, high, total, lower, upper, least, most, n_iterations, first_scale):
    """Scale a volume until it holds from ``least`` to ``most`` (``MethodPDERS::GetSample``); return whether that ends."""
    count = np.float32(_count(X, weight, end, low, high, total, lower, upper))
    growths = 0
    while count < least:
        _scale(lower, upper, 1.15)
        count = np.float32(_count(X, weight, end, low, high, total, lower, upper))
        growths += 1
        if growths > _MOST_GROWTHS:
            return False
    before, now = count, count
    wanted = np.float32(0.5 * np.float64(least + most))
    one = np.float32(1.0)
    scale_now, scale = first_scale, first_scale
    best_scale, best = first_scale, now
    down, up = np.empty_like(lower), np.empty_like(upper)
    iteration = 1
    while iteration < n_iterations and (now < least or now > most):
        down[:], up[:] = lower, upper
        _scale(down, up, np.float64(scale))
        now = np.float32(_count(X, weight, end, low, high, total, down, up))
        if now > one and now - before != np.float32(0.0):
            if scale_now - one != np.float32(0.0):
                scale += np.float32((scale_now - one) / (now - before) * (wanted - now))
            else:
                scale = np.float32(np.float64(scale) - 0.01)
        else:
            scale = np.float32(np.float64(scale) + 0.5)
        scale_now = scale
        if abs(now - wanted) < abs(best - wanted) and (now >= least or best < now):
            best, best_scale = now, scale
        iteration += 1
    _scale(lower, upper, np.float64(best_scale))
    return True


@_compiled
def _distance(x, point, norm):
    square = 0.0
    for k in range(x.shape[0]):
        gap = norm[k] * np.float64(x[k] - point[k])
        square += gap * gap
    return np.sqrt(square / x.shape[0])


@_compiled
def _powered(value, n_variables):
    if n_variables % 2:
        return value**n_variables
    return abs(value) * value ** (n_variables - 1)


@_compiled
def _kernel(kind, distance, sigma, furthest, n_variables):
    if kind == _TEEPEE:
        return 1.0 - distance
    if kind == _GAUSS:
        if sigma == 0.0:
            return 1e30
        away = distance / sigma
        return 0.0 if away > 39.0 else np.exp(-0.5 * away * away)
    if kind == _TRIM:
        x = distance / furthest
        x = 1.0 - x * x * x
        return x * x * x
    if kind >= _SINC3:
        level = 1.0
        if kind <= _SINC11:
            distance *= 2.0 + (kind - _SINC3)
        else:
            level = _LANCZOS[kind - _LANCZOS2]
        if -10e-10 < distance < 10e-10:
            return 1.0
        angle = np.pi * distance
        value = np.sin(angle) / angle
        if kind > _SINC11:
            value *= np.sin(angle * level) / (angle * level)
        return _powered(value, n_variables)
    return 1.0


@_compiled
def _nearest(X, point, lower, upper, found, size, least):
    """Keep those of ``found`` that are as near as number ``least``; return how many, and how far that one is."""
    norm = 1.0 / (upper - lower)
    distance = np.empty(size)
    for place in range(size):
        distance[place] = _distance(X[found[place]], point, norm)
    furthest = np.sort(distance)[least - 1]
    kept = 0
    for place in range(size):
        if distance[place] <= furthest:
            found[kept] = found[place]
            kept += 1
    return kept, furthest


@_compiled
def respond(
    points, X, weight, is_signal, target, left, right, end, low, high, total,
    mode, delta, least, most, n_iterations, first_scale, kernel, sigma, scales, out,
):  # fmt: skip
    """Fill ``out`` with ``MethodPDERS::CRScalc`` of each point, or ``RRScalc`` if there is a target for each event."""
    n_variables = X.shape[1]
    found = np.empty(X.shape[0], np.int64)
    queue, depth_of = np.empty(X.shape[0] + 1, np.int64), np.empty(X.shape[0] + 1, np.int64)
    regresses = target.shape[0] > 0
    for row in range(points.shape[0]):
        point = points[row]
        half = 0.5 * delta.astype(np.float64)
        lower, upper = point.astype(np.float64) - half, point.astype(np.float64) + half
        furthest = 0.0
        if mode == NEAREST:
            fewest, limit = int(least), int(most)
            size = _collect_some(X, left, right, lower, upper, limit + 1, found, queue, depth_of)
            times = 0
            while (size < fewest or size > limit) and times < n_iterations:
                _scale(lower, upper, 2.0 if size < fewest else np.float64(np.float32(0.1)))
                size = _collect_some(X, left, right, lower, upper, limit + 1, found, queue, depth_of)
                times += 1
            if size >= fewest:
                size, furthest = _nearest(X, point, lower, upper, found, size, fewest)
            else:
                size = 0
        else:
            if mode == ADAPTIVE and not _adapt(
                X, weight, end, low, high, total, lower, upper, least, most, n_iterations, first_scale
            ):
                out[row] = OUT_OF_REACH
                continue
            size = _collect(X, end, low, high, lower, upper, found)
        norm = 2.0 / (upper - lower)
        signal, background = 0.0, 0.0
        mean, divisor = np.float32(0.0), np.float32(0.0)
        for place in range(size):
            node = found[place]
            distance = _distance(X[node], point, norm)
            if distance > 1.0 and kernel != _BOX:
                continue
            value = _kernel(kernel, distance, sigma, furthest, n_variables) * np.float64(weight[node])
            if regresses:
                mean = np.float32(np.float64(mean) + value * np.float64(target[node]))
                divisor = np.float32(np.float64(divisor) + value)
            elif is_signal[node]:
                signal += value
            else:
                background += value
        if regresses:
            out[row] = mean if divisor == 0.0 else np.float32(mean / divisor)
            continue
        signal = 0.0 if signal < 0.0 else signal
        background = 0.0 if background < 0.0 else background
        if signal < 1e-20 and background < 1e-20:
            out[row] = 0.5
        elif background < 1e-20:
            out[row] = 1.0
        elif signal < 1e-20:
            out[row] = 0.0
        else:
            ratio = np.float32(background * np.float64(scales[1]) / (signal * np.float64(scales[0])))
            out[row] = 1.0 / (np.float64(ratio) + 1.0)
