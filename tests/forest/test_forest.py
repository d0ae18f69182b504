"""What a forest accepts, how it shows itself, and that it comes back from disk as it was."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml.errors import MissingFileError, ModelFormatError, OutputError
from hepml.forest import Forest, storage
from hepml.forest.storage import from_bytes, to_bytes
from tests.forest.reference import random_forest

if TYPE_CHECKING:
    from pathlib import Path

# x < 1.5 ? (y < 0 ? -1 : 1) : 3
TREE: dict[str, Any] = {
    "feature": [0, 1, -1, -1, -1],
    "threshold": [1.5, 0.0, 0, 0, 0],
    "left": [1, 2, -1, -1, -1],
    "right": [4, 3, -1, -1, -1],
    "value": [0, 0, -1.0, 1.0, 3.0],
    "first_node": [0, 5],
    "feature_names": ["x", "y"],
}


def test_a_tree_by_hand() -> None:
    forest = Forest.from_nodes(**TREE, metadata={"source": "a test"})
    np.testing.assert_array_equal(forest.predict([[1.0, -1.0], [1.0, 0.0], [1.5, -1.0], [2.0, 5.0]]), [-1, 1, 3, 3])
    assert forest.depth.tolist() == [2]
    assert repr(forest) == "<Forest of a test: 1 trees, depth 2, 5 nodes, 2 features (x, y), sum of trees, identity>"
    assert (forest.n_trees, len(forest), forest.n_features, forest.n_outputs) == (1, 1, 2, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"left": [0, 2, -1, -1, -1]}, "out of its tree, or a root"),
        ({"left": [5, 2, -1, -1, -1]}, "out of its tree"),
        ({"left": [2, 2, -1, -1, -1]}, "no parent, or two"),
        # nodes 1 and 2 are each other's parents, and no root leads to them
        (
            {
                "feature": [0, 0, 0, -1, -1, -1, -1],
                "threshold": [0] * 7,
                "left": [3, 2, 1, -1, -1, -1, -1],
                "right": [4, 5, 6, -1, -1, -1, -1],
                "value": [0] * 7,
                "first_node": [0, 7],
            },
            "reached from no root",
        ),
        ({"feature": [0, 2, -1, -1, -1]}, "feature 2; there are 2"),
        ({"feature": [0, 1, 0, -1, -1]}, "leaf by its feature and a split by its children"),
        ({"threshold": [np.nan, 0, 0, 0, 0]}, "threshold is NaN"),
        ({"value": [0, 0, np.inf, 0, 0]}, "leaf value is not finite"),
        ({"value": [0, 0, 1.0]}, "value has the shape"),
        ({"first_node": [0, 4]}, "first_node"),
        ({"first_node": [0]}, "no tree"),
        ({"first_node": [0, 2, 5]}, "out of its tree"),
        ({"feature_names": ["x", "x"]}, "same name"),
        ({"feature_names": []}, "0 features"),
        ({"output": [1]}, None),
        ({"output": [-1]}, "output that is not among"),
        ({"base": []}, "base"),
        ({"base": [np.nan]}, "not finite"),
        ({"tree_weight": [1.0, 2.0]}, "tree_weight"),
        ({"aggregate": "average", "tree_weight": [-1.0]}, "positive sum"),
        ({"link": "sigmoid"}, "link 'sigmoid' is not known"),
        ({"link": "softmax"}, "several outputs"),
        ({"comparison": ">"}, "comparison '>'"),
        ({"category_set": [0, -1, -1, -1, -1]}, "set of categories that is not among the 0"),
        ({"category_set": [0, -1, -1, -1, -1], "categories": [[-1, 2]]}, "categories must lie"),
        ({"feature": [0.5, 1, -1, -1, -1]}, "cannot be held"),
        ({"feature": ["a", 1, -1, -1, -1]}, "feature"),
        ({"left": [2**40, 2, -1, -1, -1]}, "cannot be held"),
    ],
)
def test_what_is_no_forest_is_refused(change: dict[str, Any], message: str | None) -> None:
    if message is None:
        assert Forest.from_nodes(**{**TREE, **change}).n_outputs == 2
        return
    with pytest.raises(ModelFormatError, match=message):
        Forest.from_nodes(**{**TREE, **change})


def test_a_chain_deeper_than_any_tree_is_refused() -> None:
    n_splits = 10_001
    nodes = np.arange(2 * n_splits + 1)
    is_split = nodes < n_splits
    left = np.where(is_split, nodes + 1, -1)
    right = np.where(is_split, n_splits + 1 + nodes, -1)
    with pytest.raises(ModelFormatError, match="deeper than"):
        Forest.from_nodes(
            feature=np.where(is_split, 0, -1),
            threshold=np.zeros(len(nodes)),
            left=left,
            right=right,
            value=np.zeros(len(nodes)),
            first_node=[0, len(nodes)],
            feature_names=["x"],
        )


def test_it_is_immutable() -> None:
    forest = Forest.from_nodes(**TREE)
    with pytest.raises(ValueError, match="read-only"):
        forest.threshold[0] = 2.0
    with pytest.raises(TypeError):
        forest.metadata["x"] = 1  # type: ignore[index]
    with pytest.raises(AttributeError):
        forest.link = "exp"  # type: ignore[misc]


def test_equality_sees_every_part() -> None:
    forest = Forest.from_nodes(**TREE, gain=[np.nan] * 5)
    assert forest == Forest.from_nodes(**TREE)
    assert hash(forest) == hash(Forest.from_nodes(**TREE))
    for change in (
        {"threshold": [1.6, 0, 0, 0, 0]},
        {"comparison": "<="},
        {"metadata": {"a": 1}},
        {"missing_right": [True, False, False, False, False]},
        {"base": [1.0]},
    ):
        assert forest != Forest.from_nodes(**{**TREE, **change})
    assert forest != "a forest"


class TestStorage:
    @given(seed=st.integers(0, 2**32 - 1), n_outputs=st.integers(1, 3), vector=st.booleans(), categories=st.booleans())
    @settings(max_examples=25)
    def test_round_trip(self, seed: int, n_outputs: int, vector: bool, categories: bool) -> None:
        forest = random_forest(
            np.random.default_rng(seed),
            n_outputs=n_outputs,
            vector_leaves=vector,
            categories=categories,
            metadata={"source": "here", "n": 3},
        )
        content = to_bytes(forest)
        back = from_bytes(content, "it")
        assert back == forest
        assert to_bytes(back) == content
        assert pickle.loads(pickle.dumps(forest)) == forest  # noqa: S301  (what was written a moment ago)

    def test_files(self, tmp_path: Path) -> None:
        forest = Forest.from_nodes(**TREE)
        forest.save(tmp_path / "forest.npz")
        assert Forest.load(tmp_path / "forest.npz") == forest
        with pytest.raises(OutputError, match="exists"):
            forest.save(tmp_path / "forest.npz")
        with pytest.raises(MissingFileError, match="no such file"):
            Forest.load(tmp_path / "other.npz")
        with pytest.raises(ModelFormatError, match="cannot be read"):
            Forest.load(tmp_path)

    @given(data=st.data())
    @settings(max_examples=150)
    def test_damage_is_an_error_or_changes_nothing(self, data: st.DataObject) -> None:
        content = bytearray(CONTENT)
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(0, len(content) - 1))
            if data.draw(st.booleans()):
                content[at] ^= 1 << data.draw(st.integers(0, 7))
            else:
                del content[at:]
                break
        try:
            found = from_bytes(bytes(content), "it")
        except ModelFormatError:
            return
        # flags and dates of the archive mean nothing
        assert found == from_bytes(CONTENT, "it")

    def test_a_newer_version_is_refused_by_name(self) -> None:
        import io
        import zipfile

        stream = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(CONTENT)) as old, zipfile.ZipFile(stream, "w") as new:
            for name in old.namelist():
                new.writestr(name, old.read(name).replace(b'"version": 1', b'"version": 3'))
        with pytest.raises(ModelFormatError, match="version 3 of hepml-forest; this hepml knows versions 1 and 2"):
            from_bytes(stream.getvalue(), "it")

    def test_a_forest_that_shrinks_too_much_is_not_packed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        forest = random_forest(np.random.default_rng(1), n_trees=300)
        packed = to_bytes(forest)
        monkeypatch.setattr(storage, "_LARGEST_RATIO", 1)
        monkeypatch.setattr(storage, "_ALWAYS_ALLOWED", 0)
        with pytest.raises(ModelFormatError, match="would unpack to"):
            from_bytes(packed, "it")
        content = to_bytes(forest)
        assert len(content) > len(packed)
        assert from_bytes(content, "it") == forest

    def test_a_bomb_is_not_unpacked(self) -> None:
        import io
        import zipfile

        stream = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(CONTENT)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                new.writestr(name, b"\0" * 60_000_000 if name == "feature.npy" else old.read(name))
        with pytest.raises(ModelFormatError, match=r"damaged|unpack"):
            from_bytes(stream.getvalue(), "it")


CONTENT = to_bytes(random_forest(np.random.default_rng(0), categories=True))
