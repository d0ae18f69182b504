"""The trained methods that score events together: what several of them need is computed once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml import classifiers
from hepml.classifiers import FoldModel, Model
from hepml.classifiers.card import ModelCard
from hepml.classifiers.model_files import TmvaScorer
from hepml.data import FALLBACK_NAMES, Identity, SeenEvents
from hepml.data.columns import evaluate_feature, required_branches
from hepml.data.seen import NEW_EVENTS, SEEN_FILE
from hepml.errors import IdentityError, InvalidInputError, ModelFormatError
from hepml.expressions import parse
from hepml.tmva.methods.cuts import Cuts
from hepml.workflow.ranges import RangeCounter
from hepml.workflow.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from hepml.classifiers.card import FeatureRange
    from hepml.data import Feature

__all__ = ["Scorers"]

_NOT_KNOWN, _ALL_FOLDS = -1, -2


class _Method:
    """One model: its name, the places of its features among those of all methods, the number of its table of seen events."""

    def __init__(self, name: str, model: Model | FoldModel) -> None:
        self.name, self.model = name, model
        self.identity = model.identity if isinstance(model, FoldModel) else _texts(model, "identity")
        if self.identity == FALLBACK_NAMES:
            self.identity = ()
        self.scores = _score_names(name, model)
        self.columns: tuple[int, ...] = ()
        self.table: int | None = None

    def evaluate(
        self, X: NDArray[np.float32], identity: Identity | None, *, average: bool, sample: str | None
    ) -> NDArray[np.float64]:
        """Return the scores, shape (n_entries, n_scores)."""
        if isinstance(self.model, FoldModel):
            score = self.model.evaluate(X, identity=identity, average=average, sample=sample)
        else:
            score = self.model.evaluate(X)
        return np.array(score, dtype=np.float64).reshape(len(X), len(self.scores))

    def evaluate_finite(self, X: NDArray[np.float32], infinite: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the scores of a model that takes no missing values: NaN for entries in which a feature is infinite."""
        score = np.full((len(X), len(self.scores)), np.nan)
        score[~infinite] = self.evaluate(X[~infinite], None, average=False, sample=None)
        return score


class Scorers:
    """The methods of a run, or one model.

    Parameters
    ----------
    path : path-like
        A run folder, the folder of one model, or a model file of another program.
    sample : str, optional
        Sample of the training that the events belong to; ``none`` states that they are new.
    average : bool
        Score by the mean of the models of all folds; see :meth:`hepml.classifiers.FoldModel.evaluate`.
    signal_efficiency : float, optional
        For cuts of TMVA, which answer at one.

    Attributes
    ----------
    identity : tuple of str
        Expressions that identify an event; empty if nothing does and the events are new.
    trees : tuple of str
        Names of the trees that the models were trained on.
    branches : tuple of str
        Branches that are needed.
    names : tuple of str
        Columns that :meth:`evaluate` gives.
    ranges : RangeCounter
        Counts the entries that :meth:`evaluate` scores outside of the ranges of the trainings.

    Raises
    ------
    IdentityError
        If it cannot be said which events a model has seen.
    InvalidInputError
        If a method has the name of what identifies an event, the average is asked for where there are no folds, or a signal
        efficiency is missing where it is needed or given where it is not.
    ModelFormatError
        If a model is damaged.
    """

    def __init__(
        self,
        path: Path,
        sample: str | None = None,
        *,
        average: bool = False,
        signal_efficiency: float | None = None,
    ) -> None:
        models = _load(path)
        self._methods = [_Method(name, _at(signal_efficiency, model, path)) for name, model in models.items()]
        self._sample, self._average = (sample if sample == NEW_EVENTS else None), average
        if len({method.identity for method in self._methods}) != 1:
            msg = f"the models of {path} identify events differently: apply them one by one"
            raise IdentityError(msg)
        self.identity = self._methods[0].identity
        trees = [method.model.context.get("tree") for method in self._methods]
        self.trees = tuple(dict.fromkeys(tree for tree in trees if tree and isinstance(tree, str)))
        # what a model of another program has seen is not known, unless the user states it
        self._new_or_unknown = 0 if sample == NEW_EVENTS else _NOT_KNOWN
        self._tables: list[SeenEvents] = []
        self._read_tables(sample)
        self._features: list[Feature] = []
        self._place_features()
        self.ranges = RangeCounter(self._trained_ranges())
        texts = [feature.expression for feature in self._features]
        self.branches = required_branches([*texts, *self.identity])
        written = [name for method in self._methods for name in (*method.scores, f"{method.name}_seen")]
        self.names = (*self.identity, *written)
        for name in written:
            if name in self.identity:
                msg = f"{name!r} would name two branches of the friend, a score and what identifies an event"
                raise InvalidInputError(msg)

    def _read_tables(self, sample: str | None) -> None:
        """Read the tables of seen events; methods of one run have the same one."""
        numbers: dict[tuple[bytes, tuple[str, ...]], int] = {}
        for method in self._methods:
            if isinstance(method.model, FoldModel):
                if sample != NEW_EVENTS and method.model.seen is not None:
                    method.model = replace(method.model, seen=method.model.seen.within(sample))
                continue
            if self._average:
                msg = f"{method.name} is one model and not one for each fold: there is nothing to average"
                raise InvalidInputError(msg)
            if sample == NEW_EVENTS or method.model.is_foreign:
                continue
            if not self.identity:
                msg = (
                    f"{method.name} was trained without branches that identify an event, so it cannot be said which events "
                    f"it has seen: state `identity:` in the analysis file and train again, or state that all events are new "
                    f"by --sample {NEW_EVENTS}"
                )
                raise IdentityError(msg)
            if SEEN_FILE not in method.model.attachments:
                one = "is one of several folds and" if "fold" in method.model.context else "was stored without"
                whole = (
                    "apply the model of all folds, the folder above it, or " if "fold" in method.model.context else ""
                )
                msg = (
                    f"{method.name} {one} holds no table of the events it was trained on: {whole}state that events are new "
                    f"by --sample {NEW_EVENTS}"
                )
                raise ModelFormatError(msg)
            content, samples = method.model.attachments[SEEN_FILE], _texts(method.model, "samples")
            if (content, samples) not in numbers:
                numbers[content, samples] = len(self._tables)
                self._tables.append(SeenEvents.from_bytes(content, self.identity, samples).within(sample))
            method.table = numbers[content, samples]

    def _place_features(self) -> None:
        places: dict[tuple[str, tuple[float, ...]], int] = {}
        for method in self._methods:
            columns = []
            for feature in method.model.features:
                key = (feature.expression, feature.missing)
                if key not in places:
                    places[key] = len(self._features)
                    self._features.append(feature)
                columns.append(places[key])
            method.columns = tuple(columns)

    def _trained_ranges(self) -> Iterator[tuple[int, FeatureRange]]:
        for method in self._methods:
            card = ModelCard.from_context(method.model.context)
            if card is None:
                continue
            names = [feature.name for feature in method.model.features]
            if [trained.name for trained in card.features] != names:
                msg = f"the card of {method.name} has other features than the model: it is damaged"
                raise ModelFormatError(msg)
            yield from zip(method.columns, card.features, strict=True)

    def identify(self, columns: Mapping[str, Any], n_entries: int) -> tuple[NDArray[Any], ...]:
        """Return what identifies each entry, in 64-bit integers; see :meth:`evaluate`."""
        return tuple(parse(text).evaluate_integer(columns, n_entries) for text in self.identity)

    def features(self, columns: Mapping[str, Any], n_entries: int) -> NDArray[np.float32]:
        """Compute each feature of all methods once; see :meth:`evaluate`."""
        X = np.empty((n_entries, len(self._features)), dtype=np.float32, order="F")
        with np.errstate(over="ignore"):
            for number, feature in enumerate(self._features):
                X[:, number] = evaluate_feature(feature, columns, n_entries)
        return X

    def evaluate(self, columns: Mapping[str, Any], n_entries: int) -> tuple[dict[str, NDArray[Any]], int]:
        """Score entries.

        Parameters
        ----------
        columns : mapping of str to array, each with n_entries entries
            The branches.
        n_entries : int
            Number of entries.

        Returns
        -------
        columns : dict of str to ndarray, each of shape (n_entries,)
            Identity in 64-bit integers; for each method ``METHOD``, float64, NaN where a feature of it is infinite, and
            ``METHOD_seen``, int32. Of several outputs ``METHOD_CLASS`` or ``METHOD_TARGET``, and ``METHOD_0``,
            ``METHOD_1``, ... of a model of another program.
        n_not_scored : int
            Entries that a method could not score.

        Raises
        ------
        ExpressionError
            If an expression cannot be computed of these columns.
        """
        integers = self.identify(columns, n_entries)
        written: dict[str, NDArray[Any]] = dict(zip(self.identity, integers, strict=True))
        identity = Identity(self.identity, integers) if self.identity else None
        seen = self._seen(identity, n_entries)
        X = self.features(columns, n_entries)
        self.ranges.count(X)
        infinite = {number: rows for number in range(X.shape[1]) if (rows := np.isinf(X[:, number])).any()}
        not_scored = np.zeros(n_entries, dtype=bool)
        matrices: dict[tuple[int, ...], NDArray[np.float32]] = {}
        for method in self._methods:
            if method.columns not in matrices:
                matrices[method.columns] = _matrix(X, method.columns, infinite)
            matrix = matrices[method.columns]
            bad = [infinite[number] for number in infinite.keys() & set(method.columns)]
            if bad and isinstance(method.model, Model) and not method.model.estimator.handles_nan:
                score = method.evaluate_finite(matrix, np.logical_or.reduce(bad))
            else:
                score = method.evaluate(matrix, identity, average=self._average, sample=self._sample)
            for rows in bad:
                score[rows] = np.nan
                not_scored |= rows
            written |= zip(method.scores, score.T, strict=True)
            written[f"{method.name}_seen"] = seen[method.name]
        return written, int(not_scored.sum())

    def _seen(self, identity: Identity | None, n_entries: int) -> dict[str, NDArray[np.int32]]:
        """Return ``METHOD_seen`` of each method."""
        tables = [] if identity is None else [table.lookup(identity).astype(np.int32) for table in self._tables]
        seen = {}
        for method in self._methods:
            if isinstance(method.model, FoldModel) and identity is not None and not self._average:
                seen[method.name] = method.model.folds.of(identity).astype(np.int32)
            elif method.table is not None:
                seen[method.name] = tables[method.table]
            else:
                known = _ALL_FOLDS if self._average else self._new_or_unknown if method.model.is_foreign else 0
                seen[method.name] = np.full(n_entries, known, dtype=np.int32)
        return seen


def _matrix(
    X: NDArray[np.float32], columns: tuple[int, ...], infinite: Mapping[int, NDArray[np.bool_]]
) -> NDArray[np.float32]:
    """Return the matrix of some features; rows in which one is infinite are NaN. All features in order are not copied."""
    chosen = X if columns == tuple(range(X.shape[1])) else np.asfortranarray(X[:, list(columns)])
    bad = [infinite[number] for number in columns if number in infinite]
    if bad:
        chosen = chosen.copy(order="F") if chosen is X else chosen
        chosen[np.logical_or.reduce(bad)] = np.nan
    return chosen


def holds_cuts(model: Model | FoldModel) -> bool:
    """Whether the model is cuts of TMVA, which answer at a signal efficiency."""
    estimator = getattr(model, "estimator", None)
    return isinstance(estimator, TmvaScorer) and isinstance(estimator.reader.method, Cuts)


def cuts_at(signal_efficiency: float | None, model: Any) -> Any:
    """Return cuts of TMVA with the efficiency at which they answer.

    Raises
    ------
    InvalidInputError
        If there is none, or it is out of range.
    """
    model.estimator.reader.method.bin_of(signal_efficiency)
    return replace(model, estimator=replace(model.estimator, signal_efficiency=signal_efficiency))


def _load(path: Path) -> dict[str, Any]:
    if (path / "metrics.json").is_file():
        run = Run(path)
        return {name: run.model(name) for name in run.method_names}
    model = classifiers.load(path)
    return {str(model.context.get("method", path.name)): model}


def _at(signal_efficiency: float | None, model: Any, path: Path) -> Any:
    """Return the model, cuts of TMVA with the efficiency at which they answer."""
    if holds_cuts(model):
        return cuts_at(signal_efficiency, model)
    if signal_efficiency is not None:
        msg = f"{path} holds no cuts of TMVA, so there is no signal efficiency to choose"
        raise InvalidInputError(msg)
    return model


def _score_names(name: str, model: Model | FoldModel) -> tuple[str, ...]:
    if model.n_scores == 1:
        return (name,)
    outputs = _texts(model, "outputs") or tuple(str(number) for number in range(model.n_scores))
    if len(outputs) != model.n_scores or len(set(outputs)) != len(outputs):
        msg = f"{name} has {model.n_scores} outputs and names {', '.join(outputs)} for them: it is damaged"
        raise ModelFormatError(msg)
    return tuple(f"{name}_{output}" for output in outputs)


def _texts(model: Any, key: str) -> tuple[str, ...]:
    """Return a list of texts that a model remembers; a model is not trusted to remember anything."""
    found: Iterable[Any] = model.context.get(key, [])
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        msg = f"the model's {key!r} is not a list of texts: it is damaged"
        raise ModelFormatError(msg)
    return tuple(found)
