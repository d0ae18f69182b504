"""Whether scores are probabilities, and maps that make them so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml import evaluation
from hepml.report import Listed

if TYPE_CHECKING:
    from hepml.evaluation import Calibration, Recalibration
    from hepml.workflow.topics.context import MethodContext

__all__ = ["calibration", "recalibration"]


def calibration(context: MethodContext) -> Calibration:
    """Compare scores with the shares of signal, test part, for the balance of the classes of the training."""
    test = context.test.ranked
    return evaluation.calibration(
        test.y, test.score, test.weight, event=test.event, signal_fraction=_trained_fraction(context)
    )


def recalibration(context: MethodContext) -> Listed:
    """Fit Platt's and an isotonic map on the validation part and test them on the test part; with folds on half of each."""
    fit, told = context.disjoint()
    found: list[Recalibration] = []
    for kind in ("platt", "isotonic"):
        found.append(
            evaluation.recalibration(
                fit.y,
                fit.score,
                fit.weight,
                told.y,
                told.score,
                told.weight,
                kind=kind,
                event_fit=fit.event,
                event_test=told.event,
                signal_fraction=_trained_fraction(context),
                before=found[0].before if found else None,
            )
        )
    return Listed(found)


def _trained_fraction(context: MethodContext) -> float:
    """Share of signal in the weights that methods train with."""
    train = context.train
    signal = float(train.train_weight.sum(where=train.y == 1))
    return signal / float(train.train_weight.sum())
