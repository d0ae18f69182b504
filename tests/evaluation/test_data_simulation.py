"""Data against simulation: yields, shapes, p-values under the null hypothesis."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import ks_2samp

from hepml.errors import EmptyClassError, InvalidInputError, WeightError
from hepml.evaluation import data_mc


def simulated(rng, n, share, *, negative=0.1):
    """Two processes at 0 and 2, the first with negative weights, of ``share`` and 1 - share of the net yield of n."""
    one, two = rng.normal(0, 1, 6 * n), rng.normal(2, 1, 2 * n)
    weight_one = np.where(rng.random(one.size) < negative, -1.0, 1.0) * share * n / ((1 - 2 * negative) * one.size)
    return {"one": (one, weight_one), "two": (two, np.full(two.size, (1 - share) * n / two.size))}


def observed(rng, n, share):
    return np.where(rng.random(n) < share, rng.normal(0, 1, n), rng.normal(2, 1, n))


def test_p_values_are_uniform_where_simulation_is_right():
    """Data weigh 1, simulation of signed weights of two sizes: fractions of p below a level within their scatter."""
    rng = np.random.default_rng(3)
    found = [
        data_mc((observed(rng, 600, 0.7), None), simulated(rng, 600, 0.7), n_replicas=199, seed=toy)
        for toy in range(300)
    ]
    for name in ("ks_p_value", "chi2_p_value"):
        p_values = np.array([getattr(result, name) for result in found])
        for level in (0.1, 0.32, 0.5, 0.8):
            assert np.mean(p_values <= level) == pytest.approx(level, abs=3.3 * np.sqrt(level * (1 - level) / 300))
    assert np.mean([result.chi2 for result in found]) == pytest.approx(np.mean([r.chi2_ndf for r in found]), rel=0.07)


def test_the_ratio_is_that_of_the_yields_and_its_error_covers():
    rng = np.random.default_rng(4)
    pulls = []
    for _ in range(200):
        found = data_mc((observed(rng, rng.poisson(450), 0.7), None), simulated(rng, 500, 0.7), n_replicas=1)
        pulls.append((found.ratio - 0.9) / found.ratio_error)
    assert np.std(pulls) == pytest.approx(1, abs=0.15)
    assert np.mean(pulls) == pytest.approx(0, abs=0.25)


def test_a_wrong_mixture_is_seen_and_the_scale_is_not_part_of_the_shape():
    rng = np.random.default_rng(5)
    data = observed(rng, 2000, 0.5)
    assert data_mc((data, None), simulated(rng, 2000, 0.7)).ks_p_value == 1 / 401
    samples = simulated(rng, 2000, 0.5)
    found = data_mc((data, None), samples)
    doubled = data_mc((data, None), {name: (values, 2 * weight) for name, (values, weight) in samples.items()})
    assert doubled.ratio == pytest.approx(found.ratio / 2)
    for name in ("ks_distance", "ks_p_value", "chi2", "chi2_p_value"):
        assert getattr(doubled, name) == pytest.approx(getattr(found, name))


def test_unit_weights_agree_with_scipy():
    """Up to the 400 cuts at which the distance is looked at, and to the scatter of the replicas."""
    rng = np.random.default_rng(6)
    a, b = rng.normal(0, 1, 2000), rng.normal(0.05, 1, 3000)
    found = data_mc((a, None), {"all": (b, None)}, n_replicas=4000)
    expected = ks_2samp(a, b)
    assert found.ks_distance == pytest.approx(expected.statistic, abs=1.5 / 400)
    assert found.ks_distance <= expected.statistic + 1e-12
    assert found.ks_p_value == pytest.approx(expected.pvalue, abs=0.06)


def test_histograms_are_of_each_sample_and_of_all():
    rng = np.random.default_rng(7)
    samples = simulated(rng, 300, 0.7)
    found = data_mc((np.append(observed(rng, 300, 0.7), [np.nan, np.nan]), None), samples)
    np.testing.assert_allclose(found.total.sum_w, sum(h.sum_w for h in found.simulation.values()), atol=1e-9)
    np.testing.assert_allclose(found.total.sum_w2, sum(h.sum_w2 for h in found.simulation.values()), atol=1e-9)
    assert found.data.n_missing == 2
    for name, (values, _) in samples.items():
        assert found.simulation[name].n_events == values.size
        np.testing.assert_array_equal(found.simulation[name].edges, found.data.edges)


@pytest.mark.parametrize(
    ("data", "weight"),
    [(np.arange(3.0), None), (np.full(100, np.nan), None), (np.arange(100.0), [-1.0] * 60 + [1.0] * 40)],
)
def test_too_few_events_say_nothing_of_the_shape(data, weight):
    rng = np.random.default_rng(8)
    found = data_mc((data, weight), {"all": (rng.normal(size=100), None)}).to_dict()
    assert found["ks_p_value"] is found["chi2"] is None
    assert found["ratio"] is not None
    json.dumps(found, allow_nan=False)


def test_no_data_and_negative_simulation_are_compared_as_far_as_possible():
    empty = data_mc((np.zeros(0), None), {"all": (np.arange(20.0), None)})
    assert (empty.ratio, empty.data.n_events) == (0, 0)
    negative = data_mc((np.arange(20.0), None), {"all": (np.arange(20.0), np.full(20, -1.0))})
    assert np.isnan(negative.ratio)
    one_value = data_mc((np.ones(50), None), {"all": (np.ones(80), None)})
    assert one_value.ks_distance == 0
    assert np.isnan(one_value.chi2)


def test_bad_input_is_one_clear_error():
    with pytest.raises(EmptyClassError, match="no simulated sample"):
        data_mc(([1.0], None), {})
    with pytest.raises(InvalidInputError, match=r"a: the feature has shape \(1, 1\)"):
        data_mc(([1.0], None), {"a": ([[1.0]], None)})
    with pytest.raises(WeightError, match="weight of a: 1 NaN"):
        data_mc(([1.0], None), {"a": ([1.0], [np.nan])})
    with pytest.raises(InvalidInputError, match="0 replicas"):
        data_mc(([1.0], None), {"a": ([1.0], None)}, n_replicas=0)
