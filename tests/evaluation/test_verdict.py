"""When training counts as gone too far: real trainings that did harm, did none, or cannot be judged."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import kstwobign
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import KNeighborsClassifier

from hepml.classifiers.hist_gradient_boosting import HistGradientBoostingClassifier
from hepml.classifiers.xgboost import XGBoostClassifier
from hepml.evaluation import overtraining, stage_grid, training_curve

DEEP = {
    "n_estimators": 2000, "max_depth": 12, "min_child_weight": 0.01, "reg_lambda": 0.0, "max_delta_step": 0.0, "n_jobs": 1,
}  # fmt: skip


def events(seed, n_train, n_validation, n_test, distance=0.5):
    """Features and labels of the three parts: Gaussians that differ in every feature."""
    rng = np.random.default_rng(seed)
    n = n_train + n_validation + n_test
    y = rng.random(n) < 0.5
    X = (rng.normal(size=(n, 4)) + distance * y[:, None]).astype(np.float32)
    edges = [0, n_train, n_train + n_validation, n]
    return [(X[start:stop], y[start:stop]) for start, stop in pairwise(edges)]


def judged(model, train, validation, test, *, n_stages=30, n_permutations=20):
    grid = stage_grid(model.n_iter_, n_stages)
    margins = [model.forest_.predict(part[0], output="staged", at=grid) for part in (train, validation)]
    curve = training_curve(grid, train[1], margins[0], None, validation[1], margins[1], None)
    scores = [model.evaluate(part[0]) for part in (train, test)]
    return overtraining(train[1], scores[0], None, test[1], scores[1], None, curve=curve, n_permutations=n_permutations)


def nearest_neighbour(seed, n_train, n_test, **reference):
    train, _, test = events(seed, n_train, 1, n_test)
    model = KNeighborsClassifier(n_neighbors=1).fit(*train)
    scores = [model.predict_proba(part[0])[:, 1] for part in (train, test)]
    linear = LinearDiscriminantAnalysis().fit(*train).decision_function(test[0])
    options = {"reference_test": linear, "reference_name": "Fisher"} if reference.pop("compare", True) else {}
    return overtraining(train[1], scores[0], None, test[1], scores[1], None, n_permutations=20, **options, **reference)


def test_one_nearest_neighbour_is_harmful():
    result = nearest_neighbour(1, 1000, 1000)
    assert result.auc_train == 1
    assert result.verdict == "harmful"
    assert result.reference.name == "Fisher"
    assert result.reference.deficit > 0.1
    assert "Fisher is +0." in result.reason


def test_without_stages_and_reference_the_harm_of_a_gap_is_undecided():
    result = nearest_neighbour(1, 1000, 1000, compare=False)
    assert result.auc_gap > 0.3
    assert result.verdict == "undecided"
    assert "reference" in result.reason


def test_a_reference_that_is_not_better_does_not_decide():
    train, _, test = events(3, 400, 1, 2000)
    rng = np.random.default_rng(3)
    score_train, score_test = train[0].sum(axis=1) + 6 * train[1], test[0].sum(axis=1)
    result = overtraining(
        train[1], score_train, None, test[1], score_test, None, reference_test=score_test + 0.1 * rng.normal(size=2000)
    )
    assert abs(result.reference.deficit) < result.max_gap
    assert result.verdict == "undecided"


def test_a_reference_that_is_better_does_not_make_a_weak_method_overtrained():
    """Underfitting: no gap, and another method does better."""
    train, _, test = events(3, 8000, 1, 8000)
    single = [part[0][:, 0] for part in (train, test)]
    result = overtraining(
        train[1], single[0], None, test[1], single[1], None, reference_test=test[0].sum(axis=1), max_gap=0.02
    )
    assert result.reference.deficit > 0.1
    assert result.verdict == "no overtraining seen"


def test_two_thousand_deep_trees_on_500_events_are_harmful():
    train, validation, test = events(2, 500, 500, 500)
    result = judged(XGBoostClassifier(**DEEP).fit(*train), train, validation, test)
    assert result.verdict == "harmful"
    assert "log-loss is worse by" in result.reason


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("stopped", [True, False])
def test_200_events_are_undecided(seed, stopped):
    train, validation, test = events(seed, 100, 40, 60)
    model = XGBoostClassifier(n_jobs=1) if stopped else HistGradientBoostingClassifier(min_samples_leaf=5, n_jobs=1)
    model.fit(*train, validation=(*validation, None))
    result = judged(model, train, validation, test)
    assert result.verdict == "undecided"
    assert "2 sigma" in result.reason


def test_early_stopped_trees_on_a_million_events_are_harmless():
    train, validation, test = events(1, 500_000, 200_000, 300_000, distance=0.35)
    model = XGBoostClassifier(
        n_estimators=40, max_depth=10, min_child_weight=1.0, learning_rate=0.3, early_stopping_rounds=3, n_jobs=1
    )
    model.fit(*train, validation=(*validation, None))
    result = judged(model, train, validation, test, n_stages=8)
    n_signal = [np.count_nonzero(part[1]) for part in (train, test)]
    n_effective = n_signal[0] * n_signal[1] / sum(n_signal)
    assert kstwobign.sf(result.signal.ks_distance * np.sqrt(n_effective)) < 1e-6
    assert result.signal.ks_p_value == pytest.approx(1 / 21)
    assert result.auc_gap_significance > 10
    assert result.auc_gap > result.max_gap
    assert result.verdict == "train-test gap, harmless"


def test_trees_stopped_in_time_on_an_easy_problem_show_nothing():
    train, validation, test = events(4, 20_000, 40_000, 40_000)
    model = XGBoostClassifier(n_estimators=30, max_depth=2, learning_rate=0.1, n_jobs=1).fit(*train)
    result = judged(model, train, validation, test)
    assert result.verdict == "no overtraining seen"
    assert "plateaus" in result.reason
