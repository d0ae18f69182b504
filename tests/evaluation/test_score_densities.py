"""Probability and rarity: uniform for the background, calibrated, and as TMVA defines them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import kstest, norm

from hepml.errors import InvalidInputError
from hepml.evaluation import ScoreDensities, calibration, score_densities

NEGATIVE = pytest.mark.parametrize("negative", [0.0, 0.25])


@NEGATIVE
def test_rarity_of_independent_background_is_uniform(draw, negative):
    rng = np.random.default_rng(1)
    densities = score_densities(*draw(rng, 40_000, 1.5, negative))
    rarity = densities.rarity(rng.normal(size=2000))
    assert kstest(rarity, "uniform").pvalue > 0.01
    # and that of signal is that of the densities
    assert np.mean(densities.rarity(rng.normal(1.5, 1, 4000))) == pytest.approx(norm.cdf(1.5 / np.sqrt(2)), abs=0.015)


@NEGATIVE
def test_probability_is_that_of_the_densities(draw, negative):
    rng = np.random.default_rng(2)
    densities = score_densities(*draw(rng, 60_000, 1.5, negative))
    # with negative weights the tails beyond are merged into wide bins, as nothing positive is left of narrow ones
    grid = np.linspace(-0.5, 2.0, 50)
    for fraction in (0.1, 0.5):
        signal, background = fraction * norm.pdf(grid - 1.5), (1 - fraction) * norm.pdf(grid)
        pull = (densities.probability(grid, fraction) - signal / (signal + background)) / densities.probability_error(
            grid, fraction
        )
        # the spline within a bin differs from the density beside what the error knows
        assert np.mean(np.abs(pull) < 2) > 0.8


def test_probability_is_calibrated_on_other_events(draw):
    rng = np.random.default_rng(3)
    densities = score_densities(*draw(rng, 20_000, 1.0))
    label, score, weight = draw(rng, 20_000, 1.0)
    found = calibration(label, densities.probability(score, 0.2), weight, signal_fraction=0.2)
    assert found.ece < 3 * found.ece_if_calibrated


def test_flat_densities_by_hand():
    """Signal is even in [1, 3], background in [0, 2]: half of the range has both."""
    even = np.arange(2001) / 1000
    densities = score_densities([1] * 2001 + [0] * 2001, np.concatenate([even + 1, even]))
    assert densities.probability([0.5, 1.5, 2.5], 0.25) == pytest.approx([0, 0.25, 1], abs=1e-9)
    assert densities.rarity([-1.0, 0.0, 0.5, 2.0, 3.0]) == pytest.approx([0, 0, 0.25, 1, 1], abs=1e-3)
    # beyond the scores seen it is as at the last one
    assert densities.probability([-5.0, 7.0]).tolist() == [0, 1]
    assert np.isnan(densities.probability_error([0.5, 2.5])).all()
    apart = score_densities([1, 1, 0, 0], [2.0, 3.0, 0.0, 1.0])
    assert apart.probability([1.5], 0.3).tolist() == [0.3]


def test_rarity_and_errors_agree_with_toys(draw):
    rng = np.random.default_rng(4)
    pulls = []
    for _ in range(150):
        densities = score_densities(*draw(rng, 2000, 1.0, 0.25), n_bins=10)
        difference = densities.background.below - norm.cdf(densities.background.knots)
        pulls.append(difference[1:-1] / densities.background.below_error[1:-1])
    pulls = np.concatenate(pulls)
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.70, abs=0.08)


def test_densities_pass_through_json(draw):
    label, score, weight = draw(np.random.default_rng(5), 400, 2.0, 0.1)
    densities = score_densities(label, score, weight)
    again = ScoreDensities.from_dict(json.loads(json.dumps(densities.to_dict())))
    assert again.probability(score, 0.3).tolist() == densities.probability(score, 0.3).tolist()
    assert again.rarity(score).tolist() == densities.rarity(score).tolist()
    assert again.probability_error(score) == pytest.approx(densities.probability_error(score), nan_ok=True)


def test_monotone_and_within_bounds(draw):
    label, score, weight = draw(np.random.default_rng(6), 300, 1.0, 0.3)
    densities = score_densities(label, score, weight)
    grid = np.linspace(score.min() - 1, score.max() + 1, 1000)
    assert (np.diff(densities.rarity(grid)) >= 0).all()
    assert ((densities.probability(grid) >= 0) & (densities.probability(grid) <= 1)).all()


def test_what_is_wrong_is_said(draw):
    with pytest.raises(InvalidInputError, match="different ones"):
        score_densities([0, 1, 1], [0.5, 0.5, 0.7])
    densities = score_densities(*draw(np.random.default_rng(7), 100, 1.0))
    with pytest.raises(InvalidInputError, match="between 0 and 1"):
        densities.probability([0.1], 1.0)
    with pytest.raises(InvalidInputError, match="NaN"):
        densities.rarity([np.nan])
    with pytest.raises(InvalidInputError, match="no density"):
        ScoreDensities.from_dict({"signal": {"knots": [0, 1]}})
    with pytest.raises(InvalidInputError, match="increasing"):
        ScoreDensities.from_dict({"signal": densities.signal.to_dict() | {"knots": [0.0, 0.0]}})
