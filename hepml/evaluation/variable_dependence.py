"""How a score and its cuts depend on one variable, a spectator for example, in both classes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from hepml.errors import HepmlError
from hepml.evaluation.display import Displayed
from hepml.evaluation.distance_correlation import DistanceCorrelation, distance_correlation
from hepml.evaluation.events import ScoredEvents
from hepml.evaluation.flatness import Flatness, flatness
from hepml.evaluation.ranking import Ranking
from hepml.evaluation.score_slices import ScoreSlices, score_slices
from hepml.evaluation.sculpting import Sculpting, sculpting
from hepml.evaluation.uniformity import Uniformity, uniformity
from hepml.evaluation.variable_bins import as_column

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ClassDependence", "VariableDependence", "variable_dependence"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class ClassDependence(Displayed):
    """One class; what is not computable is None, and ``not_computable`` says why.

    Parameters
    ----------
    flatness : tuple of Flatness or None
        Efficiency in bins of the variable, for each cut.
    sculpting : tuple of Sculpting or None
        Shape of the variable after and before each cut.
    uniformity : Uniformity or None
        Of the score over all cuts.
    distance_correlation : DistanceCorrelation or None
        Of score and variable.
    slices : ScoreSlices or None
        Shape of the variable in slices of the score.
    not_computable : mapping of str to str
        Reasons, by name of the measure.
    """

    flatness: tuple[Flatness | None, ...]
    sculpting: tuple[Sculpting | None, ...]
    uniformity: Uniformity | None
    distance_correlation: DistanceCorrelation | None
    slices: ScoreSlices | None
    not_computable: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain JSON types; what is not computable is None."""
        return {
            "flatness": [None if found is None else found.to_dict() for found in self.flatness],
            "sculpting": [None if found is None else found.to_dict() for found in self.sculpting],
            "uniformity": None if self.uniformity is None else self.uniformity.to_dict(),
            "distance_correlation": None if self.distance_correlation is None else self.distance_correlation.to_dict(),
            "slices": None if self.slices is None else self.slices.to_dict(),
            "not_computable": self.not_computable,
        }


@dataclass(frozen=True, slots=True, eq=False)
class VariableDependence(Displayed):
    """Both classes and one variable.

    Parameters
    ----------
    variable : str
        Its name.
    thresholds : tuple of float
        The cuts ``score >= threshold``.
    signal, background : ClassDependence
        What was found.
    """

    variable: str
    thresholds: tuple[float, ...]
    signal: ClassDependence = field(repr=False)
    background: ClassDependence = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain JSON types."""
        return {
            "variable": self.variable,
            "thresholds": list(self.thresholds),
            "signal": self.signal.to_dict(),
            "background": self.background.to_dict(),
        }


def variable_dependence(
    y_true: ArrayLike,
    score: ArrayLike,
    values: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    variable: str,
    thresholds: Sequence[float],
    event: ArrayLike | None = None,
    seed: int | np.random.SeedSequence = 0,
) -> VariableDependence:
    """Compute everything that this room knows of the dependence of a score on a variable.

    Parameters
    ----------
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    score : array-like of float, shape (n_events,)
        Larger is more signal-like; finite.
    values : array-like of float, shape (n_events,)
        The variable; NaN is missing.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    variable : str
        Its name.
    thresholds : sequence of float
        Cuts ``score >= threshold``, chosen on other events.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are not independent.
    seed : int or numpy.random.SeedSequence
        Seed of what the distance correlation draws of many events.

    Returns
    -------
    VariableDependence
        A measure that these events do not allow is None, with its reason; the others are there.

    Raises
    ------
    EmptyClassError, InvalidInputError, WeightError
        As :func:`hepml.evaluation.roc_curve`.
    """
    events = ScoredEvents.check(y_true, score, weight, event)
    column = as_column(values, events.score.size, variable)

    def of_class(here: NDArray[np.bool_]) -> ClassDependence:
        given, of_variable, sizes = events.score[here], column[here], events.weight[here]
        event_given = None if events.event is None else events.event[here]
        # what bins the variable finds it sorted; the others may find the score sorted
        ranking = Ranking(of_variable)
        own_score, own_values, own_weight = (ranking.ascending(rows) for rows in (given, of_variable, sizes))
        own_event = None if event_given is None else ranking.ascending(event_given)
        reasons: dict[str, str] = {}

        def tried(name: str, compute: Callable[[], T]) -> T | None:
            try:
                return compute()
            except HepmlError as error:
                reasons[name] = str(error)
                return None

        passed = [own_score >= threshold for threshold in thresholds]
        return ClassDependence(
            flatness=tuple(
                tried("flatness", partial(flatness, cut, own_values, own_weight, event=own_event)) for cut in passed
            ),
            sculpting=tuple(
                tried("sculpting", partial(sculpting, cut, own_values, own_weight, event=own_event)) for cut in passed
            ),
            uniformity=tried("uniformity", lambda: uniformity(own_score, own_values, own_weight, event=own_event)),
            distance_correlation=tried(
                "distance_correlation",
                lambda: distance_correlation(given, of_variable, sizes, event=event_given, seed=seed),
            ),
            slices=tried("slices", lambda: score_slices(given, of_variable, sizes, event=event_given)),
            not_computable=reasons,
        )

    return VariableDependence(
        variable=variable,
        thresholds=tuple(float(threshold) for threshold in thresholds),
        signal=of_class(events.is_signal),
        background=of_class(~events.is_signal),
    )
