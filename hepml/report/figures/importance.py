"""Figures of the importance of features to each method: all definitions side by side, contributions, dependence."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hepml.evaluation import ContributionSummary, FeatureImportance
from hepml.report.figures.job import FigureJob
from hepml.report.figures.table import Column, FigureTable
from hepml.report.findings import Listed

if TYPE_CHECKING:
    from hepml.data import Feature
    from hepml.evaluation import ContributionProfile
    from hepml.report.figures.job import Scene
    from hepml.report.findings import Findings

__all__ = ["jobs"]

# dependence is shown of the leading features only
_LEADING = 2
_LABELS = {
    "permutation": "Permutation: loss of AUC",
    "drop_column": "Dropped: loss of AUC",
    "contribution": "Mean |contribution|",
    "tmva": "TMVA's importance",
}


def jobs(findings: Findings, scene: Scene) -> list[FigureJob]:
    """Return for each method the importance by all definitions, the contributions, and leading features' dependence."""
    from hepml import plots

    titles = {feature.name: feature.title or feature.name for feature in scene.features}
    features = {feature.name: feature for feature in scene.features}
    explained = findings.of_methods("contributions", ContributionSummary)
    found = []
    for number, name in enumerate(findings.methods):
        results = _definitions(findings, name)
        if results:
            n_names = max(len(result.names) for result in results.values())
            found.append(
                FigureJob(
                    f"importance_{number:03d}",
                    "importance",
                    f"{name}: importance of the features, by several definitions; grey: correlated features together",
                    partial(plots.importance, results, names=titles),
                    about=name,
                    tables=partial(_importance_tables, name, results),
                    make=partial(plots.new_importance_figure, len(results), n_names),
                )
            )
        if name not in explained:
            continue
        summary = explained[name]
        found.append(
            FigureJob(
                f"contributions_{number:03d}",
                "importance",
                f"{name}: contributions of the features to single test events",
                partial(plots.contributions, summary, names=titles),
                about=name,
            )
        )
        for place, feature in enumerate(summary.importance.ranked()[:_LEADING]):
            profile = summary.profiles[feature]
            found.append(
                FigureJob(
                    f"dependence_{number:03d}_{place:03d}",
                    "importance",
                    f"{name}: contribution of {feature} against its value",
                    partial(plots.contribution_dependence, profile, title=titles[feature], unit=features[feature].unit),
                    about=name,
                    tables=partial(_dependence_tables, name, features[feature], profile),
                )
            )
    return found


def _definitions(findings: Findings, method: str) -> dict[str, FeatureImportance]:
    """Return what is known of a method by the label of its axis, in the order of the panels."""
    topics = findings.methods[method]
    single = [topics.get("permutation_importance"), topics.get("drop_column")]
    summary, trees = topics.get("contributions"), topics.get("tree_importance")
    single.append(summary.importance if isinstance(summary, ContributionSummary) else None)
    several = trees.items if isinstance(trees, Listed) else ()
    known = {found.kind: found for found in (*single, *several) if isinstance(found, FeatureImportance)}
    return {label: known[kind] for kind, label in _LABELS.items() if kind in known}


def _importance_tables(method: str, results: dict[str, FeatureImportance]) -> list[FigureTable]:
    return [
        FigureTable(
            f"importance of features, {result.kind}",
            [Column("features", list(result.names))],
            [Column(label, result.value.tolist(), error=result.error.tolist())],
            {"method": method},
        )
        for label, result in results.items()
    ]


def _dependence_tables(method: str, feature: Feature, profile: ContributionProfile) -> list[FigureTable]:
    return [
        FigureTable(
            f"contribution of {feature.name}",
            [Column(feature.name, profile.edges.tolist(), unit=feature.unit, edges=True)],
            [
                Column("mean contribution", profile.mean.tolist(), error=profile.error.tolist()),
                Column("spread of contributions", profile.spread.tolist()),
            ],
            {"method": method},
        )
    ]
