"""What the cells of a foam say of points, by TMVA's kernels, in single precision where TMVA has it."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["GAUSS", "LINEAR", "NONE", "estimate", "targets"]

NONE, GAUSS, LINEAR = range(3)
_OFFSET = np.float32(1e-6)

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def _find(x, parts, dimension, position, size):
    cell = 0
    while parts[cell, 0] >= 0:
        first, k = parts[cell, 0], dimension[cell]
        cell = first if x[k] <= position[first, k] + size[first, k] else parts[cell, 1]
    return cell


@_compiled
def _average(x, parts, dimension, position, size, value, undefined):
    """Return the mean of the defined neighbours of the cell of a point (``GetAverageNeighborsValue``)."""
    cell = _find(x, parts, dimension, position, size)
    total, norm = np.float32(0.0), np.float32(0.0)
    beside = x.copy()
    for k in range(x.shape[0]):
        for side in range(2):
            if side == 0:
                beside[k] = np.float32(position[cell, k] - np.float64(_OFFSET))
            else:
                beside[k] = np.float32(position[cell, k] + size[cell, k] + np.float64(_OFFSET))
            neighbour = _find(beside, parts, dimension, position, size)
            if not undefined[neighbour]:
                total += value[neighbour]
                norm += np.float32(1.0)
        beside[k] = x[k]
    return np.float32(total / norm) if norm > 0.0 else np.float32(0.0)


@_compiled
def _linear(x, parts, dimension, position, size, value, undefined):
    """Weigh a cell with the nearest neighbour in each dimension (``PDEFoamKernelLinN``)."""
    cell = _find(x, parts, dimension, position, size)
    here = value[cell]
    if undefined[cell]:
        here = _average(x, parts, dimension, position, size, value, undefined)
    total, norm = np.float32(0.0), 0
    beside = x.copy()
    for k in range(x.shape[0]):
        away = np.float32((np.float64(x[k]) - position[cell, k]) / size[cell, k])
        if away < 0.5:
            beside[k] = np.float32(position[cell, k] - np.float64(_OFFSET))
        else:
            away = np.float32(1.0) - away
            beside[k] = np.float32(position[cell, k] + size[cell, k] + np.float64(_OFFSET))
        neighbour = _find(beside, parts, dimension, position, size)
        beside[k] = x[k]
        if not undefined[neighbour]:
            total = np.float32(np.float64(total) + np.float64(here) * (0.5 + np.float64(away)))
            total = np.float32(np.float64(total) + np.float64(value[neighbour]) * (0.5 - np.float64(away)))
            norm += 1
    return here if norm == 0 else np.float32(total / np.float32(norm))


@_compiled
def _gauss(x, parts, dimension, position, size, value, undefined, sigma):
    """Weigh all cells by their distance (``PDEFoamKernelGauss``); ``x`` is brought into the foam by the first of them."""
    total, norm, mean = np.float32(0.0), np.float32(0.0), np.float32(0.0)
    known, first = False, True
    for cell in range(parts.shape[0]):
        if parts[cell, 0] >= 0:
            continue
        here = value[cell]
        if undefined[cell]:
            if not known:
                mean = _average(x, parts, dimension, position, size, value, undefined)
                known = not first
            here = mean
        first = False
        square = np.float32(0.0)
        for k in range(x.shape[0]):
            x[k] = min(max(x[k], np.float32(0.0)), np.float32(1.0))
            nearest = x[k]
            if position[cell, k] > x[k]:
                nearest = np.float32(position[cell, k])
            elif position[cell, k] + size[cell, k] < x[k]:
                nearest = np.float32(position[cell, k] + size[cell, k])
            gap = x[k] - nearest
            square += gap * gap
        distance = np.float64(np.float32(np.sqrt(np.float64(square))))
        if sigma == 0.0:
            weight = np.float32(1e30)
        else:
            away = distance / sigma
            weight = np.float32(0.0) if away > 39.0 else np.float32(np.exp(-0.5 * away * away))
        total += weight * here
        norm += weight
    return np.float32(total / norm) if norm != 0.0 else np.float32(0.0)


@_compiled
def estimate(points, parts, dimension, position, size, value, undefined, kernel, sigma, out):
    """Fill ``out`` with the value of each point, which is given in the coordinates of the foam."""
    for row in range(points.shape[0]):
        x = points[row].copy()
        cell = _find(x, parts, dimension, position, size)
        if undefined[cell]:
            out[row] = _average(x, parts, dimension, position, size, value, undefined)
        elif kernel == GAUSS:
            out[row] = _gauss(x, parts, dimension, position, size, value, undefined, sigma)
        elif kernel == LINEAR:
            out[row] = _linear(x, parts, dimension, position, size, value, undefined)
        else:
            out[row] = value[cell]


@_compiled
def targets(points, parts, dimension, position, size, density, centre, spread, most_probable, out):
    """Fill ``out`` with targets, which are the last dimensions: of the densest cell at a point, or the mean of all.

    ``centre`` holds the targets at the middle of each cell, ``spread`` what is answered where there is no density.
    """
    n_given, n_targets = points.shape[1], out.shape[1]
    stack = np.empty(parts.shape[0], np.int64)
    for row in range(points.shape[0]):
        height, densest = 1, 0.0
        stack[0] = 0
        norm = np.float32(0.0)
        out[row] = 0.0
        while height:
            height -= 1
            cell = stack[height]
            if parts[cell, 0] >= 0:
                first, k = parts[cell, 0], dimension[cell]
                if k >= n_given:
                    stack[height], stack[height + 1] = parts[cell, 1], first
                    height += 2
                else:
                    inside = points[row, k] <= position[first, k] + size[first, k]
                    stack[height] = first if inside else parts[cell, 1]
                    height += 1
                continue
            here = np.float64(density[cell])
            if most_probable:
                if here > densest:
                    densest = here
                    for k in range(n_targets):
                        out[row, k] = centre[cell, k]
                continue
            for k in range(n_targets):
                out[row, k] = np.float32(np.float64(out[row, k]) + here * np.float64(centre[cell, k]))
            norm = np.float32(np.float64(norm) + here)
        if not most_probable:
            for k in range(n_targets):
                out[row, k] = out[row, k] / norm if norm > np.float32(1.1920929e-07) else spread[k]
