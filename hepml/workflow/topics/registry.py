"""Which topics a run has, in the order in which they are computed; a later one may use the findings of earlier ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml.workflow.topics import importance, multiclass, regression
from hepml.workflow.topics.baselines import baselines
from hepml.workflow.topics.calibration import calibration, recalibration
from hepml.workflow.topics.comparisons import comparisons
from hepml.workflow.topics.curve import partial_auc, roc_band, roc_bootstrap, tmva
from hepml.workflow.topics.exploration import exploration
from hepml.workflow.topics.folds import fold_cuts, folds
from hepml.workflow.topics.learning_curve import learning_curve
from hepml.workflow.topics.loss_curve import loss_curve
from hepml.workflow.topics.overtraining import overtraining
from hepml.workflow.topics.performance import cuts, roc, working_points
from hepml.workflow.topics.significance import significance
from hepml.workflow.topics.spectators import spectators
from hepml.workflow.topics.structure import agreement, confusion, purity, score_separation
from hepml.workflow.topics.training_curve import training_curve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hepml.report import Finding
    from hepml.workflow.learning_task import TaskKind
    from hepml.workflow.topics.context import MethodContext, RunContext

__all__ = ["METHOD_TOPICS", "RUN_TOPICS", "method_topics", "run_topics"]

# of signal against background; a topic that was not asked for returns None
METHOD_TOPICS: Mapping[str, Callable[[MethodContext], Finding | None]] = {
    "roc": roc,
    "working_points": working_points,
    "cuts": cuts,
    "partial_auc": partial_auc,
    "roc_band": roc_band,
    "roc_bootstrap": roc_bootstrap,
    "tmva": tmva,
    "training_curve": training_curve,
    "loss_curve": loss_curve,
    "overtraining": overtraining,
    "learning_curve": learning_curve,
    "tree_importance": importance.trees,
    "permutation_importance": importance.permutation,
    "contributions": importance.contributions,
    "drop_column": importance.drop_column,
    "score_separation": score_separation,
    "purity": purity,
    "confusion": confusion,
    "calibration": calibration,
    "recalibration": recalibration,
    "spectators": spectators,
    "significance": significance,
    "folds": folds,
    "fold_cuts": fold_cuts,
}

RUN_TOPICS: Mapping[str, Callable[[RunContext], Finding | None]] = {
    "exploration": exploration,
    "baselines": baselines,
    "comparisons": comparisons,
    "agreement": agreement,
}

_MULTICLASS: Mapping[str, Callable[[MethodContext], Finding | None]] = {
    "multiclass_auc": multiclass.multiclass_auc,
    "class_roc": multiclass.class_roc,
    "class_working_points": multiclass.class_working_points,
    "class_scores": multiclass.class_scores,
    "class_cuts": multiclass.class_cuts,
    "confusion_matrix": multiclass.confusion,
    "class_log_loss": multiclass.log_loss,
    "class_overtraining": multiclass.class_overtraining,
    "loss_curve": loss_curve,
    "tree_importance": importance.trees,
}

_REGRESSION: Mapping[str, Callable[[MethodContext], Finding | None]] = {
    "regression": regression.quality,
    "regression_training": regression.quality_of_training,
    "regression_profile": regression.profile,
    "regression_distribution": regression.distribution,
    "tree_importance": importance.trees,
}


def method_topics(task: TaskKind) -> Mapping[str, Callable[[MethodContext], Finding | None]]:
    """Return the topics of a method: of two classes, of several, or of a regression."""
    return {"binary": METHOD_TOPICS, "multiclass": _MULTICLASS, "regression": _REGRESSION}[task]


def run_topics(task: TaskKind) -> Mapping[str, Callable[[RunContext], Finding | None]]:
    """Return the topics of a run; those that there are concern signal and background."""
    return RUN_TOPICS if task == "binary" else {}
