"""Permutations of very many rows between two samples, drawn group by group of neighbouring values instead of row by row.

A permutation of millions of rows costs a tenth of a second, and hundreds are needed. Between the edges of a thousand or
two groups of neighbouring values its three distances need no more than each group's sums.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["GROUPS", "grouped_p_values"]

GROUPS = 1000
# permutations whose arrays are in memory at one time
_BATCH = 100


def grouped_p_values(  # noqa: PLR0917  (one table of rows, column by column)
    weight: Floats,
    in_first: NDArray[np.bool_],
    last: NDArray[np.int64],
    bin_starts: NDArray[np.int64],
    n_permutations: int,
    rng: np.random.Generator,
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

    Returns
    -------
    ndarray of float64, shape (3,)
        ``(1 + n_above) / (1 + n_permutations)`` each.

    Notes
    -----
    How many rows of each group the first sample gets is multivariate hypergeometric, as in any permutation; so for unit
    weights these are permutations. The sum of the weights of k rows out of the n of a group is normal with mean
    ``k sum(w) / n`` and variance ``k (n - k) / (n (n - 1)) sum (w - mean)^2``; that of their squares is taken at its mean.
    """
    groups = _Groups(weight, last, bin_starts)
    seen = groups.distances(groups.sums(weight * in_first)[None], groups.sums(np.square(weight) * in_first)[None])[0]
    n_first = int(np.count_nonzero(in_first))
    above = np.zeros(3, dtype=np.int64)
    for start in range(0, n_permutations, _BATCH):
        drawn = groups.draw(n_first, min(_BATCH, n_permutations - start), rng)
        above += np.count_nonzero(groups.distances(*drawn) >= seen * (1 - 1e-12), axis=0)
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

    def draw(self, n_first: int, n_draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Draw sums of weights and of squares of the first sample in each group, shape (n_draws, n_groups)."""
        counts = rng.multivariate_hypergeometric(self.n_rows, n_first, n_draws, method="marginals").astype(np.float64)
        share = counts / self.n_rows
        scatter = np.maximum(self.squares - np.square(self.weight) / self.n_rows, 0.0)
        variance = counts * (1.0 - share) * scatter / np.maximum(self.n_rows - 1, 1)
        return share * self.weight + np.sqrt(variance) * rng.standard_normal(counts.shape), share * self.squares

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
