"""Compiled forward pass of dense layers of neurons, event by event the same digits however events are grouped.

A matrix product of a library sums in an order that depends on its threads and on the number of rows. Here a neuron sums its
inputs in TMVA's order, the bias last, over a block of events that stays in the cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["ACTIVATIONS", "INPUTS", "layered"]

# "tanh" is the rational function of TActivationTanh::fast_tanh
ACTIVATIONS = ("linear", "sigmoid", "tanh", "ReLU", "radial", "exact tanh")
INPUTS = ("sum", "sqsum", "abs")
# events whose numbers stay in the first cache, and those of a call
_BLOCK = 256
_EVENTS = 2000

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def _fast_tanh(x):
    # single precision where TMVA has it; the limits are newer ROOT's, beyond which the fraction leaves [-1, 1]
    if x > 4.97:
        return 1.0
    if x < -4.97:
        return -1.0
    square = np.float32(x * x)
    above = np.float32(135135.0) + square * (np.float32(17325.0) + square * (np.float32(378.0) + square))
    below = np.float32(135135.0) + square * (
        np.float32(62370.0) + square * (np.float32(3150.0) + square * np.float32(28.0))
    )
    return np.float64(np.float32(x * np.float64(above)) / below)


@_compiled
def _sum(before, start, weight, row):
    n_before, n_events = before.shape[0], row.shape[0]
    row[:] = 0.0
    # four inputs at once keep the sum in a register, in the order of one at a time
    i, stop = 0, start + n_events
    while i + 4 <= n_before:
        a, b, c, d = (
            before[i, start:stop],
            before[i + 1, start:stop],
            before[i + 2, start:stop],
            before[i + 3, start:stop],
        )
        u, v, w, x = weight[i], weight[i + 1], weight[i + 2], weight[i + 3]
        for e in range(n_events):
            row[e] = (((row[e] + u * a[e]) + v * b[e]) + w * c[e]) + x * d[e]
        i += 4
    while i < n_before:
        a, u = before[i, start:stop], weight[i]
        for e in range(n_events):
            row[e] += u * a[e]
        i += 1
    for e in range(n_events):
        row[e] += weight[n_before]


@_compiled
def _sum_of_squares(before, start, weight, row):
    n_before, n_events = before.shape[0], row.shape[0]
    row[:] = 0.0
    for i in range(n_before):
        for e in range(n_events):
            term = weight[i] * before[i, start + e]
            row[e] += term * term
    for e in range(n_events):
        row[e] += weight[n_before] * weight[n_before]


@_compiled
def _sum_of_sizes(before, start, weight, row):
    n_before, n_events = before.shape[0], row.shape[0]
    row[:] = 0.0
    for i in range(n_before):
        for e in range(n_events):
            row[e] += abs(weight[i] * before[i, start + e])
    for e in range(n_events):
        row[e] += abs(weight[n_before])


@njit("void(f8[:,::1], f8[:,::1], i8, b1, f8[:,::1])", cache=True, nogil=True, error_model="numpy")
def add_up(before, weights, inputs, fast_tanh, after):
    """Fill what the neurons of a layer receive, shape (n_neurons, n_events), from what those before say.

    ``weights`` has a row for each neuron, its bias last; ``inputs`` is the place in INPUTS. ``fast_tanh`` applies
    ``TActivationTanh::fast_tanh`` at once, while the sums are in the cache.
    """
    for start in range(0, before.shape[1], _BLOCK):
        stop = min(start + _BLOCK, before.shape[1])
        for j in range(weights.shape[0]):
            row = after[j, start:stop]
            if inputs == 0:
                _sum(before, start, weights[j], row)
            elif inputs == 1:
                _sum_of_squares(before, start, weights[j], row)
            else:
                _sum_of_sizes(before, start, weights[j], row)
            if fast_tanh:
                for e in range(stop - start):
                    row[e] = _fast_tanh(row[e])


def layered(
    X: NDArray[np.float32],
    weights: Sequence[NDArray[np.float64]],
    neuron_input: str,
    activation: str,
    output_activation: str,
) -> NDArray[np.float64]:
    """Return what the last layer of neurons says, shape (n_outputs, n_events).

    Parameters
    ----------
    X : ndarray of float32, shape (n_events, n_inputs)
        Events.
    weights : sequence of ndarray of float64, shape (n_neurons, n_neurons_before + 1)
        For each layer, what each neuron multiplies those before it by, and its bias.
    neuron_input : str
        Of INPUTS.
    activation, output_activation : str
        Of ACTIVATIONS, of all layers but the last, and of the last.
    """
    inputs = INPUTS.index(neuron_input)
    n_events = len(X)
    outputs = np.empty((len(weights[-1]), n_events))
    for start in range(0, n_events, _EVENTS):
        values = np.ascontiguousarray(X[start : start + _EVENTS].T, dtype=np.float64)
        for layer in weights:
            name = output_activation if layer is weights[-1] else activation
            after = np.empty((len(layer), values.shape[1]))
            add_up(values, layer, inputs, name == "tanh", after)
            _activate(name, after)
            values = after
        outputs[:, start : start + _EVENTS] = values
    return outputs


def _activate(name: str, x: NDArray[np.float64]) -> None:
    """Apply an activation in place; the fast tanh has been."""
    if name == "exact tanh":
        np.tanh(x, out=x)
    elif name == "ReLU":
        np.maximum(x, 0.0, out=x)
    elif name == "sigmoid":
        np.negative(x, out=x)
        with np.errstate(over="ignore"):
            np.exp(x, out=x)
        x += 1.0
        np.reciprocal(x, out=x)
    elif name == "radial":
        with np.errstate(over="ignore"):
            np.square(x, out=x)
            x *= -0.5
            np.exp(x, out=x)
