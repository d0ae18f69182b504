"""Which figures a run has: one entry a topic, in the order in which they are drawn and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml.report.figures import (
    calibration,
    comparison,
    data_simulation,
    features,
    folds,
    importance,
    multiclass,
    overtraining,
    regression,
    roc,
    significance,
    spectators,
    structure,
    training,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hepml.report.figures.job import FigureJob, Scene
    from hepml.report.findings import Findings

__all__ = ["COMPARISON_FIGURES", "FIGURES", "MULTICLASS_FIGURES", "REGRESSION_FIGURES"]

FIGURES: tuple[Callable[[Findings, Scene], Sequence[FigureJob]], ...] = (
    roc.jobs,
    training.jobs,
    structure.jobs,
    calibration.jobs,
    spectators.jobs,
    folds.jobs,
    overtraining.jobs,
    significance.jobs,
    features.jobs,
    data_simulation.jobs,
    importance.jobs,
)

MULTICLASS_FIGURES: tuple[Callable[[Findings, Scene], Sequence[FigureJob]], ...] = (
    multiclass.jobs,
    multiclass.feature_jobs,
    training.loss_jobs,
    importance.jobs,
)

REGRESSION_FIGURES: tuple[Callable[[Findings, Scene], Sequence[FigureJob]], ...] = (regression.jobs, importance.jobs)

# of methods from several sources on the same events
COMPARISON_FIGURES: tuple[Callable[[Findings, Scene], Sequence[FigureJob]], ...] = (
    comparison.jobs,
    roc.jobs,
    structure.jobs,
    overtraining.jobs,
)
