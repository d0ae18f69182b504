"""Drawing the figures of a run into its folder. A figure that fails never costs the run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from hepml.atomic import sync_folder
from hepml.report.figures.registry import COMPARISON_FIGURES, FIGURES, MULTICLASS_FIGURES, REGRESSION_FIGURES
from hepml.report.figures.table import dump_tables
from hepml.report.formats import FIGURES_FORMAT, FIGURES_VERSION
from hepml.report.json_files import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hepml.config import ReportConfig
    from hepml.report.figures.job import FigureJob, Scene
    from hepml.report.findings import Findings

__all__ = ["draw_comparison", "draw_figures", "drawn_figures", "figure_captions"]

_LOG = logging.getLogger("hepml.report")

_INDEX = "index.json"


def draw_figures(
    folder: Path,
    settings: ReportConfig,
    findings: Findings,
    scene: Scene,
    *,
    task: str = "binary",
    progress: Callable[[float], None],
) -> None:
    """Draw all figures of a run into a folder.

    Each as SVG and in the other formats of the settings, with its numbers as ``NAME.yaml``; ``index.json`` lists them with
    their captions. What cannot be drawn is logged and marked there.

    Parameters
    ----------
    folder : pathlib.Path
        Where to; it is made.
    settings : ReportConfig
        Style, label and formats.
    findings : Findings
        All results.
    scene : Scene
        Features and events of the test part.
    task : {"binary", "multiclass", "regression"}
        Which figures there are.
    progress : callable
        Called with the fraction that is done.
    """
    figures = {"multiclass": MULTICLASS_FIGURES, "regression": REGRESSION_FIGURES}.get(task, FIGURES)
    _draw_all(folder, settings, figures, findings, scene, progress)


def draw_comparison(
    folder: Path, settings: ReportConfig, findings: Findings, *, progress: Callable[[float], None]
) -> None:
    """Draw all figures of a comparison into a folder, as :func:`draw_figures` those of a run.

    Parameters
    ----------
    folder : pathlib.Path
        Where to; it is made.
    settings : ReportConfig
        Style, label and formats.
    findings : Findings
        All results.
    progress : callable
        Called with the fraction that is done.
    """
    _draw_all(folder, settings, COMPARISON_FIGURES, findings, None, progress)


def _draw_all(  # noqa: PLR0917  (those of the two above)
    folder: Path,
    settings: ReportConfig,
    topics: Sequence[Callable[[Findings, Any], Sequence[FigureJob]]],
    findings: Findings,
    scene: Scene | None,
    progress: Callable[[float], None],
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    jobs: list[FigureJob] = []
    for make_jobs in topics:
        try:
            jobs += make_jobs(findings, scene)
        except Exception:  # noqa: BLE001  (whatever a figure raises, the numbers are worth more)
            _LOG.exception("figures of %s could not be drawn", make_jobs.__module__.rpartition(".")[2])
    entries = []
    for number, job in enumerate(jobs):
        progress(number / len(jobs))
        entry: dict[str, Any] = {"name": job.name, "section": job.section, "caption": job.caption, "about": job.about}
        try:
            _draw(folder, job, settings)
        except Exception:  # noqa: BLE001  (the same)
            _LOG.exception("the figure %s could not be drawn", job.name)
            entry["failed"] = True
        entries.append(entry)
    # the folder is that of a run which has no name yet: nobody sees a file before all are there
    sync_folder(folder)
    write_json(folder / _INDEX, {"format": FIGURES_FORMAT, "version": FIGURES_VERSION, "figures": entries})


def drawn_figures(folder: Path) -> list[dict[str, Any]]:
    """Return what ``index.json`` of a folder of figures lists: ``name``, ``section``, ``caption``, ``about``, ``failed``.

    Raises
    ------
    ModelFormatError
        If the list cannot be read.
    """
    index = folder / _INDEX
    if not index.is_file():
        return []
    return list(read_json(index, FIGURES_FORMAT, FIGURES_VERSION)["figures"])


def figure_captions(folder: Path) -> dict[str, str]:
    """Return the captions of the figures that could be drawn, by name."""
    return {entry["name"]: entry["caption"] for entry in drawn_figures(folder) if not entry.get("failed")}


def _draw(folder: Path, job: FigureJob, settings: ReportConfig) -> None:
    from hepml import plots

    with plots.style(settings.style):
        make = job.make or (plots.new_ratio_figure if job.layout == "ratio" else plots.new_figure)
        figure, axes = make()
        job.draw(axes)
        plots.experiment_label(axes[0] if isinstance(axes, tuple) else axes, settings.label)
        # the report shows SVG, whatever else is asked for
        for suffix in dict.fromkeys(("svg", *settings.formats)):
            plots.save(figure, folder / f"{job.name}.{suffix}")
    if job.tables is not None:
        (folder / f"{job.name}.yaml").write_text(dump_tables(job.tables()), encoding="utf-8")
