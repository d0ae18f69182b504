"""Which topics a run has, in the order in which they are computed; a later one may use the findings of earlier ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml.workflow.topics import importance
from hepml.workflow.topics.baselines import baselines
from hepml.workflow.topics.comparisons import comparisons
from hepml.workflow.topics.curve import partial_auc, roc_band, roc_bootstrap, tmva
from hepml.workflow.topics.exploration import exploration
from hepml.workflow.topics.folds import fold_cuts, folds
from hepml.workflow.topics.learning_curve import learning_curve
from hepml.workflow.topics.overtraining import overtraining
from hepml.workflow.topics.performance import cuts, roc, working_points
from hepml.workflow.topics.significance import significance
from hepml.workflow.topics.training_curve import training_curve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hepml.report import Finding
    from hepml.workflow.topics.context import MethodContext, RunContext

__all__ = ["METHOD_TOPICS", "RUN_TOPICS"]

# a topic that was not asked for returns None
METHOD_TOPICS: Mapping[str, Callable[[MethodContext], Finding | None]] = {
    "roc": roc,
    "working_points": working_points,
    "cuts": cuts,
    "partial_auc": partial_auc,
    "roc_band": roc_band,
    "roc_bootstrap": roc_bootstrap,
    "tmva": tmva,
    "training_curve": training_curve,
    "overtraining": overtraining,
    "learning_curve": learning_curve,
    "tree_importance": importance.trees,
    "permutation_importance": importance.permutation,
    "contributions": importance.contributions,
    "drop_column": importance.drop_column,
    "significance": significance,
    "folds": folds,
    "fold_cuts": fold_cuts,
}

RUN_TOPICS: Mapping[str, Callable[[RunContext], Finding | None]] = {
    "exploration": exploration,
    "baselines": baselines,
    "comparisons": comparisons,
}
