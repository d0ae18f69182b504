"""A dense network as TMVA's MLP or DL: scaling becomes a part of the first layer, a cut-off two rectified neurons."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import numpy as np

from hepml.classifiers.networks.program import Activation, Affine
from hepml.errors import ExportError
from hepml.tmva.networks import Affine as Map
from hepml.tmva.networks import Network
from hepml.tmva.source import Scaling, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hepml.classifiers.networks.program import Column, Program
    from hepml.tmva.networks import Step
    from hepml.tmva.setup import AnalysisType

__all__ = ["tmva_source"]

_ACTIVATIONS = {"relu": "ReLU", "tanh": "exact tanh", "sigmoid": "sigmoid"}
_ANALYSES: dict[str, AnalysisType] = {
    "logistic": "Classification",
    "softmax": "Multiclass",
    "identity": "Regression",
}
_OUTPUTS = {"logistic": "sigmoid", "softmax": "softmax"}


def tmva_source(program: Program, classes: Sequence[str] = (), *, ignore_missing: bool = False) -> Source:
    """Return a network as what :func:`hepml.tmva.write` takes.

    Parameters
    ----------
    program : Program
        The network.
    classes : sequence of str
        Names of several classes.
    ignore_missing : bool
        Write what was trained with missing values for events that have none.

    Returns
    -------
    Source
        Answers in double precision, of single-precision weights.

    Raises
    ------
    ExportError
        If TMVA has no such network: by the name of what it lacks.
    """
    columns = [column for column in program.columns if not column.is_indicator]
    missing = any(column.is_indicator or column.fill is not None for column in program.columns)
    if missing and not ignore_missing:
        _refuse("missing values have values that stand for them, and TMVA knows no missing ones (--ignore-missing)")
    _check_columns(program, columns)
    steps: list[Step] = []
    for number, step in enumerate(program.steps):
        if isinstance(step, Affine):
            weight, bias = step.weight.astype(np.float64), step.bias.astype(np.float64)
            if number == 0:
                # an indicator is 0 where nothing is missing
                weight = weight[:, [not column.is_indicator for column in program.columns]]
                cut_off, weight, bias = _cut_off(columns, weight, bias)
                steps += cut_off
            steps.append(Map(weight, bias))
        elif isinstance(step, Activation) and step.name in _ACTIVATIONS:
            steps.append(_ACTIVATIONS[step.name])
        else:
            what = f"the activation {step.name}" if isinstance(step, Activation) else "a residual connection"
            _refuse(f"it has {what} (possible: {', '.join(_ACTIVATIONS)} between dense layers)")
    if program.target_scale is not None and program.target_shift is not None:
        steps.append(Map(np.diag(program.target_scale), program.target_shift))
    steps += [_OUTPUTS[program.link]] if program.link in _OUTPUTS else []
    order = np.argsort([column.feature for column in columns])
    shift, scale = (np.array([getattr(column, name) for column in columns])[order] for name in ("shift", "scale"))
    return Source(
        network=Network.of(steps),
        respond=lambda X: program.evaluate(X.astype(np.float32))[1],
        analysis=_ANALYSES[program.link],
        library="this network",
        scaling=Scaling(scale, -shift * scale),
        classes=tuple(classes),
    )


def _check_columns(program: Program, columns: Sequence[Column]) -> None:
    if not program.steps or not isinstance(program.steps[0], Affine):
        _refuse("it does not begin with a dense layer")
    if sorted(column.feature for column in columns) != list(range(len(program.features))):
        _refuse("its inputs are not each feature once")
    for column in columns:
        if column.knots is not None:
            name = program.features[column.feature]
            _refuse(f"the preprocessing of {name} is a curve (quantile), and TMVA can scale only (scaling: standard)")


def _cut_off(
    columns: Sequence[Column], weight: np.ndarray, bias: np.ndarray
) -> tuple[list[Step], np.ndarray, np.ndarray]:
    """Return steps before the first layer that cut columns off, and the layer behind them, of sorted columns.

    ``clip(x, low, high)`` is ``low + relu(x - low) - relu(x - high)``; what has one end or none gets a neuron pair for x, or
    one, since a layer has one activation: ``x = relu(x) - relu(-x)``.
    """
    order = np.argsort([column.feature for column in columns])
    weight = weight[:, order]
    columns = [columns[k] for k in order]
    if not any(np.isfinite(column.low) or np.isfinite(column.high) for column in columns):
        return [], weight, bias
    rows: list[np.ndarray] = []
    constants: list[float] = []
    factors: list[np.ndarray] = []
    for number, column in enumerate(columns):
        unit = np.eye(len(columns))[number]
        if np.isfinite(column.low):
            bias = bias + weight[:, number] * column.low
            neurons = [(1.0, -column.low, 1.0)]
        elif np.isfinite(column.high):
            # from above: high - relu(high - x)
            bias = bias + weight[:, number] * column.high
            neurons = [(-1.0, column.high, -1.0)]
        else:
            neurons = [(1.0, 0.0, 1.0), (-1.0, 0.0, -1.0)]
        if np.isfinite(column.low) and np.isfinite(column.high):
            neurons.append((1.0, -column.high, -1.0))
        for sign, constant, factor in neurons:
            rows.append(sign * unit)
            constants.append(constant)
            factors.append(factor * weight[:, number])
    return [Map(np.array(rows), np.array(constants)), "ReLU"], np.stack(factors, axis=1), bias


def _refuse(problem: str) -> NoReturn:
    msg = f"this network cannot be written for TMVA: {problem}"
    raise ExportError(msg)
