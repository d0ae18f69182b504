"""Figure of training and test scores of signal and background, as TMVA's GUI overlays them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hepml.plots.layout import decimals, fractions_label, lift_above_data, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.legend import Legend
    from matplotlib.patches import StepPatch

    from hepml.evaluation import Overtraining, TwoSampleTest

__all__ = ["OvertrainingArtists", "overtraining"]

SIGNAL_COLOR = "#3f90da"
BACKGROUND_COLOR = "#bd1f01"


class OvertrainingArtists(NamedTuple):
    """What was drawn: test as areas with bands of error, training as points with bars."""

    test_signal: StepPatch
    test_background: StepPatch
    bands: tuple[StepPatch, StepPatch]
    train_signal: ErrorbarContainer
    train_background: ErrorbarContainer
    legend: Legend


def overtraining(result: Overtraining, ax: Axes, *, title: str = "") -> OvertrainingArtists:
    """Overlay the scores of test (areas) and training events (points), each class scaled to a sum of one.

    Parameters
    ----------
    result : Overtraining
        Its histograms, p-values, gap and verdict are shown.
    ax : matplotlib.axes.Axes
        Where to draw.
    title : str
        Name of the method, for the legend's title.

    Returns
    -------
    OvertrainingArtists
        Areas, bands, points and legend. Bins with a negative sum of weights are drawn below a line at zero.
    """
    histograms = result.histograms
    ranges: list[float] = [0.0]

    def area(name: str, label: str, color: str, hatch: str | None) -> tuple[StepPatch, StepPatch]:
        histogram = getattr(histograms, name)
        value, error = histogram.fractions()
        ranges.extend([*(value - error), *(value + error)])
        face = (color, 0.3) if hatch is None else "none"
        patch = ax.stairs(
            value, histogram.edges, fill=True, facecolor=face, edgecolor=color, hatch=hatch, linewidth=1.5, label=label
        )
        band = ax.stairs(
            value + error, histogram.edges, baseline=value - error, fill=True, color=color, alpha=0.25, linewidth=0
        )
        return patch, band

    def points(name: str, label: str, color: str) -> ErrorbarContainer:
        histogram = getattr(histograms, name)
        value, error = histogram.fractions()
        # a bin without events has no error to show
        filled = histogram.sum_w2 > 0
        ranges.extend([*(value - error), *(value + error)])
        return ax.errorbar(
            histogram.center[filled], value[filled], yerr=error[filled], xerr=0.5 * histogram.width[filled],
            fmt="o", color=color, markersize=5, elinewidth=1.2, markeredgecolor="white", markeredgewidth=0.4, label=label,
        )  # fmt: skip

    test_signal, signal_band = area("test_signal", "Signal (test)", SIGNAL_COLOR, None)
    test_background, background_band = area("test_background", "Background (test)", BACKGROUND_COLOR, "////")
    train_signal = points("train_signal", f"Signal (training)\n{_p_values(result.signal)}", SIGNAL_COLOR)
    train_background = points(
        "train_background", f"Background (training)\n{_p_values(result.background)}", BACKGROUND_COLOR
    )
    ax.margins(x=0.0)
    ax.set_xlabel("Score")
    ax.set_ylabel(fractions_label(histograms.test_signal, ""))
    legend = ax.legend(
        loc="upper center", ncols=2, title=_title(result, title), columnspacing=1.5, handlelength=1.6, labelspacing=0.4
    )
    if min(ranges) < 0:
        ax.axhline(0.0, color="black", linewidth=0.8, zorder=0.5)
    lift_above_data(ax, legend, min(ranges), max(ranges))
    return OvertrainingArtists(
        test_signal, test_background, (signal_band, background_band), train_signal, train_background, legend
    )


def _p_values(test: TwoSampleTest) -> str:
    return rf"$p_{{KS}}$ {_p_value(test.ks_p_value, test)}, $p_{{\chi^2}}$ {_p_value(test.chi2_p_value, test)}"


def _p_value(value: float, test: TwoSampleTest) -> str:
    """Two digits; the smallest that the permutations can give is an upper limit."""
    return f"= {value:.2g}" if value * (1 + test.n_permutations) > 1.5 else f"≤ {value:.2g}"


def _title(result: Overtraining, name: str) -> str:
    digits = decimals(result.auc_gap_error)
    gap = f"AUC training - test = {result.auc_gap:+.{digits}f} ± {result.auc_gap_error:.{digits}f}: {result.verdict}"
    return f"{plain(name)}\n{gap}" if name else gap
