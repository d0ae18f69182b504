"""Networks of torch: ``Sequential`` of dense layers, activations and batch normalisations."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from hepml.errors import ExportError
from hepml.tmva.networks import Affine, Network, Step
from hepml.tmva.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hepml.tmva.setup import AnalysisType

    Floats = NDArray[np.float64]

__all__ = ["from_torch", "is_torch"]

_ACTIVATIONS = {
    "Tanh": "exact tanh",
    "Sigmoid": "sigmoid",
    "ReLU": "ReLU",
    "Softsign": "softsign",
    "Softmax": "softmax",
}
# these do nothing when events are scored
_IDLE = ("Identity", "Dropout")


def is_torch(model: object) -> bool:
    """Return whether a model is a module of torch, without importing it for others."""
    return any(base.__module__.partition(".")[0] == "torch" for base in type(model).__mro__)


def from_torch(model: Any, analysis: AnalysisType | None = None) -> Source:
    """Return a network of torch as a source.

    Parameters
    ----------
    model : torch.nn.Sequential or torch.nn.Linear
        ``Linear``, ``BatchNorm1d`` (as it scores events), ``Tanh``, ``Sigmoid``, ``ReLU``, ``Softsign``, ``Softmax`` at the
        end, ``Dropout`` and ``Identity``, in any number of ``Sequential``.
    analysis : str, optional
        What the outputs are. Default: several behind ``Softmax`` are classes, else several are targets; one is the response
        of a classification.

    Raises
    ------
    ExportError
        If it holds anything else.
    """
    network = Network.of(list(_steps(model)))
    several: AnalysisType = "Multiclass" if network.output == "softmax" else "Regression"
    chosen: AnalysisType = analysis or ("Classification" if network.n_outputs == 1 else several)
    if network.n_outputs != 1 and chosen == "Classification":
        _refuse(f"it has {network.n_outputs} outputs for a classification")
    possible = {"Classification": ("linear", "sigmoid"), "Multiclass": ("softmax",), "Regression": ("linear",)}[chosen]
    if network.output not in possible:
        _refuse(
            f"its last activation is {network.output}, and for a {chosen.lower()} TMVA has {' and '.join(possible)}"
        )
    return Source(
        network=network, respond=_answer(model), analysis=chosen, library=f"this {type(model).__name__} of torch"
    )


def _steps(model: Any) -> list[Step]:
    name = type(model).__name__
    if not type(model).__module__.startswith("torch.nn."):
        _refuse(f"{name} is a class of its own, whose computation is not known")
    if name == "Sequential":
        return [step for layer in model for step in _steps(layer)]
    if name == "Linear":
        weights = _numbers(model.weight)
        return [Affine(weights, np.zeros(len(weights)) if model.bias is None else _numbers(model.bias))]
    if name == "BatchNorm1d" and model.running_var is not None:
        factor = 1.0 / np.sqrt(_numbers(model.running_var) + model.eps)
        shift = -_numbers(model.running_mean) * factor
        if model.weight is not None:
            factor, shift = factor * _numbers(model.weight), shift * _numbers(model.weight) + _numbers(model.bias)
        return [Affine(np.diag(factor), shift)]
    if name == "Softmax" and model.dim not in {1, -1}:
        _refuse(f"its softmax is over dimension {model.dim}, not over the outputs of an event")
    if name in _ACTIVATIONS:
        return [_ACTIVATIONS[name]]
    if name not in _IDLE:
        known = ("Linear", "BatchNorm1d", *_ACTIVATIONS, *_IDLE, "Sequential")
        _refuse(f"it holds {name} (known: {', '.join(known)})")
    return []


def _numbers(tensor: Any) -> Floats:
    found: Floats = tensor.detach().cpu().numpy().astype(np.float64)
    return found


def _answer(model: Any) -> Callable[[Floats], Floats]:
    import torch

    # a copy, since evaluation in double precision changes a network
    scoring = copy.deepcopy(model).double().cpu().eval()

    def respond(X: Floats) -> Floats:
        with torch.no_grad():
            found: Floats = scoring(torch.from_numpy(X)).numpy()
        return found.reshape(len(X), -1)

    return respond


def _refuse(problem: str) -> NoReturn:
    msg = f"this network of torch cannot be written for TMVA: {problem}"
    raise ExportError(msg)
