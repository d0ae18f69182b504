"""Signal and background as fractions in common bins, with the covariance that signed weights give them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.events import ScoredEvents, as_numbers
from hepml.evaluation.ranking import Ranking

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["ClassFractions", "Divergence", "cell_moments", "class_fractions", "merged_slots", "quantile_edges"]

# smallest (p + q)^2 / variance of a bin: that of ten events of unit weight
_MIN_EFFECTIVE = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Divergence:
    """A sum over bins of a function of both fractions: as it is, its bias and its standard deviation."""

    uncorrected: float
    bias: float
    error: float


@dataclass(frozen=True, slots=True, eq=False)
class ClassFractions:
    """Fractions of both classes in bins of equal population.

    Parameters
    ----------
    edges : ndarray of float64, shape (n + 1,)
        Lower edges are inclusive; the outermost are infinite. Missing values have a bin of their own behind the others
        if they fill one.
    signal, background : ndarray of float64, shape (n_bins,)
        Share of the class's sum of weights, not negative.
    moments : ndarray of float64, shape (2 n_bins, 2 n_bins)
        Sums over events of products of their weights in two bins, each relative to its class's sum; signal first.
    computable : bool
        False if even a single bin would hold a negative share.
    """

    edges: Floats
    signal: Floats
    background: Floats
    moments: Floats
    computable: bool

    def covariance(self) -> Floats:
        """Covariance of all fractions, signal first, to first order in 1/n; shape (2 n_bins, 2 n_bins)."""
        n = self.signal.size
        reduced = self.moments.copy()
        for _ in range(2):
            # a fraction moves with its bin's sum, and against the sum of its class
            for fraction, rows in ((self.signal, slice(0, n)), (self.background, slice(n, 2 * n))):
                reduced[rows] -= fraction[:, None] * reduced[rows].sum(axis=0)
            reduced = reduced.T.copy()
        return reduced

    def bias(self) -> Floats:
        """Bias of each fraction as a ratio of sums, to first order in 1/n; shape (2 n_bins,)."""
        n = self.signal.size
        found = np.empty(2 * n)
        for fraction, rows in ((self.signal, slice(0, n)), (self.background, slice(n, 2 * n))):
            with_class = self.moments[rows, rows].sum(axis=1)
            found[rows] = fraction * with_class.sum() - with_class
        return found

    def divergence(self, value: Floats, gradient: tuple[Floats, Floats], curvature: Floats) -> Divergence:
        """Propagate the fractions' uncertainty to a sum over bins of f(p, q), homogeneous of degree one.

        Parameters
        ----------
        value : ndarray of float64, shape (n_bins,)
            f of each bin.
        gradient : tuple of two ndarray of float64, each of shape (n_bins,)
            Derivatives by the signal's and by the background's fraction.
        curvature : ndarray of float64, shape (n_bins,)
            h, where the second derivatives are h (q, -p) (q, -p): every function of degree one has this form.

        Returns
        -------
        Divergence
            To second order, so that it is not zero where the classes agree and the gradient vanishes.
        """
        n = self.signal.size
        covariance = self.covariance()
        slope = np.concatenate(gradient)
        across = np.concatenate([self.background, -self.signal])
        turned = across[:, None] * covariance * across
        mixed = turned[:n, :n] + turned[:n, n:] + turned[n:, :n] + turned[n:, n:]
        linear = float((slope[:, None] * covariance * slope).sum())
        quadratic = 0.5 * float((curvature[:, None] * np.square(mixed) * curvature).sum())
        bias = 0.5 * float((curvature * np.diagonal(mixed)).sum()) + float((slope * self.bias()).sum())
        # where the classes agree the slope is all noise, which by itself makes its square twice the quadratic term
        return Divergence(float(value.sum()), bias, float(np.sqrt(max(linear - quadratic, quadratic))))


def class_fractions(
    values: ArrayLike,
    y_true: ArrayLike,
    weight: ArrayLike | None,
    event: ArrayLike | None,
    n_bins: int,
    *,
    each_fills: bool = False,
) -> ClassFractions:
    """Bin a feature so that both classes together fill each bin equally; see :func:`hepml.evaluation.separation`.

    With ``each_fills`` ten effective events of either class fill a bin, not of both together: for functions that are not
    smooth where one fraction is zero.
    """
    column = as_numbers(values, "a feature")
    if column.ndim != 1:
        msg = f"a feature has shape {column.shape}; one value per event, shape (n_events,), is needed"
        raise InvalidInputError(msg)
    if n_bins < 1:
        msg = f"{n_bins} bins were asked for; at least 1 is needed"
        raise InvalidInputError(msg)
    # zeros stand in for the column, which may hold what a score may not
    events = ScoredEvents.check(y_true, np.zeros(column.shape), weight, event)
    column = column.astype(np.float64)
    is_signal = events.is_signal
    share = np.where(
        is_signal,
        events.weight / events.weight.sum(where=is_signal),
        events.weight / events.weight.sum(where=~is_signal),
    )
    missing = np.isnan(column)
    edges = quantile_edges(column[~missing], _absolute(share, is_signal)[~missing], n_bins)
    slot = np.searchsorted(edges[1:-1], column, side="right")
    slot[missing] = edges.size - 1
    keep, computable = merged_slots(slot, share, is_signal, edges.size - 1, each_fills=each_fills)
    # what is too rare for a bin of its own is left out: it would only add noise
    n_slots = int(keep.max()) + 1
    final = keep[slot]
    used = final >= 0
    cell = final[used] + np.where(is_signal[used], 0, n_slots)
    sums = np.bincount(cell, weights=share[used], minlength=2 * n_slots)
    first = np.searchsorted(keep[:-1], np.arange(keep[:-1].max() + 1))
    moments = cell_moments(cell, share[used], None if events.event is None else events.event[used], 2 * n_slots)
    norm = np.repeat([sums[:n_slots].sum(), sums[n_slots:].sum()], n_slots)
    computable = computable and bool((norm > 0).all())
    if not computable:
        norm = np.ones(2 * n_slots)
    return ClassFractions(
        edges=np.append(edges[first], np.inf),
        signal=(sums / norm)[:n_slots],
        background=(sums / norm)[n_slots:],
        moments=moments / (norm[:, None] * norm),
        computable=computable,
    )


def _absolute(share: Floats, is_signal: NDArray[np.bool_]) -> Floats:
    """Absolute shares, scaled so that both classes together weigh the same."""
    size = np.abs(share)
    sums: Floats = np.where(is_signal, size.sum(where=is_signal), size.sum(where=~is_signal))
    return size / sums


def quantile_edges(values: Floats, size: Floats, n_bins: int, *, n_halvings: int = 0) -> Floats:
    """Edges between distinct values that share out the absolute weights equally, the outermost bins halved at times."""
    outer = np.array([-np.inf, np.inf])
    if not values.size:
        return outer
    ranking = Ranking(values)
    ranked, filled = ranking.ascending(values), np.cumsum(ranking.ascending(size))
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    distinct, filled = ranked[last], filled[last]
    tail = 0.5 ** np.arange(n_halvings, 0, -1) / n_bins
    wanted = filled[-1] * np.concatenate([tail, np.arange(1, n_bins) / n_bins, 1 - tail[::-1]])
    # rounding must not decide on which side of an edge an event falls
    above = np.searchsorted(filled, wanted * (1 - 1e-12)) + 1
    inner = distinct[np.unique(above[above < distinct.size])]
    return np.concatenate([outer[:1], inner[np.isfinite(inner)], outer[1:]])


def merged_slots(
    slot: NDArray[np.int64], share: Floats, is_signal: NDArray[np.bool_], n_slots: int, *, each_fills: bool = False
) -> tuple[NDArray[np.int64], bool]:
    """Give each slot its bin: neighbours are merged until no share is negative and ten events fill a bin.

    The last slot, of missing values, is merged with none; -1 if it does not fill a bin.
    """
    length = n_slots + 1
    signal = np.bincount(slot[is_signal], weights=share[is_signal], minlength=length)
    background = np.bincount(slot[~is_signal], weights=share[~is_signal], minlength=length)
    squares = [
        np.bincount(slot[mask], weights=np.square(share[mask]), minlength=length) for mask in (is_signal, ~is_signal)
    ]

    def fills(start: int, stop: int) -> bool:
        p, q = float(signal[start:stop].sum()), float(background[start:stop].sum())
        square_p, square_q = (float(square[start:stop].sum()) for square in squares)
        if each_fills:
            return p > 0 and q > 0 and p**2 >= _MIN_EFFECTIVE * square_p and q**2 >= _MIN_EFFECTIVE * square_q
        return p >= 0 and q >= 0 and (p + q) ** 2 >= _MIN_EFFECTIVE * (square_p + square_q) and p + q > 0

    starts = [0]
    for bound in range(1, n_slots):
        if fills(starts[-1], bound):
            starts.append(bound)
    while len(starts) > 1 and not fills(starts[-1], n_slots):
        starts.pop()
    number = np.searchsorted(starts, np.arange(n_slots), side="right") - 1
    p, q = float(signal[:n_slots].sum()), float(background[:n_slots].sum())
    missing = number[-1] + 1 if fills(n_slots, length) else -1
    return np.append(number, missing), p >= 0 and q >= 0


def cell_moments(cell: NDArray[np.int64], share: Floats, event: NDArray[np.int64] | None, n_cells: int) -> Floats:
    """Sum, over events, the products of what they have in two cells; without ``event`` each row is an event."""
    if event is None:
        diagonal: Floats = np.zeros((n_cells, n_cells))
        np.fill_diagonal(diagonal, np.bincount(cell, weights=np.square(share), minlength=n_cells))
        return diagonal
    from scipy.sparse import csr_array

    # entries of one place are added
    matrix = csr_array((share, (event, cell)), shape=(int(event.max(initial=0)) + 1, n_cells))
    product: Any = matrix.T @ matrix
    return np.asarray(product.toarray(), dtype=np.float64)
