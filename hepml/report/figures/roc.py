"""Figures of the ROC curves of all methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml.evaluation import RocCurve
from hepml.report.figures.job import FigureJob
from hepml.report.figures.table import Column, FigureTable

if TYPE_CHECKING:
    from hepml.report.figures.job import Scene
    from hepml.report.findings import Findings

__all__ = ["jobs"]


def jobs(findings: Findings, scene: Scene) -> list[FigureJob]:  # noqa: ARG001  (one signature for all topics)
    """Return the figures of background rejection and of inverse background efficiency."""
    from hepml import plots

    curves = findings.of_methods("roc", RocCurve)
    if not curves:
        return []

    def tables() -> list[FigureTable]:
        return [_table(name, curve) for name, curve in curves.items()]

    return [
        FigureJob(
            "roc",
            "performance",
            "Background rejection against signal efficiency, test part",
            lambda ax: plots.roc(curves, ax),
            tables=tables,
        ),
        FigureJob(
            "inverse_background_efficiency",
            "performance",
            "Inverse background efficiency against signal efficiency, test part",
            lambda ax: plots.inverse_background_efficiency(curves, ax),
            tables=tables,
        ),
    ]


def _table(name: str, curve: RocCurve) -> FigureTable:
    chosen = curve.thinned()
    return FigureTable(
        "ROC curve",
        [Column("cut on the score", curve.thresholds[chosen])],
        [
            Column("signal efficiency", curve.signal_efficiency[chosen], error=curve.signal_efficiency_error[chosen]),
            Column(
                "background efficiency",
                curve.background_efficiency[chosen],
                error=curve.background_efficiency_error[chosen],
            ),
        ],
        {"method": name},
    )
