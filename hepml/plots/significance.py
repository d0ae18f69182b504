"""Figures of significance: against the cut on the score, and in bins of the score for a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hepml.plots.layout import decimals, lift_above_data, plain
from hepml.plots.overtraining import BACKGROUND_COLOR, SIGNAL_COLOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.container import ErrorbarContainer
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D
    from matplotlib.patches import StepPatch

    from hepml.evaluation import BinnedSignificance, FigureOfMerit, Significance, SignificanceScan

__all__ = ["BinnedSignificanceArtists", "SignificanceArtists", "binned_significance", "significance_scan"]

# punzi is no number of standard deviations, and has an axis of its own
_SHOWN = ("z_a_sigma_b", "z_a", "s_over_sqrt_b", "s_over_sqrt_s_plus_b")
# figures of merit whose maxima differ by more than this need a logarithmic axis to be seen together
_SPREAD = 4.0
# the experiments' fonts have no root of mathtext
_TITLES = {
    "z_a": r"$Z_A$, background known",
    "s_over_sqrt_b": "s / √b",
    "s_over_sqrt_s_plus_b": "s / √(s + b)",
    "punzi": r"Punzi",
    "ams": r"AMS",
}


class SignificanceArtists(NamedTuple):
    """What was drawn: one line and band a figure of merit, and the cut that was chosen."""

    lines: tuple[Line2D, ...]
    bands: tuple[PolyCollection, ...]
    cut: Line2D | None
    legend: Legend


class BinnedSignificanceArtists(NamedTuple):
    """What was drawn: background, signal on it and alone, the band of their error, and below the bins' significances."""

    background: StepPatch
    signal: StepPatch
    signal_alone: StepPatch
    band: StepPatch
    significances: ErrorbarContainer
    legend: Legend


def significance_scan(
    result: SignificanceScan,
    ax: Axes,
    *,
    figures: Sequence[str] = _SHOWN,
    cut: float | None = None,
    at_cut: Significance | None = None,
    title: str = "",
) -> SignificanceArtists:
    """Draw figures of merit against the cut on the score, with bands of one standard deviation at a fixed cut.

    Parameters
    ----------
    result : SignificanceScan
        On the events that are reported.
    ax : matplotlib.axes.Axes
        Where to draw.
    figures : sequence of str
        Which to draw, as far as the scan has them. Default: those that are numbers of standard deviations.
    cut : float, optional
        A cut that was chosen on other events, to be marked.
    at_cut : Significance, optional
        What it gives on the reported events, for the legend.
    title : str
        Name of the method, for the legend's title.

    Returns
    -------
    SignificanceArtists
        Lines, bands, the mark and the legend. Cuts where a figure is not computable are left out.
    """
    lines, bands, lows, highest, lowest = [], [], [], 0.0, 0.0
    for number, name in enumerate(name for name in figures if name in result.values):
        value, error = result.values[name], result.errors[name]
        (line,) = ax.plot(
            result.thresholds, value, label=_title(result.figures[name]), linestyle=("-", "--", "-.", ":")[number % 4],
        )  # fmt: skip
        band = ax.fill_between(
            result.thresholds, value - error, value + error, color=line.get_color(), alpha=0.25, linewidth=0
        )
        highest = max(highest, float(np.nanmax(value + error, initial=0.0)))
        lowest = min(lowest, float(np.nanmin(value - error, initial=0.0)))
        lows.append(float(np.nanmax(value, initial=-np.inf)))
        lines.append(line)
        bands.append(band)
    mark = None
    if cut is not None and np.isfinite(cut):
        # up to the curves only: the legend stands above
        (mark,) = ax.plot([cut, cut], [lowest, highest], color="black", linewidth=1.4, label=_mark(cut, at_cut))
    shown = np.any([np.isfinite(result.values[name]) for name in result.values], axis=0)
    if shown.any():
        ends = result.thresholds[shown][[-1, 0]]
        pad = 0.03 * float(ends[1] - ends[0]) or 0.5
        ax.set_xlim(float(ends[0]) - pad, float(ends[1]) + pad)
    ax.set_xlabel("Cut on the score")
    ax.set_ylabel("Expected significance")
    legend = ax.legend(loc="upper left", ncols=2, title=plain(title) or None, columnspacing=1.5, handlelength=1.8)
    smallest = min(lows, default=0.0)
    if smallest > 0 and highest > _SPREAD * smallest:
        # the lowest curve down to a tenth of its maximum
        values = np.concatenate([result.values[name] for name in figures if name in result.values])
        floor = max(0.1 * smallest, float(np.min(values[values > 0])))
        _logarithmic(ax, legend, floor, highest)
    else:
        lift_above_data(ax, legend, lowest, highest)
    return SignificanceArtists(tuple(lines), tuple(bands), mark, legend)


def binned_significance(
    result: BinnedSignificance, axes: tuple[Axes, Axes], *, title: str = "", cut: Significance | None = None
) -> BinnedSignificanceArtists:
    """Draw expected signal on top of background in each bin of the score, and the significance of each bin below.

    Parameters
    ----------
    result : BinnedSignificance
        Bins, drawn one as wide as the other; their edges are written below.
    axes : tuple of two matplotlib.axes.Axes
        Main panel and that of the significances, for example of :func:`new_ratio_figure`.
    title : str
        Name of the method, for the legend's title.
    cut : Significance, optional
        Of the best single cut, stated beside the combination.

    Returns
    -------
    BinnedSignificanceArtists
        Areas, band, points and legend. Bins that are not computable have no point; a negative background lies below the
        axis, which is logarithmic if all are positive.
    """
    main, below = axes
    background = np.array([item.background for item in result.bins])
    signal = np.array([item.signal for item in result.bins])
    error = np.hypot([item.background_error for item in result.bins], [item.signal_error for item in result.bins])
    n_bins = background.size
    places = np.arange(n_bins + 1) - 0.5
    total = background + signal
    base = main.stairs(
        background,
        places,
        fill=True,
        facecolor=(BACKGROUND_COLOR, 0.35),
        edgecolor=BACKGROUND_COLOR,
        label="Background",
    )
    top = main.stairs(
        total, places, baseline=background, fill=True, facecolor=(SIGNAL_COLOR, 0.8), linewidth=0, label="Signal"
    )
    alone = main.stairs(signal, places, color=SIGNAL_COLOR, linewidth=1.6, linestyle="--", label="Signal alone")
    band = main.stairs(
        total + error, places, baseline=total - error, fill=True, facecolor="none", edgecolor="#555555", hatch="/////",
        linewidth=0, label="Statistical error",
    )  # fmt: skip
    value = np.array([item.value for item in result.bins])
    bars = np.array([item.error for item in result.bins])
    there = np.isfinite(value)
    points = below.errorbar(
        np.arange(n_bins)[there], value[there], yerr=np.nan_to_num(bars[there]), xerr=0.5,
        fmt="o", color="black", markersize=5, elinewidth=1.2,
    )  # fmt: skip
    below.set_ylabel("$Z_A$ of the bin", loc="center")
    below.set_xlabel("Lower edge of the bin, score")
    below.set_xticks(places[:-1], [_edge(edge) for edge in result.edges[:-1]], fontsize="x-small", rotation=30)
    for axis in axes:
        axis.tick_params(axis="x", which="both", top=False)
        axis.xaxis.set_tick_params(which="minor", bottom=False)
    below.set_xlim(-0.5, n_bins - 0.5)
    below.set_ylim(min(0.0, 1.1 * float(np.min(value[there], initial=0.0))), None)
    main.set_ylabel("Expected events per bin")
    legend = main.legend(
        loc="upper right", ncols=2, title=_combined(result, title, cut), columnspacing=1.2, handlelength=1.4
    )
    lowest, highest = float(np.min(background)), float(np.max(total + error))
    if lowest > 0:
        _logarithmic(main, legend, min([lowest, *signal[signal > 0]]), highest)
    else:
        main.axhline(0.0, color="black", linewidth=0.8, zorder=0.5)
        lift_above_data(main, legend, min(lowest, float(np.min(total - error))), highest)
    return BinnedSignificanceArtists(base, top, alone, band, points, legend)


def _logarithmic(ax: Axes, legend: Legend, lowest: float, highest: float) -> None:
    """Make the y axis logarithmic, with room above the data for the legend."""
    ax.set_yscale("log")
    ax.figure.canvas.figure.draw_without_rendering()
    frame = ax.get_window_extent()
    share = (frame.y1 - legend.get_window_extent().y0) / frame.height
    bottom = 0.7 * lowest
    ax.set_ylim(bottom, bottom * (highest / bottom) ** (1.0 / max(1.0 - share - 0.04, 0.3)))


def _title(figure: FigureOfMerit) -> str:
    if figure.name != "z_a_sigma_b":
        return _TITLES[figure.name]
    parts = []
    if figure.sigma_b:
        parts.append(f"{figure.sigma_b:g}")
    if figure.relative_sigma_b:
        parts.append(f"{100 * figure.relative_sigma_b:g}%")
    if figure.mc_statistics:
        parts.append("MC statistics")
    return r"$Z_A$, $\sigma_b$: " + (" and ".join(parts) or "0")


def _mark(cut: float, at_cut: Significance | None) -> str:
    text = f"chosen cut {cut:.3g}"
    if at_cut is None or at_cut.reason is not None:
        return text
    return f"{text}: {_with_error(at_cut.value, at_cut.error)}"


def _with_error(value: float, error: float) -> str:
    if not np.isfinite(error):
        return f"{value:.3g}"
    digits = decimals(error)
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def _combined(result: BinnedSignificance, title: str, cut: Significance | None) -> str:
    lines = [plain(title)] if title else []
    if np.isfinite(result.combined):
        lines.append(rf"combined $Z_A$ = {_with_error(result.combined, result.combined_error)}")
    else:
        lines.append("no bin is computable")
    n_lost = sum(item.reason is not None for item in result.bins)
    if 0 < n_lost < len(result.bins):
        lines.append(f"without {n_lost} of {len(result.bins)} bins, not computable")
    if cut is not None and cut.reason is None:
        lines.append(rf"best single cut $Z_A$ = {_with_error(cut.value, cut.error)}")
    return "\n".join(lines)


def _edge(edge: float) -> str:
    return f"{edge:.3g}" if np.isfinite(edge) else "lowest"
