"""Sculpting by a cut: the Jensen-Shannon divergence by definition and by integrals, bias and coverage."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.spatial.distance import jensenshannon
from scipy.special import xlogy
from scipy.stats import norm

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation import sculpting


def divergence(p, m):
    return 0.5 * (xlogy(p, 2 * p / (p + m)) + xlogy(m, 2 * m / (p + m))) / np.log(2)


def test_two_gaussians_give_the_integral():
    """A tenth of the events passes, and is shifted by one standard deviation."""
    grid = norm.ppf((np.arange(9000) + 0.5) / 9000)
    passing = norm.ppf((np.arange(1000) + 0.5) / 1000) + 1
    found = sculpting(np.arange(10_000) < 1000, np.concatenate([passing, grid]), n_bins=200)
    integral = quad(lambda x: divergence(norm.pdf(x - 1), 0.1 * norm.pdf(x - 1) + 0.9 * norm.pdf(x)), -8, 9)[0]
    assert found.efficiency == pytest.approx(0.1)
    assert found.uncorrected == pytest.approx(integral, rel=0.02)


def test_definition_holds_in_the_bins_and_scipy_agrees():
    rng = np.random.default_rng(2)
    passed = rng.random(3000) < 0.3
    values = rng.normal(0.5 * passed, 1)
    weight = np.where(rng.random(3000) < 0.1, -1, 1) * rng.uniform(0.5, 2, 3000)
    found = sculpting(passed, values, weight, n_bins=8)
    p, m = (
        np.array([weight[mask & (values >= low) & (values < high)].sum() for low, high in pairwise(found.edges)])
        / weight[mask].sum()
        for mask in (passed, np.ones(3000, dtype=bool))
    )
    assert found.n_bins == 8
    assert found.uncorrected == pytest.approx(divergence(p, m).sum(), abs=1e-12)
    assert found.uncorrected == pytest.approx(jensenshannon(p, m, base=2) ** 2, abs=1e-12)
    assert found.inverse == pytest.approx(1 / found.divergence)
    assert found.inverse_error == pytest.approx(found.divergence_error / found.divergence**2)


@pytest.mark.parametrize("negative", [0.0, 0.25])
@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_errors_cover_and_bias_is_corrected(shift, negative, draw):
    """The truth is that of the bins of each toy and of its efficiency."""
    rng = np.random.default_rng(6)
    pulls, excess = [], []
    for _ in range(200):
        # the first half passes, the second fails
        label, values, weight = draw(rng, 1000, shift, negative)
        found = sculpting(label, values, weight, n_bins=12)
        assert found.uncorrected > found.divergence
        p, q = np.diff(norm.cdf(found.edges - shift)), np.diff(norm.cdf(found.edges))
        truth = divergence(p, found.efficiency * p + (1 - found.efficiency) * q).sum()
        pulls.append((found.divergence - truth) / found.divergence_error)
        excess.append((found.uncorrected - truth) / found.divergence_error)
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.71, abs=0.13)
    assert abs(np.mean(pulls)) < 0.4
    assert np.mean(excess) > 0.25 + np.mean(pulls)


def test_nothing_is_sculpted_by_chance():
    rng = np.random.default_rng(7)
    passed, values = rng.random(20_000) < 0.05, rng.exponential(size=20_000)
    found = sculpting(passed, values)
    assert abs(found.divergence) < 3 * found.divergence_error
    assert found.uncorrected > 2 * found.divergence_error


def test_rows_of_one_event_are_clustered():
    rng = np.random.default_rng(8)
    passed = rng.random(2000) < 0.3
    values = rng.normal(passed, 1)
    once = sculpting(passed, values, n_bins=6)
    twice = sculpting(np.tile(passed, 2), np.tile(values, 2), event=np.tile(np.arange(2000), 2), n_bins=6)
    assert twice.divergence == pytest.approx(once.divergence)
    assert twice.divergence_error == pytest.approx(once.divergence_error)


def test_a_constant_has_no_shape():
    found = sculpting([True, False] * 30, np.ones(60))
    assert np.isnan(found.divergence)
    assert json.loads(json.dumps(found.to_dict()))["inverse"] is None


def test_what_is_wrong_is_said():
    with pytest.raises(EmptyClassError, match="that pass sum to 0"):
        sculpting([False, False], [1.0, 2.0])
    with pytest.raises(EmptyClassError, match="that fail sum to -1"):
        sculpting([True, False], [1.0, 2.0], [2.0, -1.0])
    with pytest.raises(InvalidInputError, match="booleans"):
        sculpting([0, 1], [1.0, 2.0])
