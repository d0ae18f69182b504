"""Multilayer perceptrons of TMVA: layers of neurons with one activation, for classification, several classes, targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from hepml.tmva.methods.neurons import ACTIVATIONS, INPUTS, Dense, layered
from hepml.tmva.setup import whole_number
from hepml.transforms.markup import attribute_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hepml.tmva.events import Events
    from hepml.tmva.setup import AnalysisType, MethodSetup

__all__ = ["MLP"]

_MOST_LAYERS = 1_000
# TMVA 4.2.1, the first release whose tanh is a rational function; files of earlier ones are read with the exact one
_FAST_TANH = 262657


@dataclass(frozen=True, slots=True, eq=False)
class MLP:
    """A multilayer perceptron.

    Parameters
    ----------
    layers : tuple of Dense
        All layers but the inputs.
    analysis_type : str
        What the outputs are.
    """

    kind: ClassVar[str] = "MLP"
    layers: tuple[Dense, ...]
    analysis_type: AnalysisType

    @classmethod
    def from_setup(cls, setup: MethodSetup) -> Self:
        """Interpret the weights; see :class:`hepml.tmva.methods.base.Method`."""
        sizes, layers = _layers(setup)
        analysis = setup.analysis_type
        outputs = {"Classification": 1, "Multiclass": len(setup.classes), "Regression": len(setup.targets)}[analysis]
        if sizes[0] != len(setup.variables) or sizes[-1] != outputs:
            setup.fail(
                f"its network leads from {sizes[0]} to {sizes[-1]} neurons, and should lead from {len(setup.variables)} "
                f"variables to {outputs} outputs"
            )
        neuron_input = _choice(setup, "NeuronInputType", "sum", INPUTS)
        activation = _choice(setup, "NeuronType", "sigmoid", ACTIVATIONS[:5])
        if activation == "tanh" and setup.release < _FAST_TANH:
            activation = "exact tanh"
        # MethodANNBase::BuildNetwork goes by the option alone, which files of before 4.1 do not have
        estimator = _choice(setup, "EstimatorType", "MSE", ("MSE", "CE"))
        output_activation = "sigmoid" if estimator == "CE" else "linear"
        last = len(layers) - 2
        return cls(
            tuple(
                Dense(
                    _weights(setup, sizes, place, layer),
                    output_activation if place == last else activation,
                    neuron_input,
                )
                for place, layer in enumerate(layers[:-1])
            ),
            analysis,
        )

    def respond(self, events: Events) -> NDArray[np.float64]:
        """Return what the output neurons say, float64 of shape (n_events,) or (n_events, n_outputs).

        Several classes are probabilities, the softmax of the outputs (``MethodANNBase::GetMulticlassValues``), rounded to
        single precision before and after; targets are transformed back.
        """
        outputs = layered(events.transformed(), self.layers, len(self.layers[-1].weights))
        if self.analysis_type == "Classification":
            response: NDArray[np.float64] = outputs[0]
            return response
        if self.analysis_type == "Multiclass":
            return _softmax(outputs)
        targets = events.targets(outputs.T)
        return targets[:, 0] if targets.shape[1] == 1 else targets

    def to_xml(self) -> Element:
        """Return ``Weights`` as ``MethodANNBase::AddWeightsXMLTo`` writes them; see :meth:`options` for the rest."""
        weights = Element("Weights")
        layout = SubElement(weights, "Layout", NLayers=str(len(self.layers) + 1))
        for place, layer in enumerate(self.layers):
            n_synapses, n_neurons = layer.weights.shape
            element = SubElement(layout, "Layer", Index=str(place), NNeurons=str(n_neurons))
            for synapses in layer.weights.T:
                neuron = SubElement(element, "Neuron", NSynapses=str(n_synapses))
                neuron.text = "".join(f"{attribute_number(value)} " for value in synapses)
        last = SubElement(layout, "Layer", Index=str(len(self.layers)), NNeurons=str(len(self.layers[-1].weights)))
        for _ in self.layers[-1].weights:
            SubElement(last, "Neuron", NSynapses="0")
        return weights

    def options(self) -> dict[str, str]:
        """Return the options by which TMVA knows what the neurons do, and how many there are."""
        hidden = [layer.activation for layer in self.layers[:-1]]
        return {
            "HiddenLayers": ",".join(str(len(layer.weights)) for layer in self.layers[:-1]) or "0",
            "NeuronType": {"exact tanh": "tanh"}.get(hidden[0], hidden[0]) if hidden else "linear",
            "EstimatorType": "CE" if self.layers[-1].activation == "sigmoid" else "MSE",
            "NeuronInputType": self.layers[0].neuron_input,
        }

    @property
    def has_exact_tanh(self) -> bool:
        """Whether it is of a release before the rational function, which alone TMVA reads with the exact tanh."""
        return any(layer.activation == "exact tanh" for layer in self.layers)


def _softmax(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities of shape (n_events, n_classes) from outputs of shape (n_classes, n_events)."""
    with np.errstate(over="ignore", invalid="ignore"):
        single = outputs.astype(np.float32)
        found = np.empty(outputs.shape[::-1])
        for k, own in enumerate(single):
            others = np.zeros(len(own))
            for j, other in enumerate(single):
                if j != k:
                    others += np.exp((other - own).astype(np.float64))
            found[:, k] = (1.0 / (1.0 + others)).astype(np.float32)
    return found


def _layers(setup: MethodSetup) -> tuple[tuple[int, ...], Sequence[Element]]:
    """Return the neurons of each layer without the bias, and the layers."""
    layout = setup.weights.find("Layout")
    # files of before 4.1 have the layers in Weights itself
    layout = setup.weights if layout is None else layout
    layers = layout.findall("Layer")
    if whole_number(layout, "NLayers", setup.source) != len(layers) or not 2 <= len(layers) <= _MOST_LAYERS:
        setup.fail(
            f"it says {layout.get('NLayers')!r} layers and has {len(layers)} (allowed: 2 to {_MOST_LAYERS}, as it says)"
        )
    sizes = []
    for place, layer in enumerate(layers):
        neurons = whole_number(layer, "NNeurons", setup.source)
        if whole_number(layer, "Index", setup.source) != place or len(layer.findall("Neuron")) != neurons:
            setup.fail(
                f"its layer {place} has the index {layer.get('Index')!r}, or not the {neurons} neurons that it says"
            )
        sizes.append(neurons if place == len(layers) - 1 else neurons - 1)
    if min(sizes) < 1:
        setup.fail(f"a layer has no neuron beside the bias: {sizes[:10]}")
    return tuple(sizes), layers


def _weights(setup: MethodSetup, sizes: tuple[int, ...], place: int, layer: Element) -> NDArray[np.float64]:
    """Return the weights behind a layer, shape (n_neurons_of_the_next, n_neurons + 1): TMVA reads them as Float_t."""
    columns = []
    for neuron in layer.findall("Neuron"):
        words = (neuron.text or "").split()
        if whole_number(neuron, "NSynapses", setup.source) != sizes[place + 1] or len(words) != sizes[place + 1]:
            setup.fail(f"a neuron of layer {place} has {len(words)} synapses, and needs {sizes[place + 1]}")
        columns.append(words)
    try:
        with np.errstate(over="ignore"):
            weights = np.array(columns, dtype=np.float64).T.astype(np.float32).astype(np.float64)
    except ValueError:
        setup.fail(f"a synapse of layer {place} is no number")
    if not np.isfinite(weights).all():
        setup.fail(f"a synapse of layer {place} is not finite in single precision")
    return np.ascontiguousarray(weights)


def _choice(setup: MethodSetup, name: str, default: str, allowed: tuple[str, ...]) -> str:
    found = setup.option(name, default)
    if found not in allowed:
        setup.fail(f"its {name} is {found[:40]!r} (allowed: {', '.join(allowed)})")
    return found
