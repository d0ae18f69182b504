"""The figures of a run: which there are, and how they are saved. A figure that fails never costs the run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from hepml.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
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
    from hepml.evaluation import feature_histograms

    folder.mkdir(parents=True, exist_ok=True)
    jobs: list[tuple[str, Callable[[Any], object]]] = [
        ("roc", lambda ax: plots.roc(curves, ax)),
        ("inverse_background_efficiency", lambda ax: plots.inverse_background_efficiency(curves, ax)),
    ]
    jobs += [
        (f"overtraining_{number:03d}", lambda ax, name=name, result=result: plots.overtraining(result, ax, title=name))
        for number, (name, result) in enumerate(comparisons.items())
    ]
    jobs += [
        (
            f"feature_{number:03d}",
            lambda ax, number=number, feature=feature: plots.feature(
                feature_histograms(X[:, number], y, weight), ax, title=feature.title, unit=feature.unit
            ),
        )
        for number, feature in enumerate(features)
    ]
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
