"""The loss of trainings that go over their events many times, as they saw it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml.evaluation import LossCurve
from hepml.report import Listed

if TYPE_CHECKING:
    from hepml.workflow.topics.context import MethodContext

__all__ = ["loss_curve"]


def loss_curve(context: MethodContext) -> Listed | None:
    """Return a curve for each training of the method, with folds one for each; None where it does not report losses."""
    report = context.method.training_report()
    reports = report.get("folds", [report])
    if not all("training_log_loss" in one for one in reports):
        return None
    return Listed(
        [
            LossCurve.of(one["training_log_loss"], one.get("validation_log_loss", []), one["iterations"])
            for one in reports
        ]
    )
