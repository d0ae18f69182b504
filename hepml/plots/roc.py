"""Figures of ROC curves: background rejection, and inverse background efficiency, against signal efficiency."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hepml.plots.layout import decimals, plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D
    from numpy.typing import NDArray

    from hepml.evaluation import RocBand, RocCurve

__all__ = ["RocArtists", "inverse_background_efficiency", "roc"]

_MAX_POINTS = 600


class RocArtists(NamedTuple):
    """What was drawn, one line and one band per curve."""

    lines: tuple[Line2D, ...]
    bands: tuple[PolyCollection, ...]
    legend: Legend


def roc(curves: Mapping[str, RocCurve], ax: Axes, *, bands: Mapping[str, RocBand] | None = None) -> RocArtists:
    """Background rejection against signal efficiency, with the bands of the curves.

    Parameters
    ----------
    curves : mapping of str to RocCurve
        By the name of the method.
    ax : matplotlib.axes.Axes
        Where to draw.
    bands : mapping of str to RocBand, optional
        By the name of the method. Default: one standard deviation at each point, the threshold's scatter included.

    Returns
    -------
    RocArtists
        Lines, bands where an error is computable, and the legend with the areas, whose title says which bands they are.
    """
    bands = {name: curve.band() for name, curve in curves.items()} if bands is None else bands
    lines, drawn = [], []
    for name, curve in curves.items():
        chosen = curve.thinned(_MAX_POINTS)
        (line,) = ax.plot(
            curve.signal_efficiency[chosen], 1.0 - curve.background_efficiency[chosen], label=_entry(name, curve)
        )
        band = bands[name]
        lines.append(line)
        drawn.append(_fill(ax, line, band.signal_efficiency, 1.0 - band.upper, 1.0 - band.lower))
    _frame(ax)
    ax.set_ylim(min(0.0, ax.dataLim.y0), max(1.02, ax.dataLim.y1))
    ax.set_ylabel(r"Background rejection $1 - \varepsilon_B$")
    # a classifier better than chance leaves this corner free
    legend = _legend(ax, "lower left", bands)
    return RocArtists(tuple(lines), tuple(drawn), legend)


def inverse_background_efficiency(
    curves: Mapping[str, RocCurve], ax: Axes, *, bands: Mapping[str, RocBand] | None = None
) -> RocArtists:
    """Inverse background efficiency against signal efficiency, logarithmic, with the bands of the curves.

    Parameters
    ----------
    curves : mapping of str to RocCurve
        By the name of the method.
    ax : matplotlib.axes.Axes
        Where to draw.
    bands : mapping of str to RocBand, optional
        By the name of the method. Default: one standard deviation at each point, the threshold's scatter included.

    Returns
    -------
    RocArtists
        Lines, bands (where half their width is below half of the efficiency) and the legend, whose title says which bands
        they are. Points where no background is left, or its weights sum to zero or less, are left out.
    """
    bands = {name: curve.band() for name, curve in curves.items()} if bands is None else bands
    lines, drawn, highest = [], [], 10.0
    for name, curve in curves.items():
        chosen = curve.thinned(_MAX_POINTS)
        chosen = chosen[curve.background_efficiency[chosen] > 0]
        inverse = 1.0 / curve.background_efficiency[chosen]
        (line,) = ax.plot(curve.signal_efficiency[chosen], inverse, label=_entry(name, curve))
        band = bands[name]
        # a few events bound nothing on a logarithmic axis
        bounded = band.factor * band.error < 0.5 * band.background_efficiency
        efficiency = band.signal_efficiency[bounded]
        if efficiency.size:
            # single events make the end towards zero as high as one likes
            highest = max(highest, 3.0 / float(band.background_efficiency[bounded].min()))
        lines.append(line)
        drawn.append(_fill(ax, line, efficiency, 1.0 / band.upper[bounded], 1.0 / band.lower[bounded]))
    ax.set_yscale("log")
    _frame(ax)
    ax.set_ylim(0.8, highest)
    ax.set_ylabel(r"Inverse background efficiency $1 / \varepsilon_B$")
    legend = _legend(ax, "upper right", bands)
    return RocArtists(tuple(lines), tuple(drawn), legend)


def _frame(ax: Axes) -> None:
    ax.set_xlim(min(0.0, ax.dataLim.x0), max(1.0, ax.dataLim.x1))
    ax.set_xlabel(r"Signal efficiency $\varepsilon_S$")


def _entry(name: str, curve: RocCurve) -> str:
    digits = decimals(curve.auc_error)
    return f"{plain(name)}, AUC = {curve.auc:.{digits}f} ± {curve.auc_error:.{digits}f}"


def _fill(
    ax: Axes, line: Line2D, position: NDArray[np.float64], lower: NDArray[np.float64], upper: NDArray[np.float64]
) -> PolyCollection:
    return ax.fill_between(position, lower, upper, color=line.get_color(), alpha=0.25, linewidth=0)


def _legend(ax: Axes, place: Literal["lower left", "upper right"], bands: Mapping[str, RocBand]) -> Legend:
    """Legend whose title says what the bands are."""
    kinds = dict.fromkeys(f"{100 * band.level:.0f}% {band.kind}" for band in bands.values() if band.error.size)
    title = f"Bands: {', '.join(kinds)}" if kinds else None
    legend: Legend = ax.legend(loc=place, handlelength=1.4, title=title, alignment="left")
    legend.get_title().set_fontsize(legend.get_texts()[0].get_fontsize())
    return legend
