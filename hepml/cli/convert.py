"""``hepml convert``."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["convert"]


@click.command(short_help="Write a model for TMVA, XGBoost, ONNX, C++, C or Python.")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="X.weights.xml, X.json (XGBoost), X.onnx, X.hpp (C++17), X.c (C99), X.py (numpy) or X.npz.",
)
@click.option("--method", help="Which method of a run.")
@click.option(
    "--ignore-missing",
    is_flag=True,
    help="For TMVA, which has no missing values: write what was trained with them, for events that have none.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def convert(model: Path, out: Path, *, method: str | None, ignore_missing: bool, overwrite: bool) -> None:
    """Write MODEL in the format that the end of the output's name tells.

    \b
    MODEL is a run folder, the folder of one model, or a model file of another program. What would be written scores
    thousands of events first; nothing is written if it disagrees with the model. All formats hold trees;
    TMVA's, ONNX and C++ also dense networks, and TMVA's linear models.
    Example: hepml convert runs/higgs_tautau --method BDT -o bdt.onnx
    """
    from hepml.workflow import convert_model

    result = convert_model(model, out, method=method, ignore_missing=ignore_missing, overwrite=overwrite)
    check = result.verification
    if check is None:
        click.echo(f"written: {result.path} ({result.form})")
    elif check.verified:
        click.echo(
            f"written: {result.path} ({result.form}; {check.n_events} events scored by {check.by}, largest "
            f"difference {check.largest_difference:.2g})"
        )
    else:
        click.echo(f"written: {result.path} ({result.form}), NOT checked: {check.by}")
