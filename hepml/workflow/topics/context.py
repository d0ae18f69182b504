"""What a topic is computed from: the parts with the scores of a method, or all methods of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hepml.errors import InvalidInputError
from hepml.workflow.seeds import task_sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from hepml.config import AnalysisConfig
    from hepml.data import Dataset
    from hepml.report import Finding
    from hepml.workflow.methods import TrainedMethod
    from hepml.workflow.preparation import Prepared, Selection

__all__ = ["MethodContext", "RunContext", "Scored"]


@dataclass(frozen=True, slots=True)
class Scored:
    """One part of the signal and background events, with the scores of a method.

    Parameters
    ----------
    selection : Selection
        The events.
    score : ndarray of float64, shape (n,)
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
    score : ndarray of float64, shape (n_events,)
        Score of every event of the dataset, blinded ones included.
    train, validation, test : Scored
        The parts.
    findings : dict of str to Finding
        Topics that were computed before this one.
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

    @property
    def name(self) -> str:
        """Name of the method."""
        return self.method.name

    @property
    def dataset(self) -> Dataset:
        """All events."""
        return self.prepared.dataset

    def scorer(
        self, part: Scored, rows: NDArray[np.int64] | None = None
    ) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
        """Return what scores other features of the events of a part (of some of its rows) as the part was scored."""
        model = part.model if part.model is None or rows is None else part.model[rows]
        return lambda X: self.method.scores(X, model)

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
    """

    config: AnalysisConfig
    prepared: Prepared
    methods: Mapping[str, MethodContext]
    visible: NDArray[np.bool_]
    unblind: bool

    @property
    def dataset(self) -> Dataset:
        """All events."""
        return self.prepared.dataset

    def seed(self, topic: str) -> np.random.SeedSequence:
        """Return the seed of a topic, which depends on its name alone."""
        return task_sequence(self.config.seed, topic)
