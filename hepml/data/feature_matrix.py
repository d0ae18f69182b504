"""From events in whatever form to the feature matrix of a model, or an error; never a column for another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.data.columns import evaluate_feature
from hepml.data.mapped import release
from hepml.errors import FeatureMismatchError, InvalidInputError, did_you_mean, unknown_name
from hepml.expressions import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hepml.data.features import Feature

__all__ = ["from_columns", "from_dataset", "from_matrix", "matrix_of"]

_MEANINGS = ("branches", "features")


def matrix_of(X: object, features: Sequence[Feature], meaning: str | None = None) -> NDArray[np.float32]:
    """Return the features of events that come as a dataset, as named columns or as an array.

    Parameters
    ----------
    X : ndarray, mapping, DataFrame or Dataset
        As for :meth:`hepml.classifiers.Model.evaluate`.
    features : sequence of Feature
        What the model needs.
    meaning : {"branches", "features"}, optional
        As for :func:`from_columns`.

    Returns
    -------
    ndarray of float32, shape (n_events, n_features)
        Missing values are NaN.

    Raises
    ------
    FeatureMismatchError, InvalidInputError
        As :func:`from_dataset`, :func:`from_columns`, :func:`from_matrix`.
    """
    if hasattr(X, "X") and hasattr(X, "features"):
        return from_dataset(X, features)
    if isinstance(X, Mapping) or (hasattr(X, "columns") and hasattr(X, "__getitem__")):
        return from_columns(X, features, meaning)
    return from_matrix(X, features)


def from_matrix(X: object, features: Sequence[Feature]) -> NDArray[np.float32]:
    """Return an array in the model's feature order as float32, its shape checked and missing values NaN.

    Raises
    ------
    InvalidInputError
        If it is not a numerical array of shape (n_events, n_features).
    """
    try:
        with np.errstate(over="ignore"):
            matrix = np.asarray(X, dtype=np.float32)
    except (TypeError, ValueError) as error:
        msg = f"cannot make a numerical array of {type(X).__name__}: {error}"
        raise InvalidInputError(msg) from error
    if matrix.ndim != 2 or matrix.shape[1] != len(features):
        names = ", ".join(feature.name for feature in features)
        msg = f"an array of shape (n_events, {len(features)}) is needed ({names}), not {matrix.shape}"
        raise InvalidInputError(msg)
    return _without_sentinels(matrix, features)


def from_dataset(dataset: Any, features: Sequence[Feature]) -> NDArray[np.float32]:
    """Return the columns of a dataset by the names of the features; no copy where the order is the same.

    Raises
    ------
    FeatureMismatchError
        If a feature is not there, or has another expression, unit or other missing values.
    """
    there = {feature.name: (index, feature) for index, feature in enumerate(dataset.features)}
    _require_names([feature.name for feature in features], list(there), "features", "the dataset")
    order = []
    for feature in features:
        index, found = there[feature.name]
        for what, trained, given in (
            ("expression", _normal(feature.expression), _normal(found.expression)),
            ("unit", feature.unit, found.unit),
            ("missing values", sorted(set(feature.missing)), sorted(set(found.missing))),
        ):
            if trained != given:
                msg = f"feature {feature.name!r} was trained with the {what} {trained!r}, the dataset has {given!r}"
                raise FeatureMismatchError(msg)
        order.append(index)
    matrix = np.asarray(dataset.X)
    if matrix.ndim != 2 or matrix.shape[1] != len(there):
        msg = f"the dataset has {len(there)} features and an array of shape {matrix.shape}"
        raise InvalidInputError(msg)
    return from_matrix(matrix if order == list(range(matrix.shape[1])) else matrix[:, order], features)


def from_columns(table: Any, features: Sequence[Feature], meaning: str | None = None) -> NDArray[np.float32]:
    """Return the feature matrix from named columns.

    Parameters
    ----------
    table : mapping or DataFrame
        Columns by name.
    features : sequence of Feature
        What the model needs.
    meaning : {"branches", "features"}, optional
        What the names are; by default branches where all are there, else features where that cannot be mistaken.

    Returns
    -------
    ndarray of float32, shape (n_events, n_features)
        Column-major.

    Raises
    ------
    FeatureMismatchError
        If columns are missing or could mean two things.
    InvalidInputError
        If columns have different lengths or are no numbers.
    """
    if meaning is not None and meaning not in _MEANINGS:
        raise unknown_name(kind="meaning of columns", name=meaning, known=_MEANINGS)
    names = [str(name) for name in (table.columns if hasattr(table, "columns") else table)]
    expressions = [parse(feature.expression) for feature in features]
    branches = list(dict.fromkeys(name for expression in expressions for name in sorted(expression.branches)))
    feature_names = [feature.name for feature in features]
    if meaning is None:
        finished = not set(branches) <= set(names) and set(feature_names) <= set(names)
        meaning = "features" if finished else "branches"
        if finished:
            _refuse_double_meaning(features, branches)
    if meaning == "features":
        _require_names(feature_names, names, "features", "the columns")
        columns = [_column(table[name], name) for name in feature_names]
    else:
        _require_names(branches, names, "branches", "the columns")
        raw = {name: _branch(table[name], name) for name in branches}
        n_entries = _common_length([(name, len(raw[name])) for name in branches])
        columns = [evaluate_feature(feature, raw, n_entries) for feature in features]
    n_events = _common_length([(name, len(column)) for name, column in zip(feature_names, columns, strict=True)])
    matrix = np.empty((n_events, len(features)), dtype=np.float32, order="F")
    for index, column in enumerate(columns):
        with np.errstate(over="ignore"):
            matrix[:, index] = column
    return _without_sentinels(matrix, features, copy=False)


def _refuse_double_meaning(features: Sequence[Feature], branches: Sequence[str]) -> None:
    for feature in features:
        if feature.name in branches and _normal(feature.expression) != feature.name:
            msg = (
                f"the column {feature.name!r} could be the branch or the feature {feature.name!r} = {feature.expression}, "
                "since other branches that the model needs are missing; say which with columns='branches' or 'features'"
            )
            raise FeatureMismatchError(msg)


def _require_names(needed: Sequence[str], there: Sequence[str], what: str, where: str) -> None:
    missing = [name for name in needed if name not in set(there)]
    if missing:
        listed = ", ".join(f"{name!r}{did_you_mean(name, there).removesuffix('?')}" for name in missing)
        msg = f"{where} lack the {what} that the model needs: {listed} (there: {', '.join(there) or 'none'})"
        raise FeatureMismatchError(msg)


def _branch(values: Any, name: str) -> Any:
    """Return a column of numbers as an array of numpy, a jagged one as it is."""
    if type(values).__module__.partition(".")[0] == "awkward":
        return values
    array = np.asarray(values)
    if array.ndim == 0:
        msg = f"branch {name!r} is one value, {values!r}; one value an event is needed, for a single event [{values!r}]"
        raise InvalidInputError(msg)
    return array


def _column(values: object, name: str) -> NDArray[np.float64]:
    try:
        column = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        msg = f"column {name!r} is not numerical: {error}"
        raise InvalidInputError(msg) from error
    if column.ndim != 1:
        msg = f"column {name!r} has the shape {column.shape}; one value an event is needed"
        raise InvalidInputError(msg)
    return column


def _common_length(lengths: Sequence[tuple[str, int]]) -> int:
    if len({length for _, length in lengths}) > 1:
        listed = ", ".join(f"{name} {length}" for name, length in lengths)
        msg = f"the columns have different lengths: {listed}"
        raise InvalidInputError(msg)
    return lengths[0][1] if lengths else 0


def _without_sentinels(
    matrix: NDArray[np.float32], features: Sequence[Feature], *, copy: bool = True
) -> NDArray[np.float32]:
    for index, feature in enumerate(features):
        if feature.missing:
            found = np.isin(matrix[:, index], np.asarray(feature.missing, dtype=np.float32))
            if found.any():
                # never in the caller's array
                matrix = matrix.copy(order="K") if copy else matrix
                copy = False
                matrix[found, index] = np.nan
            release(matrix[:, index])
    return matrix


def _normal(expression: str) -> str:
    return "".join(expression.split())
