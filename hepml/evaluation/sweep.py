"""One pass over the events in order of score: efficiencies, area and all their variances, for signed weights.

Everything follows from running sums over the events sorted from the highest score to the lowest, taken at the last event
of each distinct score, so that ties never depend on the order of the input. Cost: one sort, then a few passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepml.evaluation.ranking import Ranking
from hepml.evaluation.sweep_moments import of_independent_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.evaluation.events import ScoredEvents

    Floats = NDArray[np.float64]
    Indices = NDArray[np.int64]

__all__ = ["ClassSweep", "SortedRows", "Sweep", "placements", "sweep"]


@dataclass(frozen=True, slots=True, eq=False)
class ClassSweep:
    """One class at every cut (n_points = distinct scores + 1): efficiency, its error at a fixed cut and what carries that.

    ``n_carrying`` is the effective number of events whose deviations d make the variance, ``(sum d^2)^2 / sum d^4``.
    """

    efficiency: Floats
    error: Floats
    n_carrying: Floats
    n_rows: int
    total: float
    n_effective: float


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Both classes at every cut, their covariance where events hold both, and the area."""

    thresholds: Floats
    signal: ClassSweep
    background: ClassSweep
    covariance: Floats | None
    auc: float
    auc_error: float


def sweep(events: ScoredEvents) -> Sweep:
    """Sweep a cut over all distinct scores, from tight to loose."""
    ranking = Ranking(events.score)
    score = ranking.descending(events.score)
    is_signal = ranking.descending(events.is_signal)
    weight = ranking.descending(events.weight)
    rows = SortedRows(
        last=np.flatnonzero(np.append(score[1:] != score[:-1], True)),
        event=None if events.event is None else ranking.descending(events.event),
    )
    signal_weight = np.where(is_signal, weight, 0.0)
    background_weight = np.where(is_signal, 0.0, weight)
    n_signal = int(np.count_nonzero(is_signal))
    signal = rows.class_sweep(signal_weight, n_signal)
    background = rows.class_sweep(background_weight, is_signal.size - n_signal)
    auc, auc_error = _area(rows, signal_weight, background_weight)
    return Sweep(
        thresholds=np.concatenate([[np.inf], score[rows.last].astype(np.float64)]),
        signal=signal,
        background=background,
        covariance=rows.covariance(signal_weight, background_weight),
        auc=auc,
        auc_error=auc_error,
    )


def placements(signal_here: Floats, background_here: Floats) -> tuple[float, Floats, Floats]:
    """Area, and by how much the placements of signal and of background events of each distinct score exceed it.

    The placement of a signal event is the share of the background below it, that of a background event the share of the
    signal above it, events of equal score counted half; all events of one score share them. Scores run from the highest to
    the lowest, ``signal_here`` and ``background_here`` are the sums of the weights at each.
    """
    signal_above, background_above = np.cumsum(signal_here), np.cumsum(background_here)
    sum_signal, sum_background = signal_above[-1], background_above[-1]
    # divided last: sums of unit weights are exact
    placement_signal = (sum_background - background_above + 0.5 * background_here) / sum_background
    placement_background = (signal_above - 0.5 * signal_here) / sum_signal
    # products are summed by numpy: the last digits of np.dot depend on the number of the BLAS's threads
    area = float((signal_here * placement_signal).sum() / sum_signal)
    placement_signal -= area
    placement_background -= area
    return area, placement_signal, placement_background


def _area(rows: SortedRows, signal: Floats, background: Floats) -> tuple[float, float]:
    """Mann-Whitney area and its DeLong error."""
    signal_here, background_here = rows.per_cut(signal), rows.per_cut(background)
    area, placement_signal, placement_background = placements(signal_here, background_here)
    sum_signal, sum_background = signal_here.sum(), background_here.sum()
    if rows.event is None:
        variance = (rows.per_cut(np.square(signal)) * np.square(placement_signal)).sum() / sum_signal**2
        variance += (rows.per_cut(np.square(background)) * np.square(placement_background)).sum() / sum_background**2
    else:
        cut = np.repeat(np.arange(rows.last.size), np.diff(rows.last, prepend=-1))
        influence = (
            signal * placement_signal[cut] / sum_signal + background * placement_background[cut] / sum_background
        )
        variance = np.square(np.bincount(rows.event, weights=influence)).sum()
    return area, float(np.sqrt(variance))


class SortedRows:
    """Rows sorted from the highest score to the lowest: the last row of each distinct score, and each row's event."""

    def __init__(self, last: Indices, event: Indices | None) -> None:
        self.last = last
        self.event = event
        if event is not None:
            self._by_event = np.argsort(event, kind="stable")
            self._sizes = np.bincount(event)

    def at_cuts(self, values: Floats) -> Floats:
        """Sum of the values that pass each cut."""
        cumulated = np.cumsum(values)
        return cumulated if self.last.size == values.size else cumulated[self.last]

    def per_cut(self, values: Floats) -> Floats:
        """Sum of the values at each distinct score."""
        if self.last.size == values.size:
            return values
        return np.add.reduceat(values, np.concatenate([[0], self.last[:-1] + 1]))

    def class_sweep(self, weight: Floats, n_rows: int) -> ClassSweep:
        """Efficiency and error at each cut of the class whose weights these are (zero for rows of the other).

        With P the passing and T the whole sum of an event's weights, the variance is
        ``sum over events of (P - eff T)^2 / (sum w)^2``; without clusters P is w or 0, which gives the binomial-like form.
        """
        # the first point, before any row, is 0 in all
        efficiency, error, n_carrying = np.zeros((3, self.last.size + 1))
        passing = self.at_cuts(weight)
        total = float(passing[-1])
        np.divide(passing, total, out=efficiency[1:])
        n_effective = total**2 / float(np.square(weight).sum())
        if self.event is None:
            of_independent_rows(weight, self.last, total, efficiency[1:], error[1:], n_carrying[1:])
        else:
            second, fourth = self._moments(weight, efficiency[1:], self.event)
            np.divide(np.square(second), fourth, out=n_carrying[1:], where=fourth > 0)
            np.divide(np.sqrt(second), total, out=error[1:])
        return ClassSweep(
            efficiency=efficiency,
            error=error,
            n_carrying=n_carrying,
            n_rows=n_rows,
            total=total,
            n_effective=n_effective,
        )

    def _moments(self, weight: Floats, efficiency: Floats, event: Indices) -> tuple[Floats, Floats]:
        """Sum (P - eff T)^2, and (P - eff T)^4, over the events at each cut."""
        sums = np.bincount(event, weights=weight)
        of_row = sums[event]
        before = self.passed_before(weight)
        after = before + weight

        def mixed(power: int, other: int) -> Floats:
            """Sum over the events of P^power T^other at each cut."""
            return self.at_cuts((after**power - before**power) * of_row**other)

        second = mixed(2, 0) - 2.0 * efficiency * mixed(1, 1) + np.square(efficiency) * np.square(sums).sum()
        fourth = mixed(4, 0) - 4.0 * efficiency * mixed(3, 1) + 6.0 * efficiency**2 * mixed(2, 2)
        fourth += efficiency**4 * (sums**4).sum() - 4.0 * efficiency**3 * mixed(1, 3)
        return np.maximum(second, 0.0, out=second), np.maximum(fourth, 0.0, out=fourth)

    def covariance(self, signal: Floats, background: Floats) -> Floats | None:
        """Covariance of the two efficiencies at each cut; None if no event has rows of both classes."""
        if self.event is None:
            return None
        signal_sums = np.bincount(self.event, weights=signal)
        background_sums = np.bincount(self.event, weights=background)
        if not np.any((signal_sums != 0) & (background_sums != 0)):
            return None
        both = self.at_cuts(signal * self.passed_before(background) + background * self.passed_before(signal))
        signal_passing, background_passing = self.at_cuts(signal), self.at_cuts(background)
        efficiency_signal = signal_passing / signal_passing[-1]
        efficiency_background = background_passing / background_passing[-1]
        covariance = (
            both
            - efficiency_signal * self.at_cuts(background * signal_sums[self.event])
            - efficiency_background * self.at_cuts(signal * background_sums[self.event])
            + efficiency_signal * efficiency_background * (signal_sums * background_sums).sum()
        )
        return np.concatenate([[0.0], covariance / (signal_passing[-1] * background_passing[-1])])

    def passed_before(self, weight: Floats) -> Floats:
        """For each row, the sum over the rows of the same event that come before it."""
        grouped = weight[self._by_event]
        before = np.cumsum(grouped) - grouped
        before -= np.repeat(before[np.cumsum(self._sizes) - self._sizes], self._sizes)
        result = np.empty_like(before)
        result[self._by_event] = before
        return result
