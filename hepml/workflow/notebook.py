"""Runs in notebooks: the methods' table and figures as HTML, and progress that moves in its place."""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from hepml.report import methods_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hepml.workflow.run import Run

__all__ = ["RunFigure", "notebook_progress", "run_html"]

_SHOWN = ("roc",)


@dataclass(frozen=True, slots=True)
class RunFigure:
    """A figure of a run; a notebook shows it.

    Parameters
    ----------
    path : pathlib.Path
        The SVG file; PNG, PDF and the numbers (YAML) lie beside it.
    caption : str
        What it shows.
    """

    path: Path
    caption: str

    def _repr_html_(self) -> str:
        # as an image, an SVG can run no script whatever its text says
        source = base64.b64encode(self.path.read_bytes()).decode("ascii")
        return (
            f'<figure style="margin:0;max-width:40rem"><img style="width:100%;background:#fff" alt="{escape(self.caption)}" '
            f'src="data:image/svg+xml;base64,{source}"><figcaption>{escape(self.caption)}</figcaption></figure>'
        )


def run_html(run: Run) -> str:
    """Return the methods' table, the ROC curves and where the report is, as HTML without scripts."""
    header, rows = methods_table(run.metrics)
    title = run.metrics["title"] or run.metrics["analysis"]
    parts = [f"<strong>{escape(title)}</strong>", _table(header, rows)]
    parts += [run.figures[name]._repr_html_() for name in _SHOWN if name in run.figures]
    parts.append(f"<div>report: <code>{escape(run.path.name)}/report.html</code></div>")
    return f'<div style="color:inherit;background:transparent;font-size:90%">{"".join(parts)}</div>'


def _table(header: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def notebook_progress() -> Callable[[str, float], None] | None:
    """Return a function (step, fraction) that moves a bar in the cell that runs, None outside of notebooks."""
    if "IPython" not in sys.modules:
        return None
    import IPython.display

    shell: Any = IPython.get_ipython()
    if getattr(shell, "kernel", None) is None:
        # a terminal, or a library that brought IPython along
        return None
    display: Any = IPython.display.display
    handle = display({"text/html": _bar("", 0.0), "text/plain": ""}, raw=True, display_id=True)

    def show(step: str, fraction: float) -> None:
        handle.update({"text/html": _bar(step, fraction), "text/plain": step}, raw=True)

    return show


def _bar(step: str, fraction: float) -> str:
    return f'<progress value="{fraction:.3f}" max="1" style="width:20rem"></progress> {escape(step)}'
