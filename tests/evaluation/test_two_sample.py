"""Kolmogorov-Smirnov, Anderson-Darling and chi2 of weighted samples, and their p-values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import anderson_ksamp, ks_2samp, kstest

from hepml.errors import EmptyClassError, InvalidInputError, WeightError
from hepml.evaluation import grouped_permutations, two_sample, two_sample_test


def distance_by_definition(values_a, weight_a, values_b, weight_b):
    cuts = np.unique(np.concatenate([values_a, values_b]))
    below_a = np.array([weight_a[values_a <= cut].sum() for cut in cuts]) / weight_a.sum()
    below_b = np.array([weight_b[values_b <= cut].sum() for cut in cuts]) / weight_b.sum()
    return np.abs(below_a - below_b).max()


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_distance_is_that_of_the_distribution_functions(seed, digits):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0, 1, 40).round(digits), rng.normal(0.3, 1, 25).round(digits)
    weight_a, weight_b = rng.uniform(-0.3, 1, 40), rng.uniform(-0.3, 1, 25)
    result = two_sample_test(a, weight_a, b, weight_b, n_permutations=1)
    assert result.ks_distance == pytest.approx(distance_by_definition(a, weight_a, b, weight_b), abs=1e-12)


def anderson_darling_by_definition(values_a, weight_a, values_b, weight_b):
    values, weight = np.concatenate([values_a, values_b]), np.abs(np.concatenate([weight_a, weight_b]))
    total = before = 0.0
    for cut in np.unique(values)[:-1]:
        share = weight[values <= cut].sum() / weight.sum()
        distance = weight_a[values_a <= cut].sum() / weight_a.sum() - weight_b[values_b <= cut].sum() / weight_b.sum()
        total += distance**2 * (share - before) / (share * (1 - share))
        before = share
    return total / sum((w**2).sum() / w.sum() ** 2 for w in (weight_a, weight_b))


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_anderson_darling_is_that_of_the_definition(seed, digits):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0, 1, 40).round(digits), rng.normal(0.3, 1, 25).round(digits)
    weight_a, weight_b = rng.uniform(-0.3, 1, 40), rng.uniform(-0.3, 1, 25)
    result = two_sample_test(a, weight_a, b, weight_b, n_permutations=1)
    assert result.anderson_darling == pytest.approx(anderson_darling_by_definition(a, weight_a, b, weight_b), rel=1e-9)


def test_anderson_darling_of_unit_weights_is_that_of_scipy():
    """Theirs is standardised by a mean of 1 and a width that depends on the numbers of events alone."""
    rng = np.random.default_rng(3)
    pairs = [(rng.normal(0, 1, 60), rng.normal(shift, 1, 40)) for shift in (0, 0.3, 0.6, 1)]
    ours = np.array([two_sample_test(a, None, b, None, n_permutations=1).anderson_darling for a, b in pairs])
    with pytest.warns(UserWarning, match="p-value"):
        theirs = np.array([anderson_ksamp(pair, variant="right").statistic for pair in pairs])
    np.testing.assert_allclose((ours - 1) / theirs, (ours[0] - 1) / theirs[0], rtol=1e-9)


def test_tails_move_anderson_darling_most():
    """One sample has its outermost 2% further out: the distribution functions hardly differ."""
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=4000), rng.normal(size=4000)
    b = np.where(np.abs(b) > 2.3, 10 * np.abs(b), b)
    result = two_sample_test(a, None, b, None, n_permutations=200)
    assert result.anderson_darling_p_value < 0.3 * result.ks_p_value


def test_groups_of_rows_are_permuted_as_rows_are(draw, monkeypatch):
    """The same samples both ways: p-values differ by the binomial scatter of two sets of 400 permutations."""
    rng = np.random.default_rng(11)
    names = ("ks_p_value", "anderson_darling_p_value", "chi2_p_value")
    by_rows, by_groups = [], []
    for seed in range(25):
        label, score, weight = draw(rng, 1500, 0.0, 0.25)
        samples = score[label].round(2), weight[label], score[~label].round(2), weight[~label]
        monkeypatch.setattr(two_sample, "_MANY_ROWS", 10**9)
        rows = two_sample_test(*samples, seed=seed)
        monkeypatch.setattr(two_sample, "_MANY_ROWS", 0)
        groups = two_sample_test(*samples, seed=seed)
        assert (groups.ks_distance, groups.anderson_darling, groups.chi2) == (
            rows.ks_distance,
            rows.anderson_darling,
            rows.chi2,
        )
        by_rows.append([getattr(rows, name) for name in names])
        by_groups.append([getattr(groups, name) for name in names])
    difference = np.subtract(by_rows, by_groups)
    scatter = np.sqrt(2 * 0.17 / 400)
    assert np.abs(difference).max() < 4.5 * np.sqrt(2 * 0.25 / 400)
    np.testing.assert_allclose(difference.mean(axis=0), 0, atol=4 * scatter / 5)
    assert np.std(by_rows) > 0.2


@pytest.mark.parametrize("paired", [False, True])
def test_bundles_of_events_are_permuted_as_events_are(paired, monkeypatch):
    """Three rows of nearly one value make an event: permuting rows would give p-values near 0."""
    monkeypatch.setattr(grouped_permutations, "BUNDLES", 300)
    rng = np.random.default_rng(5)
    event = np.arange(1800) // 3
    differences, p_values = [], []
    for seed in range(12):
        a, b = (rng.normal(size=600)[event] + 0.2 * rng.normal(size=1800) for _ in range(2))
        weight = np.where(rng.random(1800) < 0.1, -1.0, 1.0)
        # a common part, and a shift that some of the toys have
        values = (a, weight, (a if paired else b) + 0.1 * rng.normal(size=1800) + 0.004 * (seed % 3), weight)
        found = []
        for many in (10**9, 0):
            monkeypatch.setattr(two_sample, "_MANY_ROWS", many)
            result = two_sample_test(
                *values, event_a=event, event_b=event, paired=paired, n_permutations=300, seed=seed
            )
            found.append([result.ks_p_value, result.anderson_darling_p_value, result.chi2_p_value])
        differences.append(np.subtract(*found))
        p_values.append(found[1])
    # the binomial scatter of two sets of permutations, and that of the bundles' variances
    assert np.abs(differences).max() < 4.5 * np.hypot(np.sqrt(2 * 0.25 / 300), 0.02)
    assert 0.25 < np.mean(p_values) < 0.75


def test_groups_without_a_positive_sum_count_against_the_difference(monkeypatch):
    monkeypatch.setattr(two_sample, "_MANY_ROWS", 0)
    result = two_sample_test([0.1, 0.2], [3, -2], [0.3, 0.4], [3, -2], n_permutations=300)
    assert result.ks_p_value > 0.3
    assert two_sample_test([1, 1, 1], None, [1, 1], None, n_permutations=20).ks_p_value == 1


def test_unit_weights_agree_with_scipy():
    rng = np.random.default_rng(3)
    a, b = rng.normal(0, 1, 300), rng.normal(0.15, 1, 200)
    result = two_sample_test(a, None, b, None, n_permutations=4000, seed=1)
    expected = ks_2samp(a, b, method="exact")
    assert result.ks_distance == pytest.approx(expected.statistic, abs=1e-12)
    # binomial scatter of 4000 permutations
    assert result.ks_p_value == pytest.approx(
        expected.pvalue, abs=4 * np.sqrt(expected.pvalue * (1 - expected.pvalue) / 4000)
    )


def test_p_values_are_uniform_for_samples_of_one_distribution(draw):
    """Also with negative weights of another density; the fraction of p <= x is x within its binomial scatter."""
    rng = np.random.default_rng(17)
    p_ks, p_ad, p_chi2, chi2, ndf = [], [], [], [], []
    for toy in range(300):
        (label_a, a, weight_a), (label_b, b, weight_b) = draw(rng, 400, 0, 0.25), draw(rng, 250, 0, 0.25)
        result = two_sample_test(
            a[label_a], weight_a[label_a], b[label_b], weight_b[label_b], n_permutations=199, seed=toy
        )
        p_ks.append(result.ks_p_value)
        p_ad.append(result.anderson_darling_p_value)
        p_chi2.append(result.chi2_p_value)
        chi2.append(result.chi2)
        ndf.append(result.chi2_ndf)
    for p_values in (p_ks, p_ad, p_chi2):
        for level in (0.1, 0.32, 0.5, 0.8):
            scatter = np.sqrt(level * (1 - level) / 300)
            assert np.mean(np.array(p_values) <= level) == pytest.approx(level, abs=3 * scatter)
    assert np.mean(chi2) == pytest.approx(np.mean(ndf), rel=0.05)


def test_different_distributions_are_told_apart(draw):
    rng = np.random.default_rng(1)
    label, score, weight = draw(rng, 4000, 0.3, 0.25)
    result = two_sample_test(score[label], weight[label], score[~label], weight[~label], n_permutations=99)
    assert result.ks_p_value == result.chi2_p_value == 0.01


def test_weights_move_a_distribution():
    rng = np.random.default_rng(1)
    values = rng.normal(size=4000)
    tilted = two_sample_test(values, np.exp(0.3 * values), values, None, n_permutations=99)
    assert tilted.ks_p_value == 0.01


def test_rows_of_one_event_stay_together():
    """Ten copies of each event carry no more information, which only the clustered p-value knows."""
    rng = np.random.default_rng(8)
    a, b = rng.normal(size=100), rng.normal(size=100)
    once = two_sample_test(a, None, b, None, seed=2)
    copies = np.repeat(a, 10), np.full(1000, 0.1), np.repeat(b, 10), np.full(1000, 0.1)
    event = np.repeat(np.arange(100), 10)
    clustered = two_sample_test(*copies, event_a=event, event_b=event, seed=2)
    assert clustered.ks_distance == pytest.approx(once.ks_distance)
    assert clustered.ks_p_value == pytest.approx(once.ks_p_value, abs=0.1)
    assert two_sample_test(*copies, seed=2).ks_p_value < 0.3 * once.ks_p_value


def correlated_pairs(seed, n=150, shift=0.0):
    """Two measurements of each event that share most of their fluctuation, with weights of both signs."""
    rng = np.random.default_rng(seed)
    common, weight = rng.normal(size=n), np.where(rng.random(n) < 0.15, -1.0, 1.0)
    return common + 0.3 * rng.normal(size=n) + shift, weight, common + 0.3 * rng.normal(size=n), weight


def test_paired_p_values_are_uniform_where_unpaired_ones_are_too_large():
    paired, unpaired = [], []
    for seed in range(150):
        arguments = correlated_pairs(seed)
        paired.append(two_sample_test(*arguments, paired=True, n_permutations=39, seed=seed))
        unpaired.append(two_sample_test(*arguments, n_permutations=39, seed=seed))
    for name in ("ks_p_value", "anderson_darling_p_value", "chi2_p_value"):
        found = np.array([getattr(result, name) for result in paired])
        # permutations give multiples of 1/40
        assert kstest(found - np.random.default_rng(0).random(150) / 40, "uniform").pvalue > 1e-3
    assert np.mean([result.ks_p_value for result in unpaired]) > 0.75
    assert paired[0].ks_distance == unpaired[0].ks_distance
    shifted = two_sample_test(*correlated_pairs(1, n=400, shift=0.15), paired=True, n_permutations=99)
    assert shifted.ks_p_value < 0.05 < two_sample_test(*correlated_pairs(1, n=400, shift=0.15)).ks_p_value


def test_rows_of_one_event_are_exchanged_together():
    a, weight, b, _ = correlated_pairs(3)
    once = two_sample_test(a, weight, b, weight, paired=True, n_permutations=199)
    event = np.repeat(np.arange(a.size), 5)
    rows = [np.repeat(column, 5) for column in (a, weight, b, weight)]
    clustered = two_sample_test(*rows, event_a=event, event_b=event, paired=True, n_permutations=199)
    assert clustered.ks_distance == pytest.approx(once.ks_distance)
    assert clustered.ks_p_value == pytest.approx(once.ks_p_value, abs=1e-12)


def test_the_seed_alone_decides():
    rng = np.random.default_rng(8)
    a, b = rng.normal(size=100), rng.normal(size=70)
    first, again = (two_sample_test(a, None, b, None, seed=5) for _ in range(2))
    assert first == again
    shuffled = two_sample_test(rng.permutation(a), None, b, None, seed=5)
    assert shuffled.ks_distance == pytest.approx(first.ks_distance)
    other = two_sample_test(a, None, b, None, seed=6)
    assert other.ks_distance == first.ks_distance
    assert (other.ks_p_value, other.chi2_p_value) != (first.ks_p_value, first.chi2_p_value)


def test_scale_of_the_weights_changes_nothing():
    rng = np.random.default_rng(8)
    a, b, weight = rng.normal(size=200), rng.normal(size=200), rng.uniform(-0.2, 1, 200)
    one = two_sample_test(a, weight, b, weight, seed=5)
    assert two_sample_test(a, 8 * weight, b, 8 * weight, seed=5) == one


def test_few_or_equal_values_leave_one_bin():
    result = two_sample_test([1, 1, 1], None, [1, 1], None, n_permutations=20)
    assert (result.ks_distance, result.chi2_ndf) == (0, 0)
    assert (result.ks_p_value, result.anderson_darling_p_value, result.chi2_p_value) == (1, 1, 1)


def test_permutations_without_a_positive_sum_count_against_the_difference():
    # most exchanges leave one sample with a sum of zero or less
    result = two_sample_test([0.1, 0.2], [3, -2], [0.3, 0.4], [3, -2], n_permutations=300)
    assert result.ks_p_value > 0.3


def test_bad_input_is_one_clear_error():
    with pytest.raises(EmptyClassError, match="0 rows of the first sample"):
        two_sample_test([], None, [1.0], None)
    with pytest.raises(EmptyClassError, match="second sample sum to -1"):
        two_sample_test([1.0], None, [1.0, 2.0], [1, -2])
    with pytest.raises(InvalidInputError, match="second sample: 1 NaN"):
        two_sample_test([1.0], None, [np.nan], None)
    with pytest.raises(WeightError, match="weight of the first sample: 1 NaN"):
        two_sample_test([1.0], [np.nan], [1.0], None)
    with pytest.raises(InvalidInputError, match="2 and 1 rows"):
        two_sample_test([1.0, 2.0], None, [1.0], None, paired=True)
    with pytest.raises(InvalidInputError, match="other weights"):
        two_sample_test([1.0, 2.0], None, [1.0, 2.0], [1, 2], paired=True)
    with pytest.raises(InvalidInputError, match="0 permutations"):
        two_sample_test([1.0], None, [1.0], None, n_permutations=0)
