"""A trained network in single precision: scores of events by numpy alone, and the arrays that a model file holds."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import erf, expit

from hepml.classifiers.networks.preprocessing import apply_columns
from hepml.classifiers.networks.program import Activation, Affine, Column, Program, Residual, Step
from hepml.errors import InvalidInputError, ModelFormatError
from hepml.forest.safe_npy import array_from_npy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from hepml.classifiers.networks.program import Link

__all__ = ["from_payloads", "margins", "to_payloads"]

# products of matrices of one shape only: the last digits of a row depend on how many rows there are
_ROWS = 1024
_WIDEST = 1 << 14
_DEEPEST = 200
_FILES = {"columns.npy", "knots.npy", "parameters.npy", "layers.npy"}
_ACTIVATIONS = ("relu", "tanh", "silu", "gelu")
# codes of rows of layers.npy: (code, outputs or activation)
_AFFINE, _ACTIVATION, _OPEN, _CLOSE = range(4)


def margins(program: Program, X: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return what comes out of the last layer, in units of the targets; a row does not depend on those beside it.

    Parameters
    ----------
    program : Program
        The network, its activations among relu, tanh, silu and gelu.
    X : ndarray of float32, shape (n_events, n_features)
        Features.

    Returns
    -------
    ndarray of float64, shape (n_events, n_outputs)
        NaN where a feature is missing that has nothing in its place.
    """
    result = np.empty((len(X), program.n_outputs))
    for start in range(0, len(X), _ROWS):
        block = np.asarray(X[start : start + _ROWS])
        padded = np.zeros((_ROWS, len(program.columns)), dtype=np.float32)
        padded[: len(block)] = apply_columns(program.columns, block)
        result[start : start + _ROWS] = _run(program.steps, padded)[: len(block)]
    if program.target_scale is not None and program.target_shift is not None:
        result = program.target_scale * result + program.target_shift
    return result


def to_payloads(program: Program) -> dict[str, bytes]:
    """Return the files of a network by name, each an ``.npy`` file."""
    scalars, knots = [], []
    for column in program.columns:
        fill = np.nan if column.fill is None else column.fill
        n = 0 if column.knots is None else len(column.knots[0])
        scalars.append(
            (column.feature, column.shift, column.scale, column.low, column.high, fill, n, float(column.is_indicator))
        )
        if column.knots is not None:
            knots.append(np.column_stack(column.knots))
    layers: list[tuple[int, int]] = []
    arrays: list[NDArray[np.float32]] = []
    _describe(program.steps, layers, arrays)
    return {
        "columns.npy": _npy(np.array(scalars, dtype=np.float64)),
        "knots.npy": _npy(np.concatenate([np.zeros((0, 2)), *knots])),
        "layers.npy": _npy(np.array(layers, dtype=np.int64)),
        "parameters.npy": _npy(np.concatenate(arrays)),
    }


def from_payloads(
    payloads: Mapping[str, bytes],
    features: Sequence[str],
    n_outputs: int,
    link: Link,
    scales: tuple[NDArray[np.float64] | None, NDArray[np.float64] | None] = (None, None),
) -> Program:
    """Read what :func:`to_payloads` wrote, trusting nothing.

    Raises
    ------
    ModelFormatError
        If it is no network of these features with so many outputs.
    """
    if set(payloads) != _FILES:
        msg = f"a network has exactly the payloads {', '.join(sorted(_FILES))}, not {', '.join(sorted(payloads))}"
        raise ModelFormatError(msg)
    scalars = array_from_npy(payloads["columns.npy"], np.float64, "columns.npy", dimensions=2)
    knots = array_from_npy(payloads["knots.npy"], np.float64, "knots.npy", dimensions=2)
    layers = array_from_npy(payloads["layers.npy"], np.int64, "layers.npy", dimensions=2)
    flat = array_from_npy(payloads["parameters.npy"], np.float32, "parameters.npy")
    if scalars.shape[1:] != (8,) or knots.shape[1:] != (2,) or layers.shape[1:] != (2,) or len(layers) > _DEEPEST:
        msg = "the arrays of the network do not have the shapes of one"
        raise ModelFormatError(msg)
    if not (np.isfinite(flat).all() and np.isfinite(knots).all() and np.isfinite(scalars[:, [0, 1, 2, 6, 7]]).all()):
        msg = "the network holds numbers that are not finite"
        raise ModelFormatError(msg)
    columns, used = [], 0
    for feature, shift, scale, low, high, fill, n, indicator in scalars.tolist():
        mine = knots[used : used + int(n)]
        if not (
            0 <= feature < len(features) and 0 <= n == len(mine) and low <= high and (np.diff(mine[:, 0]) > 0).all()
        ):
            msg = f"the network has a column of feature {feature:g} that cannot be evaluated"
            raise ModelFormatError(msg)
        used += int(n)
        pair = (np.ascontiguousarray(mine[:, 0]), np.ascontiguousarray(mine[:, 1])) if n else None
        given = None if np.isnan(fill) else fill
        columns.append(Column(int(feature), shift, scale, low, high, given, pair, bool(indicator)))
    reader = _Reader(layers.tolist(), flat)
    steps, _ = reader.steps(len(columns), inside=False)
    try:
        program = Program(tuple(features), tuple(columns), steps, link, *scales)
        fits = program.n_outputs == n_outputs and reader.used == len(flat) and used == len(knots)
    except InvalidInputError as error:
        msg = f"the network is damaged: {error}"
        raise ModelFormatError(msg) from error
    if not fits:
        msg = f"the network does not have the {n_outputs} outputs and the parameters of its layers"
        raise ModelFormatError(msg)
    return program


class _Reader:
    """Layers from their codes and the numbers behind each other."""

    def __init__(self, codes: list[list[int]], flat: NDArray[np.float32]) -> None:
        self.codes, self.flat, self.place, self.used = codes, flat, 0, 0

    def steps(self, width: int, *, inside: bool) -> tuple[tuple[Step, ...], int]:
        """Return the steps up to the end, or to the end of the residual block."""
        found: list[Step] = []
        while self.place < len(self.codes):
            code, value = self.codes[self.place]
            self.place += 1
            if code == _AFFINE and 0 < value <= _WIDEST and self.used + value * (width + 1) <= len(self.flat):
                weight = self._take(value * width).reshape(value, width)
                found.append(Affine(weight, self._take(value)))
                width = value
            elif code == _ACTIVATION and 0 <= value < len(_ACTIVATIONS):
                found.append(Activation(_ACTIVATIONS[value]))
            elif code == _OPEN and not inside:
                found.append(Residual(self.steps(width, inside=True)[0]))
            elif code == _CLOSE and inside:
                return tuple(found), width
            else:
                msg = f"the network has a layer ({code}, {value}) that there cannot be at its place"
                raise ModelFormatError(msg)
        if inside or not found:
            msg = "the layers of the network end too early"
            raise ModelFormatError(msg)
        return tuple(found), width

    def _take(self, n: int) -> NDArray[np.float32]:
        self.used += n
        return self.flat[self.used - n : self.used]


def _describe(steps: Sequence[Step], layers: list[tuple[int, int]], arrays: list[NDArray[np.float32]]) -> None:
    for step in steps:
        if isinstance(step, Affine):
            layers.append((_AFFINE, len(step.bias)))
            arrays += [step.weight.ravel(), step.bias]
        elif isinstance(step, Activation):
            layers.append((_ACTIVATION, _ACTIVATIONS.index(step.name)))
        else:
            layers.append((_OPEN, 0))
            _describe(step.steps, layers, arrays)
            layers.append((_CLOSE, 0))


def _run(steps: Sequence[Step], x: NDArray[np.float32]) -> NDArray[np.float32]:
    for step in steps:
        if isinstance(step, Affine):
            x = x @ step.weight.T + step.bias
        elif isinstance(step, Activation):
            x = _activate(step.name, x)
        else:
            x = x + _run(step.steps, x)
    return x


def _activate(name: str, x: NDArray[np.float32]) -> NDArray[np.float32]:
    result: NDArray[np.float32]
    if name == "relu":
        result = np.maximum(x, np.float32(0.0))
    elif name == "tanh":
        result = np.tanh(x)
    elif name == "silu":
        result = x * expit(x)
    elif name == "gelu":
        result = np.float32(0.5) * x * (np.float32(1.0) + erf(x * np.float32(np.sqrt(0.5))))
    else:
        msg = f"the activation {name!r} is none of {', '.join(_ACTIVATIONS)}"
        raise InvalidInputError(msg)
    return result


def _npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()
