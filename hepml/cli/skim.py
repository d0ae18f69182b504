"""``hepml skim``."""

from __future__ import annotations

from pathlib import Path

import click

from hepml.cli.console import print_table, progress_bar

__all__ = ["skim"]


@click.command(short_help="Write what an analysis selects to a smaller ROOT file.")
@click.argument("analysis", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="The ROOT file, OUT.root.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Threads that decompress.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["ttree", "rntuple"]),
    default="ttree",
    show_default=True,
    help="What trees are.",
)
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
def skim(analysis: Path, out: Path, *, threads: int, kind: str, overwrite: bool) -> None:
    """Write the events that ANALYSIS, an analysis.yaml, selects to OUT.root, and OUT.yaml that reads them.

    \b
    Each sample gets a tree of its name: features, spectators, identity, weight. Data are written as they are selected;
    runs of OUT.yaml blind them as runs of ANALYSIS do.
    Example: hepml skim analyses/higgs_tautau/analysis.yaml -o skims/higgs_tautau.root
    """
    from hepml.readers.writing import check_format
    from hepml.workflow import Analysis
    from hepml.workflow import skim as write_skim

    with progress_bar() as progress:
        result = write_skim(
            Analysis.from_file(analysis),
            out,
            format=check_format(kind),
            overwrite=overwrite,
            threads=threads,
            progress=progress,
        )
    rows = [
        [sample.name, ", ".join(sample.trees), str(sample.n_entries), str(sample.n_events), f"{sample.sum_weights:.6g}"]
        for sample in result.samples
    ]
    print_table(["sample", "tree", "entries", "selected", "sum of weights"], rows, left=(0, 1))
    click.echo(f"written: {result.path} and {result.analysis}")
