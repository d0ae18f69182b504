"""Values against what ROOT's TTreeFormula computed (data/ttreeformula.json, written by make_ttreeformula.py)."""

from __future__ import annotations

import json
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from hepml.errors import ExpressionError
from hepml.expressions import parse, to_text

TABLE = json.loads((Path(__file__).parent / "data" / "ttreeformula.json").read_text(encoding="utf-8"))
DTYPES = {"i": "i4", "d": "f8", "f": "f4", "Q": "u8", "q": "i8", "h": "i2", "B": "u1"}
N = 5

# ROOT takes these integers through a double, where they lose bits; here they are exact: docs/expressions.md
EXACT = {
    "u%1000": [615, 993, 811, 5, 217],
    "l%1000": [993, -993, 905, 6, -1],
    "u&1": [1, 1, 1, 1, 1],
    "l&1": [1, 1, 1, 0, 1],
    "u<<1": [2**64 - 2, 2**54 + 2, 6, 10, 2**25 + 2],
    "l<<40": [2**40, 2**64 - 2**40, 2**40, 6 * 2**40, 2**64 - 2**40],
    "u>>1": [2**63 - 1, 2**52, 2**62 + 1, 2, 2**23],
}
# Alt$ of one element beside a list: ROOT takes the element for the first value of the list only
OTHER = {"Sum$(a*Alt$(b[3],2))": [4, 0, 8, 10, np.nan]}
# refused by ROOT's parser, with a meaning that C leaves no doubt about
EXTENSIONS = {
    "- -i": [7, 0, -7, 12, 1000003],
    "!-i": [0, 1, 0, 0, 0],
    "+i": [7, 0, -7, 12, 1000003],
    "true": [1, 1, 1, 1, 1],
    "x>0 ? y>0 ? 1:2 : 3": [2, 3, 3, 1, 1],
    "std::sqrt(x)": [np.sqrt(2.5), 0, np.nan, 1e150, np.sqrt(0.5)],
    "std::max(x,y)": [2.5, 3, 2, 1e300, 0.5],
    "v[3]": [np.nan] * 5,
}


def number(value: float | str | None) -> float:
    return np.nan if value is None else float(value) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def columns() -> dict[str, np.ndarray | ak.Array]:
    out: dict[str, np.ndarray | ak.Array] = {}
    for name, column in TABLE["columns"].items():
        dtype = "?" if name == "bo" else DTYPES[column["type"]]
        rows = [[number(v) for v in r] if isinstance(r, list) else number(r) for r in column["values"]]
        out[name] = ak.values_astype(ak.Array(rows), dtype) if column["kind"] == "list" else np.array(rows, dtype)
    return out


def check(text: str, got: np.ndarray, expected: list[float | str | None]) -> None:
    wanted = np.array([number(value) for value in expected])
    # libm and numpy may differ in the last bit of a transcendental function
    np.testing.assert_allclose(got, wanted, rtol=4e-16 if "(" not in text else 1e-15, atol=0, err_msg=text)
    zero = wanted == 0
    assert np.array_equal(got[zero], wanted[zero])


@pytest.mark.parametrize("text", [text for text in TABLE["values"] if text not in {**EXACT, **OTHER}])
def test_value_is_that_of_root(text: str, columns: dict) -> None:
    check(text, parse(text).evaluate(columns, N), TABLE["values"][text])


@pytest.mark.parametrize("text", [text for text in TABLE["values"] if text not in {**EXACT, **OTHER}])
def test_printed_tree_means_the_same(text: str, columns: dict) -> None:
    again = parse(to_text(parse(text).tree))
    assert again.tree == parse(text).tree
    np.testing.assert_array_equal(again.evaluate(columns, N), parse(text).evaluate(columns, N))


@pytest.mark.parametrize(("text", "expected"), {**EXACT, **OTHER, **EXTENSIONS}.items())
def test_documented_differences_from_root(text: str, expected: list[float], columns: dict) -> None:
    check(text, parse(text).evaluate(columns, N), expected)


@pytest.mark.parametrize("text", [text for text in TABLE["refused"] if text not in EXTENSIONS])
def test_what_root_refuses_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


@pytest.mark.parametrize("text", [text for text in TABLE["values"] if text not in {**EXACT, **OTHER}])
def test_selection_is_that_of_tree_draw(text: str, columns: dict) -> None:
    values = TABLE["values"][text]
    got = parse(text).select(columns, N)
    for entry, value in enumerate(values):
        if value is None:
            assert not got[entry], (text, entry)
        elif value == "nan" and got[entry] != True:  # noqa: E712 - a NaN passes, except where an index is out of range
            assert "[" in text, (text, entry)
        else:
            assert got[entry] == (number(value) != 0), (text, entry)
