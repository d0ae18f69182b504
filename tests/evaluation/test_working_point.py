"""Working points: which cut is taken, and whether its error covers."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from hepml.errors import InvalidInputError
from hepml.evaluation import roc_curve

N_TOYS = 300
# 300 toys scatter by 2.7% around 68.3%
TOLERANCE = 8.0


def coverage(pulls):
    return 100 * np.mean(np.abs(pulls) < 1)


@pytest.mark.parametrize("negative", [0.0, 0.25], ids=["positive", "signed"])
@pytest.mark.parametrize("area", [0.6, 0.76, 0.95])
def test_errors_cover(draw, area, negative):
    rng = np.random.default_rng(20240501)
    distance = np.sqrt(2) * norm.ppf(area)
    signal_targets, background_targets = (0.7, 0.9), (0.1, 0.3)
    pulls = {"auc": []}
    for _ in range(N_TOYS):
        curve = roc_curve(*draw(rng, 1000, distance, negative))
        pulls["auc"].append((curve.auc - area) / curve.auc_error)
        for target in signal_targets:
            point = curve.at_signal_efficiency(target)
            truth = norm.sf(norm.isf(target) + distance)
            pull = (point.background_efficiency - truth) / point.background_efficiency_error
            pulls.setdefault(f"eps_B at eps_S = {target}", []).append(pull)
        for target in background_targets:
            point = curve.at_background_efficiency(target)
            truth = norm.sf(norm.isf(target) - distance)
            pull = (point.signal_efficiency - truth) / point.signal_efficiency_error
            pulls.setdefault(f"eps_S at eps_B = {target}", []).append(pull)
    wrong = {name: coverage(values) for name, values in pulls.items() if abs(coverage(values) - 68.3) > TOLERANCE}
    assert not wrong


def test_error_at_a_fixed_cut_alone_would_not_cover(draw):
    """The threshold's own contribution is needed, and large where the background is steep."""
    rng = np.random.default_rng(5)
    pulls = []
    for _ in range(N_TOYS):
        label, score, weight = draw(rng, 1000, 1.0)
        # few signal events: their threshold scatters most
        kept = ~label | (np.cumsum(label) <= 100)
        curve = roc_curve(label[kept], score[kept], weight[kept])
        point = curve.at_signal_efficiency(0.7)
        at_cut = curve.background_efficiency_error[np.flatnonzero(curve.thresholds == point.threshold)[0]]
        truth = norm.sf(norm.isf(0.7) + 1.0)
        pulls.append(
            [(point.background_efficiency - truth) / error for error in (at_cut, point.background_efficiency_error)]
        )
    fixed, full = np.transpose(pulls)
    assert coverage(fixed) < 40
    assert abs(coverage(full) - 68.3) < TOLERANCE


def test_error_of_candidates_of_one_event_covers():
    """Two candidates of either class in one event share a shift of their score; the clustered errors know."""
    rng = np.random.default_rng(11)
    pulls, naive = [], []
    for _ in range(N_TOYS):
        n_events = 600
        shift = rng.normal(0, 1, n_events)
        score = np.concatenate([shift + rng.normal(1, 1, n_events), shift + rng.normal(0, 1, n_events)])
        score = np.concatenate([score, shift + rng.normal(0, 1, n_events)])
        label = np.repeat([True, False, False], n_events)
        event = np.tile(np.arange(n_events), 3)
        curve = roc_curve(label, score, event=event)
        truth = norm.cdf(1 / 2)
        point = curve.at_signal_efficiency(0.5)
        expected = norm.sf(1 / np.sqrt(2))
        pulls.append(
            [
                (curve.auc - truth) / curve.auc_error,
                (point.background_efficiency - expected) / point.background_efficiency_error,
            ]
        )
        naive.append((curve.auc - truth) / roc_curve(label, score).auc_error)
    area, efficiency = np.transpose(pulls)
    assert abs(coverage(area) - 68.3) < TOLERANCE
    assert abs(coverage(efficiency) - 68.3) < TOLERANCE
    # the shift cancels between the classes: as independent rows the error is too large
    assert coverage(naive) > 68.3 + TOLERANCE


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 1.0))
def test_positive_weights_give_the_tightest_cut_that_keeps_the_target(seed, target):
    rng = np.random.default_rng(seed)
    label = np.arange(60) % 2 == 0
    score, weight = rng.normal(size=60).round(1) + label, rng.uniform(0.1, 2, 60)
    point = roc_curve(label, score, weight).at_signal_efficiency(target)

    def kept(threshold):
        return weight[label & (score >= threshold)].sum() / weight[label].sum()

    tighter = score[score > point.threshold]
    assert point.signal_efficiency == pytest.approx(kept(point.threshold))
    assert kept(point.threshold) >= target - 1e-9
    assert tighter.size == 0 or kept(tighter.min()) < target
    assert point.n_crossings == 1


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 1.0))
def test_at_most_the_target_of_the_background_is_kept(seed, target):
    rng = np.random.default_rng(seed)
    label = np.arange(60) % 2 == 0
    score, weight = rng.normal(size=60).round(1) + label, rng.uniform(0.1, 2, 60)
    point = roc_curve(label, score, weight).at_background_efficiency(target)

    def kept(threshold):
        return weight[~label & (score >= threshold)].sum() / weight[~label].sum()

    looser = score[score < point.threshold]
    assert kept(point.threshold) <= target + 1e-9
    assert looser.size == 0 or kept(looser.max()) > target


def test_several_crossings_give_the_loosest_cut_and_say_so():
    # signal efficiency from tight to loose: 0.5, 0.25, 0.5, 0.75, 1
    label = [1, 1, 1, 1, 1, 0, 0]
    score = [9, 8, 7, 6, 5, 8.5, 5.5]
    weight = [2, -1, 1, 1, 1, 1, 1]
    curve = roc_curve(label, score, weight)
    point = curve.at_signal_efficiency(0.4)
    assert (point.threshold, point.n_crossings) == (7, 3)
    assert point.signal_efficiency == 0.5
    assert point.background_efficiency == 0.5
    assert curve.at_signal_efficiency(0.6).n_crossings == 1


def test_numbers_of_a_working_point_follow_from_each_other(draw):
    point = roc_curve(*draw(np.random.default_rng(2), 5000, 1.5, 0.25)).at_signal_efficiency(0.6)
    background, error = point.background_efficiency, point.background_efficiency_error
    assert point.background_rejection == 1 - background
    assert point.background_rejection_error == error
    assert point.inverse_background_efficiency == 1 / background
    assert point.inverse_background_efficiency_error == pytest.approx(error / background**2)
    assert json.loads(json.dumps(point.to_dict(), allow_nan=False))["target"] == 0.6


def test_slope_is_the_ratio_of_densities(draw):
    distance = 1.0
    curve = roc_curve(*draw(np.random.default_rng(4), 200_000, distance))
    for target in (0.3, 0.5, 0.8):
        cut = norm.isf(target) + distance
        expected = norm.pdf(cut) / norm.pdf(cut - distance)
        assert curve.at_signal_efficiency(target).slope == pytest.approx(expected, rel=0.05)


def test_no_background_left_is_not_computable():
    point = roc_curve([1, 1, 0, 0], [4, 3, 2, 1]).at_signal_efficiency(0.5)
    assert point.background_rejection == 1
    assert math.isnan(point.background_rejection_error)
    assert point.to_dict()["inverse_background_efficiency"] is None


def test_signal_error_is_not_computable_where_the_background_chooses_no_cut():
    # 1% of 50 events is none: the cut is above the highest of them, and scatters with it
    rng = np.random.default_rng(6)
    curve = roc_curve(
        np.repeat([True, False], [5000, 50]), np.concatenate([rng.normal(2, 1, 5000), rng.normal(0, 1, 50)])
    )
    point = curve.at_background_efficiency(0.01)
    assert (point.background_efficiency, point.signal_efficiency > 0.1) == (0, True)
    assert point.to_dict()["signal_efficiency_error"] is None
    assert curve.at_background_efficiency(0.3).signal_efficiency_error > 0


def test_all_background_is_kept_at_a_target_of_one():
    # background efficiency from tight to loose: 0.5, 1, 1.5, 1
    curve = roc_curve([0, 0, 0, 1, 0], [7, 6, 5, 4, 3], [1, 1, 1, 1, -1])
    point = curve.at_background_efficiency(1.0)
    assert (point.threshold, point.background_efficiency, point.signal_efficiency) == (3, 1, 1)


def test_equal_scores_leave_one_cut():
    point = roc_curve([1, 0, 1, 0], [3, 3, 3, 3]).at_signal_efficiency(0.2)
    assert (point.signal_efficiency, point.background_efficiency) == (1, 1)


@pytest.mark.parametrize("negative", [0.0, 0.25], ids=["positive", "signed"])
def test_what_too_few_events_carry_is_not_quoted(draw, negative):
    """Near the cut of 1% of 1000 background events no first-order error covers; near that of 10% it does."""
    rng = np.random.default_rng(20240501)
    for _ in range(20):
        curve = roc_curve(*draw(rng, 1000, np.sqrt(2) * norm.ppf(0.95), negative))
        few, enough = curve.at_background_efficiency(0.01), curve.at_background_efficiency(0.1)
        assert few.to_dict()["signal_efficiency_error"] is None
        assert enough.signal_efficiency_error > 0
        point = curve.at_signal_efficiency(0.3)
        assert point.n_carrying < 20
        assert math.isnan(point.background_efficiency_error)
        # the signal itself has enough
        assert point.signal_efficiency_error > 0


def test_an_inverse_of_large_error_has_none(draw):
    rng = np.random.default_rng(3)
    label, score, weight = draw(rng, 5000, np.sqrt(2) * norm.ppf(0.95), 0.25)
    points = [roc_curve(label, score, weight).at_signal_efficiency(target) for target in (0.4, 0.8)]
    relative = [point.background_efficiency_error / point.background_efficiency for point in points]
    assert relative[0] > 0.25 > relative[1]
    assert [math.isnan(point.inverse_background_efficiency_error) for point in points] == [True, False]


@pytest.mark.parametrize("target", [0, -0.1, 1.1, float("nan")])
def test_a_target_is_an_efficiency(target):
    curve = roc_curve([0, 1], [0.1, 0.2])
    with pytest.raises(InvalidInputError, match="above 0 and at most 1"):
        curve.at_signal_efficiency(target)
    with pytest.raises(InvalidInputError, match="above 0 and at most 1"):
        curve.at_background_efficiency(target)
