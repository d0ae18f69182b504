"""Folds: the models of all folds side by side, and cuts chosen fold by fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.evaluation import FoldComparison, compare_folds, efficiency
from hepml.report import Listed

if TYPE_CHECKING:
    from hepml.workflow.topics.context import MethodContext

__all__ = ["FoldCut", "fold_cuts", "folds"]


@dataclass(frozen=True, slots=True)
class FoldCut:
    """A cut chosen in each fold on its own validation part, on the test events of all folds, beside the one cut for all."""

    target: float
    threshold: float
    thresholds: tuple[float, ...]
    signal_efficiency: float
    signal_efficiency_error: float
    background_efficiency: float
    background_efficiency_error: float

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types."""
        numbers: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return numbers | {"thresholds": list(self.thresholds)}


def folds(context: MethodContext) -> FoldComparison | None:
    """Compare the folds of a method on their test events; None without folds."""
    test = context.test
    if test.model is None:
        return None
    return compare_folds(
        test.y,
        test.score,
        test.model,
        test.weight,
        event=test.event,
        n_permutations=context.config.evaluation.permutations,
        seed=context.seed("folds"),
    )


def fold_cuts(context: MethodContext) -> Listed | None:
    """Efficiencies of cuts that each fold chose for itself; None without folds."""
    test = context.test
    if test.model is None:
        return None
    found = []
    for number, cut in enumerate(context.method.cuts):
        thresholds = [float(model.context["cuts"][number]["threshold"]) for model in context.method.models]
        passed = test.score >= np.array(thresholds)[test.model]
        signal, background = (
            efficiency(passed[here], test.weight[here], event=None if test.event is None else test.event[here])
            for here in (test.y == 1, test.y == 0)
        )
        found.append(
            FoldCut(
                target=cut.target,
                threshold=cut.threshold,
                thresholds=tuple(thresholds),
                signal_efficiency=signal.value,
                signal_efficiency_error=signal.error,
                background_efficiency=background.value,
                background_efficiency_error=background.error,
            )
        )
    return Listed(found)
