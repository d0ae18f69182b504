"""Figures against the number of trees: values, paired errors, the optimum and the plateau."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from hepml.classifiers.objective import MARGIN_BOUND, signed_log_loss
from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation import roc_curve, stage_grid, training_curve
from hepml.evaluation.events import ScoredEvents
from hepml.evaluation.influence import area_influence, standard_error
from hepml.evaluation.log_loss import log_loss_influence
from hepml.evaluation.verdict import verdict


def staged(rng, n, noises, distance=1.0):
    """Events of two Gaussians, and log-odds from ever noisier measurements of one quantity."""
    label = np.arange(n) % 2 == 0
    x = rng.normal(size=n) + distance * label
    return label, np.array([distance * (x + noise * rng.normal(size=n)) - distance**2 / 2 for noise in noises])


@given(st.integers(0, 2**32 - 1), st.integers(0, 2), st.booleans())
def test_area_is_that_of_the_roc_curve(seed, digits, clustered):
    rng = np.random.default_rng(seed)
    label, score = np.arange(60) % 3 == 0, rng.normal(size=60).round(digits)
    weight = rng.uniform(-0.2, 1, 60)
    event = rng.integers(0, 40, 60) if clustered else None
    events = ScoredEvents.check(label, score, weight, event)
    area, influence = area_influence(events)
    curve = roc_curve(label, score, weight, event=event)
    assert area == pytest.approx(curve.auc, abs=1e-12)
    assert standard_error(influence, events.event) == pytest.approx(curve.auc_error, rel=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_influences_are_derivatives_by_the_weights(seed):
    rng = np.random.default_rng(seed)
    label, score, weight = np.arange(30) % 2 == 0, rng.normal(size=30), rng.uniform(-0.2, 1, 30)
    events = ScoredEvents.check(label, score, weight)
    value, influence = area_influence(events)
    row, step = 7, 1e-6
    moved = weight.copy()
    moved[row] *= 1 + step
    there = area_influence(ScoredEvents.check(label, score, moved))[0]
    assert (there - value) / step == pytest.approx(influence[row], abs=1e-5)


def test_log_loss_is_that_of_the_training_and_its_error_that_of_two_means():
    rng = np.random.default_rng(2)
    label, weight = np.arange(400) % 4 == 0, rng.uniform(-0.2, 1, 400)
    margin = rng.normal(0, 12, 400)
    value, influence = log_loss_influence(ScoredEvents.check(label, margin, weight))
    assert value == pytest.approx(signed_log_loss(margin, label, weight), rel=1e-12)
    loss = np.logaddexp(0, np.clip(margin, -MARGIN_BOUND, MARGIN_BOUND) * np.where(label, -1, 1))
    variance = 0.0
    for here in (label, ~label):
        w, share = weight[here], weight[here].sum() / weight.sum()
        mean = (w * loss[here]).sum() / w.sum()
        variance += share**2 * (w**2 * (loss[here] - mean) ** 2).sum() / w.sum() ** 2
    assert standard_error(influence, None) == pytest.approx(np.sqrt(variance), rel=1e-9)


def test_area_of_gaussians_and_the_paired_error_cover_the_truth():
    """Two noisy copies of one quantity: the difference of their areas is known, its error below the single ones."""
    noises = (0.5, 0.4)
    rng = np.random.default_rng(3)
    truth = [norm.cdf(1 / np.sqrt(2 * (1 + noise**2))) for noise in noises]
    pulls, single, paired = [], [], []
    for _ in range(300):
        label, margin = staged(rng, 600, noises)
        curve = training_curve([1, 2], label, margin, None, label, margin, None)
        index = 1 - int(np.argmax(curve.validation.auc))
        error = curve.auc.deficit_error[index]
        pulls.append((curve.validation.auc[1] - curve.validation.auc[0] - truth[1] + truth[0]) / error)
        single.append(np.hypot(*curve.validation.auc_error))
        paired.append(error)
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.683, abs=0.08)
    assert np.mean(paired) < 0.75 * np.mean(single)


def test_optimum_and_plateau_of_a_known_course():
    """Better, then the same, then worse: the last stage is off the plateau for both figures."""
    rng = np.random.default_rng(4)
    noises = [2.0, 0.5, 0.1, 0.1, 0.4, 1.2]
    label, margin = staged(rng, 40_000, noises)
    curve = training_curve(
        [1, 3, 10, 30, 100, 300], label[:20_000], margin[:, :20_000], None, label[20_000:], margin[:, 20_000:], None
    )
    for figure in (curve.auc, curve.log_loss):
        assert figure.optimum in {10, 30}
        assert figure.deficit.min() == 0
        assert figure.plateau.tolist() == [False, False, True, True, False, False]
        assert not figure.final_on_plateau
        assert figure.final_deficit > 0.05
        assert figure.final_deficit_error < 0.01
    assert curve.train.auc[0] == roc_curve(label[:20_000], margin[0, :20_000]).auc
    assert curve.train.auc_error[0] == pytest.approx(roc_curve(label[:20_000], margin[0, :20_000]).auc_error)


def test_a_size_above_the_loss_puts_all_on_the_plateau():
    rng = np.random.default_rng(5)
    label, margin = staged(rng, 20_000, [0.1, 0.4])
    strict, mild = (
        training_curve([1, 2], label, margin, None, label, margin, None, max_gap=size, max_loss=size)
        for size in (0.002, 0.2)
    )
    assert not strict.auc.final_on_plateau
    assert mild.auc.final_on_plateau
    assert (mild.auc.deficit == strict.auc.deficit).all()


def test_few_events_do_not_resolve_what_many_do():
    rng = np.random.default_rng(6)
    resolutions = []
    for n in (60, 60_000):
        label, margin = staged(rng, n, [0.5, 0.3, 0.25, 0.2])
        curve = training_curve([1, 2, 4, 8], label, margin, None, label, margin, None)
        resolutions.append((curve.auc.resolution, curve.log_loss.resolution))
    assert min(resolutions[0]) > 0.01
    assert max(resolutions[1]) < 0.005


def test_last_stage_that_is_best_still_has_a_resolution():
    label = np.arange(40) % 2 == 0
    base = np.where(label, 0.5, -0.5) + np.random.default_rng(1).normal(0, 0.4, 40)
    curve = training_curve([1, 2], label, np.array([0.5 * base, base]), None, label, np.array([-base, base]), None)
    assert curve.auc.optimum == 2
    assert curve.auc.final_deficit == 0
    assert curve.auc.resolution > 0.05


def test_rows_of_one_event_are_clustered():
    rng = np.random.default_rng(7)
    label, margin = staged(rng, 500, [0.5, 0.3])
    single = training_curve([1, 2], label, margin, None, label, margin, None)
    event = np.tile(np.arange(500), 2)
    y, twice = np.tile(label, 2), np.tile(margin, 2)
    double = training_curve([1, 2], y, twice, None, y, twice, None, event_train=event, event_validation=event)
    np.testing.assert_allclose(double.validation.auc_error, single.validation.auc_error)
    np.testing.assert_allclose(double.log_loss.deficit_error, single.log_loss.deficit_error)


@given(st.integers(1, 5000), st.integers(2, 60))
def test_grid_of_stages(n_trees, n_stages):
    grid = stage_grid(n_trees, n_stages)
    assert grid[0] == 1
    assert grid[-1] == n_trees
    assert (np.diff(grid) > 0).all()
    assert len(grid) <= n_stages


def test_json_is_strict():
    label, margin = staged(np.random.default_rng(8), 100, [0.5, 0.3])
    curve = training_curve([1, 2], label, margin, None, label, margin, None)
    content = json.loads(json.dumps(curve.to_dict(), allow_nan=False))
    assert content["stages"] == [1, 2]
    assert content["auc"]["plateau"] == curve.auc.plateau.tolist()
    assert content["validation"]["log_loss"] == curve.validation.log_loss.tolist()


def test_scores_that_are_no_log_odds_are_judged_by_their_area_alone():
    label, margin = staged(np.random.default_rng(9), 4000, [2.0, 1.0, 0.3])
    # ranked ever better, and ever more confident than right: a loss of confidence, not of separation
    score = margin * np.array([[0.3], [1.0], [20.0]])
    curves = [
        training_curve([1, 2, 3], label, score, None, label, score, None, max_gap=0.1, log_odds=log_odds)
        for log_odds in (True, False)
    ]
    assert curves[0].validation.auc.tolist() == curves[1].validation.auc.tolist()
    assert curves[0].auc.to_dict() == curves[1].auc.to_dict()
    assert [verdict(0.0, 0.001, 0.01, curve=curve).word for curve in curves] == ["harmful", "no overtraining seen"]
    assert "log-loss" not in verdict(0.0, 0.001, 0.01, curve=curves[1]).reason
    content = json.loads(json.dumps(curves[1].to_dict(), allow_nan=False))
    assert content["log_loss"] is content["train"]["log_loss"] is content["validation"]["log_loss_error"] is None
    assert "log-loss" not in curves[1]._repr_html_()


def test_bad_input_is_one_clear_error():
    label, margin = staged(np.random.default_rng(8), 100, [0.5, 0.3])
    good = (label, margin, None)
    with pytest.raises(InvalidInputError, match="ascending"):
        training_curve([2, 1], *good, *good)
    with pytest.raises(InvalidInputError, match=r"validation part has shape \(2, 100\); \(1 stages"):
        training_curve([2], label, margin[:1], None, *good)
    with pytest.raises(InvalidInputError, match="1 of 200 values are NaN"):
        training_curve([1, 2], *good, label, np.where(np.arange(200).reshape(2, 100) == 3, np.nan, margin), None)
    with pytest.raises(InvalidInputError, match="max_gap is 0"):
        training_curve([1, 2], *good, *good, max_gap=0)
    with pytest.raises(EmptyClassError, match="no background"):
        training_curve([1, 2], *good, np.ones(100), margin, None)
    with pytest.raises(InvalidInputError, match="n_trees is 0"):
        stage_grid(0)
