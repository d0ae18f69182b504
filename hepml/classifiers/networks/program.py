"""A network as the few operations that every exported form is made of, and the same in double precision as their measure.

Features become columns, each by itself, in double precision; columns are rounded to float32; dense layers follow. What
cannot be said in these operations cannot be exported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import erf, expit, softmax

from hepml.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["ACTIVATIONS", "Activation", "Affine", "Column", "Link", "Program", "Residual", "Step"]

Link = Literal["logistic", "softmax", "identity"]
ACTIVATIONS = ("relu", "tanh", "sigmoid", "silu", "gelu", "elu", "leaky_relu")
# the slope of leaky_relu where it is small, as torch has it
LEAK = 0.01
# no activation is steeper
_STEEPEST = 1.13
_SINGLE = 2.0**-24
# rows whose numbers of a layer are in memory at once
_BLOCK = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One input of the first layer: ``clip(scale * (f(x) - shift), low, high)`` of a feature x.

    Parameters
    ----------
    feature : int
        Number of the feature.
    shift, scale : float
        Of what ``f`` gives.
    low, high : float
        Where it is cut off; infinite: nowhere.
    fill : float or None
        What stands in the place of x where it is missing; None: the score is then missing.
    knots : tuple of two ndarrays of float64 or None
        ``f``: straight lines between points of increasing x, constant beyond the ends. None: x itself.
    is_indicator : bool
        The column is 1 where x is missing and 0 elsewhere, and nothing of the above matters.
    """

    feature: int
    shift: float = 0.0
    scale: float = 1.0
    low: float = -np.inf
    high: float = np.inf
    fill: float | None = None
    knots: tuple[Floats, Floats] | None = None
    is_indicator: bool = False

    def of(self, x: Floats) -> Floats:
        """Return the column of the values of the feature."""
        missing = np.isnan(x)
        if self.is_indicator:
            return missing.astype(np.float64)
        values = x if self.fill is None else np.where(missing, self.fill, x)
        if self.knots is not None:
            values = np.interp(values, *self.knots)
        with np.errstate(over="ignore", invalid="ignore"):
            result: Floats = np.clip(self.scale * (values - self.shift), self.low, self.high)
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """``weight @ x + bias``: float32 of shapes (n_outputs, n_inputs) and (n_outputs,)."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Activation:
    """One of :data:`ACTIVATIONS`, of each number."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Residual:
    """``x + steps(x)``."""

    steps: tuple[Step, ...]


Step = Affine | Activation | Residual


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A dense network with what stands before it.

    Parameters
    ----------
    features : tuple of str
        Names of the features, in order.
    columns : tuple of Column
        Inputs of the first step.
    steps : tuple of Step
        The layers.
    link : {"logistic", "softmax", "identity"}
        What makes scores of the last sums, the margins.
    target_shift, target_scale : ndarray of float64, shape (n_outputs,), or None
        Of a regression: margins are ``target_scale * sums + target_shift``, and so are scores.

    Raises
    ------
    InvalidInputError
        If shapes do not fit, or a name is not known.
    """

    features: tuple[str, ...]
    columns: tuple[Column, ...]
    steps: tuple[Step, ...]
    link: Link
    target_shift: Floats | None = None
    target_scale: Floats | None = None

    def __post_init__(self) -> None:
        _width(self.steps, len(self.columns))
        if self.link not in {"logistic", "softmax", "identity"} or not self.columns:
            msg = f"a network has columns and a link, not {len(self.columns)} columns and the link {self.link!r}"
            raise InvalidInputError(msg)

    @property
    def n_outputs(self) -> int:
        """Number of scores."""
        return _width(self.steps, len(self.columns))

    @property
    def unit(self) -> Floats:
        """What is one unit of each output: the width of a target, else 1; float64 of shape (n_outputs,)."""
        return np.ones(self.n_outputs) if self.target_scale is None else np.abs(self.target_scale)

    @property
    def without_fill(self) -> tuple[int, ...]:
        """The features of which a missing value makes the score missing."""
        return tuple(
            sorted({column.feature for column in self.columns if column.fill is None and not column.is_indicator})
        )

    def evaluate(self, X: NDArray[np.float32]) -> tuple[Floats, Floats, Floats]:
        """Evaluate events in double precision.

        Parameters
        ----------
        X : ndarray of float32, shape (n_events, n_features)
            Missing values are NaN.

        Returns
        -------
        margin, score, error : ndarray of float64, shape (n_events, n_outputs)
            The error is how far margins may be off that are computed in single precision.
        """
        parts = [self._block(X[start : start + _BLOCK]) for start in range(0, len(X), _BLOCK)]
        if not parts:
            empty = np.zeros((0, self.n_outputs))
            return empty, empty, empty
        margin, score, error = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return margin, score, error

    def _block(self, X: NDArray[np.float32]) -> tuple[Floats, Floats, Floats]:
        wide = X.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            a = np.column_stack([column.of(wide[:, column.feature]) for column in self.columns])
            margin, error = _run(self.steps, a, _SINGLE * np.abs(a))
            if self.target_scale is not None and self.target_shift is not None:
                terms = np.abs(self.target_scale * margin) + np.abs(self.target_shift)
                margin = self.target_scale * margin + self.target_shift
                error = np.abs(self.target_scale) * error + 2 * _SINGLE * terms
            score = {"logistic": expit, "identity": np.array}.get(self.link, lambda m: softmax(m, axis=1))(margin)
        gone = np.isnan(wide[:, list(self.without_fill)]).any(axis=1)
        margin[gone] = score[gone] = np.nan
        return margin, score, error


def _width(steps: Sequence[Step], n_inputs: int) -> int:
    for step in steps:
        if isinstance(step, Affine):
            if step.weight.shape[1] != n_inputs or step.bias.shape != step.weight.shape[:1]:
                msg = f"a layer of shape {step.weight.shape} and {step.bias.shape} stands behind {n_inputs} numbers"
                raise InvalidInputError(msg)
            n_inputs = len(step.bias)
        elif isinstance(step, Residual):
            if _width(step.steps, n_inputs) != n_inputs:
                msg = f"a residual block gives {_width(step.steps, n_inputs)} numbers of {n_inputs}"
                raise InvalidInputError(msg)
        elif step.name not in ACTIVATIONS:
            msg = f"the activation {step.name!r} is not known ({', '.join(ACTIVATIONS)})"
            raise InvalidInputError(msg)
    return n_inputs


def _run(steps: Sequence[Step], a: Floats, error: Floats) -> tuple[Floats, Floats]:
    for step in steps:
        if isinstance(step, Affine):
            weight, bias = step.weight.astype(np.float64), step.bias.astype(np.float64)
            size = np.abs(weight).T
            # each of the n terms of a sum is rounded, and the sum after each of them
            terms = np.abs(a) @ size + np.abs(bias)
            error = error @ size + _SINGLE * (2.0 + np.sqrt(len(weight.T))) * terms
            a = a @ weight.T + bias
        elif isinstance(step, Residual):
            inner, inner_error = _run(step.steps, a, error)
            a, error = a + inner, error + inner_error + _SINGLE * (np.abs(a) + np.abs(inner))
        else:
            a = _activated(step.name, a)
            error = _STEEPEST * error + 4 * _SINGLE * np.abs(a)
    return a, error


def _activated(name: str, x: Floats) -> Floats:
    if name == "relu":
        return np.maximum(x, 0.0)
    if name == "tanh":
        return np.tanh(x)
    if name == "leaky_relu":
        return np.where(x > 0.0, x, LEAK * x)
    if name == "elu":
        return np.where(x > 0.0, x, np.expm1(np.minimum(x, 0.0)))
    if name == "gelu":
        gelu: Floats = 0.5 * x * (1.0 + erf(x / np.sqrt(2.0)))
        return gelu
    sigmoid: Floats = expit(x)
    return sigmoid if name == "sigmoid" else x * sigmoid
