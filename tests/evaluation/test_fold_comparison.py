"""Folds one by one and pooled, against what each number is defined as, and against toys."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, ks_2samp, kstest

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation import compare_folds, roc_curve


def toy(draw, n, seed, *, n_folds=5, negative=0.0, shift=0.0, distance=1.0):
    """Two Gaussians in equally probable folds; the model of fold 2 scores all of its events higher by ``shift``."""
    rng = np.random.default_rng(seed)
    y, score, weight = draw(rng, n, distance, negative)
    fold = rng.integers(0, n_folds, y.size)
    return y, score + shift * (fold == 2), fold, weight


def test_areas_are_those_of_the_folds(draw):
    y, score, fold, weight = toy(draw, 800, 1, negative=0.25)
    found = compare_folds(y, score, fold, weight, n_permutations=19)
    curves = [roc_curve(y[fold == k], score[fold == k], weight[fold == k]) for k in range(5)]
    auc, error = (np.array([getattr(curve, name) for curve in curves]) for name in ("auc", "auc_error"))
    assert [area.auc for area in found.areas] == auc.tolist()
    assert [area.auc_error for area in found.areas] == error.tolist()
    assert [area.n_signal + area.n_background for area in found.areas] == np.bincount(fold).tolist()
    pooled = roc_curve(y, score, weight)
    assert (found.auc_pooled, found.auc_pooled_error) == (pooled.auc, pooled.auc_error)
    assert found.auc_mean == pytest.approx(auc.mean())
    assert found.auc_mean_error == pytest.approx(np.sqrt((error**2).sum()) / 5)
    assert found.auc_spread == pytest.approx(auc.std(ddof=1))
    assert found.auc_spread_expected == pytest.approx(np.sqrt((error**2).mean()))
    mean = np.average(auc, weights=error**-2)
    assert found.chi2 == pytest.approx((((auc - mean) / error) ** 2).sum())
    assert (found.chi2_ndf, found.chi2_p_value) == (4, pytest.approx(chi2.sf(found.chi2, 4)))
    assert found.pooling == pytest.approx(pooled.auc - auc.mean())


def test_shapes_are_scipys_distance_of_a_fold_from_the_others(draw):
    y, score, fold, _ = toy(draw, 400, 2)
    found = compare_folds(y, score, fold, n_permutations=19)
    for shapes, here in ((found.signal, y), (found.background, ~y)):
        distances = [
            ks_2samp(score[here & (fold == k)], score[here & (fold != k)], method="asymp").statistic for k in range(5)
        ]
        assert shapes.ks_distance == pytest.approx(max(distances))
        assert shapes.fold == int(np.argmax(distances))


def test_ties_and_many_events_are_binned_without_splitting_a_score(draw):
    y, score, fold, _ = toy(draw, 4000, 3)
    score = np.round(score, 1)
    found = compare_folds(y, score, fold, n_permutations=19)
    distances = [ks_2samp(score[y & (fold == k)], score[y & (fold != k)], method="asymp").statistic for k in range(5)]
    assert found.signal.ks_distance == pytest.approx(max(distances))


@pytest.mark.parametrize("negative", [0.0, 0.25])
def test_p_values_are_uniform_if_all_models_are_alike(draw, negative):
    of_areas, of_shapes = [], []
    for seed in range(150):
        y, score, fold, weight = toy(draw, 300, seed, negative=negative)
        found = compare_folds(y, score, fold, weight, n_permutations=39, seed=seed)
        of_areas.append(found.chi2_p_value)
        of_shapes += [found.signal.p_value, found.background.p_value]
        assert abs(found.pooling) < 5 * found.pooling_error
    assert kstest(of_areas, "uniform").pvalue > 1e-3
    # permutations give multiples of 1/40
    assert kstest(np.array(of_shapes) - np.random.default_rng(0).random(300) / 40, "uniform").pvalue > 1e-3


def test_error_of_the_mean_covers_the_truth(draw):
    from scipy.stats import norm

    truth = norm.cdf(1.0 / np.sqrt(2))
    pulls = []
    for seed in range(200):
        found = compare_folds(*toy(draw, 400, 1000 + seed), n_permutations=1)
        pulls.append((found.auc_mean - truth) / found.auc_mean_error)
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.683, abs=0.1)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.15)


def test_models_of_different_scales_are_noticed(draw):
    """Areas of the folds stay as they are, that of the pooled scores is worse."""
    found = compare_folds(*toy(draw, 2000, 4, shift=1.0), n_permutations=99)
    alike = compare_folds(*toy(draw, 2000, 4), n_permutations=99)
    assert found.auc_mean == pytest.approx(alike.auc_mean)
    assert found.pooling < -3 * found.pooling_error
    assert abs(alike.pooling) < 3 * alike.pooling_error
    for shapes in (found.signal, found.background):
        assert (shapes.fold, shapes.p_value) == (2, 0.01)
        assert 0.3 < shapes.ks_distance < 0.5


def test_rows_of_one_event_are_one_event(draw):
    """Each row three times: the same areas with the same errors, and p-values that are still uniform."""
    y, score, fold, weight = toy(draw, 300, 5)
    once = compare_folds(y, score, fold, weight, n_permutations=99)
    three = {"event": np.repeat(np.arange(600), 3), "n_permutations": 99}
    thrice = compare_folds(*(np.repeat(column, 3) for column in (y, score, fold, weight)), **three)
    for name in ("auc_pooled", "auc_pooled_error", "auc_mean", "auc_mean_error", "chi2", "pooling", "pooling_error"):
        assert getattr(thrice, name) == pytest.approx(getattr(once, name), abs=1e-12)
    assert thrice.signal.ks_distance == pytest.approx(once.signal.ks_distance)
    assert thrice.signal.p_value == pytest.approx(once.signal.p_value, abs=0.2)


@given(seed=st.integers(0, 2**32), scale=st.floats(0.01, 100))
def test_order_and_scale_change_nothing(seed, scale):
    rng = np.random.default_rng(seed)
    y, fold = rng.integers(0, 2, 120).astype(bool), rng.permutation(np.arange(120) % 3)
    y[:6], fold[:6] = [True, False] * 3, [0, 0, 1, 1, 2, 2]
    score, weight = rng.normal(size=120).round(1), rng.gamma(2.0, size=120)
    order = rng.permutation(120)
    one = compare_folds(y, score, fold, weight, n_permutations=1)
    other = compare_folds(y[order], score[order], fold[order], scale * weight[order], n_permutations=1)
    for name in ("auc_pooled", "auc_mean", "auc_mean_error", "auc_spread", "pooling", "pooling_error"):
        assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-9, abs=1e-12)
    assert other.signal.ks_distance == pytest.approx(one.signal.ks_distance)


def test_result_is_plain_json_and_reproducible(draw):
    arguments = toy(draw, 200, 6)
    found = compare_folds(*arguments, n_permutations=19, seed=3)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False)) == found.to_dict()
    assert compare_folds(*arguments, n_permutations=19, seed=3).to_dict() == found.to_dict()
    y, _, fold, _ = arguments
    perfect = compare_folds(y, y.astype(float), fold, n_permutations=19).to_dict()
    assert (perfect["auc_pooled"], perfect["auc_spread"], perfect["chi2"]) == (1.0, 0.0, None)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"fold": [0, 0, 0, 0]}, InvalidInputError, "at least two"),
        ({"fold": [-1, -1, 1, 1]}, InvalidInputError, "from -1 to 1"),
        ({"fold": [0.0, 0.0, 1.0, 1.0]}, InvalidInputError, "one integer"),
        ({"fold": [0, 1]}, InvalidInputError, r"shape \(2,\)"),
        ({"fold": [0, 0, 2, 2]}, EmptyClassError, "fold 1 of 3 has no events"),
        ({"fold": [0, 1, 1, 1]}, EmptyClassError, "no background event"),
        ({"event": [0, 1, 1, 2]}, InvalidInputError, "two folds"),
        ({"score": [0.1, 0.2, 0.3, np.nan]}, InvalidInputError, "NaN"),
    ],
)
def test_what_cannot_be_compared_is_said(change, error, message):
    arguments = {"y_true": [1, 0, 1, 0], "score": [0.1, 0.2, 0.3, 0.4], "fold": [0, 0, 1, 1]} | change
    with pytest.raises(error, match=message):
        compare_folds(**arguments)
