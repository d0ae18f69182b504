"""A model that is a network, as files of other programs: by the names, ranges and classes that the model knows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pytest

from hepml import classifiers
from hepml.classifiers import Model
from hepml.classifiers.card import CARD, FeatureRange, ModelCard
from hepml.classifiers.networks.exports import program_of, write_network
from hepml.data import Feature
from hepml.errors import ExportError, FeatureValueError, InvalidInputError
from hepml.tmva import Reader
from tests.classifiers.networks.programs import program

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hepml.classifiers.networks.program import Program

FEATURES = (Feature("pt", unit="GeV"), Feature("eta"), Feature("ratio", "a/b"), Feature("met"))


@dataclass(frozen=True)
class Fitted:
    """What a kind of classifier that is a network offers."""

    program_: Program
    classes_: tuple[str, ...] = ("background", "signal")
    shift: float = 0.0
    handles_nan: ClassVar[bool] = True

    def evaluate(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        if np.isnan(X[:, list(self.program_.without_fill)]).any():
            msg = "NaN without a policy"
            raise FeatureValueError(msg)
        return self.program_.evaluate(X)[1] + self.shift


def model(made: Program, **changes: object) -> Model:
    card = ModelCard((), tuple(FeatureRange(f.name, -2.0, 3.0, -1.9, 2.9, 0.0) for f in FEATURES))
    return Model("net", FEATURES, replace(Fitted(made), **changes), {CARD: card.to_dict()})  # type: ignore[arg-type]


def test_every_format(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    made = replace(program(12, plain=True, residual=False), features=tuple(f.name for f in FEATURES))
    network = model(made)
    assert program_of(network) is made
    X = np.random.default_rng(3).normal(size=(300, 4)).astype(np.float32)
    for suffix in (".onnx", ".hpp", ".weights.xml"):
        path = tmp_path / f"a net{suffix}"
        assert write_network(network, made, path, ignore_missing=True).n_events >= 3000
        if suffix != ".hpp":
            loaded = classifiers.load(path)
            assert [feature.expression for feature in loaded.features] == ["pt", "eta", "a/b", "met"]
            np.testing.assert_allclose(loaded.evaluate(X), network.evaluate(X)[:, 0], atol=1e-5)
    variable = Reader(tmp_path / "a net.weights.xml").setup.variables[0]
    assert (variable.minimum, variable.maximum, variable.unit) == (-2.0, 3.0, "GeV")
    assert "double a_net_score(x0, x1, ...)" in (tmp_path / "a net.hpp").read_text()
    with pytest.raises(InvalidInputError, match=r"no format for networks; they are written as \.onnx"):
        write_network(network, made, tmp_path / "net.json")


def test_classes_have_their_names(tmp_path: Path) -> None:
    made = program(13, plain=True, residual=False, n_outputs=3, link="softmax")
    network = model(made, classes_=("ttbar", "qcd", "higgs"))
    write_network(network, made, tmp_path / "net.weights.xml")
    assert Reader(tmp_path / "net.weights.xml").setup.classes == ("ttbar", "qcd", "higgs")


def test_a_model_that_does_not_agree_is_not_written(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    made = program(14)
    with pytest.raises(ExportError, match="the network does not give"):
        write_network(model(made, shift=1e-4), made, tmp_path / "net.onnx")
    with pytest.raises(ExportError, match="a residual connection"):
        write_network(model(program(14, plain=True)), program(14, plain=True), tmp_path / "net.xml")
    assert list(tmp_path.iterdir()) == []
