"""Flatness of an efficiency: counted by hand, independent variables, coverage and the level of the test."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation import efficiency, flatness

CUT = 1.0


def events(rng, n, correlation, negative=0.0):
    """Pass or fail, and a variable, of a bivariate normal pair."""
    values = rng.normal(size=n)
    score = correlation * values + np.sqrt(1 - correlation**2) * rng.normal(size=n)
    return score > CUT, values, np.where(rng.random(n) < negative, -1, 1) * rng.uniform(0.5, 1.5, n)


def true_variance(edges, correlation):
    """Share-weighted variance of the efficiencies in these bins, of events that follow the densities."""
    grid = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    pass_probability = norm.sf((CUT - correlation * grid) / np.sqrt(1 - correlation**2))
    number = np.digitize(grid, edges[1:-1])
    sizes = np.bincount(number)
    in_bin = np.bincount(number, weights=pass_probability) / sizes
    return (sizes / sizes.sum() * (in_bin - pass_probability.mean()) ** 2).sum()


def test_efficiencies_are_those_of_the_bins():
    rng = np.random.default_rng(1)
    passed, values, weight = events(rng, 3000, 0.4, 0.1)
    values[::50] = np.nan
    found = flatness(passed, values, weight, n_bins=5)
    assert found.has_missing
    assert found.efficiency.size == 6
    for number in range(5):
        here = (values >= found.edges[number]) & (values < found.edges[number + 1])
        expected = efficiency(passed[here], weight[here])
        assert found.efficiency[number] == pytest.approx(expected.value)
        assert found.efficiency_error[number] == pytest.approx(expected.error)
        assert found.share[number] == pytest.approx(weight[here].sum() / weight.sum())
    missing = np.isnan(values)
    assert found.efficiency[5] == pytest.approx(efficiency(passed[missing], weight[missing]).value)
    assert found.overall == pytest.approx(efficiency(passed, weight).value)


@given(seed=st.integers(0, 2**32 - 1))
def test_invariances(seed):
    rng = np.random.default_rng(seed)
    passed, values, weight = events(rng, 300, 0.3, 0.1)
    found = flatness(passed, values, weight, n_bins=4)
    order = rng.permutation(300)
    same = flatness(passed[order], np.exp(values[order]), 7 * weight[order], n_bins=4)
    assert same.variance == pytest.approx(found.variance, abs=1e-12)
    assert same.variance_error == pytest.approx(found.variance_error, abs=1e-12)
    assert same.p_value == pytest.approx(found.p_value, abs=1e-8)


@pytest.mark.parametrize("negative", [0.0, 0.15])
@pytest.mark.parametrize("correlation", [0.0, 0.05, 0.3])
def test_errors_cover_and_p_values_are_uniform(correlation, negative):
    rng = np.random.default_rng(11)
    pulls, p_values, spreads = [], [], []
    for _ in range(200):
        passed, values, weight = events(rng, 2000, correlation, negative)
        found = flatness(passed, values, weight)
        truth = true_variance(found.edges, correlation) if correlation else 0.0
        pulls.append((found.variance - truth) / found.variance_error)
        p_values.append(found.p_value)
        spreads.append(found.spread)
    # without a dependence the variance is a sum of squares of noise, narrower in the middle than a normal one
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.72, abs=0.12)
    assert np.mean(pulls) == pytest.approx(0, abs=0.45)
    if correlation == 0:
        assert np.mean(np.array(p_values) < 0.1) == pytest.approx(0.1, abs=0.065)
        assert np.mean(np.array(p_values) < 0.5) == pytest.approx(0.5, abs=0.11)
    elif correlation == 0.3:
        assert np.mean(np.array(p_values) < 0.01) > 0.9
        assert np.median(spreads) == pytest.approx(np.sqrt(truth), rel=0.1)


def test_rows_of_one_event_are_clustered():
    rng = np.random.default_rng(5)
    passed, values, _ = events(rng, 1000, 0.2)
    once = flatness(passed, values)
    twice = flatness(np.tile(passed, 2), np.tile(values, 2), event=np.tile(np.arange(1000), 2))
    for name in ("variance", "variance_error", "spread_error", "chi2", "p_value", "overall_error"):
        assert getattr(twice, name) == pytest.approx(getattr(once, name)), name
    assert flatness(np.tile(passed, 2), np.tile(values, 2)).overall_error < 0.8 * once.overall_error


def test_a_constant_variable_has_no_test():
    found = flatness([True, False] * 20, np.ones(40))
    assert found.efficiency.tolist() == [0.5]
    assert (found.ndf, found.variance, found.spread) == (0, 0, 0)
    assert json.loads(json.dumps(found.to_dict()))["p_value"] is None


def test_all_or_nothing_passes():
    found = flatness(np.zeros(100, dtype=bool), np.arange(100))
    assert found.efficiency.tolist() == [0] * found.efficiency.size
    assert np.isnan(found.chi2)
    assert np.isnan(found.efficiency_error).all()
    json.dumps(found.to_dict(), allow_nan=False)
    assert np.isnan(found.relative_spread)


def test_what_is_wrong_is_said():
    with pytest.raises(InvalidInputError, match="booleans"):
        flatness([[True]], [1.0])
    with pytest.raises(InvalidInputError, match="shape"):
        flatness([True, False], [1.0])
    with pytest.raises(EmptyClassError, match="positive sum"):
        flatness([True, False], [1.0, 2.0], [1.0, -2.0])
    with pytest.raises(InvalidInputError, match="bins"):
        flatness([True, False], [1.0, 2.0], n_bins=0)
