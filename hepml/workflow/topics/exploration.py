"""Look at the features before any method does: what separates, what is correlated, whether data agree with simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.data import Part
from hepml.data.mapped import release, take_rows
from hepml.evaluation import Exploration, correlations, data_mc, mutual_information, separation
from hepml.workflow.blinding import BLIND_PREFIX, shown_if_data

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.config import AnalysisConfig
    from hepml.evaluation import DataMC
    from hepml.workflow.preparation import Prepared
    from hepml.workflow.topics.context import RunContext

__all__ = ["exploration"]

# matrices of so many events have errors of a thousandth; all columns and their ranks are in memory at once
_MOST_CORRELATED = 1_000_000


def exploration(context: RunContext) -> Exploration:
    """Rank the features, correlate them with each other and with the spectators, and compare data with simulation.

    Ranking and correlations look at the training part only, so that a choice of features by them uses no event of the
    test part.
    """
    prepared, config = context.prepared, context.config
    dataset, train = prepared.dataset, prepared.train
    separations, informations = {}, {}
    for number, name in enumerate(dataset.feature_names):
        column = train.X[:, number]
        separations[name] = separation(column, train.y, train.weight, event=train.event)
        informations[name] = mutual_information(column, train.y, train.weight, event=train.event)
        release(column)
    spectators = [name for name in dataset.spectators if not name.startswith(BLIND_PREFIX)]
    chosen = _correlated(config, prepared)
    beside = [dataset.spectators[name][train.rows[chosen]].astype(np.float64)[:, None] for name in spectators]
    columns = np.concatenate([take_rows(train.X, chosen), *beside], axis=1)
    matrices = {}
    for label, name in ((1, "signal"), (0, "background")):
        here = train.y[chosen] == label
        event = None if train.event is None else train.event[chosen][here]
        matrices[name] = correlations(columns[here], train.weight[chosen][here], event=event)
    return Exploration(
        separations=separations,
        informations=informations,
        columns=(*dataset.feature_names, *spectators),
        correlations=matrices,
        data_mc={
            info.name: found
            for number, info in enumerate(dataset.samples)
            if info.role in {"data", "control"} and (found := _compared(context, number))
        },
    )


def _correlated(config: AnalysisConfig, prepared: Prepared) -> NDArray[np.int64]:
    """Return the training events that are correlated: all, or about as many as fit, chosen by their identity."""
    rows = prepared.train.rows
    if len(rows) <= _MOST_CORRELATED:
        return np.arange(len(rows))
    hashes = prepared.dataset.identity.take(rows).hash(config.seed, "correlations")
    return np.flatnonzero(hashes < np.uint64(2**64 * _MOST_CORRELATED // len(rows)))


def _compared(context: RunContext, number: int) -> dict[str, DataMC]:
    """Compare the visible events of a sample with simulation that is cut as the sample is; nothing if either is empty."""
    config, prepared, dataset = context.config, context.prepared, context.dataset
    info = dataset.samples[number]
    rows = np.flatnonzero((dataset.sample == number) & context.visible)
    shown, by_score = shown_if_data(config, dataset, info.name, context.methods, unblind=context.unblind)
    simulation: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
    for other, sample in enumerate(dataset.samples):
        if sample.label < 0:
            continue
        here, scale = dataset.sample == other, 1.0
        if by_score and (test := here & (prepared.part == Part.TEST)).any():
            # the score of an event that was trained on is not what data get
            scale = np.count_nonzero(here) / np.count_nonzero(test)
            here = test
        chosen = np.flatnonzero(here & shown)
        if dataset.weight[chosen].any():
            simulation[sample.name] = (chosen, scale * dataset.weight[chosen])
    if not simulation or not dataset.weight[rows].any():
        return {}

    def compare(column: NDArray[Any], name: str) -> DataMC:
        return data_mc(
            (column[rows], dataset.weight[rows]),
            {sample: (column[chosen], weight) for sample, (chosen, weight) in simulation.items()},
            seed=context.seed(f"data_mc/{info.name}/{name}"),
        )

    return {name: compare(dataset.X[:, index], name) for index, name in enumerate(dataset.feature_names)}
