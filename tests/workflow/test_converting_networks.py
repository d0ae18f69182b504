"""A kind of classifier that is a network, from its bundle to files of other programs and, without torch, back to scores."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
import uproot
from sklearn.neural_network import MLPClassifier

from hepml import classifiers
from hepml.classifiers import Classifier, registry
from hepml.classifiers.networks.program import Activation, Affine, Column, Program
from hepml.data import Feature
from hepml.errors import ExportError, InvalidInputError
from hepml.workflow import apply_model, convert_model
from tests.workflow.toys import write_sample

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from hepml.classifiers.training import TrainingPart


class Perceptron(Classifier):
    """One hidden layer, trained by scikit-learn."""

    kind: ClassVar[str] = "perceptron"
    library: ClassVar[str] = "scikit-learn"

    def __init__(self, *, negative_weights: str = "signed", random_state: int = 0, n_jobs: int | None = None) -> None:
        self.negative_weights = negative_weights
        self.random_state = random_state
        self.n_jobs = n_jobs

    @property
    def n_iter_(self) -> int:
        return 1

    def _train(self, train: TrainingPart, validation: TrainingPart | None) -> dict[str, Any]:  # noqa: ARG002
        fill, width = np.nanmean(train.X, axis=0), np.nanstd(train.X, axis=0)
        X = (np.where(np.isnan(train.X), fill, train.X) - fill) / width
        network = MLPClassifier((8,), tol=1e-2, n_iter_no_change=3, random_state=0).fit(np.clip(X, -8, 8), train.signal)
        self.numbers_ = [fill.tolist(), width.tolist()]
        self.numbers_ += [
            array.T.tolist() for pair in zip(network.coefs_, network.intercepts_, strict=True) for array in pair
        ]
        return {}

    @property
    def program_(self) -> Program:
        fill, width, *layers = (np.array(numbers) for numbers in self.numbers_)
        columns = [
            Column(k, shift=fill[k], scale=1 / width[k], low=-8.0, high=8.0, fill=fill[k]) for k in range(len(fill))
        ]
        first, bias, second, last = (array.astype(np.float32) for array in layers)
        steps = (Affine(first, bias), Activation("relu"), Affine(second, last))
        return Program(tuple(self._feature_names()), tuple(columns), steps, "logistic")

    def _margin(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        return self.program_.evaluate(X)[0][:, 0]

    def _state(self) -> dict[str, Any]:
        return {"numbers": self.numbers_}

    def _payloads(self) -> dict[str, bytes]:
        return {}

    def _restore(self, state: Mapping[str, Any], payloads: Mapping[str, bytes]) -> None:  # noqa: ARG002
        self.numbers_ = state["numbers"]


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    point = EntryPoint("perceptron", f"{__name__}:Perceptron", "hepml.classifiers")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == "hepml.classifiers" else [])
    rng = np.random.default_rng(1)
    y = np.arange(1000) % 2
    X = (rng.normal(size=(1000, 2)) + np.column_stack([y, -y])).astype(np.float32)
    X[::50, 1] = np.nan
    features = (Feature("x", unit="GeV"), Feature("y2", "y*y"))
    return Perceptron().fit(X, y).save(tmp_path / "NN", features=features, context={"method": "NN"})


@pytest.mark.parametrize("suffix", [".onnx", ".hpp", ".weights.xml"])
def test_a_network_is_converted(bundle: Path, tmp_path: Path, suffix: str) -> None:
    if suffix == ".onnx":
        pytest.importorskip("onnxruntime")
    path = tmp_path / f"nn{suffix}"
    result = convert_model(bundle, path, ignore_missing=True)
    assert result.path == path
    assert result.verification is not None
    assert result.verification.n_events >= 3000
    if suffix != ".hpp":
        X = np.random.default_rng(2).normal(0.0, 2.0, size=(500, 2)).astype(np.float32)
        expected = classifiers.load(bundle).evaluate(X)
        np.testing.assert_allclose(classifiers.load(path).evaluate(X), expected, atol=1e-5)


def test_what_cannot_be_is_one_clear_error(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"no format for networks; they are written as \.onnx"):
        convert_model(bundle, tmp_path / "nn.json")
    with pytest.raises(ExportError, match=r"TMVA knows no missing ones \(--ignore-missing\)"):
        convert_model(bundle, tmp_path / "nn.weights.xml")


def test_onnx_is_applied_without_torch(bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    convert_model(bundle, tmp_path / "nn.onnx")
    write_sample(tmp_path / "events.root", 400, mean=0.0, seed=3)
    code = "import sys, hepml.workflow as w; w.apply_model(*sys.argv[1:4]); assert 'torch' not in sys.modules"
    command = [sys.executable, "-c", code, tmp_path / "nn.onnx", tmp_path / "events.root", tmp_path / "onnx.root"]
    subprocess.run(command, check=True)
    apply_model(bundle, tmp_path / "events.root", tmp_path / "bundle.root", sample="none")
    with uproot.open(tmp_path / "onnx.root") as found, uproot.open(tmp_path / "bundle.root") as expected:
        scores = found["events"]["nn"].array(library="np")
        np.testing.assert_allclose(scores, expected["events"]["NN"].array(library="np"), atol=1e-5)
    assert np.ptp(scores) > 0.5
