"""Fitting the baselines of a run on a sub-sample of its training events."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hepml.classifiers.baselines import best_single_cut, linear_discriminant
from hepml.data import Part
from hepml.errors import HepmlError
from hepml.workflow.subsets import capped_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from hepml.config import AnalysisConfig
    from hepml.workflow.preparation import Prepared

__all__ = ["BASELINES", "Baseline", "FittedBaseline", "baseline_rows", "fit_baselines"]

_LOG = logging.getLogger("hepml.workflow")

# a choice among features and a few coefficients need no more
_MAX_EVENTS = 50_000

BASELINES: Mapping[str, Callable[..., Baseline]] = {
    "single cut": best_single_cut,
    "linear discriminant": linear_discriminant,
}


class Baseline(Protocol):
    """What a baseline can do."""

    def evaluate(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the score of each event."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""


@dataclass(frozen=True, slots=True)
class FittedBaseline:
    """A baseline and the number of training events that it was fitted on."""

    model: Baseline
    n_events: int


def fit_baselines(
    prepared: Prepared, config: AnalysisConfig, clock: Callable[[str], AbstractContextManager[None]]
) -> dict[str, FittedBaseline]:
    """Fit every baseline; one that cannot be fitted is left out, and the log says why.

    Parameters
    ----------
    prepared : Prepared
        Only its train part is looked at.
    config : AnalysisConfig
        Features and seed.
    clock : callable
        ``clock(step)`` times a ``with`` block.

    Returns
    -------
    dict of str to FittedBaseline
        By name.
    """
    train, rows = prepared.train, baseline_rows(prepared, Part.TRAIN)
    chosen = np.arange(len(train.y)) if rows is None else rows
    capped = capped_rows(prepared, train.rows[chosen], config.seed, "baselines", _MAX_EVENTS)
    chosen = chosen if capped is None else chosen[capped]
    X, y, weight = train.X[chosen], train.y[chosen], train.weight[chosen]
    fitted = {}
    for name, fit in BASELINES.items():
        try:
            with clock(f"train {name}"):
                fitted[name] = FittedBaseline(fit(X, y, weight, prepared.dataset.feature_names), len(y))
        except HepmlError as error:
            _LOG.warning("baseline %s: %s", name, error)
    return fitted


def baseline_rows(prepared: Prepared, part: Part) -> NDArray[np.int64] | None:
    """Return which events of a part a baseline is fitted, cut or tested on; None for all of them.

    With folds those of the first one: a baseline is fitted once, and all events are test events of some fold.

    Parameters
    ----------
    prepared : Prepared
        The parts.
    part : Part
        Train, validation or test.

    Returns
    -------
    ndarray of int64, or None
        Positions in the part.
    """
    if not prepared.model:
        return None
    # with folds each part holds all events
    rows = prepared.test.rows
    is_test, is_validation = (prepared.model[other][rows] == 0 for other in (Part.TEST, Part.VALIDATION))
    return np.flatnonzero({Part.TEST: is_test, Part.VALIDATION: is_validation}.get(part, ~(is_test | is_validation)))
