"""Compiled forward pass of dense layers of neurons, event by event the same digits however events are grouped.

A matrix product of a library sums in an order that depends on its threads and on the number of rows. Here a neuron sums its
inputs in TMVA's order, the bias last, over a block of events that stays in the cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["ACTIVATIONS", "INPUTS", "Dense", "Rescaled", "activate", "layered"]

# "tanh" is the rational function of TActivationTanh::fast_tanh
ACTIVATIONS = ("linear", "sigmoid", "tanh", "ReLU", "radial", "exact tanh", "absolute", "softsign", "Gauss")
INPUTS = ("sum", "sqsum", "abs")
# events whose numbers stay in the first cache, and those of a call
_BLOCK = 256
_EVENTS = 2000
# numbers of a layer for the events of a call: wide layers take fewer events
_NUMBERS = 2**20

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
def _two_sums(before, start, weight, other_weight, row, other):
    # two neurons at once load each input once; each sums as _sum does
    n_before, n_events = before.shape[0], row.shape[0]
    row[:] = 0.0
    other[:] = 0.0
    i, stop = 0, start + n_events
    while i + 4 <= n_before:
        a, b, c, d = (
            before[i, start:stop],
            before[i + 1, start:stop],
            before[i + 2, start:stop],
            before[i + 3, start:stop],
        )
        u, v, w, x = weight[i], weight[i + 1], weight[i + 2], weight[i + 3]
        k, o, m, n = other_weight[i], other_weight[i + 1], other_weight[i + 2], other_weight[i + 3]
        for e in range(n_events):
            row[e] = (((row[e] + u * a[e]) + v * b[e]) + w * c[e]) + x * d[e]
            other[e] = (((other[e] + k * a[e]) + o * b[e]) + m * c[e]) + n * d[e]
        i += 4
    while i < n_before:
        a, u, k = before[i, start:stop], weight[i], other_weight[i]
        for e in range(n_events):
            row[e] += u * a[e]
            other[e] += k * a[e]
        i += 1
    for e in range(n_events):
        row[e] += weight[n_before]
        other[e] += other_weight[n_before]


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
        n_neurons = weights.shape[0]
        paired = n_neurons - n_neurons % 2 if inputs == 0 else 0
        for j in range(0, paired, 2):
            _two_sums(before, start, weights[j], weights[j + 1], after[j, start:stop], after[j + 1, start:stop])
        for j in range(paired, n_neurons):
            row = after[j, start:stop]
            if inputs == 0:
                _sum(before, start, weights[j], row)
            elif inputs == 1:
                _sum_of_squares(before, start, weights[j], row)
            else:
                _sum_of_sizes(before, start, weights[j], row)
        if fast_tanh:
            for j in range(n_neurons):
                row = after[j, start:stop]
                for e in range(stop - start):
                    row[e] = _fast_tanh(row[e])


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """A layer of neurons.

    Parameters
    ----------
    weights : ndarray of float64, shape (n_neurons, n_neurons_before + 1)
        What each neuron multiplies those before it by, and its bias.
    activation : str
        Of ACTIVATIONS.
    neuron_input : str
        How a neuron puts together what it receives, of INPUTS.
    """

    weights: NDArray[np.float64]
    activation: str
    neuron_input: str = "sum"

    def __call__(self, before: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the layer says, shape (n_neurons, n_events), from what the one before said."""
        after = np.empty((len(self.weights), before.shape[1]))
        add_up(before, self.weights, INPUTS.index(self.neuron_input), self.activation == "tanh", after)
        activate(self.activation, after)
        return after


@dataclass(frozen=True, slots=True, eq=False)
class Rescaled:
    """A layer that gives each neuron before it another mean and width: (value - mean) * factor + shift.

    Parameters
    ----------
    mean, factor, shift : ndarray of float64, shape (n_neurons, 1)
        One for each neuron.
    """

    mean: NDArray[np.float64]
    factor: NDArray[np.float64]
    shift: NDArray[np.float64]

    def __call__(self, before: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the layer says, of the same shape as what the one before said."""
        return (before - self.mean) * self.factor + self.shift


def layered(X: NDArray[np.float32], layers: Sequence[Dense | Rescaled], n_outputs: int) -> NDArray[np.float64]:
    """Return what the last layer says, shape (n_outputs, n_events), of events X, shape (n_events, n_inputs)."""
    n_events = len(X)
    outputs = np.empty((n_outputs, n_events))
    widest = max((len(layer.weights) for layer in layers if isinstance(layer, Dense)), default=1)
    rows = min(_EVENTS, max(_NUMBERS // widest, 16))
    for start in range(0, n_events, rows):
        values = np.ascontiguousarray(X[start : start + rows].T, dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            for layer in layers:
                values = layer(values)
        outputs[:, start : start + rows] = values
    return outputs


def activate(name: str, x: NDArray[np.float64]) -> None:
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
    elif name in {"radial", "Gauss"}:
        with np.errstate(over="ignore"):
            np.square(x, out=x)
            x *= -0.5 if name == "radial" else -1.0
            np.exp(x, out=x)
    elif name == "absolute":
        np.abs(x, out=x)
    elif name == "softsign":
        x /= 1.0 + np.abs(x)
