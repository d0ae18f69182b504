"""Objects selected by a condition, and sorted: against plain Python, event by event."""

from __future__ import annotations

import itertools
import math

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.errors import ExpressionError
from hepml.expressions import parse, to_text
from hepml.expressions.syntax import Index, is_condition
from tests.expressions.random_expressions import EXPRESSIONS, edge_columns

NUMBERS = st.sampled_from([-2.0, -0.0, 0.0, 1.0, 1.0, 3.0, math.inf, -math.inf, math.nan])
OBJECTS = st.tuples(NUMBERS, NUMBERS, st.integers(-2, 2))
EVENTS = st.lists(st.lists(OBJECTS, max_size=5), min_size=1, max_size=6)


def columns_of(events: list[list[tuple[float, float, int]]]) -> dict[str, ak.Array | np.ndarray]:
    counts = [len(event) for event in events]
    pt, eta, tag = zip(*itertools.chain.from_iterable(events), strict=True) if sum(counts) else ((), (), ())
    return {
        "pt": ak.unflatten(np.array(pt, dtype=np.float64), counts),
        "eta": ak.unflatten(np.array(eta, dtype=np.float32), counts),
        "tag": ak.unflatten(np.array(tag, dtype=np.int32), counts),
        "n": np.array(counts, dtype=np.int32),
    }


def element(values: list[float], place: int) -> float:
    return values[place] if place < len(values) else math.nan


@given(events=EVENTS, cut=NUMBERS, place=st.integers(0, 3))
def test_selected_objects(events: list[list[tuple[float, float, int]]], cut: float, place: int) -> None:
    columns = columns_of(events)
    literal = {"nan": "TMath::QuietNaN()", "inf": "TMath::Infinity()", "-inf": "(-TMath::Infinity())"}.get(
        str(cut), f"({cut})"
    )
    condition = f"eta < {literal} && tag != 0"
    kept = [[pt for pt, eta, tag in event if eta < cut and tag != 0] for event in events]
    got = parse(f"pt[{condition}][{place}]").evaluate(columns)
    np.testing.assert_array_equal(got, [element(event, place) for event in kept])
    length = parse(f"Length$(pt[{condition}])")
    np.testing.assert_array_equal(length.evaluate(columns), [len(event) for event in kept])
    # the same as a sum of conditions, and as a selection of what is selected
    np.testing.assert_array_equal(length.evaluate(columns), parse(f"Sum$({condition})").evaluate(columns))
    twice = f"pt[eta < {literal}][tag[eta < {literal}] != 0][{place}]"
    np.testing.assert_array_equal(parse(twice).evaluate(columns), got)
    product = f"Sum$(tag[{condition}] * tag[{condition}])"
    squares = [sum(tag**2 for _, eta, tag in event if eta < cut) for event in events]
    np.testing.assert_array_equal(parse(product).evaluate(columns), squares)


@given(events=EVENTS, place=st.integers(0, 4), falling=st.booleans())
def test_sorted_objects(events: list[list[tuple[float, float, int]]], place: int, falling: bool) -> None:
    columns = columns_of(events)
    sign = -1 if falling else 1
    rows = [sorted(event, key=lambda x: (math.isnan(x[1]), 0 if math.isnan(x[1]) else sign * x[1])) for event in events]
    key = "eta" if falling else "-eta"
    for number, name in enumerate(("pt", "eta", "tag")):
        got = parse(f"SortBy$({name}, {key})[{place}]").evaluate(columns)
        np.testing.assert_array_equal(got, [element([row[number] for row in event], place) for event in rows])
    np.testing.assert_array_equal(parse(f"Length$(SortBy$(pt, {key}))").evaluate(columns), columns["n"])


def test_integers_are_sorted_exactly() -> None:
    large = ak.Array([[2**53, 2**53 + 1, 2**53 + 2, 2**53 + 1]])
    unsigned = np.array([[2**63, 0, 2**64 - 1, 2**63 - 1]], dtype=np.uint64)
    lowest = np.array([[0, -(2**63), 2**63 - 1, -1]], dtype=np.int64)
    place = ak.Array([[0, 1, 2, 3]])
    for key, expected in ((large, [2, 1, 3, 0]), (unsigned, [2, 0, 3, 1]), (lowest, [2, 0, 3, 1])):
        columns = {"place": place, "key": key}
        got = [parse(f"SortBy$(place, key)[{n}]").evaluate(columns)[0] for n in range(4)]
        assert got == expected
        # with a key that is not there, all are compared in another way
        columns["other"] = ak.Array([[0, 1, 9, 3]])
        missing = [parse(f"SortBy$(place, key[other])[{n}]").evaluate(columns)[0] for n in range(4)]
        assert missing == [*[n for n in expected if n != 2], 2]


def test_a_condition_without_a_value_keeps_the_object_without_a_value() -> None:
    columns = {"pt": ak.Array([[1.0, 2.0], [3.0]]), "k": np.array([0, 5])}
    condition = "pt + pt[k] > 0"
    assert parse(f"Length$(pt[{condition}])").evaluate(columns).tolist() == [2, 1]
    np.testing.assert_array_equal(parse(f"Sum$(pt[{condition}])").evaluate(columns), [3, np.nan])
    np.testing.assert_array_equal(parse(f"pt[{condition}][0]").evaluate(columns), [1, np.nan])
    assert parse(f"pt[{condition}][0] > 0 || 1").select(columns).tolist() == [True, False]


def test_a_selected_object_that_is_not_there_drops_the_event_unless_there_is_an_alternative() -> None:
    columns = {"pt": ak.Array([[10.0, 50.0], [5.0], []]), "met": np.array([1.0, 2.0, 3.0])}
    assert parse("pt[pt > 20][0] > 0 || met > 0").select(columns).tolist() == [True, False, False]
    assert parse("Alt$(pt[pt > 20][0], -9)").evaluate(columns).tolist() == [50, -9, -9]
    assert parse("Alt$(SortBy$(pt, pt)[1], met)").evaluate(columns).tolist() == [10, 2, 3]


def test_a_condition_of_the_event_is_the_number_of_an_element() -> None:
    columns = {"pt": ak.Array([[10.0, 50.0], [5.0, 6.0]]), "n": np.array([0, 7])}
    assert parse("pt[n > 1]").evaluate(columns).tolist() == [10, 6]
    assert parse("pt[1 > 0]").evaluate(columns).tolist() == [50, 6]


@pytest.mark.parametrize("fixed", [False, True])
def test_arrays_of_a_fixed_size_and_booleans(fixed: bool) -> None:
    pt, good = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.array([[True, False, True], [False, False, True]])
    columns = {"pt": pt, "good": good} if fixed else {"pt": ak.from_regular(pt), "good": ak.from_regular(good)}
    assert parse("Sum$(pt[good != 0])").evaluate(columns).tolist() == [4, 6]
    assert parse("Length$(good[good != 0])").evaluate(columns).tolist() == [2, 1]
    assert parse("SortBy$(pt, good)[1]").evaluate(columns).tolist() == [3, 4]
    assert parse("SortBy$(good, pt)[0]").evaluate(columns).tolist() == [1, 1]


def test_constants_and_single_values_count_as_lists_of_one() -> None:
    columns = {"x": np.array([3.0, 4.0]), "pt": ak.Array([[1.0, 2.0], [5.0]])}
    assert parse("SortBy$(x, 2)[0]").evaluate(columns).tolist() == [3, 4]
    assert parse("SortBy$(2, 3)[0]").evaluate(columns, 2).tolist() == [2, 2]
    assert np.isnan(parse("SortBy$(2, 3)[1]").evaluate(columns, 2)).all()
    np.testing.assert_array_equal(parse("SortBy$(2, 3)[x - 3]").evaluate(columns), [2, np.nan])
    assert parse("Alt$(SortBy$(x, 1)[1], 8)").evaluate(columns).tolist() == [8, 8]
    assert parse("Sum$(SortBy$(x, pt))").evaluate(columns).tolist() == [6, 4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Sum$(pt[other > 0])", "combines lists of different lengths"),
        ("Sum$(pt[pt > 1]*pt[pt > 2])", "combines lists of different lengths"),
        ("Sum$(SortBy$(pt, other))", "combines lists of different lengths"),
        ("Sum$(x[pt > 0])", "selects from one value per event by a condition that has several"),
        ("pt[x > 0][0]", "is one value per event.*an index too many"),
        ("Sum$(pt[good])", r"holds booleans, not places: to select by it write 'pt\[good != 0\]'"),
        ("pt[pt > 1]", "has several values per event"),
        ("SortBy$(pt, pt)", "has several values per event"),
    ],
)
def test_what_cannot_be_is_told(text: str, message: str) -> None:
    columns = {
        "pt": ak.Array([[1.5, 2.5], [3.0]]),
        "other": ak.Array([[1], [2]]),
        "good": ak.Array([[True, False], [True]]),
        "x": np.ones(2),
    }
    with pytest.raises(ExpressionError, match=message):
        parse(text).evaluate(columns)


@pytest.mark.parametrize(
    "text", ["SortBy$(pt)", "SortBy$(pt, a, b)", "SortBy$", "pt[0][1]", "pt[k][a > 0]", "Sum$(pt)[0]"]
)
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


def test_a_negative_index_shows_what_to_write() -> None:
    with pytest.raises(ExpressionError, match=r"write 'pt\[pt > 1\]\[Length\$\(pt\[pt > 1\]\)-1\]'"):
        parse("pt[pt > 1][-1]")


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("a < b", True), ("a && b", True), ("!a", True), ("isnan(a)", True), ("TMath::Finite(a)", True),
        ("(a < 1) | (b == 2)", True), ("(a < 1) & !b", True), ("(a < 1) | b", False), ("a & 1", False),
        ("(a < 1) + (b < 1)", False), ("a", False), ("a ? b < 1 : c < 1", False), ("-(a < 1)", False), ("1", False),
    ],
)  # fmt: skip
def test_what_is_written_as_a_condition(text: str, condition: bool) -> None:
    assert is_condition(parse(text).tree) is condition


@given(text=EXPRESSIONS)
def test_printed_trees_are_the_same_trees(text: str) -> None:
    tree = parse(text).tree
    assert parse(to_text(tree)).tree == tree


def test_event_blocks_change_nothing() -> None:
    n = 300_000
    columns = edge_columns(n)
    text = "SortBy$(jet_id[jet_pt > 20], jet_pt[jet_pt > 20])[0]"
    whole = parse(text).evaluate(columns)
    for start, stop in ((0, 1000), (131_000, 132_000), (n - 1000, n)):
        part = {name: column[start:stop] for name, column in columns.items()}
        np.testing.assert_array_equal(parse(text).evaluate(part), whole[start:stop])


def test_an_index_of_an_index_is_a_tree_of_its_own() -> None:
    tree = parse("pt[eta < 2][0]").tree
    assert isinstance(tree, Index)
    assert isinstance(tree.values, Index)
    assert to_text(tree.values) == "pt[eta < 2]"


def test_exact_integers_do_not_take_conditions() -> None:
    with pytest.raises(ExpressionError, match="integer"):
        parse("run[run > 1]").evaluate_integer({"run": ak.Array([[1, 2]])})
