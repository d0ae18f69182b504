"""A network as an ONNX model: preprocessing and layers as nodes of standard operators, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.classifiers.networks.program import LEAK, Affine, Residual
from hepml.errors import missing_dependency
from hepml.forest.described import to_text
from hepml.forest.to_onnx import OPSET, OnnxForm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hepml.classifiers.networks.program import Column, Program, Step

__all__ = ["onnx_form"]

_IR_VERSION = 8
_FEATURES = "features"


def onnx_form(program: Program, metadata: Mapping[str, Any]) -> OnnxForm:
    """Convert a network.

    Parameters
    ----------
    program : Program
        The network. Preprocessing is computed in double precision, layers in single precision.
    metadata : mapping
        ``features`` describes the features, as for a forest.

    Returns
    -------
    OnnxForm
        Not yet checked. One input ``features``, float32 of shape (n_events, n_features), whose names stand in the metadata;
        outputs ``score`` and ``margin``, float32 of shape (n_events, n_outputs).

    Raises
    ------
    MissingDependencyError
        If onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        library = "onnx"
        raise missing_dependency(library, "writing ONNX models", library) from error
    graph = _Graph(onnx)
    raw = graph.preprocessed(program.columns)
    sums = graph.layers(program.steps, raw)
    if program.target_scale is not None and program.target_shift is not None:
        scaled = graph.node("Mul", [graph.node("Cast", [sums], to=graph.double), graph.constant(program.target_scale)])
        shifted = graph.node("Add", [scaled, graph.constant(program.target_shift)])
        sums = graph.node("Cast", [shifted], to=graph.single)
    graph.results(program, sums)
    helper = onnx.helper
    made = helper.make_graph(
        graph.nodes,
        "network",
        [helper.make_tensor_value_info(_FEATURES, graph.single, [None, len(program.features)])],
        [helper.make_tensor_value_info(name, graph.single, [None, program.n_outputs]) for name in ("score", "margin")],
        initializer=graph.initializers,
    )
    model = helper.make_model(
        made, producer_name="hepml", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION
    )
    described = {"feature_names": json.dumps(program.features), "link": program.link, **to_text(metadata)}
    # a feature whose missing values are filled may be missing; of others the score is then missing
    helper.set_model_props(model, described | {"takes_missing": json.dumps(not program.without_fill)})
    onnx.checker.check_model(model, full_check=True)
    return OnnxForm(model.SerializeToString(deterministic=True), np.dtype(np.float32))


class _Graph:
    """Nodes and constants, each of a name of its own."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self.single, self.double = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def node(self, operator: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        name = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def constant(self, values: Any) -> str:
        """Add a constant and return its name."""
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(self._onnx.numpy_helper.from_array(np.asarray(values), name))
        return name

    def preprocessed(self, columns: Sequence[Column]) -> str:
        """Turn features into columns, all plain ones at once and those with knots one by one."""
        plain = [n for n, column in enumerate(columns) if column.knots is None and not column.is_indicator]
        curved = [n for n, column in enumerate(columns) if column.knots is not None and not column.is_indicator]
        indicators = [n for n, column in enumerate(columns) if column.is_indicator]
        parts = []
        if plain:
            parts.append(self._finished([columns[n] for n in plain], self._filled([columns[n] for n in plain])))
        parts += [self._finished([columns[n]], self._curve(columns[n])) for n in curved]
        if indicators:
            gone = self.node("IsNaN", [self._taken([columns[n].feature for n in indicators])])
            parts.append(self.node("Cast", [gone], to=self.single))
        joined = self.node("Concat", parts, axis=1) if len(parts) > 1 else parts[0]
        order = np.argsort(np.array([*plain, *curved, *indicators]), kind="stable")
        if (order == np.arange(len(order))).all():
            return joined
        return self.node("Gather", [joined, self.constant(order)], axis=1)

    def _taken(self, features: Sequence[int]) -> str:
        return self.node("Gather", [_FEATURES, self.constant(np.array(features, dtype=np.int64))], axis=1)

    def _filled(self, columns: Sequence[Column]) -> str:
        """Take the features of columns in double precision; what is missing and has no value to stand for it becomes 0."""
        values = self.node("Cast", [self._taken([column.feature for column in columns])], to=self.double)
        fill = self.constant(np.array([0.0 if column.fill is None else column.fill for column in columns]))
        return self.node("Where", [self.node("IsNaN", [values]), fill, values])

    def _curve(self, column: Column) -> str:
        """Add up what each straight piece rises by, as far as it is passed: no piece is cancelled by another."""
        x, y = column.knots or (np.zeros(2), np.zeros(2))
        behind = self.node("Sub", [self._filled([column]), self.constant(x[:-1])])
        passed = self.node("Div", [behind, self.constant(np.diff(x))])
        share = self.node("Clip", [passed, self.constant(np.float64(0.0)), self.constant(np.float64(1.0))])
        risen = self.node("MatMul", [share, self.constant(np.diff(y)[:, None])])
        return self.node("Add", [risen, self.constant(y[:1])])

    def _finished(self, columns: Sequence[Column], values: str) -> str:
        shift, scale, low, high = (
            np.array([getattr(column, name) for column in columns]) for name in ("shift", "scale", "low", "high")
        )
        values = self.node("Mul", [self.node("Sub", [values, self.constant(shift)]), self.constant(scale)])
        # Clip takes one number for all columns
        if np.isfinite(low).any():
            values = self.node("Max", [values, self.constant(low)])
        if np.isfinite(high).any():
            values = self.node("Min", [values, self.constant(high)])
        return self.node("Cast", [values], to=self.single)

    def layers(self, steps: Sequence[Step], values: str) -> str:
        """Add layers and return the name of what the last one gives."""
        for step in steps:
            if isinstance(step, Affine):
                weight = self.constant(np.ascontiguousarray(step.weight, dtype=np.float32))
                bias = self.constant(np.asarray(step.bias, dtype=np.float32))
                values = self.node("Gemm", [values, weight, bias], transB=1)
            elif isinstance(step, Residual):
                values = self.node("Add", [values, self.layers(step.steps, values)])
            else:
                values = self._activated(step.name, values)
        return values

    def _activated(self, name: str, values: str) -> str:
        operator = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "elu": "Elu"}.get(name)
        if operator is not None:
            return self.node(operator, [values])
        if name == "leaky_relu":
            return self.node("LeakyRelu", [values], alpha=LEAK)
        if name == "silu":
            return self.node("Mul", [values, self.node("Sigmoid", [values])])
        inner = self.node("Erf", [self.node("Mul", [values, self.constant(np.float32(np.sqrt(0.5)))])])
        half = self.node("Mul", [values, self.constant(np.float32(0.5))])
        return self.node("Mul", [half, self.node("Add", [inner, self.constant(np.float32(1.0))])])

    def results(self, program: Program, sums: str) -> None:
        """Add the link, and NaN for events that lack what they must have."""
        if program.link == "softmax":
            score = self.node("Softmax", [sums], axis=1)
        else:
            score = self.node("Sigmoid" if program.link == "logistic" else "Identity", [sums])
        if not program.without_fill:
            self.node("Identity", [sums], "margin")
            self.node("Identity", [score], "score")
            return
        gone = self.node("Cast", [self.node("IsNaN", [self._taken(program.without_fill)])], to=self.single)
        any_gone = self.node(
            "Cast", [self.node("ReduceMax", [gone], axes=[1], keepdims=1)], to=self._onnx.TensorProto.BOOL
        )
        nan = self.constant(np.float32(np.nan))
        self.node("Where", [any_gone, nan, sums], "margin")
        self.node("Where", [any_gone, nan, score], "score")
