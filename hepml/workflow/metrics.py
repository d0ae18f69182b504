"""The content of ``metrics.json``, and what figures show beside it: plain data from the events and the findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.evaluation import Exploration
from hepml.report import METRICS_FORMAT, METRICS_VERSION, Scene
from hepml.workflow.evaluating import method_metrics
from hepml.workflow.samples import sample_rows

if TYPE_CHECKING:
    from hepml.config import AnalysisConfig
    from hepml.report import Findings
    from hepml.workflow.preparation import Prepared
    from hepml.workflow.topics import RunContext

__all__ = ["run_metrics", "scene"]


def run_metrics(context: RunContext, findings: Findings) -> dict[str, Any]:
    """Return the content of ``metrics.json`` as plain JSON types; it depends on nothing but data, options and seed."""
    config, prepared, dataset = context.config, context.prepared, context.dataset
    shown = dataset if context.visible.all() else dataset[context.visible]
    content: dict[str, Any] = {
        "format": METRICS_FORMAT,
        "version": METRICS_VERSION,
        "analysis": config.name,
        "title": config.title,
        "seed": config.seed,
        "task": prepared.task.kind,
        "classes": list(prepared.task.names),
        "targets": [target.model_dump() for target in config.targets],
        "samples": sample_rows(shown, unblind=context.unblind),
        "parts": prepared.part_table(),
        "class_sums": prepared.class_table(),
        "split": None if config.split is None else config.split.model_dump(),
        "folds": config.folds,
        "identity": list(dataset.identity.names),
        "training": config.training.model_dump(),
        "blinding": {
            "unblinded": context.unblind,
            "data_samples": [info.name for info in dataset.samples if info.role == "data"],
        },
        "features": _features(prepared, findings),
        "method_order": list(context.methods),
        "methods": {name: method_metrics(method) for name, method in context.methods.items()},
    }
    for topic, found in findings.run.items():
        # what an exploration says of single features stands with them
        content |= found.to_dict() if isinstance(found, Exploration) else {topic: found.to_dict()}
    return content


def _features(prepared: Prepared, findings: Findings) -> list[dict[str, Any]]:
    dataset = prepared.dataset
    exploration = findings.of_run("exploration", Exploration)
    rows = []
    for number, feature in enumerate(dataset.features):
        simulation = dataset.X[dataset.of_roles("signal", "background"), number]
        counts = {"n_missing": int(np.isnan(simulation).sum()), "n_events": len(simulation)}
        found = {} if exploration is None else exploration.feature(feature.name)
        rows.append(feature.to_dict() | counts | found)
    return rows


def scene(config: AnalysisConfig, prepared: Prepared) -> Scene:
    """Return what figures show beside the findings."""
    dataset, test = prepared.dataset, prepared.test
    return Scene(
        features=dataset.features,
        X=test.X,
        y=test.y,
        weight=test.weight,
        titles={info.name: info.title for info in dataset.samples},
        classes=prepared.task.names if prepared.task.kind == "multiclass" else (),
        targets={target.name: (target.title or target.name, target.unit) for target in config.targets},
    )
