"""Platt's map from a score to a probability: a logistic function, fitted on events that are not tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hepml.errors import InvalidInputError, WeightError
from hepml.evaluation.class_prior import with_prior
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import ScoredEvents, as_score_column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["PlattMap", "fit_platt"]

# float32 tells a probability from 0 and 1 no better
_CLOSEST = 2.0**-24
_MAX_STEPS = 100
# a step of Newton's method squares what is missing
_CONVERGED = 1e-6


@dataclass(frozen=True, slots=True)
class PlattMap(Displayed):
    """Probability ``1 / (1 + exp(-(slope x + offset)))``.

    Parameters
    ----------
    slope, offset : float
        Of the logistic function.
    slope_error, offset_error, covariance : float
        Standard deviations and covariance of both, from signed weights and clusters (sandwich).
    of : {'log_odds', 'score'}
        What x is: the log-odds of a score that is a probability, or the score itself.
    signal_fraction : float
        Share of signal among the events for which the probability holds.
    """

    slope: float
    offset: float
    slope_error: float
    offset_error: float
    covariance: float
    of: Literal["log_odds", "score"]
    signal_fraction: float

    def apply(self, score: ArrayLike) -> Floats:
        """Give the probability of each score.

        Parameters
        ----------
        score : array-like of float, shape (n_events,)
            Finite; in [0, 1] if the map is of the log-odds.

        Returns
        -------
        ndarray of float64, shape (n_events,)
            Probabilities of signal.

        Raises
        ------
        InvalidInputError
            If a score is NaN, infinite, or no probability where one is needed.
        """
        return _logistic(self.slope * _argument(as_score_column(score), self.of) + self.offset)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types."""
        return {"kind": "platt"} | {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_dict(cls, numbers: Mapping[str, Any]) -> PlattMap:
        """Make a map of what :meth:`to_dict` gave.

        Parameters
        ----------
        numbers : mapping of str to float or str
            As from JSON.

        Returns
        -------
        PlattMap
            The same map.

        Raises
        ------
        InvalidInputError
            If it is another kind of map or something is missing.
        """
        of = numbers.get("of")
        if numbers.get("kind") != "platt" or of not in {"log_odds", "score"}:
            msg = f"this is no map of Platt's: kind {numbers.get('kind')!r}, of {of!r}"
            raise InvalidInputError(msg)
        try:
            values = {name: float(numbers[name]) for name in cls.__dataclass_fields__ if name != "of"}
        except (KeyError, TypeError, ValueError) as error:
            msg = f"this is no map of Platt's: {error!r}"
            raise InvalidInputError(msg) from error
        return cls(of=of, **values)


def fit_platt(
    y_true: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    signal_fraction: float | None = None,
    of: Literal["log_odds", "score"] | None = None,
) -> PlattMap:
    r"""Fit a logistic function of the score to the class, with signed weights.

    Parameters
    ----------
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal. Take validation events, neither those of the training nor those of the test.
    score : array-like of float, shape (n_events,)
        Finite.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are not independent.
    signal_fraction : float, optional
        Share of signal among the events for which the probability shall hold; the classes are weighted accordingly.
        Default: that of the weights.
    of : {'log_odds', 'score'}, optional
        What the function is of. Default: the log-odds if all scores are in [0, 1], else the score.

    Returns
    -------
    PlattMap
        Slope and offset with their covariance.

    Raises
    ------
    EmptyClassError
        If a class has no events or its weights sum to zero or less.
    InvalidInputError
        If a score is NaN or infinite, all are equal, the shapes differ, or the fraction is not in (0, 1).
    WeightError
        If a weight is NaN or infinite, all are zero, or the likelihood of signed weights has no maximum, as if the score
        separates the classes.

    Notes
    -----
    J. Platt, in Advances in Large Margin Classifiers (1999), without his prior for few events: the likelihood is
    :math:`\sum w_i [y_i \log p_i + (1 - y_i) \log (1 - p_i)]`, maximised by Newton's method. A score of exactly 0 or 1
    counts as :math:`2^{-24}` away from it.

    Examples
    --------
    >>> fit_platt([0, 1, 0, 1], [0.2, 0.2, 0.8, 0.8]).slope
    0.0
    """
    events = ScoredEvents.check(y_true, score, weight, event)
    weights, fraction = with_prior(events, signal_fraction)
    scores = events.score.astype(np.float64)
    if of is None:
        of = "log_odds" if scores.min() >= 0 and scores.max() <= 1 else "score"
    x = _argument(scores, of)
    centre, scale = float(x.mean()), float(np.ptp(x))
    if not scale > 0:
        msg = f"all {x.size} scores are equal: a slope needs different ones"
        raise InvalidInputError(msg)
    design = (x - centre) / scale
    slope, offset, information = _maximum(design, events.is_signal, weights, fraction)
    residual = weights * (events.is_signal - _logistic(slope * design + offset))
    gradients = np.stack([residual * design, residual])
    if signal_fraction is not None:
        # the sums that the classes are scaled by scatter with the events
        for mask in (events.is_signal, ~events.is_signal):
            share = weights * mask / weights.sum(where=mask)
            gradients -= gradients.sum(axis=1, where=mask)[:, None] * share
    if events.event is not None:
        gradients = np.stack([np.bincount(events.event, weights=gradient) for gradient in gradients])
    inverse = np.linalg.inv(information)
    moments = (gradients[:, None, :] * gradients).sum(axis=2)
    # from the centred and scaled argument to the argument
    back = np.array([[1 / scale, 0.0], [-centre / scale, 1.0]])
    covariance = back @ inverse @ moments @ inverse @ back.T
    return PlattMap(
        slope=slope / scale,
        offset=offset - slope * centre / scale,
        slope_error=float(np.sqrt(covariance[0, 0])),
        offset_error=float(np.sqrt(covariance[1, 1])),
        covariance=float(covariance[0, 1]),
        of=of,
        signal_fraction=fraction,
    )


def _maximum(x: Floats, y: NDArray[np.bool_], weight: Floats, fraction: float) -> tuple[float, float, Floats]:
    """Newton's method from the constant probability; steps are halved until the likelihood rises."""
    slope, offset = 0.0, float(np.log(fraction / (1 - fraction)))

    def likelihood(a: float, b: float) -> float:
        z = a * x + b
        # log p and log (1 - p) without overflow
        return float((weight * (y * z - np.logaddexp(0.0, z))).sum())

    current = likelihood(slope, offset)
    for _ in range(_MAX_STEPS):
        p = _logistic(slope * x + offset)
        residual, size = weight * (y - p), weight * p * (1 - p)
        gradient = np.array([float((residual * x).sum()), float(residual.sum())])
        mixed = float((size * x).sum())
        information = np.array([[float((size * x * x).sum()), mixed], [mixed, float(size.sum())]])
        determinant = float(information[0, 0] * information[1, 1] - mixed**2)
        if not (information[0, 0] > 0 and determinant > 1e-12 * information[0, 0] * information[1, 1]):
            break
        step = np.linalg.solve(information, gradient)
        # the step, not the gradient: that vanishes also on the way to infinity
        if np.abs(step).max() <= _CONVERGED * (1 + abs(slope) + abs(offset)):
            return slope + float(step[0]), offset + float(step[1]), information
        for _halving in range(40):
            tried = likelihood(slope + float(step[0]), offset + float(step[1]))
            if tried >= current:
                break
            step *= 0.5
        slope, offset, current = slope + float(step[0]), offset + float(step[1]), tried
    msg = (
        f"the logistic fit to {x.size} events found no maximum (slope {slope:.3g}, offset {offset:.3g}): either the score "
        f"separates the classes, or the {np.count_nonzero(weight < 0)} negative weights leave the likelihood without one"
    )
    raise WeightError(msg)


def _argument(score: Floats, of: Literal["log_odds", "score"]) -> Floats:
    if of == "score":
        return score
    outside = int(np.count_nonzero((score < 0) | (score > 1)))
    if outside:
        msg = f"{outside} of {score.size} scores are not in [0, 1]: only a probability has log-odds"
        raise InvalidInputError(msg)
    inside = np.clip(score, _CLOSEST, 1 - _CLOSEST)
    return np.log(inside / (1 - inside))


def _logistic(z: Floats) -> Floats:
    return np.exp(-np.logaddexp(0.0, -z))
