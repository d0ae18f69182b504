"""Options are known by name, type and range before a library sees them."""

from __future__ import annotations

import numpy as np
import pytest

from hepml import classifiers
from hepml.errors import InvalidInputError, UnknownNameError


def test_every_option_is_declared(kind):
    cls = classifiers.get(kind)
    assert set(cls.declared_parameters()) == set(cls().get_params())


def test_the_defaults_are_valid(kind):
    cls = classifiers.get(kind)
    assert cls.from_options(cls().get_params()).get_params() == cls().get_params()


def test_a_misspelt_option_is_an_error_with_its_path(kind):
    with pytest.raises(UnknownNameError, match=r"methods\.bdt\.max_detph: no such option .* did you mean 'max_depth'"):
        classifiers.get(kind).from_options({"max_detph": 3}, where="methods.bdt")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("learning_rate", "fast", "must be a number > 0"),
        ("learning_rate", 0.0, "must be a number > 0"),
        ("learning_rate", float("nan"), "must be a number > 0"),
        ("min_child_weight", -1, "must be a number >= 0"),
        ("max_depth", 2.5, "must be a whole number >= 1"),
        ("max_depth", True, "must be a whole number >= 1"),
        ("random_state", -1, "must be a whole number >= 0"),
        ("n_jobs", 0, "must be a whole number >= 1 or None"),
        ("negative_weights", "drop", "must be one of signed, ignore, abs"),
        ("negative_weights", "sigend", "did you mean 'signed'"),
        ("negative_weights", None, "must be one of"),
    ],
)
def test_a_wrong_value_is_an_error(kind, events, name, value, message):
    cls = classifiers.get(kind)
    with pytest.raises(InvalidInputError, match=rf"analysis\.{name}: .*{message}") as raised:
        cls.from_options({name: value}, where="analysis")
    assert repr(value) in str(raised.value)
    with pytest.raises(InvalidInputError, match=f"{kind}: {name}.*{message}"):
        cls(**{name: value}).fit(events.X, events.y)


def test_numpy_numbers_are_numbers(kind):
    model = classifiers.get(kind).from_options({"max_depth": np.int64(3), "learning_rate": np.float32(0.25)})
    assert (model.max_depth, model.learning_rate) == (3, 0.25)
