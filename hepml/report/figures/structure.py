"""Figures of purity against the cut, and of the agreement of methods."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hepml.evaluation import ClassifierAgreement, PurityScan
from hepml.report.figures.job import FigureJob
from hepml.report.figures.table import Column, FigureTable

if TYPE_CHECKING:
    from hepml.report.figures.job import Scene
    from hepml.report.findings import Findings

__all__ = ["jobs"]


def jobs(findings: Findings, scene: Scene) -> list[FigureJob]:  # noqa: ARG001  (one signature for all topics)
    """Return purity for each method, and the overlap of the background if there are several methods."""
    from hepml import plots

    found = [
        FigureJob(
            f"purity_{number:03d}",
            "working_points",
            f"{name}: efficiencies and purity against the cut, test part",
            partial(plots.purity, result, title=name),
            about=name,
            tables=partial(_purity, name, result),
        )
        for number, (name, result) in enumerate(findings.of_methods("purity", PurityScan).items())
    ]
    agreement = findings.of_run("agreement", ClassifierAgreement)
    if agreement is not None:
        found.append(
            FigureJob(
                "agreement",
                "performance",
                "Share of the background in percent that passes the cuts of both methods",
                partial(plots.agreement, agreement, of="background"),
                tables=partial(_overlap, agreement),
            )
        )
    return found


def _purity(name: str, result: PurityScan) -> list[FigureTable]:
    columns = ("signal_efficiency", "background_efficiency", "purity", "efficiency_times_purity")
    return [
        FigureTable(
            "efficiencies and purity against the cut",
            [Column("cut on the score", result.thresholds)],
            [
                Column(column.replace("_", " "), getattr(result, column), error=getattr(result, f"{column}_error"))
                for column in columns
            ],
            {"method": name},
        )
    ]


def _overlap(result: ClassifierAgreement) -> list[FigureTable]:
    overlap = result.background_overlap
    pairs = [(i, j) for i in range(len(result.names)) for j in range(len(result.names))]
    return [
        FigureTable(
            "share of the background that passes both cuts",
            [Column("a", [result.names[i] for i, _ in pairs]), Column("b", [result.names[j] for _, j in pairs])],
            [Column("share", overlap.both.ravel(), error=overlap.both_error.ravel())],
            {"signal efficiency": str(result.signal_efficiency)},
        )
    ]
