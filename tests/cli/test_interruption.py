"""An interruption that falls into a destructor ends the program all the same."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import signal, sys, time
from hepml.cli.interruption import keep_interruptions
keep_interruptions()

class Closing:
    def __del__(self):
        {inside}

one = Closing()
del one
{after}
"""


def run(inside: str, after: str) -> subprocess.CompletedProcess[str]:
    code = PROGRAM.format(inside=inside, after=after)
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)


def test_ctrl_c_in_a_destructor_is_not_lost() -> None:
    waiting = "try:\n    time.sleep(30)\nexcept KeyboardInterrupt:\n    sys.exit(130)"
    found = run("signal.raise_signal(signal.SIGINT)", waiting)
    assert found.returncode == 130, found.stderr
    assert "Traceback" not in found.stderr


def test_other_errors_of_destructors_are_reported() -> None:
    found = run("raise ValueError('not closed')", "print('went on')")
    assert found.returncode == 0
    assert "ValueError: not closed" in found.stderr
    assert found.stdout == "went on\n"
