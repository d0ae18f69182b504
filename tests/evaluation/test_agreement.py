"""Agreement of classifiers: counted by hand, TMVA's overlap, errors."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.errors import InvalidInputError
from hepml.evaluation import classifier_agreement, correlations, efficiency, roc_curve


def scores_of(rng, n=400):
    label = np.append([True, False], rng.random(n - 2) < 0.5)
    common = rng.normal(size=n) + label
    scores = {name: common + 0.3 * rng.normal(size=n) for name in "AB"} | {"C": rng.normal(size=n) + label}
    return label, scores, np.where(rng.random(n) < 0.1, -1, 1) * rng.uniform(0.5, 1.5, n)


@given(seed=st.integers(0, 2**32 - 1), target=st.floats(0.2, 0.9))
def test_cuts_correlations_and_overlaps_are_those_of_their_definitions(seed, target):
    rng = np.random.default_rng(seed)
    label, scores, weight = scores_of(rng)
    event = rng.integers(0, 250, label.size)
    found = classifier_agreement(label, scores, weight, event=event, signal_efficiency=target)
    passed = {}
    for name, threshold in zip(found.names, found.thresholds, strict=True):
        assert threshold == roc_curve(label, scores[name], weight).at_signal_efficiency(target).threshold
        passed[name] = scores[name] >= threshold
    for mask, overlap, matrix in (
        (label, found.signal_overlap, found.signal_correlations),
        (~label, found.background_overlap, found.background_correlations),
    ):
        for i, first in enumerate(found.names):
            for j, second in enumerate(found.names):
                for agreed, value, error in (
                    (passed[first] & passed[second], overlap.both, overlap.both_error),
                    (passed[first] == passed[second], overlap.same, overlap.same_error),
                ):
                    expected = efficiency(agreed[mask], weight[mask], event=event[mask])
                    assert value[i, j] == pytest.approx(expected.value)
                    assert error[i, j] == pytest.approx(expected.error)
        columns = np.column_stack(list(scores.values()))[mask]
        expected = correlations(columns, weight[mask], event=event[mask])
        assert matrix.rank == pytest.approx(expected.rank, nan_ok=True)
        assert matrix.linear_error == pytest.approx(expected.linear_error, nan_ok=True)


def test_overlap_is_that_of_tmva():
    """TMVA counts (x_i - cut_i) (x_j - cut_j) > 0, each event once."""
    label, scores, _ = scores_of(np.random.default_rng(1))
    found = classifier_agreement(label, scores, signal_efficiency=0.7)
    above = np.column_stack([scores[name] - cut for name, cut in zip(found.names, found.thresholds, strict=True)])
    # the cut is at a signal event, which TMVA's product would call neither
    above[above == 0] = 1
    agree = (above[:, :, None] * above[:, None, :] > 0)[~label].mean(axis=0)
    assert found.background_overlap.same == pytest.approx(agree)
    assert np.diagonal(found.background_overlap.same).tolist() == [1, 1, 1]
    assert np.diagonal(found.signal_overlap.both) == pytest.approx([0.7] * 3, abs=0.01)


def test_related_classifiers_agree_more():
    label, scores, weight = scores_of(np.random.default_rng(2), 5000)
    found = classifier_agreement(label, scores, weight)
    background = found.background_overlap
    assert background.both[0, 1] - background.both[0, 2] > 5 * background.both_error[0, 2]
    assert found.background_correlations.linear[0, 1] > 0.8
    assert abs(found.background_correlations.linear[0, 2]) < 0.1


def test_one_method_agrees_with_itself():
    found = classifier_agreement([0, 0, 1, 1], {"only": [1.0, 2.0, 3.0, 4.0]})
    assert found.signal_overlap.same.tolist() == [[1.0]]
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["names"] == ["only"]


def test_a_constant_score_has_no_correlation():
    found = classifier_agreement([0, 0, 1, 1], {"A": [1.0, 2.0, 3.0, 4.0], "flat": [0.5] * 4})
    assert found.to_dict()["signal"]["correlations"]["linear"][0][1] is None
    assert found.signal_overlap.both[1, 1] == 1


def test_what_is_wrong_is_said():
    with pytest.raises(InvalidInputError, match="no scores"):
        classifier_agreement([0, 1], {})
    with pytest.raises(InvalidInputError, match="score of 'B' has shape"):
        classifier_agreement([0, 1], {"A": [0.1, 0.2], "B": [0.1]})
    with pytest.raises(InvalidInputError, match="efficiency of 0"):
        classifier_agreement([0, 1], {"A": [0.1, 0.2]}, signal_efficiency=0)
