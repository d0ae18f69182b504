"""Fitting the baselines of a run on a sub-sample of its training events."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from hepml.classifiers.baselines import best_single_cut, linear_discriminant
from hepml.errors import HepmlError
from hepml.workflow.subsets import capped_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    from hepml.config import AnalysisConfig
    from hepml.workflow.preparation import Prepared

__all__ = ["BASELINES", "Baseline", "FittedBaseline", "fit_baselines"]

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
    train = prepared.train
    rows = capped_rows(prepared, train, config.seed, "baselines", _MAX_EVENTS)
    X, y, weight = (
        (train.X, train.y, train.weight) if rows is None else (train.X[rows], train.y[rows], train.weight[rows])
    )
    fitted = {}
    for name, fit in BASELINES.items():
        try:
            with clock(f"train {name}"):
                fitted[name] = FittedBaseline(fit(X, y, weight, prepared.dataset.feature_names), len(y))
        except HepmlError as error:
            _LOG.warning("baseline %s: %s", name, error)
    return fitted
