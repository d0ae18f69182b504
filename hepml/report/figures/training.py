"""Figures of log-loss against the number of trees or epochs, and of area against the number of training events."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hepml.evaluation import LearningCurve, LossCurve, TrainingCurve
from hepml.report.figures.job import FigureJob
from hepml.report.figures.table import Column, FigureTable
from hepml.report.findings import Listed

if TYPE_CHECKING:
    from hepml.report.figures.job import Scene
    from hepml.report.findings import Findings

__all__ = ["jobs", "loss_jobs"]


def jobs(findings: Findings, scene: Scene) -> list[FigureJob]:
    """Return a training curve for each method that has stages, and a learning curve for each that was trained again."""
    from hepml import plots

    courses = [
        FigureJob(
            f"training_{number:03d}",
            "training",
            f"{name}: {'AUC' if result.log_loss is None else 'log-loss'} against the number of trees; the optimum of the "
            "validation part and its plateau",
            partial(plots.training_curve, result, figure="auc" if result.log_loss is None else "log_loss", title=name),
            about=name,
            tables=partial(_course, name, result),
        )
        for number, (name, result) in enumerate(findings.of_methods("training_curve", TrainingCurve).items())
    ]
    learned = [
        FigureJob(
            f"learning_{number:03d}",
            "training",
            f"{name}: AUC on the test part after training on shares of the training events",
            partial(plots.learning_curve, result, title=name),
            about=name,
            tables=partial(_learned, name, result),
        )
        for number, (name, result) in enumerate(findings.of_methods("learning_curve", LearningCurve).items())
    ]
    return courses + loss_jobs(findings, scene) + learned


def loss_jobs(findings: Findings, scene: Scene) -> list[FigureJob]:  # noqa: ARG001  (one signature for all topics)
    """Return the losses after each epoch for each training of each method that reports them."""
    from hepml import plots

    return [
        FigureJob(
            f"loss_{number:03d}_{fold:02d}",
            "training",
            f"{name}{f', fold {fold}' if len(listed.items) > 1 else ''}: loss after each epoch as the training saw it; that "
            "of training events while the network changed",
            partial(plots.loss_curve, curve, title=name),
            about=name,
            tables=partial(_losses, name, curve),
        )
        for number, (name, listed) in enumerate(findings.of_methods("loss_curve", Listed).items())
        for fold, curve in enumerate(listed.items)
        if isinstance(curve, LossCurve)
    ]


def _losses(name: str, result: LossCurve) -> list[FigureTable]:
    values = [Column("loss, training", result.training)]
    if result.validation is not None:
        values.append(Column("loss, validation", result.validation))
    return [FigureTable("loss", [Column("epoch", range(1, result.n_epochs + 1))], values, {"method": name})]


def _course(name: str, result: TrainingCurve) -> list[FigureTable]:
    parts = [
        Column(f"{figure.replace('_', '-')}, {part}", getattr(found, figure), error=getattr(found, f"{figure}_error"))
        for part, found in (("training", result.train), ("validation", result.validation))
        for figure in ("log_loss", "auc")
        if getattr(found, figure) is not None
    ]
    tables = [FigureTable("training curve", [Column("number of trees", result.stages)], parts, {"method": name})]
    if result.monitored is not None:
        every = Column("number of trees", range(1, result.monitored.size + 1))
        watched = Column("log-loss, validation", result.monitored)
        tables.append(FigureTable("validation loss of every tree", [every], [watched], {"method": name}))
    return tables


def _learned(name: str, result: LearningCurve) -> list[FigureTable]:
    found = [
        FigureTable(
            "learning curve",
            [Column("number of training events", result.n_events)],
            [Column("AUC", result.auc, error=result.auc_error)],
            {"method": name},
        )
    ]
    if result.predictions:
        expected = [
            Column("AUC", [one.auc for one in result.predictions], error=[one.auc_error for one in result.predictions]),
            Column(
                "gain", [one.gain for one in result.predictions], error=[one.gain_error for one in result.predictions]
            ),
        ]
        sizes = [Column("number of training events", [one.n_events for one in result.predictions])]
        found.append(FigureTable("expected with more events", sizes, expected, {"method": name}))
    return found
