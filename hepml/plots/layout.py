"""Room for a legend above the data, and the words on axes and in legends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

    from hepml.evaluation import Histogram

__all__ = ["axis_label", "decimals", "fractions_label", "lift_above_data", "plain"]


def axis_label(title: str, unit: str) -> str:
    """Label of an axis: title, in plain text or mathtext, and unit."""
    if title.count("$") % 2:
        title = plain(title)
    return f"{title} [{unit}]" if unit else title


def fractions_label(histogram: Histogram, unit: str) -> str:
    """Label of an axis that shows fractions per bin: it states the bins' width, as mplhep and ROOT do."""
    width = histogram.width
    if not np.allclose(width, width[0]):
        return "Fraction of events per bin"
    size = f"{width[0]:.3g}"
    return f"Fraction of events / {size} {unit}".rstrip() if unit or size != "1" else "Fraction of events"


def plain(name: str) -> str:
    """Keep a dollar sign in a name from starting mathematics."""
    return name.replace("$", r"\$")


def decimals(error: float) -> int:
    """Decimals that show two significant digits of an error."""
    return int(np.clip(1 - np.floor(np.log10(error)), 2, 6)) if error > 0 else 4


def lift_above_data(ax: Axes, legend: Legend, lowest: float, highest: float, *, from_zero: bool = True) -> None:
    """Choose the limits of the y axis so that the legend, at the top, stands above the data.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Linear in y.
    legend : matplotlib.legend.Legend
        Placed at the upper edge.
    lowest, highest : float
        Range of the data, with their errors.
    from_zero : bool
        Whether the axis includes zero.
    """
    # by way of the canvas, because axes may stand in a figure within a figure
    ax.figure.canvas.figure.draw_without_rendering()
    frame = ax.get_window_extent()
    share = (frame.y1 - legend.get_window_extent().y0) / frame.height
    bottom = min(0.0, lowest * 1.1) if from_zero else lowest - 0.05 * (highest - lowest)
    # a legend that is too tall for the axes would leave no room for the data
    room = max(1.0 - share - 0.04, 0.3)
    height = highest - bottom
    ax.set_ylim(bottom, bottom + (height if height > 0 else 1.0) / room)
