"""How much each feature is worth to a score, by whichever definition: one result for all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import ScoredEvents, as_scores
from hepml.evaluation.influence import area_influence, by_event

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["FeatureImportance", "auc_losses"]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureImportance(Displayed):
    """Importance of each feature, and of groups of features where they were looked at together.

    Parameters
    ----------
    kind : str
        Definition, such as ``permutation``, ``drop_column``, ``contribution``, ``tmva``, ``total_gain``.
    names : tuple of str
        Features in the order given, then groups.
    members : tuple of tuple of str
        The features behind each name: itself, or those of the group.
    value, error : ndarray of float64, shape (n_names,)
        Importance and its standard deviation. NaN where not computable, or where the definition has no error.
    spread : ndarray of float64, shape (n_names,)
        Standard deviation over repetitions on the same events; NaN without them.
    facts : mapping
        What it was computed from, in plain JSON types.
    """

    kind: str
    names: tuple[str, ...]
    members: tuple[tuple[str, ...], ...]
    value: Floats
    error: Floats
    spread: Floats
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_features(
        cls,
        kind: str,
        names: Sequence[str],
        value: ArrayLike,
        error: ArrayLike | None = None,
        *,
        facts: Mapping[str, Any] | None = None,
    ) -> FeatureImportance:
        """Make a result without groups.

        Parameters
        ----------
        kind, names, facts
            As for the class.
        value, error : array-like of float, shape (n_features,)
            No error: NaN.

        Returns
        -------
        FeatureImportance
            One entry a feature.

        Raises
        ------
        InvalidInputError
            If there are not as many values as names.
        """
        values = np.asarray(value, dtype=np.float64)
        nothing = np.full(len(names), np.nan)
        errors = nothing if error is None else np.asarray(error, dtype=np.float64)
        if values.shape != nothing.shape or errors.shape != nothing.shape:
            msg = f"{kind}: {len(names)} features, but values of shape {values.shape} and errors of {errors.shape}"
            raise InvalidInputError(msg)
        return cls(kind, tuple(names), tuple((name,) for name in names), values, errors, nothing, dict(facts or {}))

    def ranked(self) -> list[str]:
        """Return the names of single features by decreasing value, those that are not computable last."""
        single = [index for index, members in enumerate(self.members) if len(members) == 1]
        keys = np.where(np.isnan(self.value), -np.inf, self.value)
        return [self.names[index] for index in sorted(single, key=lambda index: -keys[index])]

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain JSON types; what is not computable is None."""
        entries = []
        for index, (name, members) in enumerate(zip(self.names, self.members, strict=True)):
            entry: dict[str, Any] = {"name": name}
            if len(members) > 1:
                entry["members"] = list(members)
            for key in ("value", "error", "spread"):
                number = float(getattr(self, key)[index])
                entry[key] = number if np.isfinite(number) else None
            entries.append(entry)
        return {"kind": self.kind, **self.facts, "features": entries}


def auc_losses(
    kind: str,
    y_true: ArrayLike,
    score: ArrayLike,
    altered: Iterable[tuple[Sequence[str], Iterable[ArrayLike]]],
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    facts: Mapping[str, Any] | None = None,
) -> FeatureImportance:
    r"""Loss of area under the ROC curve when features say nothing any more, on the same events.

    Parameters
    ----------
    kind : str
        Name of the definition.
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    score : array-like of float, shape (n_events,)
        Of the method as it is.
    altered : iterable of (sequence of str, iterable of array-like)
        The features that were taken away, and the scores without them: one array of shape (n_events,) a repetition. They
        are consumed one by one.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are not independent.
    facts : mapping, optional
        What else the result shall say of itself, in plain JSON types.

    Returns
    -------
    FeatureImportance
        Several features together are named ``a + b``. ``value`` is the area with the features less the mean area without
        them: negative if the method is better without.

    Raises
    ------
    EmptyClassError, InvalidInputError, WeightError
        As :func:`hepml.evaluation.roc_curve`; also if a feature set has no scores.

    Notes
    -----
    The error is paired: with the DeLong influences :math:`\psi_e` of event e on the areas (E. DeLong et al., Biometrics 44
    (1988) 837), :math:`\sigma^2 = \sum_e (\psi_e - \overline{\psi'_e})^2`, where the bar is the mean over repetitions.
    """
    events = ScoredEvents.check(y_true, score, weight, event)
    area, of_rows = area_influence(events)
    influence = by_event(of_rows, events.event)
    members, value, error, spread = [], [], [], []
    for taken, repetitions in altered:
        areas: list[float] = []
        mean = np.zeros_like(influence)
        for number, other in enumerate(repetitions):
            found, of_rows = area_influence(events.with_score(as_scores(other, events.weight.size)))
            areas.append(found)
            mean += (by_event(of_rows, events.event) - mean) / (number + 1)
        if not areas:
            msg = f"{kind}: there are no scores without {', '.join(taken)}"
            raise InvalidInputError(msg)
        members.append(tuple(taken))
        value.append(area - sum(areas) / len(areas))
        error.append(float(np.sqrt(np.square(influence - mean).sum())))
        spread.append(float(np.std(areas, ddof=1)) if len(areas) > 1 else np.nan)
    return FeatureImportance(
        kind,
        tuple(" + ".join(names) for names in members),
        tuple(members),
        np.array(value),
        np.array(error),
        np.array(spread),
        {"auc": area, "n_rows": int(events.weight.size), **(facts or {})},
    )
