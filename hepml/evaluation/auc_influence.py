"""What each event contributes to the area under the ROC curve, so that areas of several scores can be compared in pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.evaluation.events import ScoredEvents

__all__ = ["auc_influence"]


def auc_influence(events: ScoredEvents) -> tuple[float, NDArray[np.float64]]:
    r"""Return the area, and the influence of each event on it.

    Parameters
    ----------
    events : ScoredEvents
        Both classes with positive sums of weights.

    Returns
    -------
    area : float
        Weighted Mann-Whitney statistic, ties one half.
    influence : ndarray of float64, shape (n_events,)
        :math:`w_i (V_i - A) / \sum w` with the placement :math:`V_i` among the other class, summed over the rows of each
        event. The sum of squares is the area's variance, that of the squared differences of two scores' influences the
        variance of the difference of their areas (E. DeLong et al., Biometrics 44 (1988) 837).
    """
    order = np.argsort(events.score)
    score, is_signal, weight = events.score[order], events.is_signal[order], events.weight[order]
    starts = np.flatnonzero(np.append(True, score[1:] != score[:-1]))
    place = np.repeat(np.arange(starts.size), np.diff(np.append(starts, score.size)))
    signal = np.add.reduceat(np.where(is_signal, weight, 0.0), starts)
    background = np.add.reduceat(np.where(is_signal, 0.0, weight), starts)
    signal_up_to, background_up_to = np.cumsum(signal), np.cumsum(background)
    sum_signal, sum_background = signal_up_to[-1], background_up_to[-1]
    # a signal event is placed among the background below it, a background event among the signal above it
    among_background = (background_up_to - 0.5 * background) / sum_background
    among_signal = (sum_signal - signal_up_to + 0.5 * signal) / sum_signal
    area = float((signal * among_background).sum() / sum_signal)
    sorted_influence = weight * np.where(
        is_signal, (among_background - area)[place] / sum_signal, (among_signal - area)[place] / sum_background
    )
    influence = np.empty_like(sorted_influence)
    influence[order] = sorted_influence
    if events.event is not None:
        influence = np.bincount(events.event, weights=influence).astype(np.float64, copy=False)
    return area, influence
