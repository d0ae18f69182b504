"""Figure of the loss of a training after each epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hepml.plots.layout import lift_above_data, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D

    from hepml.evaluation import LossCurve

__all__ = ["LossCurveArtists", "loss_curve"]

_TRAIN_COLOR = "#94a4a2"
_VALIDATION_COLOR = "#832db6"


class LossCurveArtists(NamedTuple):
    """What was drawn."""

    training: Line2D
    validation: Line2D | None
    kept: Line2D
    legend: Legend


def loss_curve(result: LossCurve, ax: Axes, *, title: str = "") -> LossCurveArtists:
    """Draw the losses on training and validation events against the epoch, and which epoch is kept.

    Parameters
    ----------
    result : LossCurve
        The losses.
    ax : matplotlib.axes.Axes
        Where to draw.
    title : str
        Name of the method, for the legend's title.

    Returns
    -------
    LossCurveArtists
        Lines; none for validation where there is none.
    """
    epochs = np.arange(1, result.n_epochs + 1)
    (training,) = ax.plot(epochs, result.training, color=_TRAIN_COLOR, label="Training")
    validation = None
    if result.validation is not None:
        (validation,) = ax.plot(epochs, result.validation, color=_VALIDATION_COLOR, label="Validation")
    # the legend stands above
    kept = ax.axvline(result.kept, ymax=0.6, color="black", linestyle="--", linewidth=0.8, label=f"Kept: {result.kept}")
    ax.set_xlabel("Epoch")
    ax.set_ylabel("Loss")
    ax.locator_params(axis="x", integer=True)
    legend = ax.legend(title=plain(title) or None, loc="upper right")
    drawn = [result.training] if result.validation is None else [result.training, result.validation]
    losses = np.concatenate(drawn)
    lift_above_data(ax, legend, float(losses.min()), float(losses.max()), from_zero=False)
    return LossCurveArtists(training, validation, kept, legend)
