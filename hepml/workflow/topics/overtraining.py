"""Training part against test part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml import evaluation

if TYPE_CHECKING:
    from hepml.evaluation import Overtraining
    from hepml.workflow.topics.context import MethodContext

__all__ = ["overtraining"]


def overtraining(context: MethodContext) -> Overtraining:
    """Compare the scores of the training events with those of the test events."""
    train, test = context.train, context.test
    return evaluation.overtraining(
        train.y,
        train.score,
        train.weight,
        test.y,
        test.score,
        test.weight,
        event_train=train.event,
        event_test=test.event,
        max_gap=context.config.evaluation.auc_gap,
        n_permutations=context.config.evaluation.permutations,
        seed=context.seed("overtraining"),
    )
