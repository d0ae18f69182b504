"""The report: one self-contained HTML page made from a run folder."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any

import jinja2

from hepml.atomic import write_text
from hepml.report.table import methods_table, with_error

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_report"]

_FEATURE_PREFIX = "feature_"
_OVERTRAINING_PREFIX = "overtraining_"
_DATA_MC_PREFIX = "data_mc_"


def write_report(folder: Path, metrics: dict[str, Any], provenance: dict[str, Any]) -> Path:
    """Write ``report.html`` into a run folder.

    The page needs nothing from outside: figures are embedded, there is no script and no request. A figure that could not
    be drawn is said to be missing.

    Parameters
    ----------
    folder : pathlib.Path
        The run; its ``plots/*.svg`` are embedded.
    metrics, provenance : dict
        Content of ``metrics.json`` and ``provenance.json``.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hepml.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["number"] = _number
    environment.globals["with_error"] = with_error
    environment.globals["percentage"] = _percentage
    header, rows = methods_table(metrics)
    figures = {path.stem: _embedded(path) for path in sorted((folder / "plots").glob("*.svg"))}
    page = environment.get_template("report.html.j2").render(
        metrics=metrics,
        provenance=provenance,
        header=header,
        rows=rows,
        figures=figures,
        # what is not computable (null) comes last
        ranked_features=sorted(
            metrics["features"], key=lambda row: math.inf if row["separation"] is None else -row["separation"]
        ),
        feature_figures={
            feature["name"]: figures.get(f"{_FEATURE_PREFIX}{number:03d}")
            for number, feature in enumerate(metrics["features"])
        },
        overtraining_figures={
            name: figures.get(f"{_OVERTRAINING_PREFIX}{number:03d}")
            for number, name in enumerate(metrics["method_order"])
        },
        data_mc_figures={
            found["sample"]: {
                feature["name"]: figures.get(f"{_DATA_MC_PREFIX}{place:03d}_{number:03d}")
                for number, feature in enumerate(metrics["features"])
            }
            for place, found in enumerate(metrics["data_mc"])
        },
    )
    path = folder / "report.html"
    write_text(path, page)
    return path


def _embedded(path: Path) -> str:
    # as an image, an SVG can run no script whatever its text says
    return "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _percentage(part: float | None, whole: float | None) -> str:
    return "" if part is None or not whole else f"{100 * part / whole:.4g} %"


def _number(value: Any) -> str:
    if value is None:
        return "not shown"
    if isinstance(value, float):
        return f"{value:.5g}"
    return str(value)
