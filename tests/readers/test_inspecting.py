"""What a file holds, and its statistics against numpy."""

from __future__ import annotations

import json
import math
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hepml.data import Identity
from hepml.errors import BranchNotFoundError, BranchTypeError, TreeNotFoundError
from hepml.readers import ListLengths, Repeat, TreeLocation, inspect_file, inspect_files, root_writer, statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    Columns = Callable[..., dict[str, Any]]
    Write = Callable[..., Path]


@pytest.mark.parametrize("chunk", [50, 10**8])
def test_statistics_are_those_of_numpy(
    tmp_path: Path, columns: Columns, write: Write, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    table = columns(80)
    table["mass"][[3, 4, 5]] = [np.nan, np.inf, -np.inf]
    path = write(tmp_path / "a.root", table)
    monkeypatch.setattr(statistics, "_CHUNK_BYTES", chunk)
    summary = inspect_file(TreeLocation(str(path)), statistics=True)
    (tree,) = summary.trees
    assert (tree.name, tree.kind, tree.n_entries) == ("events", "TTree", 80)
    assert summary.size == path.stat().st_size
    assert summary.compression.startswith("ZSTD")
    found = {branch.name: branch for branch in tree.branches}
    flat = {name: np.asarray(column).ravel() for name, column in table.items() if name != "jet"}
    flat["jet_pt"] = ak.to_numpy(ak.flatten(table["jet"].pt))
    for name, values in flat.items():
        numbers = found[name].statistics
        assert numbers is not None
        finite = values[np.isfinite(values)].astype(np.float64)
        assert numbers.n_values == values.size
        assert numbers.n_nan == np.isnan(values).sum()
        assert numbers.n_infinite == np.isinf(values).sum()
        assert (numbers.minimum, numbers.maximum) == (finite.min(), finite.max())
        assert numbers.mean == pytest.approx(finite.mean(), rel=1e-6)
        assert numbers.constant == (finite.min() == finite.max())
        assert numbers.sentinels == {}, name
    assert [found[name].shape for name in ("pt", "p4", "jet_pt")] == ["scalar", "fixed", "jagged"]
    assert json.loads(json.dumps(summary.to_dict()))["trees"][0]["n_entries"] == 80


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([-999.0, 1.0, 2.0, -999.0], {-999.0: 2}),
        ([-1.0, 0.0, 0.7, 1.0], {}),
        ([-1.0, 0.2, 0.7], {-1.0: 1}),
        ([-1.0, -0.8, 0.7], {}),
        ([1.0, -1.0], {}),
        ([9999.0, 3.0], {9999.0: 1}),
        ([-99.0, -99.0], {}),
        ([np.nan, np.nan], {}),
        ([-998.9, -999.0, 5.0], {}),
    ],
)
def test_sentinels_stand_apart(tmp_path: Path, write: Write, values: list[float], expected: dict[float, int]) -> None:
    path = write(tmp_path / "a.root", {"x": np.array(values)})
    (branch,) = inspect_file(TreeLocation(str(path)), statistics=True).trees[0].branches
    assert branch.statistics is not None
    assert branch.statistics.sentinels == expected


def test_trees_of_all_kinds_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    with uproot.recreate(path, compression=None) as file:
        file.mktree("d/old", {"x": "f4", "s": "string"})
        file["new"] = {"y": np.arange(3)}
    summary = inspect_file(TreeLocation(str(path)))
    assert [(tree.name, tree.kind, tree.n_entries) for tree in summary.trees] == [
        ("d/old", "TTree", 0),
        ("new", "RNTuple", 3),
    ]
    assert summary.compression == "none"
    assert [branch.shape for branch in summary.trees[0].branches] == ["scalar", "unusable"]
    (only,) = inspect_file(TreeLocation(str(path), "new"), statistics=True).trees
    assert only.branches[0].statistics is not None
    assert only.branches[0].statistics.maximum == 2
    empty = inspect_file(TreeLocation(str(path), "d/old"), statistics=True).trees[0].branches[0].statistics
    assert empty is not None
    assert empty.n_values == 0
    assert np.isnan(empty.minimum)


def test_what_is_not_there_is_named(tmp_path: Path, columns: Columns, write: Write) -> None:
    location = TreeLocation(str(write(tmp_path / "a.root", columns(3))))
    assert [b.name for b in inspect_file(location, branches=["pt", "mass"]).trees[0].branches] == ["pt", "mass"]
    with pytest.raises(BranchNotFoundError, match=r"no branch 'ptt' in .*a\.root:events; did you mean 'pt'"):
        inspect_file(location, branches=["ptt"])
    with pytest.raises(TreeNotFoundError, match="no tree 'event'"):
        inspect_file(TreeLocation(location.path, "event"))
    with uproot.recreate(tmp_path / "s.root") as file:
        file.mktree("events", {"s": "string"}).extend({"s": ak.Array(["a"])})
    with pytest.raises(BranchTypeError, match=r"branch 's' .* text is no number"):
        inspect_file(TreeLocation(f"{tmp_path}/s.root"), branches=["s"], statistics=True)


def one(path: Path) -> statistics.BranchStatistics:
    (branch,) = inspect_file(TreeLocation(str(path)), statistics=True).trees[0].branches
    assert branch.statistics is not None
    return branch.statistics


@given(hnp.arrays(st.sampled_from(["f8", "i8", "u8", "i4", "u4", "f4", "i2", "?"]), st.integers(1, 30)))
def test_loss_of_precision_is_that_of_exact_fractions(values: Any) -> None:
    tally = statistics._Tally(values.dtype)
    for part in np.array_split(values, 2):
        tally.add(part)
    found = tally.statistics()
    n_rounded, largest, n_beyond = 0, Fraction(0), 0
    for value in values.tolist():
        if not math.isfinite(value):
            continue
        exact = Fraction(value)
        with np.errstate(over="ignore"):
            near = np.array(value, dtype=values.dtype).astype(np.float32)
        if np.isinf(near):
            n_beyond += 1
        elif Fraction(float(near)) != exact:
            n_rounded += 1
            largest = max(largest, abs((Fraction(float(near)) - exact) / exact))
    assert found.dtype == values.dtype.name
    assert (found.n_rounded, found.n_beyond_float32) == (n_rounded, n_beyond)
    assert found.largest_change == pytest.approx(float(largest), rel=1e-7)


def test_resolution_tells_times_from_plain_numbers(tmp_path: Path, write: Write) -> None:
    rng = np.random.default_rng(3)
    times = one(write(tmp_path / "times.root", {"t": 1.7e9 + rng.uniform(0, 1280, 500)}))
    assert times.resolution == pytest.approx(0.1, rel=0.01)
    assert times.largest_change < 6e-8
    assert one(write(tmp_path / "plain.root", {"x": rng.normal(size=500)})).resolution < 1e-6
    assert one(write(tmp_path / "few.root", {"n": np.arange(10) + 2**20})).resolution == 0


@pytest.mark.parametrize("chunk", [50, 10**8])
def test_lengths_of_lists(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(statistics, "_CHUNK_BYTES", chunk)
    lists = ak.values_astype(ak.Array([[1, 2, 3], [], [4], [5, 6]] * 5), np.float32)
    path = write(tmp_path / "a.root", {"x": lists})
    (branch,) = inspect_file(TreeLocation(str(path)), branches=["x"], statistics=True).trees[0].branches
    assert branch.statistics is not None
    assert branch.statistics.lengths == ListLengths(0, 3, 1.5)


@given(st.lists(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=8), min_size=1, max_size=3))
def test_repeated_events_are_those_of_a_dictionary(files: list[list[tuple[int, int]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        locations = []
        for number, rows in enumerate(files):
            path = Path(folder) / f"{number}.root"
            with root_writer(path) as writer:
                table = {"run": [run for run, _ in rows], "event": [2**60 + event for _, event in rows]}
                writer.extend("events", {name: np.array(column, dtype=np.int64) for name, column in table.items()})
            locations.append(TreeLocation(str(path)))
        found = [summary.trees[0].repeated for summary in inspect_files(locations, statistics=True)]
        first: dict[tuple[int, int], tuple[str, int]] = {}
        for location, rows, repeated in zip(locations, files, found, strict=True):
            assert repeated is not None
            here: set[tuple[int, int]] = set()
            n_in_file = n_earlier = 0
            expected = []
            for entry, key in enumerate(rows):
                n_in_file += key in here
                n_earlier += key in first and key not in here
                if key in first:
                    expected.append(Repeat(f"run={key[0]} event={2**60 + key[1]}", entry, *first[key]))
                here.add(key)
                first.setdefault(key, (f"{location.path}:events", entry))
            assert (repeated.n_in_file, repeated.n_in_earlier_files) == (n_in_file, n_earlier)
            assert repeated.examples == tuple(expected[:3])


def test_equal_hashes_are_no_equal_events(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Identity, "hash", lambda self, *_: np.zeros(len(self), dtype=np.uint64))
    path = write(tmp_path / "a.root", {"run": np.zeros(5, "i8"), "event": np.array([1, 2, 3, 1, 5], "u8")})
    repeated = inspect_file(TreeLocation(str(path)), statistics=True).trees[0].repeated
    assert repeated is not None
    assert (repeated.n_in_file, [example.entry for example in repeated.examples]) == (1, [3])


def test_files_are_compared_tree_by_tree(tmp_path: Path) -> None:
    tables: list[dict[str, Any]] = [
        {"x": np.ones(2, "f4"), "y": np.ones(2, "f8"), "n": np.ones(2, "i4")},
        {"x": np.ones(2, "f8"), "n": np.ones(2, "i4"), "z": np.ones(2)},
        {"x": np.ones(2, "f4"), "y": np.ones(2, "f8"), "n": np.ones(2, "i4")},
    ]
    paths = [tmp_path / f"{number}.root" for number in range(3)]
    for path, table, kind in zip(paths, tables, ("ttree", "ttree", "rntuple"), strict=True):
        with root_writer(path, format=kind) as writer:
            writer.extend("events", table)
    trees = [summary.trees[0] for summary in inspect_files([TreeLocation(str(path)) for path in paths])]
    assert trees[0].differences == trees[2].differences == ()
    assert trees[1].differences == (
        f"branch 'x' is double, in {paths[0]} float",
        f"no branch 'y', which {paths[0]} has",
        f"branch 'z' is not in {paths[0]}",
    )
    assert all(tree.repeated is None for tree in trees)
