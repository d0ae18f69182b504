"""What a preparation gives: training and test events in TMVA's order, and what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hepml.tmva.options import Options
    from hepml.tmva.setup import AnalysisType, Variable

__all__ = ["ClassCounts", "NormMode", "PreparedData", "Shuffle", "TMVAEvents"]

NormMode = Literal["None", "NumEvents", "EqualNumEvents"]
Shuffle = Literal["std::shuffle", "std::random_shuffle"]


@dataclass(frozen=True, slots=True, eq=False)
class TMVAEvents:
    """Events as TMVA holds them.

    Parameters
    ----------
    variables : ndarray of float32, shape (n_events, n_variables)
        Row-major.
    spectators : ndarray of float32, shape (n_events, n_spectators)
        The same.
    targets : ndarray of float32, shape (n_events, n_targets)
        The same; no column if it is no regression.
    class_index : ndarray of intp, shape (n_events,)
        Class of each event, an index of the class names.
    weight : ndarray of float64, shape (n_events,)
        Signed: weight of the tree times that of the event, in single precision; in training times the factor of NormMode.
    original_weight : ndarray of float64, shape (n_events,)
        The same before NormMode.
    """

    variables: NDArray[np.float32]
    spectators: NDArray[np.float32]
    targets: NDArray[np.float32]
    class_index: NDArray[np.intp]
    weight: NDArray[np.float64]
    original_weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.variables)

    def __getitem__(self, rows: slice | NDArray[np.intp] | NDArray[np.bool_]) -> TMVAEvents:
        return TMVAEvents(
            self.variables[rows],
            self.spectators[rows],
            self.targets[rows],
            self.class_index[rows],
            self.weight[rows],
            self.original_weight[rows],
        )


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """What became of the events of a class.

    Parameters
    ----------
    name : str
        The class.
    n_entries, n_selected : int
        Entries of its trees, and those that passed the cut.
    n_train, n_test : int
        Training and test events.
    sum_train, sum_test : float
        Signed sums of their weights, of training events before NormMode.
    factor : float
        By which NormMode multiplied the weights of training events.
    """

    name: str
    n_entries: int
    n_selected: int
    n_train: int
    n_test: int
    sum_train: float
    sum_test: float
    factor: float

    def to_dict(self) -> dict[str, object]:
        """Return plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, eq=False)
class PreparedData:
    """Training and test events, in exactly TMVA's order.

    Parameters
    ----------
    train, test : TMVAEvents
        The events.
    variables, spectators, targets : tuple of Variable
        What their columns are, with the ranges of the training events.
    class_names : tuple of str
        In the order of their index.
    norm_mode : {"None", "NumEvents", "EqualNumEvents"}
        How the weights of training events were normalised.
    analysis_type : {"Classification", "Multiclass", "Regression"}
        What methods are to do.
    counts : tuple of ClassCounts
        For each class.
    options : Options or None
        Options of PrepareTrainingAndTestTree; None if the split was made by somebody else.
    shuffle : {"std::shuffle", "std::random_shuffle"} or None
        How events were shuffled.
    """

    train: TMVAEvents
    test: TMVAEvents
    variables: tuple[Variable, ...]
    spectators: tuple[Variable, ...]
    targets: tuple[Variable, ...]
    class_names: tuple[str, ...]
    norm_mode: NormMode
    analysis_type: AnalysisType
    counts: tuple[ClassCounts, ...]
    options: Options | None = None
    shuffle: Shuffle | None = None

    @property
    def signal_class(self) -> int:
        """Index of the class that is signal: that called Signal, or the first (``DataSetInfo::AddClass``)."""
        return self.class_names.index("Signal") if "Signal" in self.class_names else 0

    def __repr__(self) -> str:
        return (
            f"<PreparedData for {self.analysis_type}: {len(self.train)} training and {len(self.test)} test events of "
            f"{', '.join(self.class_names)}, {len(self.variables)} variables>"
        )

    def to_dict(self) -> dict[str, object]:
        """Return plain data of everything but the events."""
        return {
            "analysis_type": self.analysis_type,
            "norm_mode": self.norm_mode,
            "options": None if self.options is None else self.options.text,
            "shuffle": self.shuffle,
            "classes": [count.to_dict() for count in self.counts],
            "variables": [variable.label for variable in self.variables],
            "spectators": [variable.label for variable in self.spectators],
            "targets": [variable.label for variable in self.targets],
        }
