"""Smooth densities of a score in both classes, and what follows from them: TMVA's probability and rarity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.class_fractions import cell_moments
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import ScoredEvents, as_score_column
from hepml.evaluation.quadratic_form import propagate
from hepml.evaluation.variable_bins import variable_bins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray
    from scipy.interpolate import PchipInterpolator

    Floats = NDArray[np.float64]

__all__ = ["ClassDensity", "ScoreDensities", "score_densities"]


# of the outermost bins, within which a tail would otherwise be taken for even
_HALVINGS = 6


@dataclass(frozen=True, slots=True, eq=False)
class ClassDensity(Displayed):
    """Distribution function of a score in one class: a monotone cubic spline between knots.

    Parameters
    ----------
    knots : ndarray of float64, shape (n,)
        Scores, increasing; the first and the last are the lowest and the highest of the class.
    below, below_error : ndarray of float64, shape (n,)
        Share of the class below each knot, from 0 to 1, not decreasing.
    relative_error : ndarray of float64, shape (n - 1,)
        Of the share between two knots, and so of the density there.
    """

    knots: Floats = field(repr=False)
    below: Floats = field(repr=False)
    below_error: Floats = field(repr=False)
    relative_error: Floats = field(repr=False)

    def distribution(self, score: Floats) -> Floats:
        """Give the share of the class below each score; 0 and 1 outside of the scores seen."""
        inside = np.clip(score, self.knots[0], self.knots[-1])
        return np.asarray(np.clip(self._spline()(inside), 0.0, 1.0), dtype=np.float64)

    def density(self, score: Floats) -> Floats:
        """Give the density at each score; 0 outside of the scores seen."""
        seen = (score >= self.knots[0]) & (score <= self.knots[-1])
        slope = np.maximum(self._spline()(np.where(seen, score, self.knots[0]), nu=1), 0.0)
        return np.where(seen, slope, 0.0)

    def error(self, score: Floats) -> Floats:
        """Give the relative error of the density at each score; NaN outside of the scores seen."""
        seen = (score >= self.knots[0]) & (score <= self.knots[-1])
        number = np.clip(np.searchsorted(self.knots, score, side="right") - 1, 0, self.knots.size - 2)
        return np.where(seen, self.relative_error[number], np.nan)

    def to_dict(self) -> dict[str, list[float]]:
        """Return all numbers as plain JSON types."""
        return {name: getattr(self, name).tolist() for name in self.__dataclass_fields__}

    @classmethod
    def from_dict(cls, numbers: Mapping[str, Any]) -> ClassDensity:
        """Make a density of what :meth:`to_dict` gave, or raise InvalidInputError."""
        try:
            arrays = {name: np.array(numbers[name], dtype=np.float64) for name in cls.__dataclass_fields__}
        except (KeyError, TypeError, ValueError) as error:
            msg = f"this is no density of a score: {error!r}"
            raise InvalidInputError(msg) from error
        n = arrays["knots"].size
        sizes = [values.shape for values in arrays.values()]
        if n < 2 or sizes != [(n,), (n,), (n,), (n - 1,)] or not (np.diff(arrays["knots"]) > 0).all():
            msg = f"this is no density of a score: shapes {sizes}; two or more increasing knots are needed"
            raise InvalidInputError(msg)
        return cls(**arrays)

    def _spline(self) -> PchipInterpolator:
        from scipy.interpolate import PchipInterpolator

        return PchipInterpolator(self.knots, self.below)


@dataclass(frozen=True, slots=True, eq=False)
class ScoreDensities(Displayed):
    """Distributions of a score in both classes, and what TMVA makes of them.

    Parameters
    ----------
    signal, background : ClassDensity
        Each with its own knots.
    """

    signal: ClassDensity
    background: ClassDensity

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
            ``f s / (f s + (1 - f) b)`` with the densities s and b. Outside of the scores seen it is that
            at the outermost.

        Raises
        ------
        InvalidInputError
            If a score is NaN or infinite, or the share is not in (0, 1).
        """
        if not 0 < signal_fraction < 1:
            msg = f"a signal fraction of {signal_fraction!r} was asked for; it must be between 0 and 1"
            raise InvalidInputError(msg)
        inside = self._inside(score)
        signal = signal_fraction * self.signal.density(inside)
        total = signal + (1 - signal_fraction) * self.background.density(inside)
        found = np.full(inside.shape, float(signal_fraction))
        # neither class is favoured where neither was seen
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
            ``p (1 - p)`` times the error of the logarithm of the ratio of the densities; NaN where a class was not seen.

        Raises
        ------
        InvalidInputError
            As :meth:`probability`.
        """
        value, inside = self.probability(score, signal_fraction), self._inside(score)
        return value * (1 - value) * np.hypot(self.signal.error(inside), self.background.error(inside))

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
        return self.background.distribution(as_score_column(score))

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain JSON types."""
        return {"signal": self.signal.to_dict(), "background": self.background.to_dict()}

    @classmethod
    def from_dict(cls, numbers: Mapping[str, Any]) -> ScoreDensities:
        """Make densities of what :meth:`to_dict` gave.

        Parameters
        ----------
        numbers : mapping of str to mapping
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
        return cls(*(ClassDensity.from_dict(numbers.get(name, {})) for name in ("signal", "background")))

    def _inside(self, score: ArrayLike) -> Floats:
        knots = self.signal.knots, self.background.knots
        return np.clip(as_score_column(score), min(k[0] for k in knots), max(k[-1] for k in knots))


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
        Bins of each class, of equal sums of absolute weights; the outermost are halved six times. Each is merged until its
        sum is positive and ten effective events fill it.

    Returns
    -------
    ScoreDensities
        Distribution functions and their errors, probability and rarity.

    Raises
    ------
    EmptyClassError, WeightError
        As :func:`hepml.evaluation.roc_curve`.
    InvalidInputError
        As there, and if all scores of a class are equal.

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
    found = []
    for name, mask in (("signal", events.is_signal), ("background", ~events.is_signal)):
        of_class = None if events.event is None else events.event[mask]
        found.append(_class_density(events.score[mask].astype(np.float64), events.weight[mask], of_class, n_bins, name))
    return ScoreDensities(*found)


def _class_density(
    score: Floats, weight: Floats, event: NDArray[np.int64] | None, n_bins: int, name: str
) -> ClassDensity:
    low, high = float(score.min()), float(score.max())
    if not high > low:
        msg = f"all {score.size} scores of {name} are {low:g}: a density needs different ones"
        raise InvalidInputError(msg)
    bins = variable_bins(score, weight, n_bins, n_halvings=_HALVINGS)
    n = bins.n_bins
    total = float(weight.sum())
    share = np.bincount(bins.index, weights=weight, minlength=n) / total
    moments = cell_moments(bins.index, weight / total, event, n)
    # what is in each bin, and what is below each knot, moves against the sum of all
    in_bins = propagate(np.eye(n) - share[:, None], moments)
    below = np.concatenate([[0.0], np.cumsum(share)])
    below[-1] = 1.0
    variance = propagate(np.tri(n - 1, n) - below[1:-1, None], moments)
    knots = bins.edges.copy()
    knots[0], knots[-1] = low, high
    return ClassDensity(
        knots=knots,
        below=below,
        # all is below the last one, without error
        below_error=np.concatenate([[0.0], np.sqrt(np.maximum(np.diagonal(variance), 0.0)), [0.0]]),
        relative_error=np.sqrt(np.maximum(np.diagonal(in_bins), 0.0)) / share,
    )
