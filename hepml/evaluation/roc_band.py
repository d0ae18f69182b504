"""Confidence band of a ROC curve: background efficiency at each signal efficiency, for single points or the whole curve."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from hepml.errors import InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.working_point import at_signal_efficiencies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hepml.evaluation.roc import RocCurve
    from hepml.evaluation.working_point import WorkingPoint

    Floats = NDArray[np.float64]

__all__ = ["BAND_TARGETS", "ONE_SIGMA", "RocBand", "band_points", "check_level", "pointwise_band"]

ONE_SIGMA = 0.6827
BAND_TARGETS = tuple(step / 100 for step in range(1, 100))


@dataclass(frozen=True, slots=True, eq=False)
class RocBand(Displayed):
    """Band of the background efficiency along a ROC curve.

    Parameters
    ----------
    kind : str
        ``"pointwise"``: each point by itself lies within with the probability ``level``. ``"simultaneous"``: all points lie
        within at once with this probability.
    level : float
        Probability.
    factor : float
        Half width of the band in units of the error.
    signal_efficiency, background_efficiency, error : ndarray of float64, shape (n_points,)
        Points of the curve and the standard deviation of the background efficiency, the threshold's scatter included. Only
        points whose error is computable.
    lower, upper : ndarray of float64, shape (n_points,)
        ``background_efficiency -+ factor * error``; below zero where the error says so.
    """

    kind: str
    level: float
    factor: float
    signal_efficiency: Floats = field(repr=False)
    background_efficiency: Floats = field(repr=False)
    error: Floats = field(repr=False)

    @property
    def lower(self) -> Floats:
        """Lower end of the band."""
        return self.background_efficiency - self.factor * self.error

    @property
    def upper(self) -> Floats:
        """Upper end of the band."""
        return self.background_efficiency + self.factor * self.error

    def to_dict(self) -> dict[str, Any]:
        """Return kind, level and points as plain JSON types."""
        return {
            "kind": self.kind,
            "level": self.level,
            "factor": self.factor,
            "signal_efficiency": self.signal_efficiency.tolist(),
            "background_efficiency": self.background_efficiency.tolist(),
            "error": self.error.tolist(),
            "lower": self.lower.tolist(),
            "upper": self.upper.tolist(),
        }


def pointwise_band(curve: RocCurve, level: float = ONE_SIGMA) -> RocBand:
    """Band whose points each cover with the probability ``level``; see :meth:`RocCurve.band`."""
    check_level(level)
    points = band_points(curve)
    return RocBand(
        kind="pointwise",
        level=float(level),
        factor=float(ndtri(0.5 + 0.5 * level)),
        signal_efficiency=np.array([point.signal_efficiency for point in points]),
        background_efficiency=np.array([point.background_efficiency for point in points]),
        error=np.array([point.background_efficiency_error for point in points]),
    )


def check_level(level: float) -> None:
    """Raise InvalidInputError unless the level is a probability between 0 and 1."""
    if not 0 < level < 1:
        msg = f"the level of a band is {level!r}; a probability above 0 and below 1 is needed, such as 0.95"
        raise InvalidInputError(msg)


def band_points(curve: RocCurve, targets: Sequence[float] = BAND_TARGETS) -> list[WorkingPoint]:
    """Working points of a band: each cut once, from tight to loose, those with a computable error."""
    points = {point.threshold: point for point in at_signal_efficiencies(curve, targets)}
    return [
        points[threshold]
        for threshold in sorted(points, reverse=True)
        if math.isfinite(points[threshold].background_efficiency_error)
    ]
