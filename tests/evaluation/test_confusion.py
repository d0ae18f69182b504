"""Confusion matrix: scikit-learn, errors by changing weights, invariants."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score
from sklearn.metrics import confusion_matrix as sklearn_matrix

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation import confusion_matrix, efficiency


def labels(rng, n=600, negative=0.1):
    truth = np.append(np.arange(3), rng.integers(0, 3, n - 3))
    assigned = np.where(rng.random(n) < 0.6, truth, rng.integers(0, 3, n))
    return truth, assigned, np.where(rng.random(n) < negative, -1, 1) * rng.uniform(0.5, 1.5, n)


@given(seed=st.integers(0, 2**32 - 1))
def test_agrees_with_scikit_learn(seed):
    truth, assigned, weight = labels(np.random.default_rng(seed), 100)
    found = confusion_matrix(truth, assigned, weight)
    assert found.sum_w == pytest.approx(sklearn_matrix(truth, assigned, sample_weight=weight), abs=1e-9)
    assert found.by_truth.sum(axis=1) == pytest.approx([1, 1, 1])
    assert np.nansum(found.by_assigned, axis=0) == pytest.approx([1, 1, 1])
    assert found.accuracy == pytest.approx(weight[truth == assigned].sum() / weight.sum())
    unsigned = confusion_matrix(truth, assigned)
    assert unsigned.balanced_accuracy == pytest.approx(balanced_accuracy_score(truth, assigned))


def test_errors_are_those_of_efficiencies():
    truth, assigned, weight = labels(np.random.default_rng(1))
    event = np.random.default_rng(2).integers(0, 300, truth.size)
    for clusters in (None, event):
        found = confusion_matrix(truth, assigned, weight, event=clusters)

        def error(passed, here, clusters=clusters):
            return efficiency(passed[here], weight[here], event=None if clusters is None else clusters[here]).error

        for i in range(3):
            for j in range(3):
                assert found.by_truth_error[i, j] == pytest.approx(error(assigned == j, truth == i))
                assert found.by_assigned_error[i, j] == pytest.approx(error(truth == i, assigned == j))
        assert found.accuracy_error == pytest.approx(error(truth == assigned, np.ones(truth.size, dtype=bool)))
    assert confusion_matrix(truth, assigned, weight).sum_w_error[0, 1] == pytest.approx(
        np.sqrt((weight[(truth == 0) & (assigned == 1)] ** 2).sum())
    )


def test_error_of_the_balanced_accuracy_is_that_of_a_change_of_each_weight():
    truth, assigned, weight = labels(np.random.default_rng(3), 200)
    found = confusion_matrix(truth, assigned, weight)
    total = 0.0
    for row in range(200):
        changed = weight.copy()
        changed[row] *= 1 + 1e-6
        total += ((confusion_matrix(truth, assigned, changed).balanced_accuracy - found.balanced_accuracy) / 1e-6) ** 2
    assert found.balanced_accuracy_error == pytest.approx(np.sqrt(total), rel=1e-4)


def test_two_classes_are_the_cut():
    found = confusion_matrix([False, False, True, True], np.array([0.1, 0.6, 0.4, 0.9]) >= 0.5)
    assert found.by_truth.tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_a_class_to_which_nothing_is_assigned():
    found = confusion_matrix([0, 1, 1], [0, 0, 0], n_classes=2)
    assert np.isnan(found.by_assigned[:, 1]).all()
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["by_assigned"][0] == [pytest.approx(1 / 3), None]


def test_what_is_wrong_is_said():
    with pytest.raises(EmptyClassError, match="0 events of class 1"):
        confusion_matrix([0, 2], [0, 2])
    with pytest.raises(InvalidInputError, match="whole numbers"):
        confusion_matrix([0.0, 1.0], [0, 1])
    with pytest.raises(InvalidInputError, match="counted from 0"):
        confusion_matrix([0, -1], [0, 1])
    with pytest.raises(InvalidInputError, match="n_classes is 2"):
        confusion_matrix([0, 1], [0, 2], n_classes=2)
    with pytest.raises(InvalidInputError, match="shape"):
        confusion_matrix([0, 1], [0])
