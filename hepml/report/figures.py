"""The figures of a run: which there are, and how they are saved. A figure that fails never costs the run."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from hepml.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from hepml.config import ReportConfig
    from hepml.data import Feature
    from hepml.evaluation import Overtraining, RocCurve

__all__ = ["draw_figures"]

_LOG = logging.getLogger("hepml.report")

_SUFFIXES = (".svg", ".png")


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
    progress: Callable[[float], None],
) -> None:
    """Draw all figures of a run into a folder, each as SVG and PNG.

    ``roc``, ``inverse_background_efficiency``; ``overtraining_NNN`` for each method and ``feature_NNN`` for each feature,
    numbered in the order of the analysis file. A figure that cannot be drawn is logged and left out.

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
    progress : callable
        Called with the fraction that is done.
    """
    from hepml import plots

    folder.mkdir(parents=True, exist_ok=True)
    jobs: list[tuple[str, Callable[[Axes], object]]] = [
        ("roc", lambda ax: plots.roc(curves, ax)),
        ("inverse_background_efficiency", lambda ax: plots.inverse_background_efficiency(curves, ax)),
    ]
    for number, (name, result) in enumerate(comparisons.items()):
        jobs.append((f"overtraining_{number:03d}", partial(_draw_overtraining, name, result)))
    for number, feature in enumerate(features):
        jobs.append((f"feature_{number:03d}", partial(_draw_feature, feature, X[:, number], y, weight)))
    for number, (name, draw) in enumerate(jobs):
        progress(number / len(jobs))
        try:
            with plots.style(settings.style):
                figure, ax = plots.new_figure()
                draw(ax)
                plots.experiment_label(ax, settings.label)
                for suffix in _SUFFIXES:
                    with atomic_path(folder / f"{name}{suffix}") as path:
                        plots.save(figure, path)
        except Exception:  # noqa: BLE001  (whatever a figure raises, the numbers are worth more)
            _LOG.exception("the figure %s could not be drawn", name)


def _draw_overtraining(name: str, result: Overtraining, ax: Axes) -> None:
    from hepml import plots

    plots.overtraining(result, ax, title=name)


def _draw_feature(
    feature: Feature, values: NDArray[np.float32], y: NDArray[np.int8], weight: NDArray[np.float64], ax: Axes
) -> None:
    from hepml import plots
    from hepml.evaluation import feature_histograms

    plots.feature(feature_histograms(values, y, weight), ax, title=feature.title, unit=feature.unit)
