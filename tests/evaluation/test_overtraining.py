"""Training against test: gap, verdict, TMVA's table."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.stats import norm

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation import overtraining, roc_curve


def quantiles(distance):
    """Two Gaussians of 40000 events each at even quantiles, and no weights."""
    score = norm.ppf((np.arange(40_000) + 0.5) / 40_000)
    return np.repeat([True, False], 40_000), np.concatenate([score + distance, score]), None


@pytest.fixture(scope="module")
def same(draw):
    """Training and test events of one distribution, with negative weights."""
    rng = np.random.default_rng(12)
    return overtraining(*draw(rng, 20_000, 1.0, 0.25), *draw(rng, 10_000, 1.0, 0.25), n_permutations=100, max_gap=0.02)


def test_numbers_are_those_of_the_two_curves(draw):
    rng = np.random.default_rng(12)
    train, test = draw(rng, 3000, 1.2, 0.25), draw(rng, 2000, 1.0, 0.25)
    result = overtraining(*train, *test, n_permutations=20)
    curve_train, curve_test = roc_curve(*train), roc_curve(*test)
    assert (result.auc_train, result.auc_train_error) == (curve_train.auc, curve_train.auc_error)
    assert (result.auc_test, result.auc_test_error) == (curve_test.auc, curve_test.auc_error)
    assert result.auc_gap == curve_train.auc - curve_test.auc
    assert result.auc_gap_error == pytest.approx(np.hypot(curve_train.auc_error, curve_test.auc_error))
    assert result.auc_gap_significance == pytest.approx(result.auc_gap / result.auc_gap_error)
    assert [row.background_efficiency for row in result.signal_efficiencies] == [0.01, 0.10, 0.30]
    for row in result.signal_efficiencies:
        assert row.test == curve_test.at_background_efficiency(row.background_efficiency).signal_efficiency
        assert row.train == curve_train.at_background_efficiency(row.background_efficiency).signal_efficiency


def test_one_distribution_is_not_overtraining(same):
    assert same.verdict == "no overtraining seen"
    assert same.signal.ks_p_value > 0.01
    assert same.background.ks_p_value > 0.01


def test_few_events_are_undecided(draw):
    rng = np.random.default_rng(2)
    result = overtraining(*draw(rng, 100, 1.0), *draw(rng, 100, 1.0), n_permutations=20)
    assert result.auc_gap_error > result.max_gap
    assert result.verdict == "undecided"


@pytest.mark.parametrize(
    ("train", "test", "verdict", "reason"),
    [
        (1.1, 1.0, "undecided", "its harm cannot be told"),
        (1.04, 1.0, "train-test gap, harmless", "cannot gain more than the gap"),
        (1.0, 1.0, "no overtraining seen", "+0.0000 ± 0.0024"),
        (1.0, 1.1, "no overtraining seen", "differ by something else"),
    ],
)
def test_verdict_without_stages_follows_significance_and_size(train, test, verdict, reason):
    # quantiles instead of random numbers, so that nothing scatters: 0.1 of distance is 0.022 of area, 0.04 is 0.009;
    # the error of the gap is 0.0023
    result = overtraining(*quantiles(train), *quantiles(test), n_permutations=1)
    assert result.auc_gap_error == pytest.approx(0.0023, abs=1e-4)
    assert result.verdict == verdict
    assert reason in result.reason


def test_size_of_harm_is_the_caller_s():
    parts = (*quantiles(1.1), *quantiles(1.0))
    assert overtraining(*parts, n_permutations=1, max_gap=0.05).verdict == "train-test gap, harmless"
    assert overtraining(*parts, n_permutations=1, max_gap=0.005).verdict == "undecided"
    assert overtraining(*quantiles(1.0), *quantiles(1.0), n_permutations=1, max_gap=0.004).verdict == "undecided"


def test_no_gap_without_error_is_no_finding():
    result = overtraining([0, 1], [1, 1], None, [0, 1], [1, 1], None, n_permutations=5)
    assert result.verdict == "no overtraining seen"
    assert math.isnan(result.auc_gap_significance)
    assert result.to_dict()["auc_gap_significance"] is None


def test_scores_that_differ_by_rounding_have_histograms():
    label = np.tile([True, False], 50)
    score = np.where(np.arange(100) % 3 == 0, 0.5, np.nextafter(0.5, 1))
    result = overtraining(label, score, None, label, score, None, n_permutations=5)
    assert result.histograms.test_signal.sum_w.sum() == 50


def test_separation_by_rounding_is_no_finding():
    rng = np.random.default_rng(5)
    train, test = ((np.arange(300) % 2, np.arange(300) % 2, rng.uniform(0.1, 1, 300)) for _ in range(2))
    result = overtraining(*train, *test, n_permutations=5)
    assert result.auc_test == pytest.approx(1)
    assert result.verdict == "no overtraining seen"


def test_gap_in_standard_deviations_is_a_standard_normal(draw):
    rng = np.random.default_rng(6)
    gaps = [
        overtraining(*draw(rng, 500, 1.0, 0.25), *draw(rng, 300, 1.0, 0.25), n_permutations=1).auc_gap_significance
        for _ in range(300)
    ]
    assert np.mean(np.abs(gaps) < 1) == pytest.approx(0.683, abs=0.08)
    assert np.std(gaps) == pytest.approx(1, abs=0.13)


def test_classes_are_permuted_by_streams_of_their_own(draw):
    rng = np.random.default_rng(6)
    train, test = draw(rng, 300, 1.0), draw(rng, 300, 1.0)
    sequence = np.random.SeedSequence(9)
    first, again = (overtraining(*train, *test, seed=sequence) for _ in range(2))
    assert first.signal == again.signal
    assert overtraining(*train, *test, seed=9).signal == first.signal
    child = sequence.spawn(3)[2]
    stated = overtraining(*train, *test, seed=child).to_dict()["seed"]
    assert stated == {"entropy": 9, "spawn_key": [2]}
    rebuilt = np.random.SeedSequence(stated["entropy"], spawn_key=stated["spawn_key"])
    assert overtraining(*train, *test, seed=rebuilt).signal == overtraining(*train, *test, seed=child).signal
    changed = overtraining(*train, test[0], np.where(test[0], test[1] + 1, test[1]), test[2], seed=9)
    assert changed.background == first.background
    assert changed.signal != first.signal


def test_binned_distance_is_that_of_the_histograms_shown(same):
    test, train = same.histograms.test_background, same.histograms.train_background
    cumulated = [np.cumsum(histogram.sum_w) / histogram.sum_w.sum() for histogram in (test, train)]
    assert same.binned_background.distance == pytest.approx(np.abs(cumulated[0] - cumulated[1]).max())
    assert same.binned_background.distance <= same.background.ks_distance + 1e-12


def test_reference_is_compared_on_the_same_events(draw):
    rng = np.random.default_rng(8)
    train, test = draw(rng, 2000, 1.0, 0.25), draw(rng, 2000, 1.0, 0.25)
    worse = test[1] + 0.3 * rng.normal(size=test[1].size)
    result = overtraining(*train, *test, reference_test=worse, reference_name="noisy", n_permutations=1)
    other = roc_curve(test[0], worse, test[2])
    assert result.reference.auc == pytest.approx(other.auc)
    assert result.reference.deficit == pytest.approx(other.auc - result.auc_test)
    assert result.reference.deficit_error < 0.5 * np.hypot(other.auc_error, result.auc_test_error)
    assert result.to_dict()["reference"]["name"] == "noisy"


def test_rows_of_one_event_are_clustered(draw):
    rng = np.random.default_rng(6)
    train, test = draw(rng, 300, 1.0), draw(rng, 300, 1.0)
    single = overtraining(*train, *test)
    twice = [np.tile(column, 2) for column in (*train, *test)]
    event = np.tile(np.arange(600), 2)
    double = overtraining(*twice, event_train=event, event_test=event)
    assert double.auc_gap_significance == pytest.approx(single.auc_gap_significance)
    assert double.signal.ks_p_value == pytest.approx(single.signal.ks_p_value, abs=0.1)


def test_json_is_strict(same):
    content = json.loads(json.dumps(same.to_dict(), allow_nan=False))
    assert content["verdict"] == same.verdict
    assert content["signal"]["n_permutations"] == 100
    assert content["binned_signal"]["n_toys"] == 1000
    assert content["reference"] is None
    assert same.verdict in same._repr_html_()
    assert sum(content["histograms"]["test_signal"]["sum_w"]) == pytest.approx(same.histograms.test_signal.total)


def test_bad_input_is_one_clear_error():
    with pytest.raises(EmptyClassError, match="no background"):
        overtraining([1], [1.0], None, [1, 0], [1, 0], None)
    with pytest.raises(InvalidInputError, match=r"reference_test has shape \(3,\)"):
        overtraining([1, 0], [1, 0], None, [1, 0], [1, 0], None, reference_test=[1, 2, 3])
    with pytest.raises(InvalidInputError, match="max_gap"):
        overtraining([1, 0], [1, 0], None, [1, 0], [1, 0], None, max_gap=0)


def test_gap_on_the_same_events_has_the_error_of_a_difference():
    """Both models are alike, so the true gap is zero; the events' common fluctuation drops out of it."""
    pulls, ratios = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        y = np.arange(600) % 2 == 0
        common = rng.normal(y * 1.0, 1.0)
        scores = [common + 0.3 * rng.normal(size=600) for _ in range(2)]
        weight = np.where(rng.random(600) < 0.1, -1.0, 1.0)
        arguments = (y, scores[0], weight, y, scores[1], weight)
        paired = overtraining(*arguments, paired=True, n_permutations=1)
        pulls.append(paired.auc_gap / paired.auc_gap_error)
        if seed < 5:
            ratios.append(overtraining(*arguments, n_permutations=1).auc_gap_error / paired.auc_gap_error)
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.683, abs=0.1)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.15)
    assert min(ratios) > 2


def test_other_events_are_no_pairs():
    y, score = [1, 1, 0, 0], [0.9, 0.6, 0.5, 0.1]
    with pytest.raises(InvalidInputError, match="same in the same order"):
        overtraining(y, score, None, [1, 0, 1, 0], score, None, paired=True)
    with pytest.raises(InvalidInputError, match="4 rows of training and 3 of test"):
        overtraining(y, score, None, [1, 0, 0], [0.9, 0.3, 0.2], None, paired=True)
