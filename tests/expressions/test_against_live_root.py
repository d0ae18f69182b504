"""Random expressions against the TTreeFormula of the ROOT that is installed."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest
from hypothesis import strategies as st

from hepml.expressions import parse, to_text
from hepml.root_process import RootProcess, root_is_installed
from tests.expressions.random_expressions import INTEGERS, examples, grown, save_columns

pytestmark = [
    pytest.mark.requires_root,
    pytest.mark.skipif(not root_is_installed(), reason="PyROOT (extra root) is not installed"),
]
N = 60
LISTS = {
    "ai2": "i2",
    "au2": "u2",
    "ai4": "i4",
    "au4": "u4",
    "ai8": "i8",
    "au8": "u8",
    "af4": "f4",
    "af8": "f8",
    "ab1": "?",
}


def columns() -> dict[str, Any]:
    """Numbers of all types, none of an integer that a double does not hold."""
    rng = np.random.default_rng(11)
    made: dict[str, Any] = {"n": rng.integers(0, 4, N).astype(np.int32)}
    for name in INTEGERS:
        lowest = 0 if name[0] == "u" else max(-(2**50), np.iinfo(name).min)
        highest = min(2**50, np.iinfo(name).max)
        small = rng.integers(max(lowest, -3), 5, N)
        made[name] = np.where(rng.random(N) < 0.5, small, rng.integers(lowest, highest, N)).astype(name)
    for name in ("f4", "f8"):
        odd = rng.choice([0.0, 1.0, -1.0, np.nan, 0.1, 1e6], N)
        made[name] = np.where(rng.random(N) < 0.4, odd, rng.normal(0, 30, N)).astype(name)
    made["flag"] = rng.random(N) < 0.5
    n_values = made["n"].sum()
    for name, dtype in LISTS.items():
        values = rng.integers(0 if dtype in {"u2", "u4", "u8"} else -5, 6, n_values).astype(dtype)
        if dtype in {"f4", "f8"}:
            values = np.where(rng.random(n_values) < 0.15, np.nan, values / 3).astype(dtype)
        made[name] = ak.unflatten(values, made["n"])
    return made


SCALARS = [*INTEGERS, "f4", "f8", "flag", "n"]
NUMBERS = ["0", "1", "2", "0.5", "2.5", "0x1f", "1e3", "pi"]
# bits and remainders of what surely is an integer: of others, ROOT's depend on the processor, and x%0 ends it
BITS = ["u1&7", "(u2 | 8)", "(i4&255)<<2", "(u4&1023)>>3", "i2%7", "i8%1000", "u1%3", "int(i4/4)", "f8^2"]
ELEMENTS = [
    f"{name}{place}" for name in ("ai4", "af4", "au8", "ab1") for place in ("[0]", "[1]", "[n-1]", "[n]", "[u1]")
]
INFIX = ["+", "-", "*", "/", "<", ">", "<=", ">=", "==", "!=", "&&", "||"]
FUNCTIONS = ["abs", "sqrt", "floor", "ceil", "sign", "sq", "TMath::Abs", "TMath::Floor", "TMath::IsNaN"]


def joined(leaves: list[str]) -> st.SearchStrategy[str]:
    return grown(st.sampled_from(leaves), infix=INFIX, functions=FUNCTIONS)


IN_LISTS = joined([*LISTS, *LISTS, "f8", "i4", "2", "(ai4%3)", "(au2&3)"])
# no computed index in Alt$, since ROOT goes on with an ordinary NaN then
REDUCED = st.one_of(
    st.tuples(st.sampled_from(["Sum$", "Max$", "Min$"]), IN_LISTS).map(lambda x: f"{x[0]}({x[1]})"),
    st.tuples(st.sampled_from(["MaxIf$", "MinIf$"]), IN_LISTS, st.sampled_from([*LISTS])).map(
        lambda x: f"{x[0]}({x[2]} + ({x[1]}), {x[2]} > 0)"
    ),
    st.sampled_from([*LISTS]).map(lambda name: f"Length$({name})"),
    st.tuples(
        st.sampled_from([text for text in ELEMENTS if text[-3:] in {"[0]", "[1]"}]), st.sampled_from(SCALARS)
    ).map(lambda x: f"Alt$({x[0]}, {x[1]})"),
)
LEAVES = st.one_of(st.sampled_from([*SCALARS, *NUMBERS, *BITS, *ELEMENTS]), REDUCED)
EXPRESSIONS = grown(LEAVES, infix=INFIX, functions=FUNCTIONS)


def test_random_expressions_have_the_values_of_root() -> None:
    made = columns()
    texts = examples(EXPRESSIONS, 400)
    # as few parentheses as there can be, so that the order of operators is that of ROOT as well
    texts += [bare for text in texts if "?" not in text and (bare := to_text(parse(text).tree)) != text]
    with RootProcess(purpose="a test") as process:
        save_columns(process.folder, made)
        refused = process.call("tests.expressions.formula:run", {"names": list(made), "texts": texts})
        expected = process.array("values")
        assert refused == []
        for text, row in zip(texts, expected, strict=True):
            np.testing.assert_array_equal(parse(text).evaluate(made, N), row, err_msg=text)
