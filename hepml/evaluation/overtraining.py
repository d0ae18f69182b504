"""Comparison of a classifier on the events that it was trained on with the same on others."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.binned_kolmogorov import BinnedKolmogorov, binned_kolmogorov
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import ScoredEvents, as_scores
from hepml.evaluation.influence import area_influence, standard_error
from hepml.evaluation.roc import RocCurve, roc_curve
from hepml.evaluation.score_histograms import ScoreHistograms, histograms_of
from hepml.evaluation.two_sample import TwoSampleTest, two_sample_test
from hepml.evaluation.verdict import Reference, verdict

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from hepml.evaluation.training_curve import TrainingCurve

__all__ = ["EfficiencyComparison", "Overtraining", "overtraining"]

# TMVA's table of the evaluation (Factory::EvaluateAllMethods)
_BACKGROUND_EFFICIENCIES = (0.01, 0.10, 0.30)
# areas of perfectly separated classes differ by rounding
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class EfficiencyComparison(Displayed):
    """Signal efficiency at one background efficiency, on test and on training events; errors include the threshold's."""

    background_efficiency: float
    test: float
    test_error: float
    train: float
    train_error: float

    def to_dict(self) -> dict[str, float | None]:
        """Return the numbers as plain JSON types; what is not computable is null."""
        numbers: dict[str, float] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value if math.isfinite(value) else None for name, value in numbers.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Overtraining(Displayed):
    """Scores of training and test events compared.

    Parameters
    ----------
    auc_train, auc_train_error, auc_test, auc_test_error : float
        Areas under the two ROC curves.
    auc_gap, auc_gap_error : float
        ``auc_train - auc_test``; the two samples are independent, or the same events.
    auc_gap_significance : float
        The gap in standard deviations; NaN if the error is zero, as for classes that are perfectly separated.
    max_gap : float
        Difference of areas that counts, which enters the verdict.
    verdict : str
        ``'harmful'``, ``'train-test gap, harmless'``, ``'no overtraining seen'`` or ``'undecided'``.
    reason : str
        The numbers behind the verdict.
    reference : Reference or None
        The other method that was compared with.
    signal, background : TwoSampleTest
        Training against test scores within each class. They are reported and do not decide.
    binned_signal, binned_background : BinnedKolmogorov
        What TMVA prints: the same for the histograms, with a p-value by toys.
    signal_efficiencies : tuple of EfficiencyComparison
        TMVA's table: signal efficiency at background efficiencies of 0.01, 0.10 and 0.30.
    histograms : ScoreHistograms
        What the overlay shows.
    seed : dict
        ``entropy`` and ``spawn_key`` of the seed of permutations and toys, as numpy.random.SeedSequence takes them.
    """

    auc_train: float
    auc_train_error: float
    auc_test: float
    auc_test_error: float
    auc_gap: float
    auc_gap_error: float
    auc_gap_significance: float
    max_gap: float
    verdict: str
    reason: str
    reference: Reference | None
    signal: TwoSampleTest
    background: TwoSampleTest
    binned_signal: BinnedKolmogorov
    binned_background: BinnedKolmogorov
    signal_efficiencies: tuple[EfficiencyComparison, ...]
    histograms: ScoreHistograms = field(repr=False)
    seed: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types; what is not computable is null."""
        significance = self.auc_gap_significance
        return {
            "auc_train": self.auc_train,
            "auc_train_error": self.auc_train_error,
            "auc_test": self.auc_test,
            "auc_test_error": self.auc_test_error,
            "auc_gap": self.auc_gap,
            "auc_gap_error": self.auc_gap_error,
            "auc_gap_significance": significance if math.isfinite(significance) else None,
            "max_gap": self.max_gap,
            "verdict": self.verdict,
            "reason": self.reason,
            "reference": None if self.reference is None else self.reference.to_dict(),
            "signal": self.signal.to_dict(),
            "background": self.background.to_dict(),
            "binned_signal": self.binned_signal.to_dict(),
            "binned_background": self.binned_background.to_dict(),
            "signal_efficiencies": [row.to_dict() for row in self.signal_efficiencies],
            "histograms": self.histograms.to_dict(),
            "seed": self.seed,
        }


def overtraining(  # noqa: PLR0917  (two triples of a kind)
    y_train: ArrayLike,
    score_train: ArrayLike,
    weight_train: ArrayLike | None,
    y_test: ArrayLike,
    score_test: ArrayLike,
    weight_test: ArrayLike | None,
    *,
    event_train: ArrayLike | None = None,
    event_test: ArrayLike | None = None,
    paired: bool = False,
    curve: TrainingCurve | None = None,
    reference_test: ArrayLike | None = None,
    reference_name: str = "the reference",
    max_gap: float = 0.01,
    n_permutations: int = 400,
    seed: int | np.random.SeedSequence = 0,
    n_bins: int = 40,
    roc_test: RocCurve | None = None,
) -> Overtraining:
    """Compare a classifier's scores on its training events with those on independent test events.

    Parameters
    ----------
    y_train, y_test : array-like of bool or 0/1, shape (n_train,) and (n_test,)
        True for signal.
    score_train, score_test : array-like of float, shape (n_train,) and (n_test,)
        Larger is more signal-like; finite.
    weight_train, weight_test : array-like of float, shape (n_train,) and (n_test,), or None
        Event weights, of either sign. None: 1.
    event_train, event_test : array-like of int, shape (n_train,) and (n_test,), optional
        Equal values within a part mark rows of one event, which are clustered.
    paired : bool
        Whether both are the same events in the same order, each scored by a model that was trained on it and by one that
        was not, as with folds. The error of the gap is then that of a difference on the same events, and permutations
        exchange the two scores of an event.
    curve : TrainingCurve, optional
        Validation figures against the number of trees, of :func:`training_curve`: what tells whether a gap does harm.
    reference_test : array-like of float, shape (n_test,), optional
        Score of another method on the test events: what stands in for the curve of a method that has no stages. It should
        be the best of the others, chosen elsewhere than on the test events.
    reference_name : str
        Name of the other method.
    max_gap : float
        Difference of areas that counts.
    n_permutations : int
        Number of permutations behind each p-value.
    seed : int or numpy.random.SeedSequence
        Seed of permutations and toys; each test of each class uses a stream of its own.
    n_bins : int
        Number of bins of the histograms; TMVA's GUI has 40.
    roc_test : RocCurve, optional
        That of the test events, if it is known already.

    Returns
    -------
    Overtraining
        Areas, tests, TMVA's efficiency table, histograms and the verdict with its reason.

    Raises
    ------
    EmptyClassError, InvalidInputError, WeightError
        As :func:`roc_curve`, for either part.

    Notes
    -----
    The verdict is 'harmful' only if, by the curve, the validation AUC or log-loss of the last stage is worse than at its
    own optimum by more than 2 sigma, paired, and by more than a size; without a curve, if there is a gap of ``max_gap`` or
    more and another method does better on the same events by as much. 'train-test gap, harmless' is a significant gap of a
    training that stays on its plateau, 'undecided' one whose errors would hide the size (docs/statistics_training.md).
    The p-values of the distributions do not decide: with enough events every fit differs from its training sample.
    """
    if not max_gap > 0:
        msg = f"max_gap is {max_gap!r}; a positive difference of areas is needed"
        raise InvalidInputError(msg)
    train = ScoredEvents.check(y_train, score_train, weight_train, event_train)
    test = ScoredEvents.check(y_test, score_test, weight_test, event_test)
    curve_train = roc_curve(train.is_signal, train.score, train.weight, event=train.event)
    curve_test = roc_test
    if curve_test is None:
        curve_test = roc_curve(test.is_signal, test.score, test.weight, event=test.event)
    gap = curve_train.auc - curve_test.auc
    gap_error = math.hypot(curve_train.auc_error, curve_test.auc_error)
    if paired:
        gap_error = _paired_error(train, test)
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    # not .spawn(): it would change the caller's sequence, so that a second call differed
    signal_seed, background_seed, signal_toys, background_toys = (
        np.random.SeedSequence(sequence.entropy, spawn_key=(*sequence.spawn_key, stream)) for stream in range(4)
    )
    histograms = histograms_of(train, test, n_bins)
    reference = None if reference_test is None else _reference(test, reference_test, reference_name)
    found = verdict(gap, gap_error, max_gap, curve=curve, reference=reference)
    return Overtraining(
        auc_train=curve_train.auc,
        auc_train_error=curve_train.auc_error,
        auc_test=curve_test.auc,
        auc_test_error=curve_test.auc_error,
        auc_gap=gap,
        auc_gap_error=gap_error,
        auc_gap_significance=gap / gap_error if gap_error > _ROUNDING else math.nan,
        max_gap=float(max_gap),
        verdict=found.word,
        reason=found.reason,
        reference=reference,
        signal=_compare(train, test, True, n_permutations, signal_seed, paired=paired),
        background=_compare(train, test, False, n_permutations, background_seed, paired=paired),
        binned_signal=binned_kolmogorov(histograms.test_signal, histograms.train_signal, seed=signal_toys),
        binned_background=binned_kolmogorov(
            histograms.test_background, histograms.train_background, seed=background_toys
        ),
        signal_efficiencies=tuple(_efficiencies(curve_train, curve_test)),
        histograms=histograms,
        seed={"entropy": sequence.entropy, "spawn_key": list(sequence.spawn_key)},
    )


def _reference(test: ScoredEvents, score: ArrayLike, name: str) -> Reference:
    other = replace(test, score=as_scores(score, test.score.size, "reference_test"))
    auc, influence = area_influence(test)
    auc_other, influence_other = area_influence(other)
    error = standard_error(influence_other - influence, test.event)
    return Reference(name, auc_other, auc_other - auc, error)


def _paired_error(train: ScoredEvents, test: ScoredEvents) -> float:
    """Error of the difference of two areas of the same events."""
    same = np.array_equal(train.is_signal, test.is_signal) and np.array_equal(train.weight, test.weight)
    if not same:
        msg = (
            f"paired events are the same in the same order, and the {train.score.size} rows of training and "
            f"{test.score.size} of test have other labels or weights"
        )
        raise InvalidInputError(msg)
    return standard_error(area_influence(train)[1] - area_influence(test)[1], test.event)


def _compare(
    train: ScoredEvents,
    test: ScoredEvents,
    signal: bool,
    n_permutations: int,
    seed: np.random.SeedSequence,
    *,
    paired: bool,
) -> TwoSampleTest:
    in_train, in_test = train.is_signal == signal, test.is_signal == signal
    return two_sample_test(
        train.score[in_train],
        train.weight[in_train],
        test.score[in_test],
        test.weight[in_test],
        event_a=None if train.event is None else train.event[in_train],
        event_b=None if test.event is None else test.event[in_test],
        paired=paired,
        n_permutations=n_permutations,
        seed=seed,
    )


def _efficiencies(train: RocCurve, test: RocCurve) -> list[EfficiencyComparison]:
    rows = []
    for target in _BACKGROUND_EFFICIENCIES:
        on_train, on_test = train.at_background_efficiency(target), test.at_background_efficiency(target)
        rows.append(
            EfficiencyComparison(
                background_efficiency=target,
                test=on_test.signal_efficiency,
                test_error=on_test.signal_efficiency_error,
                train=on_train.signal_efficiency,
                train_error=on_train.signal_efficiency_error,
            )
        )
    return rows
