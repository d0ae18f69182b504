"""The columns of TrainTree and TestTree: which, in which order and of which type, for every file that hepml writes."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hepml.tmva.output.events import OutputEvents

__all__ = ["single_columns", "tree_columns"]

_NONE: Mapping[str, Any] = MappingProxyType({})


def tree_columns(
    events: OutputEvents, *, names: Mapping[str, Any] = _NONE, beside: Mapping[str, Any] = _NONE
) -> dict[str, Any]:
    """Return columns in TMVA's order, of the types that they have.

    Parameters
    ----------
    events : OutputEvents
        The events.
    names : mapping of str to sequence of str
        Further names of each event, after ``className``.
    beside : mapping of str to array
        Further columns beside the weight. One that is a spectator already is left out.

    Returns
    -------
    dict of str to array
        ``classID``, ``className``, variables, targets, spectators, ``weight``, responses, and
        ``prob_METHOD`` for probabilities.
    """
    numbers = np.array(sorted(events.classes), dtype=np.int32)
    texts = np.array([events.classes[number] for number in numbers.tolist()], dtype=object)
    columns: dict[str, Any] = {
        "classID": events.class_id.astype(np.int32),
        "className": texts[np.searchsorted(numbers, events.class_id)] if texts.size else np.empty(0, dtype=object),
        **names,
        **events.variables,
        **events.targets,
        **events.spectators,
        "weight": events.weight,
    }
    for name, column in beside.items():
        columns.setdefault(name, column)
    return columns | dict(events.responses) | {f"prob_{name}": column for name, column in events.probabilities.items()}


def single_columns(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return columns as TMVA types them: float32 for every number that is not whole, as macros address them."""
    return {
        name: column.astype(np.float32) if getattr(column, "dtype", None) == np.float64 else column
        for name, column in columns.items()
    }
