"""Importance of features: closed-form losses of area, errors that cover, streams of their own, groups, contributions."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from hepml.errors import EmptyClassError, InvalidInputError, UnknownNameError
from hepml.evaluation import (
    auc_losses,
    contribution_summary,
    correlations,
    feature_groups,
    permutation_importance,
    roc_curve,
)

NAMES = ["x", "z"]


def linear(weights):
    def score(X):
        return X @ np.asarray(weights)

    return score


def two_gaussians(rng, n, mean):
    """Labels and two features of unit variance, ``mean`` apart in each; n events a class."""
    y = np.repeat([True, False], n)
    return y, rng.normal(size=(2 * n, 2)) + np.outer(y, mean)


def lost_area(slope, mean):
    """Loss of the area of ``x + slope z`` if x is exchanged between all events of two classes of equal size."""
    scale = np.sqrt(2 * (1 + slope**2))
    # each of two exchanged values comes from either class
    shifts = np.array([mean[0], 0.0, 0.0, -mean[0]]) + slope * mean[1]
    return norm.cdf((mean[0] + slope * mean[1]) / scale) - norm.cdf(shifts / scale).mean()


@pytest.mark.parametrize(("n_repeats", "slope", "mean"), [(1, 0.7, (1.0, 0.8)), (5, 2.0, (0.3, 0.5)), (20, 1, (0, 1))])
def test_the_loss_is_that_of_two_gaussians_and_its_error_covers(n_repeats, slope, mean):
    rng = np.random.default_rng(1)
    pulls = []
    for toy in range(300):
        y, X = two_gaussians(rng, 300, mean)
        found = permutation_importance(linear([1, slope]), X, y, names=NAMES, n_repeats=n_repeats, seed=toy)
        pulls.append((found.value[0] - lost_area(slope, mean)) / found.error[0])
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.683, abs=0.08)
    assert np.mean(pulls) == pytest.approx(0, abs=0.2)
    assert np.std(pulls) == pytest.approx(1, abs=0.13)


def test_the_error_covers_with_several_rows_an_event_and_negative_weights():
    """Events of two equal rows, a tenth of them of negative weight: as independent rows the error would be too small."""
    rng = np.random.default_rng(2)
    pulls, single = [], []
    for toy in range(300):
        y, X = two_gaussians(rng, 400, (1.0, 0.8))
        weight = np.where(rng.random(len(y)) < 0.1, -1.0, 1.0)
        twice = np.repeat(np.arange(len(y)), 2)
        arguments = {"names": NAMES, "n_repeats": 3, "seed": toy}
        found = permutation_importance(linear([1, 0.7]), X[twice], y[twice], weight[twice], event=twice, **arguments)
        pulls.append((found.value[0] - lost_area(0.7, (1.0, 0.8))) / found.error[0])
        alone = permutation_importance(linear([1, 0.7]), X, y, weight, **arguments)
        single.append((found.value[0] - alone.value[0], found.error[0] / alone.error[0]))
    # an event of two equal rows is an event of twice the weight
    np.testing.assert_allclose(single, [[0.0, 1.0]] * 300, atol=1e-12)
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.683, abs=0.08)


def test_a_redundant_pair_hides_alone_and_shows_as_a_group():
    rng = np.random.default_rng(3)
    y, X = two_gaussians(rng, 3000, (1.5, 0.0))
    # two copies, and an average of both as score
    X = np.column_stack([X[:, 0], X[:, 0] + 0.01 * rng.normal(size=len(X)), X[:, 1]])
    names = ["x", "copy", "noise"]
    groups = feature_groups([correlations(X[y]), correlations(X[~y])], names)
    assert groups == (("x", "copy"),)
    found = permutation_importance(linear([0.5, 0.5, 0.0]), X, y, names=names, groups=groups)
    assert found.names == ("x", "copy", "noise", "x + copy")
    x, copy, noise, both = found.value
    assert both == pytest.approx(found.facts["auc"] - 0.5, abs=4 * found.error[3])
    assert max(x, copy) < 0.6 * both
    assert (noise, found.error[2], found.spread[2]) == (0.0, 0.0, 0.0)
    assert found.ranked()[-1] == "noise"
    assert len(found.ranked()) == 3
    assert found.to_dict()["features"][3]["members"] == ["x", "copy"]
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_feature_more_changes_no_other_result_and_the_matrix_is_left_as_it_was():
    rng = np.random.default_rng(4)
    y, X = two_gaussians(rng, 200, (1.0, 0.5))
    X = np.asfortranarray(X, dtype=np.float32)
    before = X.copy()
    found = permutation_importance(linear([1, 1]), X, y, names=NAMES, seed=9)
    wider = np.column_stack([rng.normal(size=len(X)), X])
    other = permutation_importance(linear([0, 1, 1]), wider, y, names=["new", *NAMES], seed=9)
    np.testing.assert_allclose(other.value[1:], found.value, rtol=1e-12)
    np.testing.assert_array_equal(X, before)

    def fails(matrix):
        if not np.array_equal(matrix, before):
            raise ArithmeticError
        return matrix[:, 0]

    with pytest.raises(ArithmeticError):
        permutation_importance(fails, X, y, names=NAMES)
    np.testing.assert_array_equal(X, before)
    X.flags.writeable = False
    again = permutation_importance(linear([1, 1]), X, y, names=NAMES, seed=9)
    np.testing.assert_array_equal(again.value, found.value)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(1, 4))
def test_events_are_exchanged_whole(seed, n_events, largest):
    """A feature that is the number of the event and one that is the place in it: events of equal size swap all rows."""
    rng = np.random.default_rng(seed)
    event = np.repeat(np.arange(n_events), rng.integers(1, largest + 1, n_events))
    event = event[rng.permutation(event.size)]
    place = np.array([np.count_nonzero(event[:i] == event[i]) for i in range(event.size)])
    sizes = np.bincount(event)
    seen = []
    y = np.arange(event.size) % 2
    found = permutation_importance(
        lambda X: seen.append(X.copy()) or X[:, 0],
        np.column_stack([event, place]).astype(float),
        y,
        names=["event", "place"],
        groups=[("event", "place")],
        event=event,
        n_repeats=1,
        seed=seed,
    )
    assert np.array_equal(seen[0], np.column_stack([event, place]))
    donors, places = seen[-1].astype(int).T
    np.testing.assert_array_equal(sizes[donors], sizes[event])
    np.testing.assert_array_equal(places, place)
    for number in range(n_events):
        assert len(set(donors[event == number])) == 1
    assert sorted(donors) == sorted(event)
    lonely = [size for size in set(sizes) if np.count_nonzero(sizes == size) == 1]
    assert found.facts["n_rows_not_moved"] == sum(lonely)
    assert found.facts["n_events"] == n_events


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(4, 60), st.booleans())
def test_losses_of_the_same_and_of_opposite_scores(seed, n, clustered):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2 == 0
    score = rng.integers(0, 6, n).astype(float)
    weight = rng.choice([-0.3, 1.0, 2.0], n, p=[0.1, 0.5, 0.4])
    event = rng.integers(0, max(n // 2, 1), n) if clustered else None
    if min(weight[y].sum(), weight[~y].sum()) <= 0:
        return
    curve = roc_curve(y, score, weight, event=event)
    # the same scores lose nothing, with an error of nothing; the opposite ones lose 2 A - 1
    found = auc_losses("any", y, score, [(["same"], [score]), (["turned"], [-score, -score])], weight, event=event)
    np.testing.assert_allclose(found.value, [0.0, 2 * curve.auc - 1], atol=1e-12)
    np.testing.assert_allclose(found.error, [0.0, 2 * curve.auc_error], atol=1e-12)
    assert np.isnan(found.spread[0])
    assert found.spread[1] == 0.0


def test_groups_join_whatever_is_linked_in_either_class():
    rng = np.random.default_rng(5)
    a, b, c, d = rng.normal(size=(4, 4000))
    signal = correlations(np.column_stack([a, a + 0.2 * b, c, d, np.ones(4000)]))
    background = correlations(np.column_stack([a, b, b**3, -d, np.ones(4000)]))
    names = ["a", "b", "c", "d", "constant"]
    assert feature_groups([signal, background], names) == (("a", "b", "c"),)
    assert feature_groups([signal], names) == (("a", "b"),)
    assert feature_groups([background], names, threshold=1.0) == (("b", "c"),)
    assert feature_groups([signal], ["a"]) == ()
    with pytest.raises(InvalidInputError, match="above 0 and at most 1"):
        feature_groups([signal], names, threshold=0.0)
    with pytest.raises(InvalidInputError, match="6 features"):
        feature_groups([signal], [*names, "more"])


def test_what_cannot_be_done_is_said():
    y, X = two_gaussians(np.random.default_rng(6), 20, (1, 1))
    with pytest.raises(InvalidInputError, match="a column for each of the 1 names"):
        permutation_importance(linear([1, 1]), X, y, names=["x"])
    with pytest.raises(InvalidInputError, match="at least 1"):
        permutation_importance(linear([1, 1]), X, y, names=NAMES, n_repeats=0)
    with pytest.raises(UnknownNameError, match="unknown feature 'zz'"):
        permutation_importance(linear([1, 1]), X, y, names=NAMES, groups=[("x", "zz")])
    with pytest.raises(EmptyClassError, match="no background event"):
        permutation_importance(linear([1, 1]), X[:20], y[:20], names=NAMES)
    with pytest.raises(InvalidInputError, match="NaN"):
        permutation_importance(lambda X: X[:, 0] * np.nan, X, y, names=NAMES)
    with pytest.raises(InvalidInputError, match="no scores without x, z"):
        auc_losses("drop_column", y, X[:, 0], [(NAMES, [])])
    with pytest.raises(InvalidInputError, match="2 names"):
        contribution_summary(X[:, :1], X, y, names=NAMES)
    with pytest.raises(InvalidInputError, match="1 contributions are NaN"):
        contribution_summary(np.where(np.arange(80).reshape(40, 2) == 3, np.nan, X), X, y, names=NAMES)


def test_constant_scores_are_worth_nothing():
    y, X = two_gaussians(np.random.default_rng(7), 20, (1, 1))
    found = permutation_importance(lambda X: np.zeros(len(X)), X, y, names=NAMES)
    assert found.facts["auc"] == 0.5
    assert not found.value.any()
    assert not found.error.any()


def test_mean_contributions_count_classes_alike_and_their_errors_cover():
    rng = np.random.default_rng(8)
    truth = 0.5 * (2.0 * np.sqrt(2 / np.pi) + 1.0 * np.sqrt(2 / np.pi))
    pulls = []
    for _ in range(300):
        y = np.arange(500) < 100
        phi = rng.normal(size=500) * np.where(y, 2.0, 1.0)
        # the net density is the Gaussian whatever the sizes: a sign at random
        weight = np.where(rng.random(500) < 0.15, -3.0, 3.0) * np.where(y, 1.0, 0.01)
        found = contribution_summary(phi[:, None], phi[:, None], y, weight, names=["x"]).importance
        pulls.append((found.value[0] - truth) / found.error[0])
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.683, abs=0.08)
    assert np.std(pulls) == pytest.approx(1, abs=0.15)
    once = contribution_summary(phi[:, None], phi[:, None], y, weight, names=["x"]).importance
    twice = np.repeat(np.arange(500), 2)
    again = contribution_summary(
        phi[twice][:, None], phi[twice][:, None], y[twice], weight[twice], names=["x"], event=twice
    ).importance
    assert (again.value[0], again.error[0]) == pytest.approx((once.value[0], once.error[0]))


@pytest.mark.parametrize("clustered", [False, True])
def test_profile_and_density_of_a_linear_contribution(clustered):
    rng = np.random.default_rng(9)
    n = 20_000
    y = np.arange(n) % 2 == 0
    X = np.column_stack([rng.integers(0, 5, n).astype(float), rng.normal(size=n)])
    noise = rng.normal(0, 0.1, n)
    phi = np.column_stack([X[:, 0] - 2 + noise, np.zeros(n)])
    X[:40, 1] = np.nan
    event = np.repeat(np.arange(n // 2), 2) if clustered else None
    found = contribution_summary(phi, X, y, names=NAMES, event=event)
    profile = found.profiles["x"]
    np.testing.assert_array_equal(profile.edges, np.arange(6) - 0.5)
    assert np.all(np.abs(profile.mean - np.arange(-2, 3)) < 4.5 * profile.error)
    np.testing.assert_allclose(profile.spread, 0.1, rtol=0.06)
    np.testing.assert_allclose(profile.error, 0.1 / np.sqrt(n / 5), rtol=0.06)
    assert np.isnan(profile.missing)
    density = found.densities["x"]
    assert density.fraction.sum() == pytest.approx(1)
    filled = np.isfinite(density.mean_rank)
    assert np.all(np.diff(density.mean_rank[filled]) > -1e-9)
    assert found.profiles["z"].missing == 0.0
    assert found.importance.ranked() == ["x", "z"]
    assert (found.importance.value[1], found.importance.error[1]) == (0.0, 0.0)
    json.dumps([found.to_dict(), profile.to_dict()], allow_nan=False)


def test_the_last_edge_and_negative_bins_of_a_profile():
    y = np.array([True, False] * 20)
    X = np.tile([0.0, 1.0, 1.0, 2.0], 10)[:, None]
    # every event with the value 0 has a negative weight
    weight = np.where(X[:, 0] == 0.0, -0.5, 1.0)
    found = contribution_summary(2 * X, X, y, weight, names=["x"])
    np.testing.assert_allclose(found.profiles["x"].mean, [np.nan, 2.0, 4.0])
    assert found.profiles["x"].to_dict()["mean"][0] is None
    assert found.densities["x"].fraction.min() < 0
