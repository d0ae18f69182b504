"""What choosing the best cut adds by chance, against independent toys of the choice."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import norm

from hepml.errors import InvalidInputError
from hepml.evaluation import FigureOfMerit, optimum_bias, significance, significance_scan

KNOWN = FigureOfMerit("z_a")


def toy(rng, n, distance):
    label = np.repeat([True, False], n)
    return label, rng.normal(size=2 * n) + distance * label, np.where(label, 0.1, 1.0)


def test_bias_is_that_of_repeating_the_experiment():
    """How much the value at the optimum exceeds the truth there, less what it does at a cut that is not chosen."""
    rng = np.random.default_rng(6)
    shifts, estimates = [], []
    for number in range(150):
        events = toy(rng, 400, 1.5)
        scan = significance_scan(*events, figures=[KNOWN], min_effective=10)
        cut = scan.optima["z_a"].threshold
        truth = significance(KNOWN, 40 * norm.sf(cut - 1.5), 400 * norm.sf(cut)).value
        shifts.append(scan.optima["z_a"].significance.value - truth)
        if number < 20:
            estimates.append(optimum_bias(*events, figure=KNOWN, min_effective=10, seed=number).bias)
    mean, error = np.mean(shifts), np.std(shifts) / np.sqrt(len(shifts))
    assert mean > 3 * error
    assert np.mean(estimates) == pytest.approx(mean, abs=4 * error + 0.3 * mean)


def test_noise_is_a_standard_normal_largest_over_cuts():
    """With the background's simulation as the only uncertainty, noise at one cut is normal with mean 0."""
    rng = np.random.default_rng(7)
    label = np.repeat([True, False], [50, 20_000])
    score = np.concatenate([np.ones(50), np.ones(20_000)])
    weight = np.where(label, 1.0, 1e-3 + 0 * rng.normal(size=label.size))
    one_cut = optimum_bias(label, score, weight * 1e6, n_toys=4000, seed=1)
    assert one_cut.n_cuts == 1
    assert one_cut.noise == pytest.approx(0, abs=0.06)
    assert one_cut.noise_95 == pytest.approx(1.645, abs=0.12)
    assert one_cut.bias == 0
    many_cuts = optimum_bias(label, score + rng.normal(size=label.size), weight * 1e6, n_toys=1000, seed=1)
    assert many_cuts.noise > 1
    assert many_cuts.noise_95 > 2


def test_more_simulated_events_make_less_noise():
    rng = np.random.default_rng(8)
    few, many = toy(rng, 1000, 1.0), toy(rng, 20_000, 1.0)
    found = [
        optimum_bias(*events[:2], weight * 1000 / (events[0].size / 2))
        for events, weight in ((few, few[2]), (many, many[2]))
    ]
    assert found[1].noise < 0.5 * found[0].noise
    assert found[1].bias < found[0].bias


def test_rows_of_one_event_move_together():
    rng = np.random.default_rng(9)
    label, score, weight = toy(rng, 1000, 1.0)
    single = optimum_bias(label, score, weight)
    doubled = optimum_bias(
        np.tile(label, 2),
        np.tile(score, 2),
        np.tile(weight, 2),
        event=np.tile(np.arange(2000), 2),
        figure="s_over_sqrt_b",
    )
    halved = optimum_bias(
        np.tile(label, 2), np.tile(score, 2), np.tile(weight, 2), figure="s_over_sqrt_b", min_effective=80
    )
    assert doubled.noise == pytest.approx(np.sqrt(2) * halved.noise, rel=0.05)
    assert single.n_cuts == doubled.n_cuts


def test_seed_decides_and_json_is_plain():
    events = toy(np.random.default_rng(1), 500, 1.0)
    assert optimum_bias(*events, seed=3) == optimum_bias(*events, seed=np.random.SeedSequence(3))
    assert optimum_bias(*events, seed=3) != optimum_bias(*events, seed=4)
    json.dumps(optimum_bias(*events).to_dict(), allow_nan=False)


def test_refused():
    events = toy(np.random.default_rng(1), 500, 1.0)
    with pytest.raises(InvalidInputError, match="n_toys=1"):
        optimum_bias(*events, n_toys=1)
    with pytest.raises(InvalidInputError, match="no cut has a positive background of 1000 effective events"):
        optimum_bias(*events, min_effective=1000)
