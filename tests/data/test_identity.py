"""Identities: exact integers, hashes and groups."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from hepml.data import FALLBACK_NAMES, Identity, Part, assign_parts, check_parts, default_identity
from hepml.errors import IdentityError, InvalidInputError

LARGE = [2**24 + 1, 2**53 + 1, 2**63, 2**64 - 1]
integers = st.integers(0, 2**64 - 1)


def of(*columns: Any, names: tuple[str, ...] | None = None) -> Identity:
    given_names = names or tuple(f"c{number}" for number in range(len(columns)))
    return Identity(given_names, tuple(np.asarray(column, dtype=np.uint64) for column in columns))


@pytest.mark.parametrize("value", LARGE)
def test_neighbours_of_large_numbers_are_different_events(value: int) -> None:
    identity = of([value - 1, value])
    hashes = identity.hash(1, "split")
    assert hashes[0] != hashes[1]
    assert identity.groups().tolist() in ([0, 1], [1, 0])
    assert identity.show(1) == f"c0={value}"
    joined = Identity.concatenate([identity, identity.take(slice(1, 2))])
    assert joined.columns[0].tolist() == [value - 1, value, value]


def test_signed_and_unsigned_numbers_are_the_same_events() -> None:
    signed = Identity(("event",), (np.array([1, 2**53 + 1, -1]),))
    unsigned = Identity(("event",), (np.array([1, 2**53 + 1, 2**64 - 1], dtype=np.uint64),))
    np.testing.assert_array_equal(signed.hash(3, "x"), unsigned.hash(3, "x"))
    joined = Identity.concatenate([signed, unsigned])
    assert joined.columns[0].dtype == np.uint64
    assert joined.groups().tolist() == [0, 1, 2, 0, 1, 2]
    assert Identity.concatenate([signed, signed]).columns[0].dtype == np.int64


def test_the_hash_is_fixed_for_ever() -> None:
    # parts of published models depend on these numbers
    found = of([1, 2**53 + 1], [7, 8]).hash(20260101, "split")
    expected = [_reference(20260101, "split", row) for row in ((1, 7), (2**53 + 1, 8))]
    assert found.tolist() == expected


def _reference(seed: int, purpose: str, row: tuple[int, ...]) -> int:
    """SplitMix64 in Python's own integers."""
    import hashlib

    mask = 2**64 - 1
    state = int.from_bytes(hashlib.sha256(f"{seed}:{purpose}".encode()).digest()[:8], "little")
    for value in row:
        state = ((state ^ value) + 0x9E3779B97F4A7C15) & mask
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & mask
        state ^= state >> 31
    return state


@given(
    st.lists(st.tuples(integers, integers), min_size=1, max_size=30),
    st.integers(0, 2**63 - 1),
    st.text(max_size=8),
    st.randoms(),
)
def test_parts_are_a_pure_function_of_seed_purpose_and_identity(
    rows: Any, seed: int, purpose: str, random: Any
) -> None:
    identity = of(*zip(*rows, strict=True))
    options = {"seed": seed, "train": 0.4, "validation": 0.3, "purpose": purpose}
    parts = assign_parts(identity, **options)
    order = list(range(len(rows)))
    random.shuffle(order)
    np.testing.assert_array_equal(assign_parts(identity.take(np.array(order)), **options), parts[order])
    for row in range(len(rows)):
        assert assign_parts(identity.take(slice(row, row + 1)), **options)[0] == parts[row]
        assert identity.hash(seed, purpose)[row] == _reference(seed, purpose, rows[row])


def test_order_of_columns_and_runs_matters() -> None:
    assert of([1], [2]).hash(1, "x")[0] != of([2], [1]).hash(1, "x")[0]
    assert of([1], [2]).hash(1, "x")[0] != of([1], [2]).hash(2, "x")[0]


@pytest.mark.parametrize("start", [0, 2**24, 2**53, 2**64 - 100_000])
def test_fractions_hold_statistically(start: int) -> None:
    event = np.arange(100_000, dtype=np.uint64) + np.uint64(start)
    identity = Identity(("run", "event"), (np.full(100_000, 5, dtype=np.int64), event))
    parts = assign_parts(identity, seed=7, train=0.5, validation=0.2)
    counts = [int((parts == part).sum()) for part in (Part.TRAIN, Part.VALIDATION, Part.TEST)]
    assert chisquare(counts, [50_000, 20_000, 30_000]).pvalue > 1e-3
    bits = identity.hash(7, "split")
    for bit in range(64):
        ones = int(((bits >> np.uint64(bit)) & np.uint64(1)).sum())
        assert abs(ones - 50_000) < 5 * 158, f"bit {bit}"


def test_purposes_and_seeds_decide_independently() -> None:
    identity = of(np.arange(100_000))
    first = assign_parts(identity, seed=1, train=0.5, validation=0.25)
    for options in ({"seed": 1, "purpose": "folds"}, {"seed": 2}):
        second = assign_parts(identity, train=0.5, validation=0.25, **options)  # type: ignore[arg-type]
        table = np.histogram2d(first, second, bins=[[0.5, 1.5, 2.5, 3.5]] * 2)[0].ravel()
        fractions = np.outer([0.5, 0.25, 0.25], [0.5, 0.25, 0.25]).ravel()
        assert chisquare(table, fractions * 100_000).pvalue > 1e-3


def test_growing_the_training_part_moves_no_event_out_of_it() -> None:
    identity = of(np.arange(1000))
    small = assign_parts(identity, seed=1, train=0.3, validation=0.2) == Part.TRAIN
    large = assign_parts(identity, seed=1, train=0.6, validation=0.2) == Part.TRAIN
    assert (large | ~small).all()


def test_whole_parts() -> None:
    identity = of([0, 1, 2**64 - 1])
    assert set(assign_parts(identity, seed=1, train=1.0, validation=0.0).tolist()) == {Part.TRAIN}
    assert set(assign_parts(identity, seed=1, train=0.0, validation=1.0).tolist()) == {Part.VALIDATION}
    assert set(assign_parts(identity, seed=1, train=0.0, validation=0.0).tolist()) == {Part.TEST}
    assert len(assign_parts(of([]), seed=1, train=0.5, validation=0.2)) == 0


@pytest.mark.parametrize(("train", "validation"), [(1.1, 0.0), (-0.1, 0.5), (0.6, 0.6), (float("nan"), 0.1)])
def test_fractions_that_are_none_are_refused(train: float, validation: float) -> None:
    with pytest.raises(InvalidInputError, match="no fractions of one whole"):
        assign_parts(of([1]), seed=1, train=train, validation=validation)


@given(st.lists(st.tuples(st.sampled_from([0, 1, *LARGE]), st.sampled_from([0, 1]), st.integers(0, 2)), max_size=40))
def test_groups_against_a_brute_force(rows: list[tuple[int, int, int]]) -> None:
    identity = of([row[0] for row in rows], [row[1] for row in rows])
    sample = np.array([row[2] for row in rows], dtype=np.int32)
    for keys, groups in ((rows, identity.groups(sample)), ([row[:2] for row in rows], identity.groups())):
        members = defaultdict(set)
        for key, group in zip(keys, groups.tolist(), strict=True):
            members[key].add(group)
        assert all(len(found) == 1 for found in members.values())
        numbers = [found for (found,) in members.values()]
        assert sorted(numbers) == list(range(len(members)))


def test_an_event_in_two_parts_is_named() -> None:
    identity = of([1, 1, 1, 2], [5, 2**53 + 1, 2**53 + 1, 5], names=("run", "event"))
    sample = np.array([0, 1, 1, 1], dtype=np.int32)
    check_parts(identity, sample, np.array([1, 2, 2, 3], dtype=np.int8), ["a", "b"])
    with pytest.raises(IdentityError) as caught:
        check_parts(identity, sample, np.array([1, 1, 3, 3], dtype=np.int8), ["a", "b"])
    message = str(caught.value)
    assert "sample 'b': 1 event(s) stand in two parts, e.g. run=1 event=9007199254740993 in train and test" in message
    # two samples may use the same numbers
    check_parts(identity, np.array([0, 0, 1, 1], dtype=np.int32), np.array([1, 1, 3, 3], dtype=np.int8), ["a", "b"])
    check_parts(of([]), np.array([], dtype=np.int32), np.array([], dtype=np.int8), ["a"])


@pytest.mark.parametrize(
    ("branches", "expected"),
    [
        (["event", "luminosityBlock", "run", "pt"], ("run", "luminosityBlock", "event")),
        (["RunNumber", "EventNumber"], ("RunNumber", "EventNumber")),
        (["__experiment__", "__run__", "__event__"], ("__experiment__", "__run__", "__event__")),
        (["run", "event_number"], ("run", "event_number")),
        (["run", "pt"], ()),
        ([], ()),
        (["eventWeight", "n_event"], ()),
    ],
)
def test_conventions_of_experiments(branches: list[str], expected: tuple[str, ...]) -> None:
    assert default_identity(branches) == expected


def test_what_is_no_identity_is_refused() -> None:
    with pytest.raises(IdentityError, match="'event' has type float64; 64-bit integers are needed"):
        Identity(("event",), (np.array([1.0]),))  # type: ignore[arg-type]
    with pytest.raises(IdentityError, match="int32"):
        Identity(("event",), (np.array([1], dtype=np.int32),))  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="different lengths"):
        of([1], [1, 2])
    with pytest.raises(InvalidInputError, match="a column for each of its names"):
        Identity((), ())
    assert of([1], [2], names=FALLBACK_NAMES).is_fallback
    assert not of([1], [2]).is_fallback
