"""ROC curve, working points of the test part, and the cuts that were chosen on the validation part."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hepml.evaluation import efficiency, roc_curve
from hepml.report import Listed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hepml.evaluation import RocCurve
    from hepml.workflow.methods import Cut
    from hepml.workflow.topics.context import MethodContext

__all__ = ["ChosenCut", "cut_on_test", "cuts", "roc", "working_points"]


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
    test = context.test.ranked
    return Listed([cut_on_test(cut, test.y == 1, test.score, test.weight, test.event) for cut in context.method.cuts])


def cut_on_test(
    cut: Cut,
    is_signal: NDArray[np.bool_],
    score: NDArray[np.float64],
    weight: NDArray[np.float64],
    event: NDArray[np.int64] | None,
) -> ChosenCut:
    """Return the efficiencies of a cut on the events of the test part."""
    passed = score >= cut.threshold
    signal, background = (
        efficiency(passed[here], weight[here], event=None if event is None else event[here])
        for here in (is_signal, ~is_signal)
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
