"""Bands of the ROC curve: pointwise from the errors, simultaneous by their coverage."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import norm

from hepml.errors import InvalidInputError
from hepml.evaluation import roc_curve, simultaneous_band

N_TOYS = 200


def test_pointwise_band_is_the_errors_of_the_working_points(draw):
    curve = roc_curve(*draw(np.random.default_rng(1), 3000, 1.0, 0.25))
    band = curve.band(0.95)
    assert (band.kind, band.level) == ("pointwise", 0.95)
    assert band.factor == pytest.approx(1.959964)
    for place in (0, 40, -1):
        point = curve.at_signal_efficiency(band.signal_efficiency[place] - 1e-9)
        assert band.background_efficiency[place] == point.background_efficiency
        assert band.error[place] == pytest.approx(point.background_efficiency_error, rel=0.07)
    np.testing.assert_allclose(band.upper - band.lower, 2 * band.factor * band.error)
    assert curve.band().factor == pytest.approx(1, abs=1e-3)


def test_points_without_an_error_are_left_out(draw):
    curve = roc_curve(*draw(np.random.default_rng(2), 200, 2.0))
    band = curve.band()
    assert 10 < band.error.size < 80
    assert np.isfinite(band.error).all()
    few = simultaneous_band([0, 0, 1, 1], [1, 2, 3, 4])
    assert few.error.size == 0
    assert json.loads(json.dumps(few.to_dict(), allow_nan=False))["upper"] == []


@pytest.mark.parametrize("negative", [0.0, 0.25], ids=["positive", "signed"])
def test_the_whole_curve_lies_within_the_simultaneous_band(draw, negative):
    rng, distance, level = np.random.default_rng(20240501), 1.0, 0.8
    inside = {"simultaneous": 0, "pointwise": 0}
    for toy in range(N_TOYS):
        label, score, weight = draw(rng, 1000, distance, negative)
        for band in (
            simultaneous_band(label, score, weight, level=level, seed=toy),
            roc_curve(label, score, weight).band(level),
        ):
            truth = norm.sf(norm.isf(band.signal_efficiency) + distance)
            inside[band.kind] += bool(((truth > band.lower) & (truth < band.upper)).all())
    # 200 toys scatter by 2.8%
    assert abs(inside["simultaneous"] / N_TOYS - level) < 0.09
    assert inside["pointwise"] / N_TOYS < 0.3


def test_clusters_of_one_row_are_independent_rows(draw):
    label, score, weight = draw(np.random.default_rng(3), 500, 1.0, 0.25)
    twice = [np.concatenate([column, column]) for column in (label, score, 0.5 * weight)]
    single = simultaneous_band(label, score, weight, level=0.95)
    clustered = simultaneous_band(*twice, event=np.tile(np.arange(label.size), 2), level=0.95)
    # quantiles of 2000 draws
    assert clustered.factor == pytest.approx(single.factor, rel=0.07)
    # the slope is taken over a window that follows the number of rows
    np.testing.assert_allclose(clustered.error, single.error, rtol=0.1)


def test_seed_decides(draw):
    sample = draw(np.random.default_rng(4), 500, 1.0)
    one, same, other = (simultaneous_band(*sample, seed=seed) for seed in (1, np.random.SeedSequence(1), 2))
    assert one.to_dict() == same.to_dict()
    assert one.factor != other.factor


@pytest.mark.parametrize("level", [0, 1, 95, float("nan")])
def test_a_level_is_a_probability(level):
    with pytest.raises(InvalidInputError, match="above 0 and below 1"):
        roc_curve([0, 1], [0.1, 0.2]).band(level)
    with pytest.raises(InvalidInputError, match="above 0 and below 1"):
        simultaneous_band([0, 1], [0.1, 0.2], level=level)
