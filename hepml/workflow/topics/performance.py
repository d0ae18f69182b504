"""ROC curve, working points of the test part, and the cuts that were chosen on the validation part."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hepml.evaluation import efficiency, roc_curve
from hepml.report import Listed

if TYPE_CHECKING:
    from hepml.evaluation import RocCurve
    from hepml.workflow.methods import Cut
    from hepml.workflow.topics.context import MethodContext, Ranked

__all__ = ["ChosenCut", "cuts", "roc", "working_points"]


@dataclass(frozen=True, slots=True)
class ChosenCut:
    """Efficiencies on the test part of a cut that was chosen on the validation part."""

    target: float
    threshold: float
    chosen_on: str
    signal_efficiency: float
    signal_efficiency_error: float
    background_efficiency: float
    background_efficiency_error: float

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; an error that too few events carry is null."""
        return {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in asdict(self).items()
        }


def roc(context: MethodContext) -> RocCurve:
    """ROC curve of the test part."""
    test = context.test.ranked
    return roc_curve(test.y, test.score, test.weight, event=test.event)


def working_points(context: MethodContext) -> Listed:
    """Where the test part has the signal efficiencies that were asked for."""
    return Listed([context.curve.at_signal_efficiency(target) for target in context.config.evaluation.working_points])


def cuts(context: MethodContext) -> Listed:
    """Efficiencies of the cuts from the validation part."""
    return Listed([_on_test(cut, context.test.ranked) for cut in context.method.cuts])


def _on_test(cut: Cut, test: Ranked) -> ChosenCut:
    passed = test.score >= cut.threshold
    signal, background = (
        efficiency(passed[here], test.weight[here], event=None if test.event is None else test.event[here])
        for here in (test.y == 1, test.y == 0)
    )
    return ChosenCut(
        target=cut.target,
        threshold=cut.threshold,
        chosen_on="validation",
        signal_efficiency=signal.value,
        signal_efficiency_error=signal.quoted_error,
        background_efficiency=background.value,
        background_efficiency_error=background.quoted_error,
    )
