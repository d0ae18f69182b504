"""How well methods estimate each target: deviations on test and training part, and in bins of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml.evaluation import regression_distribution, regression_profile, regression_quality
from hepml.report import Listed, Of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hepml.workflow.topics.context import MethodContext, Scored

__all__ = ["distribution", "profile", "quality", "quality_of_training"]


def quality(context: MethodContext) -> Listed:
    """Deviations of each target, test part."""
    return _of_part(context, context.test)


def quality_of_training(context: MethodContext) -> Listed:
    """Deviations of each target, training part: what a method of this kind remembers of its events makes them smaller."""
    return _of_part(context, context.train)


def profile(context: MethodContext) -> Listed:
    """Estimates in bins of each target, test part."""
    test = context.test
    return Listed(
        [
            Of("target", name, regression_profile(target, estimate, test.weight, event=test.event))
            for name, target, estimate in _targets(context, test)
        ]
    )


def distribution(context: MethodContext) -> Listed:
    """Distributions of estimates and deviations of each target, test part and training part."""
    test, train = context.test, context.train
    return Listed(
        [
            Of("target", name, regression_distribution(target, estimate, test.weight, before, estimated, train.weight))
            for (name, target, estimate), (_, before, estimated) in zip(
                _targets(context, test), _targets(context, train), strict=True
            )
        ]
    )


def _of_part(context: MethodContext, part: Scored) -> Listed:
    return Listed(
        [
            Of("target", name, regression_quality(target, estimate, part.weight, event=part.event))
            for name, target, estimate in _targets(context, part)
        ]
    )


def _targets(context: MethodContext, part: Scored) -> list[tuple[str, NDArray[np.float64], NDArray[np.float64]]]:
    target = part.selection.target
    names = context.prepared.task.targets
    assert target is not None  # noqa: S101  (tells the type checker; only regressions have these topics)
    estimates = part.score[:, None] if part.score.ndim == 1 else part.score
    return [(name, target[:, number], estimates[:, number]) for number, name in enumerate(names)]
