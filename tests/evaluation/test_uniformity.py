"""Cramer-von-Mises uniformity of a score: the definition, closed forms, coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation import uniformity


def by_definition(score, number, weight):
    """Mean over bins of the integral of (F_b - F)^2 over F, unbinned in the score, at the middle of each step."""
    order = np.argsort(score)
    number, weight = number[order], weight[order]
    total = weight.sum()
    overall = (np.cumsum(weight) - 0.5 * weight) / total
    value = 0.0
    for bin_ in np.unique(number):
        own = np.where(number == bin_, weight, 0.0)
        within = (np.cumsum(own) - 0.5 * own) / own.sum()
        value += own.sum() / total * (weight / total * (within - overall) ** 2).sum()
    return value


@pytest.mark.parametrize("negative", [0.0, 0.1])
def test_definition_holds_but_for_the_cells(negative):
    rng = np.random.default_rng(4)
    number = rng.integers(0, 4, 4000)
    score = rng.normal(0.5 * number, 1.0)
    weight = np.where(rng.random(4000) < negative, -1.0, 1.0) * rng.uniform(0.5, 1.5, 4000)
    found = uniformity(score, number, weight, n_bins=40)
    assert found.n_bins == 4
    assert found.uncorrected == pytest.approx(by_definition(score, number, weight), rel=2e-3)


def test_disjoint_halves_give_one_twelfth():
    """F_b is 2F up to the middle: the integral of F^2 over the lower half twice, (1/2)^3 / 3 * 2 = 1/12."""
    assert uniformity(np.arange(4000), np.arange(4000) >= 2000).uncorrected == pytest.approx(1 / 12, rel=2e-3)


@pytest.mark.parametrize("negative", [0.0, 0.15])
@pytest.mark.parametrize("correlation", [0.0, 0.3])
def test_errors_cover(correlation, negative):
    def draw(rng, n, negative):
        values = rng.normal(size=n)
        score = correlation * values + np.sqrt(1 - correlation**2) * rng.normal(size=n)
        return score, values, np.where(rng.random(n) < negative, -1, 1) * rng.uniform(0.5, 1.5, n)

    truth = uniformity(*draw(np.random.default_rng(1), 300_000, 0.0)).value if correlation else 0.0
    rng = np.random.default_rng(12)
    results = [uniformity(*draw(rng, 1500, negative)) for _ in range(250)]
    pulls = np.array([(result.value - truth) / result.error for result in results])
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.73, abs=0.1)
    assert np.mean(pulls) == pytest.approx(0, abs=0.35)
    assert np.mean([result.value for result in results]) == pytest.approx(
        truth, abs=1.5e-4 if negative else 8e-5, rel=0.05
    )


@given(seed=st.integers(0, 2**32 - 1))
def test_invariances(seed):
    rng = np.random.default_rng(seed)
    score, values = rng.normal(size=(2, 200))
    weight = np.where(rng.random(200) < 0.1, -1.0, 1.0)
    found = uniformity(score, values, weight, n_bins=3)
    order = rng.permutation(200)
    same = uniformity(np.exp(score[order]), values[order] ** 3, 3 * weight[order], n_bins=3)
    assert same.uncorrected == pytest.approx(found.uncorrected, abs=1e-12)
    assert same.error == pytest.approx(found.error, rel=1e-6)


def test_rows_of_one_event_are_clustered():
    rng = np.random.default_rng(5)
    score, values = rng.normal(size=(2, 800))
    once = uniformity(score, values)
    twice = uniformity(np.tile(score, 2), np.tile(values, 2), event=np.tile(np.arange(800), 2))
    assert twice.value == pytest.approx(once.value, abs=1e-12)
    assert twice.error == pytest.approx(once.error)


def test_a_constant_variable_says_nothing():
    assert uniformity(np.arange(50), np.ones(50)).to_dict() == {
        "value": None, "error": None, "uncorrected": None, "n_bins": 1
    }  # fmt: skip


def test_what_is_wrong_is_said():
    with pytest.raises(InvalidInputError, match="NaN"):
        uniformity([np.nan, 1.0], [1.0, 2.0])
    with pytest.raises(EmptyClassError, match="positive sum"):
        uniformity([1.0, 2.0], [1.0, 2.0], [1.0, -1.0])
