"""What else is said of a method's ROC curve: its tight end, its band, the bootstrap, and TMVA's numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml import evaluation

if TYPE_CHECKING:
    from hepml.evaluation import PartialAuc, RocBand, RocBootstrap, TmvaEfficiencies
    from hepml.workflow.topics.context import MethodContext

__all__ = ["BAND_LEVEL", "partial_auc", "roc_band", "roc_bootstrap", "tmva"]

BAND_LEVEL = 0.95


def partial_auc(context: MethodContext) -> PartialAuc:
    """Area where little background passes, test part."""
    test, limit = context.test.ranked, context.config.evaluation.partial_auc
    return evaluation.partial_auc(test.y, test.score, test.weight, background_efficiency=(0.0, limit), event=test.event)


def roc_band(context: MethodContext) -> RocBand:
    """Band that holds the whole curve, test part."""
    test = context.test.ranked
    return evaluation.simultaneous_band(
        test.y,
        test.score,
        test.weight,
        event=test.event,
        level=BAND_LEVEL,
        seed=context.seed("roc_band"),
        curve=context.curve,
    )


def roc_bootstrap(context: MethodContext) -> RocBootstrap:
    """Errors of the area and of the working points from replicas of the test part."""
    test = context.test.ranked
    return evaluation.bootstrap_roc(
        test.y,
        test.score,
        test.weight,
        event=test.event,
        signal_efficiencies=context.config.evaluation.working_points,
        seed=context.seed("roc_bootstrap"),
        curve=context.curve,
    )


def tmva(context: MethodContext) -> TmvaEfficiencies:
    """Efficiencies and area as TMVA would print them, test part."""
    test = context.test.ranked
    return evaluation.tmva_efficiencies(test.y, test.score, test.weight)
