"""``hepml compare``."""

from __future__ import annotations

from pathlib import Path

import click

from hepml.cli.console import print_table, progress_bar

__all__ = ["compare"]


@click.command(short_help="Put runs, TMVA.root files and models side by side on the same events.")
@click.argument("sources", nargs=-1, required=True)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Folder for comparison.json, report.html and plots/."
)
@click.option("--methods", help="Methods, separated by commas: METHOD or source/METHOD. Default: all.")
@click.option(
    "--analysis", type=click.Path(path_type=Path), help="Analysis file whose signal and background models score."
)
@click.option(
    "--signal", multiple=True, metavar="FILE[:TREE]", help="Signal that models score (may be given several times)."
)
@click.option(
    "--background",
    multiple=True,
    metavar="FILE[:TREE]",
    help="Background that models score (may be given several times).",
)
@click.option("--tree", help="Tree of files that name none.")
@click.option("--selection", default="", metavar="EXPR", help="Events of these files that are scored. Default: all.")
@click.option("--weight", default="", metavar="EXPR", help="Weight of events of these files. Default: 1.")
@click.option(
    "--identity",
    multiple=True,
    metavar="COLUMN",
    help="What identifies an event in all sources (may be given several times).",
)
@click.option(
    "--signal-efficiency",
    type=float,
    metavar="EFF",
    help="Cuts of TMVA in weights.xml: those for this efficiency, such as 0.7.",
)
@click.option(
    "--working-point",
    "working_points",
    type=float,
    multiple=True,
    default=(0.3, 0.5, 0.7, 0.9),
    show_default=True,
    help="Signal efficiency at which background is compared (may be given several times).",
)
@click.option(
    "--style", default="plain", show_default=True, help="Style of the figures: plain, ATLAS, CMS, LHCb, ALICE."
)
@click.option("--overwrite", is_flag=True, help="Replace an existing folder.")
def compare(
    *,
    sources: tuple[str, ...],
    out: Path | None,
    methods: str | None,
    analysis: Path | None,
    signal: tuple[str, ...],
    background: tuple[str, ...],
    tree: str | None,
    selection: str,
    weight: str,
    identity: tuple[str, ...],
    signal_efficiency: float | None,
    working_points: tuple[float, ...],
    style: str,
    overwrite: bool,
) -> None:
    """Compare the methods of SOURCES: run folders, TMVA.root[:DATASET], weights.xml and other models.

    \b
    Only events are compared that are in the test part of every source. They are matched by what identifies them; what cannot
    be matched without doubt is refused. Models score the events of --analysis, of --signal and --background, or else the
    test events of the first run or TMVA.root.
    Example: hepml compare runs/new old/TMVA.root old/weights/TMVA_BDT.weights.xml -o compared
    """
    from hepml.report import comparison_table, matching_lines, methods_table
    from hepml.workflow import compare as compare_sources

    with progress_bar() as progress:
        found = compare_sources(
            sources,
            out,
            methods=[name.strip() for name in methods.split(",")] if methods else None,
            analysis=analysis,
            signal=signal,
            background=background,
            tree=tree,
            selection=selection,
            weight=weight,
            identity=identity or None,
            signal_efficiency=signal_efficiency,
            working_points=working_points,
            style=style,
            overwrite=overwrite,
            progress=progress,
        )
    content = found.to_dict()
    for line in (*matching_lines(content), *content["remarks"]):
        click.echo(line)
    print_table(*methods_table(content))
    header, rows = comparison_table(content)
    if rows:
        print_table(header, rows, left=(0, 1))
    if out is not None:
        click.echo(f"report: {out / 'report.html'}")
