"""Deep networks of newer ROOT, MethodDL and MethodDNN: dense layers and batch normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from hepml.tmva.methods.neurons import Dense, Rescaled, activate, layered
from hepml.tmva.setup import number, whole_number
from hepml.transforms.markup import attribute_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.events import Events
    from hepml.tmva.setup import AnalysisType, MethodSetup

__all__ = ["DL"]

# TMVA::DNN::EActivationFunction by number; 7, tanh of the VDT library, is tanh to single precision
_ACTIVATIONS = ("linear", "ReLU", "sigmoid", "exact tanh", "absolute", "softsign", "Gauss", "exact tanh")
# TMVA::DNN::EOutputFunction
_OUTPUTS = {"I": "linear", "S": "sigmoid", "M": "softmax"}
# TMVA::DNN::ELossFunction that belongs to each: cross entropy, mean square, softmax; nothing is evaluated by it
_LOSSES = {"I": "R", "S": "C", "M": "S"}
_NORMALISATION = ("Training-mu", "Training-variance", "Gamma", "Beta")
_LAYERS = ("DenseLayer", "Layer", "BatchNormLayer", "ReshapeLayer")
_MOST_LAYERS = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class DL:
    """A network of dense layers and batch normalisation.

    Parameters
    ----------
    layers : tuple of Dense or Rescaled
        From the inputs to the outputs.
    n_outputs : int
        Neurons of the last.
    output : str
        What becomes of them: ``linear``, ``sigmoid`` or ``softmax``.
    analysis_type : str
        What they are.
    """

    kind: ClassVar[str] = "DL"
    layers: tuple[Dense | Rescaled, ...]
    n_outputs: int
    output: str
    analysis_type: AnalysisType

    @classmethod
    def from_setup(cls, setup: MethodSetup) -> Self:
        """Interpret the weights; see :class:`hepml.tmva.methods.base.Method`."""
        found = list(setup.weights)
        stated = "NetDepth" if setup.weights.get("NetDepth") is not None else "Depth"
        if whole_number(setup.weights, stated, setup.source) != len(found) or not 1 <= len(found) <= _MOST_LAYERS:
            setup.fail(
                f"it says {setup.weights.get(stated)!r} layers and has {len(found)} (allowed: 1 to {_MOST_LAYERS})"
            )
        shape = [whole_number(setup.weights, f"Input{side}", setup.source, 1) for side in ("Depth", "Height", "Width")]
        if shape != [1, 1, len(setup.variables)]:
            setup.fail(f"its input is {shape[0]} x {shape[1]} x {shape[2]}, and only 1 x 1 x variables is read")
        width = shape[2]
        layers: list[Dense | Rescaled] = []
        for place, element in enumerate(found):
            if element.tag not in _LAYERS:
                setup.fail(f"its layer {place} is a {element.tag[:40]!r} (read: {', '.join(_LAYERS)})")
            if element.tag == "BatchNormLayer":
                layers.append(_rescaled(setup, element, width))
            elif element.tag == "ReshapeLayer":
                # of one row, whatever is made flat stays what it is
                sides = [whole_number(element, side, setup.source, 1) for side in ("Depth", "Height", "Width")]
                if sides != [1, 1, width]:
                    setup.fail(f"its layer {place} reshapes {width} numbers to {sides}, which is not read")
            else:
                layer = _dense(setup, element, width)
                layers.append(layer)
                width = len(layer.weights)
        output = _OUTPUTS.get(setup.weights.get("OutputFunction", ""))
        if output is None:
            setup.fail(
                f"its output function is {setup.weights.get('OutputFunction')!r} (allowed: {', '.join(_OUTPUTS)})"
            )
        needed = {"Multiclass": len(setup.classes), "Regression": len(setup.targets)}.get(setup.analysis_type, width)
        if width != needed:
            setup.fail(f"its network has {width} outputs, and {needed} are needed")
        return cls(tuple(layers), width, output, setup.analysis_type)

    def respond(self, events: Events) -> NDArray[np.float64]:
        """Return the outputs, float64 of shape (n_events,) or (n_events, n_outputs).

        TMVA computes in single precision, in an order that its library of linear algebra chooses; here in double precision.
        """
        outputs = layered(events.transformed(), self.layers, self.n_outputs)
        if self.output == "softmax":
            # TMVA does not subtract the largest, and overflows from 89 on
            np.exp(outputs - outputs.max(axis=0), out=outputs)
            outputs /= sum(outputs[1:], start=outputs[0])
        else:
            activate(self.output, outputs)
        if self.analysis_type == "Classification":
            response: NDArray[np.float64] = outputs[0]
            return response
        if self.analysis_type == "Multiclass":
            return np.ascontiguousarray(outputs.T.astype(np.float32).astype(np.float64))
        targets = events.targets(outputs.T)
        return targets[:, 0] if targets.shape[1] == 1 else targets

    def to_xml(self) -> Element:
        """Return ``Weights`` as ``MethodDL::AddWeightsXMLTo`` writes them, for one event at a time."""
        layers = self.layers
        width = str(layers[0].weights.shape[1] - 1 if isinstance(layers[0], Dense) else len(layers[0].mean))
        shape = {"InputDepth": "1", "InputHeight": "1", "InputWidth": width}
        batch = {"BatchSize": "1", "BatchDepth": "1", "BatchHeight": "1", "BatchWidth": width}
        code = next(key for key, name in _OUTPUTS.items() if name == self.output)
        trained = {"LossFunction": _LOSSES[code], "Initialization": "X", "Regularization": "0", "OutputFunction": code}
        weights = Element("Weights", {"NetDepth": str(len(layers)), **shape, **batch, **trained})
        weights.set("WeightDecay", attribute_number(0.0))
        for layer in layers:
            if isinstance(layer, Dense):
                sizes = {"Width": str(len(layer.weights)), "ActivationFunction": str(_number_of(layer.activation))}
                element = SubElement(weights, "DenseLayer", sizes)
                _add_matrix(element, "Weights", layer.weights[:, :-1])
                _add_matrix(element, "Biases", layer.weights[:, -1:])
                continue
            # variance 1 and epsilon 0 leave the factor as it is
            element = SubElement(weights, "BatchNormLayer", Momentum=attribute_number(0.99))
            element.set("Epsilon", attribute_number(0.0))
            columns = (layer.mean, np.ones_like(layer.mean), layer.factor, layer.shift)
            for name, column in zip(_NORMALISATION, columns, strict=True):
                _add_matrix(element, name, column.T)
        return weights


def _number_of(activation: str) -> int:
    return _ACTIVATIONS.index("exact tanh" if activation == "tanh" else activation)


def _add_matrix(parent: Element, name: str, values: NDArray[np.float64]) -> None:
    # newer ROOT writes as many digits as its scalar surely has, which loses the last bits
    element = SubElement(parent, name, Rows=str(len(values)), Columns=str(values.shape[1]))
    element.text = "".join(f"{attribute_number(value)}  " for value in values.ravel())


def _dense(setup: MethodSetup, element: Element, n_before: int) -> Dense:
    kind = whole_number(element, "ActivationFunction", setup.source)
    if not 0 <= kind < len(_ACTIVATIONS):
        setup.fail(f"the activation function {kind} is not known (known: 0 to {len(_ACTIVATIONS) - 1})")
    weights = _matrix(setup, element, "Weights")
    biases = _matrix(setup, element, "Biases")
    if weights.shape[1] != n_before or biases.shape != (len(weights), 1):
        setup.fail(f"a layer behind {n_before} numbers has weights {weights.shape} and biases {biases.shape}")
    if whole_number(element, "Width", setup.source, len(weights)) != len(weights):
        setup.fail(f"a layer says the width {element.get('Width')!r} and has weights {weights.shape}")
    return Dense(np.concatenate([weights, biases], axis=1), _ACTIVATIONS[kind])


def _rescaled(setup: MethodSetup, element: Element, n_before: int) -> Rescaled:
    columns = []
    for name in _NORMALISATION:
        matrix = _matrix(setup, element, name)
        if matrix.shape != (1, n_before):
            setup.fail(f"a batch normalisation of {n_before} numbers has {name} {matrix.shape}")
        columns.append(matrix.T)
    mean, variance, gamma, beta = columns
    variance = variance + number(element, "Epsilon", setup.source)
    if not (np.isfinite(variance).all() and (variance > 0.0).all()):
        setup.fail("a batch normalisation has a variance that is not positive")
    return Rescaled(mean, gamma / np.sqrt(variance), beta)


def _matrix(setup: MethodSetup, element: Element, name: str) -> NDArray[np.float64]:
    found = element.find(name)
    if found is None:
        setup.fail(f"a {element.tag} has no {name}")
    shape = whole_number(found, "Rows", setup.source), whole_number(found, "Columns", setup.source)
    words = (found.text or "").split()
    if min(shape) < 1 or shape[0] * shape[1] != len(words):
        setup.fail(f"a {name} says {shape[0]} x {shape[1]} and has {len(words)} numbers")
    try:
        matrix = np.array(words, dtype=np.float64).reshape(shape)
    except ValueError:
        setup.fail(f"an element of a {name} is no number")
    if not (np.abs(matrix) <= np.finfo(np.float32).max).all():
        setup.fail(f"an element of a {name} is not finite in single precision")
    return matrix
