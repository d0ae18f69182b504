"""Figures of the significance against the cut, and in bins of the score."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hepml.evaluation import BinnedSignificance, SignificanceReport
from hepml.report.figures.job import FigureJob
from hepml.report.figures.table import Column, FigureTable

if TYPE_CHECKING:
    from hepml.report.figures.job import Scene
    from hepml.report.findings import Findings

__all__ = ["jobs"]


def jobs(findings: Findings, scene: Scene) -> list[FigureJob]:  # noqa: ARG001  (one signature for all topics)
    """Return the scan and the bins of each method."""
    from hepml import plots

    found = []
    for number, (name, report) in enumerate(findings.of_methods("significance", SignificanceReport).items()):
        chosen = report.figure.name
        cut = report.on_test.get(chosen)
        at_cut = None if cut is None else cut.significances[chosen]
        found.append(
            FigureJob(
                f"significance_{number:03d}",
                "working_points",
                f"{name}: significance against the cut on the score, test part; cut chosen on validation",
                partial(
                    plots.significance_scan,
                    report.curve,
                    cut=None if cut is None else cut.threshold,
                    at_cut=at_cut,
                    title=name,
                ),
                about=name,
                tables=partial(_scan_tables, name, report),
            )
        )
        if isinstance(report.binned, BinnedSignificance):
            found.append(
                FigureJob(
                    f"score_binning_{number:03d}",
                    "working_points",
                    f"{name}: expected events in bins of the score for a fit, test part; bins chosen on validation",
                    partial(plots.binned_significance, report.binned, cut=at_cut, title=name),
                    about=name,
                    layout="ratio",
                    tables=partial(_bin_tables, name, report.binned),
                )
            )
    return found


def _scan_tables(name: str, report: SignificanceReport) -> list[FigureTable]:
    curve = report.curve
    events = [
        Column("expected signal", curve.signal, error=curve.signal_error),
        Column("expected background", curve.background, error=curve.background_error),
    ]
    merits = [Column(figure, curve.values[figure], error=curve.errors[figure]) for figure in curve.values]
    return [
        FigureTable(
            "significance against the cut",
            [Column("cut on the score", curve.thresholds)],
            [*events, *merits],
            {"method": name, "part": "test"},
        )
    ]


def _bin_tables(name: str, binned: BinnedSignificance) -> list[FigureTable]:
    bins = binned.bins
    return [
        FigureTable(
            "bins of the score",
            [Column("score", binned.edges, edges=True)],
            [
                Column("expected signal", [one.signal for one in bins], error=[one.signal_error for one in bins]),
                Column(
                    "expected background",
                    [one.background for one in bins],
                    error=[one.background_error for one in bins],
                ),
                Column("significance", [one.value for one in bins], error=[one.error for one in bins]),
            ],
            {"method": name, "part": "test"},
        )
    ]
