"""Evaluating trained methods: all topics of the registry, each computed or stated as not computable."""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hepml.data import Part
from hepml.errors import HepmlError, InvalidInputError
from hepml.report import Findings, NotComputable
from hepml.workflow.topics import MethodContext, Scored, method_topics, run_topics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hepml.config import AnalysisConfig
    from hepml.report import Finding
    from hepml.workflow.baselines import FittedBaseline
    from hepml.workflow.methods import TrainedMethod
    from hepml.workflow.preparation import Prepared
    from hepml.workflow.topics import RunContext

__all__ = ["evaluate_method", "evaluate_run", "method_metrics"]

_LOG = logging.getLogger("hepml.workflow")


def evaluate_method(
    method: TrainedMethod,
    kind: str,
    prepared: Prepared,
    config: AnalysisConfig,
    baselines: Mapping[str, FittedBaseline] = MappingProxyType({}),
) -> MethodContext:
    """Score all events and compute every topic of a method.

    Parameters
    ----------
    method : TrainedMethod
        Model and cuts.
    kind : str
        Kind of classifier.
    prepared : Prepared
        Dataset and parts.
    config : AnalysisConfig
        Working points and settings of the topics.
    baselines : mapping of str to FittedBaseline
        Those of the run.

    Returns
    -------
    MethodContext
        With its findings.

    Raises
    ------
    HepmlError
        If there is not even a ROC curve, without which nothing can be said of a method.
    """
    scores = method.score_parts(prepared)
    train, validation, test = (
        Scored(selection, score, prepared.model_of(part))
        for part, selection, score in (
            (Part.TRAIN, prepared.train, scores.train),
            (Part.VALIDATION, prepared.validation, scores.validation),
            (Part.TEST, prepared.test, scores.test),
        )
    )
    context = MethodContext(
        config, prepared, method, kind, scores.all, train, validation, test, findings={}, baselines=baselines
    )
    for topic, compute in method_topics(prepared.task.kind).items():
        # only two classes have a topic of this name
        found = _curve(compute, context) if topic == "roc" else _computed(f"{topic} of {method.name}", compute, context)
        if found is not None:
            context.findings[topic] = found
    return context


def evaluate_run(context: RunContext) -> Findings:
    """Compute every topic of a run.

    Parameters
    ----------
    context : RunContext
        All methods, evaluated.

    Returns
    -------
    Findings
        Those of the methods as well.
    """
    found = {
        topic: _computed(topic, compute, context) for topic, compute in run_topics(context.prepared.task.kind).items()
    }
    return Findings(
        run={topic: one for topic, one in found.items() if one is not None},
        methods={name: method.findings for name, method in context.methods.items()},
    )


def method_metrics(context: MethodContext) -> dict[str, Any]:
    """Return what stands in ``metrics.json`` under ``methods.NAME``, as plain JSON types."""
    return {
        "kind": context.kind,
        "parameters": context.method.parameters(),
        "training": context.method.training_report(),
        **{topic: found.to_dict() for topic, found in context.findings.items()},
    }


def _curve(compute: Callable[[MethodContext], Finding | None], context: MethodContext) -> Finding | None:
    try:
        return compute(context)
    except InvalidInputError as error:
        msg = f"{context.name}: there is no ROC curve of the test part: {error}"
        raise InvalidInputError(msg) from error


def _computed(what: str, compute: Callable[[Any], Finding | None], context: Any) -> Finding | None:
    try:
        return compute(context)
    except HepmlError as error:
        _LOG.warning("%s is not computable: %s", what, error)
        return NotComputable(str(error))
    except Exception as error:  # noqa: BLE001  (a topic that fails must not cost the run)
        _LOG.exception("%s could not be computed", what)
        return NotComputable(f"{type(error).__name__}: {error}")
