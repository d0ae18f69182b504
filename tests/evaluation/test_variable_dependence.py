"""All measures of the dependence on a variable: each is what its function gives, and one that fails costs no other."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hepml.errors import InvalidInputError
from hepml.evaluation import (
    distance_correlation,
    flatness,
    score_slices,
    sculpting,
    uniformity,
    variable_dependence,
)


def same(found, expected):
    """The order of the rows, and so that of the sums, is another one."""
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert value == pytest.approx(expected[name], rel=1e-9, abs=1e-13), name


def test_each_class_has_its_measures():
    rng = np.random.default_rng(1)
    label, event = rng.random(1500) < 0.4, rng.integers(0, 1000, 1500)
    values = rng.exponential(size=1500)
    score, weight = rng.normal(label + 0.3 * values), np.where(rng.random(1500) < 0.1, -1.0, 1.0)
    found = variable_dependence(
        label, score, values, weight, variable="mass", thresholds=[1.5, 0.5], event=event, seed=3
    )
    assert (found.variable, found.thresholds) == ("mass", (1.5, 0.5))
    for mask, dependence in ((label, found.signal), (~label, found.background)):
        own = {"weight": weight[mask], "event": event[mask]}
        for cut, flat, shape in zip(found.thresholds, dependence.flatness, dependence.sculpting, strict=True):
            passed = score[mask] >= cut
            same(flat.to_dict(), flatness(passed, values[mask], **own).to_dict())
            same(shape.to_dict(), sculpting(passed, values[mask], **own).to_dict())
        same(dependence.uniformity.to_dict(), uniformity(score[mask], values[mask], **own).to_dict())
        assert dependence.slices.to_dict() == score_slices(score[mask], values[mask], **own).to_dict()
        expected = distance_correlation(score[mask], values[mask], **own, seed=3)
        assert dependence.distance_correlation == expected
        assert dependence.not_computable == {}
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_measure_that_fails_says_why_and_costs_no_other():
    """Nothing passes the cut, so there is no shape after it."""
    label = np.arange(200) % 2 == 0
    found = variable_dependence(label, np.arange(200) / 200, np.arange(200.0) % 17, variable="x", thresholds=[2.0])
    assert found.background.sculpting == (None,)
    assert "that pass sum to 0" in found.background.not_computable["sculpting"]
    assert found.background.flatness[0].overall == 0
    assert found.background.uniformity is not None


def test_a_variable_without_values_leaves_reasons():
    found = variable_dependence([0, 1] * 20, np.arange(40.0), np.full(40, np.nan), variable="x", thresholds=[])
    assert found.background.slices is None
    for measure in ("slices", "uniformity"):
        assert "0 of 20 events have a value" in found.background.not_computable[measure]
    json.dumps(found.to_dict(), allow_nan=False)


def test_what_is_wrong_is_said():
    with pytest.raises(InvalidInputError, match="mass has shape"):
        variable_dependence([0, 1], [0.1, 0.2], [1.0], variable="mass", thresholds=[0.5])
