"""One stream of random numbers for each task, so that adding a task changes no other result."""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["task_seed", "task_sequence"]


def task_sequence(seed: int, task: str) -> np.random.SeedSequence:
    """Return the seed sequence of a task: the analysis's seed, spawned by a stable hash of the task's name."""
    key = int.from_bytes(hashlib.sha256(task.encode()).digest()[:8], "little")
    return np.random.SeedSequence(seed, spawn_key=(key,))


def task_seed(seed: int, task: str) -> int:
    """Return a 31-bit integer for libraries that take no seed sequence."""
    return int(task_sequence(seed, task).generate_state(1)[0] >> 1)
