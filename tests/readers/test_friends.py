"""Columns from friend trees, by entry order and by a key."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import pytest

from hepml.data import Feature
from hepml.errors import BranchNotFoundError, HepmlError, IdentityError, InvalidInputError, SchemaMismatchError
from hepml.readers import FriendRequest, SampleRequest, TreeLocation, read_samples, reading, root_given
from hepml.root_process import keep_root, root_is_installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from hepml.data import Dataset

    Columns = Callable[..., dict[str, Any]]
    Write = Callable[..., Path]
    Load = Callable[..., Dataset]

N = 300
FEATURES = [Feature("pt"), Feature("far"), Feature("sum", expression="pt + Sum$(hits)")]


def friend_columns(columns: dict[str, Any]) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    counts = rng.integers(0, 4, N)
    return {
        "run": columns["run"],
        "event": columns["event"],
        "far": np.sqrt(columns["pt"]),
        "hits": ak.unflatten(rng.normal(size=counts.sum()).astype(np.float32), counts),
        "pt": np.full(N, -1.0),
    }


def take(columns: dict[str, Any], rows: Any) -> dict[str, Any]:
    return {name: column[rows] for name, column in columns.items()}


def split(
    path: Path, columns: dict[str, Any], edges: Sequence[int], write: Write, **options: Any
) -> list[TreeLocation]:
    return [
        TreeLocation(str(write(path.with_name(f"{path.name}{number}.root"), take(columns, slice(*edge)), **options)))
        for number, edge in enumerate(pairwise(edges))
    ]


class Files:
    """Writes the tables of these tests."""

    def __init__(self, main: dict[str, Any], friend: dict[str, Any], write: Write) -> None:
        self.main, self.friend, self.write = main, friend, write


@pytest.fixture(scope="module", autouse=True)
def one_root() -> Iterator[None]:
    """Start ROOT once for all tests of this module."""
    with keep_root():
        yield


NEEDS_ROOT = [
    pytest.mark.requires_root,
    pytest.mark.skipif(not root_is_installed(), reason="PyROOT (extra root) is not installed"),
]


@pytest.fixture(params=["uproot", pytest.param("root", marks=NEEDS_ROOT)])
def load(request: pytest.FixtureRequest) -> Load:
    """Both readers give the same, and refuse the same."""

    def load(
        main: list[TreeLocation], friend: list[TreeLocation], index: tuple[str, ...] = (), **options: Any
    ) -> Dataset:
        sample = SampleRequest("s", "signal", main, friends=[FriendRequest(friend, index)], **options)
        wanted = {"features": FEATURES, "selection": "far > 2 && charge > 0", "weight": "weight"}
        return read_samples([sample], reader=request.param, **wanted)

    return load


@pytest.fixture
def tables(columns: Columns) -> tuple[dict[str, Any], dict[str, Any]]:
    main = columns(N)
    return {name: main[name] for name in ("run", "event", "pt", "charge", "weight")}, friend_columns(main)


@pytest.fixture
def files(tables: Any, write: Write) -> Files:
    return Files(*tables, write)


@pytest.fixture
def joined(tmp_path: Path, tables: Any, write: Write) -> Dataset:
    """Return what comes out if all columns stand in one tree."""
    main, friend = tables
    whole = {**main, "far": friend["far"], "hits": friend["hits"]}
    path = TreeLocation(str(write(tmp_path / "whole.root", whole)))
    return read_samples(
        [SampleRequest("s", "signal", [path])], features=FEATURES, selection="far > 2 && charge > 0", weight="weight"
    )


def same(dataset: Dataset, joined: Dataset) -> None:
    np.testing.assert_array_equal(dataset.X, joined.X)
    np.testing.assert_array_equal(dataset.weight, joined.weight)
    np.testing.assert_array_equal(dataset.identity.columns[1], joined.identity.columns[1])


@pytest.mark.parametrize("edges", [[0, N], [0, 100, N], [0, 30, 31, 250, N]])
@pytest.mark.parametrize("index", [(), ("run", "event")])
def test_friends_are_the_columns_of_one_tree(
    tmp_path: Path, files: Files, joined: Dataset, edges: list[int], index: tuple[str, ...], *, load: Load
) -> None:
    main = split(tmp_path / "main", files.main, [0, 100, N], files.write)
    friend = split(tmp_path / "friend", files.friend, edges, files.write, tree="more")
    same(load(main, friend, index), joined)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_CHUNK_BYTES", 400)
        patch.setattr(root_given, "_CHUNK_BYTES", 400)
        same(load(main, friend, index), joined)


def test_a_key_finds_events_in_any_order_among_others(
    tmp_path: Path, tables: Any, write: Write, joined: Dataset, monkeypatch: pytest.MonkeyPatch, *, load: Load
) -> None:
    monkeypatch.setattr(reading, "_CHUNK_BYTES", 400)
    monkeypatch.setattr(root_given, "_CHUNK_BYTES", 400)
    main, friend = tables
    order = np.random.default_rng(3).permutation(N)
    shuffled = take(friend, order) | {"run": friend["run"][order].astype(np.int64)}
    files = split(tmp_path / "friend", shuffled, [0, 120, N], write)
    same(load(split(tmp_path / "main", main, [0, N], write), files, ("run", "event")), joined)
    # fewer events of the sample than of the friend
    some = load(split(tmp_path / "some", take(main, slice(0, 50)), [0, 50], write), files, ("run", "event"))
    np.testing.assert_array_equal(some.X, joined.X[: len(some)])
    limited = load(split(tmp_path / "main", main, [0, N], write), files, ("event",), max_events=50)
    np.testing.assert_array_equal(limited.X, some.X)


def test_another_tree_of_the_same_file(load: Load, tmp_path: Path, tables: Any, joined: Dataset, write: Write) -> None:
    import uproot

    path = write(tmp_path / "a.root", tables[0])
    with uproot.update(path) as file:
        more = {name: tables[1][name] for name in ("far", "hits")}
        file.mktree("more", {"far": more["far"].dtype, "hits": more["hits"].type.content}).extend(more)
    same(load([TreeLocation(str(path), "events")], [TreeLocation(str(path), "more")]), joined)


@pytest.mark.parametrize(
    ("change", "index", "expected"),
    [
        (
            lambda t: take(t, slice(0, 90)),
            (),
            (IdentityError, r"has 90 entries, .* has 300: entry 90 of .* has no partner"),
        ),
        (lambda t: take(t, [*range(N), 0]), (), (IdentityError, r"has 301 entries, .* has 300: entry 300 of")),
        (
            lambda t: take(t, [*range(40), 41, 40, *range(42, N)]),
            (),
            (IdentityError, r"entry 40 of .*event=40.*event=41"),
        ),
        (
            lambda t: take(t, [*range(40), *range(41, N)]),
            ("event",),
            (IdentityError, r"entry 40 of .*\(event=40\) has no"),
        ),
        (lambda t: take(t, [*range(N), 7]), ("run", "event"), (IdentityError, r"event=7 in its entries 7 and 300")),
        (lambda t: t, ("evnt",), (HepmlError, "no branch 'evnt'")),
        (lambda t: {"event": t["event"], "far": t["far"]}, (), (BranchNotFoundError, "hits")),
    ],
)
def test_what_does_not_match_is_named(
    tmp_path: Path,
    files: Files,
    change: Any,
    index: tuple[str, ...],
    expected: tuple[type[HepmlError], str],
    *,
    load: Load,
) -> None:
    main = split(tmp_path / "main", files.main, [0, N], files.write)
    table = change(files.friend)
    friend = split(tmp_path / "friend", table, [0, len(table["event"])], files.write)
    with pytest.raises(expected[0], match=expected[1]):
        load(main, friend, index)


def test_lengths_are_those_of_all_files_or_of_each(load: Load, tmp_path: Path, tables: Any, write: Write) -> None:
    main = split(tmp_path / "main", tables[0], [0, 100, 200, N], write)
    with pytest.raises(IdentityError, match=r"friend1\.root has 110 entries, .*main1\.root.* has 100: entry 100"):
        load(main, split(tmp_path / "friend", tables[1], [0, 100, 210, N], write))
    with pytest.raises(IdentityError, match="has 290 entries, the sample has 300: entry 290"):
        load(main, split(tmp_path / "friend", take(tables[1], slice(0, 290)), [0, 100, 290], write))
    with pytest.raises(IdentityError, match="has 301 entries, the sample has 300: entry 300"):
        load(main, split(tmp_path / "friend", take(tables[1], [*range(N), 0]), [0, 100, 301], write))


def test_skipping_needs_a_friend_for_each_file(
    load: Load, tmp_path: Path, tables: Any, write: Write, joined: Dataset
) -> None:
    main = split(tmp_path / "main", tables[0], [0, 100, 200, N], write)
    with pytest.raises(InvalidInputError, match=r"3 files, 1 of friends"):
        load(main, split(tmp_path / "friend", tables[1], [0, N], write), bad_files="skip")
    friend = split(tmp_path / "friend", tables[1], [0, 100, 200, N], write)
    with open(friend[1].path, "wb"):  # noqa: PTH123
        pass
    for index in ((), ("event",)):
        if index:
            with pytest.raises(HepmlError, match="none of its 3 files can be read"):
                load(main, friend, index, bad_files="skip")
            continue
        dataset = load(main, friend, index, bad_files="skip")
        kept = (joined.identity.columns[1] < 100) | (joined.identity.columns[1] >= 200)
        np.testing.assert_array_equal(dataset.X, joined.X[kept])
        assert [file.file for file in dataset.samples[0].skipped] == [main[1].path]


def test_files_of_a_friend_must_agree(load: Load, tmp_path: Path, tables: Any, write: Write) -> None:
    main = split(tmp_path / "main", tables[0], [0, N], write)
    first, second = split(tmp_path / "friend", tables[1], [0, 100, N], write)
    write(tmp_path / "friend1.root", take(tables[1], slice(100, N)) | {"far": np.ones(200, dtype=np.int32)})
    with pytest.raises(
        SchemaMismatchError, match=r"'far' is scalar floating in .*friend0.*scalar integer in .*friend1"
    ):
        load(main, [first, second])


def test_files_of_a_friend_may_differ_in_width_but_not_lose_digits(
    load: Load, tmp_path: Path, tables: Any, write: Write, joined: Dataset
) -> None:
    main = split(tmp_path / "main", tables[0], [0, N], write)
    first, second = split(tmp_path / "friend", tables[1], [0, 100, N], write)
    wide = take(tables[1], slice(100, N))
    write(tmp_path / "friend1.root", wide | {"far": wide["far"].astype(np.float64)})
    same(load(main, [first, second]), joined)
    for dtype, path in ((np.int64, "friend0.root"), (np.uint64, "friend1.root")):
        rows = slice(0, 100) if path == "friend0.root" else slice(100, N)
        table = take(tables[1], rows)
        write(tmp_path / path, table | {"far": table["far"].astype(dtype)})
    with pytest.raises(SchemaMismatchError, match=r"'far' is int64 in .*friend0.* uint64 in .*friend1"):
        load(main, [first, second])


@pytest.mark.requires_root
@pytest.mark.skipif(not root_is_installed(), reason="PyROOT (extra root) is not installed")
def test_friends_of_every_type_reach_root(tmp_path: Path, columns: Columns, write: Write) -> None:
    whole = columns(N)
    own = {"event": whole["event"], "x": whole["pt"]}
    friend = split(
        tmp_path / "friend", {name: column for name, column in whole.items() if name != "run"}, [0, N], write
    )
    main = split(tmp_path / "main", own, [0, 70, N], write)
    texts = ["pt", "mass", "charge", "n_tracks", "trigger", "p4[2]", "Sum$(p4)", "Max$(jet_pt)", "jet_eta[1]", "njet*x"]
    spectators = [Feature(f"s{number}", expression=text) for number, text in enumerate(texts)]
    request = [SampleRequest("s", "signal", main, friends=[FriendRequest(friend, ("event",))], max_events=200)]
    one, other = (
        read_samples(
            request, features=[Feature("trigger")], spectators=spectators, selection="charge > 0", reader=reader
        )
        for reader in ("uproot", "root")
    )
    assert len(one) == len(other) > 0
    for name, column in one.spectators.items():
        assert column.dtype == other.spectators[name].dtype
        np.testing.assert_array_equal(column, other.spectators[name], err_msg=name)
    assert one.samples == other.samples
