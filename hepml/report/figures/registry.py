"""Which figures a run has: one entry a topic, in the order in which they are drawn and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml.report.figures import data_simulation, features, folds, overtraining, roc

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hepml.report.figures.job import FigureJob, Scene
    from hepml.report.findings import Findings

__all__ = ["FIGURES"]

FIGURES: tuple[Callable[[Findings, Scene], Sequence[FigureJob]], ...] = (
    roc.jobs,
    folds.jobs,
    overtraining.jobs,
    features.jobs,
    data_simulation.jobs,
)
