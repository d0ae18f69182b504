"""What any method has to beat: the best cut on one feature, and the linear discriminant of all, for signed weights."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation.events import ScoredEvents
from hepml.evaluation.influence import area_influence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Matrix = NDArray[np.float32]

__all__ = ["LinearDiscriminant", "SingleCut", "best_single_cut", "linear_discriminant"]

# share of a column's variance below which the others tell all that it does
_REDUNDANT = 1e-6
# what float32 can tell apart, relative
_RESOLUTION = 1e-7
# the score of an event whose feature is missing: no cut keeps it
_FAILS = float(np.finfo(np.float32).min)


@dataclass(frozen=True, slots=True)
class SingleCut:
    """A cut on one feature: above or below a value, or within a distance of the signal's median.

    Parameters
    ----------
    feature : str
        Its name.
    column : int
        Its number.
    kind : {"above", "below", "near"}
        Which values pass.
    center : float
        What "near" means; 0 for the other kinds.
    auc_train : float
        Area under the ROC curve over all cuts of this kind, on the events that it was chosen on.
    """

    feature: str
    column: int
    kind: str
    center: float
    auc_train: float

    def evaluate(self, X: Matrix) -> Floats:
        """Return the score of each event, shape (n_events,); an event without the feature passes no cut."""
        return _cut_score(X[:, self.column], self.kind, self.center)

    def describe(self, threshold: float) -> str:
        """Return what ``score >= threshold`` means, in words of the feature."""
        if self.kind == "above":
            return f"{self.feature} >= {threshold:.4g}"
        if self.kind == "below":
            return f"{self.feature} <= {-threshold:.4g}"
        return f"|{self.feature} - {self.center:.4g}| <= {-threshold:.4g}"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON types."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "column"}


@dataclass(frozen=True, slots=True, eq=False)
class LinearDiscriminant:
    """Fisher's discriminant of the features and of their being missing.

    Parameters
    ----------
    features : tuple of str
        All features, in the order of the columns.
    fill, scale : ndarray of float64, shape (n_features,)
        Mean of the two classes, which a missing value takes, and standard deviation within a class; scale 0 where a feature
        is constant.
    coefficient, missing_coefficient : ndarray of float64, shape (n_features,)
        Of each standardised feature, and of its being missing; zero where left out.
    left_out : tuple of str
        Columns that others determine, or whose signed variance is not positive.
    """

    features: tuple[str, ...]
    fill: Floats = field(repr=False)
    scale: Floats = field(repr=False)
    coefficient: Floats = field(repr=False)
    missing_coefficient: Floats = field(repr=False)
    left_out: tuple[str, ...]

    def evaluate(self, X: Matrix) -> Floats:
        """Return the discriminant of each event, shape (n_events,)."""
        score = np.zeros(len(X))
        for column in range(len(self.features)):
            if self.coefficient[column] == 0 and self.missing_coefficient[column] == 0:
                continue
            values = X[:, column].astype(np.float64)
            missing = np.isnan(values)
            if self.coefficient[column] != 0:
                values -= self.fill[column]
                values[missing] = 0.0
                score += values * (self.coefficient[column] / self.scale[column])
            score += self.missing_coefficient[column] * missing
        return score

    def to_dict(self) -> dict[str, Any]:
        """Return the coefficients, for features in units of their standard deviation, as plain JSON types."""
        return {
            "coefficients": dict(zip(self.features, self.coefficient.tolist(), strict=True)),
            "missing_coefficients": {
                name: float(value)
                for name, value in zip(self.features, self.missing_coefficient, strict=True)
                if value != 0
            },
            "left_out": list(self.left_out),
        }


def best_single_cut(X: Matrix, y: NDArray[Any], weight: Floats, features: Sequence[str]) -> SingleCut:
    """Choose the feature and the kind of cut with the largest area under the ROC curve.

    Parameters
    ----------
    X : ndarray of float32, shape (n_events, n_features)
        Features; NaN where missing.
    y : ndarray of 0/1, shape (n_events,)
        1 for signal.
    weight : ndarray of float64, shape (n_events,)
        Signed weights.
    features : sequence of str
        Names of the columns.

    Returns
    -------
    SingleCut
        The first one, if several are equal.

    Raises
    ------
    EmptyClassError, WeightError
        If a class is missing or its weights sum to zero or less; if a weight is not finite.
    InvalidInputError
        If there is no feature.
    """
    best: SingleCut | None = None
    # both classes with a positive sum, or an error
    events = ScoredEvents.check(y, np.zeros(len(y)), weight)
    for column, name in enumerate(features):
        center = _median(X[:, column][y == 1], weight[y == 1])
        for kind in ("above", "below", "near"):
            auc, _ = area_influence(replace(events, score=_cut_score(X[:, column], kind, center)))
            if best is None or auc > best.auc_train:
                best = SingleCut(name, column, kind, center if kind == "near" else 0.0, auc)
    if best is None:
        msg = "a cut needs at least one feature"
        raise InvalidInputError(msg)
    return best


def linear_discriminant(X: Matrix, y: NDArray[Any], weight: Floats, features: Sequence[str]) -> LinearDiscriminant:
    """Find Fisher's discriminant ``W^-1 (mu_S - mu_B)``, with the mean W of the covariances within the two classes.

    Parameters
    ----------
    X : ndarray of float32, shape (n_events, n_features)
        Features; NaN where missing.
    y : ndarray of 0/1, shape (n_events,)
        1 for signal.
    weight : ndarray of float64, shape (n_events,)
        Signed weights.
    features : sequence of str
        Names of the columns.

    Returns
    -------
    LinearDiscriminant
        With a column more for each feature that has missing values, which is 1 where it is missing.

    Raises
    ------
    EmptyClassError
        If a class is missing or its weights sum to zero or less.

    Notes
    -----
    R. Fisher, Annals of Eugenics 7 (1936) 179. A missing value takes the mean of the two classes' means of the values that
    are there. Columns are taken up in the order of the variance that those before leave of them (a Cholesky decomposition
    with pivots), until less than a millionth is left. Events that are held at a time: 8 bytes for each and each column.
    """
    classes = []
    for value, name in ((1, "signal"), (0, "background")):
        rows = y == value
        total = float(weight[rows].sum())
        if total <= 0:
            msg = f"the weights of {int(rows.sum())} {name} events sum to {total:.6g}: a discriminant needs a positive sum"
            raise EmptyClassError(msg)
        classes.append((rows, weight[rows] / total))
    n_features = len(features)
    fill = np.array([_common_mean(X[:, column], classes) for column in range(n_features)])
    has_missing = [column for column in range(n_features) if np.isnan(X[:, column]).any()]
    names = [*features, *(f"{features[column]} is missing" for column in has_missing)]
    difference = np.zeros(len(names))
    within = np.zeros((len(names), len(names)))
    for sign, (rows, shares) in zip((1.0, -1.0), classes, strict=True):
        columns = [np.where(np.isnan(v), 0.0, v - fill[k]) for k, v in enumerate(X[rows].astype(np.float64).T)]
        columns += [np.isnan(X[rows, column]).astype(np.float64) for column in has_missing]
        for first, values in enumerate(columns):
            mean = float((shares * values).sum())
            difference[first] += sign * mean
            columns[first] = values - mean
            weighted = shares * columns[first]
            within[first, : first + 1] += [0.5 * float((weighted * other).sum()) for other in columns[: first + 1]]
    within += np.tril(within, -1).T
    variance = np.diag(within).copy()
    varies = variance > np.square(_RESOLUTION * np.concatenate([fill, np.zeros(len(has_missing))]))
    scale = np.sqrt(np.where(varies, variance, 0.0))
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    coefficient, used = _solve(within * inverse[:, None] * inverse, difference * inverse)
    missing_coefficient = np.zeros(n_features)
    missing_coefficient[has_missing] = coefficient[n_features:] * inverse[n_features:]
    return LinearDiscriminant(
        features=tuple(features),
        fill=fill,
        scale=scale[:n_features],
        coefficient=coefficient[:n_features],
        missing_coefficient=missing_coefficient,
        left_out=tuple(name for name, is_used in zip(names, used, strict=True) if not is_used),
    )


def _cut_score(values: Matrix, kind: str, center: float) -> Floats:
    column = values.astype(np.float64)
    score = -np.abs(column - center) if kind == "near" else column if kind == "above" else -column
    return np.where(np.isnan(column), _FAILS, score)


def _median(values: Matrix, weight: Floats) -> float:
    """Where the share of the weights first reaches one half, of the values that are there."""
    there = ~np.isnan(values)
    order = np.argsort(values[there], kind="stable")
    shares = np.cumsum(weight[there][order])
    if not order.size or shares[-1] <= 0:
        return 0.0
    return float(values[there][order][np.argmax(shares >= 0.5 * shares[-1])])


def _common_mean(values: Matrix, classes: Sequence[tuple[NDArray[np.bool_], Floats]]) -> float:
    """Mean over the classes of the means of the values that are there."""
    means = []
    for rows, shares in classes:
        column = values[rows].astype(np.float64)
        there = ~np.isnan(column)
        total = float(shares[there].sum())
        if total > 0:
            means.append(float((shares[there] * column[there]).sum()) / total)
    return sum(means) / len(means) if means else 0.0


def _solve(matrix: Floats, goal: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Solve with a matrix of unit diagonal by pivots, leaving out columns that the others determine."""
    left = np.column_stack([matrix, goal])
    used = np.zeros(goal.size, dtype=np.bool_)
    for _ in range(goal.size):
        diagonal = np.where(used, -np.inf, np.diag(left))
        pivot = int(np.argmax(diagonal))
        if not diagonal[pivot] > _REDUNDANT:
            break
        used[pivot] = True
        left[pivot] /= left[pivot, pivot]
        for row in range(goal.size):
            if row != pivot:
                left[row] -= left[row, pivot] * left[pivot]
    return np.where(used, left[:, -1], 0.0), used
