"""Areas under the ROC curves of more than two classes: each against the rest, each against each other, and their means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation.confusion import as_labels
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import as_events, as_numbers, as_scores, as_weights

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["MulticlassAuc", "multiclass_auc"]


@dataclass(frozen=True, slots=True, eq=False)
class MulticlassAuc(Displayed):
    """Areas under ROC curves, and their means over the classes with the covariance of what is averaged.

    Parameters
    ----------
    one_vs_rest, one_vs_rest_error : ndarray of float64, shape (n_classes,)
        Events of a class against all others as they are weighted, by the class's own score.
    one_vs_one, one_vs_one_error : ndarray of float64, shape (n_classes, n_classes)
        Events of the row's class against those of the column's, by the score of the row's class. NaN on the diagonal.
    macro_one_vs_rest, macro_one_vs_rest_error : float
        Mean over classes.
    macro_one_vs_one, macro_one_vs_one_error : float
        Mean over ordered pairs of classes: independent of how the classes are weighted.
    """

    one_vs_rest: Floats
    one_vs_rest_error: Floats = field(repr=False)
    one_vs_one: Floats = field(repr=False)
    one_vs_one_error: Floats = field(repr=False)
    macro_one_vs_rest: float
    macro_one_vs_rest_error: float
    macro_one_vs_one: float
    macro_one_vs_one_error: float

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; the diagonal of the pairs is None."""
        found: dict[str, Any] = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, np.ndarray) and value.ndim > 1:
                found[name] = [[number if np.isfinite(number) else None for number in row] for row in value.tolist()]
            else:
                found[name] = value.tolist() if isinstance(value, np.ndarray) else value
        return found


def multiclass_auc(
    y_true: ArrayLike,
    scores: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
) -> MulticlassAuc:
    r"""Areas under the ROC curves of several classes.

    Parameters
    ----------
    y_true : array-like of int, shape (n_events,)
        Class of each event, counted from 0.
    scores : array-like of float, shape (n_events, n_classes)
        One column for each class; finite. They need not sum to one.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are not independent.

    Returns
    -------
    MulticlassAuc
        Areas with errors.

    Raises
    ------
    EmptyClassError
        If a class, or all others together, have no events or a sum of weights of zero or less.
    InvalidInputError
        If a score is NaN or infinite, a class has no column, there are fewer than two, or the shapes differ.
    WeightError
        If a weight is NaN or infinite, or all are zero.

    Notes
    -----
    Each area is that of :func:`hepml.evaluation.roc_curve`. The means over classes and over pairs are those of D. Hand,
    R. Till, Machine Learning 45 (2001) 171; an event enters most areas, so the error of a mean is that of its summed
    influences, :math:`\sigma^2 = \sum_e (\sum_{i \in e} \sum_k \psi_{ik} / K)^2`.

    Examples
    --------
    >>> multiclass_auc([0, 1, 2], [[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.1, 0.6, 0.3]]).one_vs_rest.tolist()
    [1.0, 0.5, 0.75]
    """
    matrix = as_numbers(scores, "scores")
    label = as_labels(y_true, "y_true")
    if matrix.ndim != 2 or matrix.shape[1] < 2:
        msg = f"scores have shape {matrix.shape}; (n_events, n_classes) with two classes or more is needed"
        raise InvalidInputError(msg)
    n = matrix.shape[1]
    if label.size and int(label.max()) >= n:
        msg = f"there is a class {int(label.max())} in y_true, but only {n} columns of scores"
        raise InvalidInputError(msg)
    weights = as_weights(weight, label.size)
    events = as_events(event, label.size)
    for number in range(n):
        for name, mask in ((f"class {number}", label == number), (f"all classes but {number}", label != number)):
            total = float(weights.sum(where=mask))
            if not total > 0:
                msg = f"the weights of the {np.count_nonzero(mask)} events of {name} sum to {total:.6g}: it must be positive"
                raise EmptyClassError(msg)

    def error(influence: Floats) -> float:
        if events is not None:
            influence = np.bincount(events, weights=influence).astype(np.float64, copy=False)
        return float(np.sqrt(np.square(influence).sum()))

    rest, rest_error, pairs, pairs_error = np.empty(n), np.empty(n), np.full((n, n), np.nan), np.full((n, n), np.nan)
    all_rest, all_pairs = np.zeros(label.size), np.zeros(label.size)
    for i in range(n):
        column = as_scores(matrix[:, i], label.size, f"scores of class {i}")
        order = np.argsort(column, kind="stable")
        own = np.where(label == i, weights, 0.0)
        ranked = _Ranked(column, order)
        rest[i], influence = ranked.area(own, weights - own)
        rest_error[i] = error(influence)
        all_rest += influence / n
        for j in range(n):
            if i == j:
                continue
            pairs[i, j], influence = ranked.area(own, np.where(label == j, weights, 0.0))
            pairs_error[i, j] = error(influence)
            all_pairs += influence / (n * (n - 1))
    return MulticlassAuc(
        one_vs_rest=rest,
        one_vs_rest_error=rest_error,
        one_vs_one=pairs,
        one_vs_one_error=pairs_error,
        macro_one_vs_rest=float(rest.mean()),
        macro_one_vs_rest_error=error(all_rest),
        macro_one_vs_one=float(np.nansum(pairs) / (n * (n - 1))),
        macro_one_vs_one_error=error(all_pairs),
    )


class _Ranked:
    """Rows in the order of one score, with ties known."""

    def __init__(self, score: NDArray[Any], order: NDArray[np.int64]) -> None:
        ranked = score[order]
        self._number = np.empty(order.size, dtype=np.int64)
        self._number[order] = np.cumsum(np.append(False, ranked[1:] != ranked[:-1])[: order.size])

    def area(self, signal: Floats, background: Floats) -> tuple[float, Floats]:
        """Area for two classes, given by weights that are zero elsewhere, and each row's influence on it (DeLong)."""
        signal_here = np.bincount(self._number, weights=signal)
        background_here = np.bincount(self._number, weights=background)
        sum_signal, sum_background = signal_here.sum(), background_here.sum()
        beaten = (np.cumsum(background_here) - 0.5 * background_here) / sum_background
        beating = (sum_signal - np.cumsum(signal_here) + 0.5 * signal_here) / sum_signal
        area = float((signal_here * beaten).sum() / sum_signal)
        influence = signal / sum_signal * (beaten - area)[self._number]
        influence += background / sum_background * (beating - area)[self._number]
        return area, influence
