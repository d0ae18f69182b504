"""Figure of one feature: signal over background, each scaled to a sum of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hepml.plots.layout import axis_label, fractions_label, lift_above_data
from hepml.plots.overtraining import BACKGROUND_COLOR, SIGNAL_COLOR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.legend import Legend
    from matplotlib.patches import StepPatch

    from hepml.evaluation import FeatureHistograms, Histogram

__all__ = ["FeatureArtists", "feature"]


class FeatureArtists(NamedTuple):
    """What was drawn: areas, the bars of their errors, and the legend."""

    signal: StepPatch
    background: StepPatch
    signal_errors: ErrorbarContainer
    background_errors: ErrorbarContainer
    legend: Legend


def feature(result: FeatureHistograms, ax: Axes, *, title: str = "", unit: str = "") -> FeatureArtists:
    """Overlay a feature in signal and background, each scaled to a sum of one.

    Parameters
    ----------
    result : FeatureHistograms
        Both histograms.
    ax : matplotlib.axes.Axes
        Where to draw.
    title, unit : str
        For the x axis; plain text or mathtext.

    Returns
    -------
    FeatureArtists
        Areas, error bars and legend, which states the events that are not shown: missing (NaN) and outside the axis.
    """
    ranges: list[float] = [0.0]

    def overlay(histogram: Histogram, name: str, color: str, hatch: str | None) -> tuple[StepPatch, ErrorbarContainer]:
        value, error = histogram.fractions() if _shown(histogram) else (0.0 * histogram.sum_w, 0.0 * histogram.sum_w)
        ranges.extend([*(value - error), *(value + error)])
        patch = ax.stairs(
            value,
            histogram.edges,
            fill=True,
            facecolor=(color, 0.3) if hatch is None else "none",
            edgecolor=color,
            hatch=hatch,
            linewidth=1.5,
            label=name + _not_shown(histogram),
        )
        filled = histogram.sum_w2 > 0
        bars = ax.errorbar(
            histogram.center[filled], value[filled], yerr=error[filled], fmt="none", ecolor=color, elinewidth=1.2
        )
        return patch, bars

    signal, signal_errors = overlay(result.signal, "Signal", SIGNAL_COLOR, None)
    background, background_errors = overlay(result.background, "Background", BACKGROUND_COLOR, "////")
    ax.margins(x=0.0)
    ax.set_xlabel(axis_label(title, unit))
    ax.set_ylabel(fractions_label(result.signal, unit))
    legend = ax.legend(loc="upper right", ncols=2, columnspacing=1.5, handlelength=1.6)
    if min(ranges) < 0:
        ax.axhline(0.0, color="black", linewidth=0.8, zorder=0.5)
    lift_above_data(ax, legend, min(ranges), max(ranges))
    return FeatureArtists(signal, background, signal_errors, background_errors, legend)


def _shown(histogram: Histogram) -> bool:
    return histogram.total - histogram.missing > 0


def _not_shown(histogram: Histogram) -> str:
    if histogram.n_missing == histogram.n_events:
        return "\nmissing: 100%"
    if not _shown(histogram):
        return "\nnot computable: weights sum to zero or less"
    notes = []
    if histogram.n_missing:
        notes.append(f"missing: {_percent(histogram.missing / histogram.total)}")
    outside = histogram.underflow + histogram.overflow
    if outside:
        notes.append(f"outside: {_percent(outside / (histogram.total - histogram.missing))}")
    return "\n" + ", ".join(notes) if notes else ""


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%"
