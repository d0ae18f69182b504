"""Every method against the responses of a real TMVA::Reader."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hepml.tmva import Reader
from hepml.tmva.events import Events
from hepml.tmva.methods.linear import Fisher
from hepml.transforms import TransformChain
from tests.tmva.golden import SMALL, Golden, all_golden, compared, differences, reference

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# committed: these need no reference data
COMMITTED = [
    *(Golden("random", key, "Fisher") for key in ("Fisher", "Fisher.Proba", "Fisher.Rarity")),
    *(
        Golden("random", f"{name}@{efficiency}", "Cuts")
        for name in ("Cuts", "CutsD")
        for efficiency in (0.3, 0.5, 0.7, 0.9)
    ),
    Golden("random", "BoostedFisher", "Boost"),
    Golden("expr", "FisherCat", "Category"),
    Golden("expr", "FisherDG", "Fisher"),
    Golden("expr", "KNN", "KNN"),
    Golden("random", "PDEFoam", "PDEFoam"),
    Golden("reg", "PDEFoam", "PDEFoam"),
    Golden("reg", "LD", "LD"),
    *(Golden(job, name, "BDT") for job, name in (("random", "BDTD"), ("random", "BDTF"), ("block", "BDT10"))),
]


@functools.cache
def stored() -> dict[str, NDArray[Any]]:
    with np.load(SMALL / "reader.npz") as arrays:
        return dict(arrays)


def columns(job: str = "") -> dict[str, NDArray[Any]]:
    sample = "apply_reg." if job == "reg" else "apply."
    return {key.removeprefix(sample): column for key, column in stored().items() if key.startswith(sample)}


@pytest.mark.parametrize("golden", COMMITTED, ids=lambda golden: f"{golden.job}-{golden.key}")
def test_committed(golden: Golden) -> None:
    found = golden.respond(SMALL / f"{golden.job}_{golden.name}.weights.xml.gz", columns(golden.job))
    assert differences(found, stored()[f"{golden.job}_{golden.key}"]).max() <= golden.limit


def reference_arrays() -> list[Golden]:
    folder = reference()
    return [golden for golden in all_golden(folder) if golden.is_read] if folder else [Golden("none", "none", "BDT")]


@pytest.fixture(scope="module")
def folder() -> Path:
    found = reference()
    if found is None:
        pytest.skip("HEPML_REFERENCE_DATA is not set: no real files to read")
    return found


@pytest.mark.usefixtures("folder")
def test_the_reference_is_complete() -> None:
    assert len(reference_arrays()) >= 90


@pytest.mark.parametrize("golden", reference_arrays(), ids=lambda golden: f"{golden.job}-{golden.key}")
def test_reference(golden: Golden, folder: Path) -> None:
    close = compared(folder, golden) <= golden.limit
    assert close.mean() >= golden.fraction


def test_responses_are_the_same_whatever_the_form_and_the_rows() -> None:
    reader = Reader(SMALL / "random_BDTF.weights.xml.gz")
    X = np.column_stack([columns()[name] for name in ("var1", "var2", "var3", "var4")])
    response = reader.evaluate(X)
    np.testing.assert_array_equal(response, reader.evaluate(columns()))
    np.testing.assert_array_equal(response[::-1], reader.evaluate(X[::-1]))
    np.testing.assert_array_equal(response[:7], reader.evaluate(X[:7]))
    assert reader.evaluate(X[:0]).shape == (0,)


@pytest.mark.parametrize("n_events", [0, 1, 2, 5000])
@pytest.mark.parametrize("n_variables", [1, 3, 4, 9])
def test_linear_sums_are_those_of_numpy_term_by_term_whatever_the_shape(n_events: int, n_variables: int) -> None:
    rng = np.random.default_rng(n_events)
    X = rng.normal(size=(n_events, n_variables)).astype(np.float32)
    coefficients = rng.normal(size=n_variables)
    expected = np.full(n_events, 0.25)
    for column, coefficient in enumerate(coefficients):
        expected += coefficient * X[:, column].astype(np.float64)
    for matrix in (X, np.asfortranarray(X), X[::-1][::-1]):
        matrix.flags.writeable = False
        events = Events(matrix, matrix[:, :0], TransformChain.from_xml(None, [f"x{n}" for n in range(n_variables)]))
        np.testing.assert_array_equal(Fisher(0.25, coefficients).respond(events), expected)
