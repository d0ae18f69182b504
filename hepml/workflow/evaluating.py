"""The numbers of one method: what goes into ``metrics.json``, and the results that figures are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hepml.evaluation import Overtraining, RocCurve, efficiency, overtraining, roc_curve
from hepml.workflow.seeds import task_sequence

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hepml.config import AnalysisConfig
    from hepml.workflow.methods import Cut, TrainedMethod
    from hepml.workflow.preparation import Prepared, Selection

__all__ = ["MethodResult", "evaluate_method"]


@dataclass(frozen=True, slots=True)
class MethodResult:
    """Evaluation of one method.

    Parameters
    ----------
    name : str
        The method.
    kind : str
        Kind of classifier.
    roc : RocCurve
        On the test part.
    overtraining : Overtraining
        Training part against test part.
    metrics : dict
        What stands in ``metrics.json`` under ``methods.NAME``.
    score : ndarray of float64, shape (n_events,)
        Score of every event of the dataset; with folds by the model that has not seen it.
    train_score : ndarray of float64, shape (n_train,)
        Score of the events of the training part; with folds of all events, by a model that was trained on each.
    """

    name: str
    kind: str
    roc: RocCurve
    overtraining: Overtraining
    metrics: dict[str, Any]
    score: NDArray[np.float64]
    train_score: NDArray[np.float64]


def evaluate_method(method: TrainedMethod, kind: str, prepared: Prepared, config: AnalysisConfig) -> MethodResult:
    """Score all events and evaluate a method on the test part.

    Parameters
    ----------
    method : TrainedMethod
        Model and cuts.
    kind : str
        Kind of classifier.
    prepared : Prepared
        Dataset and parts.
    config : AnalysisConfig
        Working points and settings of the tests.

    Returns
    -------
    MethodResult
        Numbers and the results behind the figures.
    """
    scores = method.scores(prepared)
    train, test = prepared.train, prepared.test
    curve = roc_curve(test.y, scores.test, test.weight, event=test.event)
    comparison = overtraining(
        train.y,
        scores.train,
        train.weight,
        test.y,
        scores.test,
        test.weight,
        event_train=train.event,
        event_test=test.event,
        max_gap=config.evaluation.auc_gap,
        n_permutations=config.evaluation.permutations,
        seed=task_sequence(config.seed, f"overtraining/{method.name}"),
    )
    metrics = {
        "kind": kind,
        "parameters": method.parameters(),
        "training": method.training_report(),
        "roc": curve.to_dict(),
        "working_points": [curve.at_signal_efficiency(target).to_dict() for target in config.evaluation.working_points],
        "cuts": [_cut(cut, test, scores.test) for cut in method.cuts],
        "overtraining": comparison.to_dict(),
    }
    return MethodResult(method.name, kind, curve, comparison, metrics, scores.all, scores.train)


def _cut(cut: Cut, test: Selection, score: NDArray[np.float64]) -> dict[str, Any]:
    """Efficiencies on the test part of a cut that was chosen on the validation part."""
    passed = score >= cut.threshold
    found: dict[str, Any] = {"target": cut.target, "threshold": cut.threshold, "chosen_on": "validation"}
    for label, name in ((1, "signal"), (0, "background")):
        here = test.y == label
        value = efficiency(passed[here], test.weight[here], event=None if test.event is None else test.event[here])
        found[f"{name}_efficiency"] = value.value
        found[f"{name}_efficiency_error"] = value.error
    return found
