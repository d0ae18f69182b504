"""Partial areas against scikit-learn, closed forms, finite differences and toys."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from hepml.errors import InvalidInputError
from hepml.evaluation import partial_auc, roc_curve
from hepml.evaluation.events import ScoredEvents
from hepml.evaluation.partial_auc import _area

N_TOYS = 300
TOLERANCE = 8.0


@st.composite
def samples(draw_value, *, positive=False):
    """Few events, ties and negative weights, and a range."""
    rng = np.random.default_rng(draw_value(st.integers(0, 2**32 - 1)))
    n_events = draw_value(st.integers(4, 40))
    label = rng.random(n_events) < 0.5
    score = rng.integers(0, draw_value(st.sampled_from([1, 4, 1000])), n_events) / 7
    weight = rng.uniform(0.1 if positive else -0.5, 2.0, n_events)
    assume(label.any() and not label.all())
    assume(weight[label].sum() > 0.3 and weight[~label].sum() > 0.3)
    low, high = sorted(rng.uniform(0, 1, 2))
    assume(high - low > 0.01)
    return label, score, weight, (low, high)


@given(samples())
def test_ranges_add_up_to_the_whole_area(sample):
    label, score, weight, (low, high) = sample
    area = roc_curve(label, score, weight).auc
    for over in ("background_efficiency", "signal_efficiency"):
        parts = [partial_auc(label, score, weight, **{over: limits}) for limits in ((0, low), (low, high), (high, 1))]
        assert sum(part.area for part in parts) == pytest.approx(area, abs=1e-10)
        assert partial_auc(label, score, weight, **{over: (0, 1)}).standardised == pytest.approx(area, abs=1e-10)


@given(samples(positive=True))
def test_standardised_form_is_scikit_learns(sample):
    label, score, weight, (_, high) = sample
    expected = roc_auc_score(label, score, sample_weight=weight, max_fpr=high)
    found = partial_auc(label, score, weight, background_efficiency=(0, high))
    assert found.standardised == pytest.approx(expected, abs=1e-12)


@given(samples())
def test_influences_are_the_derivatives_by_the_weights(sample):
    label, score, weight, (low, high) = sample
    _, influence = _area(ScoredEvents.check(label, score, weight), low, high)
    step = 1e-6
    for row in range(label.size):
        areas = []
        for sign in (1, -1):
            moved = weight.copy()
            moved[row] += sign * step
            areas.append(_area(ScoredEvents.check(label, score, moved), low, high)[0])
        derivative = (areas[0] - areas[1]) / (2 * step)
        assert influence[row] == pytest.approx(weight[row] * derivative, rel=1e-4, abs=1e-6)


@given(samples())
def test_the_mirrored_problem_swaps_the_ranges(sample):
    label, score, weight, (low, high) = sample
    one = partial_auc(label, score, weight, signal_efficiency=(low, high))
    other = partial_auc(~label, -score, weight, background_efficiency=(1 - high, 1 - low))
    assert one.area == pytest.approx(other.area, abs=1e-10)


def test_whole_range_has_delongs_error(draw):
    label, score, weight = draw(np.random.default_rng(1), 1000, 1.0, 0.25)
    event = np.arange(label.size) // 3
    for clusters in (None, event):
        curve = roc_curve(label, score.round(1), weight, event=clusters)
        found = partial_auc(label, score.round(1), weight, background_efficiency=(0, 1), event=clusters)
        assert found.area_error == pytest.approx(curve.auc_error, rel=1e-9)
        assert found.standardised_error == pytest.approx(curve.auc_error, rel=1e-9)


@pytest.mark.parametrize("negative", [0.0, 0.25], ids=["positive", "signed"])
@pytest.mark.parametrize(
    "limits", [{"background_efficiency": (0.05, 0.2)}, {"signal_efficiency": (0.6, 0.9)}], ids=["background", "signal"]
)
def test_two_gaussians_have_the_closed_form_and_errors_cover(draw, limits, negative):
    rng, distance = np.random.default_rng(20240501), 1.0
    ((over, (low, high)),) = limits.items()
    if over == "background_efficiency":
        truth = quad(lambda x: norm.sf(norm.isf(x) - distance), low, high)[0]
    else:
        truth = quad(lambda x: 1 - norm.sf(norm.isf(x) + distance), low, high)[0]
    pulls = []
    for _ in range(N_TOYS):
        found = partial_auc(*draw(rng, 1000, distance, negative), **limits)
        pulls.append((found.area - truth) / found.area_error)
    assert abs(100 * np.mean(np.abs(pulls) < 1) - 68.3) < TOLERANCE


def test_mcclish_form_has_its_fixed_points():
    chance = partial_auc([0, 1] * 50, [1.0] * 100, background_efficiency=(0.1, 0.3))
    assert chance.standardised == pytest.approx(0.5)
    perfect = partial_auc([0] * 50 + [1] * 50, np.arange(100), signal_efficiency=(0.1, 0.3))
    assert perfect.area == pytest.approx(0.2)
    assert perfect.standardised == pytest.approx(1)


def test_an_error_that_few_events_carry_is_not_quoted(draw):
    found = partial_auc(*draw(np.random.default_rng(1), 200, 1.0), background_efficiency=(0, 0.01))
    assert math.isnan(found.area_error)
    assert found.n_carrying < 20
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert content["area_error"] is content["standardised_error"] is None
    assert content["over"] == "background_efficiency"


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({}, "either a range"),
        ({"background_efficiency": (0, 0.1), "signal_efficiency": (0, 0.1)}, "either a range"),
        ({"background_efficiency": (0.3, 0.1)}, r"range \(0\.3, 0\.1\)"),
        ({"signal_efficiency": (0.5, 1.1)}, "0 <= low < high <= 1"),
        ({"signal_efficiency": (math.nan, 1.0)}, "0 <= low < high <= 1"),
    ],
)
def test_one_range_within_0_and_1_is_needed(limits, words):
    with pytest.raises(InvalidInputError, match=words):
        partial_auc([0, 1], [0.1, 0.2], **limits)
