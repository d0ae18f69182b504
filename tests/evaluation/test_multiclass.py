"""Areas of several classes: roc_curve, scikit-learn, errors by changing weights."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation import multiclass_auc, roc_curve


def events(rng, n=300, negative=0.1):
    label = np.append(np.arange(3), rng.integers(0, 3, n - 3))
    scores = np.round(rng.normal(size=(n, 3)) + 1.2 * np.eye(3)[label], 1)
    return label, scores, np.where(rng.random(n) < negative, -1, 1) * rng.uniform(0.5, 1.5, n)


@given(seed=st.integers(0, 2**32 - 1))
def test_each_area_is_that_of_its_curve(seed):
    """Value and error, with ties, signed weights and clusters."""
    rng = np.random.default_rng(seed)
    label, scores, weight = events(rng, 150)
    for event in (None, rng.integers(0, 80, 150)):
        found = multiclass_auc(label, scores, weight, event=event)
        for i in range(3):
            curve = roc_curve(label == i, scores[:, i], weight, event=event)
            assert found.one_vs_rest[i] == pytest.approx(curve.auc)
            assert found.one_vs_rest_error[i] == pytest.approx(curve.auc_error)
            for j in {0, 1, 2} - {i}:
                pair = (label == i) | (label == j)
                curve = roc_curve(
                    label[pair] == i, scores[pair, i], weight[pair], event=None if event is None else event[pair]
                )
                assert found.one_vs_one[i, j] == pytest.approx(curve.auc)
                assert found.one_vs_one_error[i, j] == pytest.approx(curve.auc_error)


def test_means_agree_with_scikit_learn():
    label, scores, weight = events(np.random.default_rng(2), negative=0.0)
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    found = multiclass_auc(label, probabilities, weight)
    assert found.macro_one_vs_rest == pytest.approx(
        roc_auc_score(label, probabilities, multi_class="ovr", sample_weight=weight), abs=1e-12
    )
    assert multiclass_auc(label, probabilities).macro_one_vs_one == pytest.approx(
        roc_auc_score(label, probabilities, multi_class="ovo"), abs=1e-12
    )


@pytest.mark.parametrize("name", ["macro_one_vs_rest", "macro_one_vs_one"])
def test_errors_of_means_are_those_of_a_change_of_each_weight(name):
    label, scores, weight = events(np.random.default_rng(3), 120)
    found = multiclass_auc(label, scores, weight)
    total = 0.0
    for row in range(120):
        changed = weight.copy()
        changed[row] *= 1 + 1e-6
        total += ((getattr(multiclass_auc(label, scores, changed), name) - getattr(found, name)) / 1e-6) ** 2
    assert getattr(found, f"{name}_error") == pytest.approx(np.sqrt(total), rel=1e-3)
    assert getattr(found, f"{name}_error") < np.mean(found.one_vs_rest_error)


def test_two_classes_are_the_binary_case():
    rng = np.random.default_rng(4)
    label = np.append([0, 1], rng.integers(0, 2, 98))
    score = rng.normal(label)
    found = multiclass_auc(label, np.column_stack([-score, score]))
    curve = roc_curve(label, score)
    assert found.one_vs_rest == pytest.approx([curve.auc, curve.auc])
    assert (found.macro_one_vs_rest, found.macro_one_vs_one) == pytest.approx((curve.auc, curve.auc))
    assert found.macro_one_vs_rest_error == pytest.approx(curve.auc_error)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["one_vs_one"][0][0] is None


def test_what_is_wrong_is_said():
    with pytest.raises(EmptyClassError, match="0 events of class 2"):
        multiclass_auc([0, 1], np.zeros((2, 3)))
    with pytest.raises(InvalidInputError, match="two classes or more"):
        multiclass_auc([0, 1], [0.1, 0.2])
    with pytest.raises(InvalidInputError, match="class 2 in y_true"):
        multiclass_auc([0, 2], np.zeros((2, 2)))
    with pytest.raises(InvalidInputError, match="scores of class 1: 1 NaN"):
        multiclass_auc([0, 1], [[0.1, np.nan], [0.3, 0.4]])
