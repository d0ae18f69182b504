"""Figures of a comparison: areas and their differences, correlations of the scores."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hepml.evaluation import ClassifierAgreement, MethodPair, RocCurve
from hepml.report.figures.job import FigureJob
from hepml.report.figures.table import Column, FigureTable
from hepml.report.findings import Listed

if TYPE_CHECKING:
    from hepml.evaluation import Correlations
    from hepml.report.figures.job import Scene
    from hepml.report.findings import Findings

__all__ = ["jobs"]


def jobs(findings: Findings, scene: Scene) -> list[FigureJob]:  # noqa: ARG001  (one signature for all topics)
    """Return areas with their differences from the first method, and the correlations of the scores in each class."""
    from hepml import plots

    curves = findings.of_methods("roc", RocCurve)
    listed = findings.of_run("comparisons", Listed)
    pairs = [] if listed is None else [pair for pair in listed.items if isinstance(pair, MethodPair)]
    found = []
    if pairs:
        found.append(
            FigureJob(
                "areas",
                "performance",
                f"Areas under the ROC curves, and their differences from {next(iter(curves))} with paired errors",
                partial(plots.areas, curves, pairs),
                make=partial(plots.new_importance_figure, 2, len(curves)),
                tables=partial(_areas, curves, pairs),
            )
        )
    agreement = findings.of_run("agreement", ClassifierAgreement)
    if agreement is None:
        return found
    for kind, matrices in (
        ("signal", agreement.signal_correlations),
        ("background", agreement.background_correlations),
    ):
        found.append(
            FigureJob(
                f"score_correlations_{kind}",
                "performance",
                f"Linear correlations of the scores in percent, {kind}",
                partial(plots.correlations, matrices, names=agreement.names, title=kind),
                about=kind,
                tables=partial(_correlations, agreement.names, matrices, kind),
            )
        )
    return found


def _areas(curves: dict[str, RocCurve], pairs: list[MethodPair]) -> list[FigureTable]:
    return [
        FigureTable(
            "area under the ROC curve",
            [Column("method", list(curves))],
            [Column("AUC", [c.auc for c in curves.values()], error=[c.auc_error for c in curves.values()])],
        ),
        FigureTable(
            "difference of areas, b - a",
            [Column("a", [pair.a for pair in pairs]), Column("b", [pair.b for pair in pairs])],
            [
                Column(
                    "difference of AUC",
                    [pair.auc.difference for pair in pairs],
                    error=[pair.auc.difference_error for pair in pairs],
                ),
                Column("p-value", [pair.auc.p_value for pair in pairs]),
            ],
        ),
    ]


def _correlations(names: tuple[str, ...], matrices: Correlations, kind: str) -> list[FigureTable]:
    size = range(len(names))
    return [
        FigureTable(
            "correlation of scores",
            [Column("a", [names[i] for i in size for _ in size]), Column("b", [names[j] for _ in size for j in size])],
            [Column("linear correlation", matrices.linear.ravel(), error=matrices.linear_error.ravel())],
            {"class": kind},
        )
    ]
