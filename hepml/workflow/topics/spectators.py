"""Whether cuts on the score depend on the spectators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.evaluation import variable_dependence
from hepml.report import Listed
from hepml.workflow.blinding import BLIND_PREFIX

if TYPE_CHECKING:
    from hepml.workflow.topics.context import MethodContext

__all__ = ["spectators"]


def spectators(context: MethodContext) -> Listed | None:
    """Dependence on each spectator at the cuts of the validation part, test part; None without spectators."""
    names = [name for name in context.dataset.spectators if not name.startswith(BLIND_PREFIX)]
    if not names:
        return None
    test = context.test.ranked
    return Listed(
        [
            variable_dependence(
                test.y,
                test.score,
                context.dataset.spectators[name][test.rows].astype(np.float64),
                test.weight,
                variable=name,
                thresholds=[cut.threshold for cut in context.method.cuts],
                event=test.event,
                seed=context.seed(f"spectators/{name}"),
            )
            for name in names
        ]
    )
