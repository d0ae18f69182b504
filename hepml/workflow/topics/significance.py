"""Best cut and bins of the score for a significance, chosen on the validation part and reported on the test part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import HepmlError
from hepml.evaluation import (
    FIGURES_OF_MERIT,
    BinnedSignificance,
    FigureOfMerit,
    OptimumBias,
    ScoreBinning,
    SignificanceReport,
    binned_significance,
    choose_score_binning,
    optimum_bias,
    significance_at_cut,
    significance_scan,
)

if TYPE_CHECKING:
    from hepml.config import SignificanceConfig
    from hepml.workflow.preparation import Prepared
    from hepml.workflow.topics.context import MethodContext, Ranked

__all__ = ["significance"]


def significance(context: MethodContext) -> SignificanceReport:
    """Choose cuts and bins on validation, report them on test; each part is scaled to all events, sample by sample."""
    settings = context.config.evaluation.significance
    figures = {name: _figure(name, settings) for name in FIGURES_OF_MERIT}
    chosen = figures[settings.figure]
    whole = _whole(context.prepared)
    validation, test = (_events(part, context, whole) for part in context.disjoint())
    scan = significance_scan(
        **validation,
        figures=list(figures.values()),
        min_effective=settings.min_effective,
        min_signal_efficiency=settings.min_signal_efficiency,
    )
    best = {name: optimum.threshold for name, optimum in scan.optima.items() if optimum.significance is not None}
    # several figures of merit often have one best cut
    at = {
        threshold: significance_at_cut(**test, threshold=threshold, figures=list(figures.values()))
        for threshold in set(best.values())
    }
    curve = context.curve
    binning, binned = _binned(validation, test, chosen, settings)
    return SignificanceReport(
        figure=chosen,
        optima=scan.optima,
        on_test={name: at[threshold] for name, threshold in best.items()},
        # at the cuts of the ROC curve, so that one slider reads both; the first of them keeps nothing
        curve=significance_scan(
            **_events(context.test.ranked, context, whole),
            figures=list(figures.values()),
            min_effective=settings.min_effective,
            thresholds=curve.thresholds[curve.thinned()][1:],
        ),
        binning=binning,
        binned=binned,
        bias=_bias(validation, chosen, settings, context.seed("significance")),
        same_events=bool(context.prepared.model),
    )


def _binned(
    validation: dict[str, Any], test: dict[str, Any], figure: FigureOfMerit, settings: SignificanceConfig
) -> tuple[ScoreBinning | str, BinnedSignificance | str]:
    try:
        binning = choose_score_binning(
            **validation,
            figure=figure,
            max_bins=settings.max_bins,
            min_effective=settings.min_effective,
            max_relative_error=settings.max_relative_error,
        )
        return binning, binned_significance(**test, edges=binning.edges, figure=figure)
    except HepmlError as error:
        return str(error), str(error)


def _bias(
    validation: dict[str, Any], figure: FigureOfMerit, settings: SignificanceConfig, seed: np.random.SeedSequence
) -> OptimumBias | str:
    try:
        return optimum_bias(
            **validation, figure=figure, min_effective=settings.min_effective, n_toys=settings.toys, seed=seed
        )
    except HepmlError as error:
        return str(error)


def _figure(name: str, settings: SignificanceConfig) -> FigureOfMerit:
    return FigureOfMerit(
        name,
        sigma_b=settings.sigma_b,
        relative_sigma_b=settings.relative_sigma_b,
        mc_statistics=settings.mc_statistics,
        punzi_a=settings.punzi_a,
        b_reg=settings.b_reg,
    )


def _events(part: Ranked, context: MethodContext, whole: dict[str, Any]) -> dict[str, Any]:
    return {
        "y_true": part.y,
        "score": part.score,
        "weight": part.weight,
        "event": part.event,
        "sample": context.dataset.sample[part.rows],
        **whole,
    }


def _whole(prepared: Prepared) -> dict[str, Any]:
    """Return the sums of the weights of all signal and background events by sample, and of their squares."""
    dataset = prepared.dataset
    simulated = np.isin(dataset.sample, [number for number, info in enumerate(dataset.samples) if info.label >= 0])
    weight, sample = np.where(simulated, dataset.weight, 0.0), dataset.sample
    n_samples = len(dataset.samples)
    sums = np.bincount(sample, weights=weight, minlength=n_samples)
    if prepared.test.event is not None:
        # rows of one event, which has one sample, are one
        groups = dataset.groups
        first = np.full(int(groups.max()) + 1, 0)
        first[groups] = sample
        weight, sample = np.bincount(groups, weights=weight), first
    squares = np.bincount(sample, weights=np.square(weight), minlength=n_samples)
    return {"full_sums": sums, "full_squares": squares}
