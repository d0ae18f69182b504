"""Permutations of very many rows between two samples, drawn group by group of neighbouring values instead of row by row.

A permutation of millions of rows costs a tenth of a second, and hundreds are needed. Between the edges of a thousand or
two groups of neighbouring values its three distances need no more than each group's sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["BUNDLES", "GROUPS", "Clusters", "grouped_p_values"]

GROUPS = 1000
# of events that are permuted together: variances of their sums scatter by sqrt(2 / BUNDLES)
BUNDLES = 4000
# permutations whose arrays are in memory at one time
_BATCH = 100


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Events of several rows that are permuted as a whole.

    Parameters
    ----------
    event : ndarray of int64, shape (n_rows,)
        Number of the event of each row.
    n_first, n_events : int
        Events of the first sample, and of both.
    paired : bool
        Whether an event has rows in both samples, which it exchanges.
    """

    event: NDArray[np.int64]
    n_first: int
    n_events: int
    paired: bool


def grouped_p_values(  # noqa: PLR0917  (one table of rows, column by column)
    weight: Floats,
    in_first: NDArray[np.bool_],
    last: NDArray[np.int64],
    bin_starts: NDArray[np.int64],
    n_permutations: int,
    rng: np.random.Generator,
    clusters: Clusters | None = None,
) -> Floats:
    """Return the p-values of the Kolmogorov-Smirnov, Anderson-Darling and chi2 distances.

    Parameters
    ----------
    weight : ndarray of float64, shape (n_rows,)
        Weights, of either sign, in the order of the values.
    in_first : ndarray of bool, shape (n_rows,)
        Rows of the first sample.
    last : ndarray of int64, shape (n_distinct,)
        Last row of each distinct value.
    bin_starts : ndarray of int64, shape (n_bins,)
        First rows of the chi2's bins.
    n_permutations : int
        Number of permutations.
    rng : numpy.random.Generator
        Where they come from.
    clusters : Clusters, optional
        Default: each row is an event.

    Returns
    -------
    ndarray of float64, shape (3,)
        ``(1 + n_above) / (1 + n_permutations)`` each.

    Notes
    -----
    How many rows of each group the first sample gets is multivariate hypergeometric, as in any permutation; so for unit
    weights these are permutations. The sum of the weights of k rows out of the n of a group is normal with mean
    ``k sum(w) / n`` and variance ``k (n - k) / (n (n - 1)) sum (w - mean)^2``; that of their squares is taken at its mean.

    Events of several rows are put into 4000 bundles at random, and bundles are permuted: on average over the bundles, sums
    have the covariance that permuted events give them. Events that exchange their rows between two samples do so, or not,
    beforehand, and then a bundle exchanges all of them or none.
    """
    groups = _Groups(weight, last, bin_starts)
    seen = groups.distances(groups.sums(weight * in_first)[None], groups.sums(np.square(weight) * in_first)[None])[0]
    drawn: _Rows | _Bundles | _PairedBundles
    if clusters is None:
        drawn = _Rows(groups, int(np.count_nonzero(in_first)))
    else:
        drawn = (_PairedBundles if clusters.paired else _Bundles)(groups, clusters, weight, in_first, rng)
    above = np.zeros(3, dtype=np.int64)
    for start in range(0, n_permutations, _BATCH):
        sums = drawn.draw(min(_BATCH, n_permutations - start), rng)
        above += np.count_nonzero(groups.distances(*sums) >= seen * (1 - 1e-12), axis=0)
    return (1.0 + above.astype(np.float64)) / (1.0 + n_permutations)


class _Groups:
    """Sums of the pooled sample in groups of rows; equal values stay together, and the chi2's bins are whole groups."""

    def __init__(self, weight: Floats, last: NDArray[np.int64], bin_starts: NDArray[np.int64]) -> None:
        wanted = weight.size * np.arange(1, GROUPS) // GROUPS
        cuts = last[np.searchsorted(last, wanted)] + 1
        self._starts = np.unique(np.concatenate([bin_starts, cuts[cuts < weight.size]]))
        self._bins = np.searchsorted(self._starts, bin_starts)
        self.n_rows = np.diff(np.append(self._starts, weight.size))
        self.weight = self.sums(weight)
        self.squares = self.sums(np.square(weight))
        share = np.cumsum(self.sums(np.abs(weight)))
        share /= share[-1]
        inside = share * (1.0 - share)
        step = np.diff(share, prepend=0.0)
        self._tail_weight = np.divide(step, inside, out=np.zeros_like(step), where=inside > 1e-300)

    def sums(self, values: Floats) -> Floats:
        return np.add.reduceat(values, self._starts)

    def of_rows(self) -> NDArray[np.int64]:
        """Return the group of each row."""
        return np.repeat(np.arange(self.n_rows.size), self.n_rows)

    def distances(self, first: Floats, squares_first: Floats) -> Floats:
        """Kolmogorov-Smirnov, Anderson-Darling and chi2 of each draw, shape (n_draws, 3); infinite without positive sums."""
        cumulated = np.cumsum(first, axis=1)
        pooled = np.cumsum(self.weight)
        total_first = cumulated[:, -1:]
        total_second = pooled[-1] - total_first
        valid = ((total_first > 0) & (total_second > 0))[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            difference = cumulated * (1.0 / total_first + 1.0 / total_second) - pooled / total_second
            squares = np.add.reduceat(squares_first, self._bins, axis=1)
            left = np.add.reduceat(self.squares, self._bins) - squares
            variance = squares / total_first**2 + left / total_second**2
            scale = variance.sum(axis=1)
            ends = np.append(self._bins[1:] - 1, self.n_rows.size - 1)
            gaps = np.diff(difference[:, ends], axis=1, prepend=0.0)
            terms = np.where(variance > 0, np.square(gaps) / variance, 0.0)
            tails = (np.square(difference) * self._tail_weight).sum(axis=1) / scale
        distances = np.column_stack([np.abs(difference).max(axis=1), tails, terms.sum(axis=1)])
        distances[~valid] = np.inf
        return distances


class _Rows:
    """Each row an event: how many of each group go to the first sample, and what they sum up to."""

    def __init__(self, groups: _Groups, n_first: int) -> None:
        self._groups, self._n_first = groups, n_first

    def draw(self, n_draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Draw sums of weights and of squares of the first sample in each group, shape (n_draws, n_groups)."""
        groups = self._groups
        counts = rng.multivariate_hypergeometric(groups.n_rows, self._n_first, n_draws, method="marginals")
        taken = counts.astype(np.float64)
        share = taken / groups.n_rows
        scatter = np.maximum(groups.squares - np.square(groups.weight) / groups.n_rows, 0.0)
        variance = taken * (1.0 - share) * scatter / np.maximum(groups.n_rows - 1, 1)
        return share * groups.weight + np.sqrt(variance) * rng.standard_normal(taken.shape), share * groups.squares


class _Bundles:
    """Bundles of events, of which as large a share goes to the first sample as it has events."""

    def __init__(
        self,
        groups: _Groups,
        clusters: Clusters,
        weight: Floats,
        _in_first: NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> None:
        n_bundles, cell = _cells(groups, clusters, rng)
        self._is_first = np.arange(n_bundles) < max(round(n_bundles * clusters.n_first / clusters.n_events), 1)
        shape = n_bundles, groups.n_rows.size
        self._sums, self._squares = (_table(cell, values, shape) for values in (weight, np.square(weight)))

    def draw(self, n_draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Draw sums of weights and of squares of the first sample in each group, shape (n_draws, n_groups)."""
        chosen = rng.permuted(np.tile(self._is_first, (n_draws, 1)), axis=1).astype(np.float64)
        return np.einsum("db,bg->dg", chosen, self._sums), np.einsum("db,bg->dg", chosen, self._squares)


class _PairedBundles:
    """Bundles of events, each with rows in both samples, which it exchanges or not."""

    def __init__(
        self,
        groups: _Groups,
        clusters: Clusters,
        weight: Floats,
        in_first: NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> None:
        # without it, what tells the samples apart would add up in a bundle
        first = in_first ^ (rng.random(clusters.n_events) < 0.5)[clusters.event]
        n_bundles, cell = _cells(groups, clusters, rng)
        sign, shape = np.where(first, 0.5, -0.5), (n_bundles, groups.n_rows.size)
        self._sums, self._squares = (_table(cell, sign * values, shape) for values in (weight, np.square(weight)))
        self._means = 0.5 * groups.weight, 0.5 * groups.squares

    def draw(self, n_draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Draw sums of weights and of squares of the first sample in each group, shape (n_draws, n_groups)."""
        sign = np.where(rng.random((n_draws, len(self._sums))) < 0.5, 1.0, -1.0)
        sums, squares = self._means
        return sums + np.einsum("db,bg->dg", sign, self._sums), squares + np.einsum("db,bg->dg", sign, self._squares)


def _cells(groups: _Groups, clusters: Clusters, rng: np.random.Generator) -> tuple[int, NDArray[np.int64]]:
    """Return the number of bundles, of equal numbers of events, and the cell of bundle and group of each row."""
    n_bundles = min(BUNDLES, clusters.n_events)
    bundle = rng.permutation(clusters.n_events) % n_bundles
    return n_bundles, bundle[clusters.event] * groups.n_rows.size + groups.of_rows()


def _table(cell: NDArray[np.int64], values: Floats, shape: tuple[int, int]) -> Floats:
    """Sum up values by bundle and group."""
    sums = np.bincount(cell, weights=values, minlength=shape[0] * shape[1])
    return sums.astype(np.float64, copy=False).reshape(shape)
