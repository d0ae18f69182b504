"""H-Matrix: responses of a real TMVA, a closed form, and matrices that are none."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hepml.errors import FeatureValueError, ModelFormatError
from hepml.tmva import Reader
from hepml.tmva.methods.hmatrix import HMatrix
from tests.tmva.densities import answer_or_refuse, largest_difference
from tests.tmva.golden import Golden
from tests.tmva.test_reader import text_of


def with_matrices(signal: str, background: str) -> str:
    text = text_of("random_HMatrix")
    for name, values in (
        ("VecMeanS", "1 0 0 0"),
        ("VecMeanB", "-1 0 0 0"),
        ("InvHMatS", signal),
        ("InvHMatB", background),
    ):
        text = re.sub(rf"(<{name}[^>]*>)[^<]*", rf"\g<1>{values}", text)
    return text


IDENTITY = " ".join(str(float(row == column)) for row in range(4) for column in range(4))


def test_committed() -> None:
    assert largest_difference(Golden("random", "HMatrix", HMatrix.kind)) <= 1e-12


def test_it_compares_distances_from_two_means() -> None:
    X = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    wide = X.astype(np.float64)
    mean = np.array([1.0, 0.0, 0.0, 0.0])
    signal, background = ((wide - mean) ** 2).sum(axis=1), ((wide + mean) ** 2).sum(axis=1)
    found = Reader(with_matrices(IDENTITY, IDENTITY)).evaluate(X)
    np.testing.assert_allclose(found, (background - signal) / (background + signal), rtol=0, atol=1e-14)
    # a reflected event has the opposite response
    np.testing.assert_allclose(Reader(with_matrices(IDENTITY, IDENTITY)).evaluate(-X), -found, rtol=0, atol=1e-14)


def test_a_negative_chi_squared_is_an_error() -> None:
    reader = Reader(with_matrices(IDENTITY, IDENTITY.replace("1.0", "-1.0")))
    with pytest.raises(FeatureValueError, match="2 of 3 events"):
        reader.evaluate(np.array([[0.0, 0, 0, 0], [-1.0, 0, 0, 0], [5.0, 0, 0, 0]]))
    with pytest.raises(FeatureValueError, match="1 of 1 events"):
        Reader(with_matrices(" ".join("0" * 16), " ".join("0" * 16))).evaluate(np.zeros((1, 4)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('Rows="4" Columns="4"', 'Rows="1000000000" Columns="1000000000"'),
        ('Rows="1" Columns="4"', 'Rows="4" Columns="1"'),
        ("VecMeanB", "VecMeanX"),
        ("3.156061174692935e-01", "nan"),
        ("3.156061174692935e-01", "1e999"),
        ("3.156061174692935e-01", "x"),
        ("3.156061174692935e-01", ""),
        ("3.156061174692935e-01", "1 1"),
    ],
)
def test_damaged_files_are_refused(old: str, new: str) -> None:
    text = text_of("random_HMatrix")
    assert old in text
    with pytest.raises(ModelFormatError):
        Reader(text.replace(old, new))


@pytest.mark.parametrize("seed", range(100))
def test_mutated_files_are_refused_or_answer(seed: int) -> None:
    answer_or_refuse(text_of("random_HMatrix"), np.random.default_rng(seed))
