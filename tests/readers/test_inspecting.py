"""What a file holds, and its statistics against numpy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import pytest
import uproot

from hepml.errors import BranchNotFoundError, BranchTypeError, TreeNotFoundError
from hepml.readers import TreeLocation, inspect_file, inspecting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Columns = Callable[..., dict[str, Any]]
    Write = Callable[..., Path]


@pytest.mark.parametrize("chunk", [50, 10**8])
def test_statistics_are_those_of_numpy(
    tmp_path: Path, columns: Columns, write: Write, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    table = columns(80)
    table["mass"][[3, 4, 5]] = [np.nan, np.inf, -np.inf]
    path = write(tmp_path / "a.root", table)
    monkeypatch.setattr(inspecting, "_CHUNK_BYTES", chunk)
    summary = inspect_file(TreeLocation(str(path)), statistics=True)
    (tree,) = summary.trees
    assert (tree.name, tree.kind, tree.n_entries) == ("events", "TTree", 80)
    assert summary.size == path.stat().st_size
    assert summary.compression.startswith("ZSTD")
    found = {branch.name: branch for branch in tree.branches}
    flat = {name: np.asarray(column).ravel() for name, column in table.items() if name != "jet"}
    flat["jet_pt"] = ak.to_numpy(ak.flatten(table["jet"].pt))
    for name, values in flat.items():
        statistics = found[name].statistics
        assert statistics is not None
        finite = values[np.isfinite(values)].astype(np.float64)
        assert statistics.n_values == values.size
        assert statistics.n_nan == np.isnan(values).sum()
        assert statistics.n_infinite == np.isinf(values).sum()
        assert (statistics.minimum, statistics.maximum) == (finite.min(), finite.max())
        assert statistics.mean == pytest.approx(finite.mean(), rel=1e-6)
        assert statistics.constant == (finite.min() == finite.max())
        assert statistics.sentinels == {}, name
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
