"""Figure of log-loss or area against the number of trees, on training and validation events, with the plateau."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from hepml.errors import InvalidInputError
from hepml.plots.layout import decimals, lift_above_data, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D
    from numpy.typing import NDArray

    from hepml.evaluation import TrainingCurve

__all__ = ["TrainingCurveArtists", "training_curve"]

_TRAIN_COLOR = "#94a4a2"
_VALIDATION_COLOR = "#832db6"
_PLATEAU_COLOR = "#ffa90e"


class TrainingCurveArtists(NamedTuple):
    """What was drawn: a line and a band of error for each part, the plateau, the optimum, the curve that was watched."""

    train: Line2D
    validation: Line2D
    bands: tuple[PolyCollection, PolyCollection]
    plateau: PolyCollection
    optimum: Line2D
    monitored: Line2D | None
    legend: Legend


def training_curve(
    result: TrainingCurve,
    ax: Axes,
    *,
    figure: Literal["log_loss", "auc"] = "log_loss",
    title: str = "",
    label: str = "Number of trees",
) -> TrainingCurveArtists:
    """Draw a figure of merit against the stage of the training.

    Parameters
    ----------
    result : TrainingCurve
        Figures with errors, optimum and plateau.
    ax : matplotlib.axes.Axes
        Where to draw.
    figure : {"log_loss", "auc"}
        Which one.
    title : str
        Name of the method, for the legend's title.
    label : str
        What the stages are.

    Returns
    -------
    TrainingCurveArtists
        Lines with bands of one standard deviation, the stages on the plateau as a shaded range, the optimum of the
        validation part and, for the log-loss, the validation curve that the training watched, with the trees that were
        dropped.

    Raises
    ------
    InvalidInputError
        If the log-loss is asked for and there is none.
    """
    against = getattr(result, figure)
    if against is None:
        msg = f"the training curve has no {figure}: its margins are no log-odds; draw the figure 'auc'"
        raise InvalidInputError(msg)
    lines, bands, ranges = [], [], []
    for part, color, name in (
        ("train", _TRAIN_COLOR, "Training"), ("validation", _VALIDATION_COLOR, "Validation"),
    ):  # fmt: skip
        value = getattr(getattr(result, part), figure)
        error = getattr(getattr(result, part), f"{figure}_error")
        (line,) = ax.plot(result.stages, value, color=color, marker="o", markersize=4, label=name)
        bands.append(ax.fill_between(result.stages, value - error, value + error, color=color, alpha=0.25, linewidth=0))
        lines.append(line)
        ranges += [*(value - error), *(value + error)]
    watched = None
    if figure == "log_loss" and result.monitored is not None and result.monitored.size:
        iterations = np.arange(1, result.monitored.size + 1)
        (watched,) = ax.plot(
            iterations, result.monitored, color=_VALIDATION_COLOR, linewidth=1.0, linestyle=":",
            label="Validation, every tree",
        )  # fmt: skip
        ranges += [*result.monitored]
    edges = _edges(result.stages)
    plateau = ax.fill_between(
        np.repeat(edges, 2)[1:-1], 0, 1, where=np.repeat(against.plateau, 2), color=_PLATEAU_COLOR, alpha=0.18,
        linewidth=0, transform=ax.get_xaxis_transform(), label="Plateau", zorder=0,
    )  # fmt: skip
    best = int(np.searchsorted(result.stages, against.optimum))
    (optimum,) = ax.plot(
        [against.optimum], [getattr(result.validation, figure)[best]], marker="*", markersize=15, linestyle="none",
        color=_VALIDATION_COLOR, markeredgecolor="white", label=f"Optimum, at {against.optimum}",
    )  # fmt: skip
    last = max(int(result.stages[-1]), 1 if result.monitored is None else result.monitored.size)
    ax.set_xscale("log")
    ax.set_xlim(edges[0], last * 1.1)
    ax.set_xlabel(label)
    ax.set_ylabel("Log-loss" if figure == "log_loss" else "AUC")
    legend = ax.legend(loc="upper center", ncols=2, title=_title(result, figure, title), columnspacing=1.5)
    lift_above_data(ax, legend, min(ranges), max(ranges), from_zero=False)
    return TrainingCurveArtists(lines[0], lines[1], (bands[0], bands[1]), plateau, optimum, watched, legend)


def _edges(stages: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return where one stage gives way to the next on a logarithmic axis, shape (n_stages + 1,)."""
    between = np.sqrt(stages[1:] * stages[:-1].astype(np.float64))
    return np.concatenate([[stages[0] / 1.1], between, [stages[-1] * 1.1]])


def _title(result: TrainingCurve, figure: str, name: str) -> str:
    against = getattr(result, figure)
    digits = decimals(against.final_deficit_error)
    worse = f"{against.final_deficit:.{digits}f} ± {against.final_deficit_error:.{digits}f} worse than its optimum"
    at = f"at {result.stages[-1]}: " + ("the optimum" if against.optimum == result.stages[-1] else worse)
    return f"{plain(name)}\n{at}" if name else at
