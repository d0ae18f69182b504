"""``hepml evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from hepml.cli.console import print_table, progress_bar

__all__ = ["evaluate"]


@click.command(short_help="Evaluate the models of a run again.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--analysis",
    type=click.Path(path_type=Path),
    help="An analysis file with other options of `evaluation` or `report`. Default: that of the run.",
)
@click.option("--unblind", is_flag=True, help="Show blinded data; the run's provenance records it.")
@click.option(
    "--tmva-output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a TMVA.root for TMVA's GUI and macros, too: trees and histograms of training and test events.",
)
def evaluate(run: Path, analysis: Path | None, *, unblind: bool, tmva_output: Path | None) -> None:
    """Read the inputs of RUN and score them with its models as they are; metrics, scores, figures and report are replaced.

    \b
    Nothing is trained: models that were trained on other events or with other options are refused.
    Example: hepml evaluate runs/higgs_tautau
    """
    from hepml.report import methods_table
    from hepml.workflow import Analysis, Run

    there = Run(run)
    job = Analysis.from_file(analysis or there.path / "analysis.yaml").with_methods(there.method_names)
    with progress_bar() as progress:
        finished = job.evaluate(run, unblind=unblind, tmva_output=tmva_output, progress=progress)
    header, rows = methods_table(finished.metrics)
    print_table(header, rows, left=(0, len(header) - 1))
    click.echo(f"report: {finished.path / 'report.html'}")
