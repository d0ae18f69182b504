"""The power law of a learning curve and what it says of larger samples."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hepml.errors import InvalidInputError
from hepml.evaluation import learning_curve

SIZES = np.array([1e3, 2e3, 5e3, 1e4, 2e4])


def power_law(n, a=0.9, b=0.02, c=0.6):
    return a - b * (np.asarray(n) / SIZES[-1]) ** -c


def test_exact_points_give_their_power_law():
    curve = learning_curve(SIZES, power_law(SIZES), np.full(5, 0.001))
    np.testing.assert_allclose(curve.parameters, [0.9, 0.02, 0.6], rtol=1e-5)
    assert curve.chi2 == pytest.approx(0, abs=1e-6)
    assert curve.ndf == 2
    for prediction in curve.predictions:
        assert prediction.n_events == prediction.factor * 2e4
        assert prediction.auc == pytest.approx(power_law(prediction.n_events), abs=1e-7)
        assert prediction.gain == pytest.approx(power_law(prediction.n_events) - power_law(2e4), abs=1e-7)
        assert curve.at(prediction.n_events)[1] == pytest.approx(prediction.auc_error)
    assert curve.predictions[1].auc_error > curve.predictions[0].auc_error


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_errors_of_the_predictions_cover_the_truth(correlation):
    rng = np.random.default_rng(1)
    error = 0.0005
    covariance = error**2 * (correlation + (1 - correlation) * np.eye(5))
    inside, pulls = [], []
    for _ in range(300):
        auc = rng.multivariate_normal(power_law(SIZES), covariance)
        curve = learning_curve(SIZES, auc, np.full(5, error), covariance=covariance)
        assert curve.reason is None
        twice = curve.predictions[0]
        inside.append([abs(twice.auc - power_law(4e4)) < twice.auc_error])
        pulls.append((twice.gain - power_law(4e4) + power_law(2e4)) / twice.gain_error)
    # errors are scaled up where chi2 exceeds ndf by chance, so they cover rather too often
    assert 0.63 < np.mean(inside) < 0.87
    assert 0.63 < np.mean(np.abs(pulls) < 1) < 0.87


def test_what_all_areas_have_in_common_leaves_the_gain_alone():
    common = 0.01
    covariance = 0.0003**2 * np.eye(5) + common**2
    curve = learning_curve(SIZES, power_law(SIZES), np.sqrt(np.diag(covariance)), covariance=covariance)
    alone = learning_curve(SIZES, power_law(SIZES), np.full(5, 0.0003))
    assert curve.predictions[0].gain_error == pytest.approx(alone.predictions[0].gain_error, rel=1e-3)
    assert curve.predictions[0].auc_error > common


def test_scatter_of_the_training_widens_the_errors():
    auc = power_law(SIZES) + 0.002 * np.array([1, -1, 1, -1, 1])
    wide, narrow = (learning_curve(SIZES, values, np.full(5, 0.0004)) for values in (auc, power_law(SIZES)))
    assert wide.chi2 / wide.ndf > 5
    assert wide.predictions[0].gain_error > 2 * narrow.predictions[0].gain_error


@pytest.mark.parametrize(
    ("auc", "reason"),
    [
        ([0.8, 0.85, 0.87], "3 sizes"),
        ([0.88, 0.87, 0.86, 0.85, 0.84], "does not rise"),
        ([0.80, 0.82, 0.84, 0.86, 0.88], "not determined"),
        ([0.900, 0.903, 0.899, 0.902, 0.904], "not determined"),
    ],
)
def test_what_is_not_determined_is_not_computable(auc, reason):
    curve = learning_curve(SIZES[: len(auc)], auc, np.full(len(auc), 0.003))
    assert reason in curve.reason
    assert curve.predictions == ()
    content = json.loads(json.dumps(curve.to_dict(), allow_nan=False))
    assert content["parameters"] is None
    assert reason in content["reason"]
    assert np.isnan(curve.at([1e5])[0]).all()


def test_json_is_strict():
    content = json.loads(
        json.dumps(learning_curve(SIZES, power_law(SIZES), np.full(5, 1e-3)).to_dict(), allow_nan=False)
    )
    assert content["parameters"]["exponent"] == pytest.approx(0.6, rel=1e-4)
    assert content["reason"] is None
    assert [row["factor"] for row in content["predictions"]] == [2, 4]


def test_bad_input_is_one_clear_error():
    good = power_law(SIZES)
    with pytest.raises(InvalidInputError, match="one length"):
        learning_curve(SIZES, good[:3], np.full(5, 1e-3))
    with pytest.raises(InvalidInputError, match="rise"):
        learning_curve(SIZES[::-1], good, np.full(5, 1e-3))
    with pytest.raises(InvalidInputError, match="auc_error positive"):
        learning_curve(SIZES, good, np.zeros(5))
    with pytest.raises(InvalidInputError, match=r"covariance has shape \(2, 2\)"):
        learning_curve(SIZES, good, np.full(5, 1e-3), covariance=np.eye(2))
    with pytest.raises(InvalidInputError, match="positive definite"):
        learning_curve(SIZES, good, np.full(5, 1e-3), covariance=-np.eye(5))
