"""What is no array of numbers is one clear error, wherever it is given."""

from __future__ import annotations

import numpy as np
import pytest

from hepml import evaluation
from hepml.errors import InvalidInputError

LABEL = np.array([0, 1] * 20)
GOOD = np.random.default_rng(1).normal(size=40)
WEIGHT = np.ones(40)

BAD = {
    "text": (np.array(["0.5"] * 40), r"has type <U3, first np.str_\('0.5'\); numbers are needed"),
    "objects": (np.array(["0.5", 1.0] * 20, dtype=object), "has type object, first '0.5'; numbers are needed"),
    "bytes": (np.array([b"1"] * 40), "numbers are needed"),
    "dates": (np.full(40, np.datetime64("2026-01-01")), "numbers are needed"),
    "complex": (GOOD + 1j, "has type complex128"),
    "lists": (np.array([[1], [1, 2]] * 20, dtype=object), "something else than numbers"),
    "ragged": ([[1.0], [1.0, 2.0]] * 20, "is no array"),
}
CALLS = {
    "score": lambda bad: evaluation.roc_curve(LABEL, bad),
    "weight of scores": lambda bad: evaluation.roc_curve(LABEL, GOOD, bad),
    "values": lambda bad: evaluation.fill_histogram(bad, [0, 1]),
    "edges": lambda bad: evaluation.fill_histogram(GOOD, bad),
    "weight of a histogram": lambda bad: evaluation.fill_histogram(GOOD, [0, 1], bad),
    "separation": lambda bad: evaluation.separation(bad, LABEL),
    "mutual information": lambda bad: evaluation.mutual_information(bad, LABEL),
    "feature histograms": lambda bad: evaluation.feature_histograms(bad, LABEL),
    "correlations": lambda bad: evaluation.correlations([bad, bad]),
    "data": lambda bad: evaluation.data_mc((bad, None), {"mc": (GOOD, WEIGHT)}),
    "simulation": lambda bad: evaluation.data_mc((GOOD, None), {"mc": (bad, WEIGHT)}),
    "two samples": lambda bad: evaluation.two_sample_test(bad, None, GOOD, None),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_number_is_named(call, kind):
    bad, message = BAD[kind]
    with pytest.raises(InvalidInputError, match=None if call == "correlations" else message):
        CALLS[call](bad)


def test_labels_and_masks_of_different_lengths_are_named():
    with pytest.raises(InvalidInputError, match="y_true is no array"):
        evaluation.roc_curve([[1], [0, 1]], [0.5, 0.6])
    with pytest.raises(InvalidInputError, match="passed is no array"):
        evaluation.efficiency([[True], [True, False]])


def test_numbers_of_any_kind_are_taken():
    expected = evaluation.roc_curve([0, 1, 0, 1], [1.0, 2.0, 0.0, 3.0]).auc
    for kind in ("i1", "u8", "f2", "f4", "?", object):
        score = np.array([1, 2, 0, 3]).astype(kind)
        reference = expected if kind != "?" else evaluation.roc_curve([0, 1, 0, 1], [1.0, 1.0, 0.0, 1.0]).auc
        assert evaluation.roc_curve([0, 1, 0, 1], score).auc == reference
