"""What a kind of classifier trains on: checked features, labels as bool, weights as the policy left them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    signal : ndarray of bool, shape (n_events,)
        True for signal.
    weight : ndarray of float64, shape (n_events,)
        Signed weights. For training they are those of the policy, with mean |w| = 1.
    """

    X: NDArray[np.float32]
    signal: NDArray[np.bool_]
    weight: NDArray[np.float64]


def thread_count(n_jobs: int | None, n_events: int) -> int:
    """Return the number of threads: ``n_jobs``, or as many processors as are of use for that many events."""
    if n_jobs is not None:
        return n_jobs
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(available, n_events // _EVENTS_PER_THREAD))
