"""The events that every computation of this room starts from: labels, scores and signed weights, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError, WeightError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ScoredEvents", "as_array", "as_events", "as_numbers", "as_score_column", "as_scores", "as_weights"]


@dataclass(frozen=True, slots=True)
class ScoredEvents:
    """Labels, scores and weights of one set of events, all of one length and finite.

    Parameters
    ----------
    is_signal : ndarray of bool, shape (n_events,)
        True for signal.
    score : ndarray of float32 or float64, shape (n_events,)
        Larger is more signal-like.
    weight : ndarray of float64, shape (n_events,)
        Event weights, of either sign.
    event : ndarray of int64, shape (n_events,), or None
        Index of the event to which a row belongs, counted from 0. None: each row is an event of its own.
    """

    is_signal: NDArray[np.bool_]
    score: NDArray[Any]
    weight: NDArray[np.float64]
    event: NDArray[np.int64] | None = None

    @classmethod
    def check(
        cls, y_true: ArrayLike, score: ArrayLike, weight: ArrayLike | None, event: ArrayLike | None = None
    ) -> ScoredEvents:
        """Check arrays as users give them; see :func:`hepml.evaluation.roc_curve` for the errors."""
        label = as_array(y_true, "y_true")
        if label.ndim != 1:
            msg = f"y_true has shape {label.shape}; one label per event, shape (n_events,), is needed"
            raise InvalidInputError(msg)
        if label.dtype != np.bool_:
            others = np.count_nonzero((label != 0) & (label != 1))
            if others:
                msg = f"{others} of {label.size} labels in y_true are neither 0 (background) nor 1 (signal)"
                raise InvalidInputError(msg)
            label = label == 1
        events = cls(
            is_signal=label,
            score=as_scores(score, label.size),
            weight=as_weights(weight, label.size),
            event=as_events(event, label.size),
        )
        events.require_both_classes()
        return events

    def with_score(self, score: NDArray[Any]) -> ScoredEvents:
        """Return the same events with other scores, as :func:`as_scores` returns them."""
        return ScoredEvents(self.is_signal, score, self.weight, self.event)

    def require_both_classes(self) -> None:
        """Raise EmptyClassError unless both classes have events with a positive sum of weights."""
        for name, mask in (("signal", self.is_signal), ("background", ~self.is_signal)):
            n_rows = int(np.count_nonzero(mask))
            if n_rows == 0:
                msg = f"there is no {name} event among {mask.size}: efficiencies of both classes are needed"
                raise EmptyClassError(msg)
            total = float(self.weight.sum(where=mask))
            if total <= 0:
                n_negative = int(np.count_nonzero(self.weight[mask] < 0))
                msg = (
                    f"the weights of the {n_rows} {name} events sum to {total:.6g} ({n_negative} are negative): "
                    "an efficiency needs a positive sum"
                )
                raise EmptyClassError(msg)


def as_array(values: ArrayLike, name: str) -> NDArray[Any]:
    """Return an array, or raise InvalidInputError for rows of different lengths."""
    try:
        return np.asarray(values)
    except ValueError as error:
        msg = f"{name} is no array: {error}"
        raise InvalidInputError(msg) from error


def as_numbers(values: ArrayLike, name: str) -> NDArray[Any]:
    """Return an array of numbers, or raise InvalidInputError for anything else, also for text that looks like a number."""
    array = as_array(values, name)
    is_text = array.dtype == object and any(isinstance(item, (str, bytes)) for item in array.flat)
    if array.dtype.kind in "iufb":
        return array
    if array.dtype == object and not is_text:
        try:
            return array.astype(np.float64)
        except (TypeError, ValueError) as error:
            msg = f"{name} holds something else than numbers: {error}"
            raise InvalidInputError(msg) from error
    first = f", first {array.flat[0]!r}" if array.size else ""
    msg = f"{name} has type {array.dtype}{first}; numbers are needed"
    raise InvalidInputError(msg)


def as_scores(score: ArrayLike, n_events: int, name: str = "score") -> NDArray[Any]:
    """Return scores as float32 or float64 of shape (n_events,), or raise InvalidInputError."""
    values = as_numbers(score, name)
    if values.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        values = values.astype(np.float64)
    if values.shape != (n_events,):
        msg = f"{name} has shape {values.shape}, but there are {n_events} labels"
        raise InvalidInputError(msg)
    finite = np.isfinite(values)
    if not finite.all():
        n_nan = int(np.count_nonzero(np.isnan(values)))
        n_infinite = int(np.count_nonzero(~finite)) - n_nan
        msg = f"{name}: {n_nan} NaN and {n_infinite} infinite values among {n_events} events"
        raise InvalidInputError(msg)
    return values


def as_score_column(score: ArrayLike, name: str = "score") -> NDArray[np.float64]:
    """Return scores as float64, however many there are, or raise InvalidInputError."""
    values = as_numbers(score, name)
    if values.ndim != 1:
        msg = f"{name} has shape {values.shape}; one value per event, shape (n_events,), is needed"
        raise InvalidInputError(msg)
    return as_scores(values, values.size, name).astype(np.float64, copy=False)


def as_weights(weight: ArrayLike | None, n_events: int, name: str = "weight") -> NDArray[np.float64]:
    """Return weights as float64 of shape (n_events,), 1 by default, or raise InvalidInputError or WeightError."""
    if weight is None:
        return np.ones(n_events)
    values = as_numbers(weight, name).astype(np.float64, copy=False)
    if values.shape != (n_events,):
        msg = f"{name} has shape {values.shape}, but there are {n_events} events"
        raise InvalidInputError(msg)
    finite = np.isfinite(values)
    if not finite.all():
        n_nan = int(np.count_nonzero(np.isnan(values)))
        n_infinite = int(np.count_nonzero(~finite)) - n_nan
        msg = f"{name}: {n_nan} NaN and {n_infinite} infinite values among {n_events} events"
        raise WeightError(msg)
    if n_events and not values.any():
        msg = f"{name}: all {n_events} weights are zero"
        raise WeightError(msg)
    return values


def as_events(event: ArrayLike | None, n_events: int, name: str = "event") -> NDArray[np.int64] | None:
    """Return event indices counted from 0, None when each row is an event of its own, or raise InvalidInputError."""
    if event is None:
        return None
    values = as_array(event, name)
    if values.shape != (n_events,):
        msg = f"{name} has shape {values.shape}, but there are {n_events} events"
        raise InvalidInputError(msg)
    if values.dtype.kind not in "iu":
        # a float would merge event numbers above 2^53
        msg = f"{name} has type {values.dtype}; an event's identity is an integer"
        raise InvalidInputError(msg)
    unique, inverse = np.unique(values, return_inverse=True)
    return None if unique.size == n_events else inverse.astype(np.int64)
