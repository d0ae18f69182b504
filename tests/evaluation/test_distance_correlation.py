"""Distance correlation: the closed form of two normal variables, sums over all pairs, weights as repetitions, coverage."""

from __future__ import annotations

from itertools import combinations
from math import asin, pi, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation import distance_correlation
from hepml.evaluation.dominance import dominance_sums


def of_normal(rho):
    """Szekely, Rizzo, Bakirov (2007), theorem 7."""
    above = rho * asin(rho) + sqrt(1 - rho**2) - rho * asin(rho / 2) - sqrt(4 - rho**2) + 1
    return above / (1 + pi / 3 - sqrt(3))


def normal_pair(rng, n, rho):
    x = rng.normal(size=n)
    return x, rho * x + np.sqrt(1 - rho**2) * rng.normal(size=n)


def u_centred(x, y):
    """Szekely, Rizzo (2014), with matrices of all distances."""

    def centred(values):
        distance = np.abs(values[:, None] - values)
        n, rows = values.size, distance.sum(axis=1)
        matrix = distance - rows[:, None] / (n - 2) - rows / (n - 2) + rows.sum() / ((n - 1) * (n - 2))
        np.fill_diagonal(matrix, 0)
        return matrix

    a, b = centred(x), centred(y)
    return (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


def over_distinct(x, y, weight):
    """The U-statistics of weighted events as sums over all sets of two, three and four."""

    def covariance(a, b):
        two = three = four = n2 = n3 = n4 = 0.0
        for i, j in combinations(range(x.size), 2):
            w = weight[i] * weight[j]
            n2, two = n2 + w, two + w * a[i, j] * b[i, j]
        for i, j, k in combinations(range(x.size), 3):
            w = weight[i] * weight[j] * weight[k]
            n3 += 3 * 2 * w
            for first, second, third in ((i, j, k), (j, i, k), (k, i, j)):
                three += w * (a[first, second] * b[first, third] + a[first, third] * b[first, second])
        for i, j, k, m in combinations(range(x.size), 4):
            w = weight[i] * weight[j] * weight[k] * weight[m]
            n4 += 6 * w
            for (p, q), (r, s) in (((i, j), (k, m)), ((i, k), (j, m)), ((i, m), (j, k))):
                four += w * (a[p, q] * b[r, s] + a[r, s] * b[p, q])
        return two / n2 + four / n4 - 2 * three / n3

    a, b = (np.abs(values[:, None] - values) for values in (x, y))
    return covariance(a, b) / np.sqrt(covariance(a, a) * covariance(b, b))


@pytest.mark.parametrize("rho", [-0.7, 0.1, 0.5, 0.9])
def test_two_normal_variables_give_the_closed_form(rho):
    found = distance_correlation(*normal_pair(np.random.default_rng(1), 100_000, rho))
    assert found.value == pytest.approx(of_normal(rho), abs=3 * found.error)
    assert found.error < 0.005


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(4, 40), decimals=st.integers(0, 3))
def test_unit_weights_agree_with_centred_matrices(seed, n, decimals):
    """Also with ties."""
    rng = np.random.default_rng(seed)
    x, y = (np.append([0.0, 1.0], np.round(rng.normal(size=n - 2), decimals)) for _ in range(2))
    found = distance_correlation(x, y)
    if np.isfinite(found.value):
        assert found.value == pytest.approx(u_centred(x, y), abs=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_signed_weights_agree_with_sums_over_distinct_events(seed):
    rng = np.random.default_rng(seed)
    x, y = normal_pair(rng, 16, 0.6)
    weight = np.append(rng.uniform(0.5, 2, 14), [-0.3, -0.2])
    assert distance_correlation(x, y, weight).value == pytest.approx(over_distinct(x, y, weight), rel=1e-9)


@given(seed=st.integers(0, 2**32 - 1))
def test_dominance_sums_agree_with_all_pairs(seed):
    rng = np.random.default_rng(seed)
    x, y = np.sort(np.round(rng.normal(size=60), 1)), np.round(rng.normal(size=60), 1)
    weights = rng.normal(size=(60, 2))
    distances = np.abs(x[:, None] - x) * np.abs(y[:, None] - y)
    assert dominance_sums(x, y, weights) == pytest.approx(distances @ weights, abs=1e-10)


def test_error_is_that_of_a_change_of_each_weight():
    rng = np.random.default_rng(4)
    x, y = normal_pair(rng, 2000, 0.5)
    weight = np.where(rng.random(2000) < 0.1, -1, 1) * rng.uniform(0.5, 1.5, 2000)
    found = distance_correlation(x, y, weight)
    total = 0.0
    for row in rng.choice(2000, 200, replace=False):
        changed = weight.copy()
        changed[row] *= 1 + 1e-4
        total += ((distance_correlation(x, y, changed).value - found.value) / 1e-4) ** 2
    assert found.error == pytest.approx(np.sqrt(10 * total), rel=0.1)


@pytest.mark.parametrize("negative", [0.0, 0.15])
@pytest.mark.parametrize("rho", [0.0, 0.3])
def test_errors_cover_and_independence_gives_zero(rho, negative):
    rng = np.random.default_rng(5)
    results = []
    for _ in range(200):
        x, y = normal_pair(rng, 1000, rho)
        weight = np.where(rng.random(1000) < negative, -1, 1) * rng.uniform(0.5, 1.5, 1000)
        results.append(distance_correlation(x, y, weight))
    truth = of_normal(rho)
    pulls = np.array([(result.value - truth) / result.error for result in results])
    assert np.mean([result.value for result in results]) == pytest.approx(truth, abs=5e-4 if rho == 0 else 5e-3)
    # without dependence: a sum of squares of noise, mostly within one standard deviation
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.87 if rho == 0 else 0.68, abs=0.09)
    if rho:
        assert np.std(pulls) == pytest.approx(1, abs=0.13)


def test_a_parabola_is_seen_where_the_linear_coefficient_is_blind():
    x = np.random.default_rng(6).normal(size=5000)
    found = distance_correlation(x, x**2)
    assert abs(np.corrcoef(x, x**2)[0, 1]) < 0.1
    assert found.value > 20 * found.error


def test_what_is_drawn_is_said_and_the_same_again():
    x, y = normal_pair(np.random.default_rng(7), 20_000, 0.5)
    y[0], x[1] = np.nan, np.inf
    found = distance_correlation(x, y, max_events=3000, seed=1)
    assert (found.n_events, found.n_used) == (19_998, 3000)
    assert found == distance_correlation(x, y, max_events=3000, seed=1)
    assert found.value == pytest.approx(of_normal(0.5), abs=4 * found.error)
    assert distance_correlation(x, y, max_events=None).n_used == 19_998


def test_rows_of_one_event_count_once():
    """Copies of a row are at no distance from it; taken for events they would pretend to a smaller error."""
    x, y = normal_pair(np.random.default_rng(8), 1000, 0.4)
    once = distance_correlation(x, y)
    copies = np.random.default_rng(0).integers(1, 4, 1000)
    number = np.repeat(np.arange(1000), copies)
    found = distance_correlation(x[number], y[number], 1 / copies[number], event=number)
    assert (found.n_events, found.n_used) == (1000, 1000)
    assert found.value == pytest.approx(once.value)
    assert found.error == pytest.approx(once.error)


def test_scales_and_shifts_change_nothing():
    x, y = normal_pair(np.random.default_rng(9), 500, 0.4)
    assert distance_correlation(1e9 + x, -1e-6 * y).value == pytest.approx(distance_correlation(x, y).value, rel=1e-5)
    assert distance_correlation(y, x).value == pytest.approx(distance_correlation(x, y).value)


def test_what_has_no_correlation():
    assert np.isnan(distance_correlation(np.ones(10), np.arange(10)).value)
    assert distance_correlation([1, 2, 3], [1, 2, 3]).to_dict()["value"] is None
    with pytest.raises(EmptyClassError, match="positive sum"):
        distance_correlation([1.0, 2.0], [1.0, 2.0], [1.0, -1.0])
    with pytest.raises(EmptyClassError, match="0 events"):
        distance_correlation([np.nan], [1.0])
    with pytest.raises(InvalidInputError, match="shape"):
        distance_correlation([1.0, 2.0], [1.0])
    with pytest.raises(InvalidInputError, match="max_events"):
        distance_correlation([1.0, 2.0], [1.0, 2.0], max_events=2)
