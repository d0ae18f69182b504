"""Efficiency of a cut and its error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.errors import EmptyClassError, InvalidInputError, WeightError
from hepml.evaluation import efficiency


def test_unit_weights_give_the_binomial_error():
    passed = np.arange(100) < 37
    result = efficiency(passed)
    assert result.value == 0.37
    assert result.error == pytest.approx(np.sqrt(0.37 * 0.63 / 100))
    assert (result.n_events, result.n_effective) == (100, 100)


@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_signed_weights_give_the_formula_at_any_scale(seed, scale):
    rng = np.random.default_rng(seed)
    weight = rng.uniform(-0.4, 1, 50)
    passed = rng.random(50) < 0.5
    result = efficiency(passed, weight * scale)
    value = weight[passed].sum() / weight.sum()
    variance = (
        (1 - value) ** 2 * (weight[passed] ** 2).sum() + value**2 * (weight[~passed] ** 2).sum()
    ) / weight.sum() ** 2
    assert result.value == pytest.approx(value)
    assert result.error == pytest.approx(np.sqrt(variance))


def test_error_covers_with_negative_weights():
    rng = np.random.default_rng(1)
    pulls, expected = [], (0.8 * 0.5 - 0.2 * 0.2) / (0.8 - 0.2)
    for _ in range(2000):
        n_positive = rng.binomial(1000, 0.8)
        weight = np.repeat([1.0, -1.0], [n_positive, 1000 - n_positive])
        passed = rng.random(1000) < np.where(weight > 0, 0.5, 0.2)
        result = efficiency(passed, weight)
        pulls.append((result.value - expected) / result.error)
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.683, abs=0.035)
    assert np.std(pulls) == pytest.approx(1, abs=0.06)


def test_rows_of_one_event_are_clustered():
    passed, weight = np.array([True, False, True, True]), np.array([1.0, 2.0, -0.5, 1.0])
    single = efficiency(passed, weight)
    double = efficiency(np.tile(passed, 2), np.tile(weight, 2) / 2, event=np.tile(np.arange(4), 2))
    assert double.value == single.value
    assert double.error == pytest.approx(single.error)


def test_bad_input_is_one_clear_error():
    with pytest.raises(InvalidInputError, match="booleans"):
        efficiency([0.1, 0.9])
    with pytest.raises(EmptyClassError, match="sum to -1"):
        efficiency([True, False], [1, -2])
    with pytest.raises(EmptyClassError, match="0 events"):
        efficiency(np.zeros(0, dtype=bool))
    with pytest.raises(WeightError, match="1 NaN"):
        efficiency([True, False], [1, np.nan])
