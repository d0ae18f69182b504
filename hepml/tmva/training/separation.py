"""Variables ranked before any method: by the separation of their distributions, as TMVA's factory prints it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import NotSupportedError
from hepml.tmva.axis import find_bins
from hepml.tmva.preparation.normalising import running_sum
from hepml.tmva.training.reporting import Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.preparation import PreparedData

__all__ = ["separation_ranking"]

# Config::VariablePlotting
_N_BINS, _TIMES_RMS = 40, 8.0


def separation_ranking(data: PreparedData) -> Ranking:
    """Rank the variables of a classification by 1/2 of the integral of (s - b)^2 / (s + b) over their densities s and b.

    Parameters
    ----------
    data : PreparedData
        The training events count, with their signed weights, before any transformation.

    Returns
    -------
    Ranking
        By ``"Separation"``, named by the titles of the variables (``TransformationHandler::PlotVariables``).

    Raises
    ------
    NotSupportedError
        If there are not two classes, for which alone TMVA has it.

    Notes
    -----
    The densities are histograms of 40 bins within 8 standard deviations of the mean, of whole numbers for variables of type
    I, filled in single precision. A class whose weights sum to zero or less separates nothing, as in TMVA.
    """
    if data.analysis_type != "Classification" or len(data.class_names) != 2:
        msg = f"separations are of two classes, and there are {', '.join(data.class_names)} ({data.analysis_type})"
        raise NotSupportedError(msg)
    weight = data.train.weight
    total = running_sum(weight)
    rows = [data.train.class_index == index for index in (data.signal_class, 1 - data.signal_class)]
    found = []
    for variable, column in zip(data.variables, data.train.variables.T, strict=True):
        x = column.astype(np.float64)
        mean = running_sum(x * weight) / total
        variance = running_sum(x * x * weight) / total - mean * mean
        rms = math.sqrt(variance) if variance > 0.0 else 0.0
        n_bins, low, high = _axis(variable.minimum, variable.maximum, mean, rms, whole=variable.type == "I")
        signal, background = (_filled(x[part], weight[part], n_bins, low, high) for part in rows)
        found.append(_separation(signal, background, high - low))
    return Ranking.of("Separation", [variable.title for variable in data.variables], np.array(found))


def _axis(minimum: float, maximum: float, mean: float, rms: float, *, whole: bool) -> tuple[int, float, float]:
    if whole:
        low, high = float(round(minimum)), float(round(maximum + 1.0))
        return int(high - low), low, high
    low, high = max(minimum, mean - _TIMES_RMS * rms), min(maximum, mean + _TIMES_RMS * rms)
    if low >= high:
        high = low * 1.1
    if low >= high:
        high = low + 1.0
    # the largest value lies inside
    return _N_BINS, low, high + (high - low) / _N_BINS


def _filled(
    x: NDArray[np.float64], weight: NDArray[np.float64], n_bins: int, low: float, high: float
) -> NDArray[np.float64]:
    contents = np.zeros(n_bins + 2, dtype=np.float32)
    np.add.at(contents, find_bins(x, n_bins, low, high), weight.astype(np.float32))
    return contents[1 : n_bins + 1].astype(np.float64)


def _separation(signal: NDArray[np.float64], background: NDArray[np.float64], length: float) -> float:
    """Return ``Tools::GetSeparation``."""
    width = length / len(signal)
    areas = running_sum(signal) * width, running_sum(background) * width
    if not min(areas) > 0.0:
        return 0.0
    s, b = signal / areas[0], background / areas[1]
    there = s + b > 0.0
    terms = np.divide(0.5 * (s - b) ** 2, s + b, out=np.zeros(len(s)), where=there)
    return running_sum(terms) * width
