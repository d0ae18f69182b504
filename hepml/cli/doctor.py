"""``hepml doctor``."""

from __future__ import annotations

import click

from hepml.cli.console import print_table

__all__ = ["doctor"]


@click.command(short_help="Say which engines, extras and schedulers are there.")
def doctor() -> None:
    """Say which libraries, extras and batch systems are there, and how to get what is missing."""
    from hepml.workflow import examine_installation

    findings = examine_installation()
    rows = [[item.name, item.purpose, item.version or "missing", item.hint] for item in findings]
    print_table(["part", "for", "version", "how to get it"], rows, left=(0, 1, 2, 3))
