"""Separation and mutual information of a feature: closed forms, brute force, invariants, coverage."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import xlogy
from scipy.stats import norm
from sklearn.metrics import mutual_info_score

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation import mutual_information, rank_features, separation

MEASURES = pytest.mark.parametrize("measure", [separation, mutual_information])


def separation_of(p, q):
    return 0.5 * (p - q) ** 2 / (p + q)


def information_of(p, q):
    return 0.5 * (xlogy(p, 2 * p / (p + q)) + xlogy(q, 2 * q / (p + q))) / np.log(2)


OF = {separation: separation_of, mutual_information: information_of}


def in_bins(measure, values, label, weight, edges):
    """The measure by definition, in given bins."""
    bins = list(pairwise(edges))
    p, q = (
        np.array([weight[mask & (values >= low) & (values < high)].sum() for low, high in bins]) / weight[mask].sum()
        for mask in (label, ~label)
    )
    return OF[measure](p, q).sum()


def signed(rng, n=400, shift=0.8):
    label = rng.random(n) < 0.45
    values = rng.normal(shift * label, 1.0)
    return values, label, np.where(rng.random(n) < 0.12, -1, 1) * rng.uniform(0.5, 2, n)


@MEASURES
@pytest.mark.parametrize("distance", [0.3, 1.0, 2.5])
def test_two_gaussians_give_the_integral(measure, distance):
    """Equally spaced quantiles of each class stand for samples without scatter."""
    x = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    found = measure(np.concatenate([x + distance, x]), np.repeat([1, 0], x.size), n_bins=200)
    integral = quad(lambda t: OF[measure](norm.pdf(t - distance), norm.pdf(t)), -8, 8 + distance)[0]
    assert found.uncorrected == pytest.approx(integral, rel=2e-3)


@MEASURES
@given(seed=st.integers(0, 2**32 - 1))
def test_signed_weights_agree_with_the_definition(measure, seed):
    values, label, weight = signed(np.random.default_rng(seed))
    found = measure(values, label, weight, n_bins=12)
    assert found.edges.size == found.n_bins + 1
    assert found.uncorrected == pytest.approx(in_bins(measure, values, label, weight, found.edges), abs=1e-12)


def test_unit_weights_agree_with_scikit_learn():
    rng = np.random.default_rng(5)
    label = np.repeat([True, False], 500)
    values = rng.normal(0.7 * label, 1)
    found = mutual_information(values, label)
    cells = np.digitize(values, found.edges[1:-1])
    assert found.uncorrected == pytest.approx(mutual_info_score(label, cells) / np.log(2), abs=1e-12)


def test_correction_for_bias_is_millers_for_unit_weights():
    """(filled cells - bins - 1) / 2n in nats, where all cells are filled and the classes agree."""
    n, n_bins = 4000, 8
    values = np.tile(np.arange(n_bins), 2 * n // n_bins)
    label = np.repeat([True, False], n)
    found = mutual_information(values, label, n_bins=n_bins)
    assert found.n_bins == n_bins
    assert found.uncorrected == pytest.approx(0, abs=1e-12)
    assert -found.value == pytest.approx((n_bins - 1) / (2 * 2 * n) / np.log(2), rel=1e-9)


@MEASURES
def test_error_is_that_of_a_change_of_each_weight(measure):
    """Where the slope dominates: sigma^2 = sum (w_i df/dw_i)^2 by finite differences in fixed bins, less the Q term."""
    values, label, weight = signed(np.random.default_rng(2), n=3000, shift=1.5)
    found = measure(values, label, weight, n_bins=6)
    start = in_bins(measure, values, label, weight, found.edges)
    total, chosen = 0.0, np.random.default_rng(0).choice(values.size, 300, replace=False)
    for row in chosen:
        changed = weight.copy()
        changed[row] *= 1 + 1e-5
        total += ((in_bins(measure, values, label, changed, found.edges) - start) / 1e-5) ** 2
    assert found.error == pytest.approx(np.sqrt(total * values.size / chosen.size), rel=0.1)


@MEASURES
@pytest.mark.parametrize(("distance", "negative"), [(0.0, 0.0), (0.0, 0.25), (0.5, 0.0), (1.5, 0.25)])
def test_errors_cover_and_bias_is_corrected(measure, distance, negative, draw):
    rng = np.random.default_rng(12)
    pulls = []
    for _ in range(150):
        label, values, weight = draw(rng, 1500, distance, negative)
        found = measure(values, label, weight)
        truth = OF[measure](np.diff(norm.cdf(found.edges - distance)), np.diff(norm.cdf(found.edges))).sum()
        assert found.uncorrected > found.value
        pulls.append((found.value - truth) / found.error)
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.70, abs=0.12)
    # merging where a class came out negative costs information
    merged = measure is mutual_information and negative > 0
    assert np.mean(pulls) == pytest.approx(0, abs=0.8 if merged else 0.3)
    assert np.std(pulls) == pytest.approx(0.95, abs=0.2)


@MEASURES
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(1e-6, 1e6), monotone=st.sampled_from([np.exp, np.arctan]))
def test_scale_order_and_monotone_transformations_change_nothing(measure, seed, scale, monotone):
    rng = np.random.default_rng(seed)
    values, label, weight = signed(rng, n=300)
    found = measure(values, label, weight)
    order = rng.permutation(values.size)
    factor = np.where(label, scale, 3.0)
    other = measure(monotone(values)[order], label[order], (weight * factor)[order])
    for name in ("value", "error", "uncorrected"):
        assert getattr(other, name) == pytest.approx(getattr(found, name), rel=1e-6, abs=1e-9)


@MEASURES
def test_classes_may_be_exchanged(measure):
    values, label, weight = signed(np.random.default_rng(3))
    assert measure(values, ~label, weight).value == pytest.approx(measure(values, label, weight).value, rel=1e-9)


@MEASURES
def test_missing_values_are_a_bin_of_their_own(measure):
    """The value says nothing, whether there is one says something."""
    rng = np.random.default_rng(1)
    label = np.repeat([True, False], 5000)
    values = np.where(rng.random(10_000) < np.where(label, 0.7, 0.2), np.nan, rng.integers(0, 2, 10_000))
    found = measure(values, label)
    assert found.n_bins == 3
    truth = OF[measure](np.array([0.7, 0.3]), np.array([0.2, 0.8])).sum()
    assert found.value == pytest.approx(truth, abs=4 * found.error)


@MEASURES
def test_a_few_missing_values_are_left_out(measure):
    values, label, weight = signed(np.random.default_rng(3))
    found = measure(
        np.append(values, np.full(5, np.nan)), np.append(label, np.zeros(5, bool)), np.append(weight, [1] * 5)
    )
    assert found.n_bins == measure(values, label, weight).n_bins
    assert found.value == pytest.approx(measure(values, label, weight).value, abs=0.01)


@MEASURES
def test_rows_of_one_event_are_one_event(measure):
    values, label, weight = signed(np.random.default_rng(4), n=4000)
    once = measure(values, label, weight, n_bins=6)
    copies = measure(
        np.repeat(values, 3),
        np.repeat(label, 3),
        np.repeat(weight / 3, 3),
        event=np.repeat(np.arange(4000), 3),
        n_bins=6,
    )
    for name in ("value", "error", "uncorrected"):
        assert getattr(copies, name) == pytest.approx(getattr(once, name), rel=1e-9)


@MEASURES
@pytest.mark.parametrize("values", [np.full(40, 2.0), np.full(40, np.nan), np.tile([-np.inf, np.inf], 20)])
def test_degenerate_features_separate_nothing(measure, values):
    found = measure(values, np.arange(40) // 2 % 2)
    assert found.uncorrected == pytest.approx(0)


@MEASURES
def test_a_class_that_is_negative_in_any_binning_is_not_computable(measure):
    """The finite values of the signal sum to -1; only its missing ones make it positive."""
    values = np.array([1.0, np.nan] + [2.0] * 30)
    label = np.array([1, 1] + [0] * 30)
    weight = np.array([-1.0, 20.0] + [1.0] * 30)
    found = measure(values, label, weight)
    assert np.isnan([found.value, found.error, found.uncorrected]).all()
    assert found.to_dict()["value"] is None
    json.dumps(found.to_dict(), allow_nan=False)


def test_ranking_is_by_value_with_the_not_computable_last():
    rng = np.random.default_rng(6)
    label = np.arange(2000) % 2 == 0
    weight = np.where(label, 1.0, 2.0)
    broken = np.array([1.0, np.nan] + [2.0] * 30)
    results = {
        "noise": separation(rng.normal(size=2000), label, weight),
        "broken": separation(broken, [1, 1] + [0] * 30, np.array([-1.0, 20.0] + [1.0] * 30)),
        "strong": separation(rng.normal(2.0 * label), label, weight),
        "weak": separation(rng.normal(0.5 * label), label, weight),
    }
    assert rank_features(results) == ["strong", "weak", "noise", "broken"]


def test_bad_input_is_one_clear_error():
    with pytest.raises(InvalidInputError, match=r"a feature has shape \(2, 2\)"):
        separation(np.zeros((2, 2)), [0, 1])
    with pytest.raises(InvalidInputError, match="0 bins"):
        separation([1, 2], [0, 1], n_bins=0)
    with pytest.raises(EmptyClassError, match="sum to -1"):
        mutual_information([1, 2], [0, 1], [1, -1])
