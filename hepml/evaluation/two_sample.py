"""Distance of two weighted samples: Kolmogorov-Smirnov, Anderson-Darling and chi2, with p-values by permutation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import as_events, as_numbers, as_scores, as_weights
from hepml.evaluation.grouped_permutations import Clusters, grouped_p_values
from hepml.evaluation.ranking import ascending_order

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["TwoSampleTest", "two_sample_test"]

# smallest effective number of events that a bin of the chi2 expects from the smaller sample
_MIN_EFFECTIVE_PER_BIN = 10.0
_MAX_BINS = 40
# rows beyond which they are permuted in groups of neighbours, a hundred or more each
_MANY_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class TwoSampleTest(Displayed):
    """Distances between two weighted samples and the probability of larger ones if they are of one distribution.

    Parameters
    ----------
    ks_distance : float
        Largest distance of the two weighted empirical distribution functions.
    ks_p_value : float
        By permutation; uniform in (0, 1] if the two samples are of one distribution.
    anderson_darling : float
        Squared distance of the two distribution functions, which counts more in the tails.
    anderson_darling_p_value : float
        By permutation.
    chi2 : float
        Sum over bins of the squared difference of fractions over its variance.
    chi2_ndf : int
        Number of bins less one.
    chi2_p_value : float
        By permutation.
    n_permutations : int
        Number of permutations; no p-value can be below ``1 / (n_permutations + 1)``.
    """

    ks_distance: float
    ks_p_value: float
    anderson_darling: float
    anderson_darling_p_value: float
    chi2: float
    chi2_ndf: int
    chi2_p_value: float
    n_permutations: int

    def to_dict(self) -> dict[str, float | int]:
        """Return the numbers as plain JSON types."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def two_sample_test(
    values_a: ArrayLike,
    weight_a: ArrayLike | None,
    values_b: ArrayLike,
    weight_b: ArrayLike | None,
    *,
    event_a: ArrayLike | None = None,
    event_b: ArrayLike | None = None,
    paired: bool = False,
    n_permutations: int = 400,
    seed: int | np.random.SeedSequence = 0,
) -> TwoSampleTest:
    """Compare two weighted samples of one quantity, with signed weights.

    Parameters
    ----------
    values_a, values_b : array-like of float, shape (n_a,) and (n_b,)
        Finite values.
    weight_a, weight_b : array-like of float, shape (n_a,) and (n_b,), or None
        Weights, of either sign. None: 1.
    event_a, event_b : array-like of int, shape (n_a,) and (n_b,), optional
        Equal values within a sample mark rows of one event, which are permuted together.
    paired : bool
        Whether row i of both samples is one event that was measured twice. A permutation then exchanges the two values of
        some events, and no others.
    n_permutations : int
        Number of random exchanges of events between the samples.
    seed : int or numpy.random.SeedSequence
        Seed of the permutations.

    Returns
    -------
    TwoSampleTest
        Distances and p-values.

    Raises
    ------
    EmptyClassError
        If a sample is empty, or its weights sum to zero or less.
    InvalidInputError
        If a value is NaN or infinite, the shapes differ, ``n_permutations`` is below 1, or paired samples differ in their
        rows or weights.
    WeightError
        If a weight is NaN or infinite, or all are zero.

    Notes
    -----
    A p-value is ``(1 + number of permutations at or above the distance seen) / (1 + n_permutations)`` (Davison and
    Hinkley, Bootstrap Methods and their Application, 1997, chapter 4). Pairs of (value, weight) are exchanged, so nothing
    is assumed about the weights; Kolmogorov's asymptotic distribution with an effective number of events is not exact for
    signed ones.

    For unit weights ``anderson_darling`` is the two-sample statistic of A. Pettitt (Biometrika 63 (1976) 161), at distinct
    values. With weights the numbers of events become effective ones and ranks shares of ``sum |w|``, which grows with
    the value also where ``sum w`` does not.

    Beyond 100,000 rows the p-values compare distances at the edges of about a thousand groups of neighbouring values, and a
    permutation draws how many rows of each group go to the first sample. Events of several rows are permuted in 4000 random
    bundles then.
    """
    if n_permutations < 1:
        msg = f"{n_permutations} permutations were asked for; at least 1 is needed"
        raise InvalidInputError(msg)
    pooled = _Pooled.of(
        _Part.check(values_a, weight_a, event_a, "first sample"),
        _Part.check(values_b, weight_b, event_b, "second sample"),
        paired=paired,
    )
    seen = pooled.distances(pooled.in_first)
    p_values = pooled.p_values(seen, n_permutations, np.random.default_rng(seed))
    return TwoSampleTest(
        ks_distance=float(seen[0]),
        ks_p_value=float(p_values[0]),
        anderson_darling=float(seen[1]),
        anderson_darling_p_value=float(p_values[1]),
        chi2=float(seen[2]),
        chi2_ndf=pooled.bin_starts.size - 1,
        chi2_p_value=float(p_values[2]),
        n_permutations=n_permutations,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One sample, checked."""

    values: NDArray[Any]
    weight: Floats
    event: NDArray[np.int64] | None

    @classmethod
    def check(cls, values: ArrayLike, weight: ArrayLike | None, event: ArrayLike | None, name: str) -> _Part:
        numbers = as_numbers(values, name)
        n_rows = numbers.shape[0] if numbers.ndim == 1 else 0
        part = cls(
            values=as_scores(numbers, n_rows, name),
            weight=as_weights(weight, n_rows, f"weight of the {name}"),
            event=as_events(event, n_rows, f"event of the {name}"),
        )
        total = float(part.weight.sum())
        if total <= 0:
            msg = f"the weights of the {n_rows} rows of the {name} sum to {total:.6g}: a distribution needs a positive sum"
            raise EmptyClassError(msg)
        return part


@dataclass(frozen=True, slots=True, eq=False)
class _Pooled:
    """Both samples together, sorted by value, and what stays the same under every permutation."""

    weight: Floats
    squared_weight: Floats
    in_first: NDArray[np.bool_]
    event: NDArray[np.int64] | None
    paired: bool
    n_first: int
    n_events: int
    last: NDArray[np.int64] | None
    bin_starts: NDArray[np.int64]
    cumulated: Floats
    bin_squares: Floats
    tail_weight: Floats

    @classmethod
    def of(cls, first: _Part, second: _Part, *, paired: bool) -> _Pooled:
        if paired and not np.array_equal(first.weight, second.weight):
            msg = (
                f"paired samples are the same events in the same order, and these have {first.weight.size} and "
                f"{second.weight.size} rows, or other weights"
            )
            raise InvalidInputError(msg)
        values = np.concatenate([first.values, second.values])
        order = ascending_order(values)
        values = values[order]
        weight = np.concatenate([first.weight, second.weight])[order]
        squared = np.square(weight)
        n_first, n_second = first.values.size, second.values.size
        event = None
        if paired:
            ids = np.arange(n_first) if first.event is None else first.event
            n_first = n_second = int(ids.max()) + 1
            event = np.concatenate([ids, ids])[order]
        elif first.event is not None or second.event is not None:
            ids_first = np.arange(n_first) if first.event is None else first.event
            ids_second = np.arange(n_second) if second.event is None else second.event
            n_first, n_second = int(ids_first.max()) + 1, int(ids_second.max()) + 1
            event = np.concatenate([ids_first, ids_second + n_first])[order]
        last = np.flatnonzero(np.append(values[1:] != values[:-1], True))
        smaller = min(n_first, n_second) / (n_first + n_second)
        starts = _bin_starts(weight, last, _MIN_EFFECTIVE_PER_BIN / smaller)
        return cls(
            weight=weight,
            squared_weight=squared,
            in_first=order < first.values.size,
            event=event,
            paired=paired,
            n_first=n_first,
            n_events=n_first if paired else n_first + n_second,
            last=None if last.size == values.size else last,
            bin_starts=starts,
            cumulated=np.cumsum(weight),
            bin_squares=np.add.reduceat(squared, starts),
            tail_weight=_tail_weight(weight, last),
        )

    def p_values(self, seen: Floats, n_permutations: int, rng: np.random.Generator) -> Floats:
        """P-values of the distances that were seen."""
        if self.weight.size > _MANY_ROWS:
            last = np.arange(self.weight.size) if self.last is None else self.last
            clusters = None
            if self.event is not None:
                clusters = Clusters(self.event, self.n_first, self.n_events, self.paired)
            return grouped_p_values(self.weight, self.in_first, last, self.bin_starts, n_permutations, rng, clusters)
        above = np.zeros(len(seen), dtype=np.int64)
        for _ in range(n_permutations):
            # equal distances may differ by the order of summation
            above += self.distances(self.permuted(rng)) >= seen * (1 - 1e-12)
        return (1.0 + above.astype(np.float64)) / (1.0 + n_permutations)

    def permuted(self, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Draw which rows are in the first sample, with as many events there as there are."""
        if self.paired:
            exchanged: NDArray[np.bool_] = rng.random(self.n_events) < 0.5
            return self.in_first ^ exchanged[self.event]
        fewer = min(self.n_first, self.n_events - self.n_first)
        chosen = np.zeros(self.n_events, dtype=np.bool_)
        chosen[rng.choice(self.n_events, fewer, replace=False, shuffle=False)] = True
        if fewer != self.n_first:
            np.logical_not(chosen, out=chosen)
        return chosen if self.event is None else chosen[self.event]

    def distances(self, in_first: NDArray[np.bool_]) -> Floats:
        """KS, Anderson-Darling and chi2 for one assignment of the rows; infinite if a sample's sum is not positive."""
        first = np.cumsum(self.weight * in_first)
        total_first = float(first[-1])
        total_second = float(self.cumulated[-1]) - total_first
        if total_first <= 0 or total_second <= 0:
            return np.full(3, np.inf)
        ends = np.append(self.bin_starts[1:] - 1, first.size - 1)
        # F_first - F_second, with the second sample's sum as what is left of all
        difference = first
        difference *= 1.0 / total_first + 1.0 / total_second
        difference -= self.cumulated * (1.0 / total_second)
        gaps = np.diff(difference[ends], prepend=0.0)
        distinct = difference if self.last is None else difference[self.last]
        distance = max(float(distinct.max()), -float(distinct.min()), 0.0)
        np.square(distinct, out=distinct)
        distinct *= self.tail_weight

        squares_first = np.add.reduceat(self.squared_weight * in_first, self.bin_starts)
        squares_second = self.bin_squares - squares_first
        variance = squares_first / total_first**2 + squares_second / total_second**2
        # 1/n_first + 1/n_second of effective events
        scale = max(float(variance.sum()), 0.0)
        filled = variance > 0
        chi2 = float((np.square(gaps[filled]) / variance[filled]).sum())
        return np.array([distance, float(distinct.sum()) / scale if scale > 0 else 0.0, chi2])


def _tail_weight(weight: Floats, last: NDArray[np.int64]) -> Floats:
    """Return dH / (H (1 - H)) at each distinct value, with H the share of sum |w| up to it; zero at the last one."""
    share = np.cumsum(np.abs(weight))[last]
    share /= share[-1]
    step = np.diff(share, prepend=0.0)
    below = share * (1.0 - share)
    # rows of weight zero at either end, and the last value, have no distance
    return np.divide(step, below, out=np.zeros_like(step), where=below > 1e-300)


def _bin_starts(weight: Floats, last: NDArray[np.int64], min_effective: float) -> NDArray[np.int64]:
    """First rows of the chi2's bins: equal shares of sum |w| of the pooled sample, merged until each is well filled.

    Only the pooled sample enters, so the bins are the same for every permutation.
    """
    share = np.cumsum(np.abs(weight))[last]
    wanted = share[-1] * np.arange(1, _MAX_BINS) / _MAX_BINS
    cuts = np.unique(last[np.minimum(np.searchsorted(share, wanted), last.size - 1)] + 1)
    bounds = np.concatenate([[0], cuts[cuts < weight.size], [weight.size]])
    sums = np.concatenate([[0.0], np.cumsum(weight)])
    squares = np.concatenate([[0.0], np.cumsum(np.square(weight))])

    def effective(start: int, stop: int) -> float:
        total = max(float(sums[stop] - sums[start]), 0.0)
        square = float(squares[stop] - squares[start])
        return total**2 / square if square > 0 else 0.0

    starts = [0]
    for bound in bounds[1:-1]:
        if effective(starts[-1], int(bound)) >= min_effective:
            starts.append(int(bound))
    while len(starts) > 1 and effective(starts[-1], weight.size) < min_effective:
        starts.pop()
    return np.asarray(starts, dtype=np.int64)
