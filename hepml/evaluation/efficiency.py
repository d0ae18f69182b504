"""Efficiency of a cut, with the uncertainty that signed weights have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import as_array, as_events, as_weights
from hepml.evaluation.influence import MIN_CARRYING, by_event, n_carrying

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Efficiency", "efficiency"]


@dataclass(frozen=True, slots=True)
class Efficiency(Displayed):
    """Fraction of the summed weights that passes a cut.

    Parameters
    ----------
    value : float
        Sum of the passing weights over the sum of all; with negative weights it may leave [0, 1].
    error : float
        Standard deviation at a fixed cut.
    n_events : int
        Number of rows.
    n_effective : float
        ``(sum w)^2 / sum w^2`` of all rows.
    n_carrying : float
        Effective number of events that carry the error: about those that pass, or fail if those are fewer. Below 20 it is
        too rough to be quoted.
    """

    value: float
    error: float
    n_events: int
    n_effective: float
    n_carrying: float

    @property
    def quoted_error(self) -> float:
        """The error, NaN where fewer than 20 effective events carry it."""
        return self.error if self.n_carrying >= MIN_CARRYING else math.nan

    def to_dict(self) -> dict[str, float | int | None]:
        """Return the numbers as plain JSON types; an error that is not to be quoted is null."""
        return {
            "value": self.value,
            "error": self.error if self.n_carrying >= MIN_CARRYING else None,
            "n_events": self.n_events,
            "n_effective": self.n_effective,
            "n_carrying": self.n_carrying,
        }


def efficiency(passed: ArrayLike, weight: ArrayLike | None = None, *, event: ArrayLike | None = None) -> Efficiency:
    """Weighted efficiency of a cut and its uncertainty.

    Parameters
    ----------
    passed : array-like of bool, shape (n_events,)
        True where the event passes.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are clustered. Default: each row is an event.

    Returns
    -------
    Efficiency
        Value, error, number of rows and effective number of events.

    Raises
    ------
    EmptyClassError
        If there is no event, or the weights sum to zero or less.
    InvalidInputError
        If ``passed`` is not boolean or the shapes differ.
    WeightError
        If a weight is NaN or infinite, or all are zero.

    Notes
    -----
    ``sigma^2 = [(1 - eff)^2 sum_pass w^2 + eff^2 sum_fail w^2] / (sum w)^2``, the variance of a ratio of sums to first
    order; for unit weights it is the binomial one (docs/statistics.md).

    Examples
    --------
    >>> result = efficiency([True, True, True, False])
    >>> result.value, round(result.error, 4)
    (0.75, 0.2165)
    """
    mask = as_array(passed, "passed")
    if mask.dtype != np.bool_ or mask.ndim != 1:
        msg = f"passed has type {mask.dtype} and shape {mask.shape}; booleans of shape (n_events,) are needed"
        raise InvalidInputError(msg)
    weights = as_weights(weight, mask.size)
    events = as_events(event, mask.size)
    total = float(weights.sum())
    if total <= 0:
        msg = f"the weights of {mask.size} events sum to {total:.6g}: an efficiency needs a positive sum"
        raise EmptyClassError(msg)
    value = float(weights.sum(where=mask)) / total
    deviation = by_event(weights * (mask - value), events)
    return Efficiency(
        value=value,
        error=float(np.sqrt(np.square(deviation).sum())) / total,
        n_events=mask.size,
        n_effective=total**2 / float(np.square(weights).sum()),
        n_carrying=n_carrying(deviation),
    )
