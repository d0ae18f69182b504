"""Blinding of data: which events stay hidden from every plot, table, JSON and tree of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from hepml.config import AnalysisConfig
    from hepml.data import Dataset
    from hepml.workflow.evaluating import MethodResult
    from hepml.workflow.methods import TrainedMethod

__all__ = ["BLIND_PREFIX", "blind_spectators", "visible_events"]

# blind expressions are read along as spectators of this name and never written out
BLIND_PREFIX = "__blind_"

_BY_SCORE, _NOT_AT_ALL = "score", "none"


def blind_spectators(config: AnalysisConfig) -> dict[str, str]:
    """Return the expressions of `blind:` that must be evaluated on the trees, by the name of their column."""
    texts = [sample.blind for sample in config.samples if sample.blind not in {None, _BY_SCORE, _NOT_AT_ALL}]
    return {f"{BLIND_PREFIX}{number}": text for number, text in enumerate(dict.fromkeys(texts)) if text}


def visible_events(
    config: AnalysisConfig,
    dataset: Dataset,
    methods: Sequence[TrainedMethod],
    results: Mapping[str, MethodResult],
    *,
    unblind: bool,
) -> NDArray[np.bool_]:
    """Return the mask of events that may be shown.

    Parameters
    ----------
    config : AnalysisConfig
        Says how each sample of data is blinded.
    dataset : Dataset
        All samples, with the columns of :func:`blind_spectators`.
    methods : sequence of TrainedMethod
        With their cuts from the validation part.
    results : mapping of str to MethodResult
        Scores of all events.
    unblind : bool
        Show all.

    Returns
    -------
    ndarray of bool, shape (n_events,)
        True for simulation always; for data unless the event is blinded. With `blind: score` an event is hidden if any
        method scores it at or above its loosest cut.
    """
    visible = np.ones(len(dataset), dtype=bool)
    if unblind:
        return visible
    columns = {text: name for name, text in blind_spectators(config).items()}
    for number, info in enumerate(dataset.samples):
        if info.role != "data":
            continue
        how = next(sample.blind for sample in config.samples if sample.name == info.name) or _BY_SCORE
        here = dataset.sample == number
        if how == _BY_SCORE:
            for method in methods:
                loosest = min(cut.threshold for cut in method.cuts)
                visible[here] &= results[method.name].score[here] < loosest
        elif how != _NOT_AT_ALL:
            value = dataset.spectators[columns[how]][here]
            # what cannot be decided stays hidden
            visible[here] &= (value == 0) & ~np.isnan(value)
    return visible
