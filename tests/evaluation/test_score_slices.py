"""Shapes in slices of the score: everything is in one slice, boundaries are those asked for."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation import fill_histogram, score_slices


@given(seed=st.integers(0, 2**32 - 1))
def test_slices_are_those_of_their_boundaries(seed):
    rng = np.random.default_rng(seed)
    score, values = np.round(rng.random(300), 2), rng.normal(size=300)
    weight = np.where(rng.random(300) < 0.1, -1.0, 1.0)
    event = rng.integers(0, 200, 300)
    found = score_slices(score, values, weight, event=event, efficiencies=[0.6, 0.2])
    for number, histogram in enumerate(found.histograms):
        here = (score >= found.boundaries[number]) & (score < found.boundaries[number + 1])
        expected = fill_histogram(values[here], histogram.edges, weight[here], event=event[here])
        assert histogram.sum_w == pytest.approx(expected.sum_w)
        assert histogram.sum_w2 == pytest.approx(expected.sum_w2)
        above = weight[score >= found.boundaries[number]].sum() / weight.sum()
        assert found.efficiencies[number] == pytest.approx(above)
    assert sum(histogram.total for histogram in found.histograms) == pytest.approx(weight.sum())
    assert len({tuple(histogram.edges) for histogram in found.histograms}) == 1


def test_efficiencies_are_reached():
    rng = np.random.default_rng(1)
    found = score_slices(rng.random(10_000), rng.random(10_000), efficiencies=[0.5, 0.1, 0.01])
    assert found.efficiencies == pytest.approx([1, 0.5, 0.1, 0.01, 0], abs=1e-4)
    json.dumps(found.to_dict(), allow_nan=False)


def test_slices_that_fall_together_are_one():
    found = score_slices([0, 0, 0, 1], [1.0, 2.0, 3.0, 4.0], efficiencies=[0.5, 0.2, 0.1])
    assert found.boundaries.tolist() == [-np.inf, 1, np.inf]
    assert score_slices([0.5] * 4, [1.0, 2.0, 3.0, 4.0]).boundaries.tolist() == [-np.inf, np.inf]


def test_whole_numbers_have_a_bin_each_and_missing_values_are_counted():
    found = score_slices(np.arange(8), [0, 1, 2, 3, 0, 1, np.nan, 3], efficiencies=[0.5])
    assert found.histograms[0].edges.tolist() == [-0.5, 0.5, 1.5, 2.5, 3.5]
    assert [histogram.n_missing for histogram in found.histograms] == [0, 1]
    assert score_slices([0, 1], [7.5, 7.5]).histograms[0].edges[[0, -1]].tolist() == [7.0, 8.0]


def test_what_is_wrong_is_said():
    for wrong in ([0.2, 0.5], [1.0], [0.0], [[0.5]]):
        with pytest.raises(InvalidInputError, match="must decrease"):
            score_slices([0.1, 0.2], [1.0, 2.0], efficiencies=wrong)
    with pytest.raises(EmptyClassError, match="0 of 2 events have a value"):
        score_slices([0.1, 0.2], [np.nan, np.nan])
    with pytest.raises(EmptyClassError, match="sum to 0"):
        score_slices([0.1, 0.2], [1.0, 2.0], [1.0, -1.0])
