"""A forest as an ONNX model: one TreeEnsembleRegressor, and the link as nodes behind it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import ExportError, missing_dependency
from hepml.forest.described import to_text
from hepml.forest.medians import MEDIANS
from hepml.forest.onnx_nodes import onnx_nodes
from hepml.forest.verification import FLOAT32_TOLERANCE, Evaluation, export

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from hepml.forest.forest import Forest
    from hepml.forest.verification import Verification

__all__ = ["ML_OPSET", "OPSET", "OnnxForm", "make_form", "to_onnx"]

# the operators' versions: the first with trees in double precision, and what ONNX Runtime read when that appeared
ML_OPSET, OPSET, _IR_VERSION = 3, 15, 8


@dataclass(frozen=True, slots=True)
class OnnxForm:
    """An ONNX model; see :class:`~hepml.forest.verification.Form`.

    Parameters
    ----------
    content : bytes
        The file.
    dtype : numpy.dtype
        Type of its input.
    """

    content: bytes
    dtype: np.dtype[Any]
    name: str = "the ONNX model"
    margin_tolerance: float = FLOAT32_TOLERANCE
    score_tolerance: float = 1e-6

    def evaluate(self, X: NDArray[Any]) -> Evaluation:
        """Evaluate events by ONNX Runtime."""
        runtime = _library("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        # errors only: what it has to say about its optimisations concerns nobody
        options.log_severity_level = 3
        session = runtime.InferenceSession(self.content, options, providers=["CPUExecutionProvider"])
        margin, score = session.run(["margin", "score"], {"features": X})
        return Evaluation(by=f"onnxruntime {runtime.__version__}", margin=margin, score=score)


def to_onnx(
    forest: Forest, path: str | os.PathLike[str], *, float32_features: bool = False, overwrite: bool = False
) -> Verification:
    """Write a forest as an ONNX model; see :meth:`hepml.forest.Forest.to_onnx`."""
    return export(make_form(forest, float32_features=float32_features), forest, path, overwrite=overwrite)


def _library(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise missing_dependency(name, "writing ONNX models", "onnx") from error


def make_form(forest: Forest, *, float32_features: bool = False) -> OnnxForm:
    """Convert a forest.

    Parameters
    ----------
    forest : Forest
        Any whose trees are added up or averaged.
    float32_features : bool
        As for :meth:`hepml.forest.Forest.to_onnx`.

    Returns
    -------
    OnnxForm
        Not yet checked.

    Raises
    ------
    ExportError
        If ONNX cannot hold it.
    MissingDependencyError
        If onnx is not installed.
    """
    if forest.aggregate in MEDIANS:
        msg = "the trees of ONNX are added up, and the margin of this forest is a weighted median of its trees"
        raise ExportError(msg)
    onnx = _library("onnx")
    helper, proto = onnx.helper, onnx.TensorProto
    double = forest.precision == "float64" and not float32_features
    kind = proto.DOUBLE if double else proto.FLOAT
    # the operator gives single precision whatever it takes
    attributes = _attributes(forest, onnx, double=double)
    trees = helper.make_node("TreeEnsembleRegressor", ["features"], ["margin"], domain="ai.onnx.ml", **attributes)
    nodes = [trees, *_link(forest, helper, proto)]
    n_outputs = forest.n_outputs
    graph = helper.make_graph(
        nodes,
        "forest",
        [helper.make_tensor_value_info("features", kind, [None, forest.n_features])],
        [helper.make_tensor_value_info(name, proto.FLOAT, [None, n_outputs]) for name in ("score", "margin")],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, producer_name="hepml", opset_imports=opsets, ir_version=_IR_VERSION)
    described = {"feature_names": json.dumps(forest.feature_names), "link": forest.link, **to_text(forest.metadata)}
    helper.set_model_props(model, described | {"takes_missing": json.dumps(forest.takes_missing)})
    onnx.checker.check_model(model, full_check=True)
    return OnnxForm(model.SerializeToString(deterministic=True), np.dtype(np.float64 if double else np.float32))


def _attributes(forest: Forest, onnx: Any, *, double: bool) -> dict[str, Any]:
    """Return what the operator holds: nodes and leaves of all trees, numbered within their tree."""
    nodes = onnx_nodes(forest, np.dtype(np.float64 if double else np.float32))
    leaf = forest.feature[nodes.origin] < 0
    inner = "BRANCH_LT" if forest.comparison == "<" else "BRANCH_LEQ"
    width = forest.value.shape[1]
    at = np.repeat(np.flatnonzero(leaf), width)
    weight = forest.tree_weight[nodes.tree[leaf]][:, None]
    if forest.aggregate == "average":
        weight = weight / forest.tree_weight.sum()
    target: NDArray[Any] = forest.output[nodes.tree[at]] if width == 1 else np.tile(np.arange(width), int(leaf.sum()))
    numbers = {
        "nodes_values": nodes.cut,
        "target_weights": (forest.value[nodes.origin[leaf]] * weight).ravel(),
        "base_values": forest.base,
    }
    with np.errstate(over="ignore"):
        overflows = [
            not np.isfinite(numbers[name].astype(np.float32)).all() for name in ("target_weights", "base_values")
        ]
    if any(overflows):
        msg = "a value of a leaf is too large for the single precision of what ONNX gives back"
        raise ExportError(msg)
    if double:
        tensors = {
            f"{name}_as_tensor": onnx.helper.make_tensor(name, onnx.TensorProto.DOUBLE, [len(values)], values.tolist())
            for name, values in numbers.items()
        }
    else:
        tensors = {name: values.tolist() for name, values in numbers.items()}
    return tensors | {
        "nodes_treeids": nodes.tree.tolist(),
        "nodes_nodeids": nodes.number.tolist(),
        "nodes_featureids": forest.feature[nodes.origin].clip(min=0).tolist(),
        "nodes_modes": np.where(leaf, "LEAF", inner).tolist(),
        "nodes_truenodeids": nodes.yes.tolist(),
        "nodes_falsenodeids": nodes.no.tolist(),
        "nodes_missing_value_tracks_true": nodes.missing_yes.astype(int).tolist(),
        "target_treeids": nodes.tree[at].tolist(),
        "target_nodeids": nodes.number[at].tolist(),
        "target_ids": target.tolist(),
        "n_targets": forest.n_outputs,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
    }


def _link(forest: Forest, helper: Any, proto: Any) -> list[Any]:
    if forest.link == "logistic_2x":
        two = helper.make_node("Constant", [], ["two"], value=helper.make_tensor("two", proto.FLOAT, [], [2.0]))
        twice = helper.make_node("Mul", ["margin", "two"], ["twice"])
        return [two, twice, helper.make_node("Sigmoid", ["twice"], ["score"])]
    if forest.link == "softmax":
        return [helper.make_node("Softmax", ["margin"], ["score"], axis=1)]
    # 2 / (1 + exp(-2 m)) - 1 is the hyperbolic tangent
    operator = {"identity": "Identity", "logistic": "Sigmoid", "tmva_grad": "Tanh", "exp": "Exp"}[forest.link]
    return [helper.make_node(operator, ["margin"], ["score"])]
