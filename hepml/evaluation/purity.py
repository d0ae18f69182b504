"""Efficiencies and purity against the cut on the score: the figure from which TMVA's GUI reads a cut."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.display import Displayed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.evaluation.roc import RocCurve

    Floats = NDArray[np.float64]

__all__ = ["PurityScan", "purity_scan"]

# relative to the class's sum, as rounding leaves it where all events are taken away again
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class PurityScan(Displayed):
    """Efficiencies and purity at equally spaced cuts ``score >= threshold``, all of shape (n_points,).

    Parameters
    ----------
    signal_yield, background_yield : float
        Expected events of both classes before the cut, to which the purity refers.
    thresholds : ndarray of float64
        From the lowest to the highest score.
    signal_efficiency, signal_efficiency_error, background_efficiency, background_efficiency_error : ndarray of float64
        Of each cut, at a fixed cut.
    purity, purity_error : ndarray of float64
        Signal yield over both, behind the cut. NaN where the sum of the yields is not positive; the error is NaN also
        where one class is zero or less, of which its own error says nothing.
    efficiency_times_purity, efficiency_times_purity_error : ndarray of float64
        Signal efficiency times purity.
    """

    signal_yield: float
    background_yield: float
    thresholds: Floats = field(repr=False)
    signal_efficiency: Floats = field(repr=False)
    signal_efficiency_error: Floats = field(repr=False)
    background_efficiency: Floats = field(repr=False)
    background_efficiency_error: Floats = field(repr=False)
    purity: Floats = field(repr=False)
    purity_error: Floats = field(repr=False)
    efficiency_times_purity: Floats = field(repr=False)
    efficiency_times_purity_error: Floats = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; what is not computable is None."""
        found: dict[str, Any] = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                found[name] = [number if np.isfinite(number) else None for number in value.tolist()]
            else:
                found[name] = value
        return found


def purity_scan(
    curve: RocCurve,
    *,
    signal_yield: float | None = None,
    background_yield: float | None = None,
    n_points: int = 101,
) -> PurityScan:
    r"""Read efficiencies and purity off a curve at equally spaced cuts.

    Parameters
    ----------
    curve : RocCurve
        Efficiencies at all cuts, with their errors.
    signal_yield, background_yield : float, optional
        Events expected before the cut. Default: the sums of the curve's weights.
    n_points : int
        Number of cuts, at least 2.

    Returns
    -------
    PurityScan
        With errors of the efficiencies; the yields are taken as exact.

    Raises
    ------
    InvalidInputError
        If a yield is not positive and finite, or there are fewer than 2 points.

    Notes
    -----
    With :math:`s = S \varepsilon_S` and :math:`b = B \varepsilon_B`, the purity is :math:`p = s / (s + b)` and
    :math:`dp = (b \, ds - s \, db) / (s + b)^2`.

    Examples
    --------
    >>> from hepml.evaluation import roc_curve
    >>> scan = purity_scan(roc_curve([0, 0, 1, 1], [0.0, 0.5, 0.5, 1.0]), n_points=3)
    >>> scan.purity.round(3).tolist()
    [0.5, 0.667, 1.0]
    """
    yields = [
        float(sum_w if wanted is None else wanted)
        for wanted, sum_w in ((signal_yield, curve.sum_signal), (background_yield, curve.sum_background))
    ]
    if n_points < 2 or not all(np.isfinite(number) and number > 0 for number in yields):
        msg = f"yields {yields} at {n_points} points: yields must be positive and finite, points 2 or more"
        raise InvalidInputError(msg)
    signal, background = yields
    thresholds = np.linspace(curve.thresholds[-1], curve.thresholds[min(1, curve.thresholds.size - 1)], n_points)
    # the curve's thresholds decrease: the loosest cut that is at least as tight
    at = np.searchsorted(-curve.thresholds, -thresholds, side="right") - 1
    chosen_s, chosen_b = curve.signal_efficiency[at], curve.background_efficiency[at]
    error_s, error_b = curve.signal_efficiency_error[at], curve.background_efficiency_error[at]
    covariance = np.zeros(n_points) if curve.efficiency_covariance is None else curve.efficiency_covariance[at]
    passing_s, passing_b = signal * chosen_s, background * chosen_b
    both = passing_s + passing_b
    computable = both > _ROUNDING * (signal + background)
    scale = np.where(computable, both, np.nan)
    purity = passing_s / scale
    by_signal = signal * passing_b / np.square(scale)
    by_background = -background * passing_s / np.square(scale)

    def error(to_signal: Floats, to_background: Floats) -> Floats:
        variance = np.square(to_signal * error_s) + np.square(to_background * error_b)
        variance += 2 * to_signal * to_background * covariance
        known = (chosen_s > _ROUNDING) & (chosen_b > _ROUNDING)
        return np.where(known, np.sqrt(np.maximum(variance, 0.0)), np.nan)

    return PurityScan(
        signal_yield=signal,
        background_yield=background,
        thresholds=thresholds,
        signal_efficiency=chosen_s,
        signal_efficiency_error=error_s,
        background_efficiency=chosen_b,
        background_efficiency_error=error_b,
        purity=purity,
        purity_error=error(by_signal, by_background),
        efficiency_times_purity=chosen_s * purity,
        efficiency_times_purity_error=error(purity + chosen_s * by_signal, chosen_s * by_background),
    )
