"""Figures of efficiencies against spectators, of spectators in slices of the score, and of all methods in comparison."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

from hepml.evaluation import RocCurve, VariableDependence
from hepml.report.figures.job import FigureJob
from hepml.report.figures.table import Column, FigureTable
from hepml.report.findings import Listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hepml.evaluation import Flatness, ScoreSlices, Sculpting
    from hepml.report.figures.job import Scene
    from hepml.report.findings import Findings

__all__ = ["jobs"]


# slices of a variable with fewer values say no more than its efficiencies
_FEWEST_BINS = 3
# one method has nothing to be traded against
_FEWEST_METHODS = 2


def jobs(findings: Findings, scene: Scene) -> list[FigureJob]:  # noqa: ARG001  (one signature for all topics)
    """Return a figure of the efficiencies of all methods a spectator, and one of its shape in slices of each score."""
    from hepml import plots

    found: list[FigureJob] = []
    by_variable: dict[str, dict[str, VariableDependence]] = {}
    for name, listed in findings.of_methods("spectators", Listed).items():
        for item in listed.items:
            if isinstance(item, VariableDependence):
                by_variable.setdefault(item.variable, {})[name] = item
    found += _trade_offs(findings, by_variable)
    for place, (variable, methods) in enumerate(by_variable.items()):
        cuts = {
            name: flat
            for name, item in methods.items()
            if (flat := next(iter(item.background.flatness), None)) is not None and flat.ndf > 0
        }
        if not cuts:
            continue
        found.append(
            FigureJob(
                f"flatness_{place:03d}",
                "spectators",
                f"Efficiency of the background at the tightest cut in bins of {variable}, test part",
                partial(plots.flatness, cuts, variable=variable),
                about=variable,
                tables=partial(_flatness, variable, cuts),
            )
        )
        for number, (name, item) in enumerate(methods.items()):
            slices = item.background.slices
            if slices is None or name not in cuts or cuts[name].efficiency.size < _FEWEST_BINS:
                continue
            found.append(
                FigureJob(
                    f"slices_{number:03d}_{place:03d}",
                    "spectators",
                    f"{name}: shape of {variable} of the background in slices of the score, test part",
                    partial(plots.score_slices, slices, variable=variable, title=name),
                    about=name,
                    tables=partial(_slices, name, variable, slices),
                )
            )
    return found


def _trade_offs(findings: Findings, by_variable: Mapping[str, Mapping[str, VariableDependence]]) -> list[FigureJob]:
    """Return a figure a spectator and cut in which all methods stand beside one another."""
    from hepml import plots

    curves = findings.of_methods("roc", RocCurve)
    found = []
    for place, (variable, methods) in enumerate(by_variable.items()):
        n_cuts = min(len(item.thresholds) for item in methods.values())
        for cut in range(n_cuts):
            pairs = {
                name: (curves[name], shape)
                for name, item in methods.items()
                if name in curves
                and (shape := item.background.sculpting[cut]) is not None
                and shape.divergence_error > 0
            }
            if len(pairs) < _FEWEST_METHODS:
                continue
            number = "" if n_cuts == 1 else f" ({cut + 1} of {n_cuts} cuts, from the tightest on)"
            found.append(
                FigureJob(
                    f"trade_off_{place:03d}_{cut:02d}",
                    "spectators",
                    f"Separation against the shape of {variable} that a cut leaves to the background{number}, test part; "
                    "arrows where the shape is the same within the error",
                    partial(plots.trade_off, pairs, variable),
                    about=variable,
                    tables=partial(_trade_off, variable, pairs),
                )
            )
    return found


def _trade_off(variable: str, pairs: Mapping[str, tuple[RocCurve, Sculpting]]) -> list[FigureTable]:
    curves, shapes = [pair[0] for pair in pairs.values()], [pair[1] for pair in pairs.values()]
    return [
        FigureTable(
            f"shape of {variable} after a cut",
            [Column("method", list(pairs))],
            [
                Column("AUC", [one.auc for one in curves], error=[one.auc_error for one in curves]),
                Column("JSD", [one.divergence for one in shapes], error=[one.divergence_error for one in shapes]),
            ],
            {"class": "background"},
        )
    ]


def _flatness(variable: str, cuts: Mapping[str, Flatness]) -> list[FigureTable]:
    return [
        FigureTable(
            f"efficiency in bins of {variable}",
            [Column(variable, _bins(result))],
            [Column("efficiency", result.efficiency, error=result.efficiency_error)],
            {"method": name, "class": "background"},
        )
        for name, result in cuts.items()
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
