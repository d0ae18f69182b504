"""Figures of a regression: estimate against target, deviations, and bias and resolution in bins of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hepml.plots.layout import axis_label, decimals, fractions_label, lift_above_data

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.container import ErrorbarContainer
    from matplotlib.legend import Legend
    from matplotlib.patches import StepPatch

    from hepml.evaluation import RegressionDistribution, RegressionProfile, RegressionQuality

__all__ = ["DeviationArtists", "EstimateArtists", "deviations", "estimates", "resolution"]


class EstimateArtists(NamedTuple):
    """What was drawn: cells, the means in bins of the target, and the legend."""

    cells: QuadMesh
    means: ErrorbarContainer
    legend: Legend


class DeviationArtists(NamedTuple):
    """What was drawn: test events with errors, the outline of training events, and the legend."""

    test: ErrorbarContainer
    train: StepPatch
    legend: Legend


def estimates(
    result: RegressionDistribution, profile: RegressionProfile, ax: Axes, *, title: str = "", unit: str = ""
) -> EstimateArtists:
    """Draw the density of estimate against target, and the mean estimate in bins of the target.

    Parameters
    ----------
    result : RegressionDistribution
        Sums of weights.
    profile : RegressionProfile
        Means.
    ax : matplotlib.axes.Axes
        Where to draw.
    title, unit : str
        Of the target.

    Returns
    -------
    EstimateArtists
        Cells, means with errors, legend. Cells without a positive sum are empty.
    """
    cells = ax.pcolormesh(
        result.edges, result.edges, np.ma.masked_less_equal(result.sum_w.T, 0.0), cmap="Blues", rasterized=True
    )
    ends = [result.edges[0], result.edges[-1]]
    ax.plot(ends, ends, color="black", linewidth=0.9, linestyle="--", label="estimate = target")
    means = ax.errorbar(
        profile.target, profile.estimate, yerr=profile.estimate_error, fmt="o-", color="C1", markersize=5, label="mean"
    )
    ax.set_xlim(*ends)
    ax.set_ylim(*ends)
    ax.set_xlabel(axis_label(title, unit))
    ax.set_ylabel(axis_label(f"Estimate of {title}", unit))
    bar = ax.figure.colorbar(cells, ax=ax, fraction=0.045, pad=0.02)
    bar.set_label("Sum of weights")
    ax.figure.canvas.figure.draw_without_rendering()
    return EstimateArtists(cells, means, ax.legend(loc="upper left"))


def deviations(
    result: RegressionDistribution, quality: RegressionQuality, ax: Axes, *, title: str = "", unit: str = ""
) -> DeviationArtists:
    """Draw the deviations of test events, and of training events as an outline, each scaled to a sum of one.

    Parameters
    ----------
    result : RegressionDistribution
        Histograms of both parts.
    quality : RegressionQuality
        Bias and resolution of the test part, for the legend.
    ax : matplotlib.axes.Axes
        Where to draw.
    title, unit : str
        Of the target.

    Returns
    -------
    DeviationArtists
        Points, outline, legend.
    """
    value, error = result.test.fractions()
    of_training, _ = result.train.fractions()
    train = ax.stairs(
        of_training, result.train.edges, fill=True, facecolor=("C0", 0.25), edgecolor="C0", label="training"
    )
    points = ax.errorbar(result.test.center, value, yerr=error, fmt="o", color="black", markersize=4, label="test")
    ax.axvline(0.0, color="black", linewidth=0.8, linestyle="--", zorder=0.5)
    ax.margins(x=0.0)
    ax.set_xlabel(axis_label(f"Estimate - {title}", unit))
    ax.set_ylabel(fractions_label(result.test, unit))
    numbers = "\n".join(
        f"{name} {_with_error(getattr(quality, key), getattr(quality, f'{key}_error'))}{f' {unit}' if unit else ''}"
        for name, key in (("bias", "bias"), ("RMS", "rms"), ("68 %:", "resolution"))
    )
    legend = ax.legend(loc="upper left", title=numbers)
    lift_above_data(ax, legend, float((value - error).min()), float(max((value + error).max(), of_training.max())))
    return DeviationArtists(points, train, legend)


def resolution(profile: RegressionProfile, axes: tuple[Axes, Axes], *, title: str = "", unit: str = "") -> None:
    """Draw the resolution in bins of the target, and below it the bias.

    Parameters
    ----------
    profile : RegressionProfile
        Widths and means.
    axes : tuple of two matplotlib.axes.Axes
        Main panel and that below, for example of :func:`new_ratio_figure`.
    title, unit : str
        Of the target.
    """
    main, below = axes
    width = np.diff(profile.edges) / 2
    centre = profile.edges[:-1] + width
    style: dict[str, Any] = {"fmt": "o", "markersize": 5}
    main.errorbar(centre, profile.resolution, xerr=width, yerr=profile.resolution_error, **style)
    below.axhline(0.0, color="black", linewidth=0.8, linestyle="--", zorder=0.5)
    below.errorbar(centre, profile.bias, xerr=width, yerr=profile.bias_error, **style)
    main.set_ylim(0.0, None)
    main.set_ylabel(axis_label("Half width of 68 %", unit))
    below.set_ylabel("Bias", loc="center")
    below.set_xlabel(axis_label(title, unit))


def _with_error(value: float, error: float) -> str:
    digits = max(decimals(error) - 1, 0)
    return f"{value:.{digits}f} ± {error:.{digits}f}"
