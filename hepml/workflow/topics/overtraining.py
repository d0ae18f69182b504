"""Training part against test part, and whether the training went too far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml import evaluation
from hepml.evaluation import TrainingCurve

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hepml.evaluation import Overtraining
    from hepml.workflow.topics.context import MethodContext

__all__ = ["overtraining"]


def overtraining(context: MethodContext) -> Overtraining:
    """Compare the scores of the training events with those of the test events, and judge by the training curve.

    A method without one is compared with the better baseline, which the validation part chooses; not with folds, where the
    test events are those of all trainings.
    """
    # with folds both are all events, scored by models that were trained on them and by models that were not
    paired = bool(context.prepared.model)
    train, test = (part if paired else part.ranked for part in (context.train, context.test))
    curve = context.findings.get("training_curve")
    reference = None if curve is not None or paired else _best_baseline(context)
    return evaluation.overtraining(
        train.y,
        train.score,
        train.weight,
        test.y,
        test.score,
        test.weight,
        event_train=train.event,
        event_test=test.event,
        paired=paired,
        curve=curve if isinstance(curve, TrainingCurve) else None,
        reference_test=None if reference is None else _of_baseline(context, reference)[context.test.ranked.position],
        reference_name=reference or "",
        max_gap=context.config.evaluation.auc_gap,
        n_permutations=context.config.evaluation.permutations,
        seed=context.seed("overtraining"),
        roc_test=context.curve,
    )


def _best_baseline(context: MethodContext) -> str | None:
    part = context.validation
    areas = {
        name: evaluation.roc_curve(part.y, baseline.model.evaluate(part.X), part.weight, event=part.event).auc
        for name, baseline in context.baselines.items()
    }
    return max(areas, key=areas.__getitem__) if areas else None


def _of_baseline(context: MethodContext, name: str) -> NDArray[np.float64]:
    return context.baselines[name].model.evaluate(context.test.X)
