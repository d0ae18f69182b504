"""The model bundle: a folder with ``model.json`` and payload files, written whole or not at all, read without trust.

Loading executes nothing: the payloads are XGBoost's JSON or plain arrays, checked by the kind that reads them.
"""

from __future__ import annotations

import hashlib
import json
import stat
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from hepml.atomic import atomic_folder
from hepml.classifiers import registry
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
    did_you_mean,
)
from hepml.expressions import parse
from hepml.forest.safe_json import parse_json

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from hepml.classifiers.base import Classifier

__all__ = ["FORMAT", "MODEL_FILE", "VERSION", "load", "save_model"]

FORMAT = "hepml-model"
VERSION = 1
MODEL_FILE = "model.json"

_LARGEST_MODEL_FILE = 16 * 2**20
_LARGEST_PAYLOAD = 2 * 2**30
_KEYS = {
    "format": str,
    "version": int,
    "kind": str,
    "parameters": dict,
    "negative_weights": str,
    "features": list,
    "classes": list,
    "state": dict,
    "training_report": dict,
    "libraries": dict,
    "payloads": list,
    "attachments": list,
    "context": dict,
}
_FEATURE_KEYS = {"name": str, "expression": str, "unit": str, "title": str, "missing": list}
_LIBRARIES = ("hepml-framework", "numpy", "scipy", "scikit-learn")


def save_model(
    estimator: Classifier,
    folder: str | os.PathLike[str],
    *,
    features: Sequence[Feature] | None = None,
    context: Mapping[str, Any] | None = None,
    attachments: Mapping[str, bytes] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a fitted classifier as a model bundle.

    Parameters
    ----------
    estimator : Classifier
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
        if not _is_plain(name):
            msg = f"the attachment {name!r} does not have a plain file name"
            raise InvalidInputError(msg)
    if taken := attached.keys() & payloads.keys():
        msg = f"the attachment {min(taken)!r} has the name of one of the model's own files"
        raise InvalidInputError(msg)
    document = {
        "format": FORMAT,
        "version": VERSION,
        "kind": estimator.kind,
        "parameters": {name: _plain(value) for name, value in estimator.get_params(deep=False).items()},
        "negative_weights": estimator.negative_weights,
        "features": [feature.to_dict() for feature in columns],
        "classes": [_plain(label) for label in estimator.classes_],
        "state": estimator._state(),
        "training_report": estimator.training_report_,
        "libraries": _versions(estimator.library),
        "payloads": _list_files(payloads),
        "attachments": _list_files(attached),
        "context": dict(context or {}),
    }
    try:
        text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"the model cannot be written as JSON (is everything in `context` plain and finite?): {error}"
        raise InvalidInputError(msg) from error
    if len(text) > _LARGEST_MODEL_FILE:
        msg = f"{MODEL_FILE} would have {len(text)} bytes, more than the {_LARGEST_MODEL_FILE} allowed: use attachments"
        raise InvalidInputError(msg)
    path = Path(folder)
    try:
        with atomic_folder(path, overwrite=overwrite) as temporary:
            for name, content in (payloads | attached).items():
                (temporary / name).write_bytes(content)
            (temporary / MODEL_FILE).write_text(text, encoding="utf-8")
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        msg = f"cannot write the model {path}: {error.strerror or error}"
        raise OutputError(msg) from error
    return path


def load(path: str | os.PathLike[str]) -> Model:
    """Read a model; executes nothing that it holds.

    Parameters
    ----------
    path : path-like
        Folder that :func:`save_model` wrote; or a model file, recognised by its content: ``weights.xml`` of TMVA's boosted
        decision trees, XGBoost JSON or UBJSON, LightGBM text, ONNX, or a forest (``.npz``).

    Returns
    -------
    Model
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
    document = _read_document(folder)
    features = _read_features(document["features"])
    payloads = _read_files(folder, document, "payloads")
    attachments = _read_files(folder, document, "attachments")
    cls = registry.get(document["kind"])
    try:
        check_names(cls.kind, document["parameters"], cls.declared_parameters(), "parameters")
        estimator = cls.from_options(document["parameters"])
        estimator.classes_ = _read_classes(document["classes"])
        estimator.n_features_in_ = len(features)
        estimator.training_report_ = document["training_report"]
        estimator._restore(document["state"], payloads)
    except HepmlError as error:
        msg = f"{folder}: {error}"
        raise ModelFormatError(msg) from error
    return Model(document["kind"], features, estimator, document["context"], document, attachments)


def _list_files(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    return [
        {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    ]


def _features_to_write(estimator: Classifier, features: Sequence[Feature] | None) -> list[Feature]:
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


def _versions(library: str) -> dict[str, str]:
    versions = {}
    for name in dict.fromkeys((*_LIBRARIES, library)):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # run from a checkout that is not installed
            versions[name] = "unknown"
    return versions


def _read_document(folder: Path) -> dict[str, Any]:
    path = folder / MODEL_FILE
    name = str(path)
    document = parse_json(_read_file(path, _LARGEST_MODEL_FILE), name)
    if document.get("format") != FORMAT:
        msg = f"{name} is not a hepml model: its format is {document.get('format')!r}, not {FORMAT!r}"
        raise ModelFormatError(msg)
    found = document.get("version")
    if type(found) is int and found > VERSION:
        msg = (
            f"{name} has version {found} of the format {FORMAT!r}; this hepml reads up to {VERSION}: use a newer hepml"
        )
        raise ModelFormatError(msg)
    if type(found) is not int or found < 1:
        msg = f"{name}: {found!r} is no version of the format {FORMAT!r}"
        raise ModelFormatError(msg)
    _check_keys(document, _KEYS, name)
    return document


def _check_keys(content: object, keys: Mapping[str, type], where: str) -> None:
    if not isinstance(content, dict):
        msg = f"{where} is not a JSON object"
        raise ModelFormatError(msg)
    for key, kind in keys.items():
        if key not in content:
            msg = f"{where}: the key {key!r} is missing"
            raise ModelFormatError(msg)
        if type(content[key]) is not kind:
            msg = f"{where}: {key!r} is not of type {kind.__name__}"
            raise ModelFormatError(msg)
    for key in content:
        if key not in keys:
            msg = f"{where}: unknown key {key!r}{did_you_mean(key, keys)}"
            raise ModelFormatError(msg)


def _read_features(entries: list[Any]) -> tuple[Feature, ...]:
    features = []
    for index, entry in enumerate(entries):
        where = f"{MODEL_FILE}: features[{index}]"
        _check_keys(entry, _FEATURE_KEYS, where)
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


def _read_classes(labels: list[Any]) -> np.ndarray[Any, np.dtype[Any]]:
    if len(labels) != 2 or type(labels[0]) is not type(labels[1]) or type(labels[0]) not in {bool, int, float, str}:
        msg = f"{MODEL_FILE}: classes must be two labels of one type"
        raise ModelFormatError(msg)
    if type(labels[0]) is int and any(abs(label) >= 2**63 for label in labels):
        msg = f"{MODEL_FILE}: a class label does not fit 64 bits"
        raise ModelFormatError(msg)
    return np.array(labels)


def _read_files(folder: Path, document: Mapping[str, Any], key: str) -> dict[str, bytes]:
    payloads: dict[str, bytes] = {}
    for index, entry in enumerate(document[key]):
        where = f"{MODEL_FILE}: {key}[{index}]"
        _check_keys(entry, {"name": str, "size": int, "sha256": str}, where)
        name = entry["name"]
        if not _is_plain(name) or name in payloads:
            msg = f"{where}: {name!r} is not a plain file name inside the folder, or stands twice"
            raise ModelFormatError(msg)
        content = _read_file(folder / name, _LARGEST_PAYLOAD)
        if len(content) != entry["size"]:
            msg = f"{folder / name} has {len(content)} bytes instead of {entry['size']}: truncated or changed"
            raise ModelFormatError(msg)
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            msg = f"{folder / name} does not have the checksum that {MODEL_FILE} states: it was changed or damaged"
            raise ModelFormatError(msg)
        payloads[name] = content
    return payloads


def _is_plain(name: str) -> bool:
    """Whether it names a file inside the folder on every system, and not the model file."""
    return bool(name) and name not in {".", "..", MODEL_FILE} and not set(name) & set("/\\:") and name.isprintable()


def _read_file(path: Path, largest: int) -> bytes:
    """Read a regular file of the bundle, never through a link, never more than ``largest`` bytes."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            msg = f"{path} is not a regular file (links are not followed)"
            raise ModelFormatError(msg)
        if status.st_size > largest:
            msg = f"{path} has {status.st_size} bytes, more than the {largest} allowed"
            raise ModelFormatError(msg)
        with path.open("rb") as stream:
            return stream.read(largest + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, ModelFormatError):
            raise
        msg = f"{path} cannot be read: {getattr(error, 'strerror', None) or error}"
        raise ModelFormatError(msg) from error
