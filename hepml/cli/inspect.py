"""``hepml inspect``."""

from __future__ import annotations

import click

from hepml.cli.console import print_table

__all__ = ["inspect"]


@click.command(short_help="Show what a ROOT file holds.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--stats", is_flag=True, help="Read the branches: range, NaN, sentinels, what float32 loses, repeated events."
)
@click.option("-b", "--branch", "branches", multiple=True, help="Only this branch (may be given several times).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def inspect(files: tuple[str, ...], branches: tuple[str, ...], *, stats: bool, as_json: bool) -> None:
    """Show trees, entries, branches, types and compression of each FILE[:TREE], and how files differ.

    \b
    With --stats also the quality of all numbers, and events that are there twice, within a file or across files.
    Example: hepml inspect data/higgs_tautau/ggH.root:events --stats
    """
    from hepml.readers import expand_files, inspect_files
    from hepml.report import dump_json, inspection_headline, inspection_remarks, inspection_tables

    summaries = inspect_files(expand_files(files), branches=branches or None, statistics=stats)
    if as_json:
        click.echo(dump_json([summary.to_dict() for summary in summaries]), nl=False)
        return
    for summary in summaries:
        click.echo(inspection_headline(summary))
        for title, header, rows in inspection_tables(summary):
            print_table(header, rows, title=title, left=(0, 1))
        for line in inspection_remarks(summary):
            click.echo(line)
