"""Area and log-loss against the number of trees."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hepml import evaluation
from hepml.evaluation import stage_grid
from hepml.workflow.subsets import capped_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hepml.evaluation import TrainingCurve
    from hepml.forest import Forest
    from hepml.workflow.topics.context import MethodContext, Scored

__all__ = ["training_curve"]

# of each part: 30 stages of so many margins are 50 MB, and their errors are far below any size that counts
_MAX_ROWS = 200_000
# what makes log-odds of a margin, by the link of a forest; margins of other links, such as AdaBoost's vote, are none
_LOG_ODDS = {"logistic": 1.0, "logistic_2x": 2.0, "tmva_grad": 2.0}


def training_curve(context: MethodContext) -> TrainingCurve | None:
    """Evaluate forests after growing numbers of trees; None for a method that is no forest.

    With folds a stage is each fold's model with at most so many trees, and events are scored by the model of which they are
    in the part.
    """
    forests = [getattr(model.estimator, "forest_", None) for model in context.method.models]
    known = [forest for forest in forests if forest is not None]
    if len(known) < len(forests):
        return None
    grid = stage_grid(max(forest.n_trees for forest in known))
    (y_train, train, weight_train, event_train), (y, validation, weight, event) = (
        _staged(context, part, known, grid) for part in (context.train, context.validation)
    )
    scale = _LOG_ODDS.get(known[0].link)
    shift = 0.0 if scale is None else _shift(context)
    return evaluation.training_curve(
        grid,
        y_train,
        train if scale is None else scale * train + shift,
        weight_train,
        y,
        validation if scale is None else scale * validation + shift,
        weight,
        event_train=event_train,
        event_validation=event,
        max_gap=context.config.evaluation.auc_gap,
        max_loss=context.config.evaluation.log_loss_gap,
        log_odds=scale is not None,
        # with folds there is one for each
        monitored=context.method.training_report().get("validation_log_loss"),
    )


def _shift(context: MethodContext) -> float:
    """Return what takes log-odds from the class balance that they are for to that of the training weights."""
    balance = getattr(context.method.models[0].estimator, "balance_", None)
    signal = context.train.y == 1
    sums = [float(context.train.train_weight[rows].sum()) for rows in (signal, ~signal)]
    if balance is None or min(*sums, balance) <= 0.0:
        return 0.0
    return math.log(sums[0] / sums[1] / balance)


def _staged(
    context: MethodContext, part: Scored, forests: Sequence[Forest], grid: NDArray[np.int64]
) -> tuple[NDArray[np.int8], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64] | None]:
    """Labels, margins after each stage, weights and events of at most ``_MAX_ROWS`` rows of a part."""
    rows = capped_rows(context.prepared, part.rows, context.config.seed, "training curve", _MAX_ROWS)
    X, y, weight, event, model = part.X, part.y, part.train_weight, part.event, part.model
    if rows is not None:
        X, y, weight = X[rows], y[rows], weight[rows]
        event, model = None if event is None else event[rows], None if model is None else model[rows]
    if model is None:
        return y, forests[0].predict(X, threads=1, output="staged", at=grid), weight, event
    margin = np.empty((len(grid), len(X)))
    for number, forest in enumerate(forests):
        here = model == number
        stages, position = np.unique(np.minimum(grid, forest.n_trees), return_inverse=True)
        margin[:, here] = forest.predict(X[here], threads=1, output="staged", at=stages)[position]
    return y, margin, weight, event
