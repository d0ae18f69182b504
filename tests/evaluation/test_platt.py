"""Platt's map: scikit-learn's logistic regression, the true map of two Gaussians, signed weights, errors by toys."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from hepml.errors import InvalidInputError, WeightError
from hepml.evaluation import PlattMap, calibration, fit_platt


def gaussians(rng, n, negative=0.0):
    """The log-odds of equal classes are 1.5 times the score."""
    label = rng.random(n) < 0.4
    weight = np.where(rng.random(n) < negative, -1, 1) * rng.uniform(0.5, 1.5, n)
    return label, rng.normal(np.where(label, 0.75, -0.75), 1.0), weight


def test_agrees_with_scikit_learn():
    label, score, weight = gaussians(np.random.default_rng(1), 3000)
    found = fit_platt(label, score, weight)
    assert found.of == "score"
    model = LogisticRegression(C=np.inf, tol=1e-10).fit(score[:, None], label, sample_weight=weight)
    assert (found.slope, found.offset) == pytest.approx((model.coef_[0, 0], model.intercept_[0]), rel=1e-5)


@pytest.mark.parametrize("negative", [0.0, 0.15])
@pytest.mark.parametrize("fraction", [None, 0.5])
def test_two_gaussians_have_their_true_map_within_errors(negative, fraction):
    rng = np.random.default_rng(2)
    truth = np.array([1.5, logit(fraction or 0.4)])
    pulls = []
    for _ in range(200):
        found = fit_platt(*gaussians(rng, 2000, negative), signal_fraction=fraction)
        pulls.append((np.array([found.slope, found.offset]) - truth) / [found.slope_error, found.offset_error])
    assert np.mean(np.abs(pulls) < 1, axis=0) == pytest.approx([0.683, 0.683], abs=0.1)
    assert np.mean(pulls, axis=0) == pytest.approx([0, 0], abs=0.25)


def test_a_calibrated_probability_stays():
    label, score, weight = gaussians(np.random.default_rng(3), 20_000)
    found = fit_platt(label, expit(1.5 * score + logit(0.4)), weight)
    assert found.of == "log_odds"
    assert found.slope == pytest.approx(1, abs=4 * found.slope_error)
    assert found.offset == pytest.approx(0, abs=4 * found.offset_error)


def test_recalibrates_events_that_it_has_not_seen():
    rng = np.random.default_rng(4)
    label, score, weight = gaussians(rng, 20_000, 0.1)
    distorted = expit(0.6 * score + 1)
    found = fit_platt(label, distorted, weight, signal_fraction=0.5)
    label, score, weight = gaussians(rng, 20_000, 0.1)
    distorted = expit(0.6 * score + 1)
    before, after = (
        calibration(label, values, weight, signal_fraction=0.5) for values in (distorted, found.apply(distorted))
    )
    assert before.p_value < 1e-6
    assert after.p_value > 1e-3
    assert after.ece < 0.2 * before.ece


def test_an_inverted_score_gets_a_negative_slope():
    label, score, weight = gaussians(np.random.default_rng(5), 2000)
    upright, inverted = fit_platt(label, score, weight), fit_platt(label, -score, weight)
    assert (inverted.slope, inverted.offset) == pytest.approx((-upright.slope, upright.offset))


def test_rows_of_one_event_are_clustered():
    label, score, weight = gaussians(np.random.default_rng(6), 500)
    for fraction in (None, 0.3):
        once = fit_platt(label, score, weight, signal_fraction=fraction)
        twice = fit_platt(
            np.tile(label, 2), np.tile(score, 2), np.tile(weight, 2),
            event=np.tile(np.arange(500), 2), signal_fraction=fraction,
        )  # fmt: skip
        assert (twice.slope_error, twice.offset_error) == pytest.approx((once.slope_error, once.offset_error))


def test_scores_of_zero_and_one_have_finite_log_odds():
    label = [0, 0, 0, 1] * 20 + [1, 1, 1, 0] * 20
    found = fit_platt(label, [0.0] * 80 + [1.0] * 80)
    assert found.apply([0.0, 1.0]) == pytest.approx([0.25, 0.75])


def test_passes_through_json():
    found = fit_platt(*gaussians(np.random.default_rng(7), 500))
    assert PlattMap.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    with pytest.raises(InvalidInputError, match="no map of Platt's"):
        PlattMap.from_dict({"kind": "isotonic"})
    with pytest.raises(InvalidInputError, match="no map of Platt's"):
        PlattMap.from_dict({"kind": "platt", "of": "score", "slope": "steep"})


def test_what_has_no_maximum_is_said():
    with pytest.raises(WeightError, match="separates the classes"):
        fit_platt([0, 0, 1, 1], [-1.0, -0.5, 0.5, 1.0])
    with pytest.raises(InvalidInputError, match="equal"):
        fit_platt([0, 1], [0.5, 0.5])
    # nearly all of the signal's weight is taken away where the score is low: no logistic function follows that
    with pytest.raises(WeightError, match="negative weights"):
        fit_platt([1, 1, 0, 0], [1.0, -1.0, 1.0, -1.0], [3.0, -2.5, 0.5, 0.5])
    with pytest.raises(InvalidInputError, match="only a probability has log-odds"):
        fit_platt([0, 1, 1, 0], [0.1, 0.9, 0.2, 0.7]).apply([2.0])
