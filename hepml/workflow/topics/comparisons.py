"""Is one method better than another? All pairs on the same test events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml.evaluation import compare_methods
from hepml.report import Listed

if TYPE_CHECKING:
    from hepml.workflow.topics.context import RunContext

__all__ = ["comparisons"]


def comparisons(context: RunContext) -> Listed | None:
    """Compare areas, and background efficiencies at the working points; None for a single method."""
    if len(context.methods) < 2:
        return None
    test = next(iter(context.methods.values())).test
    return Listed(
        compare_methods(
            test.y,
            {name: method.test.score for name, method in context.methods.items()},
            test.weight,
            signal_efficiencies=context.config.evaluation.working_points,
            event=test.event,
        )
    )
