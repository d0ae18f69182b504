"""Figure of the features' ranking by separation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hepml.evaluation import rank_features
from hepml.plots.layout import axis_label
from hepml.plots.overtraining import SIGNAL_COLOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer

    from hepml.evaluation import Separation

__all__ = ["RankingArtists", "ranking"]


class RankingArtists(NamedTuple):
    """What was drawn: the bars, with their errors, and the names from top to bottom."""

    bars: BarContainer
    names: tuple[str, ...]


def ranking(
    results: Mapping[str, Separation],
    ax: Axes,
    *,
    names: Mapping[str, str] | None = None,
    label: str = r"Separation $\langle S^2\rangle$",
) -> RankingArtists:
    """Draw one bar a feature, the best on top, those that are not computable without a bar at the bottom.

    Parameters
    ----------
    results : mapping of str to Separation
        By name of the feature.
    ax : matplotlib.axes.Axes
        Where to draw.
    names : mapping of str to str, optional
        Titles of the features; plain text or mathtext.
    label : str
        Of the x axis.

    Returns
    -------
    RankingArtists
        Bars and names.
    """
    order = rank_features(results)
    values = np.array([results[name].value for name in order])
    errors = np.array([results[name].error for name in order])
    places = np.arange(len(order))
    bars = ax.barh(
        places, np.nan_to_num(values), xerr=np.nan_to_num(errors), height=0.7, color=SIGNAL_COLOR,
        error_kw={"elinewidth": 1.4, "ecolor": "black"},
    )  # fmt: skip
    titles = [axis_label((names or {}).get(name, name), "") for name in order]
    missing = ["" if np.isfinite(value) else " (not computable)" for value in values]
    small = min(12.0, 280.0 / max(len(order), 1))
    ax.set_yticks(places, [title + note for title, note in zip(titles, missing, strict=True)], fontsize=small)
    ax.tick_params(axis="y", which="both", length=0)
    ax.set_ylim(len(order) - 0.4, -0.6)
    lowest = float(np.min(np.nan_to_num(values - errors), initial=0.0))
    highest = float(np.max(np.nan_to_num(values + errors), initial=0.0))
    ax.set_xlim(1.1 * lowest, 1.05 * highest if highest > 0 else 1.0)
    ax.axvline(0.0, color="black", linewidth=0.8)
    ax.set_xlabel(label)
    return RankingArtists(bars, tuple(order))
