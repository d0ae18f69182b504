"""Events that somebody else has split, as training events of TMVA: arrays and datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import EmptyClassError, FeatureValueError, InvalidInputError, WeightError
from hepml.forest.tmva_document import internal_name
from hepml.tmva.preparation.normalising import norm_factors, running_sum
from hepml.tmva.preparation.prepared import ClassCounts, PreparedData, TMVAEvents
from hepml.tmva.preparation.variables import declared_variables, with_ranges
from hepml.tmva.setup import Variable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from hepml.data import Dataset
    from hepml.tmva.preparation.prepared import NormMode
    from hepml.tmva.preparation.variables import Declaration
    from hepml.tmva.setup import AnalysisType

__all__ = ["from_arrays", "from_dataset"]


def from_arrays(
    X: ArrayLike,
    class_index: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    *,
    variables: Sequence[Declaration],
    class_names: Sequence[str] = ("Signal", "Background"),
    targets: ArrayLike | None = None,
    target_variables: Sequence[Declaration] = (),
    norm_mode: NormMode = "EqualNumEvents",
) -> PreparedData:
    """Take all events for training, in their order; there are no test events.

    Parameters
    ----------
    X : array-like of float, shape (n_events, n_variables)
        Variables; rounded to float32.
    class_index : array-like of int, shape (n_events,), optional
        Index of the class of each event; as TMVA counts, signal is 0. Needed unless there are targets.
    weight : array-like of float, shape (n_events,), optional
        Signed. Default: 1.
    variables : sequence of str
        As for :func:`prepare`.
    class_names : sequence of str
        In the order of their index; for a regression one, ``"Regression"`` by default.
    targets : array-like of float, shape (n_events, n_targets), optional
        What to regress; rounded to float32.
    target_variables : sequence of str
        As variables.
    norm_mode : {"EqualNumEvents", "NumEvents", "None"}
        How weights are normalised, TMVA's default first.

    Returns
    -------
    PreparedData
        With ``options`` None.

    Raises
    ------
    InvalidInputError
        If shapes do not agree.
    FeatureValueError, WeightError, EmptyClassError
        If a value or weight is NaN or infinite, a variable is constant, or a class has no events.
    """
    declared, declared_targets = (
        declared_variables(variables, "variable"),
        declared_variables(target_variables, "target"),
    )
    matrix = _matrix(X, len(declared), "variables")
    n_events = len(matrix)
    wanted = _matrix(np.empty((n_events, 0)) if targets is None else targets, len(declared_targets), "targets")
    names = ("Regression",) if declared_targets and len(class_names) != 1 else tuple(class_names)
    index = np.zeros(n_events, dtype=np.intp) if class_index is None else np.asarray(class_index)
    weights = np.ones(n_events) if weight is None else np.asarray(weight, dtype=np.float64)
    if not len(wanted) == n_events == len(index) == len(weights) or index.ndim != 1 or weights.ndim != 1:
        msg = f"there are {n_events} events, {len(index)} class indices, {len(weights)} weights, {len(wanted)} targets"
        raise InvalidInputError(msg)
    if class_index is None and not declared_targets:
        msg = "class_index is needed: which events are of which class"
        raise InvalidInputError(msg)
    if index.dtype.kind not in "iub" or not np.isin(index, np.arange(len(names))).all():
        msg = f"class indices must be whole numbers from 0 to {len(names) - 1} ({', '.join(names)})"
        raise InvalidInputError(msg)
    for values, group in ((matrix, declared), (wanted, declared_targets)):
        _check_finite(values, group)
    if not np.isfinite(weights).all():
        msg = f"{np.count_nonzero(~np.isfinite(weights))} of {n_events} weights are NaN or infinite"
        raise WeightError(msg)
    index = index.astype(np.intp)
    rows = [np.flatnonzero(index == place) for place in range(len(names))]
    for name, found in zip(names, rows, strict=True):
        if not len(found):
            msg = f"class {name!r} has no events"
            raise EmptyClassError(msg)
    sums, numbers = [running_sum(weights[found]) for found in rows], [len(found) for found in rows]
    factors = norm_factors(norm_mode, sums, numbers, names)
    counts = tuple(
        ClassCounts(name, number, number, number, 0, total, 0.0, factor)
        for name, number, total, factor in zip(names, numbers, sums, factors, strict=True)
    )
    train = TMVAEvents(
        matrix, np.empty((n_events, 0), np.float32), wanted, index, weights * np.array(factors)[index], weights
    )
    analysis: AnalysisType = "Regression" if declared_targets else "Classification" if len(names) == 2 else "Multiclass"
    return PreparedData(
        train=train,
        test=train[:0],
        variables=with_ranges(declared, matrix, "variable"),
        spectators=(),
        targets=with_ranges(declared_targets, wanted, "target"),
        class_names=names,
        norm_mode=norm_mode,
        analysis_type=analysis,
        counts=counts,
    )


def from_dataset(dataset: Dataset, *, norm_mode: NormMode = "EqualNumEvents") -> PreparedData:
    """Take all events of a dataset for training; its signal is ``Signal``, its background ``Background``.

    Parameters
    ----------
    dataset : Dataset
        Signal and background, as somebody else has selected and split them.
    norm_mode : {"EqualNumEvents", "NumEvents", "None"}
        As for :func:`from_arrays`.

    Raises
    ------
    InvalidInputError
        If events are neither signal nor background.
    HepmlError
        As :func:`from_arrays`.
    """
    label = np.asarray(dataset.label)
    if (label < 0).any():
        msg = (
            f"{np.count_nonzero(label < 0)} of {len(label)} events are neither signal nor background, and cannot train"
        )
        raise InvalidInputError(msg)
    variables = [
        Variable(feature.expression, feature.name, feature.title, feature.unit, internal_name(feature.name))
        for feature in dataset.features
    ]
    return from_arrays(dataset.X, 1 - label, dataset.weight, variables=variables, norm_mode=norm_mode)


def _matrix(given: ArrayLike, n_columns: int, what: str) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        matrix: NDArray[Any] = np.ascontiguousarray(given, dtype=np.float32)
    if matrix.ndim == 1 and n_columns == 1:
        matrix = matrix[:, None]
    if matrix.ndim != 2 or matrix.shape[1] != n_columns:
        msg = f"{what} are of shape {matrix.shape}, and {n_columns} are declared"
        raise InvalidInputError(msg)
    return matrix


def _check_finite(values: NDArray[np.float32], variables: Sequence[Variable]) -> None:
    for variable, column in zip(variables, values.T, strict=True):
        wrong = np.count_nonzero(~np.isfinite(column))
        if wrong:
            msg = (
                f"{variable.label} is NaN or infinite in {wrong} of {len(column)} events, which TMVA does not train on"
            )
            raise FeatureValueError(msg)
