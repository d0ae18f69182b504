"""Figures of the ROC curves of all methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.evaluation import RocBand, RocCurve
from hepml.evaluation.influence import MIN_CARRYING
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
    # a method whose band is not computable has that of single points, and the legend names both kinds
    found = findings.of_methods("roc_band", RocBand)
    bands = {name: found.get(name) or curve.band() for name, curve in curves.items()}

    def tables() -> list[FigureTable]:
        return [
            *(_table(name, curve) for name, curve in curves.items()),
            *(_band_table(name, band) for name, band in bands.items()),
        ]

    return [
        FigureJob(
            "roc",
            "performance",
            "Background rejection against signal efficiency, test part",
            lambda ax: plots.roc(curves, ax, bands=bands),
            tables=tables,
        ),
        FigureJob(
            "inverse_background_efficiency",
            "performance",
            "Inverse background efficiency against signal efficiency, test part",
            lambda ax: plots.inverse_background_efficiency(curves, ax, bands=bands),
            tables=tables,
        ),
    ]


def _table(name: str, curve: RocCurve) -> FigureTable:
    chosen = curve.thinned()
    # as in metrics.json: no error that too few events carry
    signal, background = (
        np.where(n_carrying[chosen] >= MIN_CARRYING, error[chosen], np.nan)
        for error, n_carrying in (
            (curve.signal_efficiency_error, curve.n_carrying_signal),
            (curve.background_efficiency_error, curve.n_carrying_background),
        )
    )
    return FigureTable(
        "ROC curve",
        [Column("cut on the score", curve.thresholds[chosen])],
        [
            Column("signal efficiency", curve.signal_efficiency[chosen], error=signal),
            Column("background efficiency", curve.background_efficiency[chosen], error=background),
        ],
        {"method": name},
    )


def _band_table(name: str, band: RocBand) -> FigureTable:
    return FigureTable(
        f"{band.kind} band of {100 * band.level:.0f}%",
        [Column("signal efficiency", band.signal_efficiency)],
        [
            Column("background efficiency", band.background_efficiency, error=band.error),
            Column("lower end", band.lower),
            Column("upper end", band.upper),
        ],
        {"method": name},
    )
