"""Values of scalar expressions against C's rules, written again here in plain Python; columns, masks and speed."""

from __future__ import annotations

import math
import operator as operators
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.errors import BranchNotFoundError, ExpressionError, InvalidInputError
from hepml.expressions import parse, to_text
from hepml.expressions.syntax import Binary, Branch, Call, Node, Number, Ternary, Unary

MASK = 2**64 - 1


def c_value(node: Node, row: dict[str, float]) -> float:
    """Evaluate one row as C++ would with doubles, integers staying integers where no arithmetic touches them."""
    match node:
        case Number(value):
            result = value
        case Branch(name):
            result = row[name]
        case Unary("-", operand):
            result = -float(c_value(operand, row))
        case Unary("!", operand):
            result = c_value(operand, row) == 0
        case Binary("&&", a, b):
            result = c_value(a, row) != 0 and c_value(b, row) != 0
        case Binary("||", a, b):
            result = c_value(a, row) != 0 or c_value(b, row) != 0
        case Ternary(condition, then, other):
            result = c_value(then if c_value(condition, row) != 0 else other, row)
        case Call("min", (a, b)):
            x, y = float(c_value(a, row)), float(c_value(b, row))
            result = min(x, y)
        case Call("abs", (a,)):
            result = abs(float(c_value(a, row)))
        case Binary(operator, a, b):
            x, y = c_value(a, row), c_value(b, row)
            table = BIT_OPERATIONS if operator in BIT_OPERATIONS else DOUBLE_OPERATIONS
            if operator not in BIT_OPERATIONS and (operator in "+-*/" or isinstance(x, float) or isinstance(y, float)):
                x, y = float(x), float(y)
            result = table[operator](x, y)
    return result


BIT_OPERATIONS = {
    "%": lambda x, y: (-1 if x < 0 else 1) * (abs(x) % abs(y)),
    "&": lambda x, y: x & MASK & y,
    "|": lambda x, y: (x | y) & MASK,
    "<<": lambda x, y: (x << (y & 63)) & MASK,
    ">>": lambda x, y: (x & MASK) >> (y & 63),
}
DOUBLE_OPERATIONS = {
    "+": operators.add,
    "-": operators.sub,
    "*": operators.mul,
    "/": lambda x, y: x / y if y else 0.0,
    "<": operators.lt,
    ">": operators.gt,
    "<=": operators.le,
    ">=": operators.ge,
    "==": operators.eq,
    "!=": operators.ne,
}
INTEGERS = st.one_of(st.integers(0, 20).map(Number), st.sampled_from("ijb").map(Branch))
BITS = st.recursive(
    INTEGERS,
    lambda s: st.one_of(
        st.builds(Binary, st.sampled_from(["&", "|", "<<", ">>"]), s, s),
        st.builds(Binary, st.just("%"), s, st.integers(1, 20).map(Number)),
    ),
    max_leaves=4,
)
LEAVES = st.one_of(BITS, st.floats(0, 50).map(Number), st.sampled_from("xy").map(Branch))
TREES = st.recursive(
    LEAVES,
    lambda s: st.one_of(
        st.builds(Binary, st.sampled_from(["+", "-", "*", "/", "<", ">", "<=", ">=", "==", "!=", "&&", "||"]), s, s),
        st.builds(Unary, st.sampled_from("-!"), s),
        st.builds(Ternary, s, s, s),
        st.builds(lambda a, b: Call("min", (a, b)), s, s),
        st.builds(lambda a: Call("abs", (a,)), s),
    ),
    max_leaves=12,
)
ROWS = {
    "x": np.array([0.0, -1.5, 3.25, 1e6, 0.1], dtype=np.float32),
    "y": np.array([2.0, 0.0, -0.5, 1e-3, 7.0]),
    "i": np.array([0, -7, 12, 2**31 - 1, 5], dtype=np.int32),
    "j": np.array([3, 2, 1, 10, 63], dtype=np.uint8),
    "b": np.array([True, False, True, False, True]),
}


@given(TREES)
def test_scalars_are_worth_what_c_makes_of_them(tree: Node) -> None:
    expression = parse(to_text(tree))
    got = expression.evaluate(ROWS, 5)
    for row in range(5):
        values = {name: column[row].item() for name, column in ROWS.items()}
        wanted = float(c_value(tree, values))
        assert got[row] == wanted or (math.isnan(got[row]) and math.isnan(wanted)), (expression.text, row)
    np.testing.assert_array_equal(expression.select(ROWS, 5), got != 0)


@given(TREES, st.permutations(range(5)))
def test_rows_do_not_know_each_other(tree: Node, order: list[int]) -> None:
    expression = parse(to_text(tree))
    shuffled = {name: column[order] for name, column in ROWS.items()}
    np.testing.assert_array_equal(expression.evaluate(shuffled, 5), expression.evaluate(ROWS, 5)[order])


def test_blocks_join_without_a_seam() -> None:
    rng = np.random.default_rng(1)
    n = 100_001
    columns = {"x": rng.normal(size=n), "k": rng.integers(0, 100, n)}
    np.testing.assert_array_equal(parse("x*2 + (k % 7)").evaluate(columns), columns["x"] * 2 + columns["k"] % 7)
    np.testing.assert_array_equal(
        parse("x > 0.5 && k & 1").select(columns), (columns["x"] > 0.5) & (columns["k"] % 2 == 1)
    )


def test_float32_is_compared_in_double() -> None:
    columns = {"x": np.array([0.1, 2.5], dtype=np.float32)}
    assert parse("x > 0.1").select(columns).tolist() == [True, True]
    assert parse("x == 0.1").select(columns).tolist() == [False, False]
    assert parse("x == 2.5").select(columns).tolist() == [False, True]
    assert parse("abs(-x) == 2.5").select(columns).tolist() == [False, True]
    assert parse("x * 3").evaluate(columns)[0] == float(np.float32(0.1)) * 3


def test_bitwise_and_binds_as_in_c_not_as_in_python() -> None:
    columns = {"njet": np.array([2, 2, 3, 1]), "pt": np.array([1.0, -1.0, 1.0, 1.0])}
    assert parse("njet==2 & (pt>0)").select(columns).tolist() == [True, False, False, False]
    assert parse("njet==2 & pt>0").select(columns).tolist() == [True, False, False, False]


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", ">f4", ">i8"])
def test_columns_of_every_numeric_type(dtype: str) -> None:
    columns = {"x": np.array([0, 1, 1], dtype=dtype)}
    assert parse("x*300 - 1").evaluate(columns).tolist() == [-1, 299, 299]
    assert parse("x").evaluate(columns).dtype == np.float64
    assert parse("x == 1").select(columns).tolist() == [False, True, True]


def test_a_result_is_never_a_view_of_a_column() -> None:
    columns = {"x": np.array([1.0, 2.0]), "i": np.array([1, 2])}
    parse("x").evaluate(columns)[0] = 7
    parse("i").evaluate_integer(columns)[0] = 7
    assert columns["x"][0] == 1
    assert columns["i"][0] == 1


def test_nan_passes_a_selection_as_in_root_but_no_comparison() -> None:
    columns = {"x": np.array([np.nan, 1.0, 0.0])}
    assert parse("x").select(columns).tolist() == [True, True, False]
    assert parse("!x").select(columns).tolist() == [False, False, True]
    assert parse("x > 0").select(columns).tolist() == [False, True, False]
    assert parse("x != x").select(columns).tolist() == [True, False, False]


def test_division_by_zero_and_domains_raise_no_warning() -> None:
    columns = {"x": np.array([0.0, -1.0, np.inf])}
    assert parse("1/x").evaluate(columns).tolist() == [0, -1, 0]
    assert parse("TMath::Log(x)").evaluate(columns)[0] == -np.inf
    assert np.isnan(parse("std::sqrt(x)").evaluate(columns)[1])
    assert parse("x*1e308*10").evaluate(columns)[1] == -np.inf
    assert np.isnan(parse("5 % x").evaluate(columns)[0])


def test_constants_need_the_number_of_events() -> None:
    assert parse("2*pi").evaluate({}, 3).tolist() == [2 * math.pi] * 3
    assert parse("true").select({}, 2).tolist() == [True, True]
    assert parse("7").evaluate_integer({}, 2).tolist() == [7, 7]
    assert parse("1").evaluate({}, 0).shape == (0,)
    with pytest.raises(InvalidInputError, match="pass n_entries"):
        parse("1").evaluate({})


def test_no_events() -> None:
    empty = {"x": np.array([]), "i": np.array([], dtype=np.int64)}
    assert parse("x + i").evaluate(empty).shape == (0,)
    assert parse("x > 0").select(empty).dtype == bool
    assert parse("i*2 - 1").evaluate_integer(empty).shape == (0,)


def test_a_missing_column_names_the_near_ones() -> None:
    with pytest.raises(
        BranchNotFoundError, match=r"no branch 'jet_pT'; did you mean 'jet_pt'\? \(there are: jet_pt, x\)"
    ):
        parse("jet_pT + x").evaluate({"jet_pt": np.ones(1), "x": np.ones(1)})


def test_columns_that_cannot_be_used() -> None:
    with pytest.raises(InvalidInputError, match="differ in length"):
        parse("x + y").evaluate({"x": np.ones(2), "y": np.ones(3)})
    with pytest.raises(InvalidInputError, match="n_entries: 5"):
        parse("x").evaluate({"x": np.ones(2)}, 5)
    with pytest.raises(ExpressionError, match="'x' is of type <U1"):
        parse("x").evaluate({"x": np.array(["a"])})
    with pytest.raises(ExpressionError, match="array of 3 dimensions"):
        parse("Sum$(x)").evaluate({"x": np.ones((2, 2, 2))})


def test_importing_the_room_loads_no_heavy_library() -> None:
    heavy = {"awkward", "uproot", "scipy", "numba", "sklearn", "xgboost", "matplotlib"}
    code = (
        f"import sys, hepml.expressions as e; e.parse('x').evaluate({{'x': [1.0]}}); print({heavy} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_remainder_by_zero_has_no_value_where_it_is_needed() -> None:
    columns = {"i": np.array([7, -7, 7]), "k": np.array([0, 4, -4]), "u": np.array([2**64 - 1, 0, 9], dtype=np.uint64)}
    np.testing.assert_array_equal(parse("i % k").evaluate(columns), [np.nan, -3, 3])
    np.testing.assert_array_equal(parse("u % k").evaluate(columns), [np.nan, 0, 1])
    np.testing.assert_array_equal(parse("k && i % k > 0").evaluate(columns), [0, 0, 1])
    np.testing.assert_array_equal(parse("k ? i % k : 99").evaluate(columns), [99, -3, 3])
    assert parse("i % k || 1").select(columns).tolist() == [False, True, True]
    assert np.isnan(parse("i + 1 % 0").evaluate(columns)).all()


@pytest.mark.parametrize(
    "text", ["u % k & 1", "(k > 0 ? u : i) & 1", "u == k", "u % i", "i % u == k", "(k ? u : 3) % 2", "u >> (k & 3)"]
)
def test_types_and_not_neighbours_decide_what_is_exact(text: str) -> None:
    columns = {
        "u": np.array([2**64 - 1, 2**53 + 1, 5], dtype=np.uint64),
        "i": np.array([-7, 2**53 + 1, 3]),
        "k": np.array([0, -2, 3], dtype=np.int8),
    }
    together = parse(text).evaluate(columns)
    for row in range(3):
        alone = parse(text).evaluate({name: column[row : row + 1] for name, column in columns.items()})
        np.testing.assert_array_equal(alone, together[row : row + 1])
