"""Figure of one quantity, a feature or a score, in several classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hepml.plots.layout import axis_label, fractions_label, lift_above_data, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.legend import Legend
    from matplotlib.patches import StepPatch

    from hepml.evaluation import Histogram

__all__ = ["ClassArtists", "classes"]

_LINES = ("-", "--", "-.", ":")


class ClassArtists(NamedTuple):
    """What was drawn: one outline for each class that has a positive sum of weights, and the legend."""

    outlines: tuple[StepPatch, ...]
    legend: Legend


def classes(histograms: Mapping[str, Histogram], ax: Axes, *, title: str = "", unit: str = "") -> ClassArtists:
    """Overlay a quantity in several classes, each scaled to a sum of one.

    Parameters
    ----------
    histograms : mapping of str to Histogram
        By class, in the same bins.
    ax : matplotlib.axes.Axes
        Where to draw.
    title, unit : str
        For the x axis; plain text or mathtext.

    Returns
    -------
    ClassArtists
        Outlines with bars of their errors, and the legend.
    """
    outlines, lowest, highest = [], 0.0, 0.0
    shown = {name: one for name, one in histograms.items() if one.total - one.missing > 0}
    for number, (name, histogram) in enumerate(shown.items()):
        value, error = histogram.fractions()
        color, line = f"C{number % 10}", _LINES[number % len(_LINES)]
        outlines.append(
            ax.stairs(value, histogram.edges, color=color, linestyle=line, linewidth=1.8, label=plain(name))
        )
        filled = histogram.sum_w2 > 0
        ax.errorbar(histogram.center[filled], value[filled], yerr=error[filled], fmt="none", ecolor=color, elinewidth=1)
        lowest, highest = min(lowest, float((value - error).min())), max(highest, float((value + error).max()))
    ax.margins(x=0.0)
    ax.set_xlabel(axis_label(title, unit))
    if shown:
        ax.set_ylabel(fractions_label(next(iter(shown.values())), unit))
    legend = ax.legend(loc="upper right", ncols=2, columnspacing=1.5, handlelength=1.8)
    lift_above_data(ax, legend, lowest, highest)
    return ClassArtists(tuple(outlines), legend)
