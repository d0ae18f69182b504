"""Figures of reliability curves, as trained and recalibrated."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hepml.evaluation import Calibration, Recalibration
from hepml.report.figures.job import FigureJob
from hepml.report.figures.table import Column, FigureTable
from hepml.report.findings import Listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hepml.report.figures.job import Scene
    from hepml.report.findings import Findings

__all__ = ["jobs"]

_TITLES = {"platt": "Platt", "isotonic": "isotonic"}


def jobs(findings: Findings, scene: Scene) -> list[FigureJob]:  # noqa: ARG001  (one signature for all topics)
    """Return one figure a method that has a calibration of any kind."""
    from hepml import plots

    trained = findings.of_methods("calibration", Calibration)
    recalibrated = findings.of_methods("recalibration", Listed)
    found = []
    for number, name in enumerate(findings.methods):
        curves = {"as trained": trained[name]} if name in trained else {}
        if name in recalibrated:
            curves |= {
                _TITLES[item.kind]: item.after for item in recalibrated[name].items if isinstance(item, Recalibration)
            }
        if curves:
            found.append(
                FigureJob(
                    f"calibration_{number:03d}",
                    "calibration",
                    f"{name}: observed share of signal against predicted probability, test part",
                    partial(plots.calibration, curves, title=name),
                    about=name,
                    layout="ratio",
                    tables=partial(_tables, name, curves),
                )
            )
    return found


def _tables(name: str, curves: Mapping[str, Calibration]) -> list[FigureTable]:
    return [
        FigureTable(
            "reliability curve",
            [Column("predicted probability", curve.edges, edges=True)],
            [
                Column("mean prediction", curve.predicted),
                Column("observed share of signal", curve.observed, error=curve.observed_error),
                Column("difference", curve.difference, error=curve.difference_error),
            ],
            {"method": name, "map": kind, "share of signal": str(curve.signal_fraction)},
        )
        for kind, curve in curves.items()
    ]
