"""Figure of efficiencies and purity against the cut on the score."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hepml.plots.layout import lift_above_data, plain
from hepml.plots.overtraining import BACKGROUND_COLOR, SIGNAL_COLOR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D

    from hepml.evaluation import PurityScan

__all__ = ["PurityArtists", "purity"]

_CURVES = (
    ("signal_efficiency", r"Signal efficiency $\varepsilon_S$", SIGNAL_COLOR, "-"),
    ("background_efficiency", r"Background efficiency $\varepsilon_B$", BACKGROUND_COLOR, "-"),
    ("purity", "Purity $p$", "#832db6", "--"),
    ("efficiency_times_purity", r"$\varepsilon_S \times p$", "#ffa90e", "-."),
)


class PurityArtists(NamedTuple):
    """What was drawn: a line and a band for each of four curves."""

    lines: tuple[Line2D, ...]
    bands: tuple[PolyCollection, ...]
    legend: Legend


def purity(result: PurityScan, ax: Axes, *, title: str = "") -> PurityArtists:
    """Draw both efficiencies, purity, and efficiency times purity against the cut, with bands of one standard deviation.

    Parameters
    ----------
    result : PurityScan
        Curves and yields.
    ax : matplotlib.axes.Axes
        Where to draw.
    title : str
        Name of the method, for the legend's title.

    Returns
    -------
    PurityArtists
        Lines, bands and the legend, which states the yields. What is not computable is left out.
    """
    lines, bands, lowest, highest = [], [], 0.0, 1.0
    for name, label, color, style in _CURVES:
        value, error = getattr(result, name), getattr(result, f"{name}_error")
        (line,) = ax.plot(result.thresholds, value, color=color, linestyle=style, label=label)
        band = ax.fill_between(result.thresholds, value - error, value + error, color=color, alpha=0.25, linewidth=0)
        lines.append(line)
        bands.append(band)
        lowest = min(lowest, float(np.nanmin(value)))
        highest = max(highest, float(np.nanmax(value)))
    ax.margins(x=0.0)
    ax.set_xlabel("Cut on the score")
    ax.set_ylabel("Efficiency, purity")
    heading = f"{plain(title)}\n" if title else ""
    heading += f"{result.signal_yield:.4g} signal, {result.background_yield:.4g} background events before the cut"
    legend = ax.legend(loc="upper center", ncols=2, title=heading, handlelength=2.2, columnspacing=1.5)
    lift_above_data(ax, legend, lowest, highest)
    return PurityArtists(tuple(lines), tuple(bands), legend)
