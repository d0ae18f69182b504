"""Boosted trees whose score does not depend on a mass, and planed weights, on a toy in which it can be had."""

from __future__ import annotations

import numpy as np
import pytest

from hepml.classifiers import get
from hepml.errors import InvalidInputError
from hepml.evaluation import distance_correlation, roc_curve


def _events(seed: int, n: int = 6000):
    """One feature that has nothing to do with the mass, and one that is all mass."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.5).astype(int)
    mass = np.where(y == 1, rng.normal(125.0, 15.0, n), 60.0 + rng.exponential(70.0, n))
    clean = rng.normal(size=n) + 0.9 * y
    tied = np.abs(mass - 125.0) + rng.normal(0.0, 5.0, n)
    return np.column_stack([clean, tied]).astype(np.float32), y, mass


TRAIN, VALIDATION, TEST = _events(1), _events(2, 3000), _events(3)
QUICK = {"n_estimators": 60, "max_depth": 3, "n_jobs": 1, "early_stopping_rounds": None}


def _fitted(**options):
    model = get("xgboost").from_options({**QUICK, **options})
    return model.fit(
        TRAIN[0],
        TRAIN[1],
        validation=(VALIDATION[0], VALIDATION[1], None),
        spectators={"mass": (TRAIN[2], VALIDATION[2])},
    )


def _found(model):
    """Return the area under the curve, and how much the background's score depends on the mass."""
    score = model.evaluate(TEST[0])
    background = TEST[1] == 0
    dependence = distance_correlation(score[background], TEST[2][background])
    return roc_curve(TEST[1], score).auc, dependence


def test_a_uniform_score_gives_up_what_only_the_mass_tells():
    plain, flat = _fitted(), _fitted(uniform_in=["mass"], uniform_strength=10.0)
    (auc, dependence), (flat_auc, flat_dependence) = _found(plain), _found(flat)
    alone = roc_curve(TEST[1], TEST[0][:, 0]).auc
    assert auc > alone + 0.05
    assert dependence.value > 0.15
    assert flat_dependence.value < 0.1 * dependence.value
    assert flat_auc > alone - 0.02


def test_without_strength_it_is_the_same_model():
    same = _fitted(uniform_in=["mass"], uniform_strength=0.0)
    assert np.array_equal(same.evaluate(TEST[0]), _fitted().evaluate(TEST[0]))


def test_training_stops_where_both_losses_together_are_smallest():
    model = _fitted(uniform_in=["mass"], n_estimators=80)
    report = model.training_report_
    assert len(report["validation_loss"]) == len(report["validation_log_loss"]) == 80
    assert model.n_iter_ == int(np.argmin(report["validation_loss"])) + 1
    assert min(report["validation_loss"]) > min(report["validation_log_loss"])


def test_planed_weights_hide_the_mass_itself():
    rng = np.random.default_rng(11)
    y = (rng.random(9000) < 0.5).astype(int)
    mass = 60.0 + rng.exponential(np.where(y == 1, 70.0, 40.0))
    X = np.column_stack([mass, rng.normal(size=9000) + 0.9 * y]).astype(np.float32)
    train, test = slice(0, 6000), np.flatnonzero((np.arange(9000) >= 6000) & (y == 0))
    found = []
    for options in ({}, {"planed_in": ["mass"]}):
        model = get("xgboost").from_options({**QUICK, "max_depth": 2, **options})
        model.fit(X[train], y[train], spectators={"mass": (mass[train], None)})
        found.append(distance_correlation(model.evaluate(X[test]), mass[test]).value)
    assert found[0] > 0.03
    assert found[1] < 0.1 * found[0]


def test_options_are_checked():
    with pytest.raises(InvalidInputError, match="uniform_in: must be a list of names"):
        get("xgboost").from_options({"uniform_in": "mass"})
    with pytest.raises(InvalidInputError, match="names a column twice"):
        get("xgboost").from_options({"planed_in": ["mass", "mass"]})
    with pytest.raises(InvalidInputError, match="'mass', whose values for the validation events are not given"):
        get("xgboost").from_options({**QUICK, "uniform_in": ["mass"]}).fit(
            TRAIN[0], TRAIN[1], validation=(VALIDATION[0], VALIDATION[1], None), spectators={"mass": (TRAIN[2], None)}
        )
