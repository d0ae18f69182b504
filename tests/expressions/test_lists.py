"""Lists per event: elements, reductions, and what cannot be one value per event."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.errors import ExpressionError
from hepml.expressions import parse

LISTS = st.lists(st.lists(st.tuples(st.floats(-100, 100), st.integers(-3, 3)), max_size=4), min_size=1, max_size=8)


def jagged(events: list[list[tuple[float, int]]]) -> dict[str, ak.Array]:
    counts = [len(event) for event in events]
    flat = [pair for event in events for pair in event]
    return {
        "a": ak.unflatten(np.array([p[0] for p in flat], dtype=np.float64), counts),
        "k": ak.unflatten(np.array([p[1] for p in flat], dtype=np.int32), counts),
        "x": np.arange(len(events), dtype=np.float32),
    }


@given(LISTS)
def test_reductions_against_python(events: list[list[tuple[float, int]]]) -> None:
    columns = jagged(events)
    oracle = {
        "Length$(a)": [len(e) for e in events],
        "Sum$(k)": [sum(k for _, k in e) for e in events],
        "Sum$(k > 0 && a > 0)": [sum(k > 0 and a > 0 for a, k in e) for e in events],
        "Max$(a)": [max((a for a, _ in e), default=0) for e in events],
        "Min$(k)": [min((k for _, k in e), default=0) for e in events],
        "Max$(a*k - x)": [max((a * k - n for a, k in e), default=0) for n, e in enumerate(events)],
        "MaxIf$(a, k > 0)": [max((a for a, k in e if k > 0), default=0) for e in events],
        "MinIf$(a, k)": [min((a for a, k in e if k), default=0) for e in events],
        "Alt$(a[1], -9)": [e[1][0] if len(e) > 1 else -9 for e in events],
        "a[2]": [e[2][0] if len(e) > 2 else np.nan for e in events],
        "a[Length$(a)-1]": [e[-1][0] if e else np.nan for e in events],
        "Sum$(a) > 10 ? 1 : Length$(k)": [1 if sum(a for a, _ in e) > 10 else len(e) for e in events],
    }
    for text, wanted in oracle.items():
        np.testing.assert_allclose(parse(text).evaluate(columns), wanted, rtol=1e-12, atol=1e-10, err_msg=text)


@given(LISTS, st.integers(0, 8), st.integers(0, 8))
def test_slices_give_the_same_values(events: list[list[tuple[float, int]]], start: int, stop: int) -> None:
    columns = jagged(events)
    expression = parse("Sum$(a*(k>0)) + Max$(k) + Alt$(a[0], x)")
    part = {name: column[start:stop] for name, column in columns.items()}
    np.testing.assert_array_equal(expression.evaluate(part), expression.evaluate(columns)[start:stop])


def test_layouts_of_awkward_are_all_read() -> None:
    rows = [[1.0, 2.0], [], [3.0]]
    plain = ak.Array(rows)
    doubled = ak.Array([[9.0], *rows, [7.0, 8.0]])[1:4]
    picked = ak.Array([[3.0], [1.0, 2.0], []])[[1, 2, 0]]
    masked_elements = ak.Array([[1.0, -1.0, 2.0], [-5.0], [3.0]])
    filtered = masked_elements[masked_elements > 0]
    for column in (plain, doubled, picked, filtered):
        columns = {"a": column}
        assert parse("Sum$(a)").evaluate(columns).tolist() == [3, 0, 3]
        assert parse("Alt$(a[1],0)").evaluate(columns).tolist() == [2, 0, 0]
    regular = {"a": ak.to_regular(ak.Array([[1, 2], [3, 4]]))}
    assert parse("Max$(a)").evaluate(regular).tolist() == [2, 4]
    assert parse("a*2").evaluate({"a": ak.Array([1, 2])}).tolist() == [2, 4]


def test_arrays_of_a_fixed_size_are_lists() -> None:
    columns = {"v": np.array([[1, 5, 3], [4, 2, 2]], dtype=np.int16), "i": np.array([0, 2])}
    assert parse("v[i]").evaluate(columns).tolist() == [1, 2]
    assert parse("Sum$(v*v)").evaluate(columns).tolist() == [35, 24]
    assert parse("Length$(v)").evaluate(columns).tolist() == [3, 3]


def test_large_lists_cross_blocks() -> None:
    rng = np.random.default_rng(2)
    n = 300_001
    counts = rng.integers(0, 4, n)
    values = rng.normal(size=counts.sum())
    columns = {"a": ak.unflatten(values, counts), "x": rng.normal(size=n)}
    ends = np.cumsum(counts)
    total = np.concatenate([[0], np.cumsum(values)])
    np.testing.assert_allclose(
        parse("Sum$(a) + x").evaluate(columns), total[ends] - total[ends - counts] + columns["x"], atol=1e-9
    )
    assert parse("Length$(a)").evaluate(columns).sum() == counts.sum()


def test_events_without_the_element_are_dropped() -> None:
    columns = {"a": ak.Array([[1.0, -2.0], [], [3.0]]), "x": np.array([1.0, 1.0, 1.0]), "k": np.array([1, 0, 5])}
    assert parse("a[0] > 0 || x > 0").select(columns).tolist() == [True, False, True]
    assert parse("!(a[1] > 0)").select(columns).tolist() == [True, False, False]
    assert parse("Alt$(a[1], 5) > 0").select(columns).tolist() == [False, True, True]
    # a computed index counts only where its value is needed
    assert parse("x > 0 || a[k] > 0").select(columns).tolist() == [True, True, True]
    assert parse("x > 0 && a[k] > -9").select(columns).tolist() == [True, False, False]
    assert parse("k < Length$(a) ? a[k] : -1").evaluate(columns).tolist() == [-2, -1, -1]
    assert parse("Alt$(x > 0 ? 7 : a[0], 1)").evaluate(columns).tolist() == [7, 1, 7]


def test_all_lists_empty() -> None:
    columns = {"a": ak.values_astype(ak.Array([[], []]), np.float32)}
    assert parse("Sum$(a) + Max$(a) + Length$(a)").evaluate(columns).tolist() == [0, 0]
    assert np.isnan(parse("a[0]").evaluate(columns)).all()
    assert parse("MaxIf$(a, a > 0)").evaluate(columns).tolist() == [0, 0]


def test_several_values_per_event_name_the_cures() -> None:
    columns = {"jet_pt": ak.Array([[1.0, 2.0]]), "x": np.ones(1)}
    for text in ("jet_pt", "jet_pt > 20", "jet_pt*x", "jet_pt[jet_pt]"):
        for method in ("evaluate", "select"):
            with pytest.raises(ExpressionError) as caught:
                getattr(parse(text), method)(columns)
            for cure in ("jet_pt[0]", f"Max$({text})", "Sum$(", "Length$(jet_pt)"):
                assert cure in str(caught.value)


def test_lists_that_do_not_fit_together() -> None:
    columns = {"a": ak.Array([[1.0], [2.0]]), "b": ak.Array([[1.0], [2.0, 3.0]])}
    with pytest.raises(ExpressionError, match=r"'a \* b' combines lists of different lengths \(1 and 2 values"):
        parse("Sum$(a*b)").evaluate(columns)
    assert parse("Sum$(a)*Sum$(b)").evaluate(columns).tolist() == [1, 10]


def test_alt_takes_one_value() -> None:
    columns = {"a": ak.Array([[1.0], []])}
    with pytest.raises(ExpressionError, match=r"write 'Alt\$\(a\[0\], \.\.\.\)'"):
        parse("Alt$(a, 7)").evaluate(columns)


@pytest.mark.parametrize(
    "column",
    [
        ak.Array([[[1.0]], []]),
        ak.Array(["a", "b"]),
        ak.Array([["a"], []]),
        ak.Array([{"x": 1}]),
        ak.Array([[1.0], None]),
    ],
)
def test_types_that_are_no_numbers(column: ak.Array) -> None:
    with pytest.raises(ExpressionError, match="branch 'a' is of type"):
        parse("Length$(a)").evaluate({"a": column})
