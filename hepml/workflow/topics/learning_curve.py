"""Is my sample large enough? The method trained again on shares of the training events."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from hepml import evaluation
from hepml.errors import HepmlError
from hepml.evaluation import auc_covariance
from hepml.workflow.subsets import fraction_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.evaluation import LearningCurve
    from hepml.workflow.topics.context import MethodContext

__all__ = ["learning_curve"]

_LOG = logging.getLogger("hepml.workflow")


def learning_curve(context: MethodContext) -> LearningCurve | None:
    """Train on each share that ``evaluation: learning_curve`` names; each contains the smaller ones, by event identity.

    Early stopping looks at the whole validation part each time, and all are compared on the whole test part. A share that
    cannot be trained on is left out, and the log says why.
    """
    fractions = context.config.evaluation.learning_curve
    if not fractions:
        return None
    context.require_split("the learning curve")
    sizes, scores = [], []
    for fraction in fractions:
        rows = fraction_rows(context.prepared, context.train.rows, context.config.seed, "learning curve", fraction)
        try:
            scores.append(context.test.score if fraction == 1.0 else _retrained(context, rows))
            sizes.append(len(rows))
        except HepmlError as error:
            _LOG.warning("%s: no training on %g of the events: %s", context.name, fraction, error)
    test = context.test
    auc, covariance = auc_covariance(test.y, scores, test.weight, event=test.event)
    return evaluation.learning_curve(sizes, auc, np.sqrt(np.diag(covariance)), covariance=covariance)


def _retrained(context: MethodContext, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Score of the test events by a model trained on some rows of the train part."""
    train, validation = context.train, context.validation
    estimator: Any = clone(context.method.models[0].estimator)
    estimator.fit(
        train.X[rows],
        train.y[rows],
        sample_weight=train.train_weight[rows],
        validation=(validation.X, validation.y, validation.train_weight),
    )
    return np.asarray(estimator.evaluate(context.test.X), dtype=np.float64)
