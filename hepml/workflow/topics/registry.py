"""Which topics a run has, in the order in which they are computed; a later one may use the findings of earlier ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml.workflow.topics.comparisons import comparisons
from hepml.workflow.topics.curve import partial_auc, roc_band, roc_bootstrap, tmva
from hepml.workflow.topics.exploration import exploration
from hepml.workflow.topics.folds import fold_cuts, folds
from hepml.workflow.topics.overtraining import overtraining
from hepml.workflow.topics.performance import cuts, roc, working_points

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
    "overtraining": overtraining,
    "folds": folds,
    "fold_cuts": fold_cuts,
}

RUN_TOPICS: Mapping[str, Callable[[RunContext], Finding | None]] = {
    "exploration": exploration,
    "comparisons": comparisons,
}
