"""Forests as ONNX models, run by ONNX Runtime."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml.errors import ExportError, MissingDependencyError
from hepml.forest import Forest, to_onnx
from hepml.forest.onnx_nodes import onnx_nodes
from hepml.forest.verification import verify
from tests.forest.reference import random_events, random_forest, reference_margin

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def onnxruntime() -> Any:
    pytest.importorskip("onnx", reason="onnx is not installed")
    return pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


@given(
    seed=st.integers(0, 2**32 - 1),
    depth=st.integers(0, 8),
    n_outputs=st.integers(1, 3),
    vector=st.booleans(),
    average=st.booleans(),
    link=st.sampled_from(["identity", "logistic", "logistic_2x", "tmva_grad", "exp", "softmax"]),
    single=st.booleans(),
    options=st.fixed_dictionaries(
        {
            "comparison": st.sampled_from(["<", "<="]),
            "takes_missing": st.booleans(),
            "precision": st.sampled_from(["float32", "float64"]),
            "categories": st.booleans(),
        }
    ),
)
@settings(max_examples=40)
def test_onnxruntime_gives_the_response_of_every_forest(  # noqa: PLR0917  (hypothesis gives them by name)
    seed: int,
    depth: int,
    n_outputs: int,
    vector: bool,
    average: bool,
    link: Any,
    single: bool,
    options: dict[str, Any],
) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    rng = np.random.default_rng(seed)
    forest = random_forest(
        rng,
        depth=depth,
        n_outputs=n_outputs,
        vector_leaves=vector and n_outputs > 1,
        aggregate="average" if average and (vector or n_outputs == 1) else "sum",
        tree_weight=rng.uniform(0.5, 2.0, 7),
        link="identity" if link == "softmax" and n_outputs == 1 else link,
        **options,
    )
    assert verify(to_onnx.make_form(forest, float32_features=single), forest).verified


def test_the_file_describes_itself(onnxruntime: Any, tmp_path: Path) -> None:
    forest = random_forest(np.random.default_rng(1), n_outputs=3, link="softmax", n_trees=6)
    forest = replace(forest, feature_names=("a\"b'\n", "é", "c", "d"))
    result = forest.to_onnx(tmp_path / "forest.onnx")
    assert result.by == f"onnxruntime {onnxruntime.__version__}"
    session = onnxruntime.InferenceSession(tmp_path / "forest.onnx", providers=["CPUExecutionProvider"])
    assert [(item.name, item.shape[1], item.type) for item in session.get_inputs()] == [
        ("features", 4, "tensor(float)")
    ]
    assert [item.name for item in session.get_outputs()] == ["score", "margin"]
    properties = session.get_modelmeta().custom_metadata_map
    assert tuple(json.loads(properties["feature_names"])) == forest.feature_names
    X = random_events(np.random.default_rng(2), 300, 4, forest).clip(-3e38, 3e38).astype(np.float32)
    score, margin = session.run(["score", "margin"], {"features": X})
    np.testing.assert_allclose(margin, forest.predict(X, output="margin"), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(score, forest.predict(X), rtol=1e-5, atol=1e-6)


def test_double_precision_takes_doubles(onnxruntime: Any, tmp_path: Path) -> None:
    forest = random_forest(np.random.default_rng(1), precision="float64", comparison="<=")
    forest.to_onnx(tmp_path / "forest.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "forest.onnx", providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].type == "tensor(double)"


@pytest.mark.parametrize("members", [[], [0], [3], [0, 2, 5], [0, 1, 2, 3], [31, 32, 33, 64], [2**24 - 1]], ids=str)
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("missing_right", [False, True])
@pytest.mark.parametrize("comparison", ["<", "<="])
def test_sets_of_categories_are_chains_of_comparisons(  # noqa: PLR0917  (pytest gives them by name)
    members: list[int], inverted: bool, missing_right: bool, comparison: Any, onnxruntime: Any, tmp_path: Path
) -> None:
    # the set is asked for below a threshold on the same feature, and its left child asks again
    forest = Forest.from_nodes(
        feature=[0, 0, 0, -1, -1, -1, -1],
        threshold=[50.25, 0, 1.5, 0, 0, 0, 0],
        left=[1, 2, 3, -1, -1, -1, -1],
        right=[6, 5, 4, -1, -1, -1, -1],
        value=[0, 0, 0, 1, 2, 4, 8],
        first_node=[0, 7],
        feature_names=["n"],
        missing_right=[False, missing_right, True, False, False, False, False],
        category_set=[-1, 0, -1, -1, -1, -1, -1],
        categories=[members],
        category_inverted=[inverted],
        comparison=comparison,
    )
    assert forest.to_onnx(tmp_path / "forest.onnx").largest_difference == 0.0
    session = onnxruntime.InferenceSession(tmp_path / "forest.onnx", providers=["CPUExecutionProvider"])
    whole = [value + step for value in (*members, 40, 2**24 - 2) for step in (-1, 0, 1)]
    x = np.array([*whole, *(value + 0.5 for value in whole[:9]), -0.0, -0.5, 1e30, np.inf, -np.inf, np.nan], np.float32)
    x = x[:, None]
    (found,) = session.run(["margin"], {"features": x})
    np.testing.assert_array_equal(found[:, 0], reference_margin(forest, x)[:, 0])


@pytest.mark.parametrize("comparison", ["<", "<="])
def test_the_reference_implementation_follows_the_chains(comparison: Any) -> None:
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    reference = pytest.importorskip("onnx.reference", reason="onnx has no reference implementation")
    rng = np.random.default_rng(1)
    forest = random_forest(rng, n_trees=3, categories=True, full=True, comparison=comparison)
    X = rng.choice([-1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 2.5, 3.0, 4.5, 6.0, 2.0**24 - 1, np.nan], (100, 4)).astype(
        np.float32
    )
    model = reference.ReferenceEvaluator(onnx.load_from_string(to_onnx.make_form(forest).content))
    (margin,) = model.run(["margin"], {"features": X})
    np.testing.assert_allclose(margin[:, 0], forest.predict(X, output="margin"), rtol=1e-5, atol=1e-6)


def test_chains_are_as_long_as_they_need_to_be(onnxruntime: Any, tmp_path: Path) -> None:
    del onnxruntime
    forest = random_forest(np.random.default_rng(1), categories=True, full=True)
    nodes = onnx_nodes(forest, np.dtype(np.float32))
    # intervals have two ends
    sets = {0: 6, 1: 2, 2: 1, 3: 4}
    more = sum(sets[number] - 1 for number in forest.category_set[forest.category_set >= 0].tolist())
    assert len(nodes.tree) == len(forest.feature) + more
    # as many as make ONNX Runtime end the process
    scattered = replace(
        forest,
        category_first=np.array([0, 6000, 6000, 6000, 6000]),
        category_values=np.arange(0, 12000, 2, dtype=np.int32),
        category_set=np.where(forest.category_set >= 0, 0, -1).astype(np.int32),
    )
    with pytest.raises(ExportError, match=r"comparisons that its sets of categories become.* more than 2000"):
        scattered.to_onnx(tmp_path / "forest.onnx")
    assert list(tmp_path.iterdir()) == []


def test_large_values_are_refused(onnxruntime: Any, tmp_path: Path) -> None:
    del onnxruntime
    large = replace(random_forest(np.random.default_rng(1)), base=np.array([1e39]))
    with pytest.raises(ExportError, match="too large"):
        large.to_onnx(tmp_path / "forest.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("library", ["onnx", "onnxruntime"])
def test_a_missing_library_is_named(library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if library == "onnxruntime":
        pytest.importorskip("onnx", reason="onnx is not installed")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingDependencyError, match=rf'^{library} is needed.*hepml-framework\[onnx\]"$'):
        random_forest(np.random.default_rng(1)).to_onnx(tmp_path / "forest.onnx")
    assert list(tmp_path.iterdir()) == []
