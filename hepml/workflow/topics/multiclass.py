"""How well methods tell several classes apart: areas, working points, confusion, log-loss, train against test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml import evaluation
from hepml.errors import HepmlError
from hepml.evaluation import class_histograms, class_log_loss, confusion_matrix, roc_curve
from hepml.report import Listed, NotComputable, Of
from hepml.workflow.topics.performance import cut_on_test

if TYPE_CHECKING:
    from collections.abc import Callable

    from hepml.evaluation import ClassLogLoss, ConfusionMatrix, MulticlassAuc
    from hepml.report import Finding
    from hepml.workflow.topics.context import MethodContext

__all__ = [
    "class_cuts",
    "class_overtraining",
    "class_roc",
    "class_scores",
    "class_working_points",
    "confusion",
    "log_loss",
    "multiclass_auc",
]


def multiclass_auc(context: MethodContext) -> MulticlassAuc:
    """Areas of each class against the rest and against each other, test part."""
    test = context.test
    return evaluation.multiclass_auc(test.y, test.score, test.weight, event=test.event)


def class_roc(context: MethodContext) -> Listed:
    """ROC curve of each class against all others, by its own score, test part."""
    test = context.test
    return _of_classes(
        context, lambda value: roc_curve(test.y == value, test.score[:, value], test.weight, event=test.event)
    )


def class_working_points(context: MethodContext) -> Listed:
    """Where the test part has the efficiencies of each class that were asked for."""
    curves = context.findings["class_roc"]
    found = []
    for one in curves.items if isinstance(curves, Listed) else ():
        if isinstance(one, Of) and isinstance(one.found, evaluation.RocCurve):
            points = context.config.evaluation.working_points
            found += [Of("class", one.name, one.found.at_signal_efficiency(target)) for target in points]
    return Listed(found)


def class_cuts(context: MethodContext) -> Listed:
    """Efficiencies on the test part of the cuts of each class from the validation part."""
    test = context.test
    values = {name: value for value, name in context.prepared.task.classes}
    found = []
    for cut in context.method.cuts:
        value = values[cut.output]
        chosen = cut_on_test(cut, test.y == value, test.score[:, value], test.weight, test.event)
        found.append(Of("class", cut.output, chosen))
    return Listed(found)


def confusion(context: MethodContext) -> ConfusionMatrix:
    """Which class is taken for which by the largest score, test part."""
    test = context.test
    names = context.prepared.task.names
    return confusion_matrix(
        test.y.astype(int), test.score.argmax(axis=1), test.weight, event=test.event, n_classes=len(names)
    )


def log_loss(context: MethodContext) -> ClassLogLoss:
    """Log-loss of the test part."""
    test = context.test
    return class_log_loss(test.y, test.score, test.weight, event=test.event)


def class_scores(context: MethodContext) -> Listed:
    """Distributions of the score of each class in all classes, test part."""
    test, names = context.test, context.prepared.task.names
    return _of_classes(
        context,
        lambda value: class_histograms(test.score[:, value], test.y, names, test.weight, edges=np.linspace(0, 1, 41)),
    )


def class_overtraining(context: MethodContext) -> Listed:
    """Scores of each class against the rest, training part against test part; see the topic of two classes."""
    train, test, settings = context.train, context.test, context.config.evaluation

    def compared(value: int) -> Finding:
        return evaluation.overtraining(
            train.y == value,
            train.score[:, value],
            train.weight,
            test.y == value,
            test.score[:, value],
            test.weight,
            event_train=train.event,
            event_test=test.event,
            paired=bool(context.prepared.model),
            max_gap=settings.auc_gap,
            n_permutations=settings.permutations,
            seed=context.seed(f"overtraining/{value}"),
        )

    return _of_classes(context, compared)


def _of_classes(context: MethodContext, compute: Callable[[int], Finding]) -> Listed:
    found = []
    for value, name in context.prepared.task.classes:
        try:
            found.append(Of("class", name, compute(value)))
        except HepmlError as error:
            found.append(Of("class", name, NotComputable(str(error))))
    return Listed(found)
