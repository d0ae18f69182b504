"""Figures of ROC curves: background rejection, and inverse background efficiency, against signal efficiency."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hepml.plots.layout import decimals, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D

    from hepml.evaluation import RocCurve, WorkingPoint

__all__ = ["RocArtists", "inverse_background_efficiency", "roc"]

_MAX_POINTS = 600
_BAND_TARGETS = np.linspace(0.01, 0.99, 99)


class RocArtists(NamedTuple):
    """What was drawn, one line and one band per curve."""

    lines: tuple[Line2D, ...]
    bands: tuple[PolyCollection, ...]
    legend: Legend


def roc(curves: Mapping[str, RocCurve], ax: Axes) -> RocArtists:
    """Background rejection against signal efficiency, with bands of one standard deviation at each point.

    Parameters
    ----------
    curves : mapping of str to RocCurve
        By the name of the method.
    ax : matplotlib.axes.Axes
        Where to draw.

    Returns
    -------
    RocArtists
        Lines, bands (pointwise, they include the threshold's own uncertainty) and the legend with the areas.
    """
    lines, bands = [], []
    for name, curve in curves.items():
        chosen = curve.thinned(_MAX_POINTS)
        (line,) = ax.plot(
            curve.signal_efficiency[chosen], 1.0 - curve.background_efficiency[chosen], label=_entry(name, curve)
        )
        points = _points(curve)
        center = np.array([point.background_rejection for point in points])
        error = np.array([point.background_rejection_error for point in points])
        band = ax.fill_between(
            [point.signal_efficiency for point in points], center - error, center + error,
            color=line.get_color(), alpha=0.25, linewidth=0,
        )  # fmt: skip
        lines.append(line)
        bands.append(band)
    _frame(ax)
    ax.set_ylim(min(0.0, ax.dataLim.y0), max(1.02, ax.dataLim.y1))
    ax.set_ylabel(r"Background rejection $1 - \varepsilon_B$")
    # a classifier better than chance leaves this corner free
    legend = ax.legend(loc="lower left", handlelength=1.4)
    return RocArtists(tuple(lines), tuple(bands), legend)


def inverse_background_efficiency(curves: Mapping[str, RocCurve], ax: Axes) -> RocArtists:
    """Inverse background efficiency against signal efficiency, logarithmic, with bands of one standard deviation.

    Parameters
    ----------
    curves : mapping of str to RocCurve
        By the name of the method.
    ax : matplotlib.axes.Axes
        Where to draw.

    Returns
    -------
    RocArtists
        Lines, bands (pointwise, where the error is below half of the number) and the legend. Points where no background
        is left, or its weights sum to zero or less, are left out.
    """
    lines, bands, highest = [], [], 10.0
    for name, curve in curves.items():
        chosen = curve.thinned(_MAX_POINTS)
        chosen = chosen[curve.background_efficiency[chosen] > 0]
        inverse = 1.0 / curve.background_efficiency[chosen]
        (line,) = ax.plot(curve.signal_efficiency[chosen], inverse, label=_entry(name, curve))
        # NaN, and errors as large as the number, compare false: a few events bound nothing on a logarithmic axis
        points = [
            point
            for point in _points(curve)
            if point.inverse_background_efficiency_error < 0.5 * point.inverse_background_efficiency
        ]
        center = np.array([point.inverse_background_efficiency for point in points])
        error = np.array([point.inverse_background_efficiency_error for point in points])
        band = ax.fill_between(
            [point.signal_efficiency for point in points], center - error, center + error,
            color=line.get_color(), alpha=0.25, linewidth=0,
        )  # fmt: skip
        if points:
            # single events make the end towards zero as high as one likes
            highest = max(highest, float(center.max()) * 3.0)
        lines.append(line)
        bands.append(band)
    ax.set_yscale("log")
    _frame(ax)
    ax.set_ylim(0.8, highest)
    ax.set_ylabel(r"Inverse background efficiency $1 / \varepsilon_B$")
    legend = ax.legend(loc="upper right", handlelength=1.4)
    return RocArtists(tuple(lines), tuple(bands), legend)


def _frame(ax: Axes) -> None:
    ax.set_xlim(min(0.0, ax.dataLim.x0), max(1.0, ax.dataLim.x1))
    ax.set_xlabel(r"Signal efficiency $\varepsilon_S$")


def _entry(name: str, curve: RocCurve) -> str:
    digits = decimals(curve.auc_error)
    return f"{plain(name)}, AUC = {curve.auc:.{digits}f} ± {curve.auc_error:.{digits}f}"


def _points(curve: RocCurve) -> list[WorkingPoint]:
    """Working points with errors, each realised efficiency once."""
    points = {point.signal_efficiency: point for point in map(curve.at_signal_efficiency, _BAND_TARGETS.tolist())}
    return [points[efficiency] for efficiency in sorted(points)]
