"""Area under a part of the ROC curve: where the background, or the signal, efficiency lies in a range."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import ScoredEvents
from hepml.evaluation.influence import MIN_CARRYING, DescendingScores, by_event, n_carrying

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["PartialAuc", "partial_auc"]

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class PartialAuc(Displayed):
    """Area under the part of a ROC curve where one efficiency lies in a range.

    Parameters
    ----------
    over : str
        ``"background_efficiency"`` or ``"signal_efficiency"``: whose range it is.
    low, high : float
        The range.
    area, area_error : float
        Integral of the signal efficiency over the background efficiency, or of the background rejection over the signal
        efficiency. The error is NaN where fewer than 20 effective events carry it.
    standardised, standardised_error : float
        McClish's form: 1/2 for scores that do not tell the classes apart, 1 for complete separation.
    n_carrying : float
        Effective number of events that carry the error.
    """

    over: str
    low: float
    high: float
    area: float
    area_error: float
    standardised: float
    standardised_error: float
    n_carrying: float

    def to_dict(self) -> dict[str, float | str | None]:
        """Return the numbers as plain JSON types; an error that is not computable is null."""
        numbers: dict[str, float | str] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: None if isinstance(value, float) and math.isnan(value) else value for name, value in numbers.items()
        }


def partial_auc(
    y_true: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    background_efficiency: tuple[float, float] | None = None,
    signal_efficiency: tuple[float, float] | None = None,
    event: ArrayLike | None = None,
) -> PartialAuc:
    """Area under the ROC curve over a range of background efficiency, or of signal efficiency, with its error.

    Parameters
    ----------
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    score : array-like of float, shape (n_events,)
        Larger is more signal-like; finite.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are clustered. Default: each row is an event.
    background_efficiency : (float, float), optional
        Range ``0 <= low < high <= 1``; the signal efficiency is integrated over it.
    signal_efficiency : (float, float), optional
        The same for the signal efficiency; the background rejection is integrated over it. Exactly one range is needed.

    Returns
    -------
    PartialAuc
        Area, standardised area and their errors.

    Raises
    ------
    EmptyClassError, WeightError
        As :func:`roc_curve`.
    InvalidInputError
        As :func:`roc_curve`, or if not exactly one range is given, or it is not within [0, 1].

    Notes
    -----
    The curve is linear between distinct scores, so that the areas of adjacent ranges add up to the whole area. The
    standardised form ``(1 + (A - A_chance) / (A_perfect - A_chance)) / 2`` is that of D. McClish (Med. Decis. Making 9
    (1989) 190). The error is of first order: the sum of the squared influences of all events, as DeLong's for the whole area
    (docs/statistics_roc.md). The limits are efficiencies of the sample itself, whose scatter is part of it.

    Examples
    --------
    >>> partial_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], background_efficiency=(0, 0.5)).area
    0.25
    """
    events = ScoredEvents.check(y_true, score, weight, event)
    if background_efficiency is not None and signal_efficiency is None:
        low, high = _check(background_efficiency, "background_efficiency")
        area, influence = _area(events, low, high)
        chance = 0.5 * (high**2 - low**2)
    elif signal_efficiency is not None and background_efficiency is None:
        low, high = _check(signal_efficiency, "signal_efficiency")
        # seen from the other end, the signal is what is rejected: 1 - eps_S takes the place of eps_B
        mirrored = dataclasses.replace(events, is_signal=~events.is_signal, score=-events.score)
        area, influence = _area(mirrored, 1.0 - high, 1.0 - low)
        chance = (high - low) - 0.5 * (high**2 - low**2)
    else:
        msg = "give either a range of background_efficiency or one of signal_efficiency"
        raise InvalidInputError(msg)
    influence = by_event(influence, events.event)
    error = math.sqrt(np.square(influence).sum())
    # scores that do not tell the classes apart at all have no influence but rounding
    n_events = n_carrying(influence) if error > _ROUNDING else 0.0
    if n_events < MIN_CARRYING:
        error = math.nan
    above_chance = (high - low) - chance
    return PartialAuc(
        over="signal_efficiency" if background_efficiency is None else "background_efficiency",
        low=low,
        high=high,
        area=area,
        area_error=error,
        standardised=0.5 * (1.0 + (area - chance) / above_chance),
        standardised_error=0.5 * error / above_chance,
        n_carrying=n_events,
    )


def _check(limits: tuple[float, float], name: str) -> tuple[float, float]:
    low, high = (float(limit) for limit in limits)
    if not 0 <= low < high <= 1:
        msg = f"{name} is the range ({low:g}, {high:g}); 0 <= low < high <= 1 is needed"
        raise InvalidInputError(msg)
    return low, high


def _area(events: ScoredEvents, low: float, high: float) -> tuple[float, Floats]:
    """Integral of S over dB along the curve where low < B < high, and each row's influence on it.

    Along the curve, ``A = int S dc`` with ``c = clip(B, low, high)``. An event of the signal that passes at B and beyond
    adds its weight to S there; one of the background adds to B, which after integration by parts is ``- int dS`` over the
    range from its place on. The ends of the curve stay its ends even where negative weights lead it beyond 0 or 1.
    """
    scores = DescendingScores(events.score)
    signal = np.cumsum(scores.per_score(np.where(events.is_signal, events.weight, 0.0)))
    background = np.cumsum(scores.per_score(np.where(events.is_signal, 0.0, events.weight)))
    sum_signal, sum_background = float(signal[-1]), float(background[-1])
    curve = _Segments.of(
        np.concatenate([[0.0], signal / sum_signal]),
        np.concatenate([[0.0], background / sum_background]),
        -math.inf if low == 0 else low,
        math.inf if high == 1 else high,
    )
    area = float((curve.width * curve.height).sum())
    of_signal = (curve.clipped_end - curve.mean_clipped - area) / sum_signal
    rise = float(curve.rise.sum())
    moment = float((curve.rise * curve.middle).sum())
    of_background = (curve.mean_risen - rise + moment) / sum_background
    return area, events.weight * np.where(events.is_signal, scores.of_rows(of_signal), scores.of_rows(of_background))


@dataclass(frozen=True, slots=True, eq=False)
class _Segments:
    """The curve's straight pieces, one for each distinct score, and what of each lies in the range.

    Parameters
    ----------
    width : ndarray of float64, shape (n_pieces,)
        Change of B within the range.
    height : ndarray of float64, shape (n_pieces,)
        Mean of S over the part in the range.
    rise : ndarray of float64, shape (n_pieces,)
        Change of S over that part.
    middle : ndarray of float64, shape (n_pieces,)
        Mean of B over that part.
    mean_clipped : ndarray of float64, shape (n_pieces,)
        Mean of B, clipped to the range, over the whole piece.
    mean_risen : ndarray of float64, shape (n_pieces,)
        Mean over the whole piece of how far S has risen within the range so far.
    clipped_end : float
        B at the end of the curve, clipped.
    """

    width: Floats
    height: Floats
    rise: Floats
    middle: Floats
    mean_clipped: Floats
    mean_risen: Floats
    clipped_end: float

    @classmethod
    def of(cls, signal: Floats, background: Floats, low: float, high: float) -> _Segments:
        clipped = np.clip(background, low, high)
        width = np.diff(clipped)
        run, rise_all = np.diff(background), np.diff(signal)
        whole = (clipped == background)[:-1] & (clipped == background)[1:]
        # pieces that cross a limit lie in the range in part; all others are in it or not
        partial = ~whole & (width != 0)
        share = np.where(whole, 1.0, 0.0)
        share[partial] = width[partial] / run[partial]
        rise = rise_all * share
        middle = 0.5 * (clipped[:-1] + clipped[1:])
        height = signal[:-1] + 0.5 * rise_all
        slope = rise_all[partial] / run[partial]
        height[partial] = signal[:-1][partial] + slope * (middle[partial] - background[:-1][partial])
        risen = np.concatenate([[0.0], np.cumsum(rise)])
        mean_clipped = middle.copy()
        mean_risen = 0.5 * (risen[:-1] + risen[1:])
        # the clipped B integrates to c B - c^2 / 2
        integral = clipped * background - 0.5 * np.square(clipped)
        mean_clipped[partial] = np.diff(integral)[partial] / run[partial]
        mean_risen[partial] = risen[:-1][partial] + slope * (mean_clipped[partial] - clipped[:-1][partial])
        return cls(width, height, rise, middle, mean_clipped, mean_risen, float(clipped[-1]))
