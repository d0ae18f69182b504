"""Bins of the score for a fit: the optimum is exact, constraints hold, and the combined error covers."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from hepml.errors import InvalidInputError
from hepml.evaluation import (
    FigureOfMerit,
    binned_significance,
    choose_score_binning,
    significance,
    significance_at_cut,
    significance_scan,
)

N_TOYS = 300
TOLERANCE = 8.0
TENTH = FigureOfMerit("z_a_sigma_b", relative_sigma_b=0.1)


def events(seed, n=200):
    rng = np.random.default_rng(seed)
    label = np.arange(n) % 2 == 0
    score = rng.normal(size=n) + label
    return label, score, rng.choice([-0.5, 1.0, 1.0, 1.0], n)


@given(st.integers(0, 2**32 - 1))
def test_no_choice_of_edges_is_better(seed):
    """All partitions over the same few candidates, tried one by one."""
    label, score, weight = events(seed)
    settings = {"n_candidates": 8, "min_effective": 12.0, "max_relative_error": 0.4}
    try:
        found = choose_score_binning(label, score, weight, figure=TENTH, max_bins=4, **settings)
    except InvalidInputError:
        # not even all events together
        assert math.isnan(combined_of(label, score, weight, np.array([]), settings))
        return
    best = [
        combined_of(label, score, weight, np.asarray(inner), settings)
        for n_inner in range(4)
        for inner in itertools.combinations(found.candidates, n_inner)
    ]
    largest = max(value for value in best if not math.isnan(value))
    realised = binned_significance(label, score, weight, edges=found.edges, figure=TENTH)
    assert realised.combined == pytest.approx(largest, rel=1e-9)
    assert np.nanmax(found.combined_by_n_bins) == pytest.approx(largest, rel=1e-9)


def combined_of(label, score, weight, inner, settings):
    """Combined significance of some edges, NaN if a bin is not allowed."""
    edges = np.concatenate([[-np.inf], inner, [np.inf]])
    bins = binned_significance(label, score, weight, edges=edges, figure=TENTH).bins
    allowed = all(
        item.reason is None
        and item.n_effective_background >= settings["min_effective"]
        and item.background_error <= settings["max_relative_error"] * item.background
        for item in bins
    )
    if not allowed:
        return math.nan
    return math.sqrt(sum(max(item.value, 0.0) ** 2 for item in bins))


@pytest.mark.parametrize("max_bins", [2, 5, 20])
def test_bins_beat_the_best_cut_and_obey_their_constraints(draw, max_bins):
    label, score, weight = draw(np.random.default_rng(2), 4000, 1.5, 0.25)
    weight = np.where(label, 0.02, 1.0) * weight
    binning = choose_score_binning(label, score, weight, max_bins=max_bins, min_effective=30, max_relative_error=0.15)
    found = binned_significance(label, score, weight, edges=binning.edges)
    assert len(found.bins) <= max_bins
    for item in found.bins:
        assert item.reason is None
        assert item.n_effective_background >= 30
        assert item.background_error <= 0.15 * item.background
    cut = significance_scan(label, score, weight, figures=["z_a_sigma_b"], min_effective=max(30, 1 / 0.15**2))
    assert found.combined > cut.optima["z_a_sigma_b"].significance.value
    assert found.combined == pytest.approx(binning.combined_by_n_bins[len(found.bins) - 1], rel=1e-9)
    # a finer choice is never worse on the events on which it is made
    assert list(binning.combined_by_n_bins[:4]) == sorted(binning.combined_by_n_bins[:4])
    assert found.bins[-1].value > found.bins[0].value


@pytest.mark.parametrize("negative", [0.0, 0.25], ids=["positive", "signed"])
def test_combined_error_covers(draw, negative):
    """Bins that were chosen on independent events, reported on these."""
    rng = np.random.default_rng(8)
    distance, scale = 1.0, 1 + 2 * negative

    def toy():
        signal = draw(rng, int(rng.poisson(5000)), distance, negative)
        background = draw(rng, int(rng.poisson(5000)), distance, negative)
        label, score, weight = (
            np.concatenate([one[signal[0]], other[~background[0]]])
            for one, other in zip(signal, background, strict=True)
        )
        return label, score, weight * np.where(label, 0.02, 0.2) * scale

    pulls = []
    edges = choose_score_binning(*toy(), figure=TENTH, max_bins=5, min_effective=60).edges
    truth = 0.0
    for low, high in itertools.pairwise(edges):
        share = norm.sf(low) - norm.sf(high)
        wide = norm.sf(low, -0.5, 1.5) - norm.sf(high, -0.5, 1.5)
        error = math.sqrt((0.2 * scale) ** 2 * 5000 / scale * (share + 2 * negative * wide))
        signal = 100 * (norm.sf(low - distance) - norm.sf(high - distance))
        truth += significance(TENTH, signal, 1000 * share, background_error=error).value ** 2
    for _ in range(N_TOYS):
        found = binned_significance(*toy(), edges=edges, figure=TENTH)
        pulls.append((found.combined - math.sqrt(truth)) / found.combined_error)
    assert abs(100 * np.mean(np.abs(pulls) < 1) - 68.3) < TOLERANCE


@pytest.mark.parametrize("scaled", [[], ["full_sums"], ["full_sums", "full_squares"]], ids=len)
@pytest.mark.parametrize("several", [False, True])
def test_one_bin_is_a_cut(scaled, several):
    label, score, weight = events(3, n=2000)
    options = {name: {"full_sums": [5000.0, 3000.0], "full_squares": [9000.0, 9000.0]}[name] for name in scaled}
    if several:
        options["event"] = np.arange(2000) // 3
    for figure in (FigureOfMerit("z_a"), TENTH):
        found = binned_significance(label, score, weight, edges=[0.5, np.inf], figure=figure, **options)
        cut = significance_at_cut(label, score, weight, threshold=0.5, figures=[figure], **options)
        here = cut.significances[figure.name]
        assert found.bins == (here,)
        assert found.combined == pytest.approx(here.value, rel=1e-12)
        # what signal and the variance of the background share in events of both classes is left out of the cut's error
        tolerance = 0.06 if several and figure is TENTH else 1e-12
        assert found.combined_error == pytest.approx(here.error, rel=tolerance)


def test_bins_that_are_not_computable_count_nothing():
    label = np.repeat([True, False], 200)
    score = np.concatenate([np.full(100, 0.5), np.full(100, 2.5), np.full(150, 0.5), np.full(45, 1.5), np.full(5, 2.5)])
    found = binned_significance(label, score, edges=[0, 1, 2, 3])
    assert [item.reason for item in found.bins] == [None, None, "5 effective background events are fewer than 10"]
    assert found.combined == found.bins[0].value
    # what is lost is most of it: no error can know
    assert math.isnan(found.combined_error)
    assert found.reason == "1 of 3 bins are not computable; 100 signal events lie there"
    assert found.bins[1].value == 0
    nothing = binned_significance(label, score, edges=[2, 3])
    assert math.isnan(nothing.combined)
    plain = json.loads(json.dumps(nothing.to_dict(), allow_nan=False))
    assert (plain["combined"], plain["combined_error"]) == (None, None)
    assert plain["bins"][0]["from"] == 2


def test_is_deterministic_and_plain_json():
    label, score, weight = events(4, n=3000)
    first, again = (
        choose_score_binning(label[order], score[order], weight[order])
        for order in (slice(None), slice(None, None, -1))
    )
    assert first.edges.tolist() == again.edges.tolist()
    plain = json.loads(json.dumps(first.to_dict(), allow_nan=False))
    assert plain["edges"] == first.edges[1:-1].tolist()
    assert plain["n_bins"] == len(plain["edges"]) + 1


def test_refused():
    label, score, weight = events(5)
    with pytest.raises(
        InvalidInputError, match="by significances whose squares add up, z_a_sigma_b or z_a, not by punzi"
    ):
        choose_score_binning(label, score, weight, figure="punzi")
    with pytest.raises(InvalidInputError, match="give relative_sigma_b"):
        choose_score_binning(label, score, weight, figure=FigureOfMerit(sigma_b=3))
    with pytest.raises(InvalidInputError, match="max_bins=0"):
        choose_score_binning(label, score, weight, max_bins=0)
    with pytest.raises(InvalidInputError, match="1000 effective events known to 1 of itself: more events are needed"):
        choose_score_binning(label, score, weight, min_effective=1000)
    with pytest.raises(InvalidInputError, match="not an increasing sequence"):
        binned_significance(label, score, weight, edges=[0, 0])
