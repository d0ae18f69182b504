"""Paths, globs and ``file.root:tree``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.errors import InvalidInputError, MissingFileError
from hepml.readers import TreeLocation, expand_files, read, split_location

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "path", "tree"),
    [
        ("a.root", "a.root", None),
        ("a.root:events", "a.root", "events"),
        ("a.root:dir/events;2", "a.root", "dir/events;2"),
        ("a.root2:events", "a.root2", "events"),
        ("a.root:", "a.root", None),
        ("data/**/*.root:events", "data/**/*.root", "events"),
        ("data/run[12]*:events", "data/run[12]*", "events"),
        ("root://host//store/a.root", "root://host//store/a.root", None),
        ("root://host//store/a.root:events", "root://host//store/a.root", "events"),
        ("root://host:1094//store/a.root", "root://host:1094//store/a.root", None),
        ("root://host:1094//store/a.root:d/events", "root://host:1094//store/a.root", "d/events"),
        ("https://host:8443/a.root", "https://host:8443/a.root", None),
        ("https://host:8443", "https://host:8443", None),
        ("https://[::1]:8443/a.root:t", "https://[::1]:8443/a.root", "t"),
        ("https://me:word@host/a.root", "https://me:word@host/a.root", None),
        ("https://host/09:30/a.root", "https://host/09:30/a.root", None),
        ("https://host/09:30/a.root:t", "https://host/09:30/a.root", "t"),
        ("https://host/a.root?at=09:30", "https://host/a.root?at=09:30", None),
        ("https://host/a.root?at=09:30:t", "https://host/a.root?at=09:30", "t"),
        ("https://host/get?file=a.root&x=%3A:d/t;2", "https://host/get?file=a.root&x=%3A", "d/t;2"),
        ("notes:2026", "notes:2026", None),
        (":events", ":events", None),
        ("", "", None),
    ],
)
def test_a_colon_divides_file_and_tree(text: str, path: str, tree: str | None) -> None:
    assert split_location(text) == TreeLocation(path, tree)


SEGMENT = st.text(st.sampled_from("aZ09 _-.+~"), min_size=1, max_size=6).filter(lambda text: not text.startswith("."))
ADDRESSES = st.tuples(
    st.sampled_from(["https://", "http://", "root://", "davs://"]),
    st.sampled_from(["host", "a.b-c.ch", "127.0.0.1", "[::1]", "me@host", "me:word@host"]),
    st.sampled_from(["", ":1094", ":8443"]),
    st.sampled_from(["/", "//"]),
    st.lists(st.one_of(SEGMENT, st.sampled_from(["a%20b", "09:30", "x%3Ay"])), max_size=3).map(
        lambda parts: "".join(part + "/" for part in parts)
    ),
    st.one_of(SEGMENT, st.just("a%20b")).map(lambda text: text + ".root"),
    st.sampled_from(["", "?token=a.b-c", "?x=1&y=%3A", "?at=09:30"]),
).map("".join)
TREES = st.sampled_from(["events", "d/events", "Events;2", "a/b/c", "_t", "t.root"])


@given(address=ADDRESSES, tree=TREES)
def test_an_address_is_taken_whole(address: str, tree: str) -> None:
    assert split_location(address) == TreeLocation(address)
    assert split_location(f"{address}:{tree}") == TreeLocation(address, tree)
    assert expand_files(f"{address}:{tree}", "other") == (TreeLocation(address, tree),)


def test_a_file_whose_name_holds_a_colon_can_be_read(
    tmp_path: Path, columns: Callable[..., Any], write: Callable[..., Path]
) -> None:
    path = write(tmp_path / "a.root:events", columns(10))
    assert len(read(path, features=["pt"])) == 10
    assert len(read(f"{path}:events", features=["pt"])) == 10


def test_names_that_exist_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("run:1.root", "noext", "a.root:events"):
        (tmp_path / name).touch()
    assert split_location("run:1.root") == TreeLocation("run:1.root")
    assert split_location("run:1.root:events") == TreeLocation("run:1.root", "events")
    assert split_location("noext:events") == TreeLocation("noext", "events")
    assert split_location("a.root:events") == TreeLocation("a.root:events")
    assert str(split_location("noext:events")) == "noext:events"


def test_globs_are_sorted_and_go_deep(tmp_path: Path) -> None:
    for name in ("b.root", "a.root", "x/y/c.root", "x/d.txt", "x/folder.root/e.root"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = expand_files(f"{tmp_path}/**/*.root:events")
    relative = [location.path.removeprefix(f"{tmp_path}/") for location in found]
    assert relative == ["a.root", "b.root", "x/folder.root/e.root", "x/y/c.root"]
    assert {location.tree for location in found} == {"events"}
    assert [loc.path for loc in expand_files([tmp_path / "b.root", tmp_path / "a.root"])] == [
        f"{tmp_path}/b.root",
        f"{tmp_path}/a.root",
    ]
    assert expand_files(f"{tmp_path}/a.root:mine", "common")[0].tree == "mine"
    assert expand_files(f"{tmp_path}/a.root", "common")[0].tree == "common"


def test_a_file_is_read_once_by_whatever_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.root").touch()
    (tmp_path / "link.root").symlink_to("a.root")
    monkeypatch.chdir(tmp_path)
    same = ["a.root", "./a.root", f"{tmp_path}/a.root", "sub/../a.root", "a*.root"]
    assert expand_files(same) == (TreeLocation("a.root"),)
    assert caplog.text == ""
    assert expand_files("*.root:events") == (TreeLocation("a.root", "events"),)
    assert "link.root:events is the same file as a.root:events, by a link: it is read once" in caplog.text
    assert len(expand_files(["a.root:one", "a.root:two", "a.root:one"])) == 2


def test_the_home_folder_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.root").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expand_files("~/a.root:events") == (TreeLocation(f"{tmp_path}/a.root", "events"),)
    assert expand_files("~/*.root")[0].path == f"{tmp_path}/a.root"


def test_brackets_in_a_name_are_no_pattern_where_the_file_exists(tmp_path: Path) -> None:
    (tmp_path / "a[1].root").touch()
    assert expand_files(tmp_path / "a[1].root")[0].path == f"{tmp_path}/a[1].root"


def test_addresses_are_left_alone() -> None:
    assert expand_files("root://host//a.root:events") == (TreeLocation("root://host//a.root", "events"),)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ztautau.root", r"no such file: .*ztautau\.root; did you mean 'Ztautau\.root'\?"),
        ("qqq", "no such file: .*qqq$"),
        ("nofolder/x.root", r"no such file: .*x\.root \(nor the folder .*nofolder\)"),
        ("*.txt", r"no file matches .*\*\.txt"),
        ("folder", r"the folder .*folder holds no \*\.root file"),
        ("x" * 300 + ".root", "no such file"),
        ("Ztautau.root/x.root", "nor the folder"),
        ("a\0b.root", "no such file"),
    ],
)
def test_what_is_not_there_is_named(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "Ztautau.root").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(MissingFileError, match=message):
        expand_files(os.path.join(tmp_path, name))  # noqa: PTH118  (Path would change the name)


def test_an_unknown_user_has_no_files() -> None:
    with pytest.raises(MissingFileError, match=r"no such file: ~no_such_user_here/x\.root"):
        expand_files("~no_such_user_here/x.root")


def test_nothing_is_no_input() -> None:
    with pytest.raises(InvalidInputError, match="no input file"):
        expand_files([])


def test_a_folder_is_its_root_files(tmp_path: Path) -> None:
    for name in ("b.root", "a.root", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "sub.root").mkdir()
    assert expand_files(f"{tmp_path}:events") == (
        TreeLocation(f"{tmp_path}/a.root", "events"),
        TreeLocation(f"{tmp_path}/b.root", "events"),
    )


def test_a_list_names_files_beside_it(tmp_path: Path) -> None:
    for name in ("a.root", "b.root", "c[1].root"):
        (tmp_path / name).touch()
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "inner.txt").write_text("../c[1].root:mine\n")
    (tmp_path / "files.txt").write_text(
        f"\ufeff# jobs 1 and 2\n{tmp_path}/b.root\n\n  a.root  \n@more/inner.txt\nhttps://host/x.root\n",
        encoding="utf-8",
    )
    found = expand_files(f"@{tmp_path}/files.txt:events")
    assert [(os.path.normpath(loc.path), loc.tree) for loc in found[:3]] == [
        (f"{tmp_path}/b.root", "events"),
        (f"{tmp_path}/a.root", "events"),
        (f"{tmp_path}/c[1].root", "mine"),
    ]
    assert found[3] == TreeLocation("https://host/x.root", "events")
    assert expand_files(f"@{tmp_path}/files.txt", "t")[0].tree == "t"


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, MissingFileError, "the list of files .*files.txt cannot be read: No such file"),
        ("# nothing\n", MissingFileError, "the list of files .*files.txt is empty"),
        ("b.root\n", MissingFileError, "no such file: .*b.root"),
        ("@files.txt\n", InvalidInputError, "the list of files .*files.txt names itself"),
    ],
)
def test_a_list_that_leads_nowhere_is_an_error(
    tmp_path: Path, content: str | None, error: type[Exception], message: str
) -> None:
    if content is not None:
        (tmp_path / "files.txt").write_text(content)
    with pytest.raises(error, match=message):
        expand_files(f"@{tmp_path}/files.txt")
