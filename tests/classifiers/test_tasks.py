"""Several classes and regression by boosted trees: closed forms, signed weights, bundles, scikit-learn's tools."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hepml import classifiers
from hepml.classifiers.losses import SoftmaxLoss, SquaredLoss
from hepml.classifiers.training import TrainingPart
from hepml.errors import EmptyClassError, InvalidInputError, ModelFormatError

_CENTRES = np.array([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5]])
# labels are sorted as strings, the centres are not
_LABELS = np.array(["ztt", "higgs", "top"])
_SORTED = np.argsort(_LABELS)


def _estimator(kind, task, n_trees=60, **options):
    name = "max_iter" if kind == "hist_gradient_boosting" else "n_estimators"
    return classifiers.get(kind, task)(**{name: n_trees, "n_jobs": 1, **options})


def _three_classes(n, seed, negative=0.0):
    rng = np.random.default_rng(seed)
    place = rng.integers(0, 3, n)
    X = rng.normal(size=(n, 2)) + _CENTRES[place]
    weight = np.where(rng.random(n) < negative, -1.0, 1.0)
    return X.astype(np.float32), _LABELS[place], weight


def _truth(X):
    density = np.exp(-0.5 * ((X[:, None] - _CENTRES) ** 2).sum(axis=2))
    return (density / density.sum(axis=1, keepdims=True))[:, _SORTED]


def _part(seed, n=40, columns=3, *, classes=True):
    rng = np.random.default_rng(seed)
    target = rng.integers(0, columns, n) if classes else rng.normal(size=(n, columns))
    return TrainingPart(np.zeros((n, 1), np.float32), target, rng.normal(0.4, 1.0, n))


@pytest.mark.parametrize("classes", [True, False])
def test_gradients_are_those_of_the_signed_losses(classes):
    part = _part(1, classes=classes)
    total = part.weight.sum()
    wide = np.full(3, 100.0)
    loss = SoftmaxLoss(part, 3, 1.0) if classes else SquaredLoss(part, -wide, wide)
    start = np.random.default_rng(2).normal(size=120)
    error = check_grad(
        lambda flat: loss.value(flat.reshape(40, 3)) * total,
        lambda flat: loss.derivatives(flat.reshape(40, 3))[0].ravel().astype(float),
        start,
    )
    assert error < 2e-5 * abs(part.weight).sum()
    hessian = loss.derivatives(start.reshape(40, 3))[1]
    assert (hessian > 0.0).all()


def test_softmax_of_two_classes_is_the_logistic_loss():
    part = _part(3, columns=2)
    from hepml.classifiers.objective import base_margin, gradient_and_hessian, signed_log_loss

    margin = np.random.default_rng(4).normal(size=40)
    both = np.column_stack([np.zeros(40), margin])
    loss = SoftmaxLoss(part, 2, 1.0)
    gradient, hessian = loss.derivatives(both)
    assert gradient[:, 1] == pytest.approx(gradient_and_hessian(margin, part.signal, part.weight)[0], abs=1e-6)
    assert hessian[:, 1] == pytest.approx(gradient_and_hessian(margin, part.signal, part.weight)[1], abs=1e-6)
    assert loss.value(both) == pytest.approx(signed_log_loss(margin, part.signal, part.weight))
    positive = TrainingPart(part.X, part.target, np.abs(part.weight))
    base = SoftmaxLoss(positive, 2, 1.0).base()
    assert base[1] - base[0] == pytest.approx(base_margin(positive.signal, positive.weight))


def test_probabilities_of_a_known_mixture(kind, tmp_path):
    X, y, weight = _three_classes(9000, 1, negative=0.1)
    held_out = _three_classes(3000, 2, negative=0.1)
    model = _estimator(kind, "classification", 200)
    model.fit(X, y, weight, validation=held_out)
    assert model.classes_.tolist() == ["higgs", "top", "ztt"]
    assert model.n_outputs == 3
    test = _three_classes(4000, 3)[0]
    probability = model.predict_proba(test)
    assert probability.sum(axis=1) == pytest.approx(np.ones(4000), abs=1e-12)
    assert abs(probability - _truth(test)).mean() < 0.05
    assert (model.predict(test) == model.classes_[probability.argmax(axis=1)]).all()
    report = model.training_report_
    curve = report["validation_log_loss"]
    assert report["iterations"] == model.n_iter_ == int(np.argmin(curve)) + 1
    assert set(report["classes"]) == {"higgs", "top", "ztt"}
    model.save(tmp_path / "m")
    loaded = classifiers.load(tmp_path / "m")
    assert loaded.n_scores == 3
    assert np.array_equal(loaded.evaluate(test), probability)
    assert loaded.forest.n_outputs == 3


def _regression(n, seed):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.0, 1.0, (n, 2)).astype(np.float32)
    return X, X[:, 0].astype(float) ** 2 + 2.0 * X[:, 1] + rng.normal(0.0, 0.2, n)


def test_regression_of_a_known_function(kind, tmp_path):
    X, y = _regression(6000, 1)
    model = _estimator(kind, "regression", 200)
    model.fit(X, np.column_stack([y, 100.0 - 10.0 * y]), validation=(*_both(_regression(2000, 2)), None))
    test = _regression(2000, 3)[0]
    truth = test[:, 0] ** 2 + 2.0 * test[:, 1]
    values = model.predict(test)
    assert values.shape == (2000, 2)
    assert np.sqrt(np.square(values[:, 0] - truth).mean()) < 0.08
    assert np.sqrt(np.square(values[:, 1] - 100.0 + 10.0 * truth).mean()) < 0.8
    model.save(tmp_path / "m")
    loaded = classifiers.load(tmp_path / "m")
    assert np.array_equal(loaded.evaluate(test), values)
    assert model.training_report_["iterations"] == np.argmin(model.training_report_["validation_loss"]) + 1


def _both(events):
    X, y = events
    return X, np.column_stack([y, 100.0 - 10.0 * y])


def test_signed_regression_agrees_with_the_positive_sample_on_average(kind):
    grid = np.linspace(-0.8, 0.8, 9, dtype=np.float32)[:, None].repeat(2, axis=1)
    differences = []
    for seed in range(10):
        X, y = _regression(3000, 10 + seed)
        # targets of one law, so that no ratio is biased; ten toys do not resolve the difference of 0.008 that
        # docs/negative_weights.md states for so few trees
        (up, y_up), (down, y_down) = _regression(600, 1000 + seed), _regression(600, 2000 + seed)
        signed = _estimator(kind, "regression", 40).fit(
            np.vstack([X, up, down]), np.concatenate([y, y_up, y_down]), np.repeat([1.0, 1.0, -1.0], [3000, 600, 600])
        )
        positive = _estimator(kind, "regression", 40).fit(X, y)
        differences.append((signed.predict(grid) - positive.predict(grid)).mean())
    mean, error = np.mean(differences), np.std(differences, ddof=1) / np.sqrt(10)
    assert abs(mean) < 3.0 * error
    assert error < 0.05


def test_values_stay_near_the_targets_where_the_net_weight_is_negative(kind):
    X = np.repeat([[0.0], [1.0]], 500, axis=0).astype(np.float32)
    weight = np.where(np.arange(1000) < 500, 1.0, np.where(np.arange(1000) % 5 < 3, -1.0, 1.0))
    y = np.tile([0.0, 1.0, 0.0, 1.0, 1.0], 200)
    model = _estimator(kind, "regression", 300).fit(X, y, weight)
    assert abs(model.predict(X[:1])[0] - 0.6) < 0.05
    assert abs(model.predict(X[-1:])[0]) < 300 * 0.1


def test_errors_name_the_class(kind):
    X, y, weight = _three_classes(300, 1)
    model = _estimator(kind, "classification", 3)
    with pytest.raises(EmptyClassError, match=r"two classes.*1 class: 'top'"):
        model.fit(X, np.full(300, "top"))
    with pytest.raises(EmptyClassError, match=r"class 'higgs': .* training events sum to 0"):
        model.fit(X, y, np.where(y == "higgs", 0.0, weight))
    kept = y != "ztt"
    with pytest.raises(EmptyClassError, match=r"class 'ztt': .* 0 validation events"):
        model.fit(X, y, weight, validation=(X[kept], y[kept], None))
    with pytest.raises(InvalidInputError, match=r"label 'ztt'"):
        model.fit(X[kept], y[kept], validation=(X, y, None))


def test_a_flat_score_needs_two_classes():
    X, y, _ = _three_classes(300, 1)
    with pytest.raises(InvalidInputError, match=r"uniform_in needs two classes, and there are 3: higgs, top, ztt"):
        _estimator("xgboost", "classification", 3, uniform_in=("m",)).fit(X, y, spectators={"m": (X[:, 0], None)})


@pytest.mark.parametrize("changed", [{"classes": ["a", "b"]}, {"classes": ["a", "b", "c", "d"]}])
def test_a_bundle_whose_trees_do_not_fit_its_classes_is_refused(kind, changed, tmp_path):
    import json

    X, y, _ = _three_classes(300, 1)
    _estimator(kind, "classification", 3).fit(X, y).save(tmp_path / "m")
    path = tmp_path / "m" / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    with pytest.raises(ModelFormatError):
        classifiers.load(tmp_path / "m")


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_scikit_learn_tools(kind, task):
    X, y = _three_classes(600, 1)[:2] if task == "classification" else _regression(600, 1)
    pipeline = make_pipeline(StandardScaler(), _estimator(kind, task, 20))
    name = f"{pipeline.steps[1][0]}__learning_rate"
    search = GridSearchCV(pipeline, {name: [0.001, 0.2]}, cv=2, error_score="raise").fit(X, y)
    assert search.best_params_ == {name: 0.2}
    assert cross_val_score(pipeline, X, y, cv=2, error_score="raise").min() > (0.5 if task == "classification" else 0.3)


class _OfTwo(classifiers.get("tmva")):
    """A kind that takes two classes, as one of another package may."""

    multiclass = False


def test_a_kind_for_two_classes_refuses_three():
    X, y, _ = _three_classes(300, 1)
    with pytest.raises(InvalidInputError, match="Only binary classification is supported"):
        _OfTwo(options="BoostType=Grad:NTrees=5").fit(X, y)
