"""Figure of what methods give up in separation for a background whose shape they leave alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hepml.plots.layout import plain
from hepml.plots.overtraining import BACKGROUND_COLOR, SIGNAL_COLOR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.text import Text

    from hepml.evaluation import RocCurve, Sculpting

__all__ = ["TradeOffArtists", "trade_off"]


class TradeOffArtists(NamedTuple):
    """What was drawn: methods with a divergence, those with a lower bound of its inverse only, and their names."""

    points: ErrorbarContainer
    bounds: ErrorbarContainer
    names: Sequence[Text]


def trade_off(methods: Mapping[str, tuple[RocCurve, Sculpting]], variable: str, ax: Axes) -> TradeOffArtists:
    """Draw a point for each method: the area under its ROC curve, and 1 / JSD of the variable after and before a cut.

    Parameters
    ----------
    methods : mapping of str to (RocCurve, Sculpting)
        By the name of the method; the sculpting of the background by one of its cuts.
    variable : str
        Its name.
    ax : matplotlib.axes.Axes
        To draw on; its vertical axis becomes logarithmic.

    Returns
    -------
    TradeOffArtists
        Points with errors of one standard deviation. Where the divergence is not above its error, an arrow begins at the
        inverse of the divergence (if it is positive) plus twice its error.
    """
    known = {name: pair for name, pair in methods.items() if pair[1].divergence > pair[1].divergence_error}
    bounded = {name: pair for name, pair in methods.items() if name not in known and pair[1].divergence_error > 0.0}
    points = ax.errorbar(
        [curve.auc for curve, _ in known.values()],
        [shape.inverse for _, shape in known.values()],
        xerr=[curve.auc_error for curve, _ in known.values()],
        yerr=[shape.inverse_error for _, shape in known.values()],
        fmt="o", color=SIGNAL_COLOR, capsize=3,
    )  # fmt: skip
    heights = {
        name: 1.0 / (max(shape.divergence, 0.0) + 2.0 * shape.divergence_error) for name, (_, shape) in bounded.items()
    }
    bounds = ax.errorbar(
        [curve.auc for curve, _ in bounded.values()],
        list(heights.values()),
        xerr=[curve.auc_error for curve, _ in bounded.values()],
        yerr=[0.5 * height for height in heights.values()],
        lolims=True, fmt="^", color=BACKGROUND_COLOR, capsize=3,
    )  # fmt: skip
    ax.set_yscale("log")
    ax.margins(x=0.15, y=0.2)
    names = [
        ax.annotate(
            plain(name),
            (curve.auc, heights[name] if name in bounded else shape.inverse),
            xytext=(6, 5),
            textcoords="offset points",
            fontsize="x-small",
        )
        for name, (curve, shape) in (known | bounded).items()
    ]
    ax.set_xlabel("Area under the ROC curve")
    ax.set_ylabel(f"1 / JSD of {plain(variable)} in the background")
    return TradeOffArtists(points, bounds, names)
