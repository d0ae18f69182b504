"""A recalibration is its map and two calibrations; scores that are no probabilities have none before."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import expit

from hepml.errors import EmptyClassError
from hepml.evaluation import calibration, fit_isotonic, fit_platt, recalibration


def events(rng, n):
    label = rng.random(n) < 0.4
    score = rng.normal(np.where(label, 0.75, -0.75), 1.0)
    return label, score, np.where(rng.random(n) < 0.1, -1.0, 1.0)


@pytest.mark.parametrize("kind", ["platt", "isotonic"])
@pytest.mark.parametrize("fraction", [None, 0.5])
def test_what_is_fitted_is_what_is_tested(kind, fraction):
    rng = np.random.default_rng(1)
    (y_fit, s_fit, w_fit), (y, s, w) = events(rng, 3000), events(rng, 2000)
    found = recalibration(y_fit, expit(s_fit), w_fit, y, expit(s), w, kind=kind, signal_fraction=fraction)
    fit = fit_platt if kind == "platt" else fit_isotonic
    expected = fit(y_fit, expit(s_fit), w_fit, signal_fraction=fraction)
    assert found.map.to_dict() == expected.to_dict()
    assert (found.kind, found.n_fitted) == (kind, 3000)
    # one share of signal for all, that of the fit
    share = expected.signal_fraction
    assert found.before.to_dict() == calibration(y, expit(s), w, signal_fraction=share).to_dict()
    assert found.after.to_dict() == calibration(y, expected.apply(expit(s)), w, signal_fraction=share).to_dict()
    assert found.after.ece < found.before.ece
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_score_that_is_no_probability_becomes_one():
    rng = np.random.default_rng(2)
    found = recalibration(*events(rng, 2000), *events(rng, 2000))
    assert found.before is None
    assert found.to_dict()["before"] is None
    assert found.map.of == "score"
    assert found.after.ece < 3 * found.after.ece_if_calibrated


def test_events_that_cannot_be_tested_are_an_error():
    with pytest.raises(EmptyClassError, match="no signal"):
        recalibration([0, 1, 0, 1], [0.2, 0.2, 0.8, 0.8], None, [0, 0], [0.1, 0.2], None)
