"""Significance of a selection: of given numbers of events, and behind a cut that was chosen on other events."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.figures_of_merit import FIGURES_OF_MERIT, FigureOfMerit, figure_of_merit
from hepml.evaluation.scaled_events import ScaledEvents
from hepml.evaluation.yields import Yields, yields_in_bins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "CutSignificance",
    "Significance",
    "figures_by_name",
    "significance",
    "significance_at_cut",
    "significance_of",
]


@dataclass(frozen=True, slots=True)
class Significance(Displayed):
    """A figure of merit of one selection.

    Parameters
    ----------
    figure : str
        Name of the figure of merit.
    value, error : float
        The figure and its standard deviation from the statistics of the events; NaN where not computable.
    signal, signal_error, background, background_error : float
        Expected events and their statistical errors.
    n_effective_background : float
        ``(sum w)^2 / sum w^2`` of the background.
    sigma_b : float
        Uncertainty of the background that entered the figure, in events; 0 for a figure that has none.
    mc_statistics : bool
        Whether ``sigma_b`` holds ``background_error``, in quadrature.
    reason : str or None
        Why there is no value; None if there is one.
    """

    figure: str
    value: float
    error: float
    signal: float
    signal_error: float
    background: float
    background_error: float
    n_effective_background: float
    sigma_b: float
    mc_statistics: bool
    reason: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; what is not computable is null."""
        numbers = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in numbers.items()
        }


@dataclass(frozen=True, slots=True)
class CutSignificance(Displayed):
    """All figures of merit behind one cut that was not chosen on these events.

    Parameters
    ----------
    threshold : float
        Events with ``score >= threshold`` pass.
    signal_efficiency, signal_efficiency_error : float
        Share of the signal that passes, samples weighted by their expected events.
    significances : dict of str to Significance
        By the name of the figure of merit.
    """

    threshold: float
    signal_efficiency: float
    signal_efficiency_error: float
    significances: dict[str, Significance]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; what is not computable is null."""
        return {
            "threshold": self.threshold,
            "signal_efficiency": self.signal_efficiency,
            "signal_efficiency_error": self.signal_efficiency_error,
            "significances": {name: item.to_dict() for name, item in self.significances.items()},
        }


def significance(
    figure: str | FigureOfMerit,
    signal: float,
    background: float,
    *,
    signal_error: float = 0.0,
    background_error: float = 0.0,
    covariance: float = 0.0,
    signal_total: float = math.nan,
) -> Significance:
    r"""Figure of merit of given numbers of events.

    Parameters
    ----------
    figure : str or FigureOfMerit
        What to compute; a name takes its default parameters.
    signal, background : float
        Expected events, of either sign.
    signal_error, background_error : float
        Statistical errors of the simulation, :math:`\sqrt{\sum w^2}`. All background events are taken to have one weight:
        the effective number is then ``(background / background_error)^2``.
    covariance : float
        Of the two estimates.
    signal_total : float, optional
        Signal without any cut; ``punzi`` needs it, and takes it as known.

    Returns
    -------
    Significance
        Value and error, or the reason why there is none.

    Raises
    ------
    InvalidInputError
        If a number is not finite or an error is negative, or ``punzi`` lacks the total.
    UnknownNameError
        If there is no such figure of merit.

    Examples
    --------
    >>> round(significance("z_a", 10, 100).value, 4)
    0.9841
    >>> significance("z_a", 10, 0).reason
    'the background is 0: it must be above 0'
    """
    numbers = (signal, background, signal_error, background_error, covariance)
    if not all(map(math.isfinite, numbers)) or min(signal_error, background_error) < 0 or signal_total <= 0:
        msg = (
            f"signal {signal!r} +- {signal_error!r} of {signal_total!r}, background {background!r} +- {background_error!r}, "
            f"covariance {covariance!r}: finite numbers are needed, errors of at least 0 and a total above 0"
        )
        raise InvalidInputError(msg)
    chosen = figure_of_merit(figure)
    variance = background_error**2
    weight = variance / background if background > 0 else 0.0

    def one(number: float) -> Floats:
        return np.array([float(number)])

    yields = Yields(
        signal=one(signal),
        background=one(background),
        signal_variance=one(signal_error**2),
        background_variance=one(variance),
        covariance=one(covariance),
        background_third=one(variance * weight),
        background_fourth=one(variance * weight**2),
        background_squares=one(variance),
        signal_efficiency_variance=one((signal_error / signal_total) ** 2),
        signal_total=float(signal_total),
    )
    return significance_of(chosen, yields)


def significance_at_cut(
    y_true: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    threshold: float,
    figures: Sequence[str | FigureOfMerit] = FIGURES_OF_MERIT,
    event: ArrayLike | None = None,
    sample: ArrayLike | None = None,
    full_sums: ArrayLike | None = None,
    full_squares: ArrayLike | None = None,
) -> CutSignificance:
    """Figures of merit behind a cut that was chosen on independent events, for example by :func:`significance_scan`.

    Parameters
    ----------
    y_true, score, weight, event, sample, full_sums, full_squares : array-like
        As :func:`hepml.evaluation.significance_scan`.
    threshold : float
        Events with ``score >= threshold`` pass. The errors are those at a fixed cut.
    figures : sequence of str or FigureOfMerit
        What to compute. Default: all, without systematic uncertainty.

    Returns
    -------
    CutSignificance
        Expected events and figures of merit, each with its error or the reason why it has no value.

    Raises
    ------
    EmptyClassError, InvalidInputError, UnknownNameError, WeightError
        As :func:`hepml.evaluation.significance_scan`, and if ``threshold`` is NaN or infinity.
    """
    if not threshold < math.inf:
        msg = f"the threshold is {threshold!r}; a number is needed (minus infinity keeps all events)"
        raise InvalidInputError(msg)
    chosen = figures_by_name(figures)
    scaled = ScaledEvents.check(
        y_true, score, weight, event, sample=sample, full_sums=full_sums, full_squares=full_squares
    )
    yields = yields_in_bins(scaled, np.array([threshold, math.inf])).yields
    return CutSignificance(
        threshold=float(threshold),
        signal_efficiency=yields.signal.item() / yields.signal_total,
        signal_efficiency_error=math.sqrt(max(yields.signal_efficiency_variance.item(), 0.0)),
        significances={name: significance_of(figure, yields) for name, figure in chosen.items()},
    )


def figures_by_name(figures: Sequence[str | FigureOfMerit]) -> dict[str, FigureOfMerit]:
    """Return figures of merit by their names, or raise InvalidInputError if there is none or one stands twice."""
    items = [figure_of_merit(figure) for figure in figures]
    found = {item.name: item for item in items}
    if len(found) != len(items) or not found:
        msg = f"figures of merit {', '.join(item.name for item in items) or 'none'}: each may stand once, and one is needed"
        raise InvalidInputError(msg)
    return found


def significance_of(figure: FigureOfMerit, yields: Yields) -> Significance:
    """Figure of merit of yields of one selection (arrays of length 1)."""
    return Significance(
        figure=figure.name,
        value=figure.values(yields).item(),
        error=figure.errors(yields).item(),
        signal=yields.signal.item(),
        signal_error=math.sqrt(max(yields.signal_variance.item(), 0.0)),
        background=yields.background.item(),
        background_error=math.sqrt(yields.background_variance.item()),
        n_effective_background=yields.background_effective.item(),
        sigma_b=figure.total_sigma_b(yields).item(),
        mc_statistics=figure.name == "z_a_sigma_b" and figure.mc_statistics,
        reason=figure.reason(yields),
    )
