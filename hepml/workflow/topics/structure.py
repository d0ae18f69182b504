"""What a cut keeps: separation of the score, purity, confusion at the cuts, and whether methods keep the same events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hepml.evaluation import (
    classifier_agreement,
    confusion_matrix,
    purity_scan,
    separation,
)
from hepml.report import Listed

if TYPE_CHECKING:
    from hepml.evaluation import ClassifierAgreement, ConfusionMatrix, PurityScan, Separation
    from hepml.workflow.topics.context import MethodContext, RunContext

__all__ = ["CutConfusion", "agreement", "confusion", "purity", "score_separation"]


@dataclass(frozen=True, slots=True)
class CutConfusion:
    """Confusion matrix at one cut; class 0 is background, 1 signal."""

    target: float
    threshold: float
    matrix: ConfusionMatrix

    def to_dict(self) -> dict[str, Any]:
        """Return the cut and the matrix as plain JSON types."""
        return {"target": self.target, "threshold": self.threshold} | self.matrix.to_dict()


def score_separation(context: MethodContext) -> Separation:
    """Separation of the score, test part."""
    test = context.test.ranked
    return separation(test.score, test.y, test.weight, event=test.event)


def purity(context: MethodContext) -> PurityScan:
    """Efficiencies and purity against the cut, test part, for the yields of all events of both classes."""
    label, weight = context.dataset.label, context.dataset.weight
    return purity_scan(
        context.curve,
        signal_yield=float(weight.sum(where=label == 1)),
        background_yield=float(weight.sum(where=label == 0)),
    )


def confusion(context: MethodContext) -> Listed:
    """Confusion matrix at each cut that was chosen on the validation part, test part."""
    test = context.test.ranked
    return Listed(
        [
            CutConfusion(
                cut.target,
                cut.threshold,
                confusion_matrix(test.y, test.score >= cut.threshold, test.weight, event=test.event, n_classes=2),
            )
            for cut in context.method.cuts
        ]
    )


def agreement(context: RunContext) -> ClassifierAgreement | None:
    """Correlate the scores of all methods and compare what passes the tightest working point; None for a single method."""
    if len(context.methods) < 2:
        return None
    test = next(iter(context.methods.values())).test
    return classifier_agreement(
        test.y,
        {name: method.test.score for name, method in context.methods.items()},
        test.weight,
        event=test.event,
        signal_efficiency=context.config.evaluation.working_points[0],
    )
