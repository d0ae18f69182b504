"""Whether scores are probabilities, and maps that make them so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml import evaluation
from hepml.errors import InvalidInputError
from hepml.report import Listed

if TYPE_CHECKING:
    from hepml.evaluation import Calibration
    from hepml.workflow.topics.context import MethodContext

__all__ = ["calibration", "recalibration"]


def calibration(context: MethodContext) -> Calibration:
    """Compare scores with the shares of signal, test part, for the balance of the classes of the training."""
    test = context.test
    return evaluation.calibration(
        test.y, test.score, test.weight, event=test.event, signal_fraction=_trained_fraction(context)
    )


def recalibration(context: MethodContext) -> Listed:
    """Fit Platt's and an isotonic map on the validation part and test them on the test part."""
    validation, test = context.validation, context.test
    if test.model is not None:
        msg = "with folds every event is in both the validation and the test part: no events are left to test a map on"
        raise InvalidInputError(msg)
    return Listed(
        [
            evaluation.recalibration(
                validation.y,
                validation.score,
                validation.weight,
                test.y,
                test.score,
                test.weight,
                kind=kind,
                event_fit=validation.event,
                event_test=test.event,
                signal_fraction=_trained_fraction(context),
            )
            for kind in ("platt", "isotonic")
        ]
    )


def _trained_fraction(context: MethodContext) -> float:
    """Share of signal in the weights that methods train with."""
    train = context.train
    signal = float(train.train_weight.sum(where=train.y == 1))
    return signal / float(train.train_weight.sum())
