"""Figures of the scores of training and test events."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hepml.evaluation import Overtraining
from hepml.report.figures.job import FigureJob
from hepml.report.figures.table import Column, FigureTable

if TYPE_CHECKING:
    from hepml.report.figures.job import Scene
    from hepml.report.findings import Findings

__all__ = ["jobs"]


def jobs(findings: Findings, scene: Scene) -> list[FigureJob]:  # noqa: ARG001  (one signature for all topics)
    """Return one overlay a method."""
    from hepml import plots

    return [
        FigureJob(
            f"overtraining_{number:03d}",
            "overtraining",
            f"{name}: score of training and test events ({result.verdict})",
            partial(plots.overtraining, result, title=name),
            about=name,
            tables=partial(_tables, name, result),
        )
        for number, (name, result) in enumerate(findings.of_methods("overtraining", Overtraining).items())
    ]


def _tables(name: str, result: Overtraining) -> list[FigureTable]:
    found = []
    for label, histogram in result.histograms.to_dict().items():
        part, _, kind = label.partition("_")
        found.append(
            FigureTable(
                f"score of {kind} in the {part} part",
                [Column("score", histogram["edges"], edges=True)],
                [Column("sum of weights", histogram["sum_w"], error=[value**0.5 for value in histogram["sum_w2"]])],
                {"method": name, "class": kind, "part": part},
            )
        )
    return found
