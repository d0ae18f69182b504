"""Do I need machine learning? A single cut and a linear discriminant on the test events, and what each method gains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hepml.classifiers.baselines import SingleCut
from hepml.data import Part
from hepml.evaluation import compare_auc, efficiency, roc_curve
from hepml.report import Listed
from hepml.workflow.baselines import baseline_rows
from hepml.workflow.preparation import Selection

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hepml.evaluation import PairedDifference
    from hepml.workflow.baselines import FittedBaseline
    from hepml.workflow.topics.context import RunContext

__all__ = ["BaselineCut", "ComparedBaseline", "baselines"]


@dataclass(frozen=True, slots=True)
class BaselineCut:
    """A cut on a baseline that was chosen on the validation part, on the test part."""

    target: float
    threshold: float
    text: str
    signal_efficiency: float
    signal_efficiency_error: float
    background_efficiency: float
    background_efficiency_error: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON types."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class ComparedBaseline:
    """A baseline on the test part.

    Parameters
    ----------
    name : str
        ``"single cut"`` or ``"linear discriminant"``.
    n_train, n_test : int
        Training events that it was fitted on, and test events that it is compared on; with folds those of the first one.
    auc, auc_error : float
        Area on these test events.
    model : dict
        What was fitted.
    cuts : tuple of BaselineCut
        At the working points.
    gains : dict of str to PairedDifference
        By method: its area less that of the baseline, on the same events.
    """

    name: str
    n_train: int
    n_test: int
    auc: float
    auc_error: float
    model: dict[str, Any]
    cuts: tuple[BaselineCut, ...]
    gains: dict[str, PairedDifference]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types."""
        return {
            "name": self.name,
            "n_train": self.n_train,
            "n_test": self.n_test,
            "auc": self.auc,
            "auc_error": self.auc_error,
            "model": self.model,
            "cuts": [cut.to_dict() for cut in self.cuts],
            "gains": {name: gain.to_dict() for name, gain in self.gains.items()},
        }


def baselines(context: RunContext) -> Listed:
    """Compare each baseline with each method on the test part."""
    return Listed([_compared(name, fitted, context) for name, fitted in context.baselines.items()])


def _compared(name: str, fitted: FittedBaseline, context: RunContext) -> ComparedBaseline:
    model, rows = fitted.model, baseline_rows(context.prepared, Part.TEST)
    test = _events(context.prepared.test, rows)
    validation = _events(context.prepared.validation, baseline_rows(context.prepared, Part.VALIDATION))
    score = model.evaluate(test.X)
    curve = roc_curve(test.y, score, test.weight, event=test.event)
    chosen = roc_curve(validation.y, model.evaluate(validation.X), validation.weight, event=validation.event)
    cuts = []
    for target in context.config.evaluation.working_points:
        threshold = chosen.at_signal_efficiency(target).threshold
        text = model.describe(threshold) if isinstance(model, SingleCut) else f"discriminant >= {threshold:.4g}"
        cuts.append(_on_test(target, threshold, text, score, test))
    gains = {}
    for method, scored in context.methods.items():
        other = scored.test.score if rows is None else scored.test.score[rows]
        gains[method] = compare_auc(test.y, score, other, test.weight, event=test.event)
    return ComparedBaseline(
        name=name,
        n_train=fitted.n_events,
        n_test=len(test.y),
        auc=curve.auc,
        auc_error=curve.auc_error,
        model=model.to_dict(),
        cuts=tuple(cuts),
        gains=gains,
    )


def _events(part: Selection, rows: NDArray[np.int64] | None) -> Selection:
    """Return some events of a part, all for None."""
    if rows is None:
        return part
    return Selection(
        rows=part.rows[rows],
        X=part.X[rows],
        y=part.y[rows],
        weight=part.weight[rows],
        train_weight=part.train_weight[rows],
        event=None if part.event is None else part.event[rows],
    )


def _on_test(target: float, threshold: float, text: str, score: NDArray[np.float64], test: Selection) -> BaselineCut:
    passed = score >= threshold
    signal, background = (
        efficiency(passed[here], test.weight[here], event=None if test.event is None else test.event[here])
        for here in (test.y == 1, test.y == 0)
    )
    return BaselineCut(target, threshold, text, signal.value, signal.error, background.value, background.error)
