"""``kind: category``: each region has the classifier that its own events train; edges are TMVA's."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from hepml import classifiers
from hepml.data import Feature
from hepml.errors import (
    EmptyClassError,
    FeatureValueError,
    HepmlError,
    InvalidInputError,
    ModelFormatError,
    UnknownNameError,
)

pytest.importorskip("lightgbm", reason="lightgbm is not installed")

FEATURES = [Feature("x"), Feature("y"), Feature("eta")]
METHOD = {"kind": "xgboost", "n_estimators": 20, "max_depth": 2}
REGIONS = {"central": "abs(eta) < 1.5", "forward": "abs(eta) >= 1.5"}


def category(regions=REGIONS, method=METHOD, **options):
    return classifiers.get("category").from_options(
        {"regions": regions, "method": method, "n_jobs": 1, **options}, "methods.C"
    )


@pytest.fixture(scope="module")
def sample():
    """x separates in the centre and, the other way round, in front."""
    rng = np.random.default_rng(3)
    eta = rng.uniform(-3, 3, 6000)
    y = rng.random(6000) < 0.5
    X = rng.normal(size=(6000, 3))
    X[:, 0] += np.where(y, 1.0, -1.0) * np.where(np.abs(eta) < 1.5, 1.0, -1.0)
    X[:, 2] = eta
    return X.astype(np.float32), y, np.where(rng.random(6000) < 0.1, -1.0, 1.0)


@pytest.fixture(scope="module")
def fitted(sample):
    X, y, w = sample
    return category(method={**METHOD, "features": ["x", "y"]}).fit(
        X, y, w, validation=(X[:2000], y[:2000], w[:2000]), features=FEATURES
    )


def test_each_region_is_trained_by_its_own_events(sample, fitted):
    X, y, w = sample
    central = np.abs(X[:, 2]) < 1.5
    score = fitted.evaluate(X)
    for member, rows in zip(fitted.members_, (central, ~central), strict=True):
        # the same classifier, trained by hand
        alone = classifiers.get("xgboost")(**member.estimator.get_params())
        held_out = np.flatnonzero(rows[:2000])
        weight = w / np.abs(w).mean()
        alone.fit(
            X[rows, :2],
            y[rows].astype(int),
            weight[rows],
            validation=(X[held_out, :2], y[held_out].astype(int), w[held_out]),
        )
        assert np.array_equal(score[rows], alone.evaluate(X[rows, :2]))
        assert np.mean((score[rows] > 0.5) == y[rows]) > 0.75
    assert set(fitted.training_report_["regions"]) == set(REGIONS)
    assert fitted.training_report_["n_outside"] == 0
    seeds = [member.estimator.random_state for member in fitted.members_]
    assert seeds[0] != seeds[1]


def test_the_bundle_holds_all_regions(sample, fitted, tmp_path):
    X, _, _ = sample
    folder = fitted.save(tmp_path / "model", features=FEATURES)
    model = classifiers.load(folder)
    assert np.array_equal(model.evaluate(X), fitted.evaluate(X))
    assert np.array_equal(model.evaluate(X[5:7]), fitted.evaluate(X)[5:7])
    assert sorted(path.name for path in folder.glob("*.booster.json")) == ["0.booster.json", "1.booster.json"]


def test_an_event_in_no_region_gets_0_and_is_not_trained_on(sample, caplog):
    X, y, w = sample
    regions = {"central": "abs(eta) < 1", "forward": "abs(eta) > 2"}
    model = category(regions).fit(X, y, w, features=FEATURES)
    outside = (np.abs(X[:, 2]) >= 1) & (np.abs(X[:, 2]) <= 2)
    with caplog.at_level(logging.WARNING, logger="hepml.classifiers"):
        score = model.evaluate(X)
    assert np.array_equal(score == 0.0, outside)
    assert f"{outside.sum()} of 6000 events lie in no region" in caplog.text
    assert model.training_report_["n_outside"] == outside.sum()
    X = X.copy()
    X[0, 2] = np.nan
    assert model.evaluate(X)[0] == 0.0


def test_an_event_in_two_regions_is_an_error(sample):
    X, y, w = sample
    twice = int(np.count_nonzero(np.abs(X[:, 2]) < 1.5))
    with pytest.raises(FeatureValueError, match=f"{twice} of 6000 events lie in more than one region"):
        category({"central": "abs(eta) < 1.5", "all": "1"}).fit(X, y, w, features=FEATURES)


def test_own_features_and_options(sample):
    X, y, w = sample
    regions = {
        "central": {"selection": "abs(eta) < 1.5", "features": ["x"], "max_depth": 1},
        "forward": {"selection": "abs(eta) >= 1.5", "kind": "lightgbm", "max_depth": 3},
    }
    method = {"kind": "xgboost", "n_estimators": 5}
    model = category(regions, method).fit(X, y, w, features=FEATURES)
    assert [member.columns for member in model.members_] == [(0,), (0, 1, 2)]
    assert [member.estimator.max_depth for member in model.members_] == [1, 3]
    assert [member.estimator.kind for member in model.members_] == ["xgboost", "lightgbm"]


def test_several_classes(sample, tmp_path):
    X, _, _ = sample
    y = np.digitize(X[:, 1], [-0.5, 0.5])
    model = category(method={"kind": "lightgbm", "n_estimators": 20}).fit(X, y, features=FEATURES)
    assert model.evaluate(X).shape == (6000, 3)
    assert np.mean(model.predict(X) == y) > 0.9
    assert np.array_equal(classifiers.load(model.save(tmp_path / "m")).evaluate(X), model.evaluate(X))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"regions": {}}, InvalidInputError, "methods.C.regions: must be a mapping"),
        ({"regions": {"a": 3}}, InvalidInputError, "methods.C.regions.a: must be a selection"),
        ({"regions": {"a": "abs(eta"}}, HepmlError, "methods.C.regions.a: "),
        ({"method": {"kind": "xgbost"}}, UnknownNameError, "did you mean 'xgboost'"),
        ({"method": {"max_depth": 3}}, InvalidInputError, "methods.C.regions.central: must be a mapping with the kind"),
        ({"method": {**METHOD, "max_detph": 3}}, UnknownNameError, "methods.C.regions.central.max_detph.*'max_depth'"),
        ({"method": {"kind": "category"}}, InvalidInputError, "cannot stand inside"),
        ({"method": {**METHOD, "negative_weights": "abs"}}, InvalidInputError, "an option of the whole"),
    ],
)
def test_what_cannot_be_asked_for(options, error, message):
    with pytest.raises(error, match=message):
        category(**options)


def test_what_cannot_be_trained(sample):
    X, y, w = sample
    with pytest.raises(
        UnknownNameError, match=r"unknown feature in the selection of region 'a'.*list it among the features"
    ):
        category({"a": "etta > 0"}).fit(X, y, w, features=FEATURES)
    with pytest.raises(UnknownNameError, match="unknown feature in the features of region central 'z'"):
        category(method={**METHOD, "features": ["z"]}).fit(X, y, w, features=FEATURES)
    with pytest.raises(EmptyClassError, match=r"region 'b'.*not of all 2 classes"):
        category({"a": "x < 99", "b": "x >= 99"}).fit(X, y, w, features=FEATURES)


def test_damaged_state_is_refused(fitted):
    state, payloads = fitted._state(), fitted._payloads()
    for change in (
        {"names": ["x"]},
        {"members": []},
        {"members": state["members"][:1]},
        {"members": [{**state["members"][0], "columns": [7]}, state["members"][1]]},
        {"members": [{**state["members"][0], "kind": "category"}, state["members"][1]]},
    ):
        with pytest.raises(ModelFormatError):
            fitted._restore({**state, **change}, payloads)
    with pytest.raises(ModelFormatError, match="no member has the payload 'x'"):
        fitted._restore(state, {**payloads, "x": b""})
    fitted._restore(state, payloads)
