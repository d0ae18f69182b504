"""Figures of efficiencies against spectators, and of spectators in slices of the score."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

from hepml.evaluation import VariableDependence
from hepml.report.figures.job import FigureJob
from hepml.report.figures.table import Column, FigureTable
from hepml.report.findings import Listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hepml.evaluation import Flatness, ScoreSlices
    from hepml.report.figures.job import Scene
    from hepml.report.findings import Findings

__all__ = ["jobs"]


def jobs(findings: Findings, scene: Scene) -> list[FigureJob]:  # noqa: ARG001  (one signature for all topics)
    """Return, for each method and spectator, the efficiency of the background's cuts and its shape in slices."""
    from hepml import plots

    found = []
    for number, (name, listed) in enumerate(findings.of_methods("spectators", Listed).items()):
        for place, item in enumerate(listed.items):
            if not isinstance(item, VariableDependence):
                continue
            for label, dependence in (("background", item.background), ("signal", item.signal)):
                cuts = {
                    f"cut {threshold:.4g}": flat
                    for threshold, flat in zip(item.thresholds, dependence.flatness, strict=True)
                    if flat is not None
                }
                if cuts:
                    found.append(
                        FigureJob(
                            f"flatness_{label}_{number:03d}_{place:03d}",
                            "spectators",
                            f"{name}: efficiency of the {label} in bins of {item.variable}, test part",
                            partial(plots.flatness, cuts, variable=item.variable, title=f"{name}, {label}"),
                            about=name,
                            tables=partial(_flatness, name, label, item.variable, cuts),
                        )
                    )
            slices = item.background.slices
            if slices is not None:
                found.append(
                    FigureJob(
                        f"slices_{number:03d}_{place:03d}",
                        "spectators",
                        f"{name}: shape of {item.variable} of the background in slices of the score, test part",
                        partial(plots.score_slices, slices, variable=item.variable, title=name),
                        about=name,
                        tables=partial(_slices, name, item.variable, slices),
                    )
                )
    return found


def _flatness(name: str, label: str, variable: str, cuts: Mapping[str, Flatness]) -> list[FigureTable]:
    return [
        FigureTable(
            f"efficiency in bins of {variable}",
            [Column(variable, _bins(result))],
            [Column("efficiency", result.efficiency, error=result.efficiency_error)],
            {"method": name, "class": label, "cut": cut},
        )
        for cut, result in cuts.items()
    ]


def _bins(result: Flatness) -> list[str]:
    inner = [f"{edge:.6g}" for edge in result.edges[1:-1]]
    bounds = ["-inf", *inner, "inf"]
    names = [f"{low} to {high}" for low, high in itertools.pairwise(bounds)]
    return [*names, "missing"] if result.has_missing else names


def _slices(name: str, variable: str, result: ScoreSlices) -> list[FigureTable]:
    return [
        FigureTable(
            f"{variable} in a slice of the score",
            [Column(variable, histogram.edges, edges=True)],
            [Column("sum of weights", histogram.sum_w, error=histogram.error)],
            {"method": name, "class": "background", "slice": f"from {low:.6g} to {high:.6g}"},
        )
        for histogram, low, high in zip(result.histograms, result.boundaries[:-1], result.boundaries[1:], strict=True)
    ]
