"""Expected events behind cuts and in bins of the score, with errors, for samples that are scaled one by one.

``powers(i, j)`` is here the sum over the events of one sample of ``P^i T^j``, P being the sum of the weights of an event's
rows that pass (or lie in a bin) and T that of all of its rows: all moments of the events' shares follow from these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepml.evaluation.events import ScoredEvents
from hepml.evaluation.ranking import Ranking
from hepml.evaluation.scaled_events import Sample, ScaledEvents, sums_by
from hepml.evaluation.sweep import SortedRows
from hepml.evaluation.variance_scatter import VarianceScatter, moment_of_shares

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.int64]

__all__ = ["BinnedYields", "Yields", "sorted_by_score", "spread_cuts", "yields_at_cuts", "yields_in_bins"]


@dataclass(frozen=True, slots=True, eq=False)
class Yields:
    """Signal and background of several selections, each array of shape (n_selections,).

    Parameters
    ----------
    signal, background : ndarray of float64
        Expected events.
    signal_variance, background_variance, covariance : ndarray of float64
        Of the estimates; the covariance is 0 unless one event has rows of both classes.
    background_third, background_fourth : ndarray of float64
        Sums of the third and fourth powers of the events' shares in the background: covariance of the background with the
        estimate of its variance, and variance of that estimate.
    background_squares : ndarray of float64
        Sum of the squared, scaled weights of the passing background (of one event's rows together).
    signal_efficiency_variance : ndarray of float64
        Of ``signal / signal_total``.
    signal_total : float
        Signal without any cut.
    """

    signal: Floats
    background: Floats
    signal_variance: Floats
    background_variance: Floats
    covariance: Floats
    background_third: Floats
    background_fourth: Floats
    background_squares: Floats
    signal_efficiency_variance: Floats
    signal_total: float

    @property
    def background_effective(self) -> Floats:
        """Effective number of background events, ``(sum w)^2 / sum w^2``; infinite for a background given without error."""
        filled = self.background_squares > 0
        effective = np.square(self.background) / np.where(filled, self.background_squares, 1.0)
        return np.where(filled, effective, np.where(self.background > 0, np.inf, 0.0))

    def at(self, chosen: slice) -> Yields:
        """Return some of the selections."""
        arrays = {name: getattr(self, name)[chosen] for name in self.__dataclass_fields__ if name != "signal_total"}
        return Yields(**arrays, signal_total=self.signal_total)


@dataclass(frozen=True, slots=True, eq=False)
class BinnedYields:
    """Yields in bins of the score, with what the error of a function of all of them needs."""

    yields: Yields
    edges: Floats
    _tables: tuple[_BinnedSample, ...]

    def error_of(self, to_signal: Floats, to_background: Floats, to_variance: Floats) -> float:
        """Error of a number whose derivatives with respect to each bin's s, b and variance of b are given.

        The events of all bins and samples are followed one by one, so all covariances are in it.
        """
        shares, owners, variance = [], [], 0.0
        for table in self._tables:
            slope = to_signal if table.sample.is_signal else to_background
            curvature = np.zeros_like(slope) if table.sample.is_signal else to_variance
            failing = table.sample.failing_share(table.efficiency)
            passing = failing + table.sample.factor
            outside = (slope * failing).sum()
            outside_square = (curvature * np.square(failing)).sum()
            within = slope * table.sample.factor
            if table.scatter is None:
                variance += table.sample.rest_variance * float((slope * table.efficiency).sum()) ** 2
            else:
                within = within + curvature * table.scatter.of_passing
                outside = outside + (curvature * table.scatter.of_total).sum()
                variance += table.scatter.rest_variance(slope, curvature)
            linear = np.append(outside + within, outside)
            square = np.append(outside_square + curvature * (np.square(passing) - np.square(failing)), outside_square)
            shares.append(linear[table.slot] * table.weight + square[table.slot] * np.square(table.weight))
            owners.append(table.event)
        share, owner = np.concatenate(shares), np.concatenate(owners)
        return math.sqrt(float(np.square(sums_by(owner, share)).sum()) + variance)


@dataclass(frozen=True, slots=True, eq=False)
class _BinnedSample:
    """Rows of one sample, those of one event in one bin added up; slot n_bins is outside of all bins."""

    sample: Sample
    slot: Indices
    weight: Floats
    event: Indices
    efficiency: Floats
    scatter: VarianceScatter | None
    """Of the background's variance; None for signal."""


def sorted_by_score(scaled: ScaledEvents) -> tuple[ScaledEvents, SortedRows, Floats]:
    """Return the events from the highest score to the lowest, their rows at each distinct score, and these scores."""
    events = scaled.events
    ranking = Ranking(events.score)
    score = ranking.descending(events.score)
    event = None if events.event is None else ranking.descending(events.event)
    rows = SortedRows(last=np.flatnonzero(np.append(score[1:] != score[:-1], True)), event=event)
    ordered = ScoredEvents(ranking.descending(events.is_signal), score, ranking.descending(events.weight), event)
    return (
        ScaledEvents(ordered, ranking.descending(scaled.sample), scaled.samples),
        rows,
        score[rows.last].astype(np.float64),
    )


def spread_cuts(n_cuts: int, n_wanted: int) -> Indices:
    """Choose at most so many of the cuts, half evenly in rank and half geometrically towards the tight end."""
    even = np.linspace(0, n_cuts - 1, min(n_cuts, (n_wanted + 1) // 2)).round()
    tight = np.geomspace(1, n_cuts, min(n_cuts, n_wanted // 2)).round() - 1
    return np.unique(np.concatenate([even, tight]).astype(np.int64))


def yields_at_cuts(scaled: ScaledEvents, rows: SortedRows, at: Indices | None = None) -> Yields:
    """Add up yields behind cuts at the distinct scores of sorted events, by running sums.

    Parameters
    ----------
    scaled, rows
        From :func:`sorted_by_score`.
    at : ndarray of int64, optional
        Numbers of the distinct scores that are wanted, with all errors. Default: all of them, with the background's
        variance only, which the figures of merit themselves need.
    """
    sums = _YieldSums(rows.last.size if at is None else at.size, scaled.total(signal=True), complete=at is not None)

    def running(values: Floats) -> Floats:
        found = rows.at_cuts(values)
        return found if at is None else found[at]

    for sample in scaled.samples:
        weight = np.where(scaled.sample == sample.number, scaled.events.weight, 0.0)
        sums.add(sample, running(weight), _running_powers(rows, weight, running))
    event = rows.event
    if at is None or event is None:
        return sums.result()
    for one, other in scaled.pairs():
        signal, background = (
            np.where(scaled.sample == item.number, scaled.events.weight, 0.0) for item in (one, other)
        )
        both = signal * rows.passed_before(background) + background * rows.passed_before(signal)
        totals = [sums_by(event, weight) for weight in (signal, background)]
        sums.add_covariance(
            one,
            other,
            passing=(running(signal), running(background)),
            both=running(both),
            one_whole=(running(signal * totals[1][event]), running(background * totals[0][event])),
            whole=float((totals[0] * totals[1]).sum()),
        )
    return sums.result()


def yields_in_bins(scaled: ScaledEvents, edges: Floats) -> BinnedYields:
    """Add up yields in bins ``edges[i] <= score < edges[i + 1]``; the last includes its upper edge."""
    n_bins = edges.size - 1
    events = scaled.events
    score = events.score.astype(np.float64, copy=False)
    slot = np.searchsorted(edges, score, side="right") - 1
    slot[score == edges[-1]] = n_bins - 1
    slot[(slot < 0) | (slot >= n_bins)] = n_bins
    sums = _YieldSums(n_bins, scaled.total(signal=True), complete=True)
    tables = []
    for sample in scaled.samples:
        here = scaled.sample == sample.number
        weight, place, event = events.weight[here], slot[here], np.flatnonzero(here)
        total = each = weight
        if events.event is not None:
            key, inverse = np.unique(events.event[here] * (n_bins + 1) + place, return_inverse=True)
            event, place = key // (n_bins + 1), key % (n_bins + 1)
            weight = sums_by(inverse, weight)
            each = sums_by(event, weight)
            total = each[event]
        passing = _in_slots(place, weight, n_bins)
        powers = _binned_powers(place, weight, total, each, n_bins)
        sums.add(sample, passing, powers)
        share = passing / sample.part_sum
        scatter = None if sample.is_signal else VarianceScatter.of(sample, share, powers)
        tables.append(_BinnedSample(sample, place, weight, event, share, scatter))
    for one, other in scaled.pairs():
        signal, background = (next(item for item in tables if item.sample is sample) for sample in (one, other))
        size = 1 + max(int(item.event.max()) for item in (signal, background))
        signal_total, background_total = (sums_by(t.event, t.weight, size) for t in (signal, background))
        _, left, right = np.intersect1d(
            signal.event * (n_bins + 1) + signal.slot, background.event * (n_bins + 1) + background.slot,
            assume_unique=True, return_indices=True,
        )  # fmt: skip
        sums.add_covariance(
            one,
            other,
            passing=(signal.efficiency * one.part_sum, background.efficiency * other.part_sum),
            both=_in_slots(signal.slot[left], signal.weight[left] * background.weight[right], n_bins),
            one_whole=(
                _in_slots(signal.slot, signal.weight * background_total[signal.event], n_bins),
                _in_slots(background.slot, background.weight * signal_total[background.event], n_bins),
            ),
            whole=float((signal_total * background_total).sum()),
        )
    return BinnedYields(sums.result(), edges, tuple(tables))


class _YieldSums:
    """Adds up samples to the yields of both classes."""

    def __init__(self, n: int, signal_total: float, *, complete: bool) -> None:
        self._complete = complete
        self._signal_total = signal_total
        zeros = np.zeros(n)
        self._signal, self._background = zeros, zeros
        self._signal_variance, self._background_variance, self._covariance = zeros, zeros, zeros
        self._third, self._fourth, self._squares, self._efficiency_variance = zeros, zeros, zeros, zeros

    def add(self, sample: Sample, passing: Floats, powers: Callable[[int, int], Floats | float]) -> None:
        efficiency = passing / sample.part_sum
        f, c = sample.factor, sample.failing_share(efficiency)
        rest = sample.rest_variance * np.square(efficiency)
        if sample.is_signal:
            self._signal = self._signal + f * passing
            if self._complete:
                self._signal_variance = self._signal_variance + moment_of_shares(2, f, c, powers) + rest
                # what an efficiency has, the whole sample being known
                known = moment_of_shares(2, f, -f * efficiency, powers)
                self._efficiency_variance = self._efficiency_variance + known / self._signal_total**2
            return
        self._background = self._background + f * passing
        self._background_variance = self._background_variance + moment_of_shares(2, f, c, powers) + rest
        self._squares = self._squares + f**2 * powers(2, 0)
        if self._complete:
            third, fourth = VarianceScatter.of(sample, efficiency, powers).moments(f, c, powers)
            self._third, self._fourth = self._third + third, self._fourth + fourth

    def add_covariance(
        self,
        signal: Sample,
        background: Sample,
        *,
        passing: tuple[Floats, Floats],
        both: Floats,
        one_whole: tuple[Floats, Floats],
        whole: float,
    ) -> None:
        """Add the covariance of two samples from sums over events of P_S P_B, of P_S T_B and P_B T_S, and of T_S T_B."""
        c = [item.failing_share(sums / item.part_sum) for item, sums in zip((signal, background), passing, strict=True)]
        f = signal.factor, background.factor
        self._covariance = (
            self._covariance
            + f[0] * f[1] * both
            + f[0] * c[1] * one_whole[0]
            + f[1] * c[0] * one_whole[1]
            + c[0] * c[1] * whole
        )

    def result(self) -> Yields:
        return Yields(
            signal=self._signal,
            background=self._background,
            signal_variance=self._signal_variance,
            background_variance=np.maximum(self._background_variance, 0.0),
            covariance=self._covariance,
            background_third=self._third,
            background_fourth=self._fourth,
            background_squares=self._squares,
            signal_efficiency_variance=self._efficiency_variance,
            signal_total=self._signal_total,
        )


def _running_powers(
    rows: SortedRows, weight: Floats, running: Callable[[Floats], Floats]
) -> Callable[[int, int], Floats | float]:
    """Give the sums of P^i T^j behind each cut: each row adds what it changes in its event."""
    if rows.event is None:
        # of one row alone, so that only i + j matters; the largest arrays that there are, so none is made twice
        found: dict[int, Floats] = {}

        def of_rows(i: int, j: int) -> Floats | float:
            if i == 0:
                return float(_power(weight, j).sum())
            if i + j not in found:
                found[i + j] = running(_power(weight, i + j))
            return found[i + j]

        return of_rows
    event, total = rows.event, sums_by(rows.event, weight)
    before = rows.passed_before(weight)
    after = before + weight

    def powers(i: int, j: int) -> Floats | float:
        if i == 0:
            return float(_power(total, j).sum())
        return running((_power(after, i) - _power(before, i)) * _power(total[event], j))

    return powers


def _binned_powers(
    slot: Indices, weight: Floats, total: Floats, totals: Floats, n_bins: int
) -> Callable[[int, int], Floats | float]:
    """Give the sums of P^i T^j in each bin: ``weight`` is P per event and bin, ``total`` its T, ``totals`` T per event."""
    return lambda i, j: (
        _in_slots(slot, _power(weight, i) * _power(total, j), n_bins) if i else float(_power(totals, j).sum())
    )


def _power(values: Floats, n: int) -> Floats:
    """Whole power up to 4 by multiplication: numpy's own is many times slower above 2."""
    if n < 2:
        return values if n else np.ones_like(values)
    square = np.square(values)
    return square if n == 2 else square * (values if n == 3 else square)


def _in_slots(slot: Indices, values: Floats, n_bins: int) -> Floats:
    return sums_by(slot, values, n_bins + 1)[:n_bins]
