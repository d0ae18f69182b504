"""Purity and efficiency against the cut: counted by hand, errors by toys, invariants."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from hepml.errors import InvalidInputError
from hepml.evaluation import purity_scan, roc_curve


def test_small_sample_is_counted():
    curve = roc_curve([0, 0, 0, 1, 1], [0.0, 0.25, 0.5, 0.5, 1.0], [1, 2, 1, 3, 1])
    scan = purity_scan(curve, signal_yield=8, background_yield=4, n_points=5)
    assert scan.thresholds.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert scan.signal_efficiency.tolist() == [1, 1, 1, 0.25, 0.25]
    assert scan.background_efficiency.tolist() == [1, 0.75, 0.25, 0, 0]
    assert scan.purity == pytest.approx([8 / 12, 8 / 11, 8 / 9, 1, 1])
    assert scan.efficiency_times_purity == pytest.approx([8 / 12, 8 / 11, 8 / 9, 0.25, 0.25])
    # that no background is left says nothing of how little there is
    assert np.isnan(scan.purity_error[3:]).all()
    assert json.loads(json.dumps(scan.to_dict()))["purity_error"][3:] == [None, None]


@given(seed=st.integers(0, 2**32 - 1), n_points=st.integers(2, 30))
def test_every_point_is_the_cut_that_it_says(seed, n_points):
    rng = np.random.default_rng(seed)
    label = np.append([True, False], rng.random(60) < 0.5)
    score = rng.integers(0, 12, label.size) / 8
    weight = np.append([2.0, 2.0], np.where(rng.random(60) < 0.2, -0.5, 1.0))
    scan = purity_scan(roc_curve(label, score, weight), n_points=n_points)
    sums = {True: weight[label].sum(), False: weight[~label].sum()}
    for number, cut in enumerate(scan.thresholds):
        s, b = (weight[(label == name) & (score >= cut)].sum() for name in (True, False))
        assert scan.signal_efficiency[number] == pytest.approx(s / sums[True], abs=1e-12)
        assert scan.background_efficiency[number] == pytest.approx(b / sums[False], abs=1e-12)
        if s + b > 1e-6:
            assert scan.purity[number] == pytest.approx(s / (s + b), abs=1e-9)


def test_default_yields_are_the_sums_of_weights():
    curve = roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], [1, 2, 3, 4])
    assert (purity_scan(curve).signal_yield, purity_scan(curve).background_yield) == (7, 3)


@pytest.mark.parametrize("negative", [0.0, 0.25])
def test_errors_cover_two_gaussians(draw, negative):
    rng = np.random.default_rng(3)
    pulls = []
    for _ in range(300):
        curve = roc_curve(*draw(rng, 1500, 1.5, negative))
        scan = purity_scan(curve, signal_yield=10, background_yield=50, n_points=60)
        at = int(np.argmin(np.abs(scan.thresholds - 1.0)))
        s, b = 10 * norm.sf(scan.thresholds[at] - 1.5), 50 * norm.sf(scan.thresholds[at])
        truth = s / (s + b)
        pulls.append(
            [
                (scan.purity[at] - truth) / scan.purity_error[at],
                (scan.efficiency_times_purity[at] - truth * s / 10) / scan.efficiency_times_purity_error[at],
            ]
        )
    assert np.mean(np.abs(pulls) < 1, axis=0) == pytest.approx([0.683, 0.683], abs=0.08)
    assert np.std(pulls, axis=0) == pytest.approx([1, 1], abs=0.13)


def test_rows_of_one_event_are_clustered():
    """An event with a signal and a background row moves both alike: repeating all rows changes no error."""
    rng = np.random.default_rng(0)
    label, score = rng.random(500) < 0.5, rng.random(500)
    once = purity_scan(roc_curve(label, score, event=np.arange(500)))
    twice = purity_scan(roc_curve(np.tile(label, 2), np.tile(score, 2), event=np.tile(np.arange(500), 2)))
    assert twice.purity_error == pytest.approx(once.purity_error, nan_ok=True)


@pytest.mark.parametrize("wrong", [{"signal_yield": 0}, {"background_yield": np.nan}, {"n_points": 1}])
def test_yields_must_be_positive(wrong):
    with pytest.raises(InvalidInputError, match="positive and finite"):
        purity_scan(roc_curve([0, 1], [0, 1]), **wrong)


def test_equal_scores_give_one_cut():
    scan = purity_scan(roc_curve([0, 1], [0.5, 0.5]), n_points=2)
    assert scan.thresholds.tolist() == [0.5, 0.5]
    assert scan.purity.tolist() == [0.5, 0.5]
