"""Tables and progress for a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["print_table", "progress_bar"]

_SECONDS_BETWEEN_LINES = 10.0


def print_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "", left: Sequence[int] = (0,)
) -> None:
    """Print a table to standard output, whole however narrow the output is when it is no terminal."""
    console = Console() if sys.stdout.isatty() else Console(width=240)
    table = Table(title=escape(title) or None, title_justify="left")
    for number, name in enumerate(header):
        table.add_column(escape(name), justify="left" if number in left else "right")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console.print(table)


@contextlib.contextmanager
def progress_bar() -> Iterator[Callable[[str, float], None]]:
    """Give a function (step, fraction) that shows progress: a bar on a terminal, now and then a line elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=1.0)

        def show(step: str, fraction: float) -> None:
            progress.update(task, description=escape(step), completed=fraction)

        yield show


class _Lines:
    """Prints a line when a step begins, and at most one every ten seconds within it."""

    def __init__(self) -> None:
        self._step = ""
        self._last = 0.0

    def __call__(self, step: str, fraction: float) -> None:
        now = time.monotonic()
        if step == self._step and now - self._last < _SECONDS_BETWEEN_LINES:
            return
        percent = "" if step != self._step else f" {100 * fraction:.0f}%"
        self._step, self._last = step, now
        sys.stderr.write(f"{step}{percent}\n")
        sys.stderr.flush()
