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
from hepml.tmva import Reader
from hepml.tmva.methods.bdt import BDT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from hepml.forest import Forest

__all__ = ["ForestScorer", "TmvaScorer", "load_file"]

_TMVA = "TMVA weights.xml"

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


@dataclass(frozen=True, slots=True)
class TmvaScorer:
    """A method of TMVA that is no forest alone, as the estimator of a :class:`~hepml.classifiers.Model`.

    Parameters
    ----------
    reader : Reader
        The method.
    signal_efficiency : float, optional
        For cuts, which answer at one.
    """

    kind: ClassVar[str] = "tmva"
    handles_nan: ClassVar[bool] = False
    reader: Reader
    signal_efficiency: float | None = None

    @property
    def n_outputs(self) -> int:
        """Number of scores of an event."""
        setup = self.reader.setup
        outputs = {"Multiclass": setup.classes, "Regression": setup.targets}.get(setup.analysis_type, ())
        return max(len(outputs), 1)

    def evaluate(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the responses, shape (n_events,) or (n_events, n_outputs)."""
        return self.reader.evaluate(X, self.signal_efficiency)


def load_file(path: Path) -> Model:
    """Read a model file, recognised by its content; nothing in it is executed.

    Parameters
    ----------
    path : pathlib.Path
        ``weights.xml`` of TMVA, XGBoost JSON or UBJSON, LightGBM text, ONNX, or a forest.

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
    form = next((kind.name for kind in FORMATS if kind.recognises(content[:256])), "")
    if form == _TMVA:
        return _tmva_model(path)
    if form:
        forest = open_forest(path)
        scorer, features = ForestScorer(forest), _features(forest)
        metadata, name = _metadata(forest), _plain_name(path)
    elif is_onnx(content):
        scorer = OnnxScorer.from_bytes(content, str(path))
        features = _described(scorer.described, scorer.feature_names) or tuple(map(Feature, scorer.feature_names))
        metadata, name = {"source": "ONNX"}, _plain_name(path)
    else:
        known = ", ".join([*(kind.name for kind in FORMATS), "ONNX"])
        msg = f"{path} is no model that hepml knows: it begins with {content[:16]!r} (known: {known}; or a bundle, a folder)"
        raise ModelFormatError(msg)
    return Model(scorer.kind, features, scorer, {"method": name}, metadata)


def _tmva_model(path: Path) -> Model:
    """Return the model of a ``weights.xml``; one that trees alone answer for stays a forest, which can be converted."""
    reader = Reader(path)
    context = {"method": re.sub(r"\W", "_", reader.setup.name)}
    if isinstance(reader.method, BDT) and reader.method.is_forest and not reader.transforms:
        forest = reader.method.forest
        features = _described(forest.metadata.get("features"), forest.feature_names) or reader.features
        return Model(ForestScorer.kind, features, ForestScorer(forest), context, _metadata(forest))
    features = (*reader.features, *reader.spectators)
    return Model(TmvaScorer.kind, features, TmvaScorer(reader), context, {"source": "TMVA"})


def _metadata(forest: Forest) -> dict[str, Any]:
    return {key: value for key, value in forest.metadata.items() if key != "tmva"}


def _features(forest: Forest) -> tuple[Feature, ...]:
    return _described(forest.metadata.get("features"), forest.feature_names) or tuple(
        map(Feature, forest.feature_names)
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


def _plain_name(path: Path) -> str:
    """Return a name for the scores: that of the file, without its suffixes and what no branch may hold."""
    name: Any = re.sub(r"\W", "_", _SUFFIXES.sub("", path.name))
    return name if re.match(r"[A-Za-z_]", name) else f"model_{name}"
