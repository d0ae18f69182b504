"""The native engine: which trainer there is, what it obeys, and what surrounds every training."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast
from xml.etree.ElementTree import Element

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.forest.tmva_document import RELEASES
from hepml.tmva.events import Events
from hepml.tmva.options import declared
from hepml.tmva.setup import MethodSetup, Option
from hepml.tmva.training.correlations import correlation_tables
from hepml.tmva.training.densities import response_densities
from hepml.tmva.training.model import TrainedMethod
from hepml.tmva.training.reporting import TrainingLog
from hepml.tmva.training.training_set import TrainingSet
from hepml.transforms import TransformChain

if TYPE_CHECKING:
    from hepml.tmva.option_tables import Declared, Value
    from hepml.tmva.options import Options
    from hepml.tmva.preparation import PreparedData
    from hepml.tmva.training.training_set import Fitted, Trainer

__all__ = ["TRAINERS", "Request", "train_natively", "trainer_of", "training_set", "what_is_missing"]

# kind -> module:trainer
TRAINERS = {
    "BDT": "hepml.tmva.training.trees.bdt:TREES",
    "Fisher": "hepml.tmva.training.linear:FISHER",
    "HMatrix": "hepml.tmva.training.hmatrix:HMATRIX",
    "LD": "hepml.tmva.training.linear:LINEAR_DISCRIMINANT",
}

# Factory::MinNoTrainingEvents
_FEWEST = 10
# options that change what is printed or drawn, and no response: the log says everything in any case; DoBoostMonitor adds
# histograms of the training and test events to TMVA.root every few trees, and leaves the weights as they are, byte for byte;
# CheckHist of a density (CheckHistMVAPdf, ...) warns of empty bins
_ONLY_PRINTED = frozenset({"V", "VerbosityLevel", "H", "DoBoostMonitor"})
# options of every method, which the engine itself obeys; densities have MVAPdf in their names
_OF_ALL = frozenset({"VarTransform", "CreateMVAPdfs", "IgnoreNegWeightsInTraining"})


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """What is to be trained: a kind of method, a name for it, its options, and the events."""

    kind: str
    name: str
    options: Options
    data: PreparedData


def what_is_missing(request: Request) -> str:
    """Return why the native engine cannot do it, or "" if it can."""
    kind, options, analysis = request.kind, request.options, request.data.analysis_type
    place = TRAINERS.get(kind)
    if place is None:
        return f"{kind} is not trained natively (native: {', '.join(TRAINERS)})"
    trainer = trainer_of(kind)
    if analysis not in trainer.analyses:
        return f"{kind} does no {analysis.lower()}, but {' and '.join(sorted(trainer.analyses)).lower()}"
    if len(request.data.targets) > trainer.most_targets:
        return f"{kind} regresses {trainer.most_targets} target at most, and there are {len(request.data.targets)}"
    defaults = {option.name: option.default for option in options.declared}
    for name, value in options.given.items():
        plain = name.partition("[")[0]
        obeyed = plain in _ONLY_PRINTED | _OF_ALL | trainer.supports or "MVAPdf" in plain
        if not obeyed and value != defaults.get(plain):
            return f"the option {name}={value} of {kind} is not there natively"
    return ""


def train_natively(request: Request) -> TrainedMethod:
    """Train a method.

    Raises
    ------
    HepmlError
        If the events cannot train it.
    """
    training = training_set(request)
    start = time.perf_counter()
    fitted = trainer_of(request.kind).fit(training)
    seconds = time.perf_counter() - start
    densities = None
    if request.options["CreateMVAPdfs"]:
        events = Events(training.events.variables, training.events.spectators, training.chain)
        densities = response_densities(training, fitted.method.respond(events))
    log = TrainingLog(
        request.kind,
        request.name,
        "native",
        request.options.text,
        len(training),
        seconds,
        fitted.rankings,
        correlation_tables(request.data),
        (*_notes(training), *fitted.notes),
        fitted.history,
        fitted.text,
    )
    setup = _setup(request, training, fitted, densities)
    return TrainedMethod(setup, fitted.method, request.options, log, weights=fitted.weights)


def training_set(request: Request) -> TrainingSet:
    """Return the training events as the method sees them: its transformations fitted and applied.

    Raises
    ------
    InvalidInputError
        If there are fewer than ten events, with which TMVA trains nothing.
    EmptyClassError
        If there is no event of a class.
    HepmlError
        If a transformation cannot be fitted.
    """
    data, options, events = request.data, request.options, request.data.train
    if len(events) < _FEWEST:
        msg = f"{request.name}: there are {len(events)} training events, and TMVA trains nothing with fewer than {_FEWEST}"
        raise InvalidInputError(msg)
    for index, name in enumerate(data.class_names):
        if not (events.class_index == index).any():
            msg = f"{request.name}: there is no training event of class {name!r}"
            raise EmptyClassError(msg)
    weight = events.weight
    if options["IgnoreNegWeightsInTraining"]:
        weight = np.where(weight < 0.0, 0.0, weight)
    chain = TransformChain.fit(
        str(options["VarTransform"]),
        events.variables,
        events.class_index,
        weight,
        variables=data.variables,
        classes=data.class_names,
        targets=data.targets,
        target_values=events.targets if data.targets else None,
        spectators=data.spectators,
        spectator_values=events.spectators if data.spectators else None,
    )
    if chain.steps:
        X, targets = chain.apply_with_targets(events.variables, events.targets, spectators=events.spectators)
    else:
        X, targets = events.variables, events.targets
    return TrainingSet(
        name=request.name,
        options=options,
        X=np.ascontiguousarray(X),
        targets=np.ascontiguousarray(targets),
        class_index=events.class_index,
        weight=weight,
        events=events,
        chain=chain,
        variables=data.variables,
        target_variables=data.targets,
        class_names=data.class_names,
        signal_class=data.signal_class,
        analysis_type=data.analysis_type,
    )


def trainer_of(kind: str) -> Trainer:
    """Return the trainer of a kind that is in ``TRAINERS``."""
    module, _, name = TRAINERS[kind].partition(":")
    return cast("Trainer", getattr(import_module(module), name))


def _notes(training: TrainingSet) -> tuple[str, ...]:
    """Return what holds for every method and is easily missed."""
    found = []
    negative = int(np.count_nonzero(training.events.weight < 0.0))
    if negative and training.options["IgnoreNegWeightsInTraining"]:
        found.append(f"{negative} of {len(training)} training events have negative weights, which count as 0")
    if any(booked is not None for booked in training.chain.booked):
        found.append(
            "transformations were fitted on one class; the weights file does not say so, and TMVA's Reader, and this model, "
            "apply the numbers of all classes together"
        )
    return tuple(found)


def _setup(request: Request, training: TrainingSet, fitted: Fitted, densities: Element | None) -> MethodSetup:
    data = request.data
    known = declared(request.kind, analysis_type=data.analysis_type, n_variables=len(data.variables))
    info = {
        **RELEASES,
        "Creator": "hepml",
        "Training events": str(len(training)),
        "AnalysisType": data.analysis_type,
    }
    return MethodSetup(
        kind=request.kind,
        name=request.name,
        info=info,
        options={option.name: _stated(option, request.options, fitted, len(data.variables)) for option in known},
        variables=data.variables,
        spectators=data.spectators,
        targets=data.targets,
        classes=data.class_names,
        transformations=training.chain.to_xml(),
        pdfs=densities,
        weights=Element("Weights"),
        source=f"the trained {request.name}",
    )


def _stated(option: Declared, options: Options, fitted: Fitted, n_variables: int) -> Option:
    """Return an option as TMVA writes it; elements of arrays are never marked as modified."""
    if option.shape == "array":
        values = [_text(option, options[f"{option.name}[{place}]"]) for place in range(n_variables)]
        return Option(" ".join(values), modified=option.name in options.given)
    value = fitted.options.get(option.name, options[option.name])
    return Option(_text(option, value), modified=option.name in options.given)


def _text(option: Declared, value: Value | None) -> str:
    if option.type == "percent":
        return f"{value:g}%" if isinstance(value, (int, float)) else str(value)
    if option.type == "float" and isinstance(value, (int, float)) and math.isfinite(value):
        return f"{float(value):.6e}"
    return str(value)
