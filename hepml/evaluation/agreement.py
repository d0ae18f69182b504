"""Do classifiers choose the same events? Correlations of their scores and the overlap of what passes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.correlations import Correlations, correlations
from hepml.evaluation.display import Displayed
from hepml.evaluation.efficiency import efficiency
from hepml.evaluation.events import ScoredEvents, as_scores
from hepml.evaluation.roc import roc_curve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["ClassifierAgreement", "Overlap", "classifier_agreement"]


@dataclass(frozen=True, slots=True, eq=False)
class Overlap(Displayed):
    """Decisions of pairs of classifiers on the events of one class, matrices of shape (n_methods, n_methods).

    Parameters
    ----------
    both, both_error : ndarray of float64
        Share of the events that pass both cuts; on the diagonal each method's efficiency.
    same, same_error : ndarray of float64
        Share of the events for which the decisions agree, pass or fail: TMVA's overlap matrix.
    """

    both: Floats
    both_error: Floats
    same: Floats
    same_error: Floats

    def to_dict(self) -> dict[str, Any]:
        """Return the matrices as plain JSON types."""
        return {name: getattr(self, name).tolist() for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True, eq=False)
class ClassifierAgreement(Displayed):
    """Several classifiers on the same events.

    Parameters
    ----------
    names : tuple of str
        The methods, in the order of all matrices.
    signal_efficiency : float
        At which all are cut.
    thresholds : tuple of float
        The cut of each method.
    signal_correlations, background_correlations : Correlations
        Linear and rank correlations of the scores.
    signal_overlap, background_overlap : Overlap
        Of what passes.
    """

    names: tuple[str, ...]
    signal_efficiency: float
    thresholds: tuple[float, ...]
    signal_correlations: Correlations = field(repr=False)
    background_correlations: Correlations = field(repr=False)
    signal_overlap: Overlap = field(repr=False)
    background_overlap: Overlap = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return names, cuts and matrices as plain JSON types; what is not computable is None."""
        return {
            "names": list(self.names),
            "signal_efficiency": self.signal_efficiency,
            "thresholds": list(self.thresholds),
            "signal": {"correlations": self.signal_correlations.to_dict(), "overlap": self.signal_overlap.to_dict()},
            "background": {
                "correlations": self.background_correlations.to_dict(),
                "overlap": self.background_overlap.to_dict(),
            },
        }


def classifier_agreement(
    y_true: ArrayLike,
    scores: Mapping[str, ArrayLike],
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    signal_efficiency: float = 0.5,
) -> ClassifierAgreement:
    """Compare the scores and the decisions of classifiers on the same events.

    Parameters
    ----------
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    scores : mapping of str to array-like of float, each of shape (n_events,)
        Scores by the name of the method.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are not independent.
    signal_efficiency : float
        Each method is cut where it keeps this share of the signal, in (0, 1].

    Returns
    -------
    ClassifierAgreement
        Correlations and overlaps with errors, which are those at fixed cuts.

    Raises
    ------
    EmptyClassError, WeightError
        As :func:`hepml.evaluation.roc_curve`.
    InvalidInputError
        If there is no method, a score is NaN or infinite, the shapes differ, or the efficiency is not in (0, 1].

    Notes
    -----
    TMVA's overlap matrix is ``same``, without weights, where each method is cut at its own ``eff_S = 1 - eff_B``; here all
    keep the same share of the signal, so that a difference is one of which events, not of how many.

    Examples
    --------
    >>> result = classifier_agreement([0, 0, 1, 1], {"A": [1, 2, 3, 4], "B": [2, 1, 4, 3]})
    >>> result.signal_overlap.both.tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    if not scores:
        msg = "there are no scores: give those of at least one method"
        raise InvalidInputError(msg)
    first = ScoredEvents.check(y_true, next(iter(scores.values())), weight, event)
    columns = [as_scores(score, first.score.size, f"score of {name!r}") for name, score in scores.items()]
    points = [
        roc_curve(first.is_signal, column, first.weight).at_signal_efficiency(signal_efficiency) for column in columns
    ]
    passed = [column >= point.threshold for column, point in zip(columns, points, strict=True)]
    matrix = np.column_stack(columns)

    def of_class(mask: NDArray[np.bool_]) -> tuple[Correlations, Overlap]:
        weights = first.weight[mask]
        events = None if first.event is None else first.event[mask]
        return correlations(matrix[mask], weights, event=events), _overlap(
            [cut[mask] for cut in passed], weights, events
        )

    signal, background = of_class(first.is_signal), of_class(~first.is_signal)
    return ClassifierAgreement(
        names=tuple(scores),
        signal_efficiency=float(signal_efficiency),
        thresholds=tuple(point.threshold for point in points),
        signal_correlations=signal[0],
        background_correlations=background[0],
        signal_overlap=signal[1],
        background_overlap=background[1],
    )


def _overlap(passed: list[NDArray[np.bool_]], weight: Floats, event: NDArray[np.int64] | None) -> Overlap:
    n = len(passed)
    both, both_error, same, same_error = (np.zeros((n, n)) for _ in range(4))
    for i in range(n):
        for j in range(i + 1):
            for value, error, agreed in (
                (both, both_error, passed[i] & passed[j]),
                (same, same_error, passed[i] == passed[j]),
            ):
                found = efficiency(agreed, weight, event=event)
                value[i, j] = value[j, i] = found.value
                error[i, j] = error[j, i] = found.error
    return Overlap(both, both_error, same, same_error)
