"""Medians of trees: by hand, as they are defined, and in every form in which a forest is written."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml.errors import ExportError, InvalidInputError, ModelFormatError
from hepml.forest import Forest, to_cpp, to_python
from hepml.forest.compiling import find_compiler
from hepml.forest.storage import from_bytes, to_bytes
from hepml.forest.verification import verify
from tests.forest.reference import random_events, random_forest, reference_margin

if TYPE_CHECKING:
    from pathlib import Path

MEDIANS = ("median", "tmva_median")


def constants(values: list[float], weights: list[float], aggregate: Any, **more: Any) -> Forest:
    """Return trees of one leaf each."""
    none = np.full(len(values), -1)
    return Forest.from_nodes(
        feature=none,
        threshold=np.zeros(len(values)),
        left=none,
        right=none,
        value=values,
        first_node=np.arange(len(values) + 1),
        tree_weight=weights,
        feature_names=["x"],
        aggregate=aggregate,
        **more,
    )


def answer(forest: Forest) -> float:
    return float(forest.predict(np.zeros((1, 1)))[0])


@pytest.mark.parametrize(
    ("values", "weights", "median", "of_tmva"),
    [
        ([5.0], [2.0], 5.0, 5.0),
        ([3.0, 1.0, 2.0], [1.0, 1.0, 1.0], 2.0, 2.0),
        # at exactly a half one stays, the other goes on
        ([1.0, 2.0], [1.0, 1.0], 1.0, 2.0),
        ([10.0, -1.0, 0.0], [5.0, 1.0, 1.0], 10.0, 10.0),
        ([10.0, -1.0, 0.0], [0.0, 1.0, 0.0], -1.0, -1.0),
        # of six trees one on either side is averaged with the middle one; at an end there is none beyond
        ([1.0, 2.0, 4.0, 8.0, 16.0, 32.0], [1.0] * 6, 4.0, (4.0 + 8.0 + 16.0) / 3),
        ([1.0, 2.0, 4.0, 8.0, 16.0, 32.0], [1.0, 1.0, 1.0, 1.0, 1.0, 9.0], 32.0, (16.0 + 32.0) / 2),
        ([1.0, 2.0, 4.0, 8.0, 16.0, 32.0], [9.0, 1.0, 1.0, 1.0, 1.0, 1.0], 1.0, (1.0 + 2.0) / 2),
    ],
)
def test_by_hand(values: list[float], weights: list[float], median: float, of_tmva: float) -> None:
    assert answer(constants(values, weights, "median")) == median
    assert answer(constants(values, weights, "tmva_median")) == of_tmva
    # the base is added, and the link comes behind
    assert answer(constants(values, weights, "median", base=[0.5])) == median + 0.5
    assert answer(constants(values, weights, "median", link="exp")) == pytest.approx(np.exp(median))


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=41).filter(lambda values: len(values) % 2 == 1))
def test_equal_weights_give_the_median(values: list[float]) -> None:
    assert answer(constants(values, [0.25] * len(values), "median")) == np.median(values)


@given(
    seed=st.integers(0, 2**32 - 1),
    n_trees=st.integers(1, 20),
    depth=st.integers(0, 7),
    aggregate=st.sampled_from(MEDIANS),
    whole=st.booleans(),
    precision=st.sampled_from(["float32", "float64"]),
)
@settings(max_examples=40)
def test_every_forest_agrees_with_the_definition(  # noqa: PLR0917  (hypothesis gives them by name)
    seed: int, n_trees: int, depth: int, aggregate: Any, whole: bool, precision: Any
) -> None:
    rng = np.random.default_rng(seed)
    # whole weights reach exactly a half, and leaves that are few tie
    weight = rng.integers(0, 4, n_trees) + (np.arange(n_trees) == 0) if whole else rng.uniform(0.1, 2.0, n_trees)
    forest = random_forest(
        rng,
        n_trees=n_trees,
        depth=depth,
        categories=True,
        precision=precision,
        aggregate=aggregate,
        tree_weight=weight,
    )
    forest = replace(forest, value=np.round(forest.value, 1))
    X = random_events(rng, 40, 4, forest)
    expected = reference_margin(forest, X)[:, 0]
    np.testing.assert_array_equal(forest.predict(X), expected)
    np.testing.assert_array_equal(forest.predict(X[:3]), expected[:3])
    marks = [1, *range(3, n_trees + 1, 4)]
    staged = [reference_margin(forest, X, n)[:, 0] for n in marks]
    np.testing.assert_array_equal(forest.predict(X, output="staged", at=marks), staged)


@pytest.mark.parametrize("aggregate", MEDIANS)
def test_threads_layout_and_blocks_change_nothing(aggregate: Any) -> None:
    rng = np.random.default_rng(2)
    forest = random_forest(rng, n_trees=25, depth=6, aggregate=aggregate, tree_weight=rng.uniform(0.1, 2.0, 25))
    X = rng.normal(size=(9001, 4))
    expected = forest.predict(X, threads=1)
    for events, threads in ((X, 2), (np.asfortranarray(X), 2), (np.repeat(X, 2, axis=1)[:, ::2], 1)):
        np.testing.assert_array_equal(forest.predict(events, threads=threads), expected)
    np.testing.assert_array_equal(np.concatenate([forest.predict(X[:700]), forest.predict(X[700:])]), expected)
    assert forest.predict(X[:0]).shape == (0,)


def test_no_weight_has_no_median() -> None:
    forest = constants([1.0, 2.0, 3.0], [0.0, 1.0, 1.0], "median")
    np.testing.assert_array_equal(forest.predict(np.zeros((20, 1)), output="staged")[:, 0], [np.nan, 2.0, 2.0])


@pytest.mark.parametrize(
    "change",
    [
        {"tree_weight": [-1.0, 3.0, 1.0]},
        {"tree_weight": [0.0, 0.0, 0.0]},
        {"output": [0, 1, 0], "base": [0.0, 0.0]},
        {"value": np.zeros((3, 2))},
    ],
)
def test_what_has_no_median_is_no_forest(change: dict[str, Any]) -> None:
    forest = constants([1.0, 2.0, 3.0], [1.0] * 3, "sum")
    given = {
        name: getattr(forest, name)
        for name in ("feature", "threshold", "left", "right", "first_node", "value", "tree_weight", "feature_names")
    }
    with pytest.raises(ModelFormatError, match="a median needs trees of one output"):
        Forest.from_nodes(**{**given, **change}, aggregate="median")


@pytest.mark.parametrize("aggregate", [*MEDIANS, "sum", "average"])
def test_older_readers_are_told_by_the_version_of_the_file(aggregate: Any) -> None:
    forest = constants([1.0, 2.0], [1.0, 2.0], aggregate)
    content = to_bytes(forest)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert f'"version": {2 if aggregate in MEDIANS else 1}' in archive.read("forest.json").decode()
    assert from_bytes(content, "it") == forest
    assert forest != replace(forest, aggregate="median" if aggregate != "median" else "sum")


def test_features_are_ranked_and_contributions_refused() -> None:
    forest = random_forest(np.random.default_rng(1), full=True, aggregate="median")
    assert forest.importance("splits").sum() == (forest.feature >= 0).sum()
    with pytest.raises(InvalidInputError, match="weighted median"):
        forest.contributions(np.zeros((1, 4)))


@given(
    seed=st.integers(0, 2**32 - 1),
    n_trees=st.integers(1, 20),
    aggregate=st.sampled_from(MEDIANS),
    precision=st.sampled_from(["float32", "float64"]),
    takes_missing=st.booleans(),
    link=st.sampled_from(["identity", "logistic"]),
)
@settings(max_examples=30)
def test_python_takes_the_same_median(  # noqa: PLR0917  (hypothesis gives them by name)
    seed: int, n_trees: int, aggregate: Any, precision: Any, takes_missing: bool, link: Any
) -> None:
    rng = np.random.default_rng(seed)
    forest = random_forest(
        rng,
        n_trees=n_trees,
        categories=True,
        aggregate=aggregate,
        precision=precision,
        takes_missing=takes_missing,
        link=link,
        tree_weight=rng.integers(0, 3, n_trees) + (np.arange(n_trees) == 0),
    )
    assert verify(to_python.make_form(forest), forest).largest_difference == 0.0


@pytest.mark.skipif(find_compiler("c99") is None or find_compiler("c++17") is None, reason="there is no compiler")
@pytest.mark.parametrize("language", ["c++17", "c99"])
@pytest.mark.parametrize("aggregate", MEDIANS)
@pytest.mark.parametrize("n_trees", [1, 5, 40])
def test_compilers_take_the_same_median(n_trees: int, aggregate: Any, language: Any) -> None:
    rng = np.random.default_rng(n_trees)
    forest = random_forest(
        rng,
        n_trees=n_trees,
        depth=9,
        aggregate=aggregate,
        tree_weight=rng.integers(0, 3, n_trees) + (np.arange(n_trees) == 0),
    )
    result = verify(to_cpp.make_form(forest, "bdt", language), forest)
    assert result.verified
    assert result.largest_difference == 0.0


def test_written_modules_describe_what_they_do(tmp_path: Path) -> None:
    forest = random_forest(np.random.default_rng(1), aggregate="tmva_median")
    forest.to_python(tmp_path / "bdt.py")
    spec = importlib.util.spec_from_file_location("bdt", tmp_path / "bdt.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert "gives the median of the trees" in module.__doc__
    assert "third around the weighted median" in module._medians.__doc__
    X = random_events(np.random.default_rng(2), 50, 4, forest)
    np.testing.assert_array_equal(module.margin(X), forest.predict(X, output="margin"))


@pytest.mark.parametrize("aggregate", MEDIANS)
def test_formats_that_add_trees_up_refuse_it(aggregate: Any, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed")
    forest = random_forest(np.random.default_rng(1), aggregate=aggregate)
    for write, name in ((forest.to_onnx, "a.onnx"), (forest.to_xgboost, "a.json")):
        with pytest.raises(ExportError, match="weighted median of its trees"):
            write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@given(
    seed=st.integers(0, 2**32 - 1),
    n_trees=st.integers(1, 20),
    comparison=st.sampled_from(["<", "<="]),
    base=st.sampled_from([0.0, 0.25]),
)
@settings(max_examples=12)
def test_tmva_is_given_its_own_median(
    seed: int, n_trees: int, comparison: Any, base: float, tmp_path_factory: Any
) -> None:
    rng = np.random.default_rng(seed)
    forest = random_forest(
        rng,
        n_trees=n_trees,
        aggregate="tmva_median",
        comparison=comparison,
        base=[base],
        takes_missing=False,
        tree_weight=rng.integers(0, 3, n_trees) + (np.arange(n_trees) == 0),
    )
    finite = np.isfinite(forest.threshold)
    # leaves that single precision holds beside the base
    forest = replace(
        forest, threshold=np.where(finite, forest.threshold, 3.0), value=np.round(forest.value * 64.0) / 64.0
    )
    path = tmp_path_factory.mktemp("xml") / "a.weights.xml"
    # the base is part of the leaves
    assert forest.to_tmva(path).largest_difference < (1e-14 if base else 1e-300)
    back = Forest.from_tmva(path)
    assert back.aggregate == "tmva_median"
    X = np.nan_to_num(random_events(rng, 50, 4, forest), nan=0.5).clip(-3e38, 3e38).astype(np.float32)
    np.testing.assert_allclose(back.predict(X), forest.predict(X), rtol=0, atol=1e-14)
    assert 'name="BoostType" modified="Yes">AdaBoostR2<' in path.read_text()


def test_tmva_has_no_other_median(tmp_path: Path) -> None:
    forest = random_forest(np.random.default_rng(1), aggregate="median", takes_missing=False)
    with pytest.raises(ExportError, match="averages a third of the trees around it"):
        forest.to_tmva(tmp_path / "a.xml")
    with pytest.raises(ExportError, match="with its logistic"):
        replace(forest, aggregate="tmva_median", link="logistic").to_tmva(tmp_path / "a.xml")
