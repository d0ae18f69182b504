"""Correlations of features and spectators in the training part, computed once a run, and the groups that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from hepml.data.mapped import take_rows
from hepml.evaluation import correlations, feature_groups
from hepml.workflow.blinding import BLIND_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hepml.config import AnalysisConfig
    from hepml.evaluation import Correlations
    from hepml.workflow.preparation import Prepared

__all__ = ["ClassCorrelations", "class_correlations", "correlated_groups"]

# matrices of so many events have errors of a thousandth; all columns and their ranks are in memory at once
_MOST_CORRELATED = 1_000_000


class ClassCorrelations(NamedTuple):
    """Columns (features, then spectators) and the matrices of ``signal`` and ``background``."""

    columns: tuple[str, ...]
    matrices: Mapping[str, Correlations]


_KNOWN: WeakKeyDictionary[Prepared, ClassCorrelations] = WeakKeyDictionary()


def class_correlations(config: AnalysisConfig, prepared: Prepared) -> ClassCorrelations:
    """Correlate features and spectators of the training part, class by class."""
    if prepared not in _KNOWN:
        _KNOWN[prepared] = _correlated(config, prepared)
    return _KNOWN[prepared]


def correlated_groups(config: AnalysisConfig, prepared: Prepared) -> tuple[tuple[str, ...], ...]:
    """Return the groups of features that can stand in for one another."""
    found = class_correlations(config, prepared)
    return feature_groups(
        found.matrices.values(),
        prepared.dataset.feature_names,
        threshold=config.evaluation.correlated_features,
    )


def _correlated(config: AnalysisConfig, prepared: Prepared) -> ClassCorrelations:
    dataset, train = prepared.dataset, prepared.train
    spectators = [name for name in dataset.spectators if not name.startswith(BLIND_PREFIX)]
    chosen = _chosen(config, prepared)
    beside = [dataset.spectators[name][train.rows[chosen]].astype(np.float64)[:, None] for name in spectators]
    columns = np.concatenate([take_rows(train.X, chosen), *beside], axis=1)
    matrices = {}
    for label, name in ((1, "signal"), (0, "background")):
        here = train.y[chosen] == label
        event = None if train.event is None else train.event[chosen][here]
        matrices[name] = correlations(columns[here], train.weight[chosen][here], event=event)
    return ClassCorrelations((*dataset.feature_names, *spectators), matrices)


def _chosen(config: AnalysisConfig, prepared: Prepared) -> NDArray[np.int64]:
    """Return the training events that are correlated: all, or about as many as fit, chosen by their identity."""
    rows = prepared.train.rows
    if len(rows) <= _MOST_CORRELATED:
        return np.arange(len(rows))
    hashes = prepared.dataset.identity.take(rows).hash(config.seed, "correlations")
    return np.flatnonzero(hashes < np.uint64(2**64 * _MOST_CORRELATED // len(rows)))
