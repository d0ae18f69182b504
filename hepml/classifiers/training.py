"""What a kind of model trains on: checked features, targets, weights as the policy left them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["TrainingPart", "thread_count"]

# below this many events a thread costs more than it brings, above all on a machine that others use too
_EVENTS_PER_THREAD = 50_000


@dataclass(frozen=True, slots=True)
class TrainingPart:
    """Events for training or validation.

    Parameters
    ----------
    X : ndarray of float32, shape (n_events, n_features)
        Features without infinite values, NaN where missing; rows or columns contiguous.
    target : ndarray of int64, shape (n_events,), or of float64, shape (n_events, n_targets)
        For a classifier the place of the event's class among ``classes_``; for a regressor the targets.
    weight : ndarray of float64, shape (n_events,)
        Signed weights. For training they are those of the policy, with mean |w| = 1.
    spectators : mapping of str to ndarray of float64, each of shape (n_events,)
        Columns that the options name and that are no features, such as the mass that a score is not to depend on.
    """

    X: NDArray[np.float32]
    target: NDArray[Any]
    weight: NDArray[np.float64]
    spectators: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def signal(self) -> NDArray[np.bool_]:
        """True for the second of two classes, which is signal."""
        signal: NDArray[np.bool_] = self.target == 1
        return signal


def thread_count(n_jobs: int | None, n_events: int) -> int:
    """Return the number of threads: ``n_jobs``, or as many processors as are of use for that many events."""
    if n_jobs is not None:
        return n_jobs
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(available, n_events // _EVENTS_PER_THREAD))
