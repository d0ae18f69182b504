"""What a topic is computed from: the parts with the scores of a method, or all methods of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation import RocCurve
from hepml.evaluation.ranking import ascending_order
from hepml.workflow.seeds import task_sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from hepml.config import AnalysisConfig
    from hepml.data import Dataset
    from hepml.report import Finding
    from hepml.workflow.baselines import FittedBaseline
    from hepml.workflow.methods import TrainedMethod
    from hepml.workflow.preparation import Prepared, Selection

__all__ = ["MethodContext", "Ranked", "RunContext", "Scored"]


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Events of one part in the order of increasing scores: what is computed from these need not sort them again.

    Parameters
    ----------
    position : ndarray of int64, shape (n,)
        Of each in the part.
    rows : ndarray of int64, shape (n,)
        Row numbers in the dataset.
    y, score, weight, event : ndarray, shape (n,)
        As those of :class:`Scored`.
    """

    position: NDArray[np.int64]
    rows: NDArray[np.int64]
    y: NDArray[np.int8]
    score: NDArray[np.float64]
    weight: NDArray[np.float64]
    event: NDArray[np.int64] | None

    def among(self, positions: NDArray[np.int64]) -> Ranked:
        """Return the events at some positions of the part, in the same order."""
        chosen = np.zeros(len(self.position), dtype=np.bool_)
        chosen[positions] = True
        chosen = chosen[self.position]
        event = None if self.event is None else self.event[chosen]
        return Ranked(
            self.position[chosen], self.rows[chosen], self.y[chosen], self.score[chosen], self.weight[chosen], event
        )


# without slots: the ranking is kept
@dataclass(frozen=True, eq=False)
class Scored:
    """One part of the signal and background events, with the scores of a method.

    Parameters
    ----------
    selection : Selection
        The events.
    score : ndarray of float64, shape (n,) or (n, n_outputs)
        Of each.
    model : ndarray of int16, shape (n,), or None
        With folds, the number of the model that scored each.
    """

    selection: Selection
    score: NDArray[np.float64]
    model: NDArray[np.int16] | None = None

    @property
    def rows(self) -> NDArray[np.int64]:
        """Row numbers in the dataset."""
        return self.selection.rows

    @property
    def X(self) -> NDArray[np.float32]:  # noqa: N802  (the field's name of a feature matrix)
        """Features, shape (n, n_features)."""
        return self.selection.X

    @property
    def y(self) -> NDArray[np.int8]:
        """1 signal, 0 background."""
        return self.selection.y

    @property
    def weight(self) -> NDArray[np.float64]:
        """Signed physics weights."""
        return self.selection.weight

    @property
    def train_weight(self) -> NDArray[np.float64]:
        """Weights after class balance."""
        return self.selection.train_weight

    @property
    def event(self) -> NDArray[np.int64] | None:
        """Number of the event of each row; None if each row is an event of its own."""
        return self.selection.event

    @cached_property
    def ranked(self) -> Ranked:
        """The events in the order of increasing scores, where there is one score."""
        order = ascending_order(self.score)
        event = None if self.event is None else self.event[order]
        return Ranked(order, self.rows[order], self.y[order], self.score[order], self.weight[order], event)


@dataclass(frozen=True, slots=True)
class MethodContext:
    """A trained method and the parts with its scores.

    Parameters
    ----------
    config : AnalysisConfig
        The analysis.
    prepared : Prepared
        Dataset and parts.
    method : TrainedMethod
        Model and cuts.
    kind : str
        Kind of classifier.
    score : ndarray of float64, shape (n_events,) or (n_events, n_outputs)
        Score of every event of the dataset, blinded ones included.
    train, validation, test : Scored
        The parts.
    findings : dict of str to Finding
        Topics that were computed before this one.
    baselines : mapping of str to FittedBaseline
        Those of the run.
    """

    config: AnalysisConfig
    prepared: Prepared
    method: TrainedMethod
    kind: str
    score: NDArray[np.float64]
    train: Scored
    validation: Scored
    test: Scored
    findings: dict[str, Finding]
    baselines: Mapping[str, FittedBaseline] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the method."""
        return self.method.name

    @property
    def dataset(self) -> Dataset:
        """All events."""
        return self.prepared.dataset

    @property
    def curve(self) -> RocCurve:
        """ROC curve of the test part."""
        curve = self.findings["roc"]
        assert isinstance(curve, RocCurve)  # noqa: S101  (tells the type checker; a run without a curve has stopped)
        return curve

    def scorer(
        self, part: Scored, rows: NDArray[np.int64] | None = None
    ) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
        """Return what scores other features of the events of a part (of some of its rows) as the part was scored."""
        model = part.model if part.model is None or rows is None else part.model[rows]
        return lambda X: self.method.scores(X, model)

    def disjoint(self) -> tuple[Ranked, Ranked]:
        """Return events of the validation and of the test part of which none is in both.

        For what is optimised on the one and reported on the other. Without folds these are all rows; with folds, where both
        parts hold all events, each gets a half of the events, by their identity.
        """
        validation, test = self.validation.ranked, self.test.ranked
        if self.prepared.model:
            hashes = self.dataset.identity.take(self.test.rows).hash(self.config.seed, "fold/halves")
            # with folds the parts have the same rows in the same order
            first = hashes < np.uint64(2**63)
            return validation.among(np.flatnonzero(first)), test.among(np.flatnonzero(~first))
        return validation, test

    def require_split(self, what: str) -> None:
        """Refuse, with folds, what trains on the train part and tests on the test part: all events are in both.

        Raises
        ------
        InvalidInputError
            With folds.
        """
        if self.prepared.model:
            msg = (
                f"{what} trains on the training part and is tested on the test part, and with folds all events are in both: "
                f"run the analysis with `split:` in place of `folds:` for it"
            )
            raise InvalidInputError(msg)

    def seed(self, topic: str) -> np.random.SeedSequence:
        """Return the seed of a topic for this method, which depends on their names alone."""
        return task_sequence(self.config.seed, f"{topic}/{self.name}")


@dataclass(frozen=True, slots=True)
class RunContext:
    """All methods of a run.

    Parameters
    ----------
    config : AnalysisConfig
        The analysis.
    prepared : Prepared
        Dataset and parts.
    methods : mapping of str to MethodContext
        In the order of the analysis file, their findings complete.
    visible : ndarray of bool, shape (n_events,)
        Events that may be shown.
    unblind : bool
        Whether all data may be shown.
    baselines : mapping of str to FittedBaseline
        What any method has to beat.
    """

    config: AnalysisConfig
    prepared: Prepared
    methods: Mapping[str, MethodContext]
    visible: NDArray[np.bool_]
    unblind: bool
    baselines: Mapping[str, FittedBaseline] = field(default_factory=dict)

    @property
    def dataset(self) -> Dataset:
        """All events."""
        return self.prepared.dataset

    def seed(self, topic: str) -> np.random.SeedSequence:
        """Return the seed of a topic, which depends on its name alone."""
        return task_sequence(self.config.seed, topic)
