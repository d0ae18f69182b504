"""Confusion matrix of two or more classes, for signed event weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation.class_fractions import cell_moments
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import as_array, as_events, as_weights

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["ConfusionMatrix", "as_labels", "confusion_matrix"]


@dataclass(frozen=True, slots=True, eq=False)
class ConfusionMatrix(Displayed):
    """Sums of weights by true (rows) and by assigned class (columns), and shares of them.

    Parameters
    ----------
    sum_w, sum_w_error : ndarray of float64, shape (n_classes, n_classes)
        Sums of weights, and the root of the sum of squares.
    by_truth, by_truth_error : ndarray of float64, shape (n_classes, n_classes)
        Share of the true class: each row sums to one, the diagonal has the efficiencies.
    by_assigned, by_assigned_error : ndarray of float64, shape (n_classes, n_classes)
        Share of the assigned class: each column sums to one, the diagonal has the purities. NaN where the weights
        assigned to a class sum to zero or less.
    accuracy, accuracy_error : float
        Share of all weights that is on the diagonal.
    balanced_accuracy, balanced_accuracy_error : float
        Mean efficiency, all classes counted alike.
    """

    sum_w: Floats
    sum_w_error: Floats = field(repr=False)
    by_truth: Floats
    by_truth_error: Floats = field(repr=False)
    by_assigned: Floats
    by_assigned_error: Floats = field(repr=False)
    accuracy: float
    accuracy_error: float
    balanced_accuracy: float
    balanced_accuracy_error: float

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; what is not computable is None."""
        found: dict[str, Any] = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                found[name] = [[number if np.isfinite(number) else None for number in row] for row in value.tolist()]
            else:
                found[name] = value
        return found


def confusion_matrix(
    y_true: ArrayLike,
    y_assigned: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    n_classes: int | None = None,
) -> ConfusionMatrix:
    r"""Count which class is taken for which.

    Parameters
    ----------
    y_true, y_assigned : array-like of bool or int, shape (n_events,)
        Class of each event, counted from 0: True for signal, or ``scores.argmax(axis=1)`` for what was assigned.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are not independent.
    n_classes : int, optional
        Default: the highest class of both, plus 1.

    Returns
    -------
    ConfusionMatrix
        Sums and shares with errors.

    Raises
    ------
    EmptyClassError
        If a true class has no events or its weights sum to zero or less.
    InvalidInputError
        If a class is no whole number from 0, or the shapes differ.
    WeightError
        If a weight is NaN or infinite, or all are zero.

    Notes
    -----
    All shares are ratios of sums over the same events; their variances are those of first order,
    :math:`\sum w_i^2 (1_i - r)^2 / (\sum w)^2` over the events of the denominator: multinomial for unit weights.

    Examples
    --------
    >>> confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1]).by_truth.tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """
    truth, assigned = as_labels(y_true, "y_true"), as_labels(y_assigned, "y_assigned")
    if truth.shape != assigned.shape or not truth.size:
        msg = f"y_true has shape {truth.shape} and y_assigned {assigned.shape}; both must be (n_events,), one event or more"
        raise InvalidInputError(msg)
    highest = int(max(truth.max(), assigned.max()))
    n = highest + 1 if n_classes is None else n_classes
    if highest >= n:
        msg = f"there is a class {highest}, but n_classes is {n}"
        raise InvalidInputError(msg)
    weights = as_weights(weight, truth.size)
    events = as_events(event, truth.size)
    cell = truth * n + assigned
    sums: Floats = np.bincount(cell, weights=weights, minlength=n * n).reshape(n, n).astype(np.float64, copy=False)
    rows = np.bincount(truth, minlength=n)
    for number, total in enumerate(sums.sum(axis=1)):
        if not total > 0:
            msg = f"the weights of the {rows[number]} events of class {number} sum to {total:.6g}: it needs a positive sum"
            raise EmptyClassError(msg)
    moments = cell_moments(cell, weights, events, n * n).reshape(n, n, n, n)
    of_truth = sums / sums.sum(axis=1, keepdims=True)
    assigned_sums = sums.sum(axis=0)
    of_assigned = np.divide(sums, assigned_sums, out=np.full((n, n), np.nan), where=assigned_sums > 0)
    # derivatives of each true class's shares by its sums
    slopes = (np.eye(n) - of_truth[:, :, None]) / sums.sum(axis=1)[:, None, None]
    diagonal = np.arange(n)
    accuracy = float(np.trace(sums) / sums.sum())
    to_accuracy = (np.eye(n) - accuracy) / sums.sum()
    to_balanced = slopes[diagonal, diagonal] / n
    return ConfusionMatrix(
        sum_w=sums,
        sum_w_error=np.sqrt(np.diagonal(moments.reshape(n * n, n * n))).reshape(n, n),
        by_truth=of_truth,
        by_truth_error=np.array([_errors(slopes[i], moments[i, :, i, :]) for i in range(n)]),
        by_assigned=of_assigned,
        by_assigned_error=np.array(
            [
                _errors((np.eye(n) - of_assigned[:, j, None]) / assigned_sums[j], moments[:, j, :, j])
                if assigned_sums[j] > 0
                else np.full(n, np.nan)
                for j in range(n)
            ]
        ).T,
        accuracy=accuracy,
        accuracy_error=float(_errors(to_accuracy.reshape(1, -1), moments.reshape(n * n, n * n))[0]),
        balanced_accuracy=float(of_truth[diagonal, diagonal].mean()),
        balanced_accuracy_error=float(_errors(to_balanced.reshape(1, -1), moments.reshape(n * n, n * n))[0]),
    )


def as_labels(labels: ArrayLike, name: str) -> NDArray[np.int64]:
    """Return classes as integers from 0, or raise InvalidInputError."""
    values = as_array(labels, name)
    if values.ndim != 1 or values.dtype.kind not in "iub":
        msg = f"{name} has type {values.dtype} and shape {values.shape}; whole numbers of shape (n_events,) are needed"
        raise InvalidInputError(msg)
    if values.size and int(values.min()) < 0:
        msg = f"{name} has a class {int(values.min())}; classes are counted from 0"
        raise InvalidInputError(msg)
    return values.astype(np.int64)


def _errors(slopes: Floats, moments: Floats) -> Floats:
    variance: Floats = np.einsum("ij,jk,ik->i", slopes, moments, slopes)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float64)
