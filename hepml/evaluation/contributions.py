"""Contributions of the features to each event's score (Shapley values), summed up: importance, density, dependence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.class_fractions import quantile_edges
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import ScoredEvents, as_numbers
from hepml.evaluation.feature_histograms import feature_edges
from hepml.evaluation.importance import FeatureImportance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["ContributionDensity", "ContributionProfile", "ContributionSummary", "contribution_summary"]

_DENSITY_BINS = 60
_PROFILE_BINS = 30
# fewer say nothing of their spread, nor of the error of their mean
_MIN_EFFECTIVE = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class ContributionDensity(Displayed):
    """How the contributions of one feature are distributed, and how large the feature is where they are.

    Parameters
    ----------
    edges : ndarray of float64, shape (n_bins + 1,)
        Of contributions.
    fraction : ndarray of float64, shape (n_bins,)
        Share of the events, both classes counted alike; negative weights may make it negative.
    mean_rank : ndarray of float64, shape (n_bins,)
        Mean rank of the feature's value among all rows, from 0 for the smallest to 1 for the largest; NaN in bins without
        a row that has the feature.
    """

    edges: Floats
    fraction: Floats
    mean_rank: Floats

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; what is not computable is null."""
        return {
            "edges": self.edges.tolist(),
            "fraction": self.fraction.tolist(),
            "mean_rank": [value if np.isfinite(value) else None for value in self.mean_rank.tolist()],
        }


@dataclass(frozen=True, slots=True, eq=False)
class ContributionProfile(Displayed):
    """Mean contribution of one feature as a function of its value.

    Parameters
    ----------
    edges : ndarray of float64, shape (n_bins + 1,)
        Of the feature, for equal shares of the absolute weights, both classes counted alike. They span the central 99% of
        the rows of each class; the outermost bins also hold what is beyond.
    center : ndarray of float64, shape (n_bins,)
        Mean value of the feature, by absolute weights, of what lies within the edges. NaN if nothing does.
    mean, error : ndarray of float64, shape (n_bins,)
        Mean contribution and its standard deviation. NaN in bins of fewer than five effective events.
    spread : ndarray of float64, shape (n_bins,)
        Standard deviation of single contributions: what the other features change. NaN as above.
    missing, missing_error : float
        The same for events that lack the feature; NaN if fewer than five effective ones do.
    """

    edges: Floats
    center: Floats
    mean: Floats
    error: Floats
    spread: Floats
    missing: float
    missing_error: float

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain JSON types; what is not computable is None."""
        return {
            name: _plain(value) if isinstance(value, np.ndarray) else _plain(np.array([value]))[0]
            for name in self.__dataclass_fields__
            for value in (getattr(self, name),)
        }


@dataclass(frozen=True, slots=True, eq=False)
class ContributionSummary(Displayed):
    """Contributions of all features.

    Parameters
    ----------
    importance : FeatureImportance
        Mean absolute contribution to the margin.
    densities, profiles : mapping of str to ContributionDensity and ContributionProfile
        By feature.
    """

    importance: FeatureImportance
    densities: Mapping[str, ContributionDensity]
    profiles: Mapping[str, ContributionProfile]

    def to_dict(self) -> dict[str, Any]:
        """Return the importance as plain JSON types; densities and profiles are for figures."""
        return self.importance.to_dict()


def contribution_summary(
    contributions: ArrayLike,
    X: ArrayLike,
    y_true: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    names: Sequence[str],
    event: ArrayLike | None = None,
    facts: Mapping[str, Any] | None = None,
) -> ContributionSummary:
    r"""Sum up how much each feature adds to the margin of each event.

    Parameters
    ----------
    contributions : array-like of float, shape (n_events, n_features)
        Such as the Shapley values of :meth:`hepml.forest.Forest.contributions`, without its last column.
    X : array-like of float, shape (n_events, n_features)
        Values of the features; NaN is missing.
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1. Both classes count alike, whatever their sums.
    names : sequence of str
        Of the features.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are not independent.
    facts : mapping, optional
        What the result shall say of itself, in plain JSON types.

    Returns
    -------
    ContributionSummary
        Importance with errors, densities and profiles.

    Raises
    ------
    EmptyClassError, InvalidInputError, WeightError
        As :func:`hepml.evaluation.roc_curve`; also if a contribution is not finite or the shapes differ.

    Notes
    -----
    :math:`I = \frac12 \sum_c \sum_{i \in c} w_i |\phi_i| / \sum_{i \in c} w_i` over the classes c (S. Lundberg et al.,
    Nature Machine Intelligence 2 (2020) 56, with weights). The error is that of the two means for a given model.
    """
    values, phi = as_numbers(X, "X"), as_numbers(contributions, "contributions").astype(np.float64, copy=False)
    if phi.ndim != 2 or phi.shape != values.shape or phi.shape[1] != len(names):
        msg = f"contributions have shape {phi.shape}, X has {values.shape}, and there are {len(names)} names"
        raise InvalidInputError(msg)
    if not np.isfinite(phi).all():
        msg = f"{np.count_nonzero(~np.isfinite(phi))} contributions are NaN or infinite"
        raise InvalidInputError(msg)
    # zeros stand in for a score, which plays no part
    events = ScoredEvents.check(y_true, np.zeros(len(phi)), weight, event)
    totals = {label: events.weight[events.is_signal == label].sum() for label in (True, False)}
    share = 0.5 * events.weight / np.where(events.is_signal, totals[True], totals[False])
    means, errors = zip(*(_mean_size(np.abs(column), share, events) for column in phi.T), strict=True)
    columns = {
        name: (phi[:, number], values[:, number].astype(np.float64, copy=False)) for number, name in enumerate(names)
    }
    return ContributionSummary(
        importance=FeatureImportance.of_features(
            "contribution", names, means, errors, facts={"n_rows": len(phi), **(facts or {})}
        ),
        densities={name: _density(*column, share) for name, column in columns.items()},
        profiles={name: _profile(*column, share, events) for name, column in columns.items()},
    )


def _mean_size(size: Floats, share: Floats, events: ScoredEvents) -> tuple[float, float]:
    """Mean of two classes' means, and its error."""
    value = float((share * size).sum())
    influence = np.empty_like(size)
    for members in (events.is_signal, ~events.is_signal):
        # the shares of a class sum to one half
        influence[members] = share[members] * (size[members] - 2 * (share[members] * size[members]).sum())
    return value, float(np.sqrt(np.square(_by_event(influence, events.event)).sum()))


def _by_event(influence: Floats, event: NDArray[np.int64] | None) -> Floats:
    return influence if event is None else np.bincount(event, weights=influence).astype(np.float64, copy=False)


def _density(phi: Floats, values: Floats, share: Floats) -> ContributionDensity:
    from scipy.stats import rankdata

    low, high = float(phi.min()), float(phi.max())
    margin = 0.0 if high - low > 1e-12 * max(abs(low), abs(high)) else max(0.5, abs(low))
    edges = np.linspace(low - margin, high + margin, _DENSITY_BINS + 1)
    slot = np.clip(np.searchsorted(edges, phi, side="right") - 1, 0, _DENSITY_BINS - 1)
    there = ~np.isnan(values)
    # ties at their middle, the smallest at 0 and the largest at 1
    rank = (rankdata(values[there]) - 1.0) / max(np.count_nonzero(there) - 1, 1)
    sizes = np.abs(share[there])
    filled = np.bincount(slot[there], weights=sizes, minlength=_DENSITY_BINS)
    ranks = np.bincount(slot[there], weights=sizes * rank, minlength=_DENSITY_BINS)
    return ContributionDensity(
        edges=edges,
        fraction=np.bincount(slot, weights=share, minlength=_DENSITY_BINS).astype(np.float64, copy=False),
        mean_rank=np.divide(ranks, filled, out=np.full(_DENSITY_BINS, np.nan), where=filled > 0),
    )


def _profile(phi: Floats, values: Floats, share: Floats, events: ScoredEvents) -> ContributionProfile:
    there = ~np.isnan(values)
    inner = quantile_edges(values[there], np.abs(share[there]), _PROFILE_BINS)[1:-1]
    outer = feature_edges([values[events.is_signal], values[~events.is_signal]], 1)[[0, -1]]
    if np.array_equal(values[there], np.rint(values[there])):
        # a whole number stands in the middle of its bin
        inner = inner - 0.5
    edges = np.concatenate([outer[:1], inner[(inner > outer[0]) & (inner < outer[1])], outer[1:]])
    n_bins = edges.size - 1
    slot = np.where(there, np.searchsorted(edges[1:-1], values, side="right"), n_bins)
    mean, error, spread = _means(phi, share, slot, n_bins + 1, events.event)
    within = there & (values >= outer[0]) & (values <= outer[1])
    size = np.bincount(slot[within], weights=np.abs(share[within]), minlength=n_bins)
    center = np.bincount(slot[within], weights=np.abs(share[within]) * values[within], minlength=n_bins)
    return ContributionProfile(
        edges=edges,
        center=np.divide(center, size, out=np.full(n_bins, np.nan), where=size > 0),
        mean=mean[:n_bins],
        error=error[:n_bins],
        spread=spread[:n_bins],
        missing=float(mean[n_bins]),
        missing_error=float(error[n_bins]),
    )


def _means(
    phi: Floats, share: Floats, slot: NDArray[np.int64], n_slots: int, event: NDArray[np.int64] | None
) -> tuple[Floats, Floats, Floats]:
    """Mean, its error, and standard deviation in each slot; NaN where there are too few events."""
    total = np.bincount(slot, weights=share, minlength=n_slots)
    sizes = np.bincount(slot, weights=np.square(share), minlength=n_slots)
    usable = (total > 0) & (np.square(total) >= _MIN_EFFECTIVE * sizes)
    scale = np.where(usable, total, 1.0)
    mean = np.bincount(slot, weights=share * phi, minlength=n_slots) / scale
    moved = share * (phi - mean[slot])
    if event is None:
        squares = np.bincount(slot, weights=np.square(moved), minlength=n_slots)
    else:
        _, pair = np.unique(event * n_slots + slot, return_inverse=True)
        of_pair = np.zeros(int(pair.max(initial=-1)) + 1, dtype=np.int64)
        of_pair[pair] = slot
        squares = np.bincount(of_pair, weights=np.square(np.bincount(pair, weights=moved)), minlength=n_slots)
    variance = np.bincount(slot, weights=share * np.square(phi - mean[slot]), minlength=n_slots) / scale
    found = mean, np.sqrt(squares) / scale, np.sqrt(np.maximum(variance, 0.0))
    return tuple(np.where(usable, values, np.nan) for values in found)  # type: ignore[return-value]  # three of three


def _plain(values: Floats) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]
