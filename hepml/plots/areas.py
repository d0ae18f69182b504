"""Figure of the areas under the ROC curves of several methods, and of their differences on the same events."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hepml.plots.layout import plain
from hepml.plots.overtraining import BACKGROUND_COLOR, SIGNAL_COLOR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer

    from hepml.evaluation import MethodPair, RocCurve

__all__ = ["AreaArtists", "areas"]


class AreaArtists(NamedTuple):
    """What was drawn: the points of both panels with their errors."""

    areas: ErrorbarContainer
    differences: ErrorbarContainer


def areas(curves: Mapping[str, RocCurve], pairs: Sequence[MethodPair], axes: Sequence[Axes]) -> AreaArtists:
    """Draw one row a method: the area on the left, its difference from that of the first method on the right.

    Parameters
    ----------
    curves : mapping of str to RocCurve
        By the name of the method.
    pairs : sequence of MethodPair
        Differences, of which those from the first method are drawn.
    axes : sequence of matplotlib.axes.Axes
        Two that share the axis of names, such as of :func:`new_importance_figure`.

    Returns
    -------
    AreaArtists
        Points with errors of one standard deviation. A difference without an error has no bar.
    """
    names = list(curves)
    places = np.arange(len(names))
    left, right = axes
    of_areas = left.errorbar(
        [curve.auc for curve in curves.values()], places, xerr=[curve.auc_error for curve in curves.values()],
        fmt="o", color=SIGNAL_COLOR, capsize=3,
    )  # fmt: skip
    from_first = {pair.b: pair.auc for pair in pairs if pair.a == names[0]}
    rows = [place for place, name in zip(places, names, strict=True) if name in from_first]
    found = [from_first[names[row]] for row in rows]
    of_differences = right.errorbar(
        [one.difference for one in found], rows, xerr=np.nan_to_num([one.difference_error for one in found]),
        fmt="o", color=BACKGROUND_COLOR, capsize=3,
    )  # fmt: skip
    right.axvline(0.0, color="black", linewidth=0.8)
    left.set_xlabel("Area under the ROC curve", fontsize="small", loc="center")
    right.set_xlabel(f"Difference from {plain(names[0])}", fontsize="small", loc="center")
    for ax in axes:
        ax.tick_params(axis="y", which="both", length=0)
        ax.yaxis.minorticks_off()
        ax.tick_params(axis="x", labelsize="x-small")
        ax.locator_params(axis="x", nbins=4)
        ax.margins(x=0.1)
    left.set_yticks(places, [plain(name) for name in names], fontsize=min(12.0, 300.0 / max(len(names), 1)))
    left.set_ylim(len(names) - 0.5, -0.5)
    return AreaArtists(of_areas, of_differences)
