"""Two methods on the same events: covariances by the definition, coverage, and what cannot be said."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import norm

from hepml.errors import InvalidInputError
from hepml.evaluation import compare_auc, compare_background_efficiency, compare_methods, roc_curve

N_TOYS = 300
# 300 toys scatter by 2.7% around 68.3%
TOLERANCE = 8.0


def placements(label, score, weight):
    """DeLong's terms by all pairs, one for each row."""
    won = (score[label][:, None] > score[~label]) + 0.5 * (score[label][:, None] == score[~label])
    sum_signal, sum_background = weight[label].sum(), weight[~label].sum()
    terms = np.empty(label.size)
    terms[label] = won @ weight[~label] / sum_background
    terms[~label] = weight[label] @ won / sum_signal
    area = weight[label] @ terms[label] / sum_signal
    return weight * (terms - area) / np.where(label, sum_signal, sum_background)


@st.composite
def pairs(draw_value):
    """Few events with two scores, with ties and negative weights."""
    rng = np.random.default_rng(draw_value(st.integers(0, 2**32 - 1)))
    n_events = draw_value(st.integers(6, 60))
    label = rng.random(n_events) < 0.5
    # whole numbers: transforms neither make nor break a tie
    first = rng.integers(0, draw_value(st.sampled_from([3, 1000])), n_events) + 2.0 * label
    second = first + rng.integers(-3, 4, n_events)
    weight = rng.uniform(-0.5, 2.0, n_events)
    assume(label.any() and not label.all())
    assume(weight[label].sum() > 0.3 and weight[~label].sum() > 0.3)
    return label, first, second, weight


@given(pairs(), st.booleans())
def test_covariance_is_that_of_all_pairs(sample, clustered):
    label, first, second, weight = sample
    event = np.arange(label.size) // (2 if clustered else 1)
    found = compare_auc(label, first, second, weight, event=event)
    a, b = (np.bincount(event, weights=placements(label, score, weight)) for score in (first, second))
    assert found.covariance == pytest.approx(a @ b, rel=1e-9, abs=1e-12)
    assert found.error_a == pytest.approx(roc_curve(label, first, weight, event=event).auc_error, rel=1e-9, abs=1e-12)
    assert found.value_b == pytest.approx(roc_curve(label, second, weight, event=event).auc, rel=1e-12)
    if found.reason is None:
        assert found.difference_error**2 == pytest.approx(np.square(b - a).sum(), rel=1e-9)
        assert found.p_value == pytest.approx(2 * norm.sf(abs(found.difference) / found.difference_error), rel=1e-9)


@given(pairs(), st.integers(0, 2**32 - 1))
def test_order_scale_and_monotone_transforms_change_nothing_and_the_sign_follows_the_question(sample, seed):
    label, first, second, weight = sample
    order = np.random.default_rng(seed).permutation(label.size)
    one = compare_auc(label, first, second, weight)
    other = compare_auc(label[order], first[order] ** 3, 3 * second[order] - 1, 5 * weight[order])
    assert other.difference == pytest.approx(one.difference, abs=1e-12)
    assert other.covariance == pytest.approx(one.covariance, rel=1e-9, abs=1e-14)
    swapped = compare_auc(label, second, first, weight)
    assert swapped.difference == -one.difference
    np.testing.assert_allclose(swapped.p_value, one.p_value)


@pytest.mark.parametrize("negative", [0.0, 0.25], ids=["positive", "signed"])
@pytest.mark.parametrize("area", [0.6, 0.95])
def test_errors_of_differences_cover(draw, area, negative):
    rng = np.random.default_rng(20240501)
    distance, noise = np.sqrt(2) * norm.ppf(area), 0.5
    noisy_distance = distance / np.hypot(1, noise)
    of_area = norm.cdf(noisy_distance / np.sqrt(2)) - area
    of_efficiency = norm.sf(norm.isf(0.7) + noisy_distance) - norm.sf(norm.isf(0.7) + distance)
    pulls, unpaired = [], []
    for _ in range(N_TOYS):
        label, score, weight = draw(rng, 1000, distance, negative)
        noisy = score + rng.normal(0, noise, score.size)
        found = compare_auc(label, score, noisy, weight)
        efficiency = compare_background_efficiency(label, score, noisy, weight, signal_efficiency=0.7)
        pulls.append(
            [
                (found.difference - of_area) / found.difference_error,
                (efficiency.difference - of_efficiency) / efficiency.difference_error,
            ]
        )
        unpaired.append((found.difference - of_area) / math.hypot(found.error_a, found.error_b))
    for column in np.transpose(pulls):
        assert abs(100 * np.mean(np.abs(column) < 1) - 68.3) < TOLERANCE
    # as if the samples were independent, the error is far too large
    assert np.mean(np.abs(unpaired) < 1) > 0.9


def test_p_values_are_uniform_where_the_methods_are_equally_good(draw):
    rng = np.random.default_rng(8)
    found = []
    for _ in range(N_TOYS):
        label, score, weight = draw(rng, 500, 1.0, 0.25)
        found.append(compare_auc(label, *(score + rng.normal(0, 0.5, score.size) for _ in range(2)), weight).p_value)
    share = np.histogram(found, bins=4, range=(0, 1))[0] / N_TOYS
    # a quarter of 300 scatters by 2.5%
    np.testing.assert_allclose(share, 0.25, atol=0.09)


def test_background_efficiencies_are_those_of_the_working_points(draw):
    label, score, weight = draw(np.random.default_rng(3), 3000, 1.5, 0.25)
    noisy = score + np.random.default_rng(4).normal(0, 0.5, score.size)
    event = np.arange(label.size) // 2
    found = compare_background_efficiency(label, score, noisy, weight, signal_efficiency=0.6, event=event)
    for value, error, one in ((found.value_a, found.error_a, score), (found.value_b, found.error_b, noisy)):
        point = roc_curve(label, one, weight, event=event).at_signal_efficiency(0.6)
        assert (value, error) == (point.background_efficiency, point.background_efficiency_error)
    expected = found.error_a**2 + found.error_b**2 - 2 * found.covariance
    assert found.difference_error**2 == pytest.approx(expected, rel=1e-9)


def test_scores_of_one_order_have_no_p_value(draw):
    label, score, weight = draw(np.random.default_rng(5), 500, 1.0)
    found = compare_auc(label, score, np.tanh(score), weight)
    assert (found.difference, found.reason) == (0, "the two scores order all events alike")
    assert found.correlation == pytest.approx(1)
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert content["p_value"] is content["z"] is content["difference_error"] is None
    cuts = compare_background_efficiency(label, score, np.tanh(score), weight, signal_efficiency=0.5)
    assert cuts.reason == "the two cuts keep the same events"


def test_a_difference_of_few_events_has_no_error(draw):
    label, score, weight = draw(np.random.default_rng(5), 500, 1.0)
    other = score.copy()
    other[0] = score.min() - 1
    found = compare_auc(label, score, other, weight)
    assert math.isnan(found.p_value)
    assert found.reason.startswith("only 1.0 effective events tell the methods apart")
    few = compare_background_efficiency(label, score, other, weight, signal_efficiency=0.01)
    assert few.reason == "too few events are behind a cut for an error"


def test_all_pairs_of_methods(draw):
    label, score, weight = draw(np.random.default_rng(6), 2000, 1.0)
    rng = np.random.default_rng(7)
    scores = {name: score + rng.normal(0, 0.4, score.size) for name in ("bdt", "nn", "cuts")}
    found = compare_methods(label, scores, weight, signal_efficiencies=(0.5, 0.7))
    assert [(pair.a, pair.b) for pair in found] == [("bdt", "nn"), ("bdt", "cuts"), ("nn", "cuts")]
    for pair in found:
        assert pair.auc == compare_auc(label, scores[pair.a], scores[pair.b], weight)
        assert pair.background_efficiency[1] == compare_background_efficiency(
            label, scores[pair.a], scores[pair.b], weight, signal_efficiency=0.7
        )
    json.dumps([pair.to_dict() for pair in found], allow_nan=False)
    assert compare_methods(label, {"bdt": score}, weight) == ()


def test_a_bad_second_score_is_named():
    with pytest.raises(InvalidInputError, match="score_b: 1 NaN"):
        compare_auc([0, 1], [0.1, 0.2], [np.nan, 0.3])
    with pytest.raises(InvalidInputError, match="nn has shape"):
        compare_methods([0, 1], {"bdt": [0.1, 0.2], "nn": [0.1]})
