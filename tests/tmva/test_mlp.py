"""Multilayer perceptrons: TMVA's responses, networks computed by hand, and files that claim what is not there."""

from __future__ import annotations

import itertools
import re
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml.errors import ModelFormatError
from hepml.tmva import Reader
from hepml.tmva.methods.neurons import ACTIVATIONS, INPUTS, Dense, layered
from tests.tmva.golden import SMALL, differences
from tests.tmva.test_golden import columns
from tests.tmva.test_reader import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

NETWORKS = ("random_MLP", "random_MLPBNN", "expr_MLP_GD", "multi_MLP", "reg_MLP")


def stored() -> dict[str, NDArray[Any]]:
    with np.load(SMALL / "mlp.npz") as arrays:
        return dict(arrays)


def events_of(name: str) -> dict[str, NDArray[Any]]:
    if name.startswith("multi"):
        return {f"var{number}": stored()[f"apply_multi.var{number}"] for number in (1, 2, 3, 4)}
    return columns("reg" if name.startswith("reg") else "")


@pytest.mark.parametrize("name", NETWORKS)
def test_committed(name: str) -> None:
    found = Reader(SMALL / f"{name}.weights.xml.gz").evaluate(events_of(name))
    assert differences(found, stored()[name]).max() <= 1e-12


def network(**changes: str) -> str:
    """Return a network of one input, two hidden neurons and one output; x is the variable."""
    given = {
        "release": "4.2.1 [262657]",
        "neuron": "linear",
        "input": "sum",
        "estimator": "MSE",
        "analysis": "Classification",
        "outputs": "1",
        "last": "<Neuron NSynapses='1'>2</Neuron><Neuron NSynapses='1'>-1</Neuron><Neuron NSynapses='1'>0.5</Neuron>",
        "targets": "",
        "classes": "<Class Name='Signal' Index='0'/><Class Name='Background' Index='1'/>",
    } | changes
    outputs = "<Neuron NSynapses='0'/>" * int(given["outputs"])
    return f"""<MethodSetup Method="MLP::M"><GeneralInfo><Info name="TMVA Release" value="{given["release"]}"/>
<Info name="AnalysisType" value="{given["analysis"]}"/></GeneralInfo><Options>
<Option name="NeuronType" modified="Yes">{given["neuron"]}</Option>
<Option name="NeuronInputType" modified="No">{given["input"]}</Option>
<Option name="EstimatorType" modified="No">{given["estimator"]}</Option></Options>
<Variables NVar="1"><Variable VarIndex="0" Expression="x" Label="x" Type="F" Min="-1" Max="1"/></Variables>
<Classes NClass="2">{given["classes"]}</Classes><Targets>{given["targets"]}</Targets>
<Transformations NTransformations="0"/><MVAPdfs/><Weights><Layout NLayers="3">
<Layer Index="0" NNeurons="2"><Neuron NSynapses="2">1.5 -3</Neuron><Neuron NSynapses="2">0.25 1</Neuron></Layer>
<Layer Index="1" NNeurons="3">{given["last"]}</Layer>
<Layer Index="2" NNeurons="{given["outputs"]}">{outputs}</Layer></Layout></Weights></MethodSetup>"""


X = np.linspace(-4.0, 4.0, 33)[:, None]
BY_HAND: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "linear": lambda x: x,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "ReLU": lambda x: np.maximum(x, 0),
    "radial": lambda x: np.exp(-x * x / 2),
    "absolute": np.abs,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "Gauss": lambda x: np.exp(-x * x),
}


@pytest.mark.parametrize("neuron", ["linear", "sigmoid", "tanh", "ReLU", "radial"])
@pytest.mark.parametrize("estimator", ["MSE", "CE"])
def test_neurons_and_estimators(neuron: str, estimator: str) -> None:
    x = X[:, 0]
    hidden = BY_HAND[neuron]
    expected = 2 * hidden(1.5 * x + 0.25) - hidden(-3 * x + 1) + 0.5
    if estimator == "CE":
        expected = BY_HAND["sigmoid"](expected)
    found = Reader(network(neuron=neuron, estimator=estimator)).evaluate(X)
    # the rational function that TMVA takes for tanh is good to 1e-4 up to where it is cut off
    np.testing.assert_allclose(found, expected, rtol=0, atol=4e-4 if neuron == "tanh" else 1e-14)


def test_inputs_put_together() -> None:
    x = X[:, 0]
    squares = (2 * ((1.5 * x) ** 2 + 0.25**2)) ** 2 + (9 * x * x + 1) ** 2 + 0.25
    np.testing.assert_allclose(Reader(network(input="sqsum")).evaluate(X), squares, rtol=1e-14)
    sizes = 2 * (np.abs(1.5 * x) + 0.25) + np.abs(3 * x) + 1 + 0.5
    np.testing.assert_allclose(Reader(network(input="abs")).evaluate(X), sizes, rtol=1e-14)


def test_files_of_before_the_fast_tanh_have_the_exact_one() -> None:
    x = X[:, 0]
    expected = 2 * np.tanh(1.5 * x + 0.25) - np.tanh(-3 * x + 1) + 0.5
    for release in ("4.1.4 [262404]", "4.2.0 [262656]", ""):
        found = Reader(network(neuron="tanh", release=release)).evaluate(X)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


def test_fast_tanh_is_the_fraction_in_single_precision() -> None:
    x = np.array([-6.0, -4.98, -4.9, -1.0, 0.0, 1e-5, 2.5, 4.96, 4.98, 700.0])
    found = layered(x[:, None].astype(np.float32), [Dense(np.array([[1.0, 0.0]]), "tanh")], 1)[0]
    inside = x.astype(np.float32).astype(np.float64)
    square = inside**2
    above = inside * (135135 + square * (17325 + square * (378 + square)))
    fraction = above / (135135 + square * (62370 + square * (3150 + square * 28)))
    np.testing.assert_allclose(found, np.where(np.abs(inside) > 4.97, np.sign(inside), fraction), rtol=3e-7)
    assert (found == found.astype(np.float32)).all()


def test_several_targets_and_classes() -> None:
    last = "".join(f"<Neuron NSynapses='2'>{pair}</Neuron>" for pair in ("2 1", "-1 0", "0.5 0.25"))
    targets = "".join(f"<Target TargetIndex='{k}' Expression='t{k}' Label='t{k}' Type='F'/>" for k in (0, 1))
    x = X[:, 0]
    first, second = 2 * (1.5 * x + 0.25) - (-3 * x + 1) + 0.5, 1.5 * x + 0.25 + 0.25
    found = Reader(
        network(analysis="Regression", last=last, outputs="2", targets=targets, classes="<Class Name='R' Index='0'/>")
    ).evaluate(X)
    np.testing.assert_allclose(found, np.column_stack([first, second]), rtol=2e-7)
    assert (found == found.astype(np.float32)).all()
    classes = Reader(network(analysis="Multiclass", last=last, outputs="2")).evaluate(X)
    np.testing.assert_allclose(classes[:, 0], 1 / (1 + np.exp(second - first)), rtol=1e-5)
    np.testing.assert_allclose(classes.sum(axis=1), 1.0, rtol=0, atol=1e-6)


def test_layers_of_before_the_layout() -> None:
    text = re.sub(r"<Weights><Layout(.*?)>", r"<Weights\1>", network(), flags=re.DOTALL).replace("</Layout>", "")
    assert "Layout" not in text
    np.testing.assert_array_equal(Reader(text).evaluate(X), Reader(network()).evaluate(X))


@given(
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    neuron_input=st.sampled_from(INPUTS),
    activation=st.sampled_from([name for name in ACTIVATIONS if name != "tanh"]),
    n_events=st.integers(0, 700),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60)
def test_layers_are_matrix_products_and_events_do_not_know_each_other(
    sizes: list[int], neuron_input: str, activation: str, n_events: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    events = random.normal(size=(n_events, sizes[0])).astype(np.float32)
    weights = [random.normal(size=(after, before + 1)) for before, after in itertools.pairwise(sizes)]
    layers = [Dense(layer, activation, neuron_input) for layer in weights[:-1]]
    layers.append(Dense(weights[-1], "sigmoid", neuron_input))
    found = layered(events, layers, sizes[-1])
    values = events.astype(np.float64)
    for place, layer in enumerate(weights):
        terms = np.concatenate([values, np.ones((n_events, 1))], axis=1)[:, None, :] * layer
        values = {"sum": terms, "sqsum": terms**2, "abs": np.abs(terms)}[neuron_input].sum(axis=2)
        last = place == len(weights) - 1
        with np.errstate(over="ignore"):
            values = BY_HAND["sigmoid" if last else activation.removeprefix("exact ")](values)
    np.testing.assert_allclose(found.T, values, rtol=1e-9, atol=1e-9)
    some = random.permutation(n_events)[: n_events // 2]
    np.testing.assert_array_equal(layered(events[some], layers, sizes[-1]), found[:, some])


def test_blocks_of_events_do_not_change_a_digit() -> None:
    events = np.random.default_rng(3).normal(size=(6001, 4)).astype(np.float32)
    reader = Reader(SMALL / "random_MLP.weights.xml.gz")
    whole = reader.evaluate(events)
    parts = [reader.evaluate(events[start : start + 977]) for start in range(0, len(events), 977)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


HOSTILE = {
    "layers of 10^9": ('NLayers="3"', 'NLayers="1000000000"'),
    "layers of none": ("Layer", "Lair"),
    "neurons of 10^9": ('NNeurons="10"', 'NNeurons="1000000000"'),
    "negative neurons": ('NNeurons="10"', 'NNeurons="-10"'),
    "index of another layer": ('Layer Index="1"', 'Layer Index="2"'),
    "neuron is missing": ('<Neuron NSynapses="0"/>', ""),
    "synapses of 10^9": ('NSynapses="9"', 'NSynapses="1000000000"'),
    "synapse is missing": ('NSynapses="9">', 'NSynapses="9"><!-- -->'),
    "synapse is NaN": ('NSynapses="1">', 'NSynapses="1">nan </Neuron><Neuron NSynapses="1">'),
    "more inputs than variables": ('<Variable VarIndex="3"', '<Other VarIndex="3"'),
    "unknown neuron": (">tanh<", ">tanhh<"),
    "unknown input": (">sum<", ">product<"),
    "unknown estimator": (">CE<", ">tanh<"),
    "several outputs of two classes": (
        '<Layer Index="2" NNeurons="1">',
        '<Layer Index="2" NNeurons="2"><Neuron NSynapses="0"/>',
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_refused_within_a_second(kind: str) -> None:
    text = text_of("random_MLP").replace('VarTransform" modified="Yes">N<', 'VarTransform" modified="No">None<')
    text = re.sub(
        r"<Transformations.*</Transformations>", '<Transformations NTransformations="0"/>', text, flags=re.DOTALL
    )
    Reader(text)
    old, new = HOSTILE[kind]
    damaged = text.replace(old, new)
    if kind == "synapse is missing":
        damaged = re.sub(r'(NSynapses="9">)\s*\S+', r"\1", text, count=1)
    assert damaged != text
    start = time.process_time()
    with pytest.raises(ModelFormatError, match=r"MLP|Layout|Layer|Neuron"):
        Reader(damaged)
    assert time.process_time() - start < 1.0


@pytest.mark.parametrize("value", ["nan", "inf", "1e39", "x", "--1"])
def test_synapses_are_finite_numbers(value: str) -> None:
    with pytest.raises(ModelFormatError, match="a synapse of layer 0"):
        Reader(network().replace("1.5 -3", f"1.5 {value}"))


@settings(max_examples=80)
@given(data=st.data())
def test_mutated_files_are_refused_or_answer(data: st.DataObject) -> None:
    content = bytearray(text_of(data.draw(st.sampled_from(["random_MLP", "multi_MLP", "reg_MLP"]))).encode())
    # behind the options, where the network is
    first = content.index(b"</Options>")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(first, len(content) - 1))
        content[at : at + data.draw(st.sampled_from([1, 1, 2, 200]))] = data.draw(
            st.sampled_from([b"", b"<", b"-", b"9", b"/", b'"', b"e9", b" "])
        )
    try:
        reader = Reader(bytes(content))
    except ModelFormatError:
        return
    assert len(reader.evaluate(np.zeros((3, len(reader.features))))) == 3


@pytest.mark.parametrize("neuron_input", INPUTS)
def test_neurons_do_not_know_each_other(neuron_input: str) -> None:
    random = np.random.default_rng(5)
    events, weights = random.normal(size=(2100, 6)).astype(np.float32), random.normal(size=(5, 7))
    together = layered(events, [Dense(weights, "tanh", neuron_input)], 5)
    for k in range(5):
        alone = layered(events, [Dense(weights[k : k + 1], "tanh", neuron_input)], 1)
        np.testing.assert_array_equal(alone[0], together[k])


def test_wide_layers_take_little_memory() -> None:
    wide = [Dense(np.ones((20_000, 2)), "linear"), Dense(np.ones((1, 20_001)), "linear")]
    tracemalloc.start()
    found = layered(np.zeros((3000, 1), dtype=np.float32), wide, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found == 20_001.0).all()
    assert peak < 50e6
