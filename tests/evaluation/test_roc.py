"""ROC curve and area against brute force, scikit-learn, closed forms and invariants."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from hepml.errors import EmptyClassError, InvalidInputError, WeightError
from hepml.evaluation import roc_curve


def brute_force(label, score, weight, event=None):
    """Area and error by the definition: all pairs, ties one half, one term per event."""
    signal, background = np.flatnonzero(label), np.flatnonzero(~label)
    won = (score[signal][:, None] > score[background]) + 0.5 * (score[signal][:, None] == score[background])
    sum_signal, sum_background = weight[signal].sum(), weight[background].sum()
    placement = np.empty(label.size)
    placement[signal] = won @ weight[background] / sum_background
    placement[background] = weight[signal] @ won / sum_signal
    area = weight[signal] @ placement[signal] / sum_signal
    influence = weight * (placement - area) / np.where(label, sum_signal, sum_background)
    event = np.arange(label.size) if event is None else event
    return area, np.sqrt(sum(influence[event == one].sum() ** 2 for one in np.unique(event)))


def trapezoids(height, position):
    height = np.asarray(height)
    return float(np.sum(np.diff(position) * (height[1:] + height[:-1]) / 2))


@st.composite
def events(draw_value, *, positive=False):
    """Few events with many ties, of both classes, each with a clearly positive sum of weights."""
    n_events = draw_value(st.integers(4, 40))
    seed = draw_value(st.integers(0, 2**32 - 1))
    n_scores = draw_value(st.sampled_from([1, 3, 10, 1000]))
    rng = np.random.default_rng(seed)
    label = rng.random(n_events) < 0.5
    score = rng.integers(0, n_scores, n_events) / 7
    weight = rng.uniform(0.1 if positive else -0.7, 2.0, n_events)
    assume(label.any() and not label.all())
    assume(weight[label].sum() > 0.3 and weight[~label].sum() > 0.3)
    return label, score, weight


@given(events())
def test_area_and_error_are_those_of_all_pairs(sample):
    label, score, weight = sample
    curve = roc_curve(label, score, weight)
    area, error = brute_force(label, score, weight)
    assert curve.auc == pytest.approx(area, rel=1e-10, abs=1e-10)
    assert curve.auc_error == pytest.approx(error, rel=1e-9, abs=1e-9)


@given(events(), st.integers(0, 2**32 - 1))
def test_clustered_area_and_error_are_those_of_all_pairs(sample, seed):
    label, score, weight = sample
    event = np.random.default_rng(seed).integers(0, label.size // 2, label.size) + 2**60
    curve = roc_curve(label, score, weight, event=event)
    area, error = brute_force(label, score, weight, event)
    assert curve.auc == pytest.approx(area, rel=1e-10, abs=1e-10)
    assert curve.auc_error == pytest.approx(error, rel=1e-9, abs=1e-9)


@given(events(), st.integers(0, 2**32 - 1))
def test_errors_of_efficiencies_follow_from_the_definition(sample, seed):
    label, score, weight = sample
    event = np.random.default_rng(seed).integers(0, label.size // 2, label.size)
    curve = roc_curve(label, score, weight, event=event)
    sum_signal, sum_background = weight[label].sum(), weight[~label].sum()
    for point, threshold in enumerate(curve.thresholds):
        passed = score >= threshold
        signal = np.where(label, weight * (passed - curve.signal_efficiency[point]), 0) / sum_signal
        background = np.where(label, 0, weight * (passed - curve.background_efficiency[point])) / sum_background
        signal, background = np.bincount(event, weights=signal), np.bincount(event, weights=background)
        assert curve.signal_efficiency_error[point] ** 2 == pytest.approx(signal @ signal, rel=1e-9, abs=1e-12)
        assert curve.background_efficiency_error[point] ** 2 == pytest.approx(
            background @ background, rel=1e-9, abs=1e-12
        )
        for deviation, n_carrying in ((signal, curve.n_carrying_signal), (background, curve.n_carrying_background)):
            if np.abs(deviation).max() > 1e-3:
                expected = np.square(deviation).sum() ** 2 / (deviation**4).sum()
                assert n_carrying[point] == pytest.approx(expected, rel=1e-6)
        if curve.efficiency_covariance is not None:
            assert curve.efficiency_covariance[point] == pytest.approx(signal @ background, rel=1e-9, abs=1e-12)


@given(events(positive=True))
def test_positive_weights_agree_with_scikit_learn(sample):
    label, score, weight = sample
    curve = roc_curve(label, score, weight)
    assert curve.auc == pytest.approx(roc_auc_score(label, score, sample_weight=weight), abs=1e-12)
    background, signal, thresholds = sklearn_roc_curve(label, score, sample_weight=weight, drop_intermediate=False)
    np.testing.assert_allclose(curve.background_efficiency, background, atol=1e-12)
    np.testing.assert_allclose(curve.signal_efficiency, signal, atol=1e-12)
    np.testing.assert_array_equal(curve.thresholds, thresholds)


@given(events(), st.integers(0, 2**32 - 1), st.floats(1e-6, 1e6))
def test_order_of_events_and_scale_of_weights_change_nothing(sample, seed, scale):
    label, score, weight = sample
    shuffled = np.random.default_rng(seed).permutation(label.size)
    one = roc_curve(label, score, weight)
    # either class on its own scale, as luminosity and cross-section set it
    rescaled = weight * np.where(label, scale, 3.0)
    other = roc_curve(label[shuffled], score[shuffled], rescaled[shuffled])
    assert other.auc == pytest.approx(one.auc, rel=1e-9, abs=1e-9)
    assert other.auc_error == pytest.approx(one.auc_error, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(other.signal_efficiency, one.signal_efficiency, atol=1e-9)
    np.testing.assert_allclose(other.background_efficiency_error, one.background_efficiency_error, atol=1e-7)


@given(events())
def test_reversed_score_mirrors_the_area(sample):
    label, score, weight = sample
    forward, reversed_ = roc_curve(label, score, weight), roc_curve(label, -score, weight)
    assert forward.auc + reversed_.auc == pytest.approx(1, abs=1e-10)
    assert forward.auc_error == pytest.approx(reversed_.auc_error, rel=1e-9, abs=1e-9)


@given(events())
def test_trapezoids_under_the_curve_are_the_area(sample):
    curve = roc_curve(*sample)
    assert trapezoids(curve.signal_efficiency, curve.background_efficiency) == pytest.approx(curve.auc, abs=1e-9)


@given(events())
def test_duplicated_events_of_half_weight_change_nothing_when_clustered(sample):
    label, score, weight = sample
    single = roc_curve(label, score, weight)
    event = np.arange(label.size)
    twice = [np.concatenate([column, column]) for column in (label, score, 0.5 * weight, event)]
    clustered = roc_curve(*twice[:3], event=twice[3])
    assert clustered.auc == pytest.approx(single.auc, abs=1e-10)
    assert clustered.auc_error == pytest.approx(single.auc_error, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(clustered.signal_efficiency_error**2, single.signal_efficiency_error**2, atol=1e-10)
    np.testing.assert_allclose(
        clustered.background_efficiency_error**2, single.background_efficiency_error**2, atol=1e-10
    )
    # without the clusters the same information is counted twice
    assert roc_curve(*twice[:3]).auc_error == pytest.approx(single.auc_error / np.sqrt(2), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("negative", [0.0, 0.25])
@pytest.mark.parametrize("area", [0.6, 0.76, 0.95])
def test_two_gaussians_have_the_closed_form_area(draw, area, negative):
    curve = roc_curve(*draw(np.random.default_rng(7), 100_000, np.sqrt(2) * norm.ppf(area), negative))
    assert abs(curve.auc - area) < 3 * curve.auc_error
    assert curve.auc_error < 0.003


def test_inverted_classifier_is_reported_as_it_is():
    curve = roc_curve([0, 0, 1, 1], [0.9, 0.8, 0.2, 0.1])
    assert curve.auc == 0


def test_equal_scores_have_an_area_of_one_half():
    curve = roc_curve([1, 0, 1, 0, 0], np.ones(5), [1, 2, -0.5, 1, -2])
    assert curve.auc == 0.5
    assert curve.auc_error == 0
    assert curve.thresholds.tolist() == [np.inf, 1]


def test_float32_scores_are_compared_as_they_are(draw):
    label, score, weight = draw(np.random.default_rng(3), 2000, 1.0)
    single = score.astype(np.float32)
    assert roc_curve(label, single, weight).auc == roc_curve(label, single.astype(np.float64), weight).auc


def test_number_of_blas_threads_changes_no_digit():
    program = """
import json, numpy as np
from hepml.evaluation import roc_curve
rng = np.random.default_rng(3)
label, score, weight = rng.random(60_000) < 0.5, rng.normal(size=60_000), rng.uniform(-0.2, 1, 60_000)
print(json.dumps(roc_curve(label, score + label, weight).to_dict()))
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"OPENBLAS_NUM_THREADS": n_threads},
            check=True,
            capture_output=True,
        ).stdout
        for n_threads in ("1", "2")
    }
    assert len(outputs) == 1


def test_sums_and_effective_numbers_are_stated():
    curve = roc_curve([1, 1, 1, 0, 0], [1, 2, 3, 4, 5], [2, 2, -1, 3, 1])
    assert (curve.n_signal, curve.n_background) == (3, 2)
    assert (curve.sum_signal, curve.sum_background) == (3, 4)
    assert (curve.n_effective_signal, curve.n_effective_background) == (1, 1.6)


def test_json_is_strict_thinned_and_keeps_both_ends(draw):
    curve = roc_curve(*draw(np.random.default_rng(1), 20_000, 1.2, 0.25))
    content = json.loads(json.dumps(curve.to_dict(), allow_nan=False))
    points = content["curve"]
    assert len(points["thresholds"]) <= 200
    assert len({len(column) for column in points.values()}) == 1
    assert points["thresholds"][0] is None
    assert points["signal_efficiency"][0] == points["background_efficiency"][0] == 0
    assert points["signal_efficiency"][-1] == points["background_efficiency"][-1] == 1
    thinned_area = trapezoids(points["signal_efficiency"], points["background_efficiency"])
    assert thinned_area == pytest.approx(curve.auc, abs=2e-3)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([1, 1], [0.1, 0.2]), EmptyClassError, "no background event among 2"),
        (([0, 0], [0.1, 0.2]), EmptyClassError, "no signal event"),
        (([], []), EmptyClassError, "no signal event"),
        (([1, 1, 0], [1, 2, 3], [1, -1.5, 1]), EmptyClassError, r"2 signal events sum to -0.5 \(1 are negative\)"),
        (([1, 0], [np.nan, 0.2]), InvalidInputError, "1 NaN and 0 infinite values among 2"),
        (([1, 0], [np.inf, 0.2]), InvalidInputError, "0 NaN and 1 infinite"),
        (([1, 0], [0.1, 0.2, 0.3]), InvalidInputError, r"score has shape \(3,\), but there are 2 labels"),
        (([[1, 0]], [0.1, 0.2]), InvalidInputError, r"shape \(1, 2\)"),
        (([2, 0], [0.1, 0.2]), InvalidInputError, "1 of 2 labels"),
        (([1, 0], [0.1, 0.2], [1]), InvalidInputError, r"weight has shape \(1,\)"),
        (([1, 0], [0.1, 0.2], [np.nan, 1]), WeightError, "1 NaN and 0 infinite"),
        (([1, 0], [0.1, 0.2], [np.inf, 1]), WeightError, "0 NaN and 1 infinite"),
        (([1, 0], [0.1, 0.2], [0, 0]), WeightError, "all 2 weights are zero"),
    ],
)
def test_bad_input_is_one_clear_error(arguments, error, words):
    with pytest.raises(error, match=words):
        roc_curve(*arguments)


@pytest.mark.parametrize(("event", "words"), [([1.0, 2.0], "float64"), ([1], r"shape \(1,\)")])
def test_event_identity_is_an_integer_per_row(event, words):
    with pytest.raises(InvalidInputError, match=words):
        roc_curve([1, 0], [0.1, 0.2], event=event)
