"""The compiled kernels against the forest's definition, bit for bit, whatever layout, threads and number of events."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml.errors import FeatureMismatchError, FeatureValueError, InvalidInputError
from hepml.forest import Forest, kernels, prediction
from hepml.forest.links import apply_link
from tests.forest.reference import random_events, random_forest, reference_leaf, reference_margin

STUMP = {
    "feature": [0, -1, -1],
    "threshold": [1.5, 0, 0],
    "left": [1, -1, -1],
    "right": [2, -1, -1],
    "value": [0, -1.0, 3.0],
    "first_node": [0, 3],
    "feature_names": ["x"],
}


@pytest.mark.parametrize("depth", [0, 1, 2, 3, 4, 5, 6, 9])
@pytest.mark.parametrize("comparison", ["<", "<="])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_every_depth_agrees_with_the_definition(depth: int, comparison: Any, precision: Any) -> None:
    rng = np.random.default_rng([depth, comparison == "<", precision == "float32"])
    for full in (False, True) if depth < 7 else (False,):
        for single_leaves in (False, True):
            forest = random_forest(
                rng, depth=depth, full=full, comparison=comparison, precision=precision, single_leaves=single_leaves
            )
            X = random_events(rng, 60, 4, forest)
            with np.errstate(over="ignore"):
                single = X.astype(np.float32)
            for events in (X, single):
                expected = reference_margin(forest, events)[:, 0]
                np.testing.assert_array_equal(forest.predict(events, output="margin"), expected)
                np.testing.assert_array_equal(forest.predict(events[:3], output="margin"), expected[:3])


@given(
    seed=st.integers(0, 2**32 - 1),
    depth=st.integers(0, 7),
    n_outputs=st.integers(1, 3),
    vector=st.booleans(),
    categories=st.booleans(),
    average=st.booleans(),
    precision=st.sampled_from(["float32", "float64"]),
)
@settings(max_examples=60)
def test_every_shape_of_forest_agrees_with_the_definition(
    seed: int, *, depth: int, n_outputs: int, vector: bool, categories: bool, average: bool, precision: Any
) -> None:
    rng = np.random.default_rng(seed)
    average = average and (vector or n_outputs == 1)
    forest = random_forest(
        rng,
        depth=depth,
        n_outputs=n_outputs,
        vector_leaves=vector,
        categories=categories,
        precision=precision,
        aggregate="average" if average else "sum",
        tree_weight=rng.uniform(0.1, 2.0, 7),
    )
    X = random_events(rng, 40, 4, forest)
    expected = reference_margin(forest, X)
    found = forest.predict(X, output="margin")
    np.testing.assert_array_equal(found.reshape(expected.shape), expected)
    leaf = forest.predict(X, output="leaf")
    nodes = np.array([[reference_leaf(forest, tree, x) for tree in range(7)] for x in X])
    np.testing.assert_array_equal(leaf, forest.node_id[nodes])
    staged = forest.predict(X, output="staged", at=[1, 4, 7])
    for found_at, n_trees in zip(staged, (1, 4, 7), strict=True):
        np.testing.assert_array_equal(found_at.reshape(expected.shape), reference_margin(forest, X, n_trees))


@pytest.mark.parametrize(("link", "n_outputs"), [("logistic", 1), ("tmva_grad", 1), ("softmax", 3), ("identity", 2)])
def test_staged_scores_are_those_of_shorter_forests(link: Any, n_outputs: int) -> None:
    rng = np.random.default_rng(9)
    forest = random_forest(rng, n_trees=9, depth=4, n_outputs=n_outputs, link=link)
    n_events = prediction._EVENTS_OF_STAGES + 50
    X = np.asfortranarray(rng.normal(size=(n_events, 4)))
    scores = forest.staged_scores(X, [2, 9], dtype=np.float64)
    np.testing.assert_array_equal(scores[1], forest.predict(X))
    ends = np.r_[:50, n_events - 100 : n_events]
    expected = apply_link(link, reference_margin(forest, X[ends], 2))
    np.testing.assert_allclose(scores[0][ends].reshape(expected.shape), expected, rtol=1e-14)
    single = forest.staged_scores(X, [2, 9])
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, scores.astype(np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layout_threads_and_chunks_change_nothing(dtype: Any) -> None:
    rng = np.random.default_rng(3)
    forest = random_forest(rng, n_trees=40, depth=6, n_features=5, precision="float64")
    n_events = 40 * kernels.BLOCK + 17
    X = np.ascontiguousarray(rng.normal(size=(n_events, 5)).astype(dtype))
    expected = forest.predict(X, threads=1, output="margin")
    for layout in (
        np.asfortranarray(X),
        np.repeat(X, 2, axis=1)[:, ::2],
        np.asfortranarray(np.repeat(X, 2, axis=0))[::2],
    ):
        np.testing.assert_array_equal(layout, X)
        for threads in (1, 2, 5):
            np.testing.assert_array_equal(forest.predict(layout, threads=threads, output="margin"), expected)
    np.testing.assert_array_equal(forest.predict(X[::-1], output="margin"), expected[::-1])
    for size in (1, 16, 17, 511, 512, 513, 5000):
        pieces = [forest.predict(X[at : at + size], output="margin") for at in range(0, 8 * size, size)]
        np.testing.assert_array_equal(np.concatenate(pieces), expected[: 8 * size])
    np.testing.assert_array_equal(forest.predict(X[:0]), np.zeros(0))


def test_input_is_read_where_it_is() -> None:
    forest = random_forest(np.random.default_rng(1), n_features=3)
    X = np.zeros((1000, 3), dtype=np.float32)
    X.flags.writeable = False
    for view in (X, X.T.copy().T, X[100:900], X[::2]):
        from hepml.forest.prediction import _flat

        assert np.shares_memory(_flat(view)[0], view)
    forest.predict(X)
    # integers and booleans are numbers too
    np.testing.assert_array_equal(forest.predict(X.astype(int)), forest.predict(X))


class TestLinks:
    MARGINS = np.array([-800.0, -1.0, 0.0, 2.0, 800.0])

    def scores(self, link: Any) -> Any:
        forest = Forest.from_nodes(
            feature=[-1], threshold=[0], left=[-1], right=[-1], value=[0.0], first_node=[0, 1], feature_names=["x"],
            link=link,
        )  # fmt: skip
        from hepml.forest.links import apply_link

        assert forest.link == link
        return apply_link(link, self.MARGINS[:, None])[:, 0]

    def test_closed_forms(self) -> None:
        logistic = [0.0, 1 / (1 + np.e), 0.5, 1 / (1 + np.exp(-2.0)), 1.0]
        np.testing.assert_allclose(self.scores("logistic"), logistic, rtol=1e-15)
        np.testing.assert_allclose(self.scores("tmva_grad"), np.tanh(self.MARGINS), rtol=0, atol=3e-16)
        np.testing.assert_allclose(self.scores("logistic_2x"), (1 + np.tanh(self.MARGINS)) / 2, rtol=0, atol=3e-16)
        np.testing.assert_array_equal(self.scores("identity"), self.MARGINS)
        assert self.scores("exp")[3] == np.exp(2.0)

    def test_softmax_sums_to_one(self) -> None:
        forest = random_forest(
            np.random.default_rng(2), n_outputs=3, vector_leaves=True, link="softmax", base=[700, 0, -700]
        )
        score = forest.predict(np.zeros((20, 4)))
        np.testing.assert_allclose(score.sum(axis=1), 1.0, rtol=1e-15)
        assert np.argmax(score[0]) == 0


class TestBadInput:
    def test_missing_values_are_refused_where_there_were_none_in_training(self) -> None:
        forest = Forest.from_nodes(**STUMP, takes_missing=False)
        np.testing.assert_array_equal(forest.predict([[1.0], [2.0]]), [-1.0, 3.0])
        for n_events in (1, 100):
            with pytest.raises(FeatureValueError, match="missing"):
                forest.predict(np.full((n_events, 1), np.nan))

    def test_shapes_and_types(self) -> None:
        forest = Forest.from_nodes(**STUMP)
        with pytest.raises(FeatureMismatchError, match=r"shape \(2, 2\); the forest has 1 features \(x\)"):
            forest.predict(np.zeros((2, 2)))
        with pytest.raises(InvalidInputError, match="must be numbers"):
            forest.predict(np.array([["a"]]))
        with pytest.raises(InvalidInputError, match="did you mean 'margin'"):
            forest.predict([[1.0]], output="margins")  # type: ignore[arg-type]
        with pytest.raises(InvalidInputError, match="positive number"):
            forest.predict([[1.0]], threads=0)
        for at in ([0], [2], [1, 1], [], [[1]], [1.0]):
            with pytest.raises(InvalidInputError, match="ascending numbers of trees"):
                forest.predict([[1.0]], output="staged", at=at)
            with pytest.raises(InvalidInputError, match="ascending numbers of trees"):
                forest.staged_scores([[1.0]], at)
        with pytest.raises(InvalidInputError, match="float32 or float64"):
            forest.staged_scores([[1.0]], [1], dtype=np.float16)
        with pytest.raises(InvalidInputError, match="`at` is for"):
            forest.predict([[1.0]], at=[1])
