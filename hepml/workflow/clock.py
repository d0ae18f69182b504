"""How long the steps of a run take."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Clock"]


class Clock:
    """Times steps: ``with clock("read"): ...``.

    Attributes
    ----------
    seconds : dict of str to float
        What each step took by the wall clock.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Time a step."""
        start = time.perf_counter()
        yield
        self.seconds[step] = time.perf_counter() - start
