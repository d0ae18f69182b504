"""Which events of several sources are the same ones, and what is refused because that cannot be told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.errors import EmptySelectionError, IdentityError
from hepml.workflow.comparing.matching import match_events
from hepml.workflow.comparing.scored import ScoredMethod, ScoredPart, ScoredSource
from hepml.workflow.comparing.weights import choose_weights

BIG = 2**53  # where a double begins to skip integers


def feature(number: np.ndarray) -> np.ndarray:
    """A column that tells each event from every other."""
    return np.sin(number.astype(np.float64) + 0.5).astype(np.float32)


def part(number: Any, dtype: type = np.int64, offset: int = 0, **columns: Any) -> ScoredPart:
    """Events of these numbers, the even ones signal."""
    number = np.asarray(number, dtype=np.int64)
    own = {"event": (number + offset).astype(dtype), "x": feature(number)} | columns
    own = {name: column for name, column in own.items() if column is not None}
    return ScoredPart(number % 2 == 0, np.ones(len(number)), own, {"M": feature(number).astype(np.float64)})


def source(name: str, test: ScoredPart, train: ScoredPart | None = None, **fields: Any) -> ScoredSource:
    exact = test.columns.get("event") is not None and test.columns["event"].dtype.kind in "iu"
    given: dict[str, Any] = {"identity": ("event",) if exact else (), **fields}
    return ScoredSource(name, name, "run", test, {"M": ScoredMethod()}, train=train, **given)


def numbers(sources: list[ScoredSource], rows: tuple[np.ndarray, ...]) -> list[list[int]]:
    return [one.test.columns["event"][row].tolist() for one, row in zip(sources, rows, strict=True)]


@given(st.permutations(range(12)), st.permutations(range(12)), st.sets(st.integers(0, 11), max_size=8))
def test_events_find_each_other_in_whatever_order(first: list[int], second: list[int], trained: set[int]) -> None:
    learnt = sorted(trained)
    a, b = source("a", part(first)), source("b", part([n for n in second if n not in trained]), part(learnt))
    wanted = [n for n in first if n not in trained]
    if len({n % 2 for n in wanted}) < 2:
        with pytest.raises(EmptySelectionError, match="in the test part of all sources"):
            match_events([a, b])
        return
    found = match_events([a, b])
    assert numbers([a, b], found.rows) == [wanted, wanted]
    assert found.identity == ("event",)
    assert not found.is_rounded
    assert found.checked == ("x",)
    assert found.event is None
    assert [count.to_dict() for count in found.counts] == [
        {"n_test": 12, "n_trained": len(learnt), "n_absent": 0, "n_compared": len(wanted)},
        {"n_test": len(wanted), "n_trained": 0, "n_absent": 0, "n_compared": len(wanted)},
    ]


def test_what_a_source_was_stopped_on_or_has_seen_is_left_out_and_what_others_lack_is_counted() -> None:
    a = source("a", part(range(10)), validation=part([20, 21]), train=part([30]))
    b = source("b", part([*range(2, 12), 20]), seen=np.arange(11) == 0)
    found = match_events([a, b])
    assert numbers([a, b], found.rows)[0] == list(range(3, 10))
    assert [(count.n_trained, count.n_absent) for count in found.counts] == [(1, 2), (2, 2)]


def test_a_source_that_was_tested_on_its_training_is_found_out_but_for_folds() -> None:
    both = part(range(6))
    with pytest.raises(EmptySelectionError, match="6 were trained on"):
        match_events([source("a", both, both), source("b", both)])
    assert len(match_events([source("a", both, both, has_folds=True), source("b", both)]).rows[0]) == 6


def test_identities_above_what_a_double_counts_stay_apart() -> None:
    a, b = (source(name, part(order, offset=BIG)) for name, order in (("a", [0, 1, 2, 3]), ("b", [3, 2, 1, 0])))
    assert numbers([a, b], match_events([a, b]).rows)[1] == [BIG, BIG + 1, BIG + 2, BIG + 3]


def test_float32_is_matched_where_it_is_unique_and_features_agree() -> None:
    a = source("a", part(range(50)), part(range(50, 90)))
    b = source("b", part(range(49, -1, -1), np.float32), part(range(60, 80), np.float32))
    found = match_events([a, b])
    assert found.is_rounded
    assert found.to_dict()["by"] == "identity as float32"
    assert numbers([a, b], found.rows)[1] == list(range(50))


@pytest.mark.parametrize(
    ("tested", "changes", "message"),
    [
        (part(range(9), np.float32, 2**25), {}, "no longer told from another"),
        (
            part(range(4), np.float32, x=-feature(np.arange(4))),
            {},
            "do not hold the same events.*'x' differs in 4 of 4",
        ),
        (part(range(4), np.float32, x=None), {}, "no feature in common"),
        (part([0, 1, 2, 2], np.float32), {}, "1 of 4 events repeat"),
    ],
)
def test_float32_is_refused_where_doubt_is_left(tested: ScoredPart, changes: dict[str, Any], message: str) -> None:
    offset = 2**25 if len(tested) == 9 else 0
    exact = source("a", part(range(len(tested)), offset=offset), **changes)
    with pytest.raises(IdentityError, match=message):
        match_events([exact, source("b", tested)])


def test_a_collision_with_a_training_event_is_seen() -> None:
    a = source("a", part(np.array([0, 1, 4, 8])), part([2]), identity=("event",))
    b = source("b", part(np.array([0, 1, 4, 8]), np.float32))
    shifted = [
        replace(one, test=replace(one.test, columns=one.test.columns | {"event": one.test.columns["event"] * 2**24}))
        for one in (a, b)
    ]
    # 2^24 * 4 + 2 is the float32 of 2^24 * 4
    learnt = part([0, 1])
    learnt = replace(learnt, columns=learnt.columns | {"event": np.array([2**26 + 2, 5])})
    with pytest.raises(IdentityError, match="no longer told from another"):
        match_events([replace(shifted[0], train=learnt), shifted[1]])


def test_candidates_of_one_event_are_told_apart_by_their_features() -> None:
    a = part([0, 0, 1, 2], x=np.array([1, 2, 3, 4], dtype=np.float32))
    b = part([2, 0, 1, 0], x=np.array([4, 2, 3, 1], dtype=np.float32))
    found = match_events([source("a", a), source("b", b)])
    assert found.rows[1].tolist() == [3, 1, 2, 0]
    assert found.event is not None
    assert found.event[0] == found.event[1] != found.event[2]
    double = part([0, 0, 1, 2], x=np.array([1, 1, 3, 4], dtype=np.float32))
    with pytest.raises(IdentityError, match="1 rows of a are not told apart by event and x"):
        match_events([source("a", double), source("b", b)])
    other = part([2, 0, 1, 0], x=np.array([4, 7, 3, 8], dtype=np.float32))
    with pytest.raises(IdentityError, match="1 of 3 events are in all sources by event, but with other features"):
        match_events([source("a", a), source("b", other)])


def test_signal_and_background_that_are_numbered_alike_are_different_events() -> None:
    def alike(order: list[int]) -> ScoredPart:
        made = part(order)
        return replace(made, columns=made.columns | {"event": np.asarray(order) // 2})

    found = match_events([source("a", alike([0, 1, 2, 3])), source("b", alike([3, 2, 1, 0]))])
    assert found.rows[1].tolist() == [3, 2, 1, 0]
    assert found.event is None


def test_features_that_are_known_to_be_computed_otherwise_are_not_compared() -> None:
    a = source("a", part(range(4)), expressions={"x": "pt"})
    b = source("b", part(range(4), x=-feature(np.arange(4))), expressions={"x": "-pt"})
    assert match_events([a, b]).checked == ()
    with pytest.raises(IdentityError, match="'x' differs"):
        match_events([a, replace(b, expressions={"x": "pt"})])


def anonymous(number: Any, **columns: Any) -> ScoredPart:
    return part(number, event=None, **columns)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (anonymous(range(5)), "they are 4 and 5"),
        (anonymous([0, 1, 3, 2]), "2 of 4 are signal in one of them only"),
        (anonymous(range(4), x=-feature(np.arange(4))), "'x' differs in 4 of 4"),
        (anonymous(range(4), x=None, z=np.zeros(4)), "no feature in common"),
    ],
)
def test_without_identity_only_the_same_events_in_the_same_order_will_do(other: ScoredPart, message: str) -> None:
    a = source("a", anonymous(range(4)))
    with pytest.raises(IdentityError, match=message):
        match_events([a, source("b", other)])


def test_the_same_order_is_accepted_and_seen_events_are_left_out() -> None:
    a, b = source("a", anonymous(range(6))), source("b", anonymous(range(6)), seen=np.arange(6) < 2)
    found = match_events([a, b])
    assert found.to_dict() == {"by": "order", "identity": [], "columns_that_agree": ["x"], "n_compared": 4}
    assert found.rows[0].tolist() == [2, 3, 4, 5]


def test_file_and_entry_identify_events_of_the_same_files_only() -> None:
    def of_file(name: str, order: list[int], files: tuple[str, ...]) -> ScoredSource:
        made = anonymous(order, file=np.zeros(len(order), dtype=np.int64), entry=np.asarray(order))
        return source(name, made, identity=("file", "entry"), files=files)

    a, b = of_file("a", [0, 1, 2, 3], ("1f",)), of_file("b", [3, 2, 1, 0], ("1f",))
    assert match_events([a, b]).identity == ("file", "entry")
    with pytest.raises(IdentityError, match="signal in one of them only"):
        match_events([a, of_file("b", [3, 2, 1, 0], ("2f",))])


def test_an_identity_that_is_asked_for_must_be_there() -> None:
    a, b = source("a", part(range(4), label=np.arange(4))), source("b", part(range(4)))
    with pytest.raises(IdentityError, match="b has no column label to match events by"):
        match_events([a, b], ["label"])


def test_weights_are_physics_weights_where_there_are_any_and_compared_class_by_class() -> None:
    test = part(range(6))
    weight = np.array([1.0, 2.0, -1.0, 0.5, 3.0, 1.0])
    tmva = source("tmva", replace(test, weight=(weight * np.where(test.y, 3.0, 0.1)).astype(np.float32).astype(float)))
    run = source("run", replace(test, weight=weight))
    flat = source("flat", test)
    sources = [replace(tmva, physics_weight=False), run, flat]
    found = choose_weights(sources, match_events(sources))
    assert found.of == "run"
    assert found.is_physical
    assert found.weight.tolist() == weight.tolist()
    assert found.proportional == {"tmva": True, "flat": False}
    assert len(found.remarks) == 1
    assert "Weights of flat are not proportional to those of run" in found.remarks[0]
    alone = choose_weights(sources[:1], match_events(sources[:1]))
    assert alone.to_dict() == {"of": "tmva", "kind": "normalised by TMVA", "proportional": {}}
    assert "significances would, and are not given" in alone.remarks[0]
