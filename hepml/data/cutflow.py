"""Cutflow of a sample: events and signed sums of weights after each step of the selection."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["ENTRIES", "GENERATED", "Cutflow", "CutflowStep", "SkippedFile", "Tally"]

GENERATED, ENTRIES = "generated", "entries"


@dataclass(frozen=True, slots=True)
class CutflowStep:
    """What is left after one step.

    Parameters
    ----------
    cut : str
        The cut; :data:`GENERATED` for what the generator made, :data:`ENTRIES` for the entries of the trees.
    n_events : int or None
        Entries that are left; None for generated events, of which only the sum of weights is known.
    sum_weights : float
        Their signed sum of weights; NaN or infinite where a weight that a later cut drops is.
    sum_weights2 : float or None
        Their sum of squared weights.
    """

    cut: str
    n_events: int | None
    sum_weights: float
    sum_weights2: float | None

    @property
    def sum_weights_error(self) -> float | None:
        """Uncertainty of the sum, the root of the sum of squares."""
        return None if self.sum_weights2 is None else math.sqrt(self.sum_weights2)

    @property
    def n_effective(self) -> float | None:
        """N_eff = (sum w)^2 / sum w^2; 0 without events."""
        if self.sum_weights2 is None:
            return None
        return self.sum_weights * self.sum_weights / self.sum_weights2 if self.sum_weights2 else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the step as plain JSON types."""
        return {
            "cut": self.cut,
            "n_events": self.n_events,
            "sum_weights": self.sum_weights,
            "sum_weights_error": self.sum_weights_error,
            "n_effective": self.n_effective,
        }


@dataclass(frozen=True, slots=True)
class Cutflow:
    """The steps of a sample, each after all before it.

    Parameters
    ----------
    steps : tuple of CutflowStep
        From the generated events, where their sum is known, or the entries, to the selected events.
    """

    steps: tuple[CutflowStep, ...] = ()

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the steps as plain JSON types."""
        return [step.to_dict() for step in self.steps]

    def __add__(self, other: Cutflow) -> Cutflow:
        """Add the events of two readings of one sample; nothing is left if their cuts differ."""
        if [step.cut for step in self.steps] != [step.cut for step in other.steps]:
            return Cutflow()
        return Cutflow(tuple(map(_add, self.steps, other.steps)))

    def scaled(self, factor: float) -> Cutflow:
        """Return the cutflow of the same events with all weights multiplied."""
        return Cutflow(
            tuple(
                replace(
                    step,
                    sum_weights=step.sum_weights * factor,
                    sum_weights2=None if step.sum_weights2 is None else step.sum_weights2 * factor * factor,
                )
                for step in self.steps
            )
        )


def _add(mine: CutflowStep, other: CutflowStep) -> CutflowStep:
    n_events = None if mine.n_events is None or other.n_events is None else mine.n_events + other.n_events
    squares = (
        None if mine.sum_weights2 is None or other.sum_weights2 is None else mine.sum_weights2 + other.sum_weights2
    )
    return CutflowStep(mine.cut, n_events, mine.sum_weights + other.sum_weights, squares)


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file that could not be read and was left out because the analysis allows it.

    Parameters
    ----------
    file : str
        File and tree.
    reason : str
        The error.
    n_entries : int or None
        Entries that are missing; None where not even their number can be read.
    sum_generated : float or None
        Sum of generated weights that is missing, None where it is not known.
    """

    file: str
    reason: str
    n_entries: int | None = None
    sum_generated: float | None = None


class Tally:
    """Counts of a cutflow while events are read.

    Parameters
    ----------
    cuts : sequence of str
        The steps after the first, which counts all entries.
    """

    def __init__(self, cuts: Sequence[str]) -> None:
        self._cuts = (ENTRIES, *cuts)
        self._n_events = [0] * len(self._cuts)
        self._sums = np.zeros((len(self._cuts), 2))

    def count(self, step: int, weight: NDArray[np.float64]) -> None:
        """Add events that are left after a step (0: entries).

        Raises
        ------
        InvalidInputError
            If there is no such step.
        """
        if not 0 <= step < len(self._cuts):
            msg = f"there is no step {step} in a cutflow of {len(self._cuts)}"
            raise InvalidInputError(msg)
        self._n_events[step] += len(weight)
        # weights that a later cut drops may be anything
        with np.errstate(all="ignore"):
            self._sums[step] += weight.sum(), np.square(weight).sum()

    def add(self, other: Tally) -> None:
        """Add the counts of another tally of the same cuts."""
        self._n_events = [mine + more for mine, more in zip(self._n_events, other._n_events, strict=True)]
        with np.errstate(all="ignore"):
            self._sums += other._sums

    def cutflow(self) -> Cutflow:
        """Return what was counted."""
        return Cutflow(
            tuple(
                CutflowStep(cut, n_events, float(total), float(squares))
                for cut, n_events, (total, squares) in zip(self._cuts, self._n_events, self._sums, strict=True)
            )
        )
