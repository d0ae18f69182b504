"""Deep networks, written as MethodDL and MethodDNN write them (there are no golden files), against networks by hand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hepml.errors import ModelFormatError
from hepml.tmva import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

RANDOM = np.random.default_rng(7)
W1, B1 = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(5, 1))
W2, B2 = RANDOM.normal(size=(2, 5)), RANDOM.normal(size=(2, 1))
MEAN, VARIANCE, GAMMA, BETA = (
    RANDOM.normal(size=3),
    RANDOM.uniform(1, 2, 3),
    RANDOM.normal(size=3),
    RANDOM.normal(size=3),
)
X = RANDOM.normal(size=(4001, 3)).astype(np.float32)

ACTIVATIONS: tuple[Callable[[NDArray[np.float64]], NDArray[np.float64]], ...] = (
    lambda x: x,
    lambda x: np.maximum(x, 0),
    lambda x: 1 / (1 + np.exp(-x)),
    np.tanh,
    np.abs,
    lambda x: x / (1 + np.abs(x)),
    lambda x: np.exp(-(x**2)),
    np.tanh,
)


def matrix(name: str, values: NDArray[np.float64]) -> str:
    rows, columns = values.shape
    return f'<{name} Rows="{rows}" Columns="{columns}">{"  ".join(map(repr, values.ravel().tolist()))}  </{name}>'


def dense(weights: NDArray[np.float64], biases: NDArray[np.float64], activation: int, tag: str = "DenseLayer") -> str:
    width = f' Width="{len(weights)}"' if tag == "DenseLayer" else ""
    inside = matrix("Weights", weights) + matrix("Biases", biases)
    return f'<{tag}{width} ActivationFunction="{activation}">{inside}</{tag}>'


NORMALISED = '<BatchNormLayer Momentum="9.9e-01" Epsilon="1.0e-04">' + "".join(
    matrix(name, values[None, :])
    for name, values in (("Training-mu", MEAN), ("Training-variance", VARIANCE), ("Gamma", GAMMA), ("Beta", BETA))
) + "</BatchNormLayer>"  # fmt: skip


def network(layers: list[str], output: str, analysis: str = "Classification", kind: str = "DL") -> str:
    variables = "".join(f'<Variable VarIndex="{k}" Expression="v{k}" Label="v{k}" Type="F"/>' for k in range(3))
    classes = "".join(f'<Class Name="c{k}" Index="{k}"/>' for k in range(2))
    targets = "".join(f'<Target TargetIndex="{k}" Expression="t{k}" Label="t{k}"/>' for k in range(2))
    depth = (
        f'Depth="{len(layers)}" InputWidth="3"'
        if kind == "DNN"
        else f'NetDepth="{len(layers)}" InputDepth="1" InputHeight="1" InputWidth="3" BatchSize="1" BatchDepth="1"'
    )
    return f"""<MethodSetup Method="{kind}::net"><GeneralInfo><Info name="TMVA Release" value="4.2.1 [262657]"/>
<Info name="AnalysisType" value="{analysis}"/></GeneralInfo><Options/><Variables NVar="3">{variables}</Variables>
<Classes NClass="2">{classes}</Classes><Targets NTrgt="2">{targets if analysis == "Regression" else ""}</Targets>
<Transformations NTransformations="0"/><MVAPdfs/>
<Weights {depth} LossFunction="C" OutputFunction="{output}">{"".join(layers)}</Weights></MethodSetup>"""


def by_hand(activation: int) -> NDArray[np.float64]:
    return W2 @ ACTIVATIONS[activation](W1 @ X.T.astype(np.float64) + B1) + B2


@pytest.mark.parametrize("activation", range(8))
@pytest.mark.parametrize("kind", ["DL", "DNN"])
def test_dense_layers(activation: int, kind: str) -> None:
    tag = "Layer" if kind == "DNN" else "DenseLayer"
    layers = [dense(W1, B1, activation, tag), dense(W2[:1], B2[:1], 0, tag)]
    found = Reader(network(layers, "S", kind=kind)).evaluate(X)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-by_hand(activation)[0])), rtol=1e-12)
    linear = Reader(network(layers, "I", kind=kind)).evaluate(X)
    np.testing.assert_allclose(linear, by_hand(activation)[0], rtol=1e-10, atol=1e-12)


def test_several_classes_and_targets() -> None:
    layers = [dense(W1, B1, 3), dense(W2, B2, 0)]
    outputs = by_hand(3)
    classes = Reader(network(layers, "M", "Multiclass")).evaluate(X)
    expected = (np.exp(outputs) / np.exp(outputs).sum(axis=0)).T
    np.testing.assert_array_equal(classes, expected.astype(np.float32))
    targets = Reader(network(layers, "I", "Regression")).evaluate(X)
    np.testing.assert_allclose(targets, outputs.T, rtol=1e-6, atol=1e-7)


def test_softmax_of_large_outputs_is_finite() -> None:
    layers = [dense(1e4 * W1, B1, 0), dense(W2, B2, 0)]
    classes = Reader(network(layers, "M", "Multiclass")).evaluate(X)
    np.testing.assert_allclose(classes.sum(axis=1), 1.0, rtol=1e-6)


def test_batch_normalisation_and_reshaping() -> None:
    flat = '<ReshapeLayer Depth="1" Height="1" Width="3" Flattening="1"/>'
    found = Reader(network([flat, NORMALISED, dense(W1, B1, 1), dense(W2[:1], B2[:1], 0)], "I")).evaluate(X)
    normalised = GAMMA * (X.astype(np.float64) - MEAN) / np.sqrt(VARIANCE + 1e-4) + BETA
    expected = W2[:1] @ np.maximum(W1 @ normalised.T + B1, 0) + B2[:1]
    np.testing.assert_allclose(found, expected[0], rtol=1e-10, atol=1e-12)


HOSTILE = {
    "layers of 10^9": ('NetDepth="3"', 'NetDepth="1000000000"'),
    "no depth": ("NetDepth", "NotDepth"),
    "other input": ('InputHeight="1"', 'InputHeight="3"'),
    "input of 10^9": ('InputWidth="3"', 'InputWidth="1000000000"'),
    "convolution": ("DenseLayer", "ConvLayer"),
    "width": ('Width="5"', 'Width="4"'),
    "rows of 10^9": ('Rows="5"', 'Rows="1000000000"'),
    "negative rows": ('Rows="5" Columns="3"', 'Rows="-5" Columns="-3"'),
    "transposed": ('Rows="5" Columns="3"', 'Rows="3" Columns="5"'),
    "no biases": ("Biases", "Bases"),
    "activation": ('ActivationFunction="1"', 'ActivationFunction="8"'),
    "no activation": ('ActivationFunction="1"', ""),
    "output": ('OutputFunction="S"', 'OutputFunction="X"'),
    "NaN": (repr(W1[0, 0].item()), "nan"),
    "infinite": (repr(W1[0, 0].item()), "1e39"),
    "no number": (repr(W1[0, 0].item()), "x"),
    "variance": (repr(VARIANCE[0].item()), "-1"),
    "epsilon": ('Epsilon="1.0e-04"', 'Epsilon="nan"'),
    "mean": ("Training-mu", "Training-mean"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_refused_within_a_second(kind: str) -> None:
    text = network([NORMALISED, dense(W1, B1, 1), dense(W2[:1], B2[:1], 0)], "S")
    Reader(text)
    damaged = text.replace(*HOSTILE[kind])
    assert damaged != text
    start = time.process_time()
    with pytest.raises(ModelFormatError):
        Reader(damaged)
    assert time.process_time() - start < 1.0


def test_outputs_are_as_many_as_classes_or_targets() -> None:
    layers = [dense(W1, B1, 1), dense(W2[:1], B2[:1], 0)]
    for analysis in ("Multiclass", "Regression"):
        with pytest.raises(ModelFormatError, match="1 outputs, and 2 are needed"):
            Reader(network(layers, "I", analysis))
