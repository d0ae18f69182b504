"""Log-loss of the probabilities of several classes, every class counted alike, for signed event weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation.confusion import as_labels
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import as_events, as_numbers, as_weights
from hepml.evaluation.influence import standard_error

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["ClassLogLoss", "class_log_loss"]

# the loss of an event no longer grows below, so that one impossible event does not decide; e^-15 as for two classes
_SMALLEST = float(np.exp(-15.0))


@dataclass(frozen=True, slots=True, eq=False)
class ClassLogLoss(Displayed):
    """Mean of -log of the probability of the true class.

    Parameters
    ----------
    value, error : float
        Mean over the classes.
    by_class, by_class_error : ndarray of float64, shape (n_classes,)
        Of the events of each.
    chance : float
        ``log(n_classes)``, that of equal probabilities.
    """

    value: float
    error: float
    by_class: Floats
    by_class_error: Floats = field(repr=False)
    chance: float

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types."""
        return {
            name: value.tolist() if isinstance(value := getattr(self, name), np.ndarray) else value
            for name in self.__dataclass_fields__
        }


def class_log_loss(
    y_true: ArrayLike, probabilities: ArrayLike, weight: ArrayLike | None = None, *, event: ArrayLike | None = None
) -> ClassLogLoss:
    r"""Log-loss of several classes.

    Parameters
    ----------
    y_true : array-like of int, shape (n_events,)
        Class of each event, counted from 0.
    probabilities : array-like of float, shape (n_events, n_classes)
        Between 0 and 1.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are not independent.

    Returns
    -------
    ClassLogLoss
        Losses with errors.

    Raises
    ------
    EmptyClassError
        If the weights of a class sum to zero or less.
    InvalidInputError
        If a probability is out of range, a class has no column, or the shapes differ.
    WeightError
        If a weight is NaN or infinite, or all are zero.

    Notes
    -----
    :math:`L_k = \sum_{i \in k} w_i l_i / \sum_{i \in k} w_i` with :math:`l_i = -\log \max(p_{i k}, e^{-15})`, a ratio of
    sums with the error of first order, and :math:`L = \sum_k L_k / K`. So the loss does not depend on how the classes are
    weighted against each other; it is that of the training if classes were balanced there.

    Examples
    --------
    >>> round(class_log_loss([0, 1, 2], [[0.5, 0.2, 0.3], [0.2, 0.5, 0.3], [0.3, 0.2, 0.5]]).value, 4)
    0.6931
    """
    matrix = as_numbers(probabilities, "probabilities")
    label = as_labels(y_true, "y_true")
    if matrix.ndim != 2 or matrix.shape[1] < 2 or len(matrix) != label.size:
        msg = (
            f"probabilities have shape {matrix.shape}; ({label.size} events, n_classes), two classes or more, is needed"
        )
        raise InvalidInputError(msg)
    # written so that NaN is refused as well
    if not (matrix.min(initial=0.0) >= 0 and matrix.max(initial=0.0) <= 1 + 1e-9):
        msg = f"probabilities are from {matrix.min():g} to {matrix.max():g}; they must be between 0 and 1"
        raise InvalidInputError(msg)
    n = matrix.shape[1]
    if label.size and int(label.max()) >= n:
        msg = f"there is a class {int(label.max())} in y_true, but only {n} columns of probabilities"
        raise InvalidInputError(msg)
    weights, events = as_weights(weight, label.size), as_events(event, label.size)
    loss = -np.log(np.maximum(matrix[np.arange(label.size), label].astype(np.float64), _SMALLEST))
    by_class, by_class_error, whole = np.empty(n), np.empty(n), np.zeros(label.size)
    for number in range(n):
        own = np.where(label == number, weights, 0.0)
        total = float(own.sum())
        if not total > 0:
            msg = f"the weights of the events of class {number} sum to {total:.6g}: it must be positive"
            raise EmptyClassError(msg)
        by_class[number] = (own * loss).sum() / total
        influence = own * (loss - by_class[number]) / total
        by_class_error[number] = standard_error(influence, events)
        whole += influence / n
    return ClassLogLoss(
        float(by_class.mean()), standard_error(whole, events), by_class, by_class_error, float(np.log(n))
    )
