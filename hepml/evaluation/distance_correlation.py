"""Distance correlation of two quantities, for signed event weights: zero only where they are independent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.dominance import dominance_sums
from hepml.evaluation.events import as_events, as_numbers, as_weights

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["DistanceCorrelation", "distance_correlation"]

# below this many events in distinct places nothing is estimated without bias
_FEWEST = 4


@dataclass(frozen=True, slots=True)
class DistanceCorrelation(Displayed):
    """Squared distance correlation.

    Parameters
    ----------
    value : float
        Without the bias of finite samples: it scatters around 0 where the two are independent, and may be negative there.
        NaN if not computable.
    error : float
        Standard deviation of ``value``.
    n_events : int
        Events in which both quantities are finite.
    n_used : int
        Events that entered: all, or as many as were drawn.
    """

    value: float
    error: float
    n_events: int
    n_used: int

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; what is not computable is None."""
        return {
            name: value if np.isfinite(value := getattr(self, name)) else None for name in self.__dataclass_fields__
        }


def distance_correlation(
    x: ArrayLike,
    y: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    max_events: int | None = 200_000,
    seed: int | np.random.SeedSequence = 0,
) -> DistanceCorrelation:
    r"""Squared distance correlation of two quantities.

    Parameters
    ----------
    x, y : array-like of float, shape (n_events,)
        A score and a spectator, for example. Events in which one is NaN or infinite are left out.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event. Of its rows one is drawn, with their number times its weight: two rows of one
        event say nothing of how far apart independent events are.
    max_events : int, optional
        If there are more events, so many of them are drawn. None: never.
    seed : int or numpy.random.SeedSequence
        Seed of what is drawn.

    Returns
    -------
    DistanceCorrelation
        0 for independence and 1 for a linear relation, with its error.

    Raises
    ------
    EmptyClassError
        If there are no events, or their weights sum to zero or less.
    InvalidInputError
        If the shapes differ, or ``max_events`` is below 4.
    WeightError
        If a weight is NaN or infinite, or all are zero.

    Notes
    -----
    G. Szekely, M. Rizzo, N. Bakirov, Annals of Statistics 35 (2007) 2769, as a ratio of U-statistics (the bias-corrected
    form of G. Szekely, M. Rizzo, Annals of Statistics 42 (2014) 2382) in which each event counts with its weight. It costs
    O(n log n) (X. Huo, G. Szekely, Technometrics 58 (2016) 435). The error is that of the influence function; where it
    vanishes, for independent quantities, the squared error is :math:`2 / n_\mathrm{eff}^2`.

    Examples
    --------
    >>> round(distance_correlation([1, 2, 3, 4, 5], [2, 4, 6, 8, 10]).value, 6)
    1.0
    """
    if max_events is not None and max_events < _FEWEST:
        msg = f"max_events is {max_events}; at least {_FEWEST} are needed"
        raise InvalidInputError(msg)
    columns = [as_numbers(values, name) for values, name in ((x, "x"), (y, "y"))]
    n_rows = columns[0].shape[0] if columns[0].ndim == 1 else 0
    for column, name in zip(columns, "xy", strict=True):
        if column.shape != (n_rows,):
            msg = f"{name} has shape {column.shape}; x and y need one value per event, shape (n_events,)"
            raise InvalidInputError(msg)
    weights = as_weights(weight, n_rows)
    events = as_events(event, n_rows)
    both = np.isfinite(columns[0]) & np.isfinite(columns[1])
    rows, factor = np.flatnonzero(both), np.ones(1)
    rng = np.random.default_rng(seed)
    if events is not None:
        rows, factor = _one_row_each(rows, events, rng)
    n_events = rows.size
    if max_events is not None and n_events > max_events:
        chosen = np.sort(rng.choice(n_events, max_events, replace=False, shuffle=False))
        rows, factor = rows[chosen], factor[chosen] if factor.size > 1 else factor
    used = weights[rows] * factor
    total = float(used.sum())
    if total <= 0:
        msg = f"the weights of the {rows.size} events sum to {total:.6g}: a correlation needs a positive sum"
        raise EmptyClassError(msg)
    value, error = _correlation(columns[0][rows].astype(np.float64), columns[1][rows].astype(np.float64), used / total)
    return DistanceCorrelation(value, error, n_events, rows.size)


def _one_row_each(
    rows: NDArray[np.int64], events: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], Floats]:
    """Draw one row of each event, and give the number of its rows."""
    order = rng.permutation(rows.size)
    _, first, counts = np.unique(events[rows[order]], return_index=True, return_counts=True)
    drawn = rows[order[first]]
    by_row = np.argsort(drawn)
    return drawn[by_row], counts[by_row].astype(np.float64)


class _Covariance(NamedTuple):
    """Squared distance covariance, and by how much a relative change of each event's weight changes it."""

    value: float
    influence: Floats


class _Distances(NamedTuple):
    """Sums over all events of weights times distances, for one quantity: each event's, and of its squared weights too."""

    centred: Floats
    sums: Floats

    @classmethod
    def of(cls, values: Floats, weight: Floats) -> _Distances:
        """Centre and scale the values: no digit is lost to a large constant, no square overflows."""
        scale = float(np.abs(values - values[0]).max())
        centred = (values - values[0]) / (scale or 1.0)
        centred = centred - centred.mean()
        return cls(centred, _weighted_distances(centred, weight))


def _weighted_distances(values: Floats, weight: Floats) -> Floats:
    """``sum_j weight_j |v_i - v_j|`` of each event."""
    order = np.argsort(values, kind="stable")
    ranked, sizes = values[order], weight[order]
    below, moment = np.cumsum(sizes), np.cumsum(sizes * ranked)
    found = np.empty_like(values)
    found[order] = ranked * (2 * below - below[-1]) - 2 * moment + moment[-1]
    return found


def _correlation(x: Floats, y: Floats, weight: Floats) -> tuple[float, float]:
    if x.size < _FEWEST:
        return np.nan, np.nan
    first, second = _Distances.of(x, weight), _Distances.of(y, weight)
    xy = _covariance(first, second, weight, _products(first.centred, second.centred, weight))
    xx = _covariance(first, first, weight, _squares(first.centred, weight))
    yy = _covariance(second, second, weight, _squares(second.centred, weight))
    if not (xx.value > 0 and yy.value > 0):
        return np.nan, np.nan
    scale = np.sqrt(xx.value * yy.value)
    value = float(xy.value / scale)
    influence = xy.influence / scale - 0.5 * value * (xx.influence / xx.value + yy.influence / yy.value)
    linear = float(np.square(influence).sum())
    # the weights sum to one
    quadratic = 2.0 * float(np.square(weight).sum()) ** 2
    # where the two are independent the influence is all noise, which by itself makes its square twice the quadratic term
    return value, float(np.sqrt(max(linear - quadratic, quadratic)))


def _products(x: Floats, y: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """``sum_j w_j |x_i - x_j| |y_i - y_j|`` of each event, and the same with squared weights."""
    weights = np.column_stack([weight, np.square(weight)])
    order = np.argsort(x, kind="stable")
    found = np.empty_like(weights)
    found[order] = dominance_sums(x[order], y[order], np.ascontiguousarray(weights[order]))
    return found[:, 0], found[:, 1]


def _squares(values: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """``sum_j w_j (v_i - v_j)^2`` of each event, and the same with squared weights."""
    found = []
    for sizes in (weight, np.square(weight)):
        total, mean, square = sizes.sum(), (sizes * values).sum(), (sizes * np.square(values)).sum()
        found.append(np.square(values) * total - 2 * values * mean + square)
    return found[0], found[1]


def _covariance(a: _Distances, b: _Distances, weight: Floats, products: tuple[Floats, Floats]) -> _Covariance:
    """Squared distance covariance over distinct events, and its influence function; the weights sum to one."""
    of_pairs, of_squares = products
    square = np.square(weight)
    s2, s3, s4 = (float((weight**power).sum()) for power in (2, 3, 4))
    # sums over two, three and four distinct events of their weights, and of weights times distances
    pairs = float((weight * of_pairs).sum())
    triples = float((weight * (a.sums * b.sums - of_squares)).sum())
    sum_a, sum_b = float((weight * a.sums).sum()), float((weight * b.sums).sum())
    repeated = float((square * (a.sums * b.sums - of_squares)).sum())
    quadruples = sum_a * sum_b - 4 * repeated - 2 * float((square * of_squares).sum())
    value = (
        pairs / (1 - s2) + quadruples / (1 - 6 * s2 + 3 * s2**2 + 8 * s3 - 6 * s4) - 2 * triples / (1 - 3 * s2 + 2 * s3)
    )
    through_b = _weighted_distances(a.centred, weight * b.sums)
    through_a = _weighted_distances(b.centred, weight * a.sums)
    change = 2 * of_pairs + 2 * (a.sums * sum_b + b.sums * sum_a) - 2 * (a.sums * b.sums + through_b + through_a)
    return _Covariance(value, weight * (change - (weight * change).sum()))
