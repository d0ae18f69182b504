"""Classifiers inside of a classifier: made of options, trained, kept in its bundle and read from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.classifiers import registry
from hepml.classifiers.parameters import check_names
from hepml.errors import EmptyClassError, HepmlError, InvalidInputError, ModelFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from hepml.classifiers.base import Classifier
    from hepml.classifiers.training import TrainingPart
    from hepml.data import Feature

__all__ = ["Member", "build_member", "checked_names", "fit_member", "members_of", "payloads_of", "states_of"]

_KEYS = {"name": str, "kind": str, "parameters": dict, "columns": list, "state": dict, "training_report": dict}
# kinds that are made of others, which cannot be inside of one
_COMPOSED = ("category", "ensemble")


@dataclass(frozen=True, slots=True)
class Member:
    """A fitted classifier and the features that it needs.

    Parameters
    ----------
    name : str
        What it is called in the analysis file.
    estimator : Classifier
        Fitted.
    columns : tuple of int
        Its features among those of the whole.
    """

    name: str
    estimator: Classifier
    columns: tuple[int, ...]

    def decision(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return its log-odds."""
        return self.estimator.decision_function(X[:, list(self.columns)])

    def score(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return its score."""
        return self.estimator.evaluate(X[:, list(self.columns)])


def build_member(options: object, where: str, *, random_state: int, number: int, n_jobs: int | None) -> Classifier:
    """Make a classifier of a mapping with ``kind`` and options, as a method of an analysis file is.

    Raises
    ------
    InvalidInputError, UnknownNameError
        If it is no such mapping, or a kind or an option is not known.
    """
    if not isinstance(options, dict) or not isinstance(options.get("kind"), str):
        msg = f"{where}: must be a mapping with the kind of a classifier and its options, not {options!r}"
        raise InvalidInputError(msg)
    kind = options["kind"]
    if kind in _COMPOSED:
        msg = f"{where}.kind: {kind} is made of classifiers itself and cannot stand inside of another"
        raise InvalidInputError(msg)
    cls = registry.get(kind)
    given = {key: value for key, value in options.items() if key != "kind"}
    declared = cls.declared_parameters()
    if "negative_weights" in given:
        msg = f"{where}.negative_weights: the policy is an option of the whole"
        raise InvalidInputError(msg)
    if "random_state" in declared:
        seed = np.random.SeedSequence([random_state, number]).generate_state(1)[0]
        given.setdefault("random_state", int(seed >> 1))
    if "n_jobs" in declared:
        given.setdefault("n_jobs", n_jobs)
    made: Classifier = cls.from_options(given, where)
    if made.needed_spectators():
        msg = (
            f"{where}: its options need columns beside the features, which a classifier inside of another is not given"
        )
        raise InvalidInputError(msg)
    return made


def fit_member(
    name: str,
    estimator: Classifier,
    train: TrainingPart,
    validation: TrainingPart | None,
    features: Sequence[Feature],
    *,
    n_classes: int,
    columns: Sequence[int],
    rows: NDArray[Any] | None = None,
    validation_rows: NDArray[Any] | None = None,
) -> Member:
    """Train a member on some of the events and features; the weights are as the policy of the whole left them.

    Raises
    ------
    EmptyClassError
        If its training events lack a class.
    HepmlError
        As its own ``fit``; the message names the member.
    """
    chosen = np.arange(len(train.X)) if rows is None else np.flatnonzero(rows)
    target = train.target[chosen]
    if np.unique(target).size != n_classes:
        msg = f"{name}: its {len(chosen)} training events are not of all {n_classes} classes"
        raise EmptyClassError(msg)
    places = list(columns)
    held_out = None
    if validation is not None:
        kept = np.arange(len(validation.X)) if validation_rows is None else np.flatnonzero(validation_rows)
        held_out = (validation.X[kept][:, places], validation.target[kept], validation.weight[kept])
    try:
        estimator.fit(
            train.X[chosen][:, places],
            target,
            train.weight[chosen],
            validation=held_out,
            features=[features[place] for place in places],
        )
    except HepmlError as error:
        msg = f"{name}: {error}"
        raise type(error)(msg) from error
    return Member(name, estimator, tuple(places))


def states_of(members: Sequence[Member]) -> list[dict[str, Any]]:
    """Return what the model file holds of members, as plain JSON types."""
    return [
        {
            "name": member.name,
            "kind": member.estimator.kind,
            "parameters": member.estimator.get_params(deep=False),
            "columns": list(member.columns),
            "state": member.estimator._state(),
            "training_report": member.estimator.training_report_,
        }
        for member in members
    ]


def payloads_of(members: Sequence[Member]) -> dict[str, bytes]:
    """Return the payload files of all members, each behind the number of its member."""
    return {
        f"{number}.{name}": content
        for number, member in enumerate(members)
        for name, content in member.estimator._payloads().items()
    }


def members_of(states: object, payloads: Mapping[str, bytes], *, n_features: int, n_classes: int) -> tuple[Member, ...]:
    """Read what :func:`states_of` and :func:`payloads_of` returned, trusting nothing.

    Raises
    ------
    ModelFormatError
        If something does not fit.
    """
    from hepml.classifiers.bundle_files import check_keys

    if not isinstance(states, list) or not states:
        msg = "the model has no members"
        raise ModelFormatError(msg)
    left, members = dict(payloads), []
    for number, state in enumerate(states):
        check_keys(state, _KEYS, f"members[{number}]")
        columns = state["columns"]
        if not columns or any(type(place) is not int or not 0 <= place < n_features for place in columns):
            msg = f"members[{number}]: its columns are none, or not among the {n_features} features"
            raise ModelFormatError(msg)
        if state["kind"] in _COMPOSED:
            msg = f"members[{number}]: a {state['kind']} inside of another"
            raise ModelFormatError(msg)
        prefix = f"{number}."
        own = {name.removeprefix(prefix): left.pop(name) for name in list(left) if name.startswith(prefix)}
        cls = registry.get(state["kind"])
        check_names(cls.kind, state["parameters"], cls.declared_parameters(), f"members[{number}].parameters")
        estimator = cls.from_options(state["parameters"])
        if n_classes > 2 and not cls.multiclass:
            msg = f"members[{number}]: {cls.kind} has two classes, and the model {n_classes}"
            raise ModelFormatError(msg)
        estimator.classes_ = np.arange(n_classes)
        estimator.n_features_in_ = len(columns)
        estimator.training_report_ = state["training_report"]
        estimator._restore(state["state"], own)
        members.append(Member(state["name"], estimator, tuple(columns)))
    if left:
        msg = f"no member has the payload {min(left)!r}"
        raise ModelFormatError(msg)
    return tuple(members)


def checked_names(names: object, known: Sequence[str], where: str) -> tuple[int, ...]:
    """Return the places of features by name.

    Raises
    ------
    InvalidInputError, UnknownNameError
        If it is no list of different names, or one is no feature.
    """
    from hepml.errors import unknown_name

    if not isinstance(names, list) or not names or len(set(map(str, names))) != len(names):
        msg = f"{where}: must be a list of different names of features, not {names!r}"
        raise InvalidInputError(msg)
    for name in names:
        if name not in known:
            raise unknown_name(kind=f"feature in {where}", name=str(name), known=known)
    return tuple(known.index(name) for name in names)
