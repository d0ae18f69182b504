"""Datasets and columns to ROOT files and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import uproot

from hepml.data import Identity
from hepml.errors import InvalidInputError, OutputError
from hepml.readers import read, root_writer, writing

if TYPE_CHECKING:
    from collections.abc import Callable

    Columns = Callable[..., dict[str, Any]]
    Write = Callable[..., Path]

LARGE = np.array([2**24 + 1, 2**53 + 1, 2**64 - 1], dtype=np.uint64)


def test_a_dataset_survives_the_way_out_and_back(
    tmp_path: Path, columns: Columns, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = columns(60)
    table["event"][:3] = LARGE
    table["pt"][5] = np.nan
    first = read(
        write(tmp_path / "in.root", table),
        features=["pt", ("lm", "log(mass)")],
        weight="weight",
        spectators=["mass", "charge"],
    )
    monkeypatch.setattr(writing, "_CHUNK_ROWS", 17)
    writing.write(first, tmp_path / "out.root", tree="selected")
    again = read(tmp_path / "out.root", features=["pt", "lm"], weight="weight", spectators=["mass", "charge"])
    np.testing.assert_array_equal(again.X, first.X)
    np.testing.assert_array_equal(again.weight, first.weight)
    assert again.identity.names == first.identity.names
    assert again.identity.columns[1].tolist() == table["event"].tolist()
    for name, column in first.spectators.items():
        assert again.spectators[name].dtype == column.dtype
        np.testing.assert_array_equal(again.spectators[name], column)
    with uproot.open(tmp_path / "out.root") as file:
        assert file["selected"].classname == "TTree"
        note = json.loads(str(file["hepml"]))
    assert (note["format"], note["version"], note["tree"]) == ("hepml-dataset", 1, "selected")
    assert note["samples"] == [{"name": "in", "role": "apply_only", "title": "in"}]


def test_an_empty_selection_of_a_dataset_is_still_a_tree(tmp_path: Path, columns: Columns, write: Write) -> None:
    dataset = read(write(tmp_path / "in.root", columns(5)), features=["pt"])
    writing.write(dataset[:0], tmp_path / "out.root")
    with uproot.open(tmp_path / "out.root") as file:
        assert file["events"].num_entries == 0
        assert file["events"].keys() == ["run", "event", "pt", "weight", "sample"]


def test_columns_of_one_name_are_refused(tmp_path: Path, columns: Columns, write: Write) -> None:
    source = write(tmp_path / "in.root", columns(5))
    repeated = read(source, features=["pt"], spectators=["event"])
    writing.write(repeated, tmp_path / "out.root")
    for options in (
        {"features": ["pt", "run"]},
        {"features": [("weight", "pt")]},
        {"features": ["pt"], "spectators": [("sample", "mass")]},
        {"features": ["pt"], "spectators": [("run", "run + 1")]},
    ):
        with pytest.raises(InvalidInputError, match="cannot be written: the name is taken"):
            writing.write(read(source, **options), tmp_path / "bad.root")  # type: ignore[arg-type]
    assert not (tmp_path / "bad.root").exists()


def test_an_existing_file_is_replaced_only_if_allowed(tmp_path: Path, columns: Columns, write: Write) -> None:
    dataset = read(write(tmp_path / "in.root", columns(5)), features=["pt"])
    before = (tmp_path / "in.root").read_bytes()
    with pytest.raises(OutputError, match=r"in\.root exists already"):
        writing.write(dataset, tmp_path / "in.root")
    assert (tmp_path / "in.root").read_bytes() == before
    writing.write(dataset, tmp_path / "in.root", overwrite=True)
    assert len(read(tmp_path / "in.root", features=["pt"])) == 5


def test_places_that_cannot_be_written_are_named(tmp_path: Path, columns: Columns, write: Write) -> None:
    dataset = read(write(tmp_path / "in.root", columns(5)), features=["pt"])
    for path in (tmp_path / "in.root" / "out.root", Path("/proc/out.root"), Path("/proc/hepml/out.root")):
        with pytest.raises(OutputError, match=f"cannot write {path}"):
            writing.write(dataset, path)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_half_written_appears(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "out.root"
    with pytest.raises(error), root_writer(path) as writer:  # noqa: PT012
        writer.extend("events", {"x": np.ones(5)})
        raise error
    assert list(tmp_path.iterdir()) == []


def test_all_kinds_of_columns_in_several_trees(tmp_path: Path) -> None:
    path = tmp_path / "out.root"
    given: dict[str, Any] = {
        "i8": np.array([-128, 127], dtype=np.int8),
        "u64": LARGE[1:],
        "i64": np.array([-(2**63), 2**63 - 1]),
        "f32": np.array([1.5, np.nan], dtype=np.float32),
        "f16": np.array([1.5, 2.5], dtype=np.float16),
        "flag": np.array([True, False]),
        "name": np.array(["signal", "μ"]),
        "list": [1, 2],
        "objects": np.array(["a", "bb"], dtype=object),
    }
    with root_writer(path) as writer:
        writer.note({"format": "test", "version": 1})
        for _ in range(3):
            writer.extend("one", given)
        writer.extend("two", {"x": np.zeros(0)})
    with uproot.open(path) as file:
        tree = file["one"]
        assert tree.num_entries == 6
        for name, column in given.items():
            assert tree[name].array().tolist()[:2] == pytest.approx(np.asarray(column).tolist(), nan_ok=True)
        assert file["two"].num_entries == 0
        assert json.loads(str(file["hepml"])) == {"format": "test", "version": 1}


def test_later_chunks_must_fit_the_first(tmp_path: Path) -> None:
    with root_writer(tmp_path / "out.root") as writer:
        writer.extend("t", {"a": np.array([1, -2]), "s": ["x", "y"]})
        writer.extend("t", {"s": ["z"], "a": np.array([7], dtype=np.uint64)})
        for wrong in (np.array([2**64 - 1], dtype=np.uint64), np.array([1.5]), np.array([np.nan]), ["text"]):
            with pytest.raises(InvalidInputError, match="column 'a' was int64 in the first chunk and is"):
                writer.extend("t", {"a": wrong, "s": ["z"]})
        with pytest.raises(InvalidInputError, match="tree 't' has the branches a, s; this chunk has a"):
            writer.extend("t", {"a": np.array([1])})
        with pytest.raises(InvalidInputError, match="different lengths"):
            writer.extend("t", {"a": np.array([1]), "s": ["x", "y"]})
        with pytest.raises(InvalidInputError, match="no columns for tree 'u'"):
            writer.extend("u", {})
        for wrong in (np.ones((2, 2)), np.array([1j]), np.array([b"x"]), np.array([1, "a"], dtype=object)):
            with pytest.raises(InvalidInputError, match="column 'a' has type"):
                writer.extend("u", {"a": wrong})
    with uproot.open(tmp_path / "out.root") as file:
        assert file["t"]["a"].array().tolist() == [1, -2, 7]
        assert file["t"]["s"].array().tolist() == ["x", "y", "z"]


def test_large_identities_are_written_exactly(tmp_path: Path, columns: Columns, write: Write) -> None:
    dataset = read(write(tmp_path / "in.root", columns(3)), features=["pt"])
    dataset = replace(dataset, identity=Identity(("number",), (LARGE,)))
    writing.write(dataset, tmp_path / "out.root")
    found = read(tmp_path / "out.root", features=["pt"], identity=["number"])
    assert found.identity.columns[0].tolist() == LARGE.tolist()
    np.testing.assert_array_equal(found.identity.hash(1, "split"), dataset.identity.hash(1, "split"))
