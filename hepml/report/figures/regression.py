"""Figures of regressions: estimate against target, deviations, resolution in bins of the target, and the features."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hepml.evaluation import RegressionDistribution, RegressionProfile, RegressionQuality
from hepml.report.figures.job import FigureJob
from hepml.report.figures.table import Column, FigureTable

if TYPE_CHECKING:
    from hepml.report.figures.job import Scene
    from hepml.report.findings import Findings

__all__ = ["jobs"]


def jobs(findings: Findings, scene: Scene) -> list[FigureJob]:
    """Return three figures for each target of each method."""
    from hepml import plots

    profiles = findings.of_each("regression_profile", RegressionProfile)
    qualities = findings.of_each("regression", RegressionQuality)
    found = []
    for number, (name, drawn) in enumerate(findings.of_each("regression_distribution", RegressionDistribution).items()):
        for place, (target, one) in enumerate(drawn.items()):
            profile = profiles.get(name, {}).get(target)
            quality = qualities.get(name, {}).get(target)
            title, unit = scene.targets.get(target, (target, ""))
            end = f"{number:03d}_{place:03d}"
            if profile is not None:
                found += [
                    FigureJob(
                        f"estimates_{end}",
                        "regression",
                        f"{name}: estimate of {target} against {target}, test part",
                        partial(plots.estimates, one, profile, title=title, unit=unit),
                        about=name,
                        tables=partial(_profile, name, target, unit, profile),
                    ),
                    FigureJob(
                        f"resolution_{end}",
                        "regression",
                        f"{name}: resolution and bias in bins of {target}, test part",
                        partial(plots.resolution, profile, title=title, unit=unit),
                        about=name,
                        layout="ratio",
                    ),
                ]
            if quality is not None:
                found.append(
                    FigureJob(
                        f"deviations_{end}",
                        "regression",
                        f"{name}: deviations of the estimate from {target}, test and training part",
                        partial(plots.deviations, one, quality, title=title, unit=unit),
                        about=name,
                        tables=partial(_deviations, name, target, unit, one),
                    )
                )
    return found


def _profile(method: str, target: str, unit: str, profile: RegressionProfile) -> list[FigureTable]:
    columns = [
        Column(name, getattr(profile, name), unit=unit, error=getattr(profile, f"{name}_error"))
        for name in ("estimate", "bias", "resolution")
    ]
    independent = [Column(target, profile.edges, unit=unit, edges=True)]
    return [FigureTable(f"estimate in bins of {target}", independent, columns, {"method": method})]


def _deviations(method: str, target: str, unit: str, drawn: RegressionDistribution) -> list[FigureTable]:
    return [
        FigureTable(
            f"deviations from {target}",
            [Column("deviation", one.edges, unit=unit, edges=True)],
            [Column("sum of weights", one.sum_w, error=one.error)],
            {"method": method, "part": part},
        )
        for part, one in (("test", drawn.test), ("training", drawn.train))
    ]
