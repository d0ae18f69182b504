"""``kind: sklearn``: what is allowed and refused, equal scores, and files that execute nothing."""

from __future__ import annotations

import importlib
import io
import json
import zipfile

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier

from hepml import classifiers
from hepml.classifiers import sklearn_storage
from hepml.classifiers.sklearn_estimators import ESTIMATORS
from hepml.errors import (
    FeatureValueError,
    HepmlError,
    InvalidInputError,
    ModelFormatError,
    UnknownNameError,
    WeightError,
)

pytest.importorskip("skops", reason="skops is not installed")

LOGISTIC = "sklearn.linear_model.LogisticRegression"
FAST = {
    "AdaBoost": {"n_estimators": 5},
    "ExtraTrees": {"n_estimators": 5},
    "GradientBoosting": {"n_estimators": 5},
    "RandomForest": {"n_estimators": 5},
    "HistGradientBoosting": {"max_iter": 5},
    "MLP": {"hidden_layer_sizes": [4], "max_iter": 40},
}


def fast(path):
    name = path.rpartition(".")[2].removesuffix("Classifier").removesuffix("Regressor")
    return FAST.get(name, {})


def of(path, parameters=None, task="classification", **options):
    return classifiers.get("sklearn", task).from_options(
        {"estimator": path, "parameters": fast(path) if parameters is None else parameters, "n_jobs": 1, **options},
        "methods.A",
    )


@pytest.fixture(scope="module")
def sample():
    X, y = make_classification(
        400, 4, n_informative=3, n_redundant=0, n_classes=3, random_state=0, n_clusters_per_class=1
    )
    return X.astype(np.float32), y, np.random.default_rng(0).gamma(4.0, 0.25, 400)


@pytest.mark.parametrize("path", ESTIMATORS["classification"])
def test_each_classifier_scores_as_scikit_learn_and_is_stored(path, sample, tmp_path):
    X, y, w = sample
    for labels in (y > 0, y):
        if labels is y and "GradientBoosting" in path:
            continue
        model = of(path, scale="none" if "sklearn.tree" in path or "ensemble" in path else "auto").fit(X, labels, w)
        score = model.evaluate(X)
        assert score.shape == ((400,) if labels is not y else (400, 3))
        assert np.mean(model.predict(X) == labels) > 0.4
        assert classifiers.load(model.save(tmp_path / f"m{labels.dtype}")).evaluate(X).tolist() == score.tolist()
        # a score does not depend on which events are scored with it
        assert np.array_equal(model.evaluate(X[37:39]), score[37:39])
        if not hasattr(model, "forest_"):
            continue
        # the same training by scikit-learn itself
        module, _, name = path.rpartition(".")
        estimator = getattr(importlib.import_module(module), name)
        known = {"random_state": 0, "early_stopping": False} if "Hist" in name else {"random_state": 0}
        plain = estimator(**fast(path), **known).fit(X, labels, w / w.mean()).predict_proba(X)
        np.testing.assert_allclose(score, plain if labels is y else plain[:, 1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("path", ESTIMATORS["regression"])
def test_each_regressor_fits_and_is_stored(path, sample, tmp_path):
    X, _, w = sample
    target = X[:, 0] + 0.5 * X[:, 1]
    model = of(path, task="regression").fit(X, target, w)
    values = model.predict(X)
    assert values.shape == (400,)
    assert np.corrcoef(values, target)[0, 1] > (0.0 if "MLP" in path else 0.6)
    assert np.array_equal(classifiers.load(model.save(tmp_path / "model")).evaluate(X), values)


def test_several_targets(sample):
    X, _, w = sample
    target = np.column_stack([X[:, 0], -X[:, 1]])
    values = of("sklearn.linear_model.Ridge", task="regression").fit(X, target, w).predict(X)
    np.testing.assert_allclose(values, target, atol=0.1)
    lasso = of("sklearn.linear_model.HuberRegressor", task="regression")
    with pytest.raises(InvalidInputError, match="HuberRegressor: y should be a 1d array"):
        lasso.fit(X, target, w)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"estimator": "LogisticRegresion"}, UnknownNameError, "did you mean"),
        (
            {"estimator": "ExtraTreesClassifier"},
            UnknownNameError,
            "did you mean 'sklearn.ensemble.ExtraTreesClassifier'",
        ),
        ({"estimator": "os.system"}, UnknownNameError, "known: "),
        ({"estimator": "sklearn.neighbors.KNeighborsClassifier"}, UnknownNameError, "known: "),
        (
            {"estimator": "sklearn.linear_model.Ridge"},
            UnknownNameError,
            "does regression, and the task is classification",
        ),
        ({"parameters": {"c": 1.0}}, UnknownNameError, r"methods.A.parameters.c: no such parameter"),
        ({"parameters": {"max_itr": 3}}, UnknownNameError, "did you mean 'max_iter'"),
        (
            {"parameters": {"max_iter": -3}},
            InvalidInputError,
            r"max_iter: must be an int in the range \[0, inf\), not -3",
        ),
        ({"parameters": {"solver": "x"}}, InvalidInputError, "must be a str among .*lbfgs.* not 'x'"),
        ({"parameters": {"random_state": 3}}, InvalidInputError, "seed of the analysis"),
        ({"parameters": {"class_weight": "balanced"}}, InvalidInputError, "training.balance"),
        ({"parameters": [1]}, InvalidInputError, "a mapping of names"),
        (
            {"estimator": "sklearn.ensemble.RandomForestClassifier", "scale": "standard"},
            InvalidInputError,
            "methods.A.scale: trees are the same",
        ),
        (
            {"estimator": "sklearn.ensemble.AdaBoostClassifier", "parameters": {"estimator": {"estimator": LOGISTIC}}},
            InvalidInputError,
            "must be sklearn.tree.DecisionTreeClassifier",
        ),
    ],
)
def test_what_the_analysis_file_cannot_say(options, error, message):
    with pytest.raises(error, match=message):
        classifiers.get("sklearn").from_options(options, "methods.A")


def test_boosted_trees_of_a_given_depth(sample):
    X, y, w = sample
    tree = {"estimator": "sklearn.tree.DecisionTreeClassifier", "parameters": {"max_depth": 3}}
    model = of("sklearn.ensemble.AdaBoostClassifier", {"n_estimators": 3, "estimator": tree}).fit(X, y > 0, w)
    assert model.forest_.depth.max() == 3


@pytest.mark.parametrize("path", [LOGISTIC, "sklearn.naive_bayes.GaussianNB"])
def test_signed_weights_are_learned_where_they_are_allowed(path, two_gaussians):
    X, y, w = two_gaussians(20_000, seed=1, negative=0.4)
    model = of(path).fit(X, y, w)
    grid = np.random.default_rng(0).uniform(-1.5, 1.5, size=(1000, 2))
    slopes = np.linalg.lstsq(np.column_stack([np.ones(1000), grid]), model.decision_function(grid), rcond=None)[0]
    assert slopes[1:] == pytest.approx([1.4, 0.0], abs=0.1)
    # exact: the events of absolute weight are more by 1 / (1 - 2 * 0.4)
    absolute = of(path, negative_weights="abs").fit(X, y, w).decision_function(grid)
    assert np.corrcoef(absolute, grid[:, 1])[0, 1] > 0.2


@pytest.mark.parametrize("path", ["sklearn.ensemble.RandomForestClassifier", "sklearn.svm.LinearSVC"])
def test_signed_weights_are_refused_elsewhere(path, events):
    with pytest.raises(WeightError, match=r"choose negative_weights: ignore or abs.*LogisticRegression"):
        of(path, missing="error").fit(np.nan_to_num(events.X), events.y, events.w)
    of(path, negative_weights="ignore").fit(np.nan_to_num(events.X), events.y, events.w)


def test_missing_values(events, tmp_path):
    with pytest.raises(FeatureValueError, match="feature 'x0'"):
        of(LOGISTIC).fit(events.X, events.y, events.w)
    model = of(LOGISTIC, missing="mean").fit(events.X, events.y, events.w)
    # two features, and a column for each that says where it is missing
    assert model.estimator_.steps[-1][1].n_features_in_ == 4
    assert np.array_equal(classifiers.load(model.save(tmp_path / "m")).evaluate(events.X), model.evaluate(events.X))
    forest = of("sklearn.ensemble.RandomForestClassifier").fit(events.X, events.y, np.abs(events.w))
    assert np.isfinite(forest.evaluate(events.X)).all()


def test_bundles_are_the_same_from_run_to_run(sample, tmp_path):
    X, y, w = sample
    path = "sklearn.neural_network.MLPClassifier"
    first, second = (of(path).fit(X, y > 0, w).save(tmp_path / name) for name in "ab")
    assert (first / "estimator.skops").read_bytes() == (second / "estimator.skops").read_bytes()


def test_without_probabilities_the_score_is_the_decision_function(sample):
    X, y, w = sample
    model = of("sklearn.svm.LinearSVC").fit(X, y > 0, w)
    assert not hasattr(model, "predict_proba")
    assert np.array_equal(model.evaluate(X), model.decision_function(X))
    assert np.array_equal(model.predict(X), model.evaluate(X) > 0.0)


def edited(content, change):
    """Return a skops file with another schema."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files["schema.json"])
    change(schema)
    files["schema.json"] = json.dumps(schema).encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def call(loader, module, name):
    def change(schema):
        schema["content"]["content"]["verbose"] = {
            "__class__": name,
            "__module__": module,
            "__loader__": loader,
            "content": {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": '"x"'},
            "__id__": 10**6,
        }

    return change


@pytest.mark.parametrize(
    "change",
    [
        call("FunctionNode", "os", "system"),
        call("ObjectNode", "subprocess", "Popen"),
        call("MethodNode", "builtins", "eval"),
        call("OperatorFuncNode", "operator", "methodcaller"),
        call("TypeNode", "pathlib", "Path"),
        call("JsonNode", "os", "system"),
        call(["ObjectNode"], "os", "system"),
        lambda schema: schema.update(__module__="os", __class__="system"),
        lambda schema: schema.pop("__loader__"),
    ],
)
def test_a_hostile_file_is_refused_before_anything_is_loaded(change, sample, monkeypatch):
    X, y, w = sample
    content = of(LOGISTIC).fit(X, y > 0, w)._payloads()["estimator.skops"]
    monkeypatch.setattr(sklearn_storage._skops(), "loads", lambda *_, **__: pytest.fail("it was loaded"))
    with pytest.raises(ModelFormatError, match="cannot be trusted"):
        sklearn_storage.estimator_from_bytes(edited(content, change), "f")


def test_other_estimators_and_damage_are_refused(sample):
    X, y, w = sample
    model = of(LOGISTIC).fit(X, y > 0, w)
    content = model._payloads()["estimator.skops"]
    for other in (KNeighborsClassifier().fit(X, y), LinearRegression().fit(X, y)):
        with pytest.raises(HepmlError, match=r"cannot be trusted|holds LinearRegression"):
            model._restore({}, {"estimator.skops": sklearn_storage.estimator_to_bytes(other)})
    for broken in (b"", content[:2000], content[100:]):
        with pytest.raises(ModelFormatError, match=r"estimator.skops is damaged"):
            model._restore({}, {"estimator.skops": broken})
    # coefficients that do not fit the number of features
    narrow = of(LOGISTIC).fit(X[:, :2], y > 0, w)._payloads()
    with pytest.raises(ModelFormatError, match="damaged"):
        model._restore({}, narrow)
