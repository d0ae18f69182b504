"""Figure of the area under the ROC curve against the number of training events, with the fitted power law."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hepml.plots.layout import decimals, lift_above_data, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.container import ErrorbarContainer
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D

    from hepml.evaluation import LearningCurve

__all__ = ["LearningCurveArtists", "learning_curve"]

_COLOR = "#3f90da"
_FARTHEST = 5.0
_FEW_DECADES = 300.0
# characters of a line in the legend
_WIDEST = 58


class LearningCurveArtists(NamedTuple):
    """What was drawn: points, the fit (full within the sizes, dashed beyond) with its band, and the predictions."""

    points: ErrorbarContainer
    fit: Line2D | None
    extrapolation: Line2D | None
    band: PolyCollection | None
    predictions: ErrorbarContainer | None
    legend: Legend


def learning_curve(result: LearningCurve, ax: Axes, *, title: str = "") -> LearningCurveArtists:
    """Draw areas against the number of training events.

    Parameters
    ----------
    result : LearningCurve
        Points and fit. What is not computable is said in the legend, and the points stand alone.
    ax : matplotlib.axes.Axes
        Where to draw.
    title : str
        Name of the method, for the legend's title.

    Returns
    -------
    LearningCurveArtists
        Points with errors, curve, band of one standard deviation and the predictions for larger samples.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    points = ax.errorbar(
        result.n_events, result.auc, yerr=result.auc_error, fmt="o", color="black", markersize=6, elinewidth=1.2,
        label="Test part",
    )  # fmt: skip
    fit = extrapolation = band = predictions = None
    heading = [plain(title)] if title else []
    ranges = [*(result.auc - result.auc_error), *(result.auc + result.auc_error)]
    if result.reason is not None:
        heading += textwrap.wrap(f"no extrapolation: {plain(result.reason)}", _WIDEST)
    else:
        largest = float(result.n_events[-1])
        sizes = np.geomspace(float(result.n_events[0]), _FARTHEST * largest, 200)
        value, error = result.at(sizes)
        known = sizes <= largest
        (fit,) = ax.plot(sizes[known], value[known], color=_COLOR, label=r"$a - b\,(n/n_{max})^{-c}$")
        (extrapolation,) = ax.plot(sizes[~known], value[~known], color=_COLOR, linestyle="--")
        band = ax.fill_between(sizes, value - error, value + error, color=_COLOR, alpha=0.2, linewidth=0)
        predictions = ax.errorbar(
            [one.n_events for one in result.predictions], [one.auc for one in result.predictions],
            yerr=[one.auc_error for one in result.predictions], fmt="D", color=_COLOR, markerfacecolor="white",
            markersize=7, elinewidth=1.2, label="Expected",
        )  # fmt: skip
        ranges += [*(value - error), *(value + error)]
        for one in result.predictions:
            digits = decimals(one.gain_error)
            heading.append(f"{one.factor:g} times the events: {one.gain:+.{digits}f} ± {one.gain_error:.{digits}f}")
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    if high < _FEW_DECADES * low:
        # a power of ten or two are too few numbers on an axis
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:.10g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("Number of training events")
    ax.set_ylabel("AUC")
    legend = ax.legend(loc="upper left", ncols=3, title="\n".join(heading) or None, alignment="left", columnspacing=1.2)
    lift_above_data(ax, legend, min(ranges), max(ranges), from_zero=False)
    return LearningCurveArtists(points, fit, extrapolation, band, predictions, legend)
