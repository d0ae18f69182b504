"""``hepml report``."""

from __future__ import annotations

from pathlib import Path

import click

from hepml.cli.console import print_table

__all__ = ["report"]


@click.command(short_help="Make the report of a run again.")
@click.argument("run", type=click.Path(path_type=Path))
def report(run: Path) -> None:
    """Make report.html of the folder RUN again and print the methods' table.

    \b
    Example: hepml report runs/higgs_tautau
    """
    from hepml.report import methods_table
    from hepml.workflow import Run

    finished = Run(run)
    path = finished.report()
    header, rows = methods_table(finished.metrics)
    print_table(header, rows, left=(0, len(header) - 1))
    click.echo(f"report: {path}")
