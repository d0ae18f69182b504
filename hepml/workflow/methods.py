"""Training one method, choosing its cuts on the validation part, and taking up an earlier, complete training."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml import classifiers
from hepml.classifiers import FoldModel
from hepml.classifiers.card import CARD
from hepml.data import Part
from hepml.data.seen import SEEN_FILE
from hepml.errors import HepmlError, InvalidInputError, ModelFormatError, unknown_name
from hepml.evaluation import roc_curve
from hepml.workflow.cards import training_card
from hepml.workflow.seeds import task_seed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hepml.classifiers import Model
    from hepml.config import AnalysisConfig
    from hepml.data import SeenEvents
    from hepml.workflow.preparation import Prepared, Selection

__all__ = [
    "CHECKPOINT_SUFFIX",
    "Cut",
    "MethodScores",
    "TrainedMethod",
    "build_estimators",
    "choose_cuts",
    "fold_scores",
    "task_name",
    "train_method",
]

# of what a training that was interrupted goes on from, beside the folder of its model
CHECKPOINT_SUFFIX = ".training"

_LOG = logging.getLogger("hepml.workflow")


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut on the score, chosen on the validation part.

    Parameters
    ----------
    target : float
        Signal efficiency that was asked for.
    threshold : float
        Events with ``score >= threshold`` pass.
    output : str
        Of several classes, that whose score is cut on and whose efficiency it is.
    """

    target: float
    threshold: float
    output: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class MethodScores:
    """Scores of one method.

    Parameters
    ----------
    all : ndarray of float64, shape (n_events,) or (n_events, n_outputs)
        Of every event of the dataset, as the deployed model gives it: with folds by the model that has not seen the event.
    train, validation, test : ndarray of float64, shape (n_part,) or (n_part, n_outputs)
        Of the events of each part. With folds all events are in each part, and these are the scores by a model that was
        trained on the event, by the one that stopped on it, and by the one that has not seen it.
    """

    all: NDArray[np.float64]
    train: NDArray[np.float64]
    validation: NDArray[np.float64]
    test: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TrainedMethod:
    """A trained method with its cuts, and whether it was taken from an earlier, interrupted run."""

    name: str
    model: Model | FoldModel
    cuts: tuple[Cut, ...]
    resumed: bool

    @property
    def models(self) -> tuple[Model, ...]:
        """The one model, or those of all folds."""
        return self.model.models if isinstance(self.model, FoldModel) else (self.model,)

    def parameters(self) -> dict[str, Any]:
        """Return the options as plain JSON types; a list where they differ from fold to fold, as seeds do."""
        estimators: list[Any] = [model.estimator for model in self.models]
        found = [_plain(estimator.get_params()) for estimator in estimators]
        return {
            key: value if all(other[key] == value for other in found) else [other[key] for other in found]
            for key, value in found[0].items()
        }

    def training_report(self) -> dict[str, Any]:
        """Return what the training says of itself, with folds under ``folds`` one for each."""
        estimators: list[Any] = [model.estimator for model in self.models]
        reports = [estimator.training_report_ for estimator in estimators]
        return {"folds": reports} if isinstance(self.model, FoldModel) else reports[0]

    def scores(self, X: NDArray[np.float32], model: NDArray[np.int16] | None = None) -> NDArray[np.float64]:
        """Return the score of each row.

        Parameters
        ----------
        X : ndarray of float32, shape (n, n_features)
            Features, missing values NaN.
        model : ndarray of int16, shape (n,), optional
            With folds, the number of the model that scores each row.
        """
        if isinstance(self.model, FoldModel) and model is not None:
            return self.model.evaluate_by(X, model)
        return self.model.evaluate(X)

    def score_parts(self, prepared: Prepared) -> MethodScores:
        """Score all events, and those of each part by the model of which they are in that part."""
        if not isinstance(self.model, FoldModel):
            score = self.scores(prepared.dataset.X)
            parts = (prepared.train, prepared.validation, prepared.test)
            return MethodScores(score, *(score[part.rows] for part in parts))
        score = self.scores(prepared.dataset.X, prepared.model[Part.TEST])
        return MethodScores(
            score,
            fold_scores(self.model, prepared, Part.TRAIN),
            fold_scores(self.model, prepared, Part.VALIDATION),
            score[prepared.test.rows],
        )


def fold_scores(model: FoldModel, prepared: Prepared, part: Part) -> NDArray[np.float64]:
    """Return the score of each event by the model of which it is in a given part, train or validation."""
    selection = prepared.train if part == Part.TRAIN else prepared.validation
    return model.evaluate_by(selection.X, prepared.model[part][selection.rows])


def task_name(method: str, training: str) -> str:
    """Return the stable name of one training, ``BDT`` or ``BDT/fold_2``: of its random numbers, its folder, its job."""
    return f"{method}/{training}" if training else method


def build_estimators(config: AnalysisConfig, training: str = "") -> dict[str, Any]:
    """Make the estimator of each method, so that a wrong option is found before any file is read.

    Parameters
    ----------
    config : AnalysisConfig
        Methods, seed, policy for negative weights.
    training : str
        Name of one of the trainings of each method, such as ``fold_2``; each has random numbers of its own.

    Returns
    -------
    dict of str to Classifier
        By method, not fitted.

    Raises
    ------
    UnknownNameError, InvalidInputError
        If a kind or option is not known or has a value that is not allowed.
    """
    estimators = {}
    for name, method in config.methods.items():
        kind = _kind(config, name)
        options = dict(method.options)
        declared = kind.declared_parameters()
        if "negative_weights" in declared:
            options.setdefault("negative_weights", config.training.negative_weights)
        if "random_state" in declared:
            options.setdefault("random_state", task_seed(config.seed, f"train/{task_name(name, training)}"))
        estimators[name] = kind.from_options(options, where=f"methods.{name}")
    return estimators


def train_method(
    name: str,
    estimator: Any,
    prepared: Prepared,
    folder: Path,
    *,
    config: AnalysisConfig,
    context: dict[str, Any],
    seen: SeenEvents | None,
    as_it_is: bool = False,
) -> TrainedMethod:
    """Train a method and store it, or load it if the same training was completed before.

    Parameters
    ----------
    name : str
        The method; with folds that of the training, such as ``BDT/fold_2``.
    estimator : Classifier
        Not fitted.
    prepared : Prepared
        Only its train and validation parts are looked at.
    folder : pathlib.Path
        Where the model is stored.
    config : AnalysisConfig
        Working points.
    context : dict
        What the model remembers of the analysis (identity, parts, selection) and of its data.
    seen : SeenEvents, optional
        Which events it has seen; stored with it. Of folds the model of all of them has the table.
    as_it_is : bool
        Load what is there and never train.

    Returns
    -------
    TrainedMethod
        Model and cuts.

    Raises
    ------
    ModelFormatError
        With ``as_it_is``, if there is no such model, or it was trained on other events or with other options.
    """
    working_points = config.evaluation.working_points
    fingerprint = _fingerprint(estimator, context, working_points)
    attachments = {} if seen is None else {SEEN_FILE: seen.to_bytes()}
    if as_it_is:
        return _as_it_is(name, classifiers.load(folder), fingerprint)
    if folder.exists():
        try:
            model = classifiers.load(folder)
        except HepmlError as error:
            _LOG.info("%s: what an earlier run left cannot be used (%s)", name, error)
        else:
            # the table also lists test events, which a model itself must not depend on
            if model.context.get("fingerprint") == fingerprint and model.attachments == attachments:
                return TrainedMethod(name, model, _stored_cuts(model), resumed=True)
            _LOG.info("%s: an earlier run had other data or options; it is trained again", name)
        shutil.rmtree(folder)
    train, validation = prepared.train, prepared.validation
    checkpoint = folder.with_name(f".{folder.name}{CHECKPOINT_SUFFIX}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    estimator.fit(
        train.X,
        train.truth,
        sample_weight=train.train_weight,
        validation=(validation.X, validation.truth, validation.train_weight),
        features=prepared.dataset.features,
        spectators={
            column: (_column(prepared, column, train, name), _column(prepared, column, validation, name))
            for column in estimator.needed_spectators()
        },
        checkpoint=checkpoint if estimator.can_resume else None,
    )
    try:
        cuts = choose_cuts(prepared, estimator.evaluate(validation.X), working_points)
    except InvalidInputError as error:
        msg = f"{name}: no cut can be chosen on the validation part: {error}"
        raise InvalidInputError(msg) from error
    estimator.save(
        folder,
        features=prepared.dataset.features,
        context=context
        | {
            "method": name.partition("/")[0],
            "fingerprint": fingerprint,
            "cuts": [asdict(cut) for cut in cuts],
            CARD: training_card(prepared).to_dict(),
        },
        attachments=attachments,
    )
    model = classifiers.load(folder)
    _check_stored(name, estimator, model, validation.X[:1000])
    checkpoint.unlink(missing_ok=True)
    return TrainedMethod(name, model, cuts, resumed=False)


def choose_cuts(prepared: Prepared, score: NDArray[np.float64], working_points: Sequence[float]) -> tuple[Cut, ...]:
    """Return the cuts that keep the given shares of the signal, or of each of several classes, on the validation part."""
    validation, task = prepared.validation, prepared.task
    if task.kind == "regression":
        return ()
    found = []
    for value, name in task.classes if task.kind == "multiclass" else ((1, ""),):
        of_class = score if score.ndim == 1 else score[:, value]
        curve = roc_curve(validation.y == value, of_class, validation.weight, event=validation.event)
        found += [Cut(target, float(curve.at_signal_efficiency(target).threshold), name) for target in working_points]
    return tuple(found)


def _column(prepared: Prepared, column: str, selection: Selection, method: str) -> NDArray[np.float64]:
    """Return a spectator or a feature of the events of one part, by its name."""
    dataset = prepared.dataset
    if column in dataset.feature_names:
        return selection.X[:, dataset.feature_names.index(column)].astype(np.float64)
    if column in dataset.spectators:
        return dataset.spectators[column][selection.rows].astype(np.float64)
    raise unknown_name(
        kind=f"feature or spectator, which the options of {method} ask for,",
        name=column,
        known=(*dataset.feature_names, *dataset.spectators),
    )


def _kind(config: AnalysisConfig, name: str) -> type[Any]:
    """Return the class of a method, which can do what the analysis asks of it."""
    kind = config.methods[name].kind
    found = classifiers.get(kind, config.task)
    n_classes, n_targets = len(config.classes), len(config.targets)
    if n_classes > 2 and not found.multiclass:
        others = [other for other in classifiers.available() if _takes_classes(other)]
        msg = (
            f"methods.{name}: {kind} takes two classes, and the analysis has {n_classes} ({', '.join(config.classes)}); "
            f"kinds that take more: {', '.join(others) or 'none'}"
        )
        raise InvalidInputError(msg)
    if n_targets > 1 and not found.multioutput:
        msg = f"methods.{name}: {kind} estimates one target, and the analysis has {n_targets}: train one analysis for each"
        raise InvalidInputError(msg)
    return found


def _takes_classes(kind: str) -> bool:
    try:
        return bool(classifiers.get(kind).multiclass)
    except HepmlError:
        # its library is not installed, or a plug-in is none
        return False


def _plain(parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value if isinstance(value, (bool, int, float, str, type(None))) else repr(value)
        for key, value in parameters.items()
    }


def _as_it_is(name: str, model: Model | FoldModel, fingerprint: str) -> TrainedMethod:
    """Return a stored model with its cuts, or refuse it if it is not of this analysis."""
    if model.context.get("fingerprint") != fingerprint:
        msg = (
            f"{name}: the model was trained on other events, or with other options or working points, than the analysis has "
            "now; `hepml train` makes a run of these"
        )
        raise ModelFormatError(msg)
    return TrainedMethod(name, model, _stored_cuts(model), resumed=True)


def _stored_cuts(model: Model | FoldModel) -> tuple[Cut, ...]:
    return tuple(Cut(**cut) for cut in model.context["cuts"])


def _check_stored(name: str, estimator: Any, model: Any, X: NDArray[np.float32]) -> None:
    """Refuse a model that is not, as stored, what was trained."""
    if not np.array_equal(estimator.evaluate(X), model.evaluate(X)):
        msg = f"{name}: the stored model gives other scores than the trained one: please report this"
        raise ModelFormatError(msg)


def _fingerprint(estimator: Any, context: dict[str, Any], working_points: Sequence[float]) -> str:
    """Return a hash of all that model and cuts depend on."""
    facts = {
        "kind": type(estimator).__name__,
        "parameters": {key: repr(value) for key, value in sorted(estimator.get_params().items())},
        "context": context,
        "working_points": list(working_points),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
