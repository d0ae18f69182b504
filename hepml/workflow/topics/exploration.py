"""Look at the features before any method does: what separates, what is correlated, whether data agree with simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.data import Part
from hepml.data.mapped import release
from hepml.evaluation import Exploration, data_mc, mutual_information, separation
from hepml.workflow.blinding import shown_if_data
from hepml.workflow.topics.correlations import class_correlations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.evaluation import DataMC
    from hepml.workflow.topics.context import RunContext

    # rows and weights by sample
    _Simulation = dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]

__all__ = ["exploration"]


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
    found = class_correlations(config, prepared)
    data, scores = {}, {}
    for number, info in enumerate(dataset.samples):
        if info.role in {"data", "control"}:
            data[info.name], scores[info.name] = _compared(context, number)
    return Exploration(
        separations=separations,
        informations=informations,
        columns=found.columns,
        correlations=found.matrices,
        data_mc={name: compared for name, compared in data.items() if compared},
        score_data_mc={name: compared for name, compared in scores.items() if compared},
    )


def _compared(context: RunContext, number: int) -> tuple[dict[str, DataMC], dict[str, DataMC]]:
    """Compare features and scores of the visible events of a sample with simulation that is cut as the sample is.

    Nothing is compared if either is empty.
    """
    dataset = context.dataset
    sample = dataset.samples[number].name
    rows = np.flatnonzero((dataset.sample == number) & context.visible)
    if not dataset.weight[rows].any():
        return {}, {}
    shown, by_score = shown_if_data(context.config, dataset, sample, context.methods, unblind=context.unblind)

    def compare(column: NDArray[Any], name: str, simulation: _Simulation) -> DataMC:
        return data_mc(
            (column[rows], dataset.weight[rows]),
            {simulated: (column[chosen], weight) for simulated, (chosen, weight) in simulation.items()},
            seed=context.seed(f"data_mc/{sample}/{name}"),
        )

    # the score of an event that was trained on is not what data get
    tested = _simulation(context, shown, tested=True)
    simulation = tested if by_score else _simulation(context, shown, tested=False)
    features = enumerate(dataset.feature_names) if simulation else ()
    scores = context.methods.items() if tested else ()
    return (
        {name: compare(dataset.X[:, column], name, simulation) for column, name in features},
        {name: compare(method.score, f"score of {name}", tested) for name, method in scores},
    )


def _simulation(context: RunContext, shown: NDArray[np.bool_], *, tested: bool) -> _Simulation:
    """Return rows and weights of each simulated sample; of its test part alone, if it has one and that is asked for."""
    dataset = context.dataset
    found = {}
    for number, sample in enumerate(dataset.samples):
        if sample.label < 0:
            continue
        here, scale = dataset.sample == number, 1.0
        if tested and (test := here & (context.prepared.part == Part.TEST)).any():
            scale = np.count_nonzero(here) / np.count_nonzero(test)
            here = test
        chosen = np.flatnonzero(here & shown)
        if dataset.weight[chosen].any():
            found[sample.name] = (chosen, scale * dataset.weight[chosen])
    return found
