"""The report: one self-contained HTML page made from a run folder."""

from __future__ import annotations

import base64
import hashlib
import math
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jinja2

from hepml.atomic import write_text
from hepml.report.figures import drawn_figures
from hepml.report.slider import SLIDER_NUMBERS, slider_data
from hepml.report.table import matching_lines, methods_table, with_error, without_error

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["COMPARISON_SECTIONS", "SECTIONS", "write_comparison", "write_report"]

# a section is templates/sections/NAME.html.j2, and shows the figures that name it
SECTIONS = (
    ("summary", "Summary"),
    ("samples", "Samples and cutflow"),
    ("features", "Features"),
    ("training", "Training"),
    ("overtraining", "Overtraining"),
    ("performance", "Performance"),
    ("baselines", "Do I need machine learning?"),
    ("folds", "Folds"),
    ("working_points", "Working points and significance"),
    ("importance", "Importance"),
    ("calibration", "Calibration"),
    ("spectators", "Spectators and sculpting"),
    ("provenance", "Provenance"),
)

_BEFORE = (
    ("summary_of_task", "Summary"),
    ("samples", "Samples and cutflow"),
    ("features", "Features"),
    ("training", "Training"),
)
_AFTER = (("importance", "Importance"), ("provenance", "Provenance"))
_SECTIONS_OF = {
    "binary": SECTIONS,
    "multiclass": (
        *_BEFORE,
        ("multiclass", "Performance"),
        ("class_overtraining", "Overtraining"),
        *_AFTER,
    ),
    "regression": (*_BEFORE, ("regression", "Performance"), *_AFTER),
}

COMPARISON_SECTIONS = (
    ("compared", "What is compared"),
    ("performance", "Performance"),
    ("overtraining", "Overtraining"),
    ("provenance", "Provenance"),
)


def write_report(folder: Path, metrics: dict[str, Any], provenance: dict[str, Any]) -> Path:
    """Write ``report.html`` into a run folder.

    The page needs nothing from outside: figures, style and script are embedded, and its content security policy allows
    no request and no other script. A figure that could not be drawn is said to be missing.

    Parameters
    ----------
    folder : pathlib.Path
        The run; the figures of ``plots/index.json`` are embedded.
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
    task = metrics.get("task", "binary")
    return _write_page(
        folder,
        metrics,
        provenance,
        # a run without folds has nothing to say of them
        sections=[section for section in _SECTIONS_OF[task] if section[0] != "folds" or metrics.get("folds")],
        heading=metrics["title"] or metrics["analysis"],
        subject=f"analysis {metrics['analysis']}, ",
        slider=slider_data(metrics) if task == "binary" else [],
        # what is not computable (null) comes last
        ranked_features=sorted(
            metrics["features"],
            key=lambda row: math.inf if row.get("separation") is None else -row["separation"],
        ),
        data_samples=[found["sample"] for found in metrics.get("data_mc", [])],
    )


def write_comparison(folder: Path, comparison: dict[str, Any], provenance: dict[str, Any]) -> Path:
    """Write ``report.html`` of a comparison, as :func:`write_report` that of a run.

    Parameters
    ----------
    folder : pathlib.Path
        The comparison; the figures of ``plots/index.json`` are embedded.
    comparison, provenance : dict
        Content of ``comparison.json`` and ``provenance.json``.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    return _write_page(
        folder,
        comparison,
        provenance,
        sections=COMPARISON_SECTIONS,
        heading=comparison["title"],
        subject="",
        slider=[],
        lines=matching_lines(comparison),
    )


def _write_page(
    folder: Path,
    metrics: dict[str, Any],
    provenance: dict[str, Any],
    *,
    sections: Sequence[tuple[str, str]],
    **further: Any,
) -> Path:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hepml.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["number"] = _number
    figures = _Figures(folder / "plots")
    script = _resource("report.js")
    header, rows = methods_table(metrics)
    # globals, so that templates which import macros see them too
    environment.globals |= {
        "with_error": with_error,
        "without_error": without_error,
        "percentage": _percentage,
        "metrics": metrics,
        "provenance": provenance,
        "training_seconds": lambda name: _training_seconds(provenance, name),
        "figures": figures.of,
        "computed": lambda topic: [name for name in metrics["method_order"] if _is_there(metrics, name, topic)],
        "lost": lambda topic: [name for name in metrics["method_order"] if _is_lost(metrics, name, topic)],
    }
    page = environment.get_template("report.html.j2").render(
        sections=sections,
        style=_resource("report.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        slider_numbers=SLIDER_NUMBERS,
        header=header,
        rows=rows,
        **further,
    )
    path = folder / "report.html"
    write_text(path, page)
    return path


class _Figures:
    """The figures of a run by section, as images that stand in the page."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entries = drawn_figures(folder)

    def of(self, section: str, about: str | None = None, exclude: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Return caption and source of the figures of a section, of those about one thing, without those of others."""
        return [
            {"caption": entry["caption"], "source": self._source(entry)}
            for entry in self._entries
            if entry["section"] == section and about in {None, entry["about"]} and entry["about"] not in exclude
        ]

    def _source(self, entry: dict[str, Any]) -> str | None:
        path = self._folder / f"{entry['name']}.svg"
        if entry.get("failed") or not path.is_file():
            return None
        # as an image, an SVG can run no script whatever its text says
        return "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _resource(name: str) -> str:
    return (files("hepml.report") / "templates" / name).read_text(encoding="utf-8")


def _is_lost(metrics: dict[str, Any], name: str, topic: str) -> bool:
    found = metrics["methods"][name].get(topic)
    return isinstance(found, dict) and "not_computable" in found


def _is_there(metrics: dict[str, Any], name: str, topic: str) -> bool:
    return topic in metrics["methods"][name] and not _is_lost(metrics, name, topic)


def _training_seconds(provenance: dict[str, Any], name: str) -> float | None:
    """Return the seconds that a method or baseline was trained, all folds together."""
    steps = provenance.get("seconds", {})
    own = [value for step, value in steps.items() if step == f"train {name}" or step.startswith(f"train {name}/")]
    return sum(own) if own else None


def _percentage(part: float | None, whole: float | None) -> str:
    return "" if part is None or not whole else f"{100 * part / whole:.4g} %"


def _number(value: Any) -> str:
    if value is None:
        return "not shown"
    if isinstance(value, float):
        return f"{value:.5g}"
    return str(value)
