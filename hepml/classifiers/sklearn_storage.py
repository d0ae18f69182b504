"""Fitted estimators of scikit-learn as bytes without pickle (skops), read by a list of classes that is ours."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING, Any, NoReturn

from hepml.errors import MissingDependencyError, ModelFormatError, missing_dependency
from hepml.forest.safe_json import parse_json

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["estimator_from_bytes", "estimator_to_bytes"]

_SCHEMA = "schema.json"
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
_LARGEST_SCHEMA = 16 * 2**20
_LARGEST = 2**30
_DEEPEST = 60
# what was used in training and is of no use to a fitted model
_TRAINING_ONLY = ("_optimizer", "_random_state", "_loss_function_")
_OBJECTS = frozenset(
    {
        "sklearn.impute._base.MissingIndicator",
        "sklearn.impute._base.SimpleImputer",
        "sklearn.linear_model._base.LinearRegression",
        "sklearn.linear_model._bayes.BayesianRidge",
        "sklearn.linear_model._coordinate_descent.ElasticNet",
        "sklearn.linear_model._coordinate_descent.Lasso",
        "sklearn.linear_model._huber.HuberRegressor",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.linear_model._perceptron.Perceptron",
        "sklearn.linear_model._ridge.Ridge",
        "sklearn.linear_model._ridge.RidgeClassifier",
        "sklearn.linear_model._stochastic_gradient.SGDClassifier",
        "sklearn.linear_model._stochastic_gradient.SGDRegressor",
        "sklearn.naive_bayes.GaussianNB",
        "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
        "sklearn.neural_network._multilayer_perceptron.MLPRegressor",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._label.LabelBinarizer",
        "sklearn.svm._classes.LinearSVC",
        "sklearn.svm._classes.LinearSVR",
    }
)
# by loader of skops; anything else, methods and functions above all, is refused
_ALLOWED: dict[str, frozenset[str]] = {
    "DTypeNode": frozenset({"numpy.dtype"}),
    "DictNode": frozenset({"builtins.dict"}),
    "JsonNode": frozenset({"builtins.str"}),
    "ListNode": frozenset({"builtins.list"}),
    "NdArrayNode": frozenset(
        {f"numpy.{name}" for name in ("ndarray", "float32", "float64", "int32", "int64", "bool", "bool_")}
    ),
    "ObjectNode": _OBJECTS,
    "TupleNode": frozenset({"builtins.tuple"}),
    "TypeNode": frozenset({"builtins.str"}),
}


def estimator_to_bytes(estimator: Any) -> bytes:
    """Return a fitted estimator as a skops file, the same bytes for equal estimators.

    Raises
    ------
    MissingDependencyError
        If skops is not installed.
    """
    for step in getattr(estimator, "named_steps", {"": estimator}).values():
        for name in _TRAINING_ONLY:
            vars(step).pop(name, None)
    with zipfile.ZipFile(io.BytesIO(_skops().dumps(estimator))) as archive:
        text = archive.read(_SCHEMA).decode()
        files = {name: archive.read(name) for name in archive.namelist() if name != _SCHEMA}
    # skops names objects by their place in memory
    numbers: dict[str, str] = {}
    text = re.sub(
        r'(?<="__id__": )\d+|(?<="file": ")\d+',
        lambda found: numbers.setdefault(found[0], str(len(numbers))),
        text,
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        named = {f"{numbers[name.partition('.')[0]]}.npy": content for name, content in files.items()}
        for name, content in sorted(named.items()):
            archive.writestr(zipfile.ZipInfo(name, _TIMESTAMP), content)
        archive.writestr(zipfile.ZipInfo(_SCHEMA, _TIMESTAMP), text)
    return stream.getvalue()


def estimator_from_bytes(content: bytes, name: str) -> Any:
    """Read what :func:`estimator_to_bytes` returned, trusting nothing.

    Raises
    ------
    ModelFormatError
        If it is damaged, or names anything but the classes that a model of kind ``sklearn`` is made of; nothing of it is
        imported or called then.
    MissingDependencyError
        If skops is not installed.
    """
    skops = _skops()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > _LARGEST or len({e.filename for e in entries}) != len(
                entries
            ):
                _refuse(name, "it unpacks to too much, or holds a file twice")
            if archive.getinfo(_SCHEMA).file_size > _LARGEST_SCHEMA:
                _refuse(name, f"its {_SCHEMA} is too long")
            schema = parse_json(archive.read(_SCHEMA), f"{name}: {_SCHEMA}")
        _check(schema, name, 0)
        return skops.loads(content, trusted=["numpy.dtype"])
    except (ModelFormatError, MissingDependencyError):
        raise
    except Exception as error:  # of a damaged file, zipfile, numpy and skops raise what their reading happens to meet
        msg = f"{name} is damaged, or no skops file: {error!s:.300}"
        raise ModelFormatError(msg) from error


def _check(node: object, name: str, depth: int) -> None:
    """Refuse a node, or one below it, whose class or loader is not on the list."""
    if depth > _DEEPEST:
        _refuse(name, "it is nested too deeply")
    if isinstance(node, list):
        for item in node:
            _check(item, name, depth + 1)
        return
    if not isinstance(node, dict):
        return
    if "__loader__" in node or "__class__" in node or "__module__" in node:
        loader, found = node.get("__loader__"), f"{node.get('__module__')}.{node.get('__class__')}"
        if not isinstance(loader, str) or found not in _ALLOWED.get(loader, frozenset()):
            _refuse(
                name, f"it holds {found[:100]!r} (loader {str(loader)[:50]!r}), which no model of this kind is made of"
            )
    for value in node.values():
        _check(value, name, depth + 1)


def _refuse(name: str, problem: str) -> NoReturn:
    msg = f"{name} cannot be trusted: {problem}"
    raise ModelFormatError(msg)


def _skops() -> ModuleType:
    try:
        import skops.io as found
    except ImportError as error:
        needed = missing_dependency("skops", "estimators of scikit-learn other than trees", "sklearn-io")
        raise needed from error
    module: ModuleType = found
    return module
