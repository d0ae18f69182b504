"""``kind: tmva`` for several classes and for regression: the same as hepml.tmva.train gives, through a bundle."""

from __future__ import annotations

import numpy as np
import pytest

from hepml import classifiers
from hepml.classifiers import get
from hepml.errors import HepmlError, ModelFormatError
from hepml.tmva import train
from hepml.tmva.preparation import from_arrays

GRAD = "BoostType=Grad:NTrees=30:MaxDepth=2:Shrinkage=0.3"
RNG = np.random.default_rng(4)
PLACE = RNG.integers(0, 3, 1200)
X = (RNG.normal(size=(1200, 2)) + np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])[PLACE]).astype(np.float32)
LABELS = np.array(["W", "Z", "top"])[PLACE]
WEIGHT = RNG.uniform(0.5, 1.5, 1200)
TARGET = 3.0 * X[:, 0] + X[:, 1] ** 2


@pytest.fixture(scope="module")
def several():
    return get("tmva").from_options({"options": GRAD}).fit(X, LABELS, WEIGHT)


@pytest.fixture(scope="module")
def regressor():
    return get("tmva", "regression").from_options({"options": GRAD}).fit(X, TARGET, WEIGHT)


def test_several_classes_are_those_of_tmva(several):
    prepared = from_arrays(X, PLACE, WEIGHT / WEIGHT.mean(), variables=["x0", "x1"], class_names=("a", "b", "c"))
    expected = train("BDT", GRAD, prepared).evaluate(X)
    assert several.evaluate(X) == pytest.approx(expected, abs=1e-12)
    assert several.predict_proba(X).sum(axis=1) == pytest.approx(np.ones(1200))
    assert (several.predict(X) == LABELS).mean() > 0.7
    assert several.n_iter_ >= 30


def test_a_regression_is_that_of_tmva(regressor):
    prepared = from_arrays(
        X, None, WEIGHT / WEIGHT.mean(), variables=["x0", "x1"], targets=TARGET[:, None], target_variables=["t"]
    )
    expected = train("BDT", GRAD, prepared).evaluate(X)
    assert regressor.predict(X) == pytest.approx(np.ravel(expected), abs=1e-12)
    assert np.corrcoef(regressor.predict(X), TARGET)[0, 1] > 0.9
    assert get("tmva", "regression")().fit(X[:300], TARGET[:300]).n_targets_ == 1


@pytest.mark.parametrize("name", ["several", "regressor"])
def test_a_bundle_gives_the_same(name, request, tmp_path):
    model = request.getfixturevalue(name)
    model.save(tmp_path / "model")
    read = classifiers.load(tmp_path / "model")
    np.testing.assert_array_equal(read.evaluate(X), model.evaluate(X))
    assert read.n_scores == (3 if name == "several" else 1)


def test_files_of_another_task_are_refused(several, regressor):
    two = get("tmva").from_options({"options": GRAD}).fit(X, PLACE == 1)
    with pytest.raises(ModelFormatError, match="other classes or targets"):
        two._restore(two._state(), several._payloads())
    with pytest.raises(ModelFormatError, match="other classes or targets"):
        several._restore(several._state(), regressor._payloads())


def test_what_tmva_does_not_have_is_said():
    with pytest.raises(HepmlError, match=r"engine|multi|class"):
        get("tmva").from_options({"options": "BoostType=AdaBoost:NTrees=5"}).fit(X, LABELS)
