"""Figure of the areas fold by fold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml.evaluation import FoldComparison
from hepml.report.figures.job import FigureJob
from hepml.report.figures.table import Column, FigureTable

if TYPE_CHECKING:
    from hepml.report.figures.job import Scene
    from hepml.report.findings import Findings

__all__ = ["jobs"]


def jobs(findings: Findings, scene: Scene) -> list[FigureJob]:  # noqa: ARG001  (one signature for all topics)
    """Return one figure of all methods, if there are folds."""
    from hepml import plots

    results = findings.of_methods("folds", FoldComparison)
    if not results:
        return []
    return [
        FigureJob(
            "folds",
            "folds",
            "Area under the ROC curve of each fold, by the model that has not seen it, and of all folds together",
            lambda ax: plots.folds(results, ax),
            tables=lambda: [_table(name, result) for name, result in results.items()],
        )
    ]


def _table(name: str, result: FoldComparison) -> FigureTable:
    areas = result.areas
    return FigureTable(
        "area under the ROC curve by fold",
        [Column("fold", [area.fold for area in areas])],
        [Column("area", [area.auc for area in areas], error=[area.auc_error for area in areas])],
        {"method": name},
    )
