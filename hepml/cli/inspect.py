"""``hepml inspect``."""

from __future__ import annotations

import click

from hepml.cli.console import print_table

__all__ = ["inspect"]


@click.command(short_help="Show what a ROOT file holds.")
@click.argument("file")
@click.option("--stats", is_flag=True, help="Read the branches: range, mean, NaN, infinities, sentinels.")
@click.option("-b", "--branch", "branches", multiple=True, help="Only this branch (may be given several times).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def inspect(file: str, branches: tuple[str, ...], *, stats: bool, as_json: bool) -> None:
    """Show trees, entries, branches, types and compression of FILE[:TREE].

    \b
    Example: hepml inspect data/higgs_tautau/ggH.root:events --stats
    """
    from hepml.readers import expand_files, inspect_file
    from hepml.report import dump_json, inspection_headline, inspection_tables

    summaries = [inspect_file(location, branches=branches or None, statistics=stats) for location in expand_files(file)]
    if as_json:
        click.echo(dump_json([summary.to_dict() for summary in summaries]), nl=False)
        return
    for summary in summaries:
        click.echo(inspection_headline(summary))
        for title, header, rows in inspection_tables(summary):
            print_table(header, rows, title=title, left=(0, 1))
