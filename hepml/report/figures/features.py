"""Figures of the features: each by class, their ranking, their correlations."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hepml.evaluation import Exploration
from hepml.report.figures.job import FigureJob
from hepml.report.figures.table import Column, FigureTable

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from hepml.data import Feature
    from hepml.report.figures.job import Scene
    from hepml.report.findings import Findings

__all__ = ["jobs"]


def jobs(findings: Findings, scene: Scene) -> list[FigureJob]:
    """Return the figures of all features, of their ranking and correlations."""
    from hepml import plots

    found = []
    exploration = findings.of_run("exploration", Exploration)
    titles = {feature.name: feature.title or feature.name for feature in scene.features}
    if exploration is not None:
        found.append(
            FigureJob(
                "separation",
                "features",
                "Ranking by separation, training part",
                lambda ax: plots.ranking(exploration.separations, ax, names=titles),
                tables=partial(_ranking, exploration),
            )
        )
        columns = [titles.get(name, name) for name in exploration.columns]
        for name, matrix in exploration.correlations.items():
            found.append(
                FigureJob(
                    f"correlations_{name}",
                    "features",
                    f"Linear correlation in percent, {name}, training part; spectators below the line",
                    partial(plots.correlations, matrix, names=columns, title=name, n_features=len(scene.features)),
                )
            )
    for number, feature in enumerate(scene.features):
        found.append(
            FigureJob(
                f"feature_{number:03d}",
                "features",
                feature.name,
                partial(_draw_feature, feature, scene.X[:, number], scene.y, scene.weight),
                about=feature.name,
            )
        )
    return found


def _draw_feature(
    feature: Feature, values: NDArray[np.float32], y: NDArray[np.int8], weight: NDArray[np.float64], ax: Axes
) -> None:
    from hepml import plots
    from hepml.evaluation import feature_histograms

    plots.feature(feature_histograms(values, y, weight), ax, title=feature.title, unit=feature.unit)


def _ranking(exploration: Exploration) -> list[FigureTable]:
    found = exploration.separations
    return [
        FigureTable(
            "separation",
            [Column("feature", list(found))],
            [Column("separation", [one.value for one in found.values()], error=[one.error for one in found.values()])],
        )
    ]
