"""Deviations of a regression against closed forms, signed weights against unweighted events, and log-loss of classes."""

from __future__ import annotations

import numpy as np
import pytest

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation import class_histograms, class_log_loss, regression_profile, regression_quality

# the error of what is truncated is that at fixed limits, and smaller
WITH_ERROR = ("bias", "rms", "quadratic_deviation", "mae", "resolution", "correlation", "slope")


def gaussian(n: int, seed: int, bias: float = 0.5, sigma: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    target = rng.normal(50.0, 10.0, n)
    return target, target + bias + rng.normal(0.0, sigma, n)


def test_gaussian_deviations_have_their_closed_forms() -> None:
    found = regression_quality(*gaussian(40_000, 1))
    truncated = 2.0 * np.sqrt(1 - 4.0 * np.exp(-2.0) / np.sqrt(2 * np.pi) / 0.954499736)
    expected = {
        "bias": 0.5,
        "rms": 2.0,
        "quadratic_deviation": np.sqrt(4.25),
        "truncated_rms": truncated,
        "resolution": 2.0,
        "correlation": 10 / np.sqrt(104),
        "slope": 1.0,
    }
    for name, value in expected.items():
        assert abs(getattr(found, name) - value) < 4 * getattr(found, f"{name}_error"), name
    assert found.bias_error == pytest.approx(2.0 / 200.0, rel=0.02)
    assert found.rms_error == pytest.approx(2.0 / np.sqrt(80_000), rel=0.05)
    assert found.truncated_share == pytest.approx(0.9545, abs=0.005)
    # that of two Gaussians, less what bins lose and more what few events add
    assert found.mutual_information == pytest.approx(-0.5 * np.log(1 - 100 / 104), abs=0.2)


def test_errors_are_the_scatter_of_samples() -> None:
    samples = [regression_quality(*gaussian(400, seed)) for seed in range(300)]
    for name in WITH_ERROR:
        scatter = np.std([getattr(one, name) for one in samples])
        mean = np.mean([getattr(one, f"{name}_error") for one in samples])
        assert mean == pytest.approx(scatter, rel=0.2), name


def test_a_negative_weight_takes_an_event_away() -> None:
    target, estimate = gaussian(500, 3)
    other, wrong = gaussian(200, 4, bias=5.0)
    weight = np.concatenate([np.ones(700), -np.ones(200)])
    signed = regression_quality(
        np.concatenate([target, other, other]), np.concatenate([estimate, wrong, wrong]), weight
    )
    plain = regression_quality(target, estimate)
    for name in ("bias", "rms", "mae", "correlation", "slope"):
        assert getattr(signed, name) == pytest.approx(getattr(plain, name), rel=1e-9), name
        assert getattr(signed, f"{name}_error") > getattr(plain, f"{name}_error")


def test_rows_of_one_event_are_one() -> None:
    target, estimate = gaussian(300, 5)
    once = regression_quality(target, estimate)
    twice = regression_quality(np.tile(target, 2), np.tile(estimate, 2), event=np.tile(np.arange(300), 2))
    for name in ("bias", "rms", "mae", "correlation", "slope"):
        assert getattr(twice, f"{name}_error") == pytest.approx(getattr(once, f"{name}_error"))


def test_bins_of_the_target_tell_of_shrinkage() -> None:
    target, _ = gaussian(5000, 6)
    found = regression_profile(target, 50 + 0.8 * (target - 50), n_bins=5)
    np.testing.assert_allclose(found.bias, -0.2 * (found.target - 50), atol=1e-9)
    assert len(found.to_dict()["resolution"]) == 5
    assert regression_profile([1.0, 1.0], [2.0, 2.0]).bias.tolist() == [1.0]


def test_what_is_no_regression() -> None:
    with pytest.raises(InvalidInputError, match="estimate is NaN or infinite in 1 of 2"):
        regression_quality([1.0, 2.0], [1.0, np.nan])
    with pytest.raises(InvalidInputError, match="shape"):
        regression_quality([1.0, 2.0], [1.0])
    with pytest.raises(EmptyClassError, match="sum to -1"):
        regression_quality([1.0, 2.0], [1.0, 2.0], [1.0, -2.0])
    assert regression_quality([1.0, 1.0], [2.0, 3.0]).to_dict()["correlation"] is None


def test_log_loss_counts_all_classes_alike() -> None:
    rng = np.random.default_rng(7)
    label = np.repeat([0, 1, 2], [500, 50, 200])
    score = rng.dirichlet([2.0, 2.0, 2.0], label.size)
    found = class_log_loss(label, score)
    loss = -np.log(score[np.arange(label.size), label])
    means = [loss[label == k].mean() for k in range(3)]
    np.testing.assert_allclose(found.by_class, means)
    assert found.value == pytest.approx(np.mean(means))
    errors = [loss[label == k].std() / np.sqrt((label == k).sum()) for k in range(3)]
    np.testing.assert_allclose(found.by_class_error, errors)
    assert found.error == pytest.approx(np.sqrt(np.square(errors).sum()) / 3)
    scaled = class_log_loss(label, score, np.where(label == 0, 7.0, 0.5))
    assert scaled.value == pytest.approx(found.value)
    with pytest.raises(InvalidInputError, match="between 0 and 1"):
        class_log_loss([0, 1], [[1.5, -0.5], [0.5, 0.5]])
    with pytest.raises(EmptyClassError, match="class 2"):
        class_log_loss([0, 1], [[0.2, 0.3, 0.5], [0.2, 0.3, 0.5]])


def test_histograms_of_classes_share_their_bins() -> None:
    found = class_histograms([0.1, 0.9, 0.9, 0.4], [0, 1, 1, 2], ["a", "b", "c"], [1, 2, -1, 3], edges=[0, 0.5, 1])
    assert [one.sum_w.tolist() for one in found.histograms.values()] == [[1, 0], [0, 1], [3, 0]]
