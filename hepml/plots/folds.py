"""Figure of the areas under the ROC curve fold by fold, beside that of all folds together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hepml.plots.layout import decimals, lift_above_data, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

    from hepml.evaluation import FoldComparison

__all__ = ["FoldArtists", "folds"]

# of the distance between two folds, over which the points of all methods are drawn side by side
_WIDTH = 0.5


class FoldArtists(NamedTuple):
    """What was drawn for each method: points with errors, a line and a band of the pooled area; and the legend."""

    points: tuple[ErrorbarContainer, ...]
    lines: tuple[Line2D, ...]
    bands: tuple[Rectangle, ...]
    legend: Legend


def folds(results: Mapping[str, FoldComparison], ax: Axes) -> FoldArtists:
    """Area of each fold as a point, that of the pooled scores as a line with a band of one standard deviation.

    Parameters
    ----------
    results : mapping of str to FoldComparison
        By the name of the method.
    ax : matplotlib.axes.Axes
        Where to draw.

    Returns
    -------
    FoldArtists
        Points, lines, bands and the legend with the pooled area and the spread over folds.
    """
    points, lines, bands, ends = [], [], [], []
    for number, (name, result) in enumerate(results.items()):
        shift = _WIDTH * ((number + 0.5) / len(results) - 0.5)
        auc, error = (np.array([getattr(area, key) for area in result.areas]) for key in ("auc", "auc_error"))
        digits = decimals(result.auc_pooled_error)
        label = (
            f"{plain(name)}: pooled {result.auc_pooled:.{digits}f} ± {result.auc_pooled_error:.{digits}f}, "
            f"spread {result.auc_spread:.{digits}f}"
        )
        container = ax.errorbar(np.arange(result.n_folds) + shift, auc, error, fmt="o", capsize=3, label=label)
        color = container.lines[0].get_color()
        low, high = result.auc_pooled - result.auc_pooled_error, result.auc_pooled + result.auc_pooled_error
        lines.append(ax.axhline(result.auc_pooled, color=color, linewidth=1.2))
        bands.append(ax.axhspan(low, high, color=color, alpha=0.2, linewidth=0))
        points.append(container)
        ends += [*(auc - error), *(auc + error), low, high]
    ax.set_xlabel("Fold")
    ax.set_ylabel("Area under the ROC curve")
    n_folds = max(result.n_folds for result in results.values())
    ax.set_xlim(-0.5, n_folds - 0.5)
    ax.set_xticks(range(n_folds), minor=False)
    ax.set_xticks([], minor=True)
    legend = ax.legend(loc="upper left", handlelength=1.4)
    _limits(ax, legend, min(ends), max(ends))
    return FoldArtists(tuple(points), tuple(lines), tuple(bands), legend)


def _limits(ax: Axes, legend: Legend, lowest: float, highest: float) -> None:
    """Show the areas on a scale of their own, not from zero, with the legend above them."""
    lift_above_data(ax, legend, 0.0, 1.0)
    share = 1.0 / ax.get_ylim()[1]
    margin = 0.1 * max(highest - lowest, 1e-4)
    bottom = lowest - margin
    ax.set_ylim(bottom, bottom + (highest + margin - bottom) / share)
