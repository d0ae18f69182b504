"""Figures of matrices of shares, with the numbers and their errors in the cells: confusion and agreement of classifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from hepml.plots.layout import axis_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.text import Text
    from numpy.typing import NDArray

    from hepml.evaluation import ClassifierAgreement, ConfusionMatrix

    Floats = NDArray[np.float64]

__all__ = ["MatrixArtists", "agreement", "confusion"]

# more would not be readable in their cells
_MAX_NUMBERS = 12
# of columns that bear their names; more are numbered as the rows are
_MAX_NAMES = 5


class MatrixArtists(NamedTuple):
    """What was drawn: the cells and the texts in them."""

    cells: QuadMesh
    texts: tuple[Text, ...]


def confusion(
    result: ConfusionMatrix,
    ax: Axes,
    names: Sequence[str],
    *,
    kind: Literal["by_truth", "by_assigned"] = "by_truth",
    title: str = "",
) -> MatrixArtists:
    """Draw which true class (rows) is taken for which (columns).

    Parameters
    ----------
    result : ConfusionMatrix
        Shares.
    ax : matplotlib.axes.Axes
        Where to draw.
    names : sequence of str
        Of the classes; plain text or mathtext.
    kind : {'by_truth', 'by_assigned'}
        Shares of each row, with the efficiencies on the diagonal, or of each column, with the purities.
    title : str
        Beside the bar of colours.

    Returns
    -------
    MatrixArtists
        Cells and numbers, in percent. Cells that are not computable are empty.
    """
    label = "Share of the true class" if kind == "by_truth" else "Share of the assigned class"
    drawn = _matrix(getattr(result, kind), getattr(result, f"{kind}_error"), ax, names, f"{label}{_of(title)}")
    ax.set_xlabel("Assigned class")
    ax.set_ylabel("True class")
    return drawn


def agreement(
    result: ClassifierAgreement,
    ax: Axes,
    *,
    of: Literal["signal", "background"] = "background",
    kind: Literal["both", "same"] = "both",
    title: str = "",
) -> MatrixArtists:
    """Draw which share of a class pairs of classifiers pass together, or agree on.

    Parameters
    ----------
    result : ClassifierAgreement
        Overlaps.
    ax : matplotlib.axes.Axes
        Where to draw.
    of : {'signal', 'background'}
        Which class.
    kind : {'both', 'same'}
        Events that pass both cuts, or those with one decision.
    title : str
        Beside the bar of colours.

    Returns
    -------
    MatrixArtists
        Cells and numbers, in percent.
    """
    overlap = result.signal_overlap if of == "signal" else result.background_overlap
    what = "passes both" if kind == "both" else "has one decision"
    label = f"{of.capitalize()} that {what} at $\\varepsilon_S$ = {result.signal_efficiency:.3g}{_of(title)}"
    return _matrix(getattr(overlap, kind), getattr(overlap, f"{kind}_error"), ax, result.names, label)


def _of(title: str) -> str:
    return f", {axis_label(title, '')}" if title else ""


def _matrix(values: Floats, errors: Floats, ax: Axes, names: Sequence[str], label: str) -> MatrixArtists:
    size = len(values)
    borders = np.arange(size + 1) - 0.5
    highest = float(np.nanmax(values, initial=0.0))
    cells = ax.pcolormesh(
        borders, borders, np.ma.masked_invalid(values), cmap="Blues", vmin=0.0, vmax=highest if highest > 0 else 1.0
    )
    points = min(14.0, 60.0 / max(size, 1))
    numbers = tuple(
        ax.text(
            j, i, f"{100 * values[i, j]:.{_digits(errors[i, j])}f}\n± {100 * errors[i, j]:.{_digits(errors[i, j])}f}",
            ha="center", va="center", fontsize=points, color="white" if values[i, j] > 0.6 * highest else "black",
        )
        for i in range(size) for j in range(size) if size <= _MAX_NUMBERS and np.isfinite(values[i, j])
    )  # fmt: skip
    labels = [axis_label(name, "") for name in names]
    small = min(13.0, 160.0 / max(size, 1))
    if size > _MAX_NAMES:
        # slanted names would run into one another
        ax.set_yticks(np.arange(size), [f"{label}  {number}" for number, label in enumerate(labels, 1)], fontsize=small)
        ax.set_xticks(np.arange(size), [str(number) for number in range(1, size + 1)], fontsize=small)
    else:
        ax.set_xticks(np.arange(size), labels, fontsize=small, rotation=0 if size < 4 else 30)
        ax.set_yticks(np.arange(size), labels, fontsize=small)
    ax.tick_params(which="both", length=0)
    ax.minorticks_off()
    ax.set_xlim(-0.5, size - 0.5)
    ax.set_ylim(size - 0.5, -0.5)
    bar = ax.figure.colorbar(cells, ax=ax, fraction=0.045, pad=0.02)
    bar.set_label(label)
    bar.ax.minorticks_off()
    # the bar has moved the axes, which a label above them must find in place
    ax.figure.canvas.figure.draw_without_rendering()
    return MatrixArtists(cells, numbers)


def _digits(error: float) -> int:
    """Decimals of a percentage that show two significant digits of its error."""
    return int(np.clip(1 - np.floor(np.log10(100 * error)), 0, 4)) if error > 0 else 1
