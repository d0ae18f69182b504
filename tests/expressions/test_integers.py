"""Event identities: exact to 64 bits, or an error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.errors import ExpressionError
from hepml.expressions import parse

HARD = [2**24 + 1, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1]


@pytest.mark.parametrize("value", HARD)
def test_hard_identities_survive(value: int) -> None:
    columns = {"event": np.array([value, 5], dtype=np.uint64)}
    for text in (
        "event",
        "(event + 1 - 1)" if value < 2**64 - 1 else "(event - 1 + 1)",
        "event | 0",
        "event * 1",
        "-(-event)",
    ):
        if text == "-(-event)" and value >= 2**63:
            continue
        got = parse(text).evaluate_integer(columns)
        assert [int(v) for v in got] == [value, 5], text
    assert parse(f"event == {value}").select(columns).tolist() == [True, False]
    assert parse(f"event != {value - 1}").select(columns).tolist() == [True, True]
    assert parse("event & 1").select(columns).tolist() == [bool(value & 1), True]
    assert parse("event % 1000").evaluate(columns).tolist() == [value % 1000, 5]
    assert [int(v) for v in parse(str(value)).evaluate_integer({}, 1)] == [value]


def test_neighbours_above_2_53_stay_apart() -> None:
    columns = {"event": np.array([2**53, 2**53 + 1, 2**53 + 2])}
    assert parse(f"event == {2**53 + 1}").select(columns).tolist() == [False, True, False]
    assert parse(f"event > {2**53}").select(columns).tolist() == [False, True, True]
    assert parse("event").evaluate_integer(columns).dtype == np.int64


def test_signed_and_unsigned_compare_by_value() -> None:
    columns = {"u": np.array([2**64 - 1, 0], dtype=np.uint64), "i": np.array([-1, -1])}
    assert parse("u == i").select(columns).tolist() == [False, False]
    assert parse("u > i").select(columns).tolist() == [True, True]


ANY = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-50, 50), st.sampled_from(HARD[:3]))


def expected(operator: str, x: int, y: int) -> int | None:
    """What Python's integers say, or None where 64 bits cannot say it."""
    bits = x % 2**64
    match operator:
        case "%":
            result = (abs(x) % abs(y)) * (-1 if x < 0 else 1) if y else None
        case "<<":
            result = bits << y if 0 <= y < 64 and bits << y < 2**64 else None
        case _:
            table = {"+": x + y, "-": x - y, "*": x * y, "&": bits & y, "|": (x | y) % 2**64, ">>": bits >> y % 64}
            result = table[operator]
    return result


@given(
    st.sampled_from(["+", "-", "*", "%", "&", "|", "<<", ">>"]), st.lists(st.tuples(ANY, ANY), min_size=1, max_size=4)
)
def test_integer_arithmetic_is_exact_or_refused(operator: str, pairs: list[tuple[int, int]]) -> None:
    columns = {"x": np.array([x for x, _ in pairs]), "y": np.array([y for _, y in pairs])}
    wanted = [expected(operator, x, y) for x, y in pairs]
    expression = parse(f"x {operator} y")
    known = [value for value in wanted if value is not None]
    fits = len(known) == len(wanted) and (
        (max(known) < 2**63 and min(known) >= -(2**63)) or (min(known) >= 0 and max(known) < 2**64)
    )
    if not fits:
        with pytest.raises(ExpressionError, match="64"):
            expression.evaluate_integer(columns)
    else:
        assert [int(v) for v in expression.evaluate_integer(columns)] == wanted


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(1, 2**64 - 1)), min_size=1, max_size=4))
def test_unsigned_remainders(pairs: list[tuple[int, int]]) -> None:
    columns = {name: np.array([p[k] for p in pairs], dtype=np.uint64) for k, name in enumerate("xy")}
    assert [int(v) for v in parse("x % y").evaluate_integer(columns)] == [x % y for x, y in pairs]


def test_a_composed_identity() -> None:
    columns = {
        "run": np.array([1, 2**20 - 1], dtype=np.uint32),
        "event": np.array([2**40 - 1, 0], dtype=np.int64),
        "jets": np.array([[4, 5], [6, 7]], dtype=np.int16),
        "flag": np.array([True, False]),
    }
    assert parse("run << 40 | event").evaluate_integer(columns).tolist() == [2**41 - 1, (2**20 - 1) << 40]
    assert parse("run * 1000 + jets[1] - flag").evaluate_integer(columns).tolist() == [1004, (2**20 - 1) * 1000 + 7]
    with pytest.raises(ExpressionError, match="shifts bits out of the 64"):
        parse("run << 60").evaluate_integer(columns)


def test_negative_meets_large_unsigned() -> None:
    columns = {"u": np.array([2**64 - 1], dtype=np.uint64), "i": np.array([-2])}
    assert [int(v) for v in parse("u + i").evaluate_integer(columns)] == [2**64 - 3]
    assert parse("u % i").evaluate_integer(columns).tolist() == [1]
    assert parse("i % u").evaluate_integer(columns).tolist() == [-2]
    assert parse("u % i").evaluate(columns).tolist() == [1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x", "'x' is of type float64"),
        ("i / 2", "'i / 2' is not integer arithmetic"),
        ("i ^ 2", "not integer arithmetic"),
        ("i + 1.5", "'1.5' is not integer arithmetic"),
        ("i > 2", "not integer arithmetic"),
        ("i ? 1 : 2", "not integer arithmetic"),
        ("abs(i)", "not integer arithmetic"),
        ("!i", "not integer arithmetic"),
        ("Sum$(v)", "not integer arithmetic"),
        ("v", "several values per event"),
        ("v + i", "several values per event"),
        ("v[2]", "does not exist in every event"),
        ("v[i]", "does not exist in every event"),
        ("i % z", "divides by zero"),
        ("i + 18446744073709551615", "does not fit 64 bits"),
        ("i * 9223372036854775807 * 4", "does not fit 64 bits"),
    ],
)
def test_what_could_lose_bits_is_refused(text: str, says: str) -> None:
    columns = {
        "x": np.array([1.0]),
        "i": np.array([5]),
        "z": np.array([0]),
        "v": np.array([[1, 2]]),
    }
    with pytest.raises(ExpressionError, match="stay exact to 64 bits") as caught:
        parse(text).evaluate_integer(columns)
    assert says in str(caught.value)
