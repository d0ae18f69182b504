"""Figure of efficiencies in bins of a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hepml.errors import InvalidInputError
from hepml.plots.layout import axis_label, decimals, lift_above_data, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.legend import Legend

    from hepml.evaluation import Flatness

__all__ = ["FlatnessArtists", "flatness"]

_MARKERS = "osD^v<>p"


class FlatnessArtists(NamedTuple):
    """What was drawn: points for each result, and the legend."""

    points: tuple[ErrorbarContainer, ...]
    legend: Legend


def flatness(
    results: Mapping[str, Flatness], ax: Axes, *, variable: str = "", unit: str = "", title: str = ""
) -> FlatnessArtists:
    """Draw the efficiencies of several cuts on one class in the bins of a variable.

    Parameters
    ----------
    results : mapping of str to Flatness
        By what the legend shall say; all with the same bins, as those of one class are.
    ax : matplotlib.axes.Axes
        Where to draw. All bins are equally wide, as all hold about as many events.
    variable, unit : str
        For the x axis; plain text or mathtext.
    title : str
        Name of the method, for the legend's title.

    Returns
    -------
    FlatnessArtists
        Points, with dashed lines at the overall efficiencies, and the legend with spreads and p-values.

    Raises
    ------
    InvalidInputError
        If the bins differ.
    """
    points, ranges = [], [0.0]
    first = next(iter(results.values()))
    n = first.efficiency.size
    if any(not np.array_equal(result.edges, first.edges) for result in results.values()):
        msg = (
            f"the {len(results)} results have different bins of {variable!r}: draw those of one class and one variable"
        )
        raise InvalidInputError(msg)
    for number, (name, result) in enumerate(results.items()):
        digits = decimals(result.spread_error)
        p_value = f", p = {result.p_value:.2g}" if np.isfinite(result.p_value) else ""
        drawn = ax.errorbar(
            np.arange(n) + 0.5, result.efficiency, yerr=result.efficiency_error, xerr=0.5,
            fmt=_MARKERS[number % len(_MARKERS)], markersize=5, elinewidth=1.2,
            label=f"{plain(name)}: spread {result.spread:.{digits}f} ± {result.spread_error:.{digits}f}{p_value}",
        )  # fmt: skip
        ax.axhline(result.overall, color=drawn.lines[0].get_color(), linewidth=0.8, linestyle="--", zorder=0.5)
        points.append(drawn)
        reach = np.nan_to_num(result.efficiency_error)
        ranges += [*(result.efficiency - reach), *(result.efficiency + reach)]
    ax.set_xlim(0, n)
    inner = first.edges[1:-1]
    labels = [f"{edge:.3g}" for edge in inner]
    places = np.arange(1, inner.size + 1, dtype=float)
    if first.has_missing:
        labels.append("missing")
        places = np.append(places, n - 0.5)
    ax.set_xticks(places, labels, rotation=30 if n > 6 else 0)
    ax.tick_params(axis="x", which="minor", length=0)
    ax.minorticks_off()
    ax.set_xlabel(f"{axis_label(variable, unit)}, bins of equal population")
    ax.set_ylabel("Efficiency")
    legend = ax.legend(loc="upper center", title=plain(title), handlelength=1.4, labelspacing=0.3)
    lift_above_data(ax, legend, min(ranges), max(ranges))
    return FlatnessArtists(tuple(points), legend)
