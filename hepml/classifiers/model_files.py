"""Model files of other programs (TMVA, XGBoost, LightGBM, ONNX) and forests of hepml, as models that score events."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from hepml.classifiers.model import Model
from hepml.classifiers.onnx import OnnxScorer, is_onnx
from hepml.data import Feature
from hepml.errors import HepmlError, ModelFormatError
from hepml.expressions import parse
from hepml.forest.files import FORMATS, open_forest, read_model_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from hepml.forest import Forest

__all__ = ["ForestScorer", "load_file"]

_SUFFIXES = re.compile(r"(\.weights)?(\.(xml|json|ubj|txt|npz|onnx|model|gz))+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ForestScorer:
    """A forest as the estimator of a :class:`~hepml.classifiers.Model`.

    Parameters
    ----------
    forest_ : Forest
        The trees.
    """

    kind: ClassVar[str] = "forest"
    forest_: Forest

    @property
    def handles_nan(self) -> bool:
        """Whether features may be missing."""
        return self.forest_.takes_missing

    @property
    def n_outputs(self) -> int:
        """Number of scores of an event."""
        return self.forest_.n_outputs

    def evaluate(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the scores, shape (n_events,) or (n_events, n_outputs)."""
        score: NDArray[np.float64] = self.forest_.predict(X)
        return score


def load_file(path: Path) -> Model:
    """Read a model file, recognised by its content; nothing in it is executed.

    Parameters
    ----------
    path : pathlib.Path
        ``weights.xml`` of TMVA's boosted decision trees, XGBoost JSON or UBJSON, LightGBM text, ONNX, or a forest.

    Returns
    -------
    Model
        Its features are named as in the file; names that are expressions are evaluated as such.

    Raises
    ------
    ModelFormatError
        If it is of no known kind, damaged, or holds what cannot be expressed.
    MissingDependencyError
        If it is ONNX and the extra ``onnx`` is not installed.
    """
    content = read_model_file(path)
    scorer: ForestScorer | OnnxScorer
    if any(kind.recognises(content[:256]) for kind in FORMATS):
        forest = open_forest(path)
        scorer, features = ForestScorer(forest), _features(forest)
        metadata = {key: value for key, value in forest.metadata.items() if key != "tmva"}
        name = _tmva_name(forest) or _plain_name(path)
    elif is_onnx(content):
        scorer = OnnxScorer.from_bytes(content, str(path))
        features = _described(scorer.described, scorer.feature_names) or tuple(map(Feature, scorer.feature_names))
        metadata, name = {"source": "ONNX"}, _plain_name(path)
    else:
        known = ", ".join([*(kind.name for kind in FORMATS), "ONNX"])
        msg = f"{path} is no model that hepml knows: it begins with {content[:16]!r} (known: {known}; or a bundle, a folder)"
        raise ModelFormatError(msg)
    return Model(scorer.kind, features, scorer, {"method": name}, metadata)


def _features(forest: Forest) -> tuple[Feature, ...]:
    """Return the features of a forest; TMVA's files give labels, expressions and units."""
    if described := _described(forest.metadata.get("features"), forest.feature_names):
        return described
    variables = forest.metadata.get("tmva", {}).get("variables", [])
    labels = [str(variable.get("Label", "")) for variable in variables]
    if len(labels) != forest.n_features or not all(labels) or len(set(labels)) != len(labels):
        return tuple(Feature(name) for name in forest.feature_names)
    return tuple(
        Feature(label, expression=name, unit=str(variable.get("Unit", "")), title=str(variable.get("Title", "")))
        for label, name, variable in zip(labels, forest.feature_names, variables, strict=True)
    )


def _described(entries: object, names: Sequence[str]) -> tuple[Feature, ...]:
    """Return the features as hepml wrote them into the file, empty if they are not those that the model has."""
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return ()
    try:
        features = tuple(Feature.from_dict(entry) for entry in entries)
        for feature in features:
            parse(feature.expression)
    except (HepmlError, KeyError, TypeError, ValueError, OverflowError):
        return ()
    return features if tuple(feature.name for feature in features) == tuple(names) else ()


def _tmva_name(forest: Forest) -> str:
    """Return the name of the method: ``BDTG`` for ``BDT::BDTG``."""
    name = str(forest.metadata.get("tmva", {}).get("method", "")).partition("::")[2]
    return re.sub(r"\W", "_", name)


def _plain_name(path: Path) -> str:
    """Return a name for the scores: that of the file, without its suffixes and what no branch may hold."""
    name: Any = re.sub(r"\W", "_", _SUFFIXES.sub("", path.name))
    return name if re.match(r"[A-Za-z_]", name) else f"model_{name}"
