"""Covariance of the areas of several scores on the same events."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.events import ScoredEvents, as_scores
from hepml.evaluation.influence import area_influence, by_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["auc_covariance"]


def auc_covariance(
    y_true: ArrayLike, scores: Sequence[ArrayLike], weight: ArrayLike | None = None, *, event: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Areas of several scores on the same events, and their covariance.

    Parameters
    ----------
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    scores : sequence of array-like of float, shape (n_events,)
        At least one; larger is more signal-like.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are clustered.

    Returns
    -------
    auc : ndarray of float64, shape (n_scores,)
        The areas.
    covariance : ndarray of float64, shape (n_scores, n_scores)
        DeLong's (Biometrics 44 (1988) 837) with signed weights.

    Raises
    ------
    EmptyClassError, InvalidInputError, WeightError
        As :func:`roc_curve`; also if there is no score.
    """
    if not len(scores):
        msg = "no score was given; a covariance of areas needs at least one"
        raise InvalidInputError(msg)
    events = ScoredEvents.check(y_true, scores[0], weight, event)
    areas, influences = [], []
    for number, score in enumerate(scores):
        values = as_scores(score, events.score.size, f"score {number}")
        area, influence = area_influence(replace(events, score=values))
        areas.append(area)
        influences.append(by_event(influence, events.event))
    covariance = [[float((first * second).sum()) for second in influences] for first in influences]
    return np.array(areas), np.array(covariance)
