"""Isotonic map: scikit-learn on positive weights, blocks of signed ones, invariants."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation import IsotonicMap, calibration, fit_isotonic


def signed(rng, n, negative):
    label = np.append([True, False], rng.random(n - 2) < 0.4)
    score = np.round(rng.normal(np.where(label, 0.75, -0.75), 1.0), 2)
    weight = np.where(rng.random(n) < negative, -1, 1) * rng.uniform(0.5, 1.5, n)
    return label, score, weight


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 200))
def test_positive_weights_agree_with_scikit_learn(seed, n):
    """Also with ties."""
    label, score, weight = signed(np.random.default_rng(seed), n, 0.0)
    found = fit_isotonic(label, score, weight)
    other = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(score, label, sample_weight=weight)
    grid = np.concatenate([score, np.linspace(-4, 4, 50)])
    assert found.apply(grid) == pytest.approx(other.predict(grid), abs=1e-10)


@given(seed=st.integers(0, 2**32 - 1), negative=st.floats(0, 0.3))
def test_signed_weights_give_a_monotone_probability(seed, negative):
    rng = np.random.default_rng(seed)
    label, score, weight = signed(rng, 300, negative)
    found = fit_isotonic(label, score, weight)
    assert (np.diff(found.scores) >= 0).all()
    assert (np.diff(found.probabilities) >= -1e-15).all()
    assert ((found.probabilities >= 0) & (found.probabilities <= 1)).all()
    order = rng.permutation(300)
    same = fit_isotonic(label[order], np.exp(score[order]), 3 * weight[order])
    assert same.apply(np.exp(score)) == pytest.approx(found.apply(score), abs=1e-9)


@given(seed=st.integers(0, 2**32 - 1))
def test_the_sum_of_probabilities_is_that_of_the_signal(seed):
    """In its blocks the mean probability is the share of signal, as without negative weights."""
    label, score, weight = signed(np.random.default_rng(seed), 300, 0.15)
    found = fit_isotonic(label, score, weight)
    starts = np.concatenate([[-np.inf], found.scores[np.flatnonzero(np.diff(found.probabilities) > 0)]])
    number = np.searchsorted(starts[1:], score, side="left")
    for block in np.unique(number):
        here = number == block
        level = found.apply([score[here].max()])[0]
        assert level == pytest.approx(weight[here & label].sum() / weight[here].sum(), abs=1e-9)


def test_negative_weights_by_hand():
    """The negative signal event takes away from what is below it, so all above the first event is one block."""
    found = fit_isotonic([0, 1, 1, 0, 1], [1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, -1.0, 1.0, 1.0])
    assert found.scores.tolist() == [1.0, 2.0, 5.0]
    assert found.probabilities == pytest.approx([0.0, 2 / 3, 2 / 3])


@pytest.mark.parametrize("negative", [0.0, 0.15])
def test_recalibrates_events_that_it_has_not_seen(negative):
    rng = np.random.default_rng(4)
    fit, test = (signed(rng, 20_000, negative) for _ in range(2))
    found = fit_isotonic(fit[0], expit(fit[1] ** 3), fit[2], signal_fraction=0.5)
    before, after = (
        calibration(test[0], values, test[2], signal_fraction=0.5)
        for values in (expit(test[1] ** 3), found.apply(expit(test[1] ** 3)))
    )
    assert before.ece > 0.05
    assert after.ece < 2.5 * after.ece_if_calibrated
    assert found.signal_fraction == 0.5


def test_passes_through_json():
    found = fit_isotonic(*signed(np.random.default_rng(5), 200, 0.1))
    again = IsotonicMap.from_dict(json.loads(json.dumps(found.to_dict())))
    grid = np.linspace(-3, 3, 40)
    assert again.apply(grid).tolist() == found.apply(grid).tolist()
    assert again.signal_fraction == found.signal_fraction
    for wrong in (
        {"kind": "platt"},
        {"scores": [2.0, 1.0], "probabilities": [0.0, 1.0]},
        {"scores": []},
        {"scores": "no"},
    ):
        with pytest.raises(InvalidInputError, match="no isotonic map"):
            IsotonicMap.from_dict(found.to_dict() | wrong)


def test_what_is_wrong_is_said():
    with pytest.raises(EmptyClassError, match="signal"):
        fit_isotonic([1, 1, 0], [1.0, 2.0, 3.0], [1.0, -1.0, 1.0])
    with pytest.raises(InvalidInputError, match="NaN"):
        fit_isotonic([0, 1], [0.1, 0.9]).apply([np.nan])


def test_all_scores_equal_is_one_point():
    found = fit_isotonic([0, 1, 1, 1], [0.5] * 4)
    assert (found.scores.tolist(), found.probabilities.tolist()) == ([0.5], [0.75])
