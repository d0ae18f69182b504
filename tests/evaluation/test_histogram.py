"""Histograms of scores and features."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.errors import EmptyClassError, InvalidInputError, WeightError
from hepml.evaluation import feature_histograms, fill_histogram, score_histograms


@given(st.integers(0, 2**32 - 1))
def test_contents_agree_with_numpy(seed):
    rng = np.random.default_rng(seed)
    values, weight = rng.integers(-3, 8, 200) / 2, rng.uniform(-0.5, 1, 200)
    edges = np.array([-1, 0, 0.5, 2, 3])
    filled = fill_histogram(values, edges, weight)
    np.testing.assert_allclose(filled.sum_w, np.histogram(values, edges, weights=weight)[0], atol=1e-12)
    np.testing.assert_allclose(filled.sum_w2, np.histogram(values, edges, weights=weight**2)[0], atol=1e-12)
    assert filled.underflow == pytest.approx(weight[values < -1].sum())
    assert filled.overflow == pytest.approx(weight[values > 3].sum())


def test_every_event_is_somewhere():
    filled = fill_histogram([np.nan, -np.inf, 0.0, 1.0, np.inf], [0, 0.5, 1], [1, 2, 4, 8, 16])
    assert (filled.missing, filled.underflow, filled.overflow) == (1, 2, 16)
    assert filled.sum_w.tolist() == [4, 8]
    assert (filled.n_events, filled.n_missing, filled.total) == (5, 1, 31)


def test_fractions_are_of_all_that_is_not_missing_and_keep_negative_bins():
    filled = fill_histogram([0.5, 0.5, 1.5, 5.0, np.nan], [0, 1, 3], [3, 1, -1, 1, 7])
    fraction, error = filled.fractions()
    np.testing.assert_allclose(fraction, [4 / 4, -1 / 4])
    np.testing.assert_allclose(error, [np.sqrt(10) / 4, 1 / 4])


def test_fractions_need_a_positive_sum():
    with pytest.raises(InvalidInputError, match="sum to -1"):
        fill_histogram([0.5], [0, 1], [-1]).fractions()


@pytest.mark.parametrize("edges", [[1], [0, 0], [1, 0], [0, np.nan], [[0, 1]]])
def test_edges_increase(edges):
    with pytest.raises(InvalidInputError, match="increasing"):
        fill_histogram([0.5], edges)


def test_values_and_weights_are_of_one_length():
    with pytest.raises(InvalidInputError, match=r"\(2,\) and weights \(1,\)"):
        fill_histogram([0.5, 0.6], [0, 1], [1])


def test_a_histogram_keeps_nothing_of_its_input():
    values, edges, weight = np.array([0.5, 1.5]), np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0])
    filled = fill_histogram(values, edges, weight)
    before = json.dumps(filled.to_dict())
    for array in (values, edges, weight):
        array[:] = -7
    assert json.dumps(filled.to_dict()) == before


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_are_finite(bad):
    with pytest.raises(WeightError, match="weight: 1 of 2 values are NaN or infinite"):
        fill_histogram([0.5, np.nan], [0, 1], [1, bad])


def test_scores_of_both_parts_and_classes_fill_one_axis(draw):
    rng = np.random.default_rng(1)
    train, test = draw(rng, 300, 1.0, 0.25), draw(rng, 200, 1.0, 0.25)
    result = score_histograms(*train, *test, n_bins=10)
    for histogram, (label, _, weight), signal in (
        (result.train_signal, train, True),
        (result.train_background, train, False),
        (result.test_signal, test, True),
        (result.test_background, test, False),
    ):
        assert histogram.edges.size == 11
        assert histogram.underflow == histogram.overflow == 0
        assert histogram.sum_w.sum() == pytest.approx(weight[label == signal].sum())
        assert histogram.sum_w2.sum() == pytest.approx((weight[label == signal] ** 2).sum())
    np.testing.assert_array_equal(result.train_signal.edges, result.test_background.edges)


def test_equal_scores_have_an_axis():
    result = score_histograms([0, 1], [2, 2], None, [0, 1], [2, 2], None, n_bins=4)
    assert result.test_signal.edges[[0, -1]].tolist() == [1.5, 2.5]
    with pytest.raises(InvalidInputError, match="0 bins"):
        score_histograms([0, 1], [2, 2], None, [0, 1], [2, 2], None, n_bins=0)


def test_outliers_do_not_stretch_the_axis():
    rng = np.random.default_rng(2)
    values = np.concatenate([rng.normal(50, 10, 5000), [1e9, -np.inf, np.nan]])
    label = np.arange(values.size) % 2 == 0
    result = feature_histograms(values, label)
    assert 10 < result.signal.edges[0] < result.signal.edges[-1] < 90
    assert result.signal.n_missing + result.background.n_missing == 1
    total = result.signal.total + result.background.total
    assert total == values.size


def test_the_narrower_class_is_inside_the_axis():
    rng = np.random.default_rng(2)
    values = np.concatenate([rng.normal(0, 1, 10_000), rng.normal(30, 1, 50)])
    result = feature_histograms(values, np.arange(values.size) >= 10_000)
    assert result.signal.overflow <= 1
    assert result.signal.edges[-1] > 31


def test_whole_numbers_have_bins_of_their_own():
    result = feature_histograms([0, 1, 1, 3, np.nan], [0, 1, 0, 1, 1])
    assert result.signal.edges.tolist() == [-0.5, 0.5, 1.5, 2.5, 3.5]
    assert result.signal.sum_w.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("values", [[np.nan] * 4, [2.5] * 4, [1e12] * 4, [np.inf] * 4])
def test_degenerate_columns_have_an_axis(values):
    result = feature_histograms(values, [0, 1, 0, 1])
    assert np.all(np.diff(result.signal.edges) > 0)
    in_axis = result.signal.sum_w.sum() + result.signal.underflow + result.signal.overflow + result.signal.missing
    assert in_axis == 2


def test_json_is_strict():
    result = feature_histograms([0.25, np.nan, 0.75], [0, 1, 1], np.full(3, 0.5))
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["signal"]["total"] == 1


def test_bad_input_is_one_clear_error():
    with pytest.raises(InvalidInputError, match=r"a feature has shape \(2, 2\)"):
        feature_histograms(np.zeros((2, 2)), [0, 1])
    with pytest.raises(InvalidInputError, match="0 bins"):
        feature_histograms(np.zeros(2), [0, 1], n_bins=0)
    with pytest.raises(EmptyClassError):
        feature_histograms(np.zeros(2), [1, 1])


def test_rows_of_one_event_in_one_bin_are_added_before_they_are_squared():
    found = fill_histogram([0.5, 0.5, 1.5, 0.5], [0, 1, 2], [1.0, 2.0, 3.0, -1.0], event=[7, 7, 7, 8])
    assert found.sum_w.tolist() == [2, 3]
    assert found.sum_w2.tolist() == [10, 9]
    assert fill_histogram([0.5, 0.5], [0, 1], [1.0, 2.0]).sum_w2.tolist() == [5]
