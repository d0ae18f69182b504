"""Cuts on Fisher discriminants and preselections: a real TMVA's files to the byte, and what no forest expresses."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hepml.errors import ExportError, InvalidInputError
from hepml.tmva import Reader, train
from hepml.tmva.preparation import from_arrays
from hepml.tmva.training.trees.inversion import invert
from tests.tmva.golden_trainings import part
from tests.tmva.node_cuts import CASES, events_of

if TYPE_CHECKING:
    from hepml.tmva import TrainedMethod

ANSWERS = Path(__file__).parents[1] / "data" / "tmva" / "node_cuts.npz"


def trained(n_classes: int, options: str) -> TrainedMethod:
    return train("BDT", options, events_of(n_classes, tails="Preselection" in options), engine="native", name="x")


@pytest.mark.parametrize("case", CASES)
def test_weights_and_answers_are_those_of_tmva(case: str, tmp_path: Path) -> None:
    n_classes, options = CASES[case]
    model = trained(n_classes, options)
    model.save(tmp_path / "x.weights.xml")
    written = "\n".join(part((tmp_path / "x.weights.xml").read_text(), "Weights"))
    X = events_of(n_classes, tails="Preselection" in options).train.variables[:200]
    with np.load(ANSWERS) as theirs:
        assert hashlib.sha256(written.encode()).digest() == theirs[f"{case}.digest"].tobytes()
        np.testing.assert_allclose(model.evaluate(X), theirs[case], rtol=0, atol=1e-7)
    np.testing.assert_array_equal(Reader(tmp_path / "x.weights.xml").evaluate(X), model.evaluate(X))


@pytest.mark.parametrize("case", ["fisher", "preselection"])
def test_no_forest_stands_for_what_decides_beside_it(case: str) -> None:
    with pytest.raises(ExportError, match=r"weights\.xml"):
        _ = trained(*CASES[case]).forest


def test_cuts_of_several_classes_part_the_training_and_no_answers() -> None:
    model = trained(*CASES["preselection of classes"])
    assert model.forest is model.method.forest
    assert any("cuts of the preselection" in note for note in model.log.notes)
    assert model.log.n_events == len(events_of(3, tails=True).train.variables)


def test_nodes_of_one_class_have_no_discriminant() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 2))
    X[:, 1] += X[:, 0]
    X[:300] += 4.0
    data = from_arrays(X.astype(np.float32), np.repeat([0, 1], 300), np.ones(600), variables=["a", "b"])
    model = train("BDT", "NTrees=2:BoostType=Grad:UseFisherCuts:MinLinCorrForFisher=0.1", data)
    assert len(model.method.cuts)
    assert np.isfinite(model.evaluate(X)).all()


def test_variables_that_are_combinations_make_no_discriminant() -> None:
    X = np.random.default_rng(0).integers(0, 50, size=(400, 1)) * [1.0, 2.0]
    X[:200] += [1.0, 2.0]
    data = from_arrays(X.astype(np.float32), np.repeat([0, 1], 200), np.ones(400), variables=["a", "b"])
    with pytest.raises(InvalidInputError, match="combinations"):
        train("BDT", "NTrees=2:UseFisherCuts", data)


def test_regressions_and_many_classes_have_none() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2)).astype(np.float32)
    target = (X[:, :1] ** 2).astype(np.float32)
    data = from_arrays(X, None, np.ones(400), variables=["a", "b"], targets=target, target_variables=["y"])
    model = train("BDT", "NTrees=2:MinNodeSize=5%:UseFisherCuts:DoPreselection", data)
    assert any("UseFisherCuts" in note for note in model.log.notes)
    assert model.reader.setup.options["UseFisherCuts"].value == "False"
    assert model.reader.setup.options["DoPreselection"].value == "False"
    four = from_arrays(X, np.arange(400) % 4, np.ones(400), variables=["a", "b"], class_names=list("ABCD"))
    with pytest.raises(InvalidInputError, match="3 classes at most"):
        train("BDT", "NTrees=2:BoostType=Grad:UseFisherCuts", four)


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_inverses_are_those_of_lapack(n: int) -> None:
    matrix = np.random.default_rng(n).normal(size=(n, n))
    inverse = matrix.copy()
    determinant = invert(inverse)
    np.testing.assert_allclose(inverse, np.linalg.inv(matrix), rtol=1e-10, atol=1e-12)
    assert determinant == pytest.approx(np.linalg.det(matrix))
    assert invert(np.zeros((n, n))) == 0.0
