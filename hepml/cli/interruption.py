"""Ctrl-C that falls into a destructor, where Python drops it: given again, a moment later."""

from __future__ import annotations

import _thread
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

__all__ = ["keep_interruptions"]

_SECONDS = 0.05


def keep_interruptions() -> None:
    """Let no ``KeyboardInterrupt`` be lost for good; all else that cannot be raised is reported as before."""
    report = sys.unraisablehook

    def again(unraisable: UnraisableHookArgs) -> None:
        if not isinstance(unraisable.exc_value, KeyboardInterrupt):
            report(unraisable)
            return
        # raised at once, it would be within the same destructor
        timer = threading.Timer(_SECONDS, _thread.interrupt_main)
        timer.daemon = True
        timer.start()

    sys.unraisablehook = again
