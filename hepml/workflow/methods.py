"""Training one method, choosing its cuts on the validation part, and taking up an earlier, complete training."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml import classifiers
from hepml.errors import HepmlError, ModelFormatError
from hepml.evaluation import roc_curve
from hepml.workflow.seeds import task_seed
from hepml.workflow.seen import SEEN_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hepml.config import AnalysisConfig
    from hepml.workflow.preparation import Prepared
    from hepml.workflow.seen import SeenEvents

__all__ = ["Cut", "TrainedMethod", "build_estimators", "train_method"]

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
    """

    target: float
    threshold: float


@dataclass(frozen=True, slots=True)
class TrainedMethod:
    """A trained method with its cuts, and whether it was taken from an earlier, interrupted run."""

    name: str
    model: Any
    cuts: tuple[Cut, ...]
    resumed: bool

    def scores(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the score of each row, shape (n_events,)."""
        return np.asarray(self.model.evaluate(X), dtype=np.float64)


def build_estimators(config: AnalysisConfig) -> dict[str, Any]:
    """Make the estimator of each method, so that a wrong option is found before any file is read.

    Raises
    ------
    UnknownNameError, InvalidInputError
        If a kind or option is not known or has a value that is not allowed.
    """
    estimators = {}
    for name, method in config.methods.items():
        kind = classifiers.get(method.kind)
        options = dict(method.options)
        declared = kind.declared_parameters()
        if "negative_weights" in declared:
            options.setdefault("negative_weights", config.training.negative_weights)
        if "random_state" in declared:
            options.setdefault("random_state", task_seed(config.seed, f"train/{name}"))
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
    seen: SeenEvents,
) -> TrainedMethod:
    """Train a method and store it, or load it if the same training was completed before.

    Parameters
    ----------
    name : str
        The method.
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
    seen : SeenEvents
        Which events it has seen; stored with it.

    Returns
    -------
    TrainedMethod
        Model and cuts.
    """
    working_points = config.evaluation.working_points
    fingerprint = _fingerprint(estimator, context, working_points)
    table = seen.to_bytes()
    if folder.exists():
        try:
            model = classifiers.load(folder)
        except HepmlError as error:
            _LOG.info("%s: what an earlier run left cannot be used (%s)", name, error)
        else:
            # the table also lists test events, which a model itself must not depend on
            if model.context.get("fingerprint") == fingerprint and model.attachments.get(SEEN_FILE) == table:
                cuts = tuple(Cut(**cut) for cut in model.context["cuts"])
                return TrainedMethod(name, model, cuts, resumed=True)
            _LOG.info("%s: an earlier run had other data or options; it is trained again", name)
        shutil.rmtree(folder)
    train, validation = prepared.train, prepared.validation
    estimator.fit(
        train.X,
        train.y,
        sample_weight=train.train_weight,
        validation=(validation.X, validation.y, validation.train_weight),
    )
    curve = roc_curve(validation.y, estimator.evaluate(validation.X), validation.weight, event=validation.event)
    cuts = tuple(Cut(target, float(curve.at_signal_efficiency(target).threshold)) for target in working_points)
    estimator.save(
        folder,
        features=prepared.dataset.features,
        context=context
        | {
            "method": name,
            "fingerprint": fingerprint,
            "cuts": [{"target": cut.target, "threshold": cut.threshold} for cut in cuts],
        },
        attachments={SEEN_FILE: table},
    )
    model = classifiers.load(folder)
    _check_stored(name, estimator, model, validation.X[:1000])
    return TrainedMethod(name, model, cuts, resumed=False)


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
