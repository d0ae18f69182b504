"""Results that the figures show, small and fixed."""

from __future__ import annotations

import numpy as np
import pytest

from hepml.evaluation import compare_folds, feature_histograms, overtraining, roc_curve


def draw_scores(rng, n_events, distance):
    label = rng.random(n_events) < 0.5
    score = 1 / (1 + np.exp(0.9 - 1.5 * (rng.normal(size=n_events) + distance * label)))
    return label, score, np.where(rng.random(n_events) < 0.1, -1.0, 1.0)


@pytest.fixture(scope="session")
def curves():
    rng = np.random.default_rng(1)
    return {"XGBoost": roc_curve(*draw_scores(rng, 8000, 1.6)), "Cut": roc_curve(*draw_scores(rng, 8000, 0.8))}


@pytest.fixture(scope="session")
def comparison():
    """Few test events and negative weights, so that some bins are negative."""
    rng = np.random.default_rng(2)
    return overtraining(*draw_scores(rng, 5000, 1.8), *draw_scores(rng, 300, 1.5), n_permutations=99)


@pytest.fixture(scope="session")
def folds():
    """Two methods in five folds; of the second one model has another scale."""
    rng, found = np.random.default_rng(5), {}
    for name, distance, shift in (("XGBoost", 1.6, 0.0), ("$x$ of the 3rd", 1.5, 0.4)):
        label, score, weight = draw_scores(rng, 4000, distance)
        fold = rng.integers(0, 5, label.size)
        found[name] = compare_folds(label, score + shift * (fold == 3), fold, weight, n_permutations=19)
    return found


@pytest.fixture(scope="session")
def mass():
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(125, 15, 3000), rng.exponential(60, 5000) + 30, np.full(150, np.nan)])
    label = np.arange(values.size) < 3000
    return feature_histograms(values, label, np.where(rng.random(values.size) < 0.1, -1.0, 1.0))


@pytest.fixture(scope="session")
def n_jets():
    rng = np.random.default_rng(4)
    return feature_histograms(rng.poisson(2, 3000), rng.random(3000) < 0.4)
