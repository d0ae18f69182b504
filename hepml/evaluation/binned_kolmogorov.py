"""TMVA's Kolmogorov-Smirnov number: the distance of two histograms, with a probability by toys (ROOT's option ``"X"``)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation.display import Displayed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.evaluation.histogram import Histogram

__all__ = ["BinnedKolmogorov", "binned_kolmogorov"]


@dataclass(frozen=True, slots=True)
class BinnedKolmogorov(Displayed):
    """Kolmogorov-Smirnov distance of two histograms and the share of toys with a larger one.

    Parameters
    ----------
    distance : float
        Largest distance of the two cumulated distributions at the bins' upper edges.
    p_value : float
        Share of the toys whose distance is larger. It may be 0, and is not uniform under the null hypothesis: coarse bins
        make it too large. NaN if a toy would have no event.
    n_toys : int
        Number of toys.
    n_negative_bins : int
        Bins of the parent distribution with a negative sum, which the toys take as empty.
    """

    distance: float
    p_value: float
    n_toys: int
    n_negative_bins: int

    def to_dict(self) -> dict[str, float | int | None]:
        """Return the numbers as plain JSON types; what is not computable is null."""
        return {
            "distance": self.distance,
            "p_value": self.p_value if math.isfinite(self.p_value) else None,
            "n_toys": self.n_toys,
            "n_negative_bins": self.n_negative_bins,
        }


def binned_kolmogorov(
    first: Histogram, second: Histogram, *, n_toys: int = 1000, seed: int | np.random.SeedSequence = 0
) -> BinnedKolmogorov:
    """Compare two histograms as ROOT's ``TH1::KolmogorovTest`` does with the option ``"X"``.

    Parameters
    ----------
    first, second : Histogram
        With the same edges. What lies outside them does not count, as in ROOT.
    n_toys : int
        Number of pseudo-experiments; 1000 in ROOT.
    seed : int or numpy.random.SeedSequence
        Seed of the toys, which ROOT takes from its global generator.

    Returns
    -------
    BinnedKolmogorov
        Distance and p-value.

    Raises
    ------
    EmptyClassError
        If the bins of a histogram sum to zero or less.
    InvalidInputError
        If the edges differ or ``n_toys`` is below 1.

    Notes
    -----
    A toy draws two histograms from the one that has more effective events, ``n_eff = (sum w)^2 / sum w^2`` rounded down, of
    weight 1 each; negative bins of that parent count as empty (ROOT 6.36, hist/hist/src/TH1.cxx). It is what TMVA's GUI
    prints for training against test. For signed weights it is a convention rather than a test:
    :func:`hepml.evaluation.two_sample_test` is one.
    """
    if n_toys < 1:
        msg = f"{n_toys} toys were asked for; at least 1 is needed"
        raise InvalidInputError(msg)
    if not np.array_equal(first.edges, second.edges):
        msg = f"the histograms have different edges ({first.edges.size} and {second.edges.size}); a distance needs the same"
        raise InvalidInputError(msg)
    for name, histogram in (("first", first), ("second", second)):
        total = float(histogram.sum_w.sum())
        if total <= 0:
            msg = f"the bins of the {name} histogram sum to {total:.6g}: a distribution needs a positive sum"
            raise EmptyClassError(msg)
    distance = float(np.abs(_cumulated(first.sum_w) - _cumulated(second.sum_w)).max())
    sizes = [_n_effective(histogram) for histogram in (first, second)]
    parent = np.maximum((first if sizes[0] > sizes[1] else second).sum_w, 0.0)
    n_negative = int(np.count_nonzero((first if sizes[0] > sizes[1] else second).sum_w < 0))
    if min(sizes) < 1:
        return BinnedKolmogorov(distance, math.nan, n_toys, n_negative)
    rng = np.random.default_rng(seed)
    probability = parent / parent.sum()
    toys = [_cumulated(rng.multinomial(int(size), probability, n_toys)) for size in sizes]
    distances = np.abs(toys[0] - toys[1]).max(axis=1)
    return BinnedKolmogorov(distance, float(np.count_nonzero(distances > distance)) / n_toys, n_toys, n_negative)


def _n_effective(histogram: Histogram) -> float:
    return float(histogram.sum_w.sum() ** 2 / histogram.sum_w2.sum())


def _cumulated(contents: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.float64]:
    sums = np.cumsum(contents, axis=-1, dtype=np.float64)
    return sums / sums[..., -1:]
