"""Bad input: one clear error each, and never fewer or other events without one."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import pytest
import uproot

from hepml.data import Feature
from hepml.errors import (
    BranchNotFoundError,
    BranchTypeError,
    EmptySelectionError,
    ExpressionError,
    FeatureValueError,
    FileUnreadableError,
    HepmlError,
    IdentityError,
    MissingFileError,
    SchemaMismatchError,
    TreeNotFoundError,
    WeightError,
)
from hepml.readers import SampleRequest, TreeLocation, expand_files, inspect_file, read, read_samples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Columns = Callable[..., dict[str, Any]]
    Write = Callable[..., Path]


@pytest.fixture
def good(tmp_path: Path, columns: Columns, write: Write) -> Path:
    return write(tmp_path / "good.root", columns(30))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"bad\.root is empty \(0 bytes\)"),
        (b"PK\x03\x04 a zip file", r"bad\.root is not a ROOT file: it begins with 'PK"),
        (b"root", r"bad\.root is truncated: 4 bytes"),
        (b"root" + bytes(60), r"bad\.root is damaged: its header"),
        (b"<!DOCTYPE html>" * 10, "not a ROOT file"),
    ],
)
def test_files_that_are_no_root_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.root"
    path.write_bytes(content)
    with pytest.raises(FileUnreadableError, match=message):
        read(path, features=["pt"])
    with pytest.raises(FileUnreadableError, match=message):
        inspect_file(TreeLocation(str(path)))


def test_files_and_folders_that_are_not_there(tmp_path: Path, good: Path) -> None:
    with pytest.raises(MissingFileError, match=r"did you mean 'good\.root'"):
        read(good.with_name("goood.root"), features=["pt"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingFileError, match=r"holds no \*\.root file"):
        read(tmp_path / "empty", features=["pt"])
    with pytest.raises(MissingFileError, match="no such file"):
        read_samples([SampleRequest("s", "signal", [TreeLocation("/no/such.root")])], features=[Feature("pt")])
    os.mkfifo(tmp_path / "pipe.root")
    with pytest.raises(FileUnreadableError, match="no regular file"):
        read(tmp_path / "pipe.root", features=["pt"])


def test_trees_that_are_not_there(tmp_path: Path, good: Path) -> None:
    with pytest.raises(
        TreeNotFoundError, match=r"no tree 'Event' in .*good\.root; did you mean 'events'\? \(trees: events\)"
    ):
        read(f"{good}:Event", features=["pt"])
    with pytest.raises(TreeNotFoundError, match=r"no cycle '7' of tree 'events' in .*good\.root \(cycles: 1\)"):
        read(f"{good}:events;7", features=["pt"])
    with uproot.recreate(tmp_path / "two.root") as file:
        file.mktree("one", {"x": "f4"})
        file.mktree("d/two", {"x": "f4"})
        file["histogram"] = np.histogram([1.0])
    with pytest.raises(
        TreeNotFoundError, match=r"several trees: name one, e\.g\. .*two\.root:one \(trees: one, d/two\)"
    ):
        read(tmp_path / "two.root", features=["x"])
    with pytest.raises(TreeNotFoundError, match="no tree 'histogram'"):
        read(tmp_path / "two.root", tree="histogram", features=["x"])
    with uproot.recreate(tmp_path / "none.root") as file:
        file["histogram"] = np.histogram([1.0])
    with pytest.raises(TreeNotFoundError, match=r"none\.root holds no tree"):
        read(tmp_path / "none.root", features=["x"])


def test_branches_that_are_not_there(good: Path) -> None:
    with pytest.raises(BranchNotFoundError, match=r"no branch 'jet_Pt' in .*good\.root:events; did you mean 'jet_pt'"):
        read(good, features=[("ht", "Sum$(jet_Pt)")])
    for options in (
        {"selection": "Weight > 0"},
        {"weight": "Weight"},
        {"spectators": ["Weight"]},
        {"identity": ["Weight"]},
    ):
        with pytest.raises(BranchNotFoundError, match=r"no branch 'Weight'.*did you mean 'weight'"):
            read(good, features=["pt"], **options)  # type: ignore[arg-type]
    with pytest.raises(BranchNotFoundError, match=r"no branch 'qqqq'.*hepml inspect .*good\.root:events"):
        read(good, features=["qqqq"])


def test_branches_that_cannot_be_used(tmp_path: Path, good: Path) -> None:
    path = tmp_path / "types.root"
    with uproot.recreate(path) as file:
        file.mktree("events", {"event": "i8", "name": "string", "cube": ("f4", (2, 2))}).extend(
            {"event": np.arange(2), "name": ak.Array(["a", "b"]), "cube": np.ones((2, 2, 2), dtype=np.float32)}
        )
    with pytest.raises(
        BranchTypeError, match=r"branch 'name' of .*types\.root:events has type char\*.*text is no number"
    ):
        read(path, features=["name"])
    with pytest.raises(BranchTypeError, match=r"branch 'cube' .*float\[2\]\[2\].*nested"):
        read(path, features=["cube"])
    with pytest.raises(
        ExpressionError, match=r"feature 'jet_pt' 'jet_pt' in .*good\.root:events: .*several values per event"
    ):
        read(good, features=["jet_pt"])
    with pytest.raises(ExpressionError, match=r"feature 'p4'.*several values"):
        read(good, features=["p4"])
    with pytest.raises(ExpressionError, match=r"selection 'jet_pt > 3|selection '\(jet_pt > 3\)'.*several values"):
        read(good, features=["pt"], selection="jet_pt > 3")
    with pytest.raises(ExpressionError, match=r"identity 'pt' in .*good\.root"):
        read(good, features=["pt"], identity=["pt"])
    with uproot.recreate(tmp_path / "objects.root") as file:
        file["events"] = {
            "deep": ak.Array([[[1.0]], [[2.0, 3.0], []]]),
            "word": ak.Array(["a", "b"]),
            "x": np.arange(2),
        }
    for name in ("deep", "word"):
        with pytest.raises(BranchTypeError, match=f"branch '{name}'.*only numbers and vectors of numbers"):
            read(tmp_path / "objects.root", features=[name])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"pt": None},
            r"no branch 'pt' in .*b\.root:events.*but there is one in .*a\.root:events: files of one sample",
        ),
        ({"pt": np.arange(5)}, r"branch 'pt' is scalar floating \(float\) in .*a\.root:events, but scalar integer"),
        (
            {"pt": ak.Array([[1.0], [], [2.0], [], []])},
            r"scalar floating .* but jagged floating \(double\[\]\) in .*b\.root",
        ),
        ({"pt": np.ones((5, 2))}, r"but fixed floating \(double\[2\]\)"),
        ({"event": np.ones(5)}, r"branch 'event' is scalar integer .* but scalar floating"),
    ],
)
def test_files_of_one_sample_must_agree(
    tmp_path: Path, columns: Columns, write: Write, change: dict[str, Any], message: str
) -> None:
    first = write(tmp_path / "a.root", columns(5))
    table = {name: column for name, column in (columns(5) | change).items() if column is not None}
    second = write(tmp_path / "b.root", table)
    with pytest.raises(SchemaMismatchError, match=message):
        read([first, second], features=["pt"])


def test_another_width_of_a_number_is_no_disagreement(tmp_path: Path, columns: Columns, write: Write) -> None:
    first = write(tmp_path / "a.root", columns(5))
    table = columns(5)
    table |= {"pt": table["pt"].astype(np.float64), "run": table["run"].astype(np.int64)}
    dataset = read([first, write(tmp_path / "b.root", table)], features=["pt"], spectators=["run"])
    np.testing.assert_array_equal(dataset.X[:5], dataset.X[5:])


def test_samples_must_be_identified_alike(tmp_path: Path, columns: Columns, write: Write) -> None:
    table = columns(5)
    del table["run"]
    requests = [
        SampleRequest("a", "signal", expand_files(write(tmp_path / "a.root", columns(5)))),
        SampleRequest("b", "background", expand_files(write(tmp_path / "b.root", table))),
    ]
    with pytest.raises(IdentityError, match=r"\(event, run:event\): state `identity:` for all"):
        read_samples(requests, features=[Feature("pt")])
    assert len(read_samples(requests, features=[Feature("pt")], identity=["event"])) == 10


def test_selections_that_leave_nothing(tmp_path: Path, good: Path, columns: Columns, write: Write) -> None:
    with pytest.raises(
        EmptySelectionError, match=r"sample 'good': none of 30 entries passes the selection '\(pt < 0\)'.*good"
    ):
        read(good, features=["pt"], selection="pt < 0")
    with pytest.raises(EmptySelectionError, match=r"sample 'empty' has no entries \(files: .*empty\.root\)"):
        read(write(tmp_path / "empty.root", columns(0)), features=["pt"])


def test_weights_that_are_no_numbers(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "a.root", {"event": np.arange(3), "w": np.array([1.0, np.nan, np.inf]), "x": np.ones(3)})
    with pytest.raises(
        WeightError, match=r"sample 'a', weight \(w\): 2 of 3 weights are NaN or infinite \(first: event 1"
    ):
        read(path, features=["x"], weight="w")
    with pytest.raises(WeightError, match=r"sample 'a', weight \(0\*x\): all 3 weights are zero"):
        read(path, features=["x"], weight="0*x")
    # what the selection removes does no harm
    assert read(path, features=["x"], weight="w", selection="event < 1").weight.tolist() == [1.0]


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e39, -1e300])
def test_infinite_features_are_named(tmp_path: Path, write: Write, value: float) -> None:
    path = write(tmp_path / "a.root", {"event": np.arange(3), "x": np.array([1.0, value, np.nan])})
    with pytest.raises(
        FeatureValueError, match=r"feature 'x' \(x\) is infinite, or beyond float32, for 1 of 3 .*event 1\)"
    ):
        read(path, features=["x"])
    assert len(read(path, features=["x"], selection="event != 1")) == 2
    assert np.isnan(read(path, features=["x"], missing=value).X[1, 0])


@pytest.mark.parametrize(
    ("text", "error"), [("0 < pt < 1", ExpressionError), ("pt >", ExpressionError), ("a" * 20_000, HepmlError)]
)
def test_expressions_that_are_none(good: Path, text: str, error: type[HepmlError]) -> None:
    for options in ({"selection": text}, {"weight": text}, {"spectators": [("s", text)]}, {"identity": [text]}):
        with pytest.raises(error):
            read(good, features=["pt"], **options)  # type: ignore[arg-type]
    with pytest.raises(ExpressionError):
        read(good, features=["pt"], selection="pt > 0) || (1")


OPTIONS: dict[str, Any] = {
    "features": ["pt", "mass", "charge", "trigger", ("ht", "Sum$(jet_pt)"), ("x", "p4[0]")],
    "spectators": ["event"],
    "weight": "weight",
}


def test_a_file_cut_anywhere_is_never_read_as_less(tmp_path: Path, columns: Columns, write: Write) -> None:
    content = write(tmp_path / "good.root", columns(200)).read_bytes()
    rng = np.random.default_rng(5)
    path = tmp_path / "cut.root"
    for place in {0, 3, 4, 63, 64, 100, len(content) - 1, *rng.integers(1, len(content), 80).tolist()}:
        path.write_bytes(content[:place])
        with pytest.raises(FileUnreadableError, match=r"cut\.root.*(truncated|empty|not a ROOT file)"):
            read(path, **OPTIONS)
        with pytest.raises(FileUnreadableError, match=r"cut\.root"):
            inspect_file(TreeLocation(str(path)))


def test_a_file_filled_up_with_zeros_is_never_read_as_less(tmp_path: Path, columns: Columns, write: Write) -> None:
    # as a transfer that reserved the space and stopped leaves it: the length is right
    good = write(tmp_path / "good.root", columns(200))
    whole = read(good, **OPTIONS)
    content = good.read_bytes()
    path = tmp_path / "cut.root"
    for place in np.random.default_rng(6).integers(64, len(content), 40).tolist():
        path.write_bytes(content[:place] + bytes(len(content) - place))
        try:
            dataset = read(path, **OPTIONS)
        except HepmlError as error:
            assert "cut.root" in str(error)  # noqa: PT017
        else:
            np.testing.assert_array_equal(dataset.X, whole.X)


FUZZ = """
import sys, warnings
from pathlib import Path
import numpy as np
from hepml.errors import HepmlError
from hepml.readers import TreeLocation, inspect_file, read

warnings.simplefilter("error")
good, path, first, last = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
content = Path(good).read_bytes()
options = {
    "features": ["pt", "mass", "charge", "trigger", ("ht", "Sum$(jet_pt)"), ("x", "p4[0]")],
    "spectators": ["event"], "weight": "weight", "tree": "events",
}
whole = read(good, **options)
counts = {"error": 0, "same": 0, "changed": 0}
for seed in range(first, last):
    rng = np.random.default_rng(seed)
    damaged = bytearray(content)
    for place in rng.integers(0, len(content), 1 + seed % 3):
        damaged[place] = damaged[place] ^ (1 << int(rng.integers(8))) if seed % 2 else int(rng.integers(256))
    Path(path).write_bytes(bytes(damaged))
    try:
        inspect_file(TreeLocation(path), statistics=seed % 4 == 0)
    except HepmlError:
        pass
    try:
        dataset = read(path, **options)
    except HepmlError as error:
        counts["error"] += 1
        continue
    assert len(dataset) == len(whole), seed
    same = np.array_equal(dataset.X, whole.X, equal_nan=True) and np.array_equal(dataset.weight, whole.weight)
    counts["same" if same else "changed"] += 1
print(counts["error"], counts["same"], counts["changed"])
"""


def test_damaged_bytes_give_an_error_or_all_events(tmp_path: Path, columns: Columns, write: Write) -> None:
    """The format keeps no checksum of what zstd holds: values may change unnoticed, their number may not."""
    good = write(tmp_path / "good.root", columns(60))
    # a process of its own, since damaged bytes could bring the interpreter down
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FUZZ), str(good), str(tmp_path / "damaged.root"), "0", "200"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    n_errors, n_same, n_changed = map(int, done.stdout.split())
    assert n_errors + n_same + n_changed == 200
    assert n_errors > 20
    assert n_same > 20
