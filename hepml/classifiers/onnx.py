"""ONNX models as estimators, by onnxruntime: checked before they are given to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hepml.errors import MissingDependencyError, ModelFormatError, missing_dependency
from hepml.forest.described import described_features

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["OnnxScorer", "is_onnx"]

# what ONNX itself defines; operators of other domains would be foreign code
_DOMAINS = {"", "ai.onnx", "ai.onnx.ml"}
_LARGEST = 2 * 2**30
_DEEPEST = 16
_TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64}
_NAMES = "feature_names"
# ModelProto begins with its field 1, the version of the format, a small number
_IR_VERSION_TAG = 0x08
_LARGEST_IR_VERSION = 64


def is_onnx(content: bytes) -> bool:
    """Whether these could be the bytes of an ONNX model, of which the first tell its version."""
    return len(content) > 2 and content[0] == _IR_VERSION_TAG and 0 < content[1] < _LARGEST_IR_VERSION


@dataclass(frozen=True, slots=True)
class OnnxScorer:
    """An ONNX model with one input of shape (n_events, n_features).

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        What evaluates it.
    feature_names : tuple of str
        From the model's metadata, else x0, x1, ....
    described : list
        What hepml wrote of the features, not looked into yet; empty for models of others.
    output : str
        The output that is the score.
    n_outputs : int
        Number of scores of an event.
    second_of_two : bool
        Whether the output gives the probabilities of two classes, of which the second is the score.
    """

    kind: ClassVar[str] = "onnx"
    handles_nan: ClassVar[bool] = True
    session: Any
    feature_names: tuple[str, ...]
    described: list[Any]
    output: str
    n_outputs: int
    second_of_two: bool

    @classmethod
    def from_bytes(cls, content: bytes, name: str) -> OnnxScorer:
        """Check a model and open it.

        Parameters
        ----------
        content : bytes
            The file.
        name : str
            Its name, for messages.

        Returns
        -------
        OnnxScorer
            Ready to evaluate.

        Raises
        ------
        ModelFormatError
            If it is damaged, refers to other files, uses operators that ONNX does not define, or has other inputs and
            outputs than one matrix of features and numbers for each event.
        MissingDependencyError
            If onnx or onnxruntime is not installed.
        """
        try:
            import onnx
            import onnxruntime
        except ImportError as error:
            raise missing_dependency(error.name or "onnxruntime", f"reading {name}", "onnx") from error
        try:
            model = onnx.load_from_string(content)
            _refuse_foreign(model, name)
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 4
            session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            return cls._of_session(session, {item.key: item.value for item in model.metadata_props}, name)
        except (ModelFormatError, MissingDependencyError):
            raise
        except Exception as error:  # protobuf, onnx and onnxruntime have exceptions of their own, of many kinds
            reason = (str(error).strip() or repr(error)).splitlines()[0]
            msg = f"{name} is damaged, or no ONNX model that onnxruntime can evaluate: {reason:.300}"
            raise ModelFormatError(msg) from error

    @classmethod
    def _of_session(cls, session: Any, metadata: dict[str, str], name: str) -> OnnxScorer:
        inputs, outputs = session.get_inputs(), session.get_outputs()
        shape = inputs[0].shape if inputs else []
        if len(inputs) != 1 or len(shape) != 2 or not isinstance(shape[1], int) or inputs[0].type not in _TYPES:
            listed = ", ".join(f"{item.name}: {item.type} {item.shape}" for item in inputs)
            msg = f"{name} must have one input, numbers of shape (n_events, n_features); it has {listed or 'none'}"
            raise ModelFormatError(msg)
        n_features = shape[1]
        names = _names(metadata.get(_NAMES, ""), n_features)
        numbers = {item.name: item for item in outputs if item.type in _TYPES}
        chosen = next((numbers[key] for key in ("score", "probabilities") if key in numbers), None)
        chosen = chosen or (next(iter(numbers.values())) if len(numbers) == 1 else None)
        if chosen is None:
            listed = ", ".join(f"{item.name}: {item.type}" for item in outputs)
            msg = (
                f"{name} must have an output 'score' or 'probabilities' of numbers, or only one; it has {listed}. Export "
                f"probabilities as a matrix (skl2onnx: options={{'zipmap': False}})"
            )
            raise ModelFormatError(msg)
        X = np.zeros((2, n_features), dtype=_TYPES[inputs[0].type])
        (found,) = session.run([chosen.name], {inputs[0].name: X})
        scores = np.asarray(found)
        if scores.ndim not in {1, 2} or len(scores) != len(X):
            msg = f"output {chosen.name!r} of {name} has the shape {scores.shape} for 2 events"
            raise ModelFormatError(msg)
        width = 1 if scores.ndim == 1 else scores.shape[1]
        second_of_two = chosen.name == "probabilities" and width == 2
        described = described_features(metadata).get("features", [])
        return cls(session, names, described, chosen.name, 1 if second_of_two else width, second_of_two)

    def evaluate(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the scores, shape (n_events,) or (n_events, n_outputs)."""
        given = self.session.get_inputs()[0]
        (found,) = self.session.run([self.output], {given.name: np.ascontiguousarray(X, dtype=_TYPES[given.type])})
        scores = np.asarray(found, dtype=np.float64).reshape(len(X), -1)
        if self.second_of_two:
            return scores[:, 1]
        return scores[:, 0] if self.n_outputs == 1 else scores


def _names(text: str, n_features: int) -> tuple[str, ...]:
    """Return the names that hepml's exports hold as JSON, else x0, x1, ...."""
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        names = None
    if isinstance(names, list) and all(isinstance(name, str) and name for name in names):
        given = tuple(names)
        if len(given) == n_features == len(set(given)):
            return given
    return tuple(f"x{number}" for number in range(n_features))


def _refuse_foreign(model: Any, name: str) -> None:
    for entry in model.opset_import:
        if entry.domain not in _DOMAINS:
            msg = f"{name} uses operators of {entry.domain!r}, which ONNX does not define: it is not loaded"
            raise ModelFormatError(msg)
    if model.functions:
        msg = f"{name} defines functions of its own: it is not loaded"
        raise ModelFormatError(msg)
    for tensor in _tensors(model.graph, 0):
        if tensor.external_data or tensor.data_location == 1:
            msg = f"{name} refers to data in another file ({tensor.name!r}): it is not loaded"
            raise ModelFormatError(msg)


def _tensors(graph: Any, depth: int) -> Iterator[Any]:
    if depth > _DEEPEST:
        msg = "graphs are nested too deeply"
        raise ValueError(msg)
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                if inner.node or inner.initializer:
                    yield from _tensors(inner, depth + 1)
