"""Figure of data over the stack of simulated samples, with their ratio below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hepml.plots.layout import axis_label, lift_above_data, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from matplotlib.patches import StepPatch

    from hepml.evaluation import DataMC

__all__ = ["DataMCArtists", "data_mc", "new_ratio_figure"]

_RATIO_RANGE = (0.4, 1.6)


class DataMCArtists(NamedTuple):
    """What was drawn: one area a sample, the band of their error, the data; the same below, relative to simulation."""

    stack: tuple[StepPatch, ...]
    band: StepPatch
    data: ErrorbarContainer
    ratio_band: StepPatch
    ratio: ErrorbarContainer
    legend: Legend


def new_ratio_figure() -> tuple[Figure, tuple[Axes, Axes]]:
    """Make a figure of the current style with a panel for a ratio below the main one, both of one x axis."""
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, 1.15 * height)
    main, ratio = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    return figure, (main, ratio)


def data_mc(
    result: DataMC,
    axes: tuple[Axes, Axes],
    *,
    title: str = "",
    unit: str = "",
    names: Mapping[str, str] | None = None,
    data_name: str = "Data",
) -> DataMCArtists:
    """Draw data as points over the stack of simulated samples, and their ratio.

    Parameters
    ----------
    result : DataMC
        Histograms, ratio and p-values. Samples with a negative sum in a bin lower the stack there.
    axes : tuple of two matplotlib.axes.Axes
        Main panel and that of the ratio, for example of :func:`new_ratio_figure`.
    title, unit : str
        For the x axis; plain text or mathtext.
    names : mapping of str to str, optional
        Titles of the samples.
    data_name : str
        For the legend.

    Returns
    -------
    DataMCArtists
        Areas, band, points and legend, which states p-values, and the share of data and simulation outside the axis.
    """
    main, below = axes
    edges, total, error = result.total.edges, result.total.sum_w, result.total.error
    colors = _colors(len(result.simulation))
    stack, base = [], np.zeros_like(total)
    for (name, histogram), color in zip(result.simulation.items(), colors, strict=True):
        label = plain((names or {}).get(name, name))
        top = base + histogram.sum_w
        stack.append(main.stairs(top, edges, baseline=base, fill=True, facecolor=color, linewidth=0, label=label))
        base = top
    style: dict[str, Any] = {
        "fill": True,
        "facecolor": "none",
        "edgecolor": "#555555",
        "hatch": "/////",
        "linewidth": 0,
    }
    band = main.stairs(total + error, edges, baseline=total - error, label="Simulation's error", **style)
    # a bin without data has no error to show, but the ratio of 0 there is seen above
    filled = result.data.sum_w2 > 0
    points: dict[str, Any] = {"fmt": "o", "color": "black", "markersize": 5, "elinewidth": 1.2}
    value, bar = result.data.sum_w[filled], result.data.error[filled]
    center = result.data.center[filled]
    data = main.errorbar(center, value, yerr=bar, label=data_name, **points)
    positive = total > 0
    scale = np.where(positive, total, 1.0)
    relative = np.where(positive, error / scale, 0.0)
    ratio_band = below.stairs(1 + relative, edges, baseline=1 - relative, **style)
    shown = positive[filled]
    by = scale[filled][shown]
    ratio = below.errorbar(center[shown], value[shown] / by, yerr=bar[shown] / by, **points)
    below.axhline(1.0, color="black", linewidth=0.8, zorder=0.5)
    below.set_ylim(*_RATIO_RANGE)
    main.margins(x=0.0)
    below.margins(x=0.0)
    below.set_xlabel(axis_label(title, unit))
    below.set_ylabel("Data / sim.", loc="center")
    main.set_ylabel(_events_label(result, unit))
    lowest = float(min(0.0, (total - error).min(), np.min(value - bar, initial=0.0), base.min()))
    highest = float(max((total + error).max(), np.max(value + bar, initial=0.0)))
    if lowest < 0:
        main.axhline(0.0, color="black", linewidth=0.8, zorder=0.5)
    legend = main.legend(loc="upper right", ncols=2, title=_title(result), columnspacing=1.5, handlelength=1.6)
    lift_above_data(main, legend, lowest, highest)
    return DataMCArtists(tuple(stack), band, data, ratio_band, ratio, legend)


def _colors(number: int) -> list[str]:
    import matplotlib as mpl

    cycle = mpl.rcParams["axes.prop_cycle"].by_key().get("color", ["C0"])
    return [cycle[index % len(cycle)] for index in range(number)]


def _events_label(result: DataMC, unit: str) -> str:
    width = result.data.width
    if not np.allclose(width, width[0]):
        return "Events per bin"
    size = f"{width[0]:.3g}"
    return f"Events / {size} {unit}".rstrip() if unit or size != "1" else "Events"


def _title(result: DataMC) -> str:
    parts = []
    if np.isfinite(result.ratio):
        parts.append(f"data / simulation = {result.ratio:.3f} ± {result.ratio_error:.3f}")
    for name, p_value in (("KS", result.ks_p_value), (r"\chi^2", result.chi2_p_value)):
        if np.isfinite(p_value):
            sign = "=" if p_value * (1 + result.n_replicas) > 1.5 else "≤"
            parts.append(rf"$p_{{{name}}}$ {sign} {p_value:.2g}")
    lines = [", ".join(parts) or "shape: too few events to compare"]
    outside = [
        f"{name} {100 * share:.2g}%"
        for name, histogram in (("data", result.data), ("simulation", result.total))
        if histogram.total > 0
        and (share := (histogram.underflow + histogram.overflow + histogram.missing) / histogram.total)
    ]
    if outside:
        lines.append(f"missing or outside: {', '.join(outside)}")
    return "\n".join(lines)
