"""``hepml train``."""

from __future__ import annotations

from pathlib import Path

import click

from hepml.cli.console import print_table, progress_bar

__all__ = ["train"]


@click.command(short_help="Read, prepare, train, evaluate and report.")
@click.argument("analysis", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Run folder. Default: runs/NAME beside where you are."
)
@click.option("--methods", help="Only these methods, separated by commas.")
@click.option(
    "--task", help="One training alone, as METHOD or METHOD/fold_2; its model goes to OUT/TASK, and there is no run."
)
@click.option("--resume", is_flag=True, help="Keep what an interrupted run completed.")
@click.option("--overwrite", is_flag=True, help="Replace an existing run once the new one is complete.")
@click.option("--unblind", is_flag=True, help="Show blinded data; the run's provenance records it.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that keeps the columns for the next time; memory then does not grow with the features.",
)
@click.option(
    "--tmva-output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a TMVA.root for TMVA's GUI and macros, too: trees and histograms of training and test events.",
)
def train(
    analysis: Path,
    out: Path | None,
    methods: str | None,
    task: str | None,
    *,
    resume: bool,
    overwrite: bool,
    unblind: bool,
    cache: Path | None,
    tmva_output: Path | None,
) -> None:
    """Train the methods of ANALYSIS, an analysis.yaml, and print their table.

    \b
    The run folder holds metrics.json, models/METHOD/, scores.root, plots/, report.html, provenance.json and log.txt.
    Example: hepml train analyses/higgs_tautau/analysis.yaml -o runs/higgs_tautau
    """
    from hepml.report import methods_table
    from hepml.workflow import Analysis

    job = Analysis.from_file(analysis)
    if methods is not None:
        job = job.with_methods([name.strip() for name in methods.split(",") if name.strip()])
    target = out or Path("runs") / job.config.name
    if task is not None:
        if out is None or methods or resume or overwrite or unblind or tmva_output:
            msg = (
                "--task trains one model into OUT/TASK: it needs -o, no --methods, --resume, --overwrite, --unblind, "
                "--tmva-output"
            )
            raise click.UsageError(msg)
        with progress_bar() as progress:
            stored = job.train_task(task, out, cache=cache, progress=progress)
        click.echo(f"model: {stored}")
        return
    with progress_bar() as progress:
        run = job.train(
            target,
            resume=resume,
            overwrite=overwrite,
            unblind=unblind,
            cache=cache,
            tmva_output=tmva_output,
            progress=progress,
        )
    header, rows = methods_table(run.metrics)
    print_table(header, rows, title=job.config.title or job.config.name, left=(0, len(header) - 1))
    click.echo(f"report: {run.path / 'report.html'}")
