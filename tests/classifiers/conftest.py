"""Events with known density ratio for the classifier tests."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hepml import classifiers


def _quick(kind, n_trees=30, **options):
    name = "max_iter" if kind == "hist_gradient_boosting" else "n_estimators"
    return classifiers.get(kind)(**{name: n_trees, "n_jobs": 1, **options})


def _two_gaussians(n, seed, negative=0.0):
    rng = np.random.default_rng(seed)
    y = np.repeat([False, True], n)
    X = rng.normal(size=(2 * n, 2)) + np.outer(np.where(y, 0.7, -0.7), [1.0, 0.0])
    share = np.where(y, negative, 0.0)
    up = rng.random(2 * n) < 1.0 / (2.0 - 2.0 * share)
    X[:, 1] = np.where(up, 1.0, -1.0) * np.abs(X[:, 1])
    w = np.where(up & (rng.random(2 * n) < share), -1.0, 1.0)
    w[y] *= n / w[y].sum()
    return X.astype(np.float32), y, w


@pytest.fixture
def quick():
    """Make an estimator of few trees on one thread."""
    return _quick


@pytest.fixture
def two_gaussians():
    """Draw X, y, w of two unit Gaussians at +-0.7 in x0, the same in x1: the net log-odds are 1.4 x0.

    Signal events with x1 > 0 are negative with the probability ``negative``, and as many more, so that the net densities
    stay those of the Gaussians.
    """
    return _two_gaussians


@pytest.fixture(params=["hist_gradient_boosting", "lightgbm", "xgboost"])
def kind(request):
    if request.param == "lightgbm":
        pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    return request.param


@pytest.fixture(scope="session")
def events():
    """2000 events with missing values and weights of both signs and many sizes."""
    X, y, w = _two_gaussians(1000, seed=5, negative=0.2)
    rng = np.random.default_rng(6)
    X[rng.random(X.shape) < 0.1] = np.nan
    X.flags.writeable = False
    return SimpleNamespace(X=X, y=y, w=w * rng.gamma(4.0, 0.25, y.size))
