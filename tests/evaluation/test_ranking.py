"""The order of events by a value: that of numpy's stable sort, and views where nothing is to be sorted."""

from __future__ import annotations

import numpy as np
import pytest

from hepml.evaluation.ranking import Ranking, ascending_order


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0, 1, 500, 70_000])
def test_order_is_that_of_a_stable_sort(dtype, size):
    """Ties, zeros of both signs, numbers of all magnitudes and infinities, below and above the size of the radix sort."""
    rng = np.random.default_rng(size)
    values = (rng.normal(size=size).round(2) * 10.0 ** rng.choice([-30, 0, 0, 30], size)).astype(dtype)
    values[::50] = rng.choice([-0.0, 0.0, np.inf, -np.inf, 1e-42], values[::50].size)
    np.testing.assert_array_equal(ascending_order(values), np.argsort(values, kind="stable"))


def test_what_is_in_order_is_not_moved():
    rows = np.arange(70_000)
    ranking = Ranking(rows // 3 * 0.5)
    assert ranking.ascending(rows) is rows
    assert np.shares_memory(ranking.descending(rows), rows)
    np.testing.assert_array_equal(ranking.of_descending(ranking.descending(rows)), rows)


@pytest.mark.parametrize("size", [300, 70_000])
def test_there_and_back(size):
    rng = np.random.default_rng(2)
    values, rows = rng.normal(size=size), np.arange(size)
    ranking = Ranking(values)
    assert (np.diff(ranking.descending(values)) <= 0).all()
    np.testing.assert_array_equal(ranking.of_descending(ranking.descending(rows)), rows)
