"""The model bundle: a folder with ``model.json`` and payload files, written whole or not at all, read without trust.

Loading executes nothing: the payloads are XGBoost's JSON or plain arrays, checked by the kind that reads them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from hepml.atomic import atomic_folder
from hepml.classifiers import registry
from hepml.classifiers.bundle_files import (
    MODEL_FILE,
    check_document,
    check_keys,
    document_text,
    is_plain,
    library_versions,
    list_files,
    read_document,
    read_files,
)
from hepml.classifiers.card_text import CARD_FILE, card_text
from hepml.classifiers.model import Model
from hepml.classifiers.parameters import check_names
from hepml.data import Feature
from hepml.errors import (
    ExpressionError,
    HepmlError,
    InvalidInputError,
    MissingFileError,
    ModelFormatError,
    OutputError,
)
from hepml.expressions import parse

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from hepml.classifiers.base import Classifier
    from hepml.classifiers.estimator import Estimator
    from hepml.classifiers.fold_model import FoldModel

__all__ = ["FOLDS_FORMAT", "FORMAT", "VERSION", "load", "load_bundle", "save_model"]

FORMAT = "hepml-model"
FOLDS_FORMAT = "hepml-fold-model"
VERSION = 2

# what bundles of version 1 do not say
_FIRST_TASK: dict[str, Any] = {"task": "classification", "n_targets": 0}
_MOST_CLASSES = 1000
_MOST_TARGETS = 1000

_KEYS = {
    "format": str,
    "version": int,
    "kind": str,
    "task": str,
    "parameters": dict,
    "negative_weights": str,
    "features": list,
    "classes": list,
    "n_targets": int,
    "state": dict,
    "training_report": dict,
    "libraries": dict,
    "payloads": list,
    "attachments": list,
    "context": dict,
}
_FEATURE_KEYS = {"name": str, "expression": str, "unit": str, "title": str, "missing": list}


def save_model(
    estimator: Estimator,
    folder: str | os.PathLike[str],
    *,
    features: Sequence[Feature] | None = None,
    context: Mapping[str, Any] | None = None,
    attachments: Mapping[str, bytes] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a fitted model as a model bundle.

    Parameters
    ----------
    estimator : Classifier or Regressor
        Fitted.
    folder : path-like
        Where to; it appears only when it is complete.
    features : sequence of Feature, optional
        What the columns of the training were, in their order. Default: features named as in the DataFrame that was
        trained on, else ``x0``, ``x1``, ...
    context : mapping, optional
        Anything that JSON can hold and that must stay with the model (identity, split, seed).
    attachments : mapping of str to bytes, optional
        Further files, by plain name, that stay with the model: :attr:`Model.attachments`.
    overwrite : bool
        Whether an existing folder may be replaced.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    OutputError
        If the folder exists already or cannot be written.
    InvalidInputError
        If the features do not fit the training, or something given is not JSON.
    ExpressionError
        If the expression of a feature cannot be parsed.
    """
    check_is_fitted(estimator)
    columns = _features_to_write(estimator, features)
    payloads = estimator._payloads()
    attached = dict(attachments or {})
    for name in attached:
        if not is_plain(name):
            msg = f"the attachment {name!r} does not have a plain file name"
            raise InvalidInputError(msg)
    if taken := attached.keys() & (payloads.keys() | {CARD_FILE}):
        msg = f"the attachment {min(taken)!r} has the name of one of the model's own files"
        raise InvalidInputError(msg)
    document = {
        "format": FORMAT,
        "version": VERSION,
        "kind": estimator.kind,
        "task": estimator.task,
        "parameters": {name: _plain(value) for name, value in estimator.get_params(deep=False).items()},
        "negative_weights": estimator.negative_weights,
        "features": [feature.to_dict() for feature in columns],
        "classes": [_plain(label) for label in getattr(estimator, "classes_", ())],
        "n_targets": getattr(estimator, "n_targets_", 0),
        "state": estimator._state(),
        "training_report": estimator.training_report_,
        "libraries": library_versions(estimator.library),
        "payloads": list_files(payloads),
        "attachments": list_files(attached),
        "context": dict(context or {}),
    }
    text = document_text(document)
    path = Path(folder)
    try:
        with atomic_folder(path, overwrite=overwrite) as temporary:
            for name, content in (payloads | attached).items():
                (temporary / name).write_bytes(content)
            (temporary / CARD_FILE).write_text(card_text(document), encoding="utf-8")
            (temporary / MODEL_FILE).write_text(text, encoding="utf-8")
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        msg = f"cannot write the model {path}: {error.strerror or error}"
        raise OutputError(msg) from error
    return path


def load(path: str | os.PathLike[str]) -> Model | FoldModel:
    """Read a model; executes nothing that it holds.

    Parameters
    ----------
    path : path-like
        Folder of a model, or of the models of all folds; or a model file, recognised by its content: ``weights.xml`` of
        TMVA's boosted decision trees, XGBoost JSON or UBJSON, LightGBM text, ONNX, or a forest (``.npz``).

    Returns
    -------
    Model or FoldModel
        With ``.evaluate(X)``.

    Raises
    ------
    MissingFileError
        If there is no such folder or file.
    ModelFormatError
        If it is not a model, is damaged, changed or unsafe, or was written by a newer hepml.
    UnknownNameError, MissingDependencyError
        If its kind is not known here, or the kind's library is not installed.
    """
    folder = Path(path)
    if not folder.exists():
        msg = f"there is no model at {folder}"
        raise MissingFileError(msg)
    if not folder.is_dir():
        from hepml.classifiers.model_files import load_file

        return load_file(folder)
    document = read_document(folder)
    if document.get("format") == FOLDS_FORMAT:
        from hepml.classifiers.fold_bundle import load_folds

        return load_folds(folder, document)
    return load_bundle(folder, document)


def load_bundle(folder: Path, document: dict[str, Any]) -> Model:
    """Read the bundle of one model, whose model file was read; see :func:`load`."""
    document = _FIRST_TASK | document if document.get("version") == 1 else document
    check_document(document, FORMAT, VERSION, _KEYS, str(folder / MODEL_FILE))
    if document["task"] not in registry.ENTRY_POINT_GROUPS:
        msg = (
            f"{folder / MODEL_FILE}: {document['task']!r} is no task (known: {', '.join(registry.ENTRY_POINT_GROUPS)})"
        )
        raise ModelFormatError(msg)
    regresses = document["task"] == "regression"
    features = _read_features(document["features"])
    payloads = read_files(folder, document, "payloads")
    attachments = read_files(folder, document, "attachments")
    cls = registry.get(document["kind"], "regression" if regresses else "classification")
    try:
        check_names(cls.kind, document["parameters"], cls.declared_parameters(), "parameters")
        estimator = cls.from_options(document["parameters"])
        if regresses:
            estimator.n_targets_ = _read_targets(document["n_targets"])
        else:
            estimator.classes_ = _read_classes(document["classes"], cls)
        estimator.n_features_in_ = len(features)
        estimator.training_report_ = document["training_report"]
        estimator._restore(document["state"], payloads)
    except HepmlError as error:
        msg = f"{folder}: {error}"
        raise ModelFormatError(msg) from error
    return Model(document["kind"], features, estimator, document["context"], document, attachments)


def _features_to_write(estimator: Estimator, features: Sequence[Feature] | None) -> list[Feature]:
    if features is None:
        names = getattr(estimator, "feature_names_in_", [f"x{i}" for i in range(estimator.n_features_in_)])
        features = [Feature(str(name)) for name in names]
    columns = list(features)
    for feature in columns:
        try:
            parse(feature.expression)
        except ExpressionError as error:
            msg = f"feature {feature.name!r} cannot be saved: {error}; give features=[Feature(name, expression), ...]"
            raise ExpressionError(msg) from error
    if len(columns) != estimator.n_features_in_:
        msg = f"{len(columns)} features given for a classifier that was trained on {estimator.n_features_in_}"
        raise InvalidInputError(msg)
    names = [feature.name for feature in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"the feature name {twice[0]!r} stands twice"
        raise InvalidInputError(msg)
    return columns


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def _read_features(entries: list[Any]) -> tuple[Feature, ...]:
    features = []
    for index, entry in enumerate(entries):
        where = f"{MODEL_FILE}: features[{index}]"
        check_keys(entry, _FEATURE_KEYS, where)
        if not entry["name"] or any(type(value) not in {int, float} for value in entry["missing"]):
            msg = f"{where}: its name is empty or its missing values are not numbers"
            raise ModelFormatError(msg)
        try:
            features.append(Feature.from_dict(entry))
            parse(features[-1].expression)
        except (HepmlError, OverflowError) as error:
            msg = f"{where}: {error}"
            raise ModelFormatError(msg) from error
    if not features or len({feature.name for feature in features}) != len(features):
        msg = f"{MODEL_FILE}: its features are none, or two of one name"
        raise ModelFormatError(msg)
    return tuple(features)


def _read_classes(labels: list[Any], cls: type[Classifier]) -> np.ndarray[Any, np.dtype[Any]]:
    most = _MOST_CLASSES if cls.multiclass else 2
    if not 2 <= len(labels) <= most or len({type(label) for label in labels}) != 1:
        allowed = "two labels" if most == 2 else f"2 to {most} labels"
        msg = f"{MODEL_FILE}: classes must be {allowed} of one type"
        raise ModelFormatError(msg)
    if type(labels[0]) not in {bool, int, float, str} or labels != sorted(set(labels)):
        msg = f"{MODEL_FILE}: classes must be labels, different and in order"
        raise ModelFormatError(msg)
    if type(labels[0]) is int and any(abs(label) >= 2**63 for label in labels):
        msg = f"{MODEL_FILE}: a class label does not fit 64 bits"
        raise ModelFormatError(msg)
    return np.array(labels)


def _read_targets(number: int) -> int:
    if not 1 <= number <= _MOST_TARGETS:
        msg = f"{MODEL_FILE}: n_targets must be from 1 to {_MOST_TARGETS}, not {number}"
        raise ModelFormatError(msg)
    return number
