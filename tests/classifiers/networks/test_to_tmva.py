"""Networks as TMVA's MLP and DL: scaling and cut-off inside the weights, and what TMVA lacks by name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hepml.classifiers.networks.program import Column
from hepml.classifiers.networks.to_tmva import tmva_source
from hepml.errors import ExportError
from hepml.tmva import Reader, write
from tests.classifiers.networks.programs import program

if TYPE_CHECKING:
    from pathlib import Path

    from hepml.classifiers.networks.program import Link

NAMES = ["pt", "eta", "mass", "met"]


@pytest.mark.parametrize(
    ("activation", "n_outputs", "link", "method"),
    [
        ("relu", 1, "logistic", "MLP"),
        ("tanh", 1, "logistic", "DL"),
        ("relu", 3, "softmax", "MLP"),
        ("relu", 2, "identity", "MLP"),
    ],
)
def test_tmva_answers_as_the_network(activation: str, n_outputs: int, link: Link, method: str, tmp_path: Path) -> None:
    made = program(6, activation=activation, n_outputs=n_outputs, link=link, plain=True, residual=False)
    path = tmp_path / "net.weights.xml"
    check = write(tmva_source(made, ignore_missing=True), path, variables=NAMES)
    assert check.verified
    reader = Reader(path)
    assert reader.setup.kind == method
    X = np.random.default_rng(1).normal(0.0, 30.0, size=(2000, 4)).astype(np.float32)
    expected = made.evaluate(X)[1]
    columns = np.column_stack([column.of(X[:, column.feature].astype(float)) for column in made.columns])
    assert (np.abs(columns) == 10.0).any(), "cut off"
    found = reader.evaluate(X).reshape(expected.shape)
    np.testing.assert_allclose(found, expected, atol=1e-5 * max(1.0, np.abs(expected).max()))


def test_columns_in_another_order_and_with_one_end(tmp_path: Path) -> None:
    made = program(7, plain=True, residual=False)
    a, b, c, d = made.columns
    columns = (c, replace(a, high=np.inf), replace(d, low=-np.inf), replace(b, low=-np.inf, high=np.inf))
    made = replace(made, columns=columns)
    write(tmva_source(made, ignore_missing=True), tmp_path / "net.weights.xml", variables=NAMES)
    X = np.random.default_rng(1).normal(0.0, 40.0, size=(500, 4)).astype(np.float32)
    found = Reader(tmp_path / "net.weights.xml").evaluate(X)
    np.testing.assert_allclose(found, made.evaluate(X)[1][:, 0], atol=1e-5)


def test_missing_values_may_be_left_out() -> None:
    made = program(8, residual=False)
    columns = [replace(column, knots=None) for column in made.columns]
    made = replace(made, columns=tuple(columns))
    with pytest.raises(ExportError, match=r"no missing ones \(--ignore-missing\)"):
        tmva_source(made)
    source = tmva_source(made, ignore_missing=True)
    X = np.random.default_rng(2).normal(size=(100, 4)).astype(np.float32)
    np.testing.assert_array_equal(source.respond(X.astype(np.float64)), made.evaluate(X)[1])


def test_what_tmva_lacks_is_named() -> None:
    plain = program(9, plain=True, residual=False)
    with pytest.raises(ExportError, match=r"preprocessing of é.* is a curve"):
        tmva_source(program(9, residual=False), ignore_missing=True)
    with pytest.raises(ExportError, match="a residual connection"):
        tmva_source(program(9, plain=True))
    with pytest.raises(ExportError, match="the activation silu"):
        tmva_source(program(9, plain=True, residual=False, activation="silu"))
    with pytest.raises(ExportError, match="each feature once"):
        tmva_source(replace(plain, columns=(*plain.columns[:3], Column(0))))
