"""Figure of a variable's shape in slices of the score."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hepml.plots.layout import axis_label, fractions_label, lift_above_data, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.legend import Legend
    from matplotlib.patches import StepPatch

    from hepml.evaluation import ScoreSlices

__all__ = ["ScoreSlicesArtists", "score_slices"]


class ScoreSlicesArtists(NamedTuple):
    """What was drawn: a step line and bars of error for each slice."""

    steps: tuple[StepPatch, ...]
    bars: tuple[ErrorbarContainer, ...]
    legend: Legend


def score_slices(
    result: ScoreSlices, ax: Axes, *, variable: str = "", unit: str = "", title: str = "", name: str = "Background"
) -> ScoreSlicesArtists:
    """Draw the shape of a variable in each slice of the score, each scaled to a sum of one.

    Parameters
    ----------
    result : ScoreSlices
        Histograms.
    ax : matplotlib.axes.Axes
        Where to draw.
    variable, unit : str
        For the x axis; plain text or mathtext.
    title : str
        Name of the method, for the legend's title.
    name : str
        Of the class that is shown.

    Returns
    -------
    ScoreSlicesArtists
        Steps, bars and legend. A slice whose weights sum to zero or less has no shape and is left out.
    """
    steps, bars, ranges = [], [], [0.0]
    for number, histogram in enumerate(result.histograms):
        high, low = 100 * result.efficiencies[number], 100 * result.efficiencies[number + 1]
        if not histogram.total - histogram.missing > 0:
            continue
        value, error = histogram.fractions()
        color = f"C{number}"
        label = f"{high:.3g}% to {low:.3g}%" if low > 0 else f"last {high:.3g}%"
        steps.append(ax.stairs(value, histogram.edges, edgecolor=color, linewidth=1.6, label=label, zorder=2 + number))
        # beside each other, so that none hides another
        shift = (number + 1) / (len(result.histograms) + 1) - 0.5
        bars.append(
            ax.errorbar(
                histogram.center + 0.6 * shift * histogram.width, value, yerr=error, fmt="none", ecolor=color,
                elinewidth=1.0, zorder=2 + number,
            )
        )  # fmt: skip
        ranges += [*(value - error), *(value + error)]
    ax.margins(x=0.0)
    if min(ranges) < 0:
        ax.axhline(0.0, color="black", linewidth=0.8, zorder=0.5)
    ax.set_xlabel(axis_label(variable, unit))
    ax.set_ylabel(fractions_label(result.histograms[0], unit))
    heading = f"{plain(title)}\n" if title else ""
    heading += f"{plain(name)} in slices of the score, from the lowest"
    legend = ax.legend(loc="upper center", ncols=2, title=heading, handlelength=1.6)
    lift_above_data(ax, legend, min(ranges), max(ranges))
    return ScoreSlicesArtists(tuple(steps), tuple(bars), legend)
