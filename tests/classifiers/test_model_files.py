"""Model files of other programs are models: recognised by content, with the features that the file names, and safe."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xgboost as xgb

import hepml
from hepml.data import Dataset, Feature
from hepml.errors import FeatureMismatchError, FeatureValueError, ModelFormatError
from tests.forest.reference import random_forest

if TYPE_CHECKING:
    from hepml.forest import Forest

TMVA = Path(__file__).parents[1] / "data" / "tmva"

needs_onnx = pytest.mark.skipif(
    importlib.util.find_spec("onnx") is None or importlib.util.find_spec("onnxruntime") is None,
    reason="onnx and onnxruntime (extra onnx) are not installed",
)


@pytest.fixture
def booster() -> xgb.Booster:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(500, 2)).astype(np.float32)
    data = xgb.DMatrix(X, X[:, 0] > X[:, 1], feature_names=["pt", "eta"])
    return xgb.train({"objective": "binary:logistic", "max_depth": 3}, data, 5)


@pytest.mark.parametrize("suffix", ["json", "ubj"])
def test_xgboost(booster: xgb.Booster, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"my model.{suffix}"
    booster.save_model(path)
    model = hepml.load(path)
    assert model.kind == "forest"
    assert model.is_foreign
    assert model.context == {"method": "my_model"}
    assert [feature.name for feature in model.features] == ["pt", "eta"]
    X = np.random.default_rng(2).normal(size=(100, 2)).astype(np.float32)
    expected = booster.inplace_predict(X)
    np.testing.assert_allclose(model.evaluate(X), expected, atol=1e-6)
    # by name, in whatever order
    columns = {"eta": X[:, 1], "pt": X[:, 0], "other": X[:, 0]}
    np.testing.assert_array_equal(model.evaluate(columns), model.evaluate(X))
    dataset = Dataset.from_numpy(X[:, ::-1].copy(), features=["eta", "pt"])
    np.testing.assert_array_equal(model.evaluate(dataset), model.evaluate(X))
    with pytest.raises(FeatureMismatchError, match="eta"):
        model.evaluate({"pt": X[:, 0]})


def test_tmva_expressions_are_evaluated_on_branches(tmp_path: Path) -> None:
    # a random forest has thresholds that are infinite, which TMVA does not take
    rng = np.random.default_rng(3)
    forest = random_forest(rng, n_features=2, missing=False, takes_missing=False, link="tmva_grad")
    threshold = np.where(np.isfinite(forest.threshold), forest.threshold, 0.3)
    forest = replace(forest, feature_names=("log(pt+1)", "eta*2"), threshold=threshold)
    forest.to_tmva(tmp_path / "TMVA_BDTG.weights.xml", method_name="BDTG")
    model = hepml.load(tmp_path / "TMVA_BDTG.weights.xml")
    assert model.context["method"] == "BDTG"
    assert [feature.expression for feature in model.features] == ["log(pt+1)", "eta*2"]
    pt, eta = np.linspace(0, 9, 50), np.linspace(-2, 2, 50)
    X = np.column_stack([np.log(pt + 1), eta * 2]).astype(np.float32)
    # leaf values were rounded to single precision
    np.testing.assert_allclose(model.evaluate({"pt": pt, "eta": eta}), forest.predict(X), atol=1e-6)
    with pytest.raises(FeatureValueError, match="missing"):
        model.evaluate({"pt": [1.0], "eta": [np.nan]})


def test_golden_tmva_files_open() -> None:
    files = sorted(TMVA.glob("*_BDT*.xml.gz")) + sorted(TMVA.glob("*Fisher*.xml.gz"))
    assert len(files) > 10
    for path in files:
        model = hepml.load(path)
        # splits by Fisher discriminants and transformed variables are more than a forest holds
        alone = "_BDT" in path.name and "BDTF" not in path.name and "BDTD" not in path.name
        assert model.kind == ("forest" if alone else "tmva")
        assert model.evaluate(np.zeros((3, len(model.features)))).shape[0] == 3


def test_what_hepml_knows_of_features_survives_the_way_through_a_file(tmp_path: Path) -> None:
    features = [Feature("lpt", "log(pt + 1)", unit="GeV", missing=(-999.0,)), Feature("eta")]
    forest = random_forest(np.random.default_rng(4), n_features=2, n_outputs=1)
    forest = replace(forest, feature_names=("lpt", "eta"), metadata={"features": [item.to_dict() for item in features]})
    forest.to_xgboost(tmp_path / "a.json")
    forest.save(tmp_path / "a.npz")
    for name in ("a.json", "a.npz"):
        assert hepml.load(tmp_path / name).features == tuple(features)
    # what others wrote in that place changes nothing
    for said in (
        "nonsense",
        "[1]",
        '[{"name": "lpt"}]',
        '[{"name": "x", "expression": "((("}, {"name": "y"}]',
        "[" * 5000,
    ):
        document = json.loads((tmp_path / "a.json").read_text())
        document["learner"]["attributes"]["hepml_features"] = said
        (tmp_path / "b.json").write_text(json.dumps(document))
        assert hepml.load(tmp_path / "b.json").features == (Feature("lpt"), Feature("eta"))


def test_several_outputs(tmp_path: Path) -> None:
    forest = random_forest(np.random.default_rng(5), n_outputs=3, vector_leaves=True, link="softmax")
    forest.save(tmp_path / "three.npz")
    model = hepml.load(tmp_path / "three.npz")
    assert model.n_scores == 3
    np.testing.assert_array_equal(model.evaluate(np.zeros((4, 4))), forest.predict(np.zeros((4, 4))))


def test_unknown_content_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.xml"
    for content in (b"", b"\x80\x04pickle", b"PK\x03\x04", b"<html/>", b"{}", b"root"):
        path.write_bytes(content)
        with pytest.raises(ModelFormatError, match=r"model\.xml"):
            hepml.load(path)


@needs_onnx
class TestOnnx:
    def write(self, path: Path, **changes: Any) -> Forest:
        import onnx

        forest = random_forest(np.random.default_rng(6), link="logistic")
        forest.to_onnx(path, overwrite=True)
        model = onnx.load(path)
        for change in changes.values():
            change(model)
        path.write_bytes(model.SerializeToString())
        return forest

    def test_our_own(self, tmp_path: Path) -> None:
        forest = self.write(tmp_path / "a.onnx")
        model = hepml.load(tmp_path / "a.onnx")
        assert (model.kind, model.is_foreign, model.n_scores) == ("onnx", True, 1)
        assert tuple(feature.name for feature in model.features) == forest.feature_names
        X = np.random.default_rng(7).normal(size=(200, 4)).astype(np.float32)
        np.testing.assert_allclose(model.evaluate(X), forest.predict(X), atol=1e-6)

    def test_foreign_operators_functions_and_files_are_refused(self, tmp_path: Path) -> None:
        import onnx

        def domain(model: Any) -> None:
            model.opset_import.append(onnx.helper.make_opsetid("com.example", 1))

        def function(model: Any) -> None:
            model.functions.append(
                onnx.helper.make_function("ai.onnx", "F", [], [], [], [onnx.helper.make_opsetid("", 15)])
            )

        def external(model: Any) -> None:
            tensor = onnx.helper.make_tensor("t", onnx.TensorProto.FLOAT, [1], [0.0])
            tensor.data_location = onnx.TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="/etc/passwd")
            model.graph.initializer.append(tensor)

        for change, reason in ((domain, "com.example"), (function, "functions"), (external, "another file")):
            self.write(tmp_path / "a.onnx", change=change)
            with pytest.raises(ModelFormatError, match=reason):
                hepml.load(tmp_path / "a.onnx")

    def test_other_shapes_are_refused_with_what_is_there(self, tmp_path: Path) -> None:
        def second_input(model: Any) -> None:
            model.graph.input.append(model.graph.input[0])
            model.graph.input[1].name = "more"

        def no_score(model: Any) -> None:
            for output in model.graph.output:
                old, output.name = output.name, f"my_{output.name}"
                for node in model.graph.node:
                    node.output[:] = [output.name if name == old else name for name in node.output]
                    node.input[:] = [output.name if name == old else name for name in node.input]

        for change, reason in ((second_input, "one input"), (no_score, "my_score")):
            self.write(tmp_path / "a.onnx", change=change)
            with pytest.raises(ModelFormatError, match=reason):
                hepml.load(tmp_path / "a.onnx")

    def test_damage_is_an_error_or_another_model(self, tmp_path: Path) -> None:
        forest = self.write(tmp_path / "a.onnx")
        content = (tmp_path / "a.onnx").read_bytes()
        rng = np.random.default_rng(8)
        n_refused = 0
        for _ in range(60):
            damaged = bytearray(content)
            for at in rng.integers(0, len(content), 4):
                damaged[at] = rng.integers(256)
            (tmp_path / "b.onnx").write_bytes(bytes(damaged[: rng.integers(10, len(content))]))
            try:
                model = hepml.load(tmp_path / "b.onnx")
            except ModelFormatError:
                n_refused += 1
            else:
                assert len(model.features) == forest.n_features
        assert n_refused > 40
