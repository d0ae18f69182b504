"""Models (weights.xml and all else that hepml.load takes) as scores of events that are given, or of another source."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hepml import classifiers
from hepml.classifiers import FoldModel
from hepml.data import FALLBACK_NAMES, SIGNAL, Identity, Part, SeenEvents
from hepml.data.seen import SEEN_FILE
from hepml.errors import FeatureMismatchError, IdentityError, InvalidInputError, did_you_mean
from hepml.readers import read_samples
from hepml.workflow.comparing.scored import ScoredMethod, ScoredPart, ScoredSource
from hepml.workflow.scoring import cuts_at, holds_cuts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hepml.classifiers import Model
    from hepml.data import Feature
    from hepml.workflow.comparing.events import GivenEvents

__all__ = ["LoadedModel", "load_models", "model_of_events", "model_of_source"]

_USED = (Part.TRAIN, Part.VALIDATION)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model of which a comparison was asked.

    Parameters
    ----------
    path : pathlib.Path
        Where it was read.
    name : str
        Of its method.
    model : Model or FoldModel
        With one score.
    notes : tuple of str
        What has to be known of its scores.
    """

    path: Path
    name: str
    model: Model | FoldModel
    notes: tuple[str, ...]


def load_models(paths: Sequence[str], signal_efficiency: float | None) -> dict[str, LoadedModel]:
    """Read models; cuts of TMVA answer at a signal efficiency.

    Parameters
    ----------
    paths : sequence of str
        Files and folders.
    signal_efficiency : float, optional
        Of the cuts among them, which need it.

    Returns
    -------
    dict of str to LoadedModel
        By path.

    Raises
    ------
    InvalidInputError
        If a model gives several scores, or an efficiency is missing where it is needed or given where it is not.
    HepmlError
        If a model cannot be read.
    """
    loaded = {text: _load(Path(text), signal_efficiency) for text in paths}
    if signal_efficiency is not None and not any(holds_cuts(found.model) for found in loaded.values()):
        msg = "none of the models holds cuts of TMVA, so there is no signal efficiency to choose"
        raise InvalidInputError(msg)
    return loaded


def model_of_events(loaded: LoadedModel, events: GivenEvents) -> ScoredSource:
    """Let a model score events that are read from files.

    Parameters
    ----------
    loaded : LoadedModel
        The model.
    events : GivenEvents
        Which files, and how they are read.

    Returns
    -------
    ScoredSource
        All events; those that the model is known to have been trained or stopped on are marked as seen.

    Raises
    ------
    InvalidInputError
        If the model cannot score an event.
    IdentityError
        If it cannot be said which events a model of hepml has seen.
    HepmlError
        If files cannot be read.
    """
    path, name, model = loaded.path, loaded.name, loaded.model
    dataset = read_samples(
        events.requests,
        features=model.features,
        selection=events.selection,
        weight=events.weight,
        identity=events.identity,
        reader=events.reader,
    )
    score = _score(model, name, dataset.X, dataset.identity)
    seen = _known_parts(model, path, dataset.identity)
    if seen is None and model.is_foreign and dataset.fixed_part is not None:
        # what the analysis file gives for training is not to test on, whoever trained
        seen = np.isin(dataset.fixed_part, _USED)
    identity = dict(zip(dataset.identity.names, dataset.identity.columns, strict=True))
    features = {feature.name: dataset.X[:, number] for number, feature in enumerate(dataset.features)}
    return ScoredSource(
        name=_stem(path),
        path=str(path),
        kind="model",
        test=ScoredPart(dataset.label == SIGNAL, dataset.weight, {**features, **identity}, {name: score}),
        methods={name: ScoredMethod(model.kind)},
        seen=seen,
        identity=dataset.identity.names,
        files=events.files,
        expressions={feature.name: "".join(feature.expression.split()) for feature in model.features},
        notes=loaded.notes,
    )


def model_of_source(loaded: LoadedModel, base: ScoredSource) -> ScoredSource:
    """Let a model score the test events of another source.

    Parameters
    ----------
    loaded : LoadedModel
        The model.
    base : ScoredSource
        Whose events have the features of the model as columns.

    Returns
    -------
    ScoredSource
        The same events.

    Raises
    ------
    FeatureMismatchError
        If a feature is not there, or is computed otherwise.
    InvalidInputError
        If the model cannot score an event.
    IdentityError
        If it cannot be said which events a model of hepml has seen.
    """
    path, name, model = loaded.path, loaded.name, loaded.model
    part = base.test
    X = np.empty((len(part), len(model.features)), dtype=np.float32, order="F")
    for number, feature in enumerate(model.features):
        X[:, number] = part.columns[_column_of(feature, base, path)]
    identity = None
    if base.identity:
        columns = [part.columns[column].astype(np.int64, copy=False) for column in base.identity]
        identity = Identity(base.identity, tuple(columns))
    return ScoredSource(
        name=_stem(path),
        path=str(path),
        kind="model",
        test=ScoredPart(part.y, part.weight, part.columns, {name: _score(model, name, X, identity)}),
        methods={name: ScoredMethod(model.kind)},
        seen=_known_parts(model, path, identity),
        identity=base.identity,
        files=base.files,
        expressions=base.expressions,
        physics_weight=base.physics_weight,
        notes=(f"{path} scored the test events of {base.name}.", *loaded.notes),
    )


def _load(path: Path, signal_efficiency: float | None) -> LoadedModel:
    model = classifiers.load(path)
    notes = []
    name = str(model.context.get("method", path.name))
    if model.n_scores != 1:
        msg = f"{path} gives {model.n_scores} scores an event; one score of signal against background is compared"
        raise InvalidInputError(msg)
    if holds_cuts(model):
        model = cuts_at(signal_efficiency, model)
        notes = [f"{path} decides by its cuts at a signal efficiency of {signal_efficiency:g}."]
    if not isinstance(model, FoldModel) and model.is_foreign:
        notes.append(
            f"What {path} was trained on is not known: where its training is no other source here, events of it may be "
            f"among those compared."
        )
    return LoadedModel(path, name, model, tuple(notes))


def _score(
    model: Model | FoldModel, name: str, X: NDArray[np.float32], identity: Identity | None
) -> NDArray[np.float64]:
    score = model.evaluate(X, identity=identity) if isinstance(model, FoldModel) else model.evaluate(X)
    lost = int(np.isnan(score).sum())
    if lost:
        msg = f"{name} cannot score {lost} of {len(score)} events, in which a feature is missing or infinite"
        raise InvalidInputError(msg)
    return score.astype(np.float64)


def _known_parts(model: Model | FoldModel, path: Path, identity: Identity | None) -> NDArray[np.bool_] | None:
    """Return which events the model was trained or stopped on; None where it does not know or folds keep them apart."""
    if isinstance(model, FoldModel) or model.is_foreign:
        return None
    names = tuple(model.context.get("identity") or ())
    if identity is None or names != identity.names or names == FALLBACK_NAMES or SEEN_FILE not in model.attachments:
        given = "none" if identity is None else ":".join(identity.names)
        msg = (
            f"it cannot be said which events {path} was trained on: it knows them by {':'.join(names) or 'nothing'}, the "
            f"events are identified by {given}. State the identity, or compare its run folder"
        )
        raise IdentityError(msg)
    samples = tuple(model.context.get("samples") or ())
    table = SeenEvents.from_bytes(model.attachments[SEEN_FILE], names, samples)
    return np.isin(table.lookup(identity), _USED)


def _column_of(feature: Feature, base: ScoredSource, path: Path) -> str:
    """Return the column that is the feature: of equal expression, or of its name where the expression is not known."""
    found = base.column_of(feature.name, "".join(feature.expression.split()))
    if found is not None:
        return found
    known = base.expressions
    there = list(base.test.columns)
    if feature.name in known:
        why = f"which {base.name} computes as {known[feature.name]!r}"
    else:
        why = f"which is no column of {base.name}{did_you_mean(feature.name, there).removesuffix('?')}"
    msg = (
        f"{path} needs {feature.name!r} = {feature.expression}, {why} (there: {', '.join(there)}): give events that have it "
        f"(--analysis, or --signal and --background)"
    )
    raise FeatureMismatchError(msg)


def _stem(path: Path) -> str:
    return re.sub(r"(\.weights)?(\.(xml|json|ubj|txt|npz|onnx|model|gz))+$", "", path.name, flags=re.IGNORECASE)
