"""Smooth densities of a score in both classes, and what follows from them: TMVA's probability and rarity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.class_fractions import class_fractions
from hepml.evaluation.events import ScoredEvents, as_score_column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray
    from scipy.interpolate import PchipInterpolator

    Floats = NDArray[np.float64]

__all__ = ["ScoreDensities", "score_densities"]


@dataclass(frozen=True, slots=True, eq=False)
class ScoreDensities:
    """Distribution functions of a score at knots, between which they are monotone cubic splines.

    Parameters
    ----------
    knots : ndarray of float64, shape (n,)
        Scores, increasing; the first and the last are those of the sample.
    signal, signal_error, background, background_error : ndarray of float64, shape (n,)
        Share of the class below each knot, from 0 to 1, not decreasing.
    log_ratio_error : ndarray of float64, shape (n - 1,)
        Standard deviation of the logarithm of signal over background between two knots; infinite where a class is empty.
    """

    knots: Floats = field(repr=False)
    signal: Floats = field(repr=False)
    signal_error: Floats = field(repr=False)
    background: Floats = field(repr=False)
    background_error: Floats = field(repr=False)
    log_ratio_error: Floats = field(repr=False)

    def probability(self, score: ArrayLike, signal_fraction: float = 0.5) -> Floats:
        """Probability that an event of this score is signal, if the given share of all events is.

        Parameters
        ----------
        score : array-like of float, shape (n_events,)
            Finite.
        signal_fraction : float
            Share of signal before any cut, in (0, 1).

        Returns
        -------
        ndarray of float64, shape (n_events,)
            ``f s / (f s + (1 - f) b)`` with the densities s and b. Outside of the scores seen it is that at the outermost.

        Raises
        ------
        InvalidInputError
            If a score is NaN or infinite, or the share is not in (0, 1).
        """
        if not 0 < signal_fraction < 1:
            msg = f"a signal fraction of {signal_fraction!r} was asked for; it must be between 0 and 1"
            raise InvalidInputError(msg)
        inside = np.clip(as_score_column(score), self.knots[0], self.knots[-1])
        signal, background = (
            np.maximum(self._spline(values)(inside, nu=1), 0.0) for values in (self.signal, self.background)
        )
        signal, background = signal_fraction * signal, (1 - signal_fraction) * background
        total = signal + background
        # both splines are flat in a point at most, where neither class is favoured
        found = np.full(inside.shape, float(signal_fraction))
        np.divide(signal, total, out=found, where=total > 0)
        return found

    def probability_error(self, score: ArrayLike, signal_fraction: float = 0.5) -> Floats:
        """Give the standard deviation of :meth:`probability`, that of the bin between two knots.

        Parameters
        ----------
        score : array-like of float, shape (n_events,)
            Finite.
        signal_fraction : float
            Share of signal before any cut, in (0, 1).

        Returns
        -------
        ndarray of float64, shape (n_events,)
            ``p (1 - p)`` times the error of the logarithm of the ratio of the densities; NaN where a class is empty.

        Raises
        ------
        InvalidInputError
            As :meth:`probability`.
        """
        value = self.probability(score, signal_fraction)
        bins = np.clip(np.searchsorted(self.knots, as_score_column(score), side="right") - 1, 0, self.knots.size - 2)
        error = self.log_ratio_error[bins]
        return np.where(np.isfinite(error), value * (1 - value) * np.where(np.isfinite(error), error, 0.0), np.nan)

    def rarity(self, score: ArrayLike) -> Floats:
        """Share of the background below this score: uniform in [0, 1] for background, near 1 for signal.

        Parameters
        ----------
        score : array-like of float, shape (n_events,)
            Finite.

        Returns
        -------
        ndarray of float64, shape (n_events,)
            0 below and 1 above the scores seen.

        Raises
        ------
        InvalidInputError
            If a score is NaN or infinite.
        """
        inside = np.clip(as_score_column(score), self.knots[0], self.knots[-1])
        return np.asarray(np.clip(self._spline(self.background)(inside), 0.0, 1.0), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain JSON types; an infinite error is None."""
        return {
            name: [number if np.isfinite(number) else None for number in getattr(self, name).tolist()]
            for name in self.__dataclass_fields__
        }

    @classmethod
    def from_dict(cls, numbers: Mapping[str, Any]) -> ScoreDensities:
        """Make densities of what :meth:`to_dict` gave.

        Parameters
        ----------
        numbers : mapping of str to list of float or None
            As from JSON.

        Returns
        -------
        ScoreDensities
            The same densities.

        Raises
        ------
        InvalidInputError
            If something is missing or the knots do not increase.
        """
        try:
            arrays = {
                name: np.array([np.inf if number is None else number for number in numbers[name]], dtype=np.float64)
                for name in cls.__dataclass_fields__
            }
        except (KeyError, TypeError, ValueError) as error:
            msg = f"these are no densities of a score: {error!r}"
            raise InvalidInputError(msg) from error
        knots = arrays["knots"]
        sizes = {name: values.shape for name, values in arrays.items() if name != "log_ratio_error"}
        if knots.size < 2 or not (np.diff(knots) > 0).all() or len(set(sizes.values())) > 1:
            msg = f"these are no densities of a score: shapes {sizes}, two or more increasing knots are needed"
            raise InvalidInputError(msg)
        return cls(**arrays)

    def _spline(self, values: Floats) -> PchipInterpolator:
        from scipy.interpolate import PchipInterpolator

        return PchipInterpolator(self.knots, values)


def score_densities(
    y_true: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    n_bins: int = 40,
) -> ScoreDensities:
    r"""Densities of a score in signal and in background, from bins of equal population.

    Parameters
    ----------
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    score : array-like of float, shape (n_events,)
        Larger is more signal-like; finite.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are not independent.
    n_bins : int
        Bins before merging; see :func:`hepml.evaluation.separation`.

    Returns
    -------
    ScoreDensities
        Distribution functions and their errors, probability and rarity.

    Raises
    ------
    EmptyClassError, WeightError
        As :func:`hepml.evaluation.roc_curve`.
    InvalidInputError
        As there, and if all scores are equal or a class is negative in every bin.

    Notes
    -----
    TMVA's ``GetProba`` and ``GetRarity`` (TMVA Users Guide, arXiv:physics/0703039, section 3.1.13) from densities of its
    own: TMVA smooths histograms of equal width and fits splines to them; here the distribution functions are interpolated
    without overshooting (F. Fritsch, R. Carlson, SIAM J. Numer. Anal. 17 (1980) 238) between bins that have events, so
    that densities are nowhere negative and rarity is the distribution function of the background as it is.

    Examples
    --------
    >>> densities = score_densities([0] * 50 + [1] * 50, list(range(100)))
    >>> densities.rarity([0.0, 99.0]).round(3).tolist()
    [0.0, 1.0]
    """
    events = ScoredEvents.check(y_true, score, weight, event)
    low, high = float(events.score.min()), float(events.score.max())
    if not high > low:
        msg = f"all {events.score.size} scores are {low:g}: a density needs different ones"
        raise InvalidInputError(msg)
    fractions = class_fractions(events.score, events.is_signal, events.weight, events.event, n_bins)
    if not fractions.computable:
        msg = "a class is negative in every bin of the score: there is no density"
        raise InvalidInputError(msg)
    n = fractions.signal.size
    covariance = fractions.covariance()
    knots = fractions.edges[: n + 1].copy()
    knots[0], knots[-1] = low, high
    below = {}
    for name, values, rows in (
        ("signal", fractions.signal, slice(0, n)),
        ("background", fractions.background, slice(n, 2 * n)),
    ):
        cumulated = np.concatenate([[0.0], np.cumsum(values)])
        cumulated[-1] = 1.0
        variance = np.diagonal(covariance[rows, rows].cumsum(axis=0).cumsum(axis=1))
        below[name] = cumulated
        # the last one is 1 without error
        below[f"{name}_error"] = np.concatenate([[0.0], np.sqrt(np.maximum(variance[:-1], 0.0)), [0.0]])
    return ScoreDensities(
        knots=knots, log_ratio_error=_log_ratio_error(fractions.signal, fractions.background, covariance), **below
    )


def _log_ratio_error(signal: Floats, background: Floats, covariance: Floats) -> Floats:
    n = signal.size
    variance = np.diagonal(covariance)
    filled = (signal > 0) & (background > 0)
    p, q = np.where(filled, signal, 1.0), np.where(filled, background, 1.0)
    both = np.diagonal(covariance[:n, n:])
    squared = variance[:n] / p**2 + variance[n:] / q**2 - 2 * both / (p * q)
    return np.where(filled, np.sqrt(np.maximum(squared, 0.0)), np.inf)
