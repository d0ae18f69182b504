"""Figure of the importance of features, one panel for each definition of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hepml.plots.layout import axis_label
from hepml.plots.overtraining import SIGNAL_COLOR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure

    from hepml.evaluation import FeatureImportance

__all__ = ["ImportanceArtists", "importance", "new_importance_figure"]

_GROUP_COLOR = "#bbbbbb"


class ImportanceArtists(NamedTuple):
    """What was drawn: the bars of each panel, with their errors, and the names from top to bottom."""

    bars: tuple[BarContainer, ...]
    names: tuple[str, ...]


def new_importance_figure(n_panels: int, n_names: int) -> tuple[Figure, tuple[Axes, ...]]:
    """Make a figure of the current style with panels side by side that share the axis of names.

    Parameters
    ----------
    n_panels : int
        Number of definitions.
    n_names : int
        Number of features and groups: many make the figure higher.

    Returns
    -------
    Figure, tuple of Axes
        From left to right.
    """
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    width, height = figure.get_size_inches()
    figure.set_size_inches(width * (0.6 + 0.4 * n_panels), max(height, 0.27 * n_names + 1.2))
    return figure, tuple(figure.subplots(1, n_panels, sharey=True, squeeze=False)[0])


def importance(
    results: Mapping[str, FeatureImportance], axes: Sequence[Axes], *, names: Mapping[str, str] | None = None
) -> ImportanceArtists:
    """Draw one bar for each feature and definition, in the order of the first definition, groups of features below.

    Parameters
    ----------
    results : mapping of str to FeatureImportance
        By the label of the panel's axis.
    axes : sequence of matplotlib.axes.Axes
        One for each definition, such as of :func:`new_importance_figure`.
    names : mapping of str to str, optional
        Titles of the features; plain text or mathtext.

    Returns
    -------
    ImportanceArtists
        Bars and names. What a definition has no number of is empty, and says so where it should have one.
    """
    first = next(iter(results.values()))
    groups: dict[str, tuple[str, ...]] = {}
    for result in results.values():
        groups |= {n: m for n, m in zip(result.names, result.members, strict=True) if len(m) > 1}
    order = (*first.ranked(), *groups)
    places = np.arange(len(order)) + 0.6 * np.array([name in groups for name in order])
    bars = []
    for (label, result), ax in zip(results.items(), axes, strict=True):
        index = {name: number for number, name in enumerate(result.names)}
        value, error = (
            np.array([column[index[name]] if name in index else np.nan for name in order])
            for column in (result.value, result.error)
        )
        bars.append(
            ax.barh(
                places, np.nan_to_num(value), xerr=np.nan_to_num(error), height=0.7,
                color=[_GROUP_COLOR if name in groups else SIGNAL_COLOR for name in order],
                error_kw={"elinewidth": 1.3, "ecolor": "black"},
            )
        )  # fmt: skip
        for place, name, number in zip(places, order, value, strict=True):
            if name in index and not np.isfinite(number):
                ax.text(
                    0.02, place, "not computable", va="center", fontsize="x-small", transform=ax.get_yaxis_transform()
                )
        lowest = float(np.min(np.nan_to_num(value - np.nan_to_num(error)), initial=0.0))
        highest = float(np.max(np.nan_to_num(value + np.nan_to_num(error)), initial=0.0))
        ax.set_xlim(1.1 * lowest, 1.05 * highest if highest > 0 else 1.0)
        ax.axvline(0.0, color="black", linewidth=0.8)
        ax.set_xlabel(label, fontsize="small", loc="center")
        ax.tick_params(axis="y", which="both", length=0)
        # they would stand between the names, and take longer to draw than all else
        ax.yaxis.minorticks_off()
        ax.tick_params(axis="x", labelsize="x-small")
        ax.locator_params(axis="x", nbins=4)
    titles = [_title(groups.get(name, (name,)), names or {}) for name in order]
    axes[0].set_yticks(places, titles, fontsize=min(12.0, 300.0 / max(len(order), 1)))
    axes[0].set_ylim(places[-1] + 0.6, -0.6)
    return ImportanceArtists(tuple(bars), order)


def _title(members: Sequence[str], names: Mapping[str, str]) -> str:
    """Title of a feature; a group of many is named by its first and their number."""
    titles = [axis_label(names.get(name, name), "") for name in members]
    return ", ".join(titles) if len(titles) < 3 else f"{titles[0]} and {len(titles) - 1} correlated"
