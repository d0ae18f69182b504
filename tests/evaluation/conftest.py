"""Events whose net density is a unit Gaussian, with or without negative weights: the closed-form oracle of this room."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="session")
def draw():
    """Give the function that draws labels, scores and signed weights of two Gaussian classes."""
    return _draw


def _draw_class(rng, n, mean, negative):
    """Scores and weights of one class; ``negative`` is a, the share of negative density g beside the Gaussian f.

    Positive events follow (f + a g) / (1 + a), negative ones g, so that the net density is f.
    """
    if negative == 0:
        return rng.normal(mean, 1, n), np.ones(n)
    n_positive = rng.binomial(n, (1 + negative) / (1 + 2 * negative))
    from_gaussian = rng.random(n_positive) < 1 / (1 + negative)
    positive = np.where(from_gaussian, rng.normal(mean, 1, n_positive), rng.normal(mean - 0.5, 1.5, n_positive))
    removed = rng.normal(mean - 0.5, 1.5, n - n_positive)
    return np.concatenate([positive, removed]), np.concatenate([np.ones(n_positive), -np.ones(n - n_positive)])


def _draw(rng, n, distance, negative=0.0):
    """Labels, scores and weights of n signal and n background events, ``distance`` standard deviations apart."""
    signal, signal_weight = _draw_class(rng, n, distance, negative)
    background, background_weight = _draw_class(rng, n, 0.0, negative)
    label = np.repeat([True, False], [signal.size, background.size])
    return label, np.concatenate([signal, background]), np.concatenate([signal_weight, background_weight])
