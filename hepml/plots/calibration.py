"""Figure of reliability curves: observed shares of signal against predicted probabilities, and their difference below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hepml.plots.layout import decimals, lift_above_data, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.legend import Legend

    from hepml.evaluation import Calibration

__all__ = ["CalibrationArtists", "calibration"]

_MARKERS = "osD^v"


class CalibrationArtists(NamedTuple):
    """What was drawn: one curve for each result in either panel, and the legend."""

    curves: tuple[ErrorbarContainer, ...]
    differences: tuple[ErrorbarContainer, ...]
    legend: Legend


def calibration(results: Mapping[str, Calibration], axes: tuple[Axes, Axes], *, title: str = "") -> CalibrationArtists:
    """Draw reliability curves, before and after a recalibration for example.

    Parameters
    ----------
    results : mapping of str to Calibration
        By what the legend shall say.
    axes : tuple of two matplotlib.axes.Axes
        Main panel and that of the difference, for example of :func:`new_ratio_figure`.
    title : str
        Name of the method, for the legend's title.

    Returns
    -------
    CalibrationArtists
        Curves and differences, each with its own error, and the legend with the expected calibration errors.
    """
    main, below = axes
    main.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle="--", zorder=0.5)
    below.axhline(0.0, color="black", linewidth=0.8, linestyle="--", zorder=0.5)
    curves, differences, reach = [], [], 0.0
    for number, (name, result) in enumerate(results.items()):
        style: dict[str, Any] = {"markersize": 5, "elinewidth": 1.2, "linewidth": 1.0}
        style["fmt"] = f"{_MARKERS[number % len(_MARKERS)]}-"
        ece = decimals(result.ece_error)
        label = (
            f"{plain(name)}: ECE {result.ece:.{ece}f} ± {result.ece_error:.{ece}f} "
            f"(if calibrated {result.ece_if_calibrated:.{ece}f})"
        )
        curves.append(
            main.errorbar(result.predicted, result.observed, yerr=result.observed_error, label=label, **style)
        )
        differences.append(below.errorbar(result.predicted, result.difference, yerr=result.difference_error, **style))
        reach = max(reach, float((np.abs(result.difference) + result.difference_error).max()))
    main.set_xlim(0, 1)
    below.set_ylim(-1.1 * reach or -1.0, 1.1 * reach or 1.0)
    main.set_ylabel("Observed share of signal")
    below.set_ylabel("Obs. - pred.", loc="center")
    below.set_xlabel("Predicted probability of signal")
    fractions = {f"{result.signal_fraction:.3g}" for result in results.values()}
    heading = [plain(title)] if title else []
    heading.append(f"share of signal {', '.join(sorted(fractions))}")
    legend = main.legend(loc="upper center", title="\n".join(heading), handlelength=1.6, labelspacing=0.3)
    lift_above_data(main, legend, min(0.0, main.dataLim.y0), max(1.0, main.dataLim.y1))
    return CalibrationArtists(tuple(curves), tuple(differences), legend)
