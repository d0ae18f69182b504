"""Figures of the contributions of features to the score (Shapley values): summary, and dependence on one feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hepml.plots.layout import axis_label, decimals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.container import ErrorbarContainer
    from matplotlib.patches import StepPatch
    from numpy.typing import NDArray

    from hepml.evaluation import ContributionProfile, ContributionSummary

__all__ = ["ContributionArtists", "DependenceArtists", "contribution_dependence", "contributions"]

_COLORS = "coolwarm"
_MARGIN = "Contribution to the margin (log-odds)"
_MAX_FEATURES = 30


class ContributionArtists(NamedTuple):
    """What was drawn: the boxes of all bins, coloured by the feature's value, and the names from top to bottom."""

    boxes: PolyCollection
    names: tuple[str, ...]


class DependenceArtists(NamedTuple):
    """What was drawn: mean contributions with errors, and the band of one standard deviation of the contributions."""

    mean: ErrorbarContainer
    spread: StepPatch


def contributions(
    result: ContributionSummary,
    ax: Axes,
    *,
    names: Mapping[str, str] | None = None,
    max_features: int = _MAX_FEATURES,
    label: str = _MARGIN,
) -> ContributionArtists:
    """Draw how the contributions of each feature are distributed, coloured by how large the feature is there.

    Parameters
    ----------
    result : ContributionSummary
        Importance and densities.
    ax : matplotlib.axes.Axes
        Where to draw.
    names : mapping of str to str, optional
        Titles of the features; plain text or mathtext.
    max_features : int
        Only so many of the leading features are drawn.
    label : str
        Of the x axis.

    Returns
    -------
    ContributionArtists
        Boxes and names. The height of a row is relative to its fullest bin; a bin with a negative sum of weights has no
        height. Grey is where the feature is missing.
    """
    import matplotlib as mpl
    from matplotlib.collections import PolyCollection

    order = result.importance.ranked()[:max_features]
    corners: list[NDArray[np.float64]] = []
    ranks = []
    for place, name in enumerate(order):
        density = result.densities[name]
        height = 0.42 * np.maximum(density.fraction, 0.0) / max(float(density.fraction.max()), 1e-300)
        low, high = density.edges[:-1], density.edges[1:]
        shown = height > 0
        x, y = np.stack([low, high, high, low]), place + np.stack([-height, -height, height, height])
        corners += list(np.stack([x, y], axis=-1)[:, shown].transpose(1, 0, 2))
        ranks.append(density.mean_rank[shown])
        ax.axhline(place, color="#dddddd", linewidth=0.8, zorder=0.5)
    colors = mpl.colormaps[_COLORS].with_extremes(bad="#999999")
    boxes = PolyCollection(
        corners, array=np.ma.masked_invalid(np.concatenate(ranks)), cmap=colors,
        norm=mpl.colors.Normalize(0.0, 1.0), edgecolors="face", linewidths=0.3,
    )  # fmt: skip
    ax.add_collection(boxes, autolim=False)
    edges = np.concatenate([result.densities[name].edges for name in order])
    reach = 1.05 * float(np.abs(edges).max())
    ax.set_xlim(max(-reach, 1.1 * edges.min() - 0.02 * reach), min(reach, 1.1 * edges.max() + 0.02 * reach))
    titles = [axis_label((names or {}).get(name, name), "") for name in order]
    ax.set_yticks(np.arange(len(order)), titles, fontsize=min(12.0, 280.0 / max(len(order), 1)))
    ax.tick_params(axis="y", which="both", length=0)
    ax.yaxis.minorticks_off()
    ax.set_ylim(len(order) - 0.4, -0.6)
    ax.axvline(0.0, color="black", linewidth=0.8)
    ax.set_xlabel(label, fontsize="medium")
    bar = ax.figure.colorbar(boxes, ax=ax, fraction=0.03, pad=0.02, ticks=[])
    bar.ax.minorticks_off()
    bar.set_label("Value of the feature, from low to high", fontsize="small", loc="center")
    return ContributionArtists(boxes, tuple(order))


def contribution_dependence(
    result: ContributionProfile, ax: Axes, *, title: str = "", unit: str = "", label: str = _MARGIN
) -> DependenceArtists:
    """Draw the mean contribution of a feature against its value, and how far single contributions spread.

    Parameters
    ----------
    result : ContributionProfile
        Of one feature.
    ax : matplotlib.axes.Axes
        Where to draw.
    title, unit : str
        Of the feature, for the x axis.
    label : str
        Of the y axis.

    Returns
    -------
    DependenceArtists
        Points and band, with a legend that states the mean for events without the feature.
    """
    known = np.isfinite(result.mean)
    low, high = (np.where(known, result.mean + sign * result.spread, np.nan) for sign in (-1, 1))
    spread = ax.stairs(
        high, result.edges, baseline=low, fill=True, facecolor="#c6d8ee", linewidth=0, label="spread of single events"
    )
    mean = ax.errorbar(
        result.center[known], result.mean[known], yerr=result.error[known],
        fmt="o", color="black", markersize=4, elinewidth=1.2, label="mean",
    )  # fmt: skip
    ax.axhline(0.0, color="black", linewidth=0.8, zorder=0.6)
    # the lower edge of an area is not looked at by automatic limits
    reach = np.nan_to_num(np.stack([low, high, result.mean - result.error, result.mean + result.error]))
    lowest, highest = float(reach.min(initial=0.0)), float(reach.max(initial=0.0))
    room = 0.12 * (highest - lowest) or 1.0
    ax.set_ylim(lowest - room, highest + room)
    ax.set_xlim(float(result.edges[0]), float(result.edges[-1]))
    ax.set_xlabel(axis_label(title, unit))
    ax.set_ylabel(label, fontsize="medium")
    missing = None
    if np.isfinite(result.missing):
        digits = decimals(result.missing_error)
        missing = f"missing: {result.missing:+.{digits}f} ± {result.missing_error:.{digits}f}"
    ax.legend(loc="best", title=missing)
    return DependenceArtists(mean, spread)
