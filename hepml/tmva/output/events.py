"""Events of a TrainTree or TestTree with the responses of all methods, whoever wrote or will write them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError, WeightError, unknown_name
from hepml.evaluation.display import Displayed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["NORMALISED", "OutputEvents"]

# said of every weight that TMVA wrote
NORMALISED = "normalised by TMVA"
_PHYSICS = "physics weights"


@dataclass(frozen=True, slots=True, eq=False)
class OutputEvents(Displayed):
    """Events in TMVA's layout.

    Parameters
    ----------
    class_id : ndarray of int32, shape (n_events,)
        Number of each event's class; in TMVA signal is mostly 0.
    classes : mapping of int to str
        Name of each class that occurs: ``Signal``, ``Background``; names of several classes; ``Regression``.
    weight : ndarray of float64, shape (n_events,)
        Signed weights as the tree has them.
    variables, spectators, targets : mapping of str to ndarray, each of shape (n_events,)
        Columns. TMVA keeps all of them as float32.
    responses : mapping of str to ndarray of float32, each of shape (n_events,) or (n_events, n_outputs)
        What each method answered: one number, one for each of several classes, or one for each target. They may be float64
        where they do not come out of a file.
    probabilities : mapping of str to ndarray of float32, each of shape (n_events,)
        Signal probability of methods with ``CreateMVAPdfs``.
    weight_is_normalised : bool
        Whether the weights are 'normalised by TMVA': ``NormMode`` rescales those of training events class by class, and
        whether those of test events were, too, depends on the release. Sums and ratios of classes mean nothing then.
    yields : mapping of str to float, optional
        Expected number of events of each class in the whole analysis, of which these events are a part: what hepml wrote
        into the file, never TMVA.
    """

    class_id: NDArray[np.int32]
    classes: Mapping[int, str]
    weight: NDArray[np.float64]
    variables: Mapping[str, NDArray[Any]]
    responses: Mapping[str, NDArray[Any]]
    spectators: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    targets: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    probabilities: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    weight_is_normalised: bool = True
    yields: Mapping[str, float] | None = None

    def __len__(self) -> int:
        return len(self.class_id)

    def rows(self, chosen: NDArray[Any] | slice) -> OutputEvents:
        """Return some of the events.

        Parameters
        ----------
        chosen : ndarray or slice
            Mask, row numbers or range.
        """

        def taken(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
            return {name: column[chosen] for name, column in columns.items()}

        return replace(
            self,
            class_id=self.class_id[chosen],
            weight=self.weight[chosen],
            variables=taken(self.variables),
            spectators=taken(self.spectators),
            targets=taken(self.targets),
            responses=taken(self.responses),
            probabilities=taken(self.probabilities),
        )

    @property
    def is_signal(self) -> NDArray[np.bool_]:
        """Which events are signal.

        Raises
        ------
        InvalidInputError
            If the classes are others than ``Signal`` and ``Background``.
        """
        if not set(self.classes.values()) <= {"Signal", "Background"}:
            msg = f"the classes are {', '.join(self.classes.values())}: there is no signal and background; use class_id"
            raise InvalidInputError(msg)
        return np.isin(self.class_id, [number for number, name in self.classes.items() if name == "Signal"])

    @property
    def weight_label(self) -> str:
        """What to call the weights on an axis or in a table."""
        return NORMALISED if self.weight_is_normalised else _PHYSICS

    def response(self, method: str) -> NDArray[Any]:
        """Return the response of a method.

        Parameters
        ----------
        method : str
            Its name.

        Returns
        -------
        ndarray of float32, shape (n_events,) or (n_events, n_outputs)
            Larger is more signal-like for most methods.

        Raises
        ------
        UnknownNameError
            If there is no such method; it names those that there are.
        """
        if method not in self.responses:
            what = "method"
            raise unknown_name(what, method, self.responses)
        return self.responses[method]

    def physics_weight(self, yields: Mapping[str, float] | None = None) -> NDArray[np.float64]:
        """Return weights that significances may be computed from.

        Parameters
        ----------
        yields : mapping of str to float, optional
            Expected number of events of each class, such as ``{"Signal": 12.5, "Background": 3400}``, to which the weights
            of the class are scaled. Default: those that hepml wrote into the file.

        Returns
        -------
        ndarray of float64, shape (n_events,)
            Signed weights.

        Raises
        ------
        WeightError
            If no yields are given, and the file has none, as it is with all that TMVA wrote.
        InvalidInputError
            If yields are not finite and positive, or not those of the classes.
        EmptyClassError
            If the weights of a class sum to zero or less.
        """
        names = list(self.classes.values())
        yields = self.yields if yields is None else yields
        if yields is None:
            why = f"{NORMALISED}: NormMode rescales each class" if self.weight_is_normalised else "those of a part"
            msg = (
                f"these weights are {why}, so a significance from them would mean nothing: give the expected yields of "
                f"{' and '.join(names)}"
            )
            raise WeightError(msg)
        if set(yields) != set(names) or not all(np.isfinite(value) and value > 0 for value in yields.values()):
            msg = f"yields are {dict(yields)}; needed is a positive number for each of the classes {', '.join(names)}"
            raise InvalidInputError(msg)
        scaled = self.weight.copy()
        for number, name in self.classes.items():
            of_class = self.class_id == number
            total = float(self.weight[of_class].sum())
            if not total > 0:
                msg = f"the weights of class {name} sum to {total:g}: they cannot be scaled to a yield of {yields[name]:g}"
                raise EmptyClassError(msg)
            scaled[of_class] *= yields[name] / total
        return scaled

    def to_dict(self) -> dict[str, Any]:
        """Return counts, sums of weights and names as plain JSON types; events themselves are left out."""
        return {
            "n_events": len(self),
            "weights": self.weight_label,
            "weight_is_normalised": self.weight_is_normalised,
            "classes": {
                name: {
                    "n_events": int((self.class_id == number).sum()),
                    "sum_of_weights": float(self.weight[self.class_id == number].sum()),
                }
                for number, name in self.classes.items()
            },
            "variables": list(self.variables),
            "spectators": list(self.spectators),
            "targets": list(self.targets),
            "methods": list(self.responses),
        }
