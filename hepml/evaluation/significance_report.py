"""What a run says about significance: chosen on the validation part, reported on the test part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hepml.evaluation.display import Displayed

if TYPE_CHECKING:
    from hepml.evaluation.figures_of_merit import FigureOfMerit
    from hepml.evaluation.optimum_bias import OptimumBias
    from hepml.evaluation.score_binning import BinnedSignificance, ScoreBinning
    from hepml.evaluation.significance import CutSignificance
    from hepml.evaluation.significance_scan import Optimum, SignificanceScan

__all__ = ["SignificanceReport"]


@dataclass(frozen=True, slots=True, eq=False)
class SignificanceReport(Displayed):
    """Best cuts and bins of one method.

    Parameters
    ----------
    figure : FigureOfMerit
        By which the cut and the bins are chosen.
    optima : dict of str to Optimum
        Best cut for each figure of merit, on the validation part.
    on_test : dict of str to CutSignificance
        These cuts on the test part, by the figure of merit by which they were chosen; those that exist.
    curve : SignificanceScan
        Figures of merit against the cut, on the test part.
    binning : ScoreBinning or str
        Bins chosen on the validation part, or why there are none.
    binned : BinnedSignificance or str
        These bins on the test part, or why there are none.
    bias : OptimumBias or str
        What the choice of the best cut adds by chance on the validation part, or why it is not computable.
    same_events : bool
        Whether both parts are the same events, scored by different models (folds): the choice is then not independent of the
        events on which it is reported.
    """

    figure: FigureOfMerit
    optima: dict[str, Optimum]
    on_test: dict[str, CutSignificance]
    curve: SignificanceScan
    binning: ScoreBinning | str
    binned: BinnedSignificance | str
    bias: OptimumBias | str
    same_events: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; what is not computable is null or states its reason."""
        return {
            "figure": self.figure.name,
            "sigma_b": self.figure.sigma_b,
            "relative_sigma_b": self.figure.relative_sigma_b,
            "mc_statistics": self.figure.mc_statistics,
            "same_events": self.same_events,
            "cuts": [self._cut(name, optimum) for name, optimum in self.optima.items()],
            "curve": self.curve.to_dict()["curve"],
            "binning": _plain(self.binning),
            "binned": _plain(self.binned),
            "optimum_bias": _plain(self.bias),
        }

    def _cut(self, name: str, optimum: Optimum) -> dict[str, Any]:
        found = optimum.to_dict()
        test = self.on_test.get(name)
        efficiency, error = (None, None) if test is None else (test.signal_efficiency, test.signal_efficiency_error)
        return {
            "figure": name,
            "threshold": found["threshold"],
            "chosen_on": "validation",
            "reason": found["reason"],
            "validation": found["significance"],
            "test": None if test is None else test.significances[name].to_dict(),
            "signal_efficiency": efficiency,
            "signal_efficiency_error": error,
        }


def _plain(found: ScoreBinning | BinnedSignificance | OptimumBias | str) -> dict[str, Any]:
    return {"not_computable": found} if isinstance(found, str) else found.to_dict()
