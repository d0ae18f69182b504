"""Sentinels and expressions on the way to a feature."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest

from hepml.data import Feature
from hepml.data.columns import evaluate_feature, required_branches

NAN = np.nan


@pytest.mark.parametrize(
    ("column", "missing", "expected"),
    [
        (np.array([1.0, -999.0]), (-999,), [1, NAN]),
        (np.array([1.0, -99.9], dtype=np.float32), (-99.9,), [1, NAN]),
        # doubles that were floats once
        (np.array([1.0, np.float32(-99.9)]), (-99.9,), [1, NAN]),
        (np.array([1, -999, -1], dtype=np.int16), (-999, -1), [1, NAN, NAN]),
        (np.array([0, 255], dtype=np.uint8), (255,), [0, NAN]),
        (np.array([True, False]), (-1,), [1, 0]),
        (np.array([1.0, np.inf]), (np.inf,), [1, NAN]),
        (np.array([1.0, 1e300]), (1e300,), [1, NAN]),
        (np.array([1.0, -999.0]), (), [1, -999]),
    ],
)
def test_sentinels_of_a_branch(column: Any, missing: tuple[float, ...], expected: list[float]) -> None:
    before = column.copy()
    for expression in ("x", "(x)", "x*1"):
        found = evaluate_feature(Feature("f", expression, missing=missing), {"x": column}, len(column))
        np.testing.assert_array_equal(found, np.array(expected))
    np.testing.assert_array_equal(column, before, err_msg="the branch itself stays as it is")


def test_sentinels_do_not_enter_computations() -> None:
    columns = {"x": np.array([3.0, -999.0, 4.0]), "y": np.array([4, 1, -999])}
    found = evaluate_feature(Feature("f", "sqrt(x*x+y*y)", missing=(-999,)), columns, 3)
    np.testing.assert_array_equal(found, [5, NAN, NAN])
    # only the expression's own result
    found = evaluate_feature(Feature("f", "x < 0 ? -5 : x", missing=(-5,)), columns, 3)
    np.testing.assert_array_equal(found, [3, NAN, 4])


def test_sentinels_in_lists() -> None:
    columns = {"jet_pt": ak.values_astype(ak.Array([[30, -999], [], [-999, 20]]), np.float32)}
    feature = Feature("f", "jet_pt[0]", missing=(-999,))
    np.testing.assert_array_equal(evaluate_feature(feature, columns, 3), [30, NAN, NAN])
    integers = {"jet_pt": ak.Array([[30, -999], [], [-999, 20]])}
    np.testing.assert_array_equal(evaluate_feature(feature, integers, 3), [30, NAN, NAN])


def test_needed_branches_come_once_in_order() -> None:
    assert required_branches(["b + a", "", "c", "a*b"]) == ("a", "b", "c")
