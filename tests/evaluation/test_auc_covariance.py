"""Areas of several scores on the same events, and their covariance."""

from __future__ import annotations

import numpy as np
import pytest

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation import auc_covariance, compare_auc, roc_curve


def test_diagonal_and_differences_are_those_of_the_single_curves_and_of_pairs(draw):
    rng = np.random.default_rng(1)
    label, score, weight = draw(rng, 2000, 1.0, 0.25)
    scores = [score, score + rng.normal(size=score.size), rng.normal(size=score.size)]
    event = rng.integers(0, 3000, score.size)
    auc, covariance = auc_covariance(label, scores, weight, event=event)
    for number, one in enumerate(scores):
        curve = roc_curve(label, one, weight, event=event)
        assert auc[number] == pytest.approx(curve.auc)
        assert covariance[number, number] == pytest.approx(curve.auc_error**2)
    pair = compare_auc(label, scores[0], scores[1], weight, event=event)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert np.sqrt(variance) == pytest.approx(pair.difference_error)
    np.testing.assert_allclose(covariance, covariance.T)


def test_covariance_is_the_scatter_of_many_samples(draw):
    rng = np.random.default_rng(2)
    areas, stated = [], []
    for _ in range(300):
        label, score, weight = draw(rng, 300, 1.0)
        auc, covariance = auc_covariance(label, [score, score + 0.7 * rng.normal(size=score.size)], weight)
        areas.append(auc)
        stated.append(covariance)
    seen, mean = np.cov(np.transpose(areas)), np.mean(stated, axis=0)
    # 8% is one standard deviation of a variance from 300 samples
    np.testing.assert_allclose(mean, seen, rtol=0.3)
    assert mean[0, 1] > 0.5 * mean[0, 0]


def test_bad_input_is_one_clear_error():
    with pytest.raises(InvalidInputError, match="no score"):
        auc_covariance([0, 1], [])
    with pytest.raises(InvalidInputError, match=r"score 1 has shape \(3,\)"):
        auc_covariance([0, 1], [[1, 2], [1, 2, 3]])
    with pytest.raises(EmptyClassError, match="no signal"):
        auc_covariance([0, 0], [[1, 2]])
