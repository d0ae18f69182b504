"""A dataset as a flat table, one column for each thing known of an event, and back without losing a bit."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.data.columns import evaluate_feature, required_branches
from hepml.data.cutflow import Cutflow, CutflowStep, SkippedFile
from hepml.data.dataset import Dataset, SampleInfo
from hepml.data.features import Feature
from hepml.data.identity import FALLBACK_NAMES, Identity, default_identity
from hepml.data.matrix import as_matrix
from hepml.data.weights import check_weights
from hepml.errors import BranchNotFoundError, FeatureValueError, IdentityError, InvalidInputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Table", "describe", "event_columns", "sample_from_dict"]

_LOG = logging.getLogger("hepml.data")

_FORMAT, _VERSION = "hepml-dataset", 1
_OWN = ("weight", "sample", "fixed_part")
_ROLES = {1: "signal", 0: "background", -1: "apply_only"}
_BUILD_DEFAULTS: dict[str, Any] = {"weight": None, "label": None, "identity": None, "spectators": (), "name": "events"}
_ROLE_NAMES = ("signal", "background", "data", "control", "apply_only")


def event_columns(dataset: Dataset) -> dict[str, NDArray[Any]]:
    """Return all columns by name: identity, features, spectators, ``weight``, ``sample`` and, if there, ``fixed_part``.

    Parameters
    ----------
    dataset : Dataset
        The events.

    Returns
    -------
    dict of str to ndarray, each of shape (n_events,)
        They share memory with the dataset. A spectator that repeats the identity stands there once.

    Raises
    ------
    InvalidInputError
        If two different columns have the same name.
    """
    columns: dict[str, NDArray[Any]] = dict(zip(dataset.identity.names, dataset.identity.columns, strict=True))
    own: dict[str, NDArray[Any]] = {"weight": dataset.weight, "sample": dataset.sample}
    if dataset.fixed_part is not None:
        own["fixed_part"] = dataset.fixed_part
    features = {name: dataset.X[:, number] for number, name in enumerate(dataset.feature_names)}
    for name, column in {**features, **dataset.spectators}.items():
        repeats = name in columns and name not in features and np.array_equal(columns[name], column)
        if name in own or (name in columns and not repeats):
            msg = f"a column named {name!r} cannot be written: the name is taken by the event's own {name}"
            raise InvalidInputError(msg)
        columns.setdefault(name, column)
    return columns | own


def describe(dataset: Dataset) -> dict[str, Any]:
    """Return what the columns of :func:`event_columns` do not hold, as plain JSON types.

    Parameters
    ----------
    dataset : Dataset
        The events.

    Returns
    -------
    dict
        Format, version, features, samples, and the names of identity and spectators.
    """
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "features": [feature.to_dict() for feature in dataset.features],
        "samples": [asdict(info) | {"files": list(info.files)} for info in dataset.samples],
        "identity": list(dataset.identity.names),
        "spectators": list(dataset.spectators),
    }


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns of some library.

    Parameters
    ----------
    names : tuple of str
        The columns that are there.
    get : callable
        Gives a column as a numpy array of shape (n_events,), without a copy where that is possible. Called with the name
        and with True if what is missing may become NaN; otherwise missing values are refused.
    n_events : int
        Number of rows.
    what : str
        What it is, for messages.
    """

    names: tuple[str, ...]
    get: Callable[[str, bool], NDArray[Any]]
    n_events: int
    what: str

    def dataset(
        self, description: Any, features: Sequence[str | Feature | tuple[str, str]] | None, options: Mapping[str, Any]
    ) -> Dataset:
        """Make a dataset: of a user's own columns if features are named, else the one that was taken apart.

        Parameters
        ----------
        description : object
            What the table carries: as :func:`describe` returned it, or None.
        features : sequence of str, (name, expression) or Feature, optional
            Columns, or expressions of them.
        options : mapping
            Further arguments of :meth:`build`.

        Returns
        -------
        Dataset
            From :meth:`build` or :meth:`restore`.

        Raises
        ------
        TypeError
            If there is no such option.
        InvalidInputError
            If neither features nor a description say what the columns are.
        """
        unknown = sorted(set(options) - set(_BUILD_DEFAULTS))
        if unknown:
            msg = f"unknown argument {unknown[0]!r} (known: features, {', '.join(_BUILD_DEFAULTS)})"
            raise TypeError(msg)
        if features is not None:
            return self.build(features, **{**_BUILD_DEFAULTS, **options})
        given = [key for key, value in options.items() if value is not None and value != _BUILD_DEFAULTS[key]]
        if given or not isinstance(description, dict):
            why = f"{given[0]} is given" if given else f"{self.what} carries no description by hepml"
            msg = f"{why}: name the features as well (columns: {', '.join(self.names)})"
            raise InvalidInputError(msg)
        return self.restore(description)

    def restore(self, description: Mapping[str, Any]) -> Dataset:
        """Make the dataset that :func:`event_columns` and :func:`describe` took apart, rows possibly fewer or reordered.

        Parameters
        ----------
        description : mapping
            As :func:`describe` returned it.

        Returns
        -------
        Dataset
            With features, samples, identity, spectators and weights as they were.

        Raises
        ------
        InvalidInputError
            If the description is damaged or of a newer version, or a column is not there any more.
        """
        found = (description.get("format"), description.get("version"))
        if found[0] != _FORMAT or not isinstance(found[1], int):
            msg = f"{self.what} is described as {found[0]!r}, version {found[1]!r}; expected {_FORMAT!r}"
            raise InvalidInputError(msg)
        if found[1] > _VERSION:
            known = f"is not known to this hepml (it knows {_VERSION}): update hepml"
            msg = f"version {found[1]} of {_FORMAT} in {self.what} {known}"
            raise InvalidInputError(msg)
        try:
            features = tuple(Feature.from_dict(item) for item in description["features"])
            samples = tuple(sample_from_dict(item) for item in description["samples"])
            identity, spectators = tuple(description["identity"]), tuple(description["spectators"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            msg = f"the description of {self.what} is damaged: {type(error).__name__}: {error}"
            raise InvalidInputError(msg) from error
        return Dataset(
            X=as_matrix([self._column(feature.name, missing_allowed=True) for feature in features], self.n_events),
            features=features,
            weight=_typed(self._column("weight"), np.float64, "weight"),
            sample=_typed(self._column("sample"), np.int32, "sample"),
            samples=samples,
            identity=self._identity(identity),
            spectators=self._spectators(spectators),
            fixed_part=_typed(self._column("fixed_part"), np.int8, "fixed_part")
            if "fixed_part" in self.names
            else None,
        )

    def build(
        self,
        features: Sequence[str | Feature | tuple[str, str]],
        *,
        weight: str | None,
        label: Any,
        identity: Sequence[str] | None,
        spectators: Sequence[str],
        name: str,
    ) -> Dataset:
        """Make a dataset of columns of a user's own; see :func:`hepml.data.interchange.from_pandas`."""
        chosen = tuple(Feature.of(item) for item in ([features] if isinstance(features, str) else features))
        values = [self._evaluate(feature) for feature in chosen]
        named = (identity,) if isinstance(identity, str) else tuple(identity or self._identity_by_convention())
        return assemble(
            as_matrix(values, self.n_events),
            chosen,
            weight=None if weight is None else self._evaluate(Feature(weight)),
            label=self._column(label) if isinstance(label, str) and label not in _ROLE_NAMES else label,
            identity=self._identity(named) if named else None,
            spectators=self._spectators(spectators),
            name=name,
        )

    def _any_column(self, name: str, *, missing_allowed: bool) -> Any:
        if name not in self.names:
            msg = (
                f"no column {name!r} in {self.what}{did_you_mean(name, self.names)} (columns: {', '.join(self.names)})"
            )
            raise BranchNotFoundError(msg)
        return self.get(name, missing_allowed)

    def _column(self, name: str, *, missing_allowed: bool = False) -> NDArray[Any]:
        column = self._any_column(name, missing_allowed=missing_allowed)
        is_flat = isinstance(column, np.ndarray) and column.ndim == 1
        if not is_flat or column.dtype.kind not in "iufb":
            kind = column.dtype if is_flat else "more than one value an event"
            msg = f"column {name!r} of {self.what} holds {kind}; one number for each event is needed"
            raise InvalidInputError(msg)
        return np.asarray(column)

    def _evaluate(self, feature: Feature) -> NDArray[Any]:
        """Compute an expression as a reader does; the name of a column need not be an expression."""
        if feature.expression in self.names and not feature.missing:
            return self._column(feature.expression, missing_allowed=True)
        names = required_branches([feature.expression])
        columns = {name: self._any_column(name, missing_allowed=True) for name in names}
        return evaluate_feature(feature, columns, self.n_events)

    def _identity_by_convention(self) -> tuple[str, ...]:
        names = default_identity(self.names)
        return names if all(self._column(name).dtype.kind in "iu" for name in names) else ()

    def _identity(self, names: tuple[str, ...]) -> Identity:
        return identity_of({name: self._column(name) for name in names})

    def _spectators(self, names: Sequence[str]) -> dict[str, NDArray[Any]]:
        return {name: spectator_column(name, self._column(name, missing_allowed=True)) for name in names}


def assemble(
    X: NDArray[np.float32],
    features: tuple[Feature, ...],
    *,
    weight: Any,
    label: Any,
    identity: Identity | None,
    spectators: Mapping[str, NDArray[Any]],
    name: str,
) -> Dataset:
    """Check what a user gave and make a dataset of it; see :func:`hepml.data.interchange.from_numpy`."""
    n_events = len(X)
    weights = np.ones(n_events) if weight is None else np.asarray(weight, dtype=np.float64).view()
    if weights.ndim == 1:
        check_weights(weights, f"sample {name!r}")
    for number, feature in enumerate(features[: X.shape[1]]):
        bad = np.flatnonzero(np.isinf(X[:, number]))
        if bad.size:
            msg = (
                f"feature {feature.name!r} is infinite, or beyond float32, for {bad.size} of {n_events} events (first: "
                f"event {bad[0]}): correct or exclude these events; missing values are NaN"
            )
            raise FeatureValueError(msg)
    if identity is None:
        _LOG.warning("%s: nothing identifies an event; the row number is used instead. Give `identity`", name)
        digest = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
        rows = np.arange(n_events, dtype=np.uint64)
        identity = Identity(FALLBACK_NAMES, (np.full(n_events, digest, dtype=np.uint64), rows))
    sample, roles = _samples(label, n_events)
    infos = []
    for number, role in enumerate(roles):
        chosen = weights if len(roles) == 1 else weights[sample == number]
        title = name if len(roles) == 1 else role
        infos.append(SampleInfo(title, role, n_entries=len(chosen), sum_weights=float(chosen.sum())))
    return Dataset(
        X=X,
        features=features,
        weight=weights,
        sample=sample,
        samples=tuple(infos),
        identity=identity,
        spectators=spectators,
    )


def identity_of(columns: Mapping[str, Any]) -> Identity:
    """Return the identity of named columns of integers; floating numbers are refused, since they may have lost bits."""
    found: list[Any] = []
    for name, values in columns.items():
        column = np.asarray(values)
        if column.dtype.kind not in "iu":
            msg = (
                f"identity column {name!r} has type {column.dtype}: integers are needed, since a floating number cannot "
                f"hold every event number"
            )
            raise IdentityError(msg)
        found.append(column.astype(np.int64 if column.dtype.kind == "i" else np.uint64, copy=False).view())
    return Identity(tuple(columns), tuple(found))


def spectator_column(name: str, column: NDArray[Any]) -> NDArray[Any]:
    """Return a column of numbers as a spectator is kept: integers in 64 bits, everything else as double."""
    if column.dtype.kind not in "iufb":
        msg = f"spectator {name!r} has type {column.dtype}; numbers are needed"
        raise InvalidInputError(msg)
    kind = {"i": np.int64, "u": np.uint64}.get(column.dtype.kind, np.float64)
    return column.astype(kind, copy=False).view()


def sample_from_dict(content: dict[str, Any]) -> SampleInfo:
    """Return a sample as :func:`describe` wrote it."""
    steps = tuple(CutflowStep(**step) for step in content["cutflow"]["steps"])
    # JSON knows no tuples
    facts: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
    skipped = tuple(SkippedFile(**file) for file in content.get("skipped", ()))
    return SampleInfo(**{**facts, "cutflow": Cutflow(steps), "skipped": skipped})


def _samples(label: Any, n_events: int) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Return the sample of each row and the role of each sample."""
    if label is None or isinstance(label, (str, int, np.integer)):
        role = label if isinstance(label, str) else "apply_only" if label is None else _ROLES.get(int(label))
        if role not in _ROLE_NAMES:
            msg = f"label is {label!r}; it must be 1, 0, None, an array, or one of {', '.join(_ROLE_NAMES)}"
            raise InvalidInputError(msg)
        return np.zeros(n_events, dtype=np.int32), (role,)
    values = np.asarray(label)
    there = [value for value in (1, 0, -1) if (values == value).any()]
    if values.shape != (n_events,) or not np.isin(values, (1, 0, -1)).all():
        msg = f"labels are 1 (signal), 0 (background) or -1 (unlabelled), one for each of {n_events} events"
        raise InvalidInputError(msg)
    sample = np.select([values == value for value in there], range(len(there)), 0).astype(np.int32)
    return sample, tuple(_ROLES[value] for value in there) or ("apply_only",)


def _typed(column: NDArray[Any], dtype: Any, name: str) -> NDArray[Any]:
    """Convert a column that a library may have widened; a value that would change is an error."""
    with np.errstate(invalid="ignore", over="ignore"):
        converted = column.astype(dtype, copy=False)
    if converted.dtype != column.dtype and not np.array_equal(converted, column):
        msg = f"column {name!r} has type {column.dtype} and values that {np.dtype(dtype)} cannot hold"
        raise InvalidInputError(msg)
    return converted.view()
