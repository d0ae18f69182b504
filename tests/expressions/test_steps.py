"""A selection and its steps select the same events."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from hepml.expressions import parse, split_selection


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", ()),
        ("pt>20", ("pt>20",)),
        ("pt > 20 && eta < 2 && n == 1", ("pt > 20", "eta < 2", "n == 1")),
        ("(pt > 20 && eta < 2) && (n || pt)", ("pt > 20", "eta < 2", "n || pt")),
        ("pt > 20 || eta < 2 && n", ("pt > 20 || eta < 2 && n",)),
        ("!(pt > 20 && eta < 2)", ("!(pt > 20 && eta < 2)",)),
        ("Sum$(jet > 1 && jet < 3) > 0 && n", ("Sum$(jet > 1 && jet < 3) > 0", "n")),
    ],
)
def test_it_splits_at_the_outermost_and(text: str, steps: tuple[str, ...]) -> None:
    assert split_selection(text) == steps


@pytest.mark.parametrize(
    "text",
    [
        "x > 0 && y < 1",
        "x && y && n",
        "jet[1] > 0 && x > 0",
        "x > 0 && jet[1]/jet[2] > 1",
        "(x > 0 || jet[2] > 1) && y",
        "n % 2 && n & 1 && (x < 0 ? y : jet[0])",
        "x/n > 0 && 1",
    ],
)
def test_all_steps_are_the_selection(text: str) -> None:
    rng = np.random.default_rng(1)
    counts = rng.integers(0, 4, 2000)
    columns = {
        "x": np.where(rng.random(2000) < 0.2, np.nan, rng.normal(size=2000)),
        "y": np.where(rng.random(2000) < 0.2, 0.0, rng.normal(size=2000)),
        "n": rng.integers(-2, 3, 2000),
        "jet": ak.unflatten(rng.normal(size=counts.sum()), counts),
    }
    each = [parse(step).select(columns, 2000) for step in split_selection(text)]
    whole = parse(text).select(columns, 2000)
    assert np.array_equal(np.logical_and.reduce(each), whole)
    assert 0 < whole.sum() < 2000
