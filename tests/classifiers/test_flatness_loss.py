"""The flatness loss: its derivative, its value in closed form, and what weights and bins do."""

from __future__ import annotations

import numpy as np
import pytest

from hepml.classifiers.flatness_loss import FlatnessLoss
from hepml.errors import EmptyClassError, InvalidInputError


def _toy(n: int = 60, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    variable = rng.uniform(size=n)
    return variable, rng.normal(size=n) + variable, rng.uniform(0.5, 1.5, size=n), rng.random(n) < 0.7


def _loss(variable: np.ndarray, weight: np.ndarray, flat: np.ndarray, **options: float) -> FlatnessLoss:
    settings = {"n_bins": 4, "tail": 0.1} | options
    return FlatnessLoss.of({"m": variable}, weight, flat, n_bins=int(settings["n_bins"]), tail=settings["tail"])


def test_the_gradient_is_the_slope_of_the_value() -> None:
    variable, score, weight, flat = _toy()
    # with a wide tail the denominator is constant, so that holding it fixed is exact
    tail = 1e9
    loss = _loss(variable, weight, flat, tail=tail)
    gradient, hessian = np.zeros(len(score)), np.zeros(len(score))
    loss.add_derivatives(gradient, hessian, score, strength=1.0)
    assert (gradient[~flat] == 0.0).all()
    assert (hessian[~flat] == 0.0).all()
    assert (hessian[flat] > 0.0).all()
    step = 1e-7
    for event in np.flatnonzero(flat)[:10]:
        up, down = score.copy(), score.copy()
        up[event] += step
        down[event] -= step
        slope = (loss.value(up) - loss.value(down)) / (2.0 * step) * weight[flat].sum() / 2.0
        assert gradient[event] * tail == pytest.approx(slope * tail, rel=1e-4, abs=1e-6)


def test_two_bins_of_known_distributions() -> None:
    n = 20_000
    score = (np.arange(n) + 0.5) / n
    # uniform between 0 and 1 in one bin, between 1 and 2 in the other: |F_b - F| is s/2, then (2 - s)/2, in both
    loss = _loss(np.repeat([0.0, 1.0], n), np.ones(2 * n), np.ones(2 * n, dtype=bool), n_bins=2, tail=1e6)
    value = loss.value(np.concatenate([score, score + 1.0]))
    assert value * 1e6 == pytest.approx(2.0 * (1.0 / 3.0) / 4.0, rel=1e-3)


def test_a_score_of_equal_distributions_costs_nothing() -> None:
    score = np.tile(np.linspace(-1.0, 1.0, 50), 3)
    loss = _loss(np.repeat([0.0, 1.0, 2.0], 50), np.ones(150), np.ones(150, dtype=bool), n_bins=3)
    gradient, hessian = np.zeros(150), np.zeros(150)
    loss.add_derivatives(gradient, hessian, score, strength=3.0)
    assert np.abs(gradient).max() < 1e-12
    assert loss.value(np.sort(score, kind="stable")) > 0.0
    # neighbours of equal score are the same distributions, but for the order in which equal scores are summed
    assert loss.value(score) < 1e-3


def test_a_negative_weight_undoes_an_equal_event() -> None:
    variable, score, weight, flat = _toy()
    flat[:] = True
    loss = _loss(variable, weight, flat)
    gradient, hessian = np.zeros(60), np.zeros(60)
    loss.add_derivatives(gradient, hessian, score, strength=1.0)
    # each event once more with twice its weight, and once with minus that
    many = _loss(np.tile(variable, 3), np.concatenate([weight, 2 * weight, -2 * weight]), np.ones(180, dtype=bool))
    found, scale = np.zeros(180), np.zeros(180)
    many.add_derivatives(found, scale, np.tile(score, 3), strength=1.0)
    assert found.reshape(3, 60).sum(axis=0) == pytest.approx(gradient, abs=1e-12)
    assert many.value(np.tile(score, 3)) == pytest.approx(loss.value(score), rel=1e-9)
    assert (scale > 0.0).all()


def test_the_tail_counts_more_where_few_events_remain() -> None:
    variable, score, weight, flat = _toy(n=2000)
    flat[:] = True
    slopes = {}
    for tail in (0.01, 1e6):
        loss = _loss(variable, weight, flat, tail=tail)
        gradient = np.zeros(2000)
        loss.add_derivatives(gradient, np.zeros(2000), score, strength=1.0)
        slopes[tail] = np.abs(gradient)
    ratio = slopes[0.01] / np.where(slopes[1e6] > 0.0, slopes[1e6], np.nan)
    order = np.argsort(score)
    assert np.nanmedian(ratio[order[-100:]]) > 10.0 * np.nanmedian(ratio[order[:100]])


def test_missing_values_are_a_bin_of_their_own() -> None:
    variable, score, weight, flat = _toy()
    variable[::5] = np.nan
    flat[:] = True
    loss = _loss(variable, weight, flat)
    assert np.isnan(variable[loss.rows[loss.starts[-2] :]]).all()
    assert not np.isnan(variable[loss.rows[: loss.starts[-2]]]).any()
    assert np.isfinite(loss.value(score))


def test_what_cannot_be_flattened_is_said() -> None:
    variable, _, weight, flat = _toy()
    with pytest.raises(EmptyClassError, match="one value of m"):
        _loss(np.ones(60), weight, flat)
    with pytest.raises(EmptyClassError, match="sum to zero or less: take fewer bins"):
        _loss(variable, np.where(variable > 0.8, -weight, weight), flat)
    with pytest.raises(InvalidInputError, match="'m' is infinite for 1 events"):
        _loss(np.where(variable == variable[flat][0], np.inf, variable), weight, flat)
