"""Figure of a correlation matrix, in percent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from hepml.plots.layout import axis_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.text import Text

    from hepml.evaluation import Correlations

__all__ = ["CorrelationArtists", "correlations"]

# more would not be readable in their cells
_MAX_NUMBERS = 30
# of columns that bear their names; more are numbered as the rows are
_MAX_NAMES = 6


class CorrelationArtists(NamedTuple):
    """What was drawn: the cells and the numbers in them."""

    cells: QuadMesh
    numbers: tuple[Text, ...]


def correlations(
    result: Correlations,
    ax: Axes,
    names: Sequence[str],
    *,
    kind: Literal["linear", "rank"] = "linear",
    title: str = "",
    n_features: int | None = None,
) -> CorrelationArtists:
    """Draw a correlation matrix, its lower triangle with numbers in percent.

    Parameters
    ----------
    result : Correlations
        Both matrices.
    ax : matplotlib.axes.Axes
        Where to draw.
    names : sequence of str
        Titles of rows and columns; plain text or mathtext. Above six, columns have their numbers instead.
    kind : {'linear', 'rank'}
        Which coefficient.
    title : str
        Above the matrix.
    n_features : int, optional
        A line separates the first so many, the features, from what follows, the spectators.

    Returns
    -------
    CorrelationArtists
        Cells and numbers. Cells that are not computable are grey, without a number.
    """
    matrix = getattr(result, kind)
    size = len(matrix)
    ticks = np.arange(size)
    # below the diagonal: a matrix that is symmetric says all twice
    shown = np.where(np.tri(size, dtype=bool), matrix, np.nan)
    ax.set_facecolor("white")
    grey = np.where(np.tri(size, dtype=bool) & np.isnan(matrix), 1.0, np.nan)
    borders = np.arange(size + 1) - 0.5
    ax.pcolormesh(borders, borders, np.ma.masked_invalid(grey), cmap="Greys", vmin=0, vmax=4)
    cells = ax.pcolormesh(borders, borders, np.ma.masked_invalid(shown), cmap="RdBu_r", vmin=-1, vmax=1)
    points = min(11.0, 190.0 / max(size, 1))
    numbers = tuple(
        ax.text(
            j, i, f"{round(100 * matrix[i, j])}", ha="center", va="center", fontsize=points,
            color="white" if abs(matrix[i, j]) > 0.65 else "black",
        )
        for i in range(size) for j in range(i) if size <= _MAX_NUMBERS and np.isfinite(matrix[i, j])
    )  # fmt: skip
    if n_features is not None and 0 < n_features < size:
        between = n_features - 0.5
        ax.plot([-0.5, between], [between, between], color="black", linewidth=1.0)
        ax.plot([between, between], [between, size - 0.5], color="black", linewidth=1.0)
    labels = [axis_label(name, "") for name in names]
    small = min(12.0, 260.0 / max(size, 1))
    if size > _MAX_NAMES:
        # upright names would take more room than the matrix
        ax.set_yticks(ticks, [f"{label}  {number}" for number, label in enumerate(labels, 1)], fontsize=small)
        ax.set_xticks(ticks, [str(number) for number in range(1, size + 1)], fontsize=0.75 * small)
    else:
        ax.set_yticks(ticks, labels, fontsize=small)
        ax.set_xticks(ticks, labels, rotation=90, fontsize=small)
    ax.tick_params(which="both", length=0)
    ax.minorticks_off()
    ax.set_xlim(-0.5, size - 0.5)
    ax.set_ylim(size - 0.5, -0.5)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    bar = ax.figure.colorbar(cells, ax=ax, fraction=0.04, pad=0.02)
    bar.set_label(f"{kind.capitalize()} correlation{f', {title}' if title else ''}")
    bar.ax.minorticks_off()
    # the bar has moved the axes, which a label above them must find in place
    ax.figure.canvas.figure.draw_without_rendering()
    return CorrelationArtists(cells, numbers)
