"""Signed weights: checks and the balance of classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.data import check_class_sums, check_weights, effective_entries, training_weights
from hepml.errors import EmptyClassError, InvalidInputError, WeightError

signed = st.lists(st.one_of(st.floats(-1, -1e-3), st.floats(1e-3, 3)), min_size=60, max_size=80)


def test_effective_entries_in_closed_form() -> None:
    assert effective_entries(np.ones(7)) == 7
    assert effective_entries(np.full(7, -0.3)) == pytest.approx(7)
    # half of +1 and -1 in shares p and 1 - p: n (2p - 1)^2
    weight = np.r_[np.ones(75), -np.ones(25)]
    assert effective_entries(weight) == pytest.approx(100 * 0.25)
    assert effective_entries(np.array([])) == effective_entries(np.zeros(3)) == 0


@given(signed, st.floats(0.01, 100))
def test_effective_entries_do_not_depend_on_the_scale(values: list[float], scale: float) -> None:
    weight = np.array(values)
    assert effective_entries(weight * scale) == pytest.approx(effective_entries(weight))
    assert 0 <= effective_entries(weight) <= len(weight) * (1 + 1e-12)


def test_useless_weights_are_refused() -> None:
    with pytest.raises(WeightError, match=r"ggH: 2 of 3 weights are NaN or infinite \(first: event 1 .*nan\)"):
        check_weights(np.array([1.0, np.nan, -np.inf]), "ggH")
    with pytest.raises(WeightError, match="ggH: all 2 weights are zero"):
        check_weights(np.zeros(2), "ggH")
    check_weights(np.array([0.0, -1.0]), "negative weights are fine")
    check_weights(np.array([]), "nothing is no mistake")


def test_a_class_must_be_there_and_positive_beyond_its_error() -> None:
    label = np.array([1] * 20 + [0] * 20, dtype=np.int8)
    check_class_sums(label, np.ones(40), "training")
    with pytest.raises(EmptyClassError, match="no background events in the test part"):
        check_class_sums(label[:20], np.ones(20), "test")
    with pytest.raises(EmptyClassError, match="no signal events in the test part"):
        check_class_sums(label[20:], np.ones(20), "test")
    negative = np.where(label == 1, -1.0, 1.0)
    with pytest.raises(
        EmptyClassError, match=r"weights of signal in the x part sum to -20 \+- 4\.472 \(20 events, 20 neg"
    ):
        check_class_sums(label, negative, "x")
    with pytest.raises(EmptyClassError, match="sum to nan"):
        check_class_sums(label, np.full(40, np.nan), "x")


def test_three_sigma_is_the_limit() -> None:
    # n unit weights: the sum is sqrt(n) times its own uncertainty
    for n_signal, good in ((8, False), (9, True)):
        label = np.array([1] * n_signal + [0] * 20, dtype=np.int8)
        if good:
            check_class_sums(label, np.ones(len(label)), "x")
        else:
            with pytest.raises(EmptyClassError, match="three times its uncertainty"):
                check_class_sums(label, np.ones(len(label)), "x")


LABEL = np.array([1] * 30 + [0] * 50, dtype=np.int8)


@given(st.lists(st.sampled_from([1.0, 2.0, 0.5, -0.25]), min_size=80, max_size=80))
def test_balance_keeps_signs_and_ratios(values: list[float]) -> None:
    weight = np.array(values)
    for balance, sums in (("num_events", (30, 50)), ("equal", (30, 30))):
        try:
            result = training_weights(LABEL, weight, balance)  # type: ignore[arg-type]
        except EmptyClassError:
            continue
        for value, expected in zip((1, 0), sums, strict=True):
            chosen = value == LABEL
            assert result[chosen].sum() == pytest.approx(expected)
            ratio = result[chosen] / weight[chosen]
            np.testing.assert_allclose(ratio, ratio[0])
            assert ratio[0] > 0


def test_balance_in_closed_form() -> None:
    weight = np.where(LABEL == 1, 0.01, 4.0)
    weight[0] = -0.01
    none = training_weights(LABEL, weight, "none")
    np.testing.assert_array_equal(none, weight)
    assert none is not weight
    equal = training_weights(LABEL, weight)
    np.testing.assert_allclose(equal[LABEL == 0], 30 / 50)
    np.testing.assert_allclose(equal[1:30], 30 / 28)
    assert equal[0] == pytest.approx(-30 / 28)
    np.testing.assert_allclose(training_weights(LABEL, weight, "num_events")[LABEL == 0], 1.0)


def test_what_cannot_be_balanced_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="unknown balance 'equl'"):
        training_weights(LABEL, np.ones(80), "equl")  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="only signal"):
        training_weights(np.where(LABEL == 1, -1, 0).astype(np.int8), np.ones(80))
    with pytest.raises(EmptyClassError, match="training part"):
        training_weights(LABEL, np.where(LABEL == 1, -1.0, 1.0))
