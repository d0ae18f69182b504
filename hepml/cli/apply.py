"""``hepml apply``."""

from __future__ import annotations

from pathlib import Path

import click

from hepml.cli.console import print_table, progress_bar

__all__ = ["apply"]


@click.command(short_help="Score ROOT files with a trained model, one friend file each.")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, required=True)
@click.option("-o", "--out", required=True, help="Folder for the friend files, or OUT.root for one input.")
@click.option("--tree", help="Tree of files that name none. Default: the one of the training, else the only one.")
@click.option("--sample", help="Sample of the training that the events belong to, or `none` for events that are new.")
@click.option(
    "--average",
    is_flag=True,
    help="Models of folds: the mean of all of them, for events of no training part. Default: the one that the event gets.",
)
@click.option(
    "--signal-efficiency", type=float, metavar="EFF", help="Cuts of TMVA: those for this efficiency, such as 0.7."
)
@click.option(
    "--friend",
    "friends",
    multiple=True,
    metavar="FILE[:TREE]",
    help="Tree with further branches of the same events; `:TREE` is another tree of FILES (may be given several times).",
)
@click.option(
    "--index",
    multiple=True,
    metavar="EXPR",
    help="Find partners in friends by this integer, not by entry order (may be given several times).",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["ttree", "rntuple"]),
    help="What the friends are written as. Default: what the input is.",
)
@click.option("--overwrite", is_flag=True, help="Replace existing output files.")
def apply(
    *,
    model: Path,
    files: tuple[str, ...],
    out: str,
    tree: str | None,
    sample: str | None,
    average: bool,
    signal_efficiency: float | None,
    friends: tuple[str, ...],
    index: tuple[str, ...],
    kind: str | None,
    overwrite: bool,
) -> None:
    """Score FILES (paths or globs, each optionally with :TREE) with MODEL.

    MODEL is a run folder, the folder of one model, or a model file: TMVA's weights.xml, XGBoost, LightGBM, ONNX.

    \b
    Every input gets a file with a tree of the same name and entry order: the identity branches, for each method METHOD
    (the score) and METHOD_seen (0 unseen, 1 trained, 2 validation, 3 test, -1 not known; with folds the number of the model
    that scored the event, -2 for their average). All inputs are checked before one is scored.
    Example: hepml apply runs/higgs_tautau data/higgs_tautau/*.root -o scored/
    """
    from hepml.readers.writing import check_format
    from hepml.workflow import apply_model

    with progress_bar() as progress:
        results = apply_model(
            model,
            files,
            out,
            tree=tree,
            sample=sample,
            average=average,
            signal_efficiency=signal_efficiency,
            friends=friends,
            index=index,
            format=None if kind is None else check_format(kind),
            overwrite=overwrite,
            progress=progress,
        )
    rows = [[result.source, str(result.output), str(result.n_entries), str(result.n_not_scored)] for result in results]
    print_table(["input", "output", "entries", "not scored"], rows, left=(0, 1))
