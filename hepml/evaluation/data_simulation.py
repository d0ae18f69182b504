"""Do data and simulation agree in a feature: histograms for the figure, ratio of yields, tests of the shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation.class_fractions import quantile_edges
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import as_numbers, as_weights
from hepml.evaluation.feature_histograms import feature_edges
from hepml.evaluation.histogram import Histogram, fill_histogram

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["DataMC", "data_mc"]

_FINE_BINS = 400
_CHI2_BINS = 40
# of data, and of simulation, in each bin of the chi2; fewer in all and nothing is said of the shape
_MIN_EFFECTIVE = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class DataMC(Displayed):
    """Comparison of one feature in data and in simulation.

    Parameters
    ----------
    data : Histogram
        Of the data.
    simulation : dict of str to Histogram
        Of each simulated sample, in the same bins.
    total : Histogram
        Of all simulated samples together.
    ratio, ratio_error : float
        Sum of weights of data over that of simulation, missing values included. NaN if simulation sums to zero or less.
    ks_distance, ks_p_value : float
        Kolmogorov-Smirnov test of the shapes; NaN if data or simulation have fewer than ten effective events.
    chi2, chi2_p_value : float
        Test of the shapes in bins; NaN as above, or if there is one bin only.
    chi2_ndf : int
        Number of bins less one.
    n_replicas : int
        Number of replicas behind the p-values, which cannot be below ``1 / (n_replicas + 1)``.
    """

    data: Histogram
    simulation: dict[str, Histogram]
    total: Histogram
    ratio: float
    ratio_error: float
    ks_distance: float
    ks_p_value: float
    chi2: float
    chi2_ndf: int
    chi2_p_value: float
    n_replicas: int

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, without the histograms, as plain JSON types; what is not computable is None."""
        skipped = {"data", "simulation", "total"}
        numbers = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in skipped}
        return {name: value if np.isfinite(value) else None for name, value in numbers.items()}


def data_mc(
    data: tuple[ArrayLike, ArrayLike | None],
    simulation: Mapping[str, tuple[ArrayLike, ArrayLike | None]],
    *,
    n_bins: int = 30,
    n_replicas: int = 400,
    seed: int | np.random.SeedSequence = 0,
) -> DataMC:
    r"""Compare a feature in data with the sum of simulated samples, with signed weights.

    Parameters
    ----------
    data : tuple of two array-like of float, each of shape (n_events,)
        Values and weights, None for 1. NaN is missing.
    simulation : mapping of str to such a tuple
        By sample.
    n_bins : int
        Bins of the histograms, as :func:`hepml.evaluation.feature_histograms`.
    n_replicas : int
        Random replicas behind each p-value.
    seed : int or numpy.random.SeedSequence
        Seed of the replicas.

    Returns
    -------
    DataMC
        Histograms, ratio of yields and tests of the shapes.

    Raises
    ------
    EmptyClassError
        If there is no sample of simulation.
    InvalidInputError
        If the shapes differ, or ``n_replicas`` or ``n_bins`` is below 1.
    WeightError
        If a weight is NaN or infinite, or all of a sample are zero.

    Notes
    -----
    Data weigh 1 and simulated events mostly less, so exchanging events between them, as
    :func:`hepml.evaluation.two_sample_test` does, is no symmetry. Instead the difference of the distribution functions is
    simulated under the null hypothesis: each event's contribution is multiplied by a normal number (the multiplier
    bootstrap: A. van der Vaart, J. Wellner, Weak Convergence and Empirical Processes (1996), chapter 2.9). In up to 400
    bins of equal population only the bins' sums of squared weights matter. Rows are taken as independent.
    """
    if n_replicas < 1 or n_bins < 1:
        msg = f"{n_replicas} replicas and {n_bins} bins were asked for; at least 1 is needed"
        raise InvalidInputError(msg)
    if not simulation:
        msg = "there is no simulated sample to compare the data with"
        raise EmptyClassError(msg)
    measured = _checked(data, "data")
    simulated = {name: _checked(sample, name) for name, sample in simulation.items()}
    values, weight = (np.concatenate([sample[i] for sample in simulated.values()]) for i in range(2))
    edges = feature_edges([measured[0], values], n_bins)
    histogram, total = fill_histogram(measured[0], edges, measured[1]), fill_histogram(values, edges, weight)
    ratio = ratio_error = np.nan
    if total.total > 0:
        ratio = histogram.total / total.total
        squares = float(np.square(measured[1]).sum()) + ratio**2 * float(np.square(weight).sum())
        ratio_error = float(np.sqrt(squares)) / total.total
    shape = _shape(measured, (values, weight), n_replicas, seed)
    return DataMC(
        data=histogram,
        simulation={name: fill_histogram(sample[0], edges, sample[1]) for name, sample in simulated.items()},
        total=total,
        ratio=ratio,
        ratio_error=ratio_error,
        n_replicas=n_replicas,
        **shape,
    )


def _checked(sample: tuple[ArrayLike, ArrayLike | None], name: str) -> tuple[Floats, Floats]:
    values = as_numbers(sample[0], f"the feature of {name}").astype(np.float64, copy=False)
    if values.ndim != 1:
        msg = f"{name}: the feature has shape {values.shape}; one value per event, shape (n_events,), is needed"
        raise InvalidInputError(msg)
    return values, as_weights(sample[1], values.size, f"weight of {name}")


def _shape(
    data: tuple[Floats, Floats], simulation: tuple[Floats, Floats], n_replicas: int, seed: int | np.random.SeedSequence
) -> dict[str, Any]:
    parts = [(values[~np.isnan(values)], weight[~np.isnan(values)]) for values, weight in (data, simulation)]
    not_computable = dict.fromkeys(("ks_distance", "ks_p_value", "chi2", "chi2_p_value"), np.nan) | {"chi2_ndf": 0}
    if any(_effective(weight.sum(), np.square(weight).sum()) < _MIN_EFFECTIVE for _, weight in parts):
        return not_computable
    size = np.concatenate([np.abs(weight) / np.abs(weight).sum() for _, weight in parts])
    edges = quantile_edges(np.concatenate([values for values, _ in parts]), size, _FINE_BINS)
    first, second = (_Binned.of(values, weight, edges) for values, weight in parts)
    starts = _chi2_starts(first, second)
    lengths = np.diff(np.append(starts, first.fraction.size))
    # what both expect if they agree: the more events, the more it counts
    shares = [np.add.reduceat(part.fraction, starts) for part in (first, second)]
    pooled = (first.n_effective * shares[0] + second.n_effective * shares[1]) / (first.n_effective + second.n_effective)
    variances = [
        part.variance * np.repeat(pooled / share, lengths) if starts.size > 1 else part.variance
        for part, share in zip((first, second), shares, strict=True)
    ]
    scale = np.add.reduceat(variances[0] + variances[1], starts)

    def distances(difference: Floats) -> tuple[Floats, Floats]:
        ks = np.abs(np.cumsum(difference, axis=-1)).max(axis=-1)
        chi2 = (np.square(np.add.reduceat(difference, starts, axis=-1)) / scale).sum(axis=-1)
        return ks, chi2

    ks, chi2 = distances(first.fraction - second.fraction)
    rng = np.random.default_rng(seed)
    replicas = np.zeros((n_replicas, first.fraction.size))
    for part, variance in zip((first, second), variances, strict=True):
        moved = rng.normal(size=replicas.shape) * np.sqrt(variance)
        # fractions sum to one in each replica
        replicas += moved - part.fraction * moved.sum(axis=1, keepdims=True)
    ks_replicas, chi2_replicas = distances(replicas)
    found = {
        "ks_distance": float(ks),
        "ks_p_value": float(1 + np.count_nonzero(ks_replicas >= ks)) / (1 + n_replicas),
    }
    if starts.size > 1:
        above = np.count_nonzero(chi2_replicas >= chi2)
        found |= {"chi2": float(chi2), "chi2_p_value": float(1 + above) / (1 + n_replicas)}
    return not_computable | found | {"chi2_ndf": starts.size - 1}


def _effective(total: Any, square: Any) -> float:
    return float(max(total, 0.0) ** 2 / square) if square > 0 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Binned:
    """Fractions in fine bins, and the variances of the bins' sums relative to the squared sum of all."""

    fraction: Floats
    variance: Floats
    n_effective: float

    @classmethod
    def of(cls, values: Floats, weight: Floats, edges: Floats) -> _Binned:
        slot = np.searchsorted(edges[1:-1], values, side="right")
        total = float(weight.sum())
        sums = np.bincount(slot, weights=weight, minlength=edges.size - 1)
        squares = np.bincount(slot, weights=np.square(weight), minlength=edges.size - 1)
        return cls(sums / total, squares / total**2, _effective(total, squares.sum()))


def _chi2_starts(first: _Binned, second: _Binned) -> NDArray[np.int64]:
    """First fine bins of the chi2's bins, each with ten effective events of data and of simulation."""
    n_fine = first.fraction.size

    def fills(start: int, stop: int) -> bool:
        return stop - start >= n_fine / _CHI2_BINS and all(
            _effective(part.fraction[start:stop].sum(), part.variance[start:stop].sum()) >= _MIN_EFFECTIVE
            for part in (first, second)
        )

    starts = [0]
    for bound in range(1, n_fine):
        if fills(starts[-1], bound):
            starts.append(bound)
    while len(starts) > 1 and not fills(starts[-1], n_fine):
        starts.pop()
    return np.asarray(starts, dtype=np.int64)
