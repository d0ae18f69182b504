"""Folds by identity: who trains, stops and tests on what."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from hepml.data import FALLBACK_NAMES, Folds, Identity, Part, assign_parts
from hepml.errors import IdentityError, InvalidInputError

EVENTS = Identity(("run", "event"), (np.full(30_000, 7), np.arange(30_000, dtype=np.uint64) + np.uint64(2**60)))


def uniform(counts: np.ndarray) -> float:
    """p-value of equal probabilities."""
    expected = counts.sum() / counts.size
    return float(chi2.sf((np.square(counts - expected) / expected).sum(), counts.size - 1))


@given(n_folds=st.integers(3, 100), seed=st.integers(0, 2**63 - 1))
def test_each_model_has_each_event_in_one_part(n_folds: int, seed: int) -> None:
    folds, some = Folds(n_folds, seed), EVENTS.take(slice(0, 300))
    fold = folds.of(some)
    parts = np.array([folds.parts(fold, model) for model in range(n_folds)])
    assert ((parts == Part.TEST).sum(axis=0) == 1).all()
    assert ((parts == Part.VALIDATION).sum(axis=0) == 1).all()
    assert ((parts == Part.TRAIN).sum(axis=0) == n_folds - 2).all()
    rows = np.arange(len(some))
    for part in (Part.TRAIN, Part.VALIDATION, Part.TEST):
        assert (parts[folds.models(some, part), rows] == part).all()
    assert np.array_equal(folds.models(some, Part.TEST), fold)


def test_model_tests_on_its_fold_and_stops_on_the_next() -> None:
    folds = Folds(5)
    assert folds.parts(np.arange(5, dtype=np.int16), model=4).tolist() == [2, 1, 1, 1, 3]
    assert folds.names == ("fold_0", "fold_1", "fold_2", "fold_3", "fold_4")


@pytest.mark.parametrize("n_folds", [3, 5, 7, 100])
def test_folds_are_equally_probable(n_folds: int) -> None:
    folds = Folds(n_folds, seed=11)
    for part in (Part.TRAIN, Part.TEST):
        assert uniform(np.bincount(folds.models(EVENTS, part), minlength=n_folds)) > 1e-3


def test_the_model_that_was_trained_is_chosen_without_regard_to_the_fold() -> None:
    """Within a fold each of the K - 2 models gets its share."""
    folds = Folds(5, seed=2)
    fold, trained = folds.of(EVENTS), folds.models(EVENTS, Part.TRAIN)
    for number in range(5):
        counts = np.bincount(trained[fold == number], minlength=5)
        assert set(np.flatnonzero(counts == 0).tolist()) == {number, (number - 1) % 5}
        assert uniform(counts[counts > 0]) > 1e-3


def test_folds_and_split_are_independent() -> None:
    fold = Folds(4, seed=3).of(EVENTS)
    part = assign_parts(EVENTS, seed=3, train=0.5, validation=0.25)
    table = np.array([[((fold == f) & (part == p)).sum() for p in (1, 2, 3)] for f in range(4)])
    expected = table.sum(axis=1)[:, None] * table.sum(axis=0) / table.sum()
    assert chi2.sf((np.square(table - expected) / expected).sum(), 6) > 1e-3


def test_fold_depends_on_nothing_but_identity_and_seed() -> None:
    folds, order = Folds(5, seed=1), np.random.default_rng(1).permutation(len(EVENTS))
    whole = folds.of(EVENTS)
    assert np.array_equal(folds.of(EVENTS.take(order)), whole[order])
    assert np.array_equal(folds.of(EVENTS.take(slice(100, 110))), whole[100:110])
    signed = Identity(("a", "b"), (EVENTS.columns[0], EVENTS.columns[1].view(np.int64)))
    assert np.array_equal(folds.of(signed), whole)
    assert (Folds(5, seed=2).of(EVENTS) != whole).mean() == pytest.approx(0.8, abs=0.02)


def test_folds_stay_what_they_were() -> None:
    """Models of a release score by these numbers for ever."""
    assert Folds(5, seed=1).of(EVENTS.take(slice(0, 12))).tolist() == [2, 4, 0, 3, 1, 1, 1, 2, 2, 2, 0, 0]


def test_events_without_identity_are_refused() -> None:
    fallback = Identity(FALLBACK_NAMES, (np.zeros(3, dtype=np.int64), np.arange(3)))
    with pytest.raises(IdentityError, match="`identity:`"):
        Folds(5).of(fallback)


@pytest.mark.parametrize("n_folds", [-1, 0, 1, 2, 101])
def test_too_few_or_too_many(n_folds: int) -> None:
    with pytest.raises(InvalidInputError, match=f"{n_folds} folds.*3 to 100"):
        Folds(n_folds)


def test_unseen_is_no_part_of_a_model() -> None:
    with pytest.raises(InvalidInputError, match="unseen"):
        Folds(3).models(EVENTS, Part.UNSEEN)
