"""Area and log-loss against the number of trees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml import evaluation
from hepml.evaluation import stage_grid
from hepml.workflow.subsets import capped_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hepml.evaluation import TrainingCurve
    from hepml.forest import Forest
    from hepml.workflow.topics.context import MethodContext, Scored

__all__ = ["training_curve"]

# of each part: 30 stages of so many margins are 50 MB, and their errors are far below any size that counts
_MAX_ROWS = 200_000


def training_curve(context: MethodContext) -> TrainingCurve | None:
    """Evaluate a forest after growing numbers of trees; None for a method that is no forest."""
    estimator = context.method.model.estimator
    forest = getattr(estimator, "forest_", None)
    if forest is None:
        return None
    grid = stage_grid(forest.n_trees)
    (y_train, train, weight_train, event_train), (y, validation, weight, event) = (
        _staged(context, part, forest, grid) for part in (context.train, context.validation)
    )
    return evaluation.training_curve(
        grid,
        y_train,
        train,
        weight_train,
        y,
        validation,
        weight,
        event_train=event_train,
        event_validation=event,
        max_gap=context.config.evaluation.auc_gap,
        max_loss=context.config.evaluation.log_loss_gap,
        monitored=estimator.training_report_.get("validation_log_loss"),
    )


def _staged(
    context: MethodContext, part: Scored, forest: Forest, grid: NDArray[np.int64]
) -> tuple[NDArray[np.int8], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64] | None]:
    """Labels, margins after each stage, weights and events of at most ``_MAX_ROWS`` rows of a part."""
    rows = capped_rows(context.prepared, part.selection, context.config.seed, "training curve", _MAX_ROWS)
    X, y, weight, event = part.X, part.y, part.train_weight, part.event
    if rows is not None:
        X, y, weight, event = X[rows], y[rows], weight[rows], None if event is None else event[rows]
    return y, forest.predict(X, threads=1, output="staged", at=grid), weight, event
