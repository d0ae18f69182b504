"""The card of each model of a run: what it was trained on, and, once it is known, what the test part gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.atomic import write_text
from hepml.classifiers.bundle_files import read_document
from hepml.classifiers.card import ModelCard, TrainedSample, trained_ranges
from hepml.classifiers.card_text import CARD_FILE, card_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hepml.workflow.preparation import Prepared

__all__ = ["add_results", "training_card"]


def training_card(prepared: Prepared) -> ModelCard:
    """Return what a model must remember of the training part, and of no other.

    Parameters
    ----------
    prepared : Prepared
        Of the training; for the model of all folds that of the evaluation, whose training part holds all events.

    Returns
    -------
    ModelCard
        Samples that gave events, and the range of each feature.
    """
    train, dataset = prepared.train, prepared.dataset
    sample = dataset.sample[train.rows]
    samples = []
    for number, info in enumerate(dataset.samples):
        here = sample == number
        if not here.any():
            continue
        weight = train.weight[here]
        samples.append(
            TrainedSample(
                name=info.name,
                role=info.role,
                n_events=len(weight),
                n_negative=int((weight < 0).sum()),
                sum_weights=float(weight.sum()),
                sum_train_weights=float(train.train_weight[here].sum()),
            )
        )
    return ModelCard(tuple(samples), trained_ranges(train.X, train.weight, dataset.feature_names))


def add_results(folder: Path, metrics: Mapping[str, Any]) -> None:
    """Write what the test part gave into the card for people; ``model.json`` knows nothing of test events.

    Parameters
    ----------
    folder : pathlib.Path
        A bundle.
    metrics : mapping
        ``methods.NAME`` of ``metrics.json``.
    """
    results: dict[str, str] = {}
    # what is not computable states a reason instead of numbers
    roc, cuts = metrics.get("roc", {}), metrics.get("cuts", [])
    if "auc" in roc:
        results["area under the ROC curve"] = _with_error(roc["auc"], roc["auc_error"])
        for name in (name for name in ("signal", "background") if f"n_{name}" in roc):
            results[f"{name} events, sum of weights"] = f"{roc[f'n_{name}']}, {roc[f'sum_{name}']:.6g}"
    for cut in cuts if isinstance(cuts, list) else []:
        efficiencies = ", ".join(
            f"{name} {_with_error(cut[f'{name}_efficiency'], cut[f'{name}_efficiency_error'])}"
            for name in ("signal", "background")
        )
        results[f"efficiencies of score >= {cut['threshold']:.6g}"] = efficiencies
    results |= _of_classes(metrics.get("multiclass_auc", {}), metrics.get("confusion_matrix", {}))
    deviations = metrics.get("regression", [])
    for one in deviations if isinstance(deviations, list) else []:
        for key in ("bias", "rms", "resolution"):
            results[f"{key} of {one['target']}"] = _with_error(one[key], one[f"{key}_error"])
    overtraining = metrics.get("overtraining", {})
    if "verdict" in overtraining:
        results["overtraining"] = overtraining["verdict"]
    write_text(folder / CARD_FILE, card_text(read_document(folder), results))


def _of_classes(areas: Mapping[str, Any], matrix: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    if "macro_one_vs_one" in areas:
        found["mean area of pairs of classes"] = _with_error(areas["macro_one_vs_one"], areas["macro_one_vs_one_error"])
    if "balanced_accuracy" in matrix:
        found["accuracy, classes alike"] = _with_error(matrix["balanced_accuracy"], matrix["balanced_accuracy_error"])
    return found


def _with_error(value: float | None, error: float | None) -> str:
    if value is None or not np.isfinite(value):
        return "not computable"
    return f"{value:.4f} ± {error:.4f}" if error is not None and np.isfinite(error) else f"{value:.4f}"
