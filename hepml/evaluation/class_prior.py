"""Weights that give the classes the balance for which a probability shall hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.evaluation.events import ScoredEvents

    Floats = NDArray[np.float64]

__all__ = ["with_prior"]


def with_prior(events: ScoredEvents, signal_fraction: float | None) -> tuple[Floats, float]:
    """Weights that give the signal a share of their sum, and that share; by default the weights as they are."""
    signal = float(events.weight.sum(where=events.is_signal))
    background = float(events.weight.sum(where=~events.is_signal))
    if signal_fraction is None:
        return events.weight, signal / (signal + background)
    if not 0 < signal_fraction < 1:
        msg = f"a signal fraction of {signal_fraction!r} was asked for; it must be between 0 and 1"
        raise InvalidInputError(msg)
    factors = ((1 - signal_fraction) / background, signal_fraction / signal)
    # the sum of all stays what it is
    total = signal + background
    return events.weight * np.where(events.is_signal, factors[1], factors[0]) * total, float(signal_fraction)
