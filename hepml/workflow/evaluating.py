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
        Score of every event of the dataset.
    """

    name: str
    kind: str
    roc: RocCurve
    overtraining: Overtraining
    metrics: dict[str, Any]
    score: NDArray[np.float64]


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
    score = method.scores(prepared.dataset.X)
    train, test = prepared.train, prepared.test
    curve = roc_curve(test.y, score[test.rows], test.weight, event=test.event)
    comparison = overtraining(
        train.y,
        score[train.rows],
        train.weight,
        test.y,
        score[test.rows],
        test.weight,
        event_train=train.event,
        event_test=test.event,
        max_gap=config.evaluation.auc_gap,
        n_permutations=config.evaluation.permutations,
        seed=task_sequence(config.seed, f"overtraining/{method.name}"),
    )
    metrics = {
        "kind": kind,
        "parameters": _plain(method.model.estimator.get_params()),
        "training": method.model.estimator.training_report_,
        "roc": curve.to_dict(),
        "working_points": [curve.at_signal_efficiency(target).to_dict() for target in config.evaluation.working_points],
        "cuts": [_cut(cut, test, score[test.rows]) for cut in method.cuts],
        "overtraining": comparison.to_dict(),
    }
    return MethodResult(method.name, kind, curve, comparison, metrics, score)


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


def _plain(parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value if isinstance(value, (bool, int, float, str, type(None))) else repr(value)
        for key, value in parameters.items()
    }
