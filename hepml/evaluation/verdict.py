"""Whether training went too far: harm is a validation figure below its own optimum, not a difference from training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hepml.evaluation.display import Displayed

if TYPE_CHECKING:
    from hepml.evaluation.training_curve import AgainstOptimum, TrainingCurve

__all__ = ["HARMFUL", "HARMLESS", "NONE_SEEN", "UNDECIDED", "Reference", "Verdict", "verdict"]

NONE_SEEN = "no overtraining seen"
HARMLESS = "train-test gap, harmless"
HARMFUL = "harmful"
UNDECIDED = "undecided"

_SIGNIFICANT = 2.0
# areas of perfectly separated classes differ by rounding
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Reference(Displayed):
    """Another method on the same test events: what a method without stages is compared with.

    Parameters
    ----------
    name : str
        The other method.
    auc : float
        Its area.
    deficit, deficit_error : float
        Its area less that of the method that is judged, and the error of this paired difference.
    """

    name: str
    auc: float
    deficit: float
    deficit_error: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON types."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One of four words, and the numbers that led to it as a sentence."""

    word: str
    reason: str


def verdict(
    gap: float,
    gap_error: float,
    max_gap: float,
    *,
    curve: TrainingCurve | None = None,
    reference: Reference | None = None,
) -> Verdict:
    """Judge a training.

    Parameters
    ----------
    gap, gap_error : float
        Area on training events less that on test events, and its error.
    max_gap : float
        Difference of areas that counts.
    curve : TrainingCurve, optional
        Validation figures against the stage of the training.
    reference : Reference, optional
        Another method; looked at only if there is no curve of two or more stages.

    Returns
    -------
    Verdict
        docs/statistics_training.md has the table.
    """
    is_gap = gap >= _SIGNIFICANT * gap_error and gap > _ROUNDING
    shown = f"AUC training - test = {gap:+.4f} ± {gap_error:.4f}"
    if curve is not None and curve.stages.size > 1:
        return _by_stages(curve, is_gap, shown)
    if is_gap and gap < max_gap:
        return Verdict(HARMLESS, f"{shown}; less training cannot gain more than the gap, which is below {max_gap:g}")
    if is_gap:
        return _by_reference(reference, max_gap, shown)
    if _SIGNIFICANT * gap_error > max_gap:
        return Verdict(UNDECIDED, f"{shown}: a gap of {max_gap:g} would not be seen at 2 sigma")
    if -gap >= _SIGNIFICANT * gap_error and -gap > _ROUNDING:
        shown += ": test is better by more than chance, so the parts differ by something else"
    return Verdict(NONE_SEEN, shown)


def _by_reference(reference: Reference | None, max_gap: float, gap: str) -> Verdict:
    if reference is None:
        return Verdict(UNDECIDED, f"{gap}; without stages of the training or a reference, its harm cannot be told")
    compared = f"on test events {reference.name} is {reference.deficit:+.4f} ± {reference.deficit_error:.4f} better"
    if reference.deficit > _SIGNIFICANT * reference.deficit_error and reference.deficit > max_gap:
        return Verdict(HARMFUL, f"{gap}, and {compared}")
    return Verdict(UNDECIDED, f"{gap}; {compared}, which does not tell whether less training would be better")


def _by_stages(curve: TrainingCurve, is_gap: bool, gap: str) -> Verdict:
    figures: dict[str, AgainstOptimum] = {"AUC": curve.auc}
    where = "the AUC of the validation part is on its plateau"
    if curve.log_loss is not None:
        figures["log-loss"] = curve.log_loss
        where = "AUC and log-loss of the validation part are on their plateaus"
    losses = {
        name: f"the validation {name} is worse by {figure.final_deficit:.4f} ± {figure.final_deficit_error:.4f} than at "
        f"stage {figure.optimum} of {curve.stages[-1]}"
        for name, figure in figures.items()
    }
    harmed = [name for name, figure in figures.items() if not figure.final_on_plateau]
    if harmed:
        return Verdict(HARMFUL, "; ".join(losses[name] for name in harmed))
    blind = [
        f"2 sigma of the validation {name} are {figure.resolution:.4f}, more than the {figure.size:g} that counts"
        for name, figure in figures.items()
        if figure.resolution > figure.size
    ]
    if blind:
        return Verdict(UNDECIDED, "; ".join(blind))
    return Verdict(HARMLESS, f"{gap}, but {where}") if is_gap else Verdict(NONE_SEEN, f"{where}, and {gap}")
