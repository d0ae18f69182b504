"""The figures of a run: which there are, and how they are saved. A figure that fails never costs the run."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from hepml.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from hepml.config import ReportConfig
    from hepml.data import Feature
    from hepml.evaluation import Exploration, Overtraining, RocCurve

__all__ = ["draw_figures"]

_LOG = logging.getLogger("hepml.report")

_SUFFIXES = (".svg", ".png")
_DATA_MC = "data_mc_"


def draw_figures(
    folder: Path,
    settings: ReportConfig,
    *,
    curves: Mapping[str, RocCurve],
    comparisons: Mapping[str, Overtraining],
    features: Sequence[Feature],
    X: NDArray[np.float32],
    y: NDArray[np.int8],
    weight: NDArray[np.float64],
    exploration: Exploration,
    titles: Mapping[str, str],
    progress: Callable[[float], None],
) -> None:
    """Draw all figures of a run into a folder, each as SVG and PNG.

    ``roc``, ``inverse_background_efficiency``, ``separation``, ``correlations_signal``, ``correlations_background``;
    ``overtraining_NNN`` for each method, ``feature_NNN`` for each feature and ``data_mc_SSS_NNN`` for each sample of data
    and feature, numbered in the order of the analysis file. A figure that cannot be drawn is logged and left out.

    Parameters
    ----------
    folder : pathlib.Path
        Where to; it is made.
    settings : ReportConfig
        Style and label.
    curves : mapping of str to RocCurve
        By method.
    comparisons : mapping of str to Overtraining
        By method.
    features : sequence of Feature
        Columns of ``X``.
    X, y, weight : ndarray
        Events of the test part.
    exploration : Exploration
        Ranking, correlations, data against simulation.
    titles : mapping of str to str
        Of samples.
    progress : callable
        Called with the fraction that is done.
    """
    from hepml import plots

    folder.mkdir(parents=True, exist_ok=True)
    jobs: list[tuple[str, Callable[[Any], object]]] = [
        ("roc", lambda ax: plots.roc(curves, ax)),
        ("inverse_background_efficiency", lambda ax: plots.inverse_background_efficiency(curves, ax)),
    ]
    for number, (name, result) in enumerate(comparisons.items()):
        jobs.append((f"overtraining_{number:03d}", partial(_draw_overtraining, name, result)))
    for number, feature in enumerate(features):
        jobs.append((f"feature_{number:03d}", partial(_draw_feature, feature, X[:, number], y, weight)))
    jobs += _exploration_jobs(exploration, features, titles)
    for number, (name, draw) in enumerate(jobs):
        progress(number / len(jobs))
        try:
            with plots.style(settings.style):
                figure: Figure
                axes: Axes | tuple[Axes, Axes]
                figure, axes = plots.new_ratio_figure() if name.startswith(_DATA_MC) else plots.new_figure()
                draw(axes)
                plots.experiment_label(axes[0] if isinstance(axes, tuple) else axes, settings.label)
                for suffix in _SUFFIXES:
                    with atomic_path(folder / f"{name}{suffix}") as path:
                        plots.save(figure, path)
        except Exception:  # noqa: BLE001  (whatever a figure raises, the numbers are worth more)
            _LOG.exception("the figure %s could not be drawn", name)


def _exploration_jobs(
    exploration: Exploration, features: Sequence[Feature], titles: Mapping[str, str]
) -> list[tuple[str, Callable[[Any], object]]]:
    from hepml import plots

    names = {feature.name: feature.title or feature.name for feature in features}
    jobs: list[tuple[str, Callable[[Any], object]]] = [
        ("separation", lambda ax: plots.ranking(exploration.separations, ax, names=names))
    ]
    columns = [names.get(name, name) for name in exploration.columns]
    for name, matrix in exploration.correlations.items():
        draw = partial(plots.correlations, matrix, names=columns, title=name, n_features=len(features))
        jobs.append((f"correlations_{name}", draw))
    for place, (sample, found) in enumerate(exploration.data_mc.items()):
        for number, feature in enumerate(features):
            shown = partial(
                plots.data_mc, found[feature.name],
                title=feature.title, unit=feature.unit, names=titles, data_name=titles[sample],
            )  # fmt: skip
            jobs.append((f"{_DATA_MC}{place:03d}_{number:03d}", shown))
    return jobs


def _draw_overtraining(name: str, result: Overtraining, ax: Axes) -> None:
    from hepml import plots

    plots.overtraining(result, ax, title=name)


def _draw_feature(
    feature: Feature, values: NDArray[np.float32], y: NDArray[np.int8], weight: NDArray[np.float64], ax: Axes
) -> None:
    from hepml import plots
    from hepml.evaluation import feature_histograms

    plots.feature(feature_histograms(values, y, weight), ax, title=feature.title, unit=feature.unit)
