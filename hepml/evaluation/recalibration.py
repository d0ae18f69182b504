"""A recalibration and what it achieves: fitted on some events, its calibration on others, before and after."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hepml.errors import HepmlError
from hepml.evaluation.calibration import Calibration, calibration
from hepml.evaluation.display import Displayed
from hepml.evaluation.isotonic import IsotonicMap, fit_isotonic
from hepml.evaluation.platt import PlattMap, fit_platt

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Recalibration", "recalibration"]


@dataclass(frozen=True, slots=True, eq=False)
class Recalibration(Displayed):
    """A map from score to probability and the calibration of other events.

    Parameters
    ----------
    kind : {'platt', 'isotonic'}
        Which map.
    n_fitted : int
        Events that it was fitted to.
    map : PlattMap or IsotonicMap
        The map, to be applied to scores.
    before : Calibration or None
        Of the other events' scores as they are; None if they are no probabilities.
    after : Calibration
        Of the probabilities that the map gives them.
    """

    kind: Literal["platt", "isotonic"]
    n_fitted: int
    map: PlattMap | IsotonicMap
    before: Calibration | None = field(repr=False)
    after: Calibration = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the map and both calibrations as plain JSON types; without one before it is None."""
        return {
            "kind": self.kind,
            "n_fitted": self.n_fitted,
            "map": self.map.to_dict(),
            "before": None if self.before is None else self.before.to_dict(),
            "after": self.after.to_dict(),
        }


def recalibration(  # noqa: PLR0917  (two triples of a kind)
    y_fit: ArrayLike,
    score_fit: ArrayLike,
    weight_fit: ArrayLike | None,
    y_test: ArrayLike,
    score_test: ArrayLike,
    weight_test: ArrayLike | None,
    *,
    kind: Literal["platt", "isotonic"] = "platt",
    event_fit: ArrayLike | None = None,
    event_test: ArrayLike | None = None,
    signal_fraction: float | None = None,
    before: Calibration | None = None,
) -> Recalibration:
    """Fit a map to some events, those of the validation part for example, and test it on others.

    Parameters
    ----------
    y_fit, y_test : array-like of bool or 0/1, shape (n_fit,) and (n_test,)
        True for signal.
    score_fit, score_test : array-like of float, shape (n_fit,) and (n_test,)
        Larger is more signal-like; finite.
    weight_fit, weight_test : array-like of float, shape (n_fit,) and (n_test,), or None
        Event weights, of either sign. None: 1.
    kind : {'platt', 'isotonic'}
        A logistic function of the score, or any that does not decrease.
    event_fit, event_test : array-like of int, optional
        Equal values mark rows of one event, which are not independent.
    signal_fraction : float, optional
        Share of signal for which the probability shall hold. Default: that of the weights of the events of the fit.
    before : Calibration, optional
        That of the other events' scores for this share of signal, if it is known already.

    Returns
    -------
    Recalibration
        The map and the calibrations before and after, all for one share of signal.

    Raises
    ------
    EmptyClassError, InvalidInputError, WeightError
        As :func:`hepml.evaluation.fit_platt` and :func:`hepml.evaluation.calibration`.
    """
    fitted: PlattMap | IsotonicMap
    if kind == "platt":
        fitted = fit_platt(y_fit, score_fit, weight_fit, event=event_fit, signal_fraction=signal_fraction)
    else:
        fitted = fit_isotonic(y_fit, score_fit, weight_fit, signal_fraction=signal_fraction)
    share = fitted.signal_fraction
    if before is None:
        try:
            before = calibration(y_test, score_test, weight_test, event=event_test, signal_fraction=share)
        except HepmlError:
            # the same events raise again below if it is they, and not the scale of the score, that is wrong
            before = None
    after = calibration(y_test, fitted.apply(score_test), weight_test, event=event_test, signal_fraction=share)
    return Recalibration(kind, np.asarray(y_fit).size, fitted, before, after)
