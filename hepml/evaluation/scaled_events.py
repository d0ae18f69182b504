"""Events of one part that stand for all events of their sample: how each sample is scaled, and how an event enters then.

P is the sum of the weights of a sample's events that pass, T that of the part, F that of the whole sample: the yield is
``F P / T``. With ``f = F / T`` and ``c = (g - f) P / T``, an event's share in it is ``(f + c) w`` if it passes and ``c w``
if it fails. If F is known from elsewhere, g = 0 and the variance is that of an efficiency; if F is itself the sum of these
events and the rest, g = 1. Without scaling f = g = 1: failing events have no share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation.events import ScoredEvents, as_numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.int64]

__all__ = ["Sample", "ScaledEvents", "sums_by"]


@dataclass(frozen=True, slots=True)
class Sample:
    """How the events of one sample are scaled: factor, whether the whole is an estimate, and the rest's variance."""

    number: int
    is_signal: bool
    part_sum: float
    factor: float
    estimated: bool
    rest_variance: float

    @property
    def full_sum(self) -> float:
        """Signed sum of all events of the sample."""
        return self.factor * self.part_sum

    def failing_share(self, efficiency: Floats) -> Floats:
        """Share of a failing event's weight in the yield; a passing event has the factor in addition."""
        return efficiency * (float(self.estimated) - self.factor)


@dataclass(frozen=True, slots=True)
class ScaledEvents:
    """Checked events, the sample of each row, and how each sample is scaled."""

    events: ScoredEvents
    sample: NDArray[np.int64]
    samples: tuple[Sample, ...]

    @classmethod
    def check(
        cls,
        y_true: ArrayLike,
        score: ArrayLike,
        weight: ArrayLike | None,
        event: ArrayLike | None,
        *,
        sample: ArrayLike | None,
        full_sums: ArrayLike | None,
        full_squares: ArrayLike | None,
    ) -> ScaledEvents:
        """Check arrays as users give them; see :func:`hepml.evaluation.significance_scan`."""
        events = ScoredEvents.check(y_true, score, weight, event)
        label = events.is_signal.astype(np.int64)
        if full_sums is None:
            if full_squares is not None:
                msg = "full_squares without full_sums: the sums of the weights of all events are needed as well"
                raise InvalidInputError(msg)
            sums = [float(events.weight.sum(where=label == number)) for number in (0, 1)]
            samples = [Sample(number, number == 1, sums[number], 1.0, True, 0.0) for number in (0, 1)]
            return cls(events, label, tuple(samples))
        numbers = label if sample is None else _sample_numbers(sample, label.size)
        full = _per_sample(full_sums, "full_sums", numbers)
        squares = None if full_squares is None else _per_sample(full_squares, "full_squares", numbers, full.size)
        samples = []
        for number in range(full.size):
            here = numbers == number
            if here.any() or full[number]:
                square = None if squares is None else float(squares[number])
                samples.append(_sample(events, here, number, float(full[number]), square))
        scaled = cls(events, numbers, tuple(samples))
        scaled._check_shared_events()
        return scaled

    def total(self, *, signal: bool) -> float:
        """Return the expected events of a class without any cut."""
        return math.fsum(item.full_sum for item in self.samples if item.is_signal == signal)

    def pairs(self) -> list[tuple[Sample, Sample]]:
        """Pairs of a signal and a background sample that have an event in common."""
        if self.events.event is None:
            return []
        events = {item.number: self._events_of(item.number) for item in self.samples}
        return [
            (one, other)
            for one in self.samples
            for other in self.samples
            if one.is_signal
            and not other.is_signal
            and np.intersect1d(events[one.number], events[other.number], assume_unique=True).size
        ]

    def _events_of(self, number: int) -> Indices:
        return (
            np.unique(self.events.event[self.sample == number]) if self.events.event is not None else np.empty(0, int)
        )

    def _check_shared_events(self) -> None:
        """Refuse events that stand in two samples of one class: their covariance is not followed."""
        for signal in (True, False):
            events = [self._events_of(item.number) for item in self.samples if item.is_signal == signal]
            if self.events.event is not None and len(events) > 1:
                unique, counts = np.unique(np.concatenate(events), return_counts=True)
                if (counts > 1).any():
                    msg = f"{np.count_nonzero(counts > 1)} of {unique.size} events stand in two samples of one class"
                    raise InvalidInputError(msg)


def sums_by(index: Indices, values: Floats, n: int = 0) -> Floats:
    """Sum of the values of each index, for at least n of them."""
    return np.bincount(index, weights=values, minlength=n).astype(np.float64, copy=False)


def _sample(events: ScoredEvents, here: NDArray[np.bool_], number: int, full: float, square: float | None) -> Sample:
    part = float(events.weight.sum(where=here))
    # a sample of interference may have a negative sum, but then both are negative
    if part * full <= 0:
        msg = (
            f"the weights of the {np.count_nonzero(here)} events of sample {number} sum to {part:.6g}, those of the whole "
            f"sample to {full:.6g}: it cannot be scaled; join it with a sample like it"
        )
        raise EmptyClassError(msg)
    is_signal = events.is_signal[here]
    if is_signal.any() and not is_signal.all():
        msg = f"sample {number} has rows of both classes; a sample is signal or background"
        raise InvalidInputError(msg)
    rest = 0.0
    if square is not None:
        weight = events.weight[here]
        if events.event is not None:
            weight = sums_by(events.event[here], weight)
        rest = max(square - float(np.square(weight).sum()), 0.0)
    return Sample(number, bool(is_signal[0]), part, full / part, square is not None, rest)


def _sample_numbers(sample: ArrayLike, n_events: int) -> Indices:
    numbers = as_numbers(sample, "sample")
    if numbers.shape != (n_events,) or numbers.dtype.kind not in "iu":
        msg = f"sample has shape {numbers.shape} and type {numbers.dtype}; one whole number per event is needed"
        raise InvalidInputError(msg)
    if int(numbers.min()) < 0:
        msg = f"sample has the number {int(numbers.min())}; samples are counted from 0"
        raise InvalidInputError(msg)
    return numbers.astype(np.int64)


def _per_sample(values: ArrayLike, name: str, numbers: Indices, size: int | None = None) -> Floats:
    array = as_numbers(values, name).astype(np.float64)
    n_samples = int(numbers.max()) + 1
    if array.ndim != 1 or array.size < n_samples or array.size != (size or array.size) or not np.isfinite(array).all():
        msg = f"{name} has shape {array.shape}; one finite number for each of {size or n_samples} samples is needed"
        raise InvalidInputError(msg)
    return array
