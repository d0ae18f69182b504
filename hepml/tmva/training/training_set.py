"""What a trainer gets and what it gives: transformed events and options in, a fitted method out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from hepml.tmva.methods.base import Method
    from hepml.tmva.options import Options
    from hepml.tmva.preparation import TMVAEvents
    from hepml.tmva.setup import AnalysisType, Variable
    from hepml.tmva.training.reporting import Ranking
    from hepml.transforms import TransformChain

__all__ = ["Fitted", "Trainer", "TrainingSet"]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """Training events as a method sees them.

    Parameters
    ----------
    name : str
        Name of the method, for messages.
    options : Options
        The method's, with defaults.
    X : ndarray of float32, shape (n_events, n_variables)
        Variables after the transformations; row-major.
    targets : ndarray of float32, shape (n_events, n_targets)
        The same of regression targets; no column if it is no regression.
    class_index : ndarray of intp, shape (n_events,)
        Class of each event.
    weight : ndarray of float64, shape (n_events,)
        Signed; with ``IgnoreNegWeightsInTraining`` zero where it was negative, as ``Event::GetWeight``.
    events : TMVAEvents
        The events before the transformations.
    chain : TransformChain
        The transformations, fitted to these events.
    variables, target_variables : tuple of Variable
        What the columns are.
    class_names : tuple of str
        In the order of their index.
    signal_class : int
        Index of the class that is signal.
    analysis_type : {"Classification", "Multiclass", "Regression"}
        What the method is to do.
    """

    name: str
    options: Options
    X: NDArray[np.float32]
    targets: NDArray[np.float32]
    class_index: NDArray[np.intp]
    weight: NDArray[np.float64]
    events: TMVAEvents
    chain: TransformChain
    variables: tuple[Variable, ...]
    target_variables: tuple[Variable, ...]
    class_names: tuple[str, ...]
    signal_class: int
    analysis_type: AnalysisType

    def __len__(self) -> int:
        return len(self.X)

    @property
    def is_signal(self) -> NDArray[np.bool_]:
        """Whether each event is signal (``DataSetInfo::IsSignal``)."""
        signal: NDArray[np.bool_] = self.class_index == self.signal_class
        return signal

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the variables."""
        return tuple(variable.label for variable in self.variables)

    def transformed(self, class_index: int) -> NDArray[np.float32]:
        """Return the variables after the transformations of one class, float32 of shape (n_events, n_variables)."""
        return self.chain.apply(self.events.variables, class_index, spectators=self.events.spectators)


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """What a trainer gives.

    Parameters
    ----------
    method : Method
        As if it had been read from a weights file.
    rankings : tuple of Ranking
        Variables by importance, as TMVA prints them.
    notes : tuple of str
        What was decided without being asked for.
    history : mapping of str to ndarray
        What went on while it was trained, by name: error of each tree, ...
    text : str
        What TMVA prints when it is trained.
    options : mapping of str to bool, int, float or str
        Options that training changed, as TMVA writes them into the file.
    weights : callable, optional
        Gives the lines of ``Weights`` in the file, for a method with neither ``to_xml`` nor a forest to be written.
    """

    method: Method
    rankings: tuple[Ranking, ...] = ()
    notes: tuple[str, ...] = ()
    history: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    text: str = ""
    options: Mapping[str, bool | int | float | str] = field(default_factory=dict)
    weights: Callable[[], Iterable[str]] | None = None


@dataclass(frozen=True, slots=True)
class Trainer:
    """A native engine for one kind of method.

    Parameters
    ----------
    fit : callable
        Takes a :class:`TrainingSet` and returns :class:`Fitted`.
    analyses : frozenset of str
        What it is there for, as TMVA's method (``HasAnalysisType``).
    supports : frozenset of str
        Options that it obeys, beside those of every method. Any other that differs from its default is an error.
    most_targets : int
        Largest number of targets.
    """

    fit: Callable[[TrainingSet], Fitted]
    analyses: frozenset[str]
    supports: frozenset[str] = frozenset()
    most_targets: int = 1
