"""Planing: both classes have one distribution afterwards, sums and signs are kept."""

from __future__ import annotations

import numpy as np
import pytest

from hepml.classifiers.planing import planed_weights
from hepml.classifiers.spectator_bins import quantile_bins
from hepml.errors import EmptyClassError, InvalidInputError


def _events(n: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    target = (rng.random(n) < 0.4).astype(np.intp)
    mass = np.where(target == 1, rng.normal(125.0, 10.0, n), rng.exponential(80.0, n))
    weight = rng.uniform(0.5, 2.0, n) * np.where(rng.random(n) < 0.05, -1.0, 1.0)
    return mass, target, weight


def test_all_classes_have_the_same_distribution() -> None:
    mass, target, weight = _events()
    planed = planed_weights({"m": mass}, target, weight, n_bins=10)
    bins = quantile_bins({"m": mass}, 10)
    shares = [np.bincount(bins[target == one], planed[target == one]) / planed[target == one].sum() for one in (0, 1)]
    assert shares[0] == pytest.approx(shares[1], abs=1e-12)
    for one in (0, 1):
        assert planed[target == one].sum() == pytest.approx(weight[target == one].sum())
    used = planed != 0.0
    assert (np.sign(planed[used]) == np.sign(weight[used])).all()


def test_equal_distributions_are_left_as_they_are() -> None:
    mass, _, weight = _events(500)
    twice = np.concatenate([mass, mass]), np.repeat([0, 1], 500), np.concatenate([weight, 3.0 * weight])
    assert planed_weights({"m": twice[0]}, twice[1], twice[2], n_bins=8) == pytest.approx(twice[2])


def test_a_bin_without_a_class_is_not_used() -> None:
    mass = np.array([1.0, 1.0, 2.0, 2.0, 3.0, 3.0])
    planed = planed_weights({"m": mass}, np.array([0, 1, 0, 1, 0, 0]), np.ones(6), n_bins=3)
    assert planed == pytest.approx([2.0, 1.0, 2.0, 1.0, 0.0, 0.0])


def test_several_variables_and_missing_values() -> None:
    values = {"a": np.array([0.0, 1.0, 2.0, np.nan]), "b": np.array([0.0, 1.0, 2.0, 1.0])}
    assert len(set(quantile_bins(values, 2).tolist())) == 3
    with pytest.raises(InvalidInputError, match="'b' is infinite for 1 events"):
        quantile_bins({"a": values["a"], "b": np.array([0.0, np.inf, 0.0, 0.0])}, 2)


def test_what_cannot_be_planed_is_said() -> None:
    mass, target = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 0, 1, 1])
    with pytest.raises(EmptyClassError, match="planing in m: no bin holds events of all classes"):
        planed_weights({"m": mass}, target, np.ones(4), n_bins=4)
    with pytest.raises(EmptyClassError, match="less than zero in 1 of 4 bins"):
        planed_weights({"m": mass}, target, np.array([1.0, -1.0, 1.0, 1.0]), n_bins=4)
