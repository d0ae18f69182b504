"""Blinding of data: which events stay hidden from every plot, table, JSON and tree of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hepml.config import AnalysisConfig
    from hepml.data import Dataset
    from hepml.workflow.topics import MethodContext

__all__ = ["BLIND_PREFIX", "blind_spectators", "shown_if_data", "visible_events"]

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
    methods: Mapping[str, MethodContext],
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
    methods : mapping of str to MethodContext
        With their scores of all events and their cuts from the validation part.
    unblind : bool
        Show all.

    Returns
    -------
    ndarray of bool, shape (n_events,)
        True for simulation always; for data unless the event is blinded. With `blind: score` an event is hidden if any
        method scores it at or above its loosest cut; of several classes at or above that of any whose role is signal.
    """
    visible = np.ones(len(dataset), dtype=bool)
    for number, info in enumerate(dataset.samples):
        if info.role == "data":
            here = dataset.sample == number
            shown, _ = shown_if_data(config, dataset, info.name, methods, unblind=unblind)
            visible[here] = shown[here]
    return visible


def shown_if_data(
    config: AnalysisConfig,
    dataset: Dataset,
    sample: str,
    methods: Mapping[str, MethodContext],
    *,
    unblind: bool,
) -> tuple[NDArray[np.bool_], bool]:
    """Return which events would be shown if they were of a given sample, so that simulation can be cut as data are.

    Parameters
    ----------
    config, dataset, methods, unblind : see :func:`visible_events`
        The same.
    sample : str
        Whose rule counts.

    Returns
    -------
    shown : ndarray of bool, shape (n_events,)
        All, if the sample is not data.
    by_score : bool
        Whether the score decides.
    """
    shown = np.ones(len(dataset), dtype=bool)
    item = next(item for item in config.samples if item.name == sample)
    how = item.blind or _BY_SCORE
    if unblind or item.role != "data" or how == _NOT_AT_ALL:
        return shown, False
    if how == _BY_SCORE:
        for context in methods.values():
            for score, threshold in _loosest_cuts(config, context):
                shown &= score < threshold
        return shown, True
    columns = {text: name for name, text in blind_spectators(config).items()}
    value = dataset.spectators[columns[how]]
    # what cannot be decided stays hidden
    return (value == 0) & ~np.isnan(value), False


def _loosest_cuts(config: AnalysisConfig, context: MethodContext) -> list[tuple[NDArray[np.float64], float]]:
    """Return the score of signal, or of each class of it, with its loosest cut."""
    if context.score.ndim == 1:
        return [(context.score, min(cut.threshold for cut in context.method.cuts))]
    signal = {sample.class_name or sample.role for sample in config.samples if sample.role == "signal"}
    return [
        (context.score[:, number], min(cut.threshold for cut in context.method.cuts if cut.output == name))
        for number, name in context.prepared.task.classes
        if name in signal
    ]
