"""Figures of methods that tell several classes apart, and of the features in these classes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from hepml.evaluation import ClassHistograms, ConfusionMatrix, Overtraining, RocCurve, class_histograms
from hepml.report.figures.job import FigureJob
from hepml.report.figures.table import Column, FigureTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from hepml.data import Feature
    from hepml.evaluation import Histogram
    from hepml.report.figures.job import Scene
    from hepml.report.findings import Findings

__all__ = ["feature_jobs", "jobs"]

_KINDS: tuple[tuple[Literal["by_truth", "by_assigned"], str], ...] = (("by_truth", "true"), ("by_assigned", "assigned"))


def jobs(findings: Findings, scene: Scene) -> list[FigureJob]:
    """Return for each method the ROC curves of the classes, the confusion, and the scores in test and training part."""
    from hepml import plots

    found = []
    confusions = findings.of_methods("confusion_matrix", ConfusionMatrix)
    for number, (name, curves) in enumerate(findings.of_each("class_roc", RocCurve).items()):
        found.append(
            FigureJob(
                f"class_roc_{number:03d}",
                "multiclass",
                f"{name}: each class against the rest by its own score, test part; background is all other classes",
                partial(plots.roc, curves),
                about=name,
                tables=partial(_curves, name, curves),
            )
        )
        if name in confusions:
            found += [
                FigureJob(
                    f"confusion_{kind}_{number:03d}",
                    "multiclass",
                    f"{name}: class of the largest score, test part, shares of each {what} class in percent",
                    partial(plots.confusion, confusions[name], names=scene.classes, kind=kind, title=name),
                    about=name,
                    tables=partial(_cells, name, confusions[name], scene.classes, kind),
                )
                for kind, what in _KINDS
            ]
    for number, (name, scores) in enumerate(findings.of_each("class_scores", ClassHistograms).items()):
        found += [
            FigureJob(
                f"class_score_{number:03d}_{place:03d}",
                "multiclass",
                f"{name}: score of {output} in all classes, test part",
                partial(plots.classes, one.histograms, title=f"{name}: score of {output}"),
                about=name,
                tables=partial(_histograms, one.histograms, f"score of {output}", name),
            )
            for place, (output, one) in enumerate(scores.items())
        ]
    for number, (name, judged) in enumerate(findings.of_each("class_overtraining", Overtraining).items()):
        found += [
            FigureJob(
                f"class_overtraining_{number:03d}_{place:03d}",
                "class_overtraining",
                f"{name}, {output} (signal) against the rest: score of training and test events ({one.verdict})",
                partial(plots.overtraining, one, title=f"{name}, {output}"),
                about=name,
            )
            for place, (output, one) in enumerate(judged.items())
        ]
    return found


def feature_jobs(findings: Findings, scene: Scene) -> list[FigureJob]:  # noqa: ARG001  (one signature for all topics)
    """Return each feature in all classes."""
    return [
        FigureJob(
            f"feature_{number:03d}",
            "features",
            feature.name,
            partial(_draw_feature, feature, scene.X[:, number], scene),
            about=feature.name,
        )
        for number, feature in enumerate(scene.features)
    ]


def _draw_feature(feature: Feature, values: NDArray[np.float32], scene: Scene, ax: Axes) -> None:
    from hepml import plots

    found = class_histograms(values, scene.y, scene.classes, scene.weight)
    plots.classes(found.histograms, ax, title=feature.title, unit=feature.unit)


def _curves(method: str, curves: dict[str, RocCurve]) -> list[FigureTable]:
    tables = []
    for name, curve in curves.items():
        chosen = curve.thinned()
        columns = [
            Column(f"{what} efficiency", getattr(curve, f"{what}_efficiency")[chosen])
            for what in ("signal", "background")
        ]
        independent = [Column("cut on the score", curve.thresholds[chosen])]
        tables.append(FigureTable("ROC curve", independent, columns, {"method": method, "signal": name}))
    return tables


def _cells(method: str, result: ConfusionMatrix, names: tuple[str, ...], kind: str) -> list[FigureTable]:
    pairs = [(truth, assigned) for truth in names for assigned in names]
    share = Column("share", getattr(result, kind).ravel(), error=getattr(result, f"{kind}_error").ravel())
    independent = [Column("true class", [one for one, _ in pairs]), Column("assigned class", [one for _, one in pairs])]
    return [FigureTable(f"confusion {kind.replace('_', ' ')}", independent, [share], {"method": method})]


def _histograms(histograms: Mapping[str, Histogram], title: str, method: str) -> list[FigureTable]:
    return [
        FigureTable(
            title,
            [Column("score", one.edges, edges=True)],
            [Column("sum of weights", one.sum_w, error=one.error)],
            {"method": method, "class": name},
        )
        for name, one in histograms.items()
    ]
