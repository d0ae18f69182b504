"""``kind: tmva``: TMVA's response as a score, and what its files say."""

from __future__ import annotations

import numpy as np
import pytest

import hepml
from hepml import classifiers
from hepml.data import Feature
from hepml.errors import FeatureValueError, InvalidInputError, ModelFormatError, NotSupportedError
from hepml.tmva import Reader, train
from hepml.tmva.preparation import from_arrays
from hepml.workflow import convert_model

METHODS = {
    "BDT": "NTrees=20:MaxDepth=3",
    "BDTG": "BoostType=Grad:NTrees=20:MaxDepth=3",
    "BDTD": "NTrees=5:VarTransform=D",
    "Fisher": "CreateMVAPdfs:VarTransform=D",
    "LD": "",
    "HMatrix": "",
}


def kind_of(name: str) -> str:
    return "BDT" if name.startswith("BDT") else name


@pytest.fixture(scope="module")
def events():
    rng = np.random.default_rng(4)
    y = rng.random(2000) < 0.5
    X = rng.normal(size=(2000, 3)).astype(np.float32) + 0.8 * y[:, None]
    return X, y, np.where(rng.random(2000) < 0.1, -0.5, 1.0)


@pytest.fixture(scope="module")
def fitted(events):
    X, y, w = events
    made = classifiers.get("tmva")
    return {
        name: made.from_options({"method": kind_of(name), "options": options}, "methods.X").fit(X, y, w)
        for name, options in METHODS.items()
    }


@pytest.mark.parametrize("name", METHODS)
def test_its_score_is_what_tmva_answers(name, events, fitted):
    X, y, w = events
    # signal is TMVA's class 0; a common factor of the weights cancels in its normalisation
    data = from_arrays(X, np.where(y, 0, 1), w, variables=["x0", "x1", "x2"])
    expected = train(kind_of(name), METHODS[name], data).evaluate(X)
    np.testing.assert_allclose(fitted[name].evaluate(X), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_it_is_stored_and_converted_without_a_change(name, events, fitted, tmp_path):
    X = events[0]
    features = [Feature("a", "pt/1000"), Feature("b"), Feature("c", "abs(eta)")]
    fitted[name].save(tmp_path / "model", features=features)
    model = hepml.load(tmp_path / "model")
    assert np.array_equal(model.evaluate(X), fitted[name].evaluate(X))
    convert_model(tmp_path / "model", tmp_path / "X.weights.xml")
    assert np.array_equal(Reader(tmp_path / "X.weights.xml").evaluate(X), fitted[name].evaluate(X))


def test_labels_follow_where_tmva_sees_signal(events, fitted):
    X = events[0]
    for name, above in (("BDT", 0.0), ("BDTG", 0.0), ("Fisher", 0.0), ("HMatrix", 0.0), ("LD", 0.5)):
        model = fitted[name]
        assert np.array_equal(model.predict(X), model.evaluate(X) > above)
        np.testing.assert_allclose(model.decision_function(X), model.evaluate(X) - above)


def test_a_probability_comes_from_densities_or_not_at_all(events, fitted):
    X = events[0]
    probability = fitted["Fisher"].predict_proba(X)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    assert np.corrcoef(probability[:, 1], fitted["Fisher"].evaluate(X))[0, 1] > 0.5
    assert not hasattr(fitted["BDT"], "predict_proba")


def test_trees_of_features_are_a_forest(events, fitted):
    forest = fitted["BDT"].forest_
    assert forest.n_trees == fitted["BDT"].n_iter_ == 20
    np.testing.assert_allclose(forest.predict(events[0]), fitted["BDT"].evaluate(events[0]), atol=1e-12)
    for name in ("BDTD", "Fisher"):
        assert not hasattr(fitted[name], "forest_")


def test_features_given_in_training_stand_in_the_weights_file(events, tmp_path):
    X, y, w = events
    features = [Feature("a", "pt/1000", unit="GeV"), Feature("b"), Feature("c", "abs(eta)")]
    model = classifiers.get("tmva")(method="Fisher", options="VarTransform=N").fit(X, y, w, features=features)
    model.save_weights(tmp_path / "X.weights.xml")
    reader = Reader(tmp_path / "X.weights.xml")
    assert [(f.name, f.expression, f.unit) for f in reader.features] == [
        ("a", "pt/1000", "GeV"),
        ("b", "b", ""),
        ("c", "abs(eta)", ""),
    ]
    branches = {"pt": 1000.0 * X[:, 0].astype(float), "b": X[:, 1], "eta": np.abs(X[:, 2])}
    X = np.column_stack([X[:, :2], np.abs(X[:, 2])])
    np.testing.assert_allclose(reader.evaluate(branches), model.evaluate(X), atol=1e-6)


def test_how_classes_are_normalised_changes_a_training(events):
    X, y, w = events
    keep = y | (np.arange(len(y)) % 4 == 0)  # unequal classes
    scores = {
        mode: classifiers.get("tmva")(method="LD", norm_mode=mode).fit(X[keep], y[keep], w[keep]).evaluate(X)
        for mode in ("EqualNumEvents", "NumEvents", "None")
    }
    assert np.abs(scores["EqualNumEvents"] - scores["NumEvents"]).max() > 0.01
    assert np.abs(scores["EqualNumEvents"] - scores["None"]).max() > 0.01


def test_gradient_boosting_knows_for_which_balance_its_probability_is(events, fitted):
    X, y, w = events
    keep = y | (np.arange(len(y)) % 4 == 0)
    assert fitted["BDT"].balance_ is None
    for text, balance in (("", 1.0), (":SigToBkgFraction=3", 3.0)):
        options = f"NTrees=60:BoostType=Grad:MaxDepth=2:Shrinkage=0.3{text}"
        model = classifiers.get("tmva")(method="BDT", options=options, norm_mode="None").fit(
            X[keep], y[keep], abs(w[keep])
        )
        assert model.balance_ == balance
        # of classes in this balance the mean probability is the share of signal
        probability, weight = (1.0 + model.evaluate(X[keep])) / 2.0, abs(w[keep])
        weight *= np.where(y[keep], balance / weight[y[keep]].sum(), 1.0 / weight[~y[keep]].sum())
        assert (weight * probability).sum() / weight.sum() == pytest.approx(balance / (1.0 + balance), abs=0.03)


def test_what_was_decided_silently_is_reported(fitted):
    report = fitted["BDTG"].training_report_
    assert report["engine"] == "native"
    assert any("are ignored" in note for note in report["notes"])
    assert report["rankings"][0]["variables"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"options": "NTree=5"}, r"methods.X.options: 'NTree=5' .* did you mean 'NTrees'"),
        ({"options": "NTrees=5:SplitMode=Random"}, "SplitMode .* the analysis file has its own parts"),
        ({"options": "nTrain_Signal=100"}, "nTrain_Signal .* the analysis file has its own parts"),
        ({"options": "!NormMode"}, "NormMode is the option norm_mode"),
        ({"method": "BTD"}, "did you mean 'BDT'"),
        ({"options": 5}, "must be a text"),
        ({"engine": "rot"}, "did you mean 'root'"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_read(options, said):
    with pytest.raises(InvalidInputError, match=said):
        classifiers.get("tmva").from_options(options, "methods.X")


def test_what_cannot_be_trained_is_said(events):
    X, y, w = events
    with pytest.raises(NotSupportedError, match='engine="root"'):
        classifiers.get("tmva")(method="PDERS").fit(X, y, w)
    missing = X.copy()
    missing[7, 1] = np.nan
    with pytest.raises(FeatureValueError, match="x1"):
        classifiers.get("tmva")(method="Fisher").fit(missing, y, w)


def test_a_stored_model_of_another_method_is_refused(fitted, tmp_path):
    fitted["LD"].save(tmp_path / "model")
    text = (tmp_path / "model" / "model.json").read_text()
    (tmp_path / "model" / "model.json").write_text(text.replace('"method": "LD"', '"method": "Fisher"'))
    with pytest.raises(ModelFormatError, match="another method"):
        hepml.load(tmp_path / "model")
