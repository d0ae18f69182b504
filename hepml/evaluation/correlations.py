"""Linear and rank correlations of features, for signed event weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import as_events, as_numbers, as_weights

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["Correlations", "correlations"]


@dataclass(frozen=True, slots=True, eq=False)
class Correlations(Displayed):
    """Matrices of correlation coefficients with their errors, each of shape (n_features, n_features).

    Parameters
    ----------
    linear, linear_error : ndarray of float64
        Pearson's coefficient. NaN where not computable: a constant feature, or a variance that comes out negative.
    rank, rank_error : ndarray of float64
        Spearman's coefficient, the linear one of the ranks.
    n_events : ndarray of int64
        Rows in which both features have a finite value.
    """

    linear: Floats
    linear_error: Floats
    rank: Floats
    rank_error: Floats
    n_events: NDArray[np.int64]

    def to_dict(self) -> dict[str, list[list[float | None]]]:
        """Return the matrices as plain JSON types; what is not computable is None."""
        return {
            name: [[value if np.isfinite(value) else None for value in row] for row in getattr(self, name).tolist()]
            for name in self.__dataclass_fields__
        }


def correlations(X: ArrayLike, weight: ArrayLike | None = None, *, event: ArrayLike | None = None) -> Correlations:
    r"""Correlate each feature with each other one; call it for signal and for background.

    Parameters
    ----------
    X : array-like of float, shape (n_events, n_features)
        Features. A row counts for a pair if both values are finite: NaN and infinities are left out pairwise, so the
        coefficients of different pairs may be those of different events.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are not independent.

    Returns
    -------
    Correlations
        Both kinds of coefficients with errors. With negative weights they may leave [-1, 1]; nothing is clipped.

    Raises
    ------
    EmptyClassError
        If there are no events, or their weights sum to zero or less.
    InvalidInputError
        If the shapes differ.
    WeightError
        If a weight is NaN or infinite, or all are zero.

    Notes
    -----
    The rank of a value is its weighted distribution function, ties at their middle:
    :math:`F(x) = \sum_{x_j < x} w_j + \frac12 \sum_{x_j = x} w_j`, relative to :math:`\sum w`. Errors are those of the
    influence function, :math:`\sigma^2 = \sum_e (\sum_{i \in e} w_i \psi_i)^2 / (\sum w)^2`, which for ranks includes
    that they are estimated from the same events (C. Croux, C. Dehon, Stat. Methods Appl. 19 (2010) 497).

    Examples
    --------
    >>> correlations([[1, 10], [2, 30], [3, 20], [4, 40]]).rank.round(3)
    array([[1. , 0.8],
           [0.8, 1. ]])
    """
    matrix = as_numbers(X, "X")
    if matrix.ndim != 2:
        msg = f"X has shape {matrix.shape}; one row per event, shape (n_events, n_features), is needed"
        raise InvalidInputError(msg)
    n_rows, n_features = matrix.shape
    weights = as_weights(weight, n_rows)
    events = as_events(event, n_rows)
    total = float(weights.sum())
    if total <= 0:
        msg = f"the weights of the {n_rows} rows sum to {total:.6g}: a correlation needs a positive sum"
        raise EmptyClassError(msg)
    columns = [_Column.of(matrix[:, number], weights) for number in range(n_features)]
    linear, linear_error, rank, rank_error = (np.full((n_features, n_features), np.nan) for _ in range(4))
    n_events = np.zeros((n_features, n_features), dtype=np.int64)
    # what overflows even so comes out as NaN: not computable
    with np.errstate(over="ignore", invalid="ignore"):
        for i, first in enumerate(columns):
            for j in range(i + 1):
                pair = _Pair.of(first, columns[j], weights, events)
                n_events[i, j] = n_events[j, i] = pair.weight.size
                for value, error, found in ((linear, linear_error, pair.linear()), (rank, rank_error, pair.rank())):
                    value[i, j] = value[j, i] = found.value
                    error[i, j] = error[j, i] = found.error
    return Correlations(linear, linear_error, rank, rank_error, n_events)


class _Coefficient(NamedTuple):
    value: float
    error: float


_NOT_COMPUTABLE = _Coefficient(np.nan, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class _Ranked:
    """Values in their order: rows, the number of the distinct value of each row, and the rank of each row."""

    order: NDArray[np.int64]
    distinct: NDArray[np.int64]
    rank: Floats

    @classmethod
    def of(cls, values: Floats, order: NDArray[np.int64], weight: Floats) -> _Ranked:
        ranked = values[order]
        number = np.zeros(values.size, dtype=np.int64)
        number[order] = np.cumsum(np.append(False, ranked[1:] != ranked[:-1])[: values.size])
        sums = np.bincount(number, weights=weight)
        below = np.cumsum(sums) - 0.5 * sums
        return cls(order, number, (below / sums.sum())[number] if values.size else np.zeros(0))

    def above(self, weighted: Floats) -> Floats:
        """Sum, for each row, of what stands in rows of larger values, and half of that in rows of equal ones."""
        sums = np.bincount(self.distinct, weights=weighted)
        return np.asarray((sums.sum() - np.cumsum(sums) + 0.5 * sums)[self.distinct], dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    values: Floats
    finite: NDArray[np.bool_] | None
    ranked: _Ranked

    @classmethod
    def of(cls, column: NDArray[Any], weight: Floats) -> _Column:
        values = column.astype(np.float64)
        finite = np.isfinite(values)
        order = np.argsort(values, kind="stable")
        return cls(values, None if finite.all() else finite, _Ranked.of(values, order, weight))


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Two features in the rows that have both."""

    values: tuple[Floats, Floats]
    ranked: tuple[_Ranked, _Ranked]
    weight: Floats
    event: NDArray[np.int64] | None
    same: bool

    @classmethod
    def of(cls, first: _Column, second: _Column, weight: Floats, event: NDArray[np.int64] | None) -> _Pair:
        same = first is second
        if first.finite is None and second.finite is None:
            return cls((first.values, second.values), (first.ranked, second.ranked), weight, event, same)
        both = np.ones(weight.size, dtype=np.bool_)
        for column in (first, second):
            if column.finite is not None:
                both &= column.finite
        position = np.cumsum(both) - 1
        kept = weight[both]

        def ranked(column: _Column) -> _Ranked:
            order = column.ranked.order
            return _Ranked.of(column.values[both], position[order[both[order]]], kept)

        return cls(
            (first.values[both], second.values[both]),
            (ranked(first), ranked(second)),
            kept,
            None if event is None else event[both],
            same,
        )

    def linear(self) -> _Coefficient:
        total = float(self.weight.sum())
        if not total > 0:
            return _NOT_COMPUTABLE
        standard = []
        for values in self.values:
            if values.min() == values.max():
                return _NOT_COMPUTABLE
            # relative to one of the values, so that a constant beside which they vary little costs no digits
            centred = values - values[0]
            # squares of huge values would overflow
            centred /= np.abs(centred).max()
            centred = centred - (self.weight * centred).sum() / total
            variance = float((self.weight * np.square(centred)).sum()) / total
            if not variance > 0:
                return _NOT_COMPUTABLE
            standard.append(centred / np.sqrt(variance))
        x, y = standard
        value = float((self.weight * x * y).sum()) / total
        influence = x * y - 0.5 * value * (np.square(x) + np.square(y))
        return self._with_error(value, influence, total)

    def rank(self) -> _Coefficient:
        total = float(self.weight.sum())
        if not total > 0:
            return _NOT_COMPUTABLE
        first, second = self.ranked
        x, y = first.rank, second.rank
        # the mean rank is one half, whatever the weights
        moments, influences = [], []
        for (one, a), (other, b) in (((first, x), (second, y)), ((first, x), (first, x)), ((second, y), (second, y))):
            moment = float((self.weight * a * b).sum()) / total
            # each event also moves the ranks of all above it
            moved = one.above(self.weight * b) + other.above(self.weight * a)
            moments.append(moment - 0.25)
            influences.append(a * b + moved / total - 3 * moment)
        covariance, variance_x, variance_y = moments
        if any(ranked.distinct.max(initial=0) == 0 for ranked in self.ranked) or not min(variance_x, variance_y) > 0:
            return _NOT_COMPUTABLE
        scale = np.sqrt(variance_x * variance_y)
        value = float(covariance / scale)
        influence = influences[0] / scale - 0.5 * value * (influences[1] / variance_x + influences[2] / variance_y)
        return self._with_error(value, influence, total)

    def _with_error(self, value: float, influence: Floats, total: float) -> _Coefficient:
        if self.same:
            return _Coefficient(1.0, 0.0)
        moved: Floats = self.weight * influence
        if self.event is not None:
            moved = np.bincount(self.event, weights=moved).astype(np.float64, copy=False)
        return _Coefficient(value, float(np.sqrt(np.square(moved).sum())) / total)
