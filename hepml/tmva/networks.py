"""Linear models and networks of other libraries, in the form in which a method of TMVA can hold them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from hepml.errors import ExportError
from hepml.tmva.methods.dl import DL
from hepml.tmva.methods.linear import LD, Fisher
from hepml.tmva.methods.mlp import MLP
from hepml.tmva.methods.neurons import Dense, activate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hepml.tmva.setup import AnalysisType

    Floats = NDArray[np.float64]

__all__ = ["Affine", "Network", "Step"]

# rounding to single precision, relative; and of sums in double precision, generously
SINGLE, DOUBLE = 2.0**-24, 1e-13
# what single precision loses of numbers that are too small for it
_TINY = 2.0**-140
# the steepest slope of each, which errors grow by at most
_SLOPES = {"sigmoid": 0.25}
_OF_MLP = ("linear", "sigmoid", "ReLU", "exact tanh")
_OUTPUTS = ("linear", "sigmoid", "softmax")


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """A matrix and a constant: ``weights @ x + bias``.

    Parameters
    ----------
    weights : ndarray of float64, shape (n_outputs, n_inputs)
        What each output multiplies the inputs by.
    bias : ndarray of float64, shape (n_outputs,)
        The constant.
    """

    weights: Floats
    bias: Floats

    def __call__(self, x: Floats) -> Floats:
        """Return the outputs, shape (n_outputs, n_events), of inputs of shape (n_inputs, n_events)."""
        result: Floats = self.weights @ x + self.bias[:, None]
        return result

    def after(self, first: Affine) -> Affine:
        """Return the two as one."""
        return Affine(self.weights @ first.weights, self.weights @ first.bias + self.bias)


# an affine map, or the name of an activation
Step = Affine | str


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Dense layers, each an affine map and an activation; a linear model is one of them.

    Parameters
    ----------
    layers : tuple of (Affine, str)
        From the variables to the outputs.
    output : str
        What becomes of the last layer's sums: ``linear``, ``sigmoid`` or ``softmax``.
    """

    layers: tuple[tuple[Affine, str], ...]
    output: str

    @classmethod
    def of(cls, steps: Sequence[Step]) -> Network:
        """Put steps together: affine maps that follow one another are one, and the last activation is the output.

        Raises
        ------
        ExportError
            If there is no affine map, activations follow one another, or a number is not finite.
        """
        layers: list[tuple[Affine, str]] = []
        is_open = False
        for step in steps:
            if isinstance(step, Affine):
                if not (np.isfinite(step.weights).all() and np.isfinite(step.bias).all()):
                    _refuse("a weight is not finite")
                if is_open:
                    layers[-1] = (step.after(layers[-1][0]), "linear")
                else:
                    layers.append((step, "linear"))
                is_open = True
            elif step != "linear":
                if not is_open:
                    _refuse(f"{step} follows another activation, or stands before all weights")
                layers[-1] = (layers[-1][0], step)
                is_open = False
        if not layers:
            _refuse("it has no weights")
        output = layers[-1][1]
        if output not in _OUTPUTS:
            # an output that TMVA does not have becomes a layer, with outputs that hand it on
            n_outputs = len(layers[-1][0].bias)
            layers.append((Affine(np.eye(n_outputs), np.zeros(n_outputs)), "linear"))
            output = "linear"
        layers[-1] = (layers[-1][0], "linear")
        if any(activation == "softmax" for _, activation in layers):
            _refuse("softmax stands before the last layer")
        return cls(tuple(layers), output)

    @property
    def n_inputs(self) -> int:
        """Number of variables."""
        return int(self.layers[0][0].weights.shape[1])

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return len(self.layers[-1][0].bias)

    def behind(self, first: Affine) -> Network:
        """Return the network of variables that ``first`` turns into its inputs."""
        head, activation = self.layers[0]
        return replace(self, layers=((head.after(first), activation), *self.layers[1:]))

    def to_fisher(self) -> Fisher:
        """Return the linear function of one output, without what becomes of it."""
        affine = self._linear(1)
        return Fisher(float(affine.bias[0]), affine.weights[0])

    def to_ld(self) -> LD:
        """Return the linear functions that are targets."""
        affine = self._linear(self.n_outputs)
        return LD(affine.bias, affine.weights, regresses=True)

    def _linear(self, n_outputs: int) -> Affine:
        if len(self.layers) > 1 or self.n_outputs != n_outputs:
            _refuse(f"it has {len(self.layers)} layers and {self.n_outputs} outputs, and is no linear function")
        return self.layers[0][0]

    @property
    def fits_mlp(self) -> bool:
        """Whether MethodMLP has it: all hidden neurons with one of its activations."""
        hidden = {activation for _, activation in self.layers[:-1]}
        return len(hidden) <= 1 and hidden <= set(_OF_MLP)

    def to_mlp(self, analysis: AnalysisType) -> MLP:
        """Return it as MethodMLP, whose weights are single precision."""
        if not self.fits_mlp:
            names = ", ".join(sorted({activation for _, activation in self.layers[:-1]}))
            _refuse(f"MLP has one activation for all hidden neurons, of {', '.join(_OF_MLP)}; this has {names}")
        last = "sigmoid" if self.output == "sigmoid" else "linear"
        return MLP(tuple(self._dense(last)), analysis)

    def to_dl(self, analysis: AnalysisType) -> DL:
        """Return it as MethodDL of newer ROOT, which computes in single precision."""
        return DL(tuple(self._dense("linear")), self.n_outputs, self.output, analysis)

    def _dense(self, last: str) -> list[Dense]:
        names = [activation for _, activation in self.layers[:-1]] + [last]
        stacked = (np.concatenate([affine.weights, affine.bias[:, None]], axis=1) for affine, _ in self.layers)
        with np.errstate(over="ignore"):
            rounded = [weights.astype(np.float32).astype(np.float64) for weights in stacked]
        if not all(np.isfinite(weights).all() for weights in rounded):
            _refuse("a weight is not finite in single precision")
        return [Dense(weights, name) for weights, name in zip(rounded, names, strict=True)]

    def rounding(self, x: Floats, error: Floats, unit: float = SINGLE) -> Floats:
        """Return how far the outputs may be off if weights are rounded, shape (n_outputs, n_events).

        Parameters
        ----------
        x : ndarray of float64, shape (n_inputs, n_events)
            Inputs.
        error : ndarray of float64, shape (n_inputs, n_events)
            How far they may be off.
        unit : float
            Rounding of a weight, relative.
        """
        for place, (affine, activation) in enumerate(self.layers):
            size = np.abs(affine.weights)
            total = affine(x)
            terms = size @ np.abs(x) + np.abs(affine.bias)[:, None]
            error = size @ error * (1.0 + unit) + (unit + DOUBLE) * terms + _TINY
            name = self.output if place == len(self.layers) - 1 else activation
            if name == "softmax":
                # each depends on all; the sums are rounded to single precision before, the result after
                worst: Floats = (error + SINGLE * np.abs(total)).max(axis=0)
                return worst + np.full_like(error, SINGLE)
            error *= _SLOPES.get(name, 1.0)
            x = total
            activate(name, x)
        return error


def _refuse(problem: str) -> NoReturn:
    msg = f"this network cannot be written for TMVA: {problem}"
    raise ExportError(msg)
