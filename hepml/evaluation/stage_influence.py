"""How much each row moves the area under the ROC curve or the log-loss: what errors of paired differences are made of.

The influence of a row is, to first order, the change of the figure by this row's being there. Its sum over the rows is zero
in each class, and the sum of the squares of the events' sums is the variance; for a difference of two figures on the same
events the influences are subtracted first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.evaluation.events import ScoredEvents

    Floats = NDArray[np.float64]

__all__ = ["auc_influence", "log_loss_influence", "standard_error"]

# |log-odds| beyond which the loss no longer changes, as in training: with signed weights it has no lower bound otherwise
_MARGIN_BOUND = 15.0


def auc_influence(events: ScoredEvents) -> tuple[float, Floats]:
    """Return the area under the ROC curve and the influence of each row, shape (n_rows,).

    For a row of weight w and placement V (share of the other class that it beats, or that beats it; equal scores one half)
    it is ``w (V - area) / (sum of weights of its class)``: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837.
    """
    order = np.argsort(events.score, kind="stable")
    score = events.score[order]
    last = np.flatnonzero(np.append(score[1:] != score[:-1], True))
    signal_weight = np.where(events.is_signal, events.weight, 0.0)[order]
    background_weight = np.where(events.is_signal, 0.0, events.weight)[order]
    signal_up_to, background_up_to = np.cumsum(signal_weight)[last], np.cumsum(background_weight)[last]
    signal_here, background_here = np.diff(signal_up_to, prepend=0.0), np.diff(background_up_to, prepend=0.0)
    sum_signal, sum_background = signal_up_to[-1], background_up_to[-1]
    beaten = (background_up_to - 0.5 * background_here) / sum_background
    beating = (sum_signal - signal_up_to + 0.5 * signal_here) / sum_signal
    area = float((signal_here * beaten).sum() / sum_signal)
    rows = np.repeat(np.arange(last.size), np.diff(last, prepend=-1))
    influence = np.empty(score.size)
    influence[order] = (
        signal_weight * (beaten - area)[rows] / sum_signal + background_weight * (beating - area)[rows] / sum_background
    )
    return area, influence


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


def standard_error(influence: Floats, event: NDArray[np.int64] | None) -> float:
    """Return the standard deviation of a figure, or of a difference, from the influences; rows of one event together."""
    sums = influence if event is None else np.bincount(event, weights=influence)
    return float(np.sqrt(np.square(sums).sum()))
