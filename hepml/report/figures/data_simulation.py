"""Figures of data over the stack of simulated samples."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hepml.evaluation import Exploration
from hepml.report.figures.job import FigureJob

if TYPE_CHECKING:
    from hepml.report.figures.job import Scene
    from hepml.report.findings import Findings

__all__ = ["jobs"]


def jobs(findings: Findings, scene: Scene) -> list[FigureJob]:
    """Return one figure for each sample of data and feature, and for each method's score."""
    from hepml import plots

    exploration = findings.of_run("exploration", Exploration)
    if exploration is None:
        return []
    found = []
    for place, (sample, compared) in enumerate(exploration.data_mc.items()):
        for number, feature in enumerate(scene.features):
            draw = partial(
                plots.data_mc,
                compared[feature.name],
                title=feature.title,
                unit=feature.unit,
                names=scene.titles,
                data_name=scene.titles[sample],
            )
            found.append(
                FigureJob(
                    f"data_mc_{place:03d}_{number:03d}",
                    "features",
                    f"{feature.name}, {sample} against simulation",
                    draw,
                    about=sample,
                    layout="ratio",
                )
            )
        for number, (method, result) in enumerate(exploration.score_data_mc.get(sample, {}).items()):
            draw = partial(
                plots.data_mc, result, title=f"{method} score", names=scene.titles, data_name=scene.titles[sample]
            )
            found.append(
                FigureJob(
                    f"data_mc_{place:03d}_score_{number:03d}",
                    "features",
                    f"score of {method}, {sample} against simulation of the test part",
                    draw,
                    about=sample,
                    layout="ratio",
                )
            )
    return found
