"""Linear and rank correlations: closed forms, scipy, brute force with signed weights, invariants, coverage."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr

from hepml.errors import EmptyClassError, InvalidInputError, WeightError
from hepml.evaluation import correlations

COVARIANCE = np.array([[1.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 1.0]])


def gaussian(rng, n, covariance=COVARIANCE):
    return rng.normal(size=(n, len(covariance))) @ np.linalg.cholesky(covariance).T


def signed(rng, n=150):
    """Signed weights, ties and missing values."""
    X = gaussian(rng, n)
    X[:, 1] = np.rint(2 * X[:, 1])
    X[rng.random(n) < 0.2, 2] = np.nan
    return X, np.where(rng.random(n) < 0.1, -1, 1) * rng.uniform(0.5, 2, n)


def by_definition(x, y, weight, *, ranks):
    both = np.isfinite(x) & np.isfinite(y)
    x, y, weight = x[both], y[both], weight[both]
    if ranks:
        x, y = (
            np.array([weight[v < here].sum() + 0.5 * weight[v == here].sum() for here in v]) / weight.sum()
            for v in (x, y)
        )
    x, y = (v - np.average(v, weights=weight) for v in (x, y))
    return (weight * x * y).sum() / np.sqrt((weight * x * x).sum() * (weight * y * y).sum())


@given(st.integers(0, 2**32 - 1))
def test_signed_weights_ties_and_missing_values_agree_with_the_definition(seed):
    X, weight = signed(np.random.default_rng(seed))
    found = correlations(X, weight)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert found.linear[i, j] == pytest.approx(by_definition(X[:, i], X[:, j], weight, ranks=False), abs=1e-10)
        assert found.rank[i, j] == pytest.approx(by_definition(X[:, i], X[:, j], weight, ranks=True), abs=1e-10)
        assert found.n_events[i, j] == np.isfinite(X[:, [i, j]]).all(axis=1).sum()
    for matrix in (found.linear, found.rank):
        np.testing.assert_array_equal(matrix, matrix.T)
        np.testing.assert_array_equal(np.diagonal(matrix), 1)


def test_unit_weights_agree_with_scipy():
    rng = np.random.default_rng(1)
    X, _ = signed(rng)
    found = correlations(X)
    both = np.isfinite(X[:, 2])
    assert found.linear[0, 1] == pytest.approx(pearsonr(X[:, 0], X[:, 1]).statistic, abs=1e-12)
    assert found.rank[0, 1] == pytest.approx(spearmanr(X[:, 0], X[:, 1]).statistic, abs=1e-12)
    assert found.rank[1, 2] == pytest.approx(spearmanr(X[both, 1], X[both, 2]).statistic, abs=1e-12)


def test_a_known_covariance_is_found():
    """Of ranks 6/pi asin(rho/2), errors of the linear coefficient (1 - rho^2)/sqrt(n)."""
    n = 40_000
    found = correlations(gaussian(np.random.default_rng(2), n))
    off = ~np.eye(3, dtype=bool)
    assert (np.abs(found.linear - COVARIANCE) <= 4 * found.linear_error).all()
    assert (np.abs(found.rank - 6 / np.pi * np.arcsin(COVARIANCE / 2))[off] <= 4 * found.rank_error[off]).all()
    np.testing.assert_allclose(found.linear_error[off], ((1 - COVARIANCE**2) / np.sqrt(n))[off], rtol=0.03)


def test_errors_are_those_of_a_change_of_each_weight():
    """sigma^2 = sum (w_i dr/dw_i)^2, by finite differences."""
    X, weight = signed(np.random.default_rng(3), 100)
    found = correlations(X, weight)
    for kind in ("linear", "rank"):
        squares = np.zeros((3, 3))
        for row in range(weight.size):
            changed = weight.copy()
            changed[row] *= 1 + 1e-6
            squares += ((getattr(correlations(X, changed), kind) - getattr(found, kind)) / 1e-6) ** 2
        np.testing.assert_allclose(getattr(found, f"{kind}_error"), np.sqrt(squares), rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("negative", [0.0, 0.2])
def test_errors_cover(negative):
    """Negative events of the same Gaussian leave it as it is; 68.3% of 300 toys scatter by 2.7%."""
    rng = np.random.default_rng(4)
    truth = {"linear": 0.6, "rank": 6 / np.pi * np.arcsin(0.3)}
    inside = dict.fromkeys(truth, 0)
    for _ in range(300):
        found = correlations(gaussian(rng, 500, COVARIANCE[:2, :2]), np.where(rng.random(500) < negative, -1.0, 1.0))
        for kind, value in truth.items():
            inside[kind] += abs(getattr(found, kind)[0, 1] - value) < getattr(found, f"{kind}_error")[0, 1]
    for count in inside.values():
        assert count / 300 == pytest.approx(0.683, abs=0.085)


@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(1e-6, 1e6))
def test_scale_and_order_change_nothing(seed, scale):
    rng = np.random.default_rng(seed)
    X, weight = signed(rng)
    found = correlations(X, weight)
    order = rng.permutation(weight.size)
    other = correlations(X[order], scale * weight[order])
    for name in found.__dataclass_fields__:
        np.testing.assert_allclose(getattr(other, name), getattr(found, name), rtol=1e-6, atol=1e-9)


def test_ranks_do_not_know_a_monotone_transformation():
    X, weight = signed(np.random.default_rng(5))
    transformed = np.column_stack([np.exp(X[:, 0]), X[:, 1] ** 3, -X[:, 2]])
    found, other = correlations(X, weight), correlations(transformed, weight)
    flip = np.array([[1, 1, -1], [1, 1, -1], [-1, -1, 1]])
    np.testing.assert_allclose(other.rank * flip, found.rank, atol=1e-12)
    np.testing.assert_allclose(other.rank_error, found.rank_error, atol=1e-12)


def test_rows_of_one_event_are_one_event():
    X, weight = signed(np.random.default_rng(6))
    once = correlations(X, weight)
    copies = correlations(np.repeat(X, 3, axis=0), np.repeat(weight, 3), event=np.repeat(np.arange(weight.size), 3))
    for name in ("linear", "linear_error", "rank", "rank_error"):
        np.testing.assert_allclose(getattr(copies, name), getattr(once, name), atol=1e-10)


def test_an_offset_costs_no_digits():
    X = gaussian(np.random.default_rng(7), 300)
    np.testing.assert_allclose(correlations(X + 1e9).linear, correlations(X).linear, atol=1e-6)


def test_infinities_are_left_out_as_missing():
    X = np.array([[1.0, 2], [2, 1], [3, 5], [np.inf, 0], [np.nan, 9]])
    found = correlations(X)
    np.testing.assert_allclose(found.linear, correlations(X[:3]).linear)
    np.testing.assert_array_equal(found.n_events, [[3, 3], [3, 5]])


def test_what_is_not_computable_is_none_and_json_is_strict():
    rng = np.random.default_rng(8)
    X = np.column_stack([rng.normal(size=50), np.full(50, 7.0), np.full(50, np.nan)])
    found = correlations(X).to_dict()
    assert found["linear"] == found["rank"] == [[1.0, None, None], [None] * 3, [None] * 3]
    json.dumps(found, allow_nan=False)
    # the outer events are negative, and so is the variance
    negative = correlations([[-9, 1], [0, 2], [0.5, 1], [9, 0]], [-1, 2, 2, -1])
    assert np.isnan(negative.linear[0]).all()


def test_huge_values_do_not_overflow():
    X = gaussian(np.random.default_rng(8), 50)
    np.testing.assert_allclose(correlations(X * [1e200, 1, 1e-200]).linear, correlations(X).linear)
    beyond = correlations(np.column_stack([X[:, 0], np.resize([-1.7e308, 1.7e308, 0.0], 50)]))
    assert np.isnan(beyond.linear[0, 1])
    assert np.isfinite(beyond.rank[0, 1])


def test_bad_input_is_one_clear_error():
    with pytest.raises(InvalidInputError, match=r"X has shape \(2,\)"):
        correlations([1, 2])
    with pytest.raises(EmptyClassError, match="2 rows sum to 0"):
        correlations([[1], [2]], [1, -1])
    with pytest.raises(WeightError, match="1 NaN"):
        correlations([[1], [2]], [1, np.nan])
