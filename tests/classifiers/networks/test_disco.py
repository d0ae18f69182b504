"""DisCo: the number that the evaluation gives, its gradient, and no bias in small batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hepml.classifiers.networks.distance_correlation import distance_correlation
from hepml.evaluation import distance_correlation as evaluated


def _batch(n: int, seed: int = 3, slope: float = 0.5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n)
    x = slope * y + rng.normal(size=n)
    weight = rng.uniform(0.5, 1.5, size=n) * np.where(rng.random(n) < 0.15, -1.0, 1.0)
    return torch.from_numpy(x), torch.from_numpy(y), torch.from_numpy(weight)


@pytest.mark.parametrize("slope", [0.0, 0.5, 3.0])
def test_it_is_the_number_of_the_evaluation(slope: float) -> None:
    x, y, weight = _batch(300, slope=slope)
    expected = evaluated(x.numpy(), y.numpy(), weight.numpy()).value
    assert float(distance_correlation(x, y, weight)) == pytest.approx(expected, abs=1e-12)


def test_its_gradient_is_its_slope() -> None:
    x, y, weight = _batch(40)
    x.requires_grad_(requires_grad=True)
    assert torch.autograd.gradcheck(lambda values: distance_correlation(values, y, weight), x)


def test_small_batches_of_independent_quantities_have_no_bias() -> None:
    found = []
    for seed in range(400):
        x, y, weight = _batch(32, seed=seed, slope=0.0)
        found.append(float(distance_correlation(x, y, torch.abs(weight))))
    mean, error = np.mean(found), np.std(found) / np.sqrt(len(found))
    # the uncorrected estimate is about 0.1 for 32 events
    assert abs(mean) < 4 * error < 0.02


def test_a_batch_that_says_nothing_costs_nothing() -> None:
    x, y, weight = _batch(40)
    x.requires_grad_(requires_grad=True)
    for value in (
        distance_correlation(x[:3], y[:3], weight[:3]),
        distance_correlation(x, y, -torch.abs(weight)),
        distance_correlation(x, torch.ones_like(y), weight),
        distance_correlation(x * 0.0, y, weight),
    ):
        (gradient,) = torch.autograd.grad(value, x)
        assert float(value.detach()) == 0.0
        assert (gradient == 0.0).all()
