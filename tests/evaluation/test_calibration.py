"""Reliability curves: by hand, probabilities that are true, their level and power, errors by toys."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss

from hepml.errors import InvalidInputError
from hepml.evaluation import calibration

FRACTION = 0.4


def true_probabilities(rng, n, negative=0.0, signal_fraction=None, bias=0.0):
    """Two Gaussians 1.5 apart, their score the true probability shifted in its log-odds; weights of no meaning."""
    label = rng.random(n) < FRACTION
    score = rng.normal(np.where(label, 0.75, -0.75), 1.0)
    weight = np.where(rng.random(n) < negative, -1, 1) * rng.uniform(0.5, 1.5, n)
    return label, expit(1.5 * score + logit(signal_fraction or FRACTION) + bias), weight


def test_small_sample_is_counted():
    label = [0] * 30 + [1] * 10 + [0] * 10 + [1] * 40
    found = calibration(label, [0.2] * 40 + [0.75] * 50, n_bins=3)
    assert found.edges.tolist() == [0, 0.75, 1]
    assert found.share == pytest.approx([4 / 9, 5 / 9])
    assert found.observed == pytest.approx([0.25, 0.8])
    assert found.difference == pytest.approx([0.05, 0.05])
    assert found.observed_error == pytest.approx([np.sqrt(0.25 * 0.75 / 40), np.sqrt(0.8 * 0.2 / 50)])
    assert (found.ece, found.max_error) == pytest.approx((0.05, 0.05))
    assert found.ece_if_calibrated == pytest.approx((found.share * found.difference_error).sum() * np.sqrt(2 / np.pi))
    assert found.chi2 == pytest.approx(((found.difference / found.difference_error) ** 2).sum())
    assert found.signal_fraction == pytest.approx(50 / 90)
    json.dumps(found.to_dict(), allow_nan=False)


def test_brier_score_agrees_with_scikit_learn():
    label, score, weight = true_probabilities(np.random.default_rng(0), 500)
    assert calibration(label, score, weight).brier == pytest.approx(
        brier_score_loss(label, score, sample_weight=weight), abs=1e-12
    )


@pytest.mark.parametrize("signal_fraction", [None, 0.1])
@pytest.mark.parametrize("negative", [0.0, 0.15])
def test_true_probabilities_pass(negative, signal_fraction):
    rng = np.random.default_rng(1)
    found = [
        calibration(*true_probabilities(rng, 3000, negative, signal_fraction), signal_fraction=signal_fraction)
        for _ in range(200)
    ]
    p_values = np.array([result.p_value for result in found])
    assert np.mean(p_values < 0.1) == pytest.approx(0.1, abs=0.065)
    assert np.mean(p_values < 0.5) == pytest.approx(0.5, abs=0.11)
    for value, expected in (("ece", "ece_if_calibrated"), ("max_error", "max_error_if_calibrated")):
        assert np.mean([getattr(result, value) for result in found]) == pytest.approx(
            np.mean([getattr(result, expected) for result in found]), rel=0.08
        )


@pytest.mark.parametrize("signal_fraction", [None, 0.1])
def test_wrong_probabilities_fail_and_errors_cover(signal_fraction):
    def one(rng, n):
        events = true_probabilities(rng, n, 0.0 if n > 10_000 else 0.1, signal_fraction, bias=0.6)
        return calibration(*events, signal_fraction=signal_fraction)

    truth = one(np.random.default_rng(2), 500_000)
    rng = np.random.default_rng(3)
    found = [one(rng, 4000) for _ in range(150)]
    assert np.median([result.p_value for result in found]) < 1e-4
    for name, error, width in (("ece", "ece_error", 1.0), ("brier", "brier_error", 1.0)):
        pulls = np.array([(getattr(result, name) - getattr(truth, name)) / getattr(result, error) for result in found])
        assert np.std(pulls) == pytest.approx(width, abs=0.15), name
        assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.68, abs=0.11), name


@given(seed=st.integers(0, 2**32 - 1), fraction=st.one_of(st.none(), st.floats(0.05, 0.95)))
def test_invariances(seed, fraction):
    rng = np.random.default_rng(seed)
    label, score, weight = true_probabilities(rng, 300, 0.1)
    found = calibration(label, score, weight, signal_fraction=fraction, n_bins=5)
    order = rng.permutation(300)
    same = calibration(label[order], score[order], 5 * weight[order], signal_fraction=fraction, n_bins=5)
    for name in ("ece", "ece_error", "brier", "brier_error", "max_error", "signal_fraction"):
        assert getattr(same, name) == pytest.approx(getattr(found, name), rel=1e-9, abs=1e-12), name
    assert found.share.sum() == pytest.approx(1)
    # over all bins the differences are that of the means
    assert (found.share * found.observed).sum() == pytest.approx(found.signal_fraction)
    mirrored = calibration(
        ~label, 1 - score, weight, signal_fraction=None if fraction is None else 1 - fraction, n_bins=1
    )
    whole = calibration(label, score, weight, signal_fraction=fraction, n_bins=1)
    assert mirrored.difference == pytest.approx(-whole.difference, abs=1e-12)
    assert mirrored.difference_error == pytest.approx(whole.difference_error)


@pytest.mark.parametrize("fraction", [None, 0.2])
def test_rows_of_one_event_are_clustered(fraction):
    label, score, weight = true_probabilities(np.random.default_rng(5), 600)
    once = calibration(label, score, weight, signal_fraction=fraction, n_bins=3)
    twice = calibration(
        np.tile(label, 2), np.tile(score, 2), np.tile(weight, 2), event=np.tile(np.arange(600), 2),
        signal_fraction=fraction, n_bins=3,
    )  # fmt: skip
    for name in ("brier_error", "ece_error", "chi2", "max_error_error"):
        assert getattr(twice, name) == pytest.approx(getattr(once, name), rel=1e-6), name


def test_no_bin_is_negative_or_nearly_empty():
    label, score, weight = true_probabilities(np.random.default_rng(6), 800, 0.3)
    found = calibration(label, score, weight, n_bins=100)
    assert ((found.observed > 0) & (found.observed < 1)).all()
    assert found.share.size < 30


def test_a_single_score_is_one_bin():
    found = calibration([0, 1] * 20, [0.5] * 40)
    assert (found.ece, found.max_error) == pytest.approx((0, 0), abs=1e-12)
    assert found.share.size == 1


def test_a_score_that_is_no_probability_is_refused():
    with pytest.raises(InvalidInputError, match=r"2 of 3 scores are not in \[0, 1\].*fit_platt"):
        calibration([0, 1, 1], [-0.1, 0.5, 1.1])
    with pytest.raises(InvalidInputError, match="signal fraction"):
        calibration([0, 1], [0.1, 0.9], signal_fraction=0.0)
