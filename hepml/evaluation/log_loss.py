"""The log-loss for signed weights, and by how much each row moves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.evaluation.events import ScoredEvents

    Floats = NDArray[np.float64]

__all__ = ["log_loss_influence"]

# |log-odds| beyond which the loss no longer changes, as in training: with signed weights it has no lower bound otherwise
_MARGIN_BOUND = 15.0


def log_loss_influence(events: ScoredEvents) -> tuple[float, Floats]:
    """Return the log-loss of scores that are log-odds and the influence of each row, shape (n_rows,).

    The loss is ``sum w l / sum w`` with ``l = log(1 + exp(F)) - y F`` and F bounded to +-15. The balance of the classes
    counts as fixed, so a row of class c has the influence ``w (l - mean of l in c) / sum w``.
    """
    margin = np.clip(events.score.astype(np.float64, copy=False), -_MARGIN_BOUND, _MARGIN_BOUND)
    loss = np.logaddexp(0.0, margin)
    loss -= np.where(events.is_signal, margin, 0.0)
    total = events.weight.sum()
    value = float((events.weight * loss).sum() / total)
    for members in (events.is_signal, ~events.is_signal):
        weight = events.weight[members]
        loss[members] -= (weight * loss[members]).sum() / weight.sum()
    loss *= events.weight / total
    return value, loss
