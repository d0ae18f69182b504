"""Trees to datasets: values, order, identity, and independence of how they are read."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hepml.data import Dataset, Feature, Part, assign_parts
from hepml.errors import InvalidInputError
from hepml.readers import (
    SampleRequest,
    TreeLocation,
    expand_files,
    friends,
    iterate,
    read,
    read_samples,
    reading,
    source,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Columns = Callable[..., dict[str, Any]]
    Write = Callable[..., Path]

FEATURES = ["pt", ("lmass", "log(mass)"), "charge", "n_tracks", "trigger", ("ht", "Sum$(jet_pt)"), ("e", "p4[3]")]


def expected_features(columns: dict[str, Any]) -> list[Any]:
    return [
        columns["pt"],
        np.log(columns["mass"]),
        columns["charge"],
        columns["n_tracks"],
        columns["trigger"],
        ak.to_numpy(ak.sum(ak.values_astype(columns["jet"].pt, np.float64), axis=1)),
        columns["p4"][:, 3],
    ]


def assert_same(a: Dataset, b: Dataset) -> None:
    np.testing.assert_array_equal(a.X, b.X)
    np.testing.assert_array_equal(a.weight, b.weight)
    np.testing.assert_array_equal(a.sample, b.sample)
    for one, other in zip(a.identity.columns, b.identity.columns, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    for name, column in a.spectators.items():
        assert column.dtype == b.spectators[name].dtype
        np.testing.assert_array_equal(column, b.spectators[name])


def test_every_type_of_branch_becomes_a_feature(tmp_path: Path, columns: Columns, write: Write) -> None:
    given = columns(100)
    dataset = read(write(tmp_path / "a.root", given), features=FEATURES)
    assert dataset.X.dtype == np.float32
    assert dataset.X.flags.f_contiguous
    assert dataset.feature_names == ("pt", "lmass", "charge", "n_tracks", "trigger", "ht", "e")
    for number, expected in enumerate(expected_features(given)):
        np.testing.assert_array_equal(dataset.X[:, number], np.asarray(expected).astype(np.float32))
    np.testing.assert_array_equal(dataset.weight, 1.0)
    assert dataset.identity.names == ("run", "event")
    assert len(dataset) == 100
    info = dataset.samples[0]
    assert (info.name, info.role, info.n_entries, info.sum_weights) == ("a", "apply_only", 100, 100.0)


def test_selection_weight_and_label(tmp_path: Path, columns: Columns, write: Write) -> None:
    given = columns(200)
    path = write(tmp_path / "a.root", given)
    dataset = read(
        path, features=["pt"], selection="pt > 20 && Length$(jet_pt) >= 1", weight="weight*2", label=1, name="H"
    )
    mask = (given["pt"] > 20) & np.asarray(ak.num(given["jet"].pt) >= 1)
    np.testing.assert_array_equal(dataset.X[:, 0], given["pt"][mask])
    np.testing.assert_array_equal(dataset.weight, given["weight"][mask] * 2)
    np.testing.assert_array_equal(dataset.identity.columns[1], given["event"][mask])
    assert dataset.samples[0].sum_weights == pytest.approx(2 * given["weight"].sum())
    assert set(dataset.label) == {1}
    assert dataset.samples[0].name == "H"
    for label, expected in ((0, 0), ("background", 0), ("signal", 1), ("data", -1), (None, -1), ("control", -1)):
        assert set(read(path, features=["pt"], label=label).label) == {expected}
    with pytest.raises(InvalidInputError, match="label is 'sgnal'; it must be 1, 0, None or one of signal"):
        read(path, features=["pt"], label="sgnal")


def test_samples_have_their_own_selection_weight_and_scale(tmp_path: Path, columns: Columns, write: Write) -> None:
    one, two = columns(50, seed=1), columns(70, seed=2, first_event=50)
    requests = [
        SampleRequest("s", "signal", expand_files(write(tmp_path / "1.root", one)), selection="charge > 0", scale=3.0),
        SampleRequest("b", "background", expand_files(write(tmp_path / "2.root", two)), weight="weight", title="B"),
    ]
    calls: list[tuple[int, int]] = []
    dataset = read_samples(
        requests, features=[Feature("pt")], selection="trigger", weight="0.5", progress=lambda *now: calls.append(now)
    )
    masks = [(one["charge"] > 0) & one["trigger"], two["trigger"]]
    np.testing.assert_array_equal(dataset.X[:, 0], np.r_[one["pt"][masks[0]], two["pt"][masks[1]]])
    np.testing.assert_allclose(
        dataset.weight, np.r_[np.full(masks[0].sum(), 1.5), 0.5 * two["weight"][masks[1]]], rtol=1e-15
    )
    assert dataset.sample.tolist() == [0] * int(masks[0].sum()) + [1] * int(masks[1].sum())
    assert [info.n_entries for info in dataset.samples] == [50, 70]
    assert dataset.samples[0].sum_weights == pytest.approx(75)
    assert dataset.samples[1].title == "B"
    assert calls == [(50, 120), (120, 120)]


def test_spectators_keep_integers_and_doubles(tmp_path: Path, columns: Columns, write: Write) -> None:
    given = columns(3)
    given["event"] = np.array([2**24 + 1, 2**53 + 1, 2**64 - 1], dtype=np.uint64)
    given["tag"] = np.array([-1, 2**53 + 1, 5])
    names = ["event", ("again", "(event)"), "tag", "charge", "mass", ("half", "mass/2"), "trigger"]
    dataset = read(write(tmp_path / "a.root", given), features=["pt"], spectators=names)
    assert dataset.spectators["event"].tolist() == [2**24 + 1, 2**53 + 1, 2**64 - 1]
    assert dataset.spectators["again"].tolist() == [2**24 + 1, 2**53 + 1, 2**64 - 1]
    assert dataset.spectators["tag"].tolist() == [-1, 2**53 + 1, 5]
    assert dataset.spectators["charge"].dtype == np.int64
    assert dataset.spectators["mass"].dtype == np.float64
    np.testing.assert_array_equal(dataset.spectators["mass"], given["mass"])
    np.testing.assert_array_equal(dataset.spectators["half"], given["mass"] / 2)
    assert dataset.identity.columns[1].tolist() == [2**24 + 1, 2**53 + 1, 2**64 - 1]


def test_sentinels_become_nan_only_where_named(tmp_path: Path, write: Write) -> None:
    path = write(
        tmp_path / "a.root",
        {
            "event": np.arange(3),
            "x": np.array([1, -999, 3], dtype=np.float32),
            "n": np.array([2, -999, -1], dtype=np.int32),
            "jet": ak.values_astype(ak.Array([[1, -999], [-999], []]), np.float32),
        },
    )
    features = ["x", "n", ("first", "jet[0]"), Feature("own", "n", missing=(-1,)), ("sum", "x + n")]
    nan = np.nan
    found = read(path, features=features, missing=-999).X
    np.testing.assert_array_equal(found, [[1, 2, 1, 2, 3], [nan, nan, nan, -999, nan], [3, -1, nan, nan, 2]])
    found = read(path, features=features).X
    np.testing.assert_array_equal(found, [[1, 2, 1, 2, 3], [-999, -999, -999, -999, -1998], [3, -1, nan, nan, 2]])
    found = read(path, features=["n"], missing=np.array([-999, -1])).X[:, 0]
    np.testing.assert_array_equal(found, [2, nan, nan])


def test_files_without_entries_are_no_obstacle(tmp_path: Path, columns: Columns, write: Write) -> None:
    files = [write(tmp_path / f"{n}.root", columns(size)) for n, size in enumerate((0, 7, 0))]
    dataset = read(files, features=FEATURES, spectators=["event"])
    assert len(dataset) == 7
    assert dataset.samples[0].n_entries == 7


def test_any_chunk_and_any_number_of_threads_give_the_same(
    tmp_path: Path, columns: Columns, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [
        write(tmp_path / f"{n}.root", columns(n_events, seed=n), baskets=n + 2) for n, n_events in enumerate((90, 41))
    ]
    options: dict[str, Any] = {
        "features": FEATURES,
        "spectators": ["event", "mass"],
        "selection": "pt > 10",
        "weight": "weight",
    }
    whole = read(files, **options)
    for size in (64, 700, 5000):
        monkeypatch.setattr(reading, "_CHUNK_BYTES", size)
        assert_same(read(files, **options), whole)
    assert_same(read(files, threads=2, **options), whole)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(3)),
    chunk=st.sampled_from([200, 1000, 10**7]),
    rows=st.randoms(),
    others=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_parts_do_not_depend_on_how_events_are_read(  # noqa: PLR0917
    tmp_path_factory: pytest.TempPathFactory,
    columns: Columns,
    write: Write,
    order: list[int],
    chunk: int,
    rows: Any,
    others: bool,
    seed: int,
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    large = np.uint64(2**64 - 60)
    given = [columns(20, seed=n, first_event=20 * n) for n in range(3)]
    shuffled = []
    for n, table in enumerate(given):
        table["event"] = table["event"] + large
        places = list(range(20))
        rows.shuffle(places)
        shuffled.append(write(folder / f"{n}.root", {name: column[places] for name, column in table.items()}))
    requests = [SampleRequest("s", "signal", expand_files([shuffled[n] for n in order]))]
    if others:
        requests.insert(
            0, SampleRequest("o", "background", expand_files(write(folder / "other.root", columns(30, seed=9))))
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_CHUNK_BYTES", chunk)
        dataset = read_samples(requests, features=[Feature("pt")], selection="pt > 5")
    dataset = dataset[dataset.label == 1]
    parts = assign_parts(dataset.identity, seed=seed, train=0.5, validation=0.2)
    found = dict(zip(dataset.identity.columns[1].tolist(), parts.tolist(), strict=True))
    table = {name: np.concatenate([t[name] for t in given]) for name in ("run", "event", "pt")}
    plain = assign_parts(read_in_memory(table), seed=seed, train=0.5, validation=0.2)
    expected = {
        event: part
        for event, part, pt in zip(table["event"].tolist(), plain.tolist(), table["pt"], strict=True)
        if pt > 5
    }
    assert found == expected


def read_in_memory(table: dict[str, Any]) -> Any:
    from hepml.data import Identity

    return Identity(("run", "event"), (table["run"].astype(np.int64), table["event"]))


def test_fixed_parts_are_kept_by_file(tmp_path: Path, columns: Columns, write: Write) -> None:
    files = expand_files([write(tmp_path / f"{n}.root", columns(4, first_event=4 * n)) for n in range(3)])
    request = SampleRequest("s", "signal", files, parts=[Part.TRAIN, Part.UNSEEN, Part.TEST])
    dataset = read_samples([request], features=[Feature("pt")])
    assert dataset.fixed_part is not None
    assert dataset.fixed_part.tolist() == [1] * 4 + [0] * 4 + [3] * 4


def test_identity_by_file_and_entry_warns(
    tmp_path: Path, columns: Columns, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    table = {"pt": columns(6)["pt"]}
    paths = [write(tmp_path / name, table) for name in ("2016/a.root", "2017/a.root", "b.root")]
    with caplog.at_level(logging.WARNING, logger="hepml.readers"):
        dataset = read(paths, features=["pt"])
    assert "no branches identify an event" in caplog.text
    assert dataset.identity.is_fallback
    assert len(set(dataset.groups.tolist())) == 18, "files of the same name in two folders are different files"
    moved = write(tmp_path / "elsewhere" / "b.root", table)
    np.testing.assert_array_equal(read(moved, features=["pt"]).identity.columns[0], dataset.identity.columns[0][12:])
    with uproot.recreate(tmp_path / "two.root") as file:
        for name in ("one", "two"):
            file.mktree(name, {"pt": "f4"}).extend(table)
    both = read([f"{tmp_path}/two.root:one", f"{tmp_path}/two.root:two"], features=["pt"])
    assert len(set(both.groups.tolist())) == 12


def test_identity_by_convention_takes_integers_only(tmp_path: Path, write: Write) -> None:
    table = {"run": np.ones(2, dtype=np.int32), "lumi": np.array([0.5, 0.7]), "event": np.arange(2), "x": np.ones(2)}
    assert read(write(tmp_path / "a.root", table), features=["x"]).identity.names == ("run", "event")
    table["event"] = np.array([1.0, 2.0])
    table["EventNumber"] = np.array([5, 6])
    assert read(write(tmp_path / "b.root", table), features=["x"]).identity.names == ("run", "EventNumber")
    chosen = read(tmp_path / "b.root", features=["x"], identity=["EventNumber*10 + run"])
    assert chosen.identity.columns[0].tolist() == [51, 61]
    assert read(tmp_path / "b.root", features="x", identity="EventNumber").identity.names == ("EventNumber",)


def test_an_rntuple_gives_what_a_tree_gives(tmp_path: Path, columns: Columns, write: Write) -> None:
    given = columns(500)
    del given["p4"]
    jet = given.pop("jet")
    given |= {"jet_pt": jet.pt, "jet_eta": jet.eta}
    write(tmp_path / "tree.root", given, baskets=1)
    with uproot.recreate(tmp_path / "ntuple.root") as file:
        file["events"] = given
    options: dict[str, Any] = {
        "features": ["pt", "charge", "n_tracks", "trigger", ("ht", "Sum$(jet_pt)"), ("first", "jet_eta[0]")],
        "spectators": ["event", "mass"],
        "selection": "pt > 10",
        "weight": "weight",
    }
    tree, ntuple = read(tmp_path / "tree.root", **options), read(tmp_path / "ntuple.root", **options)
    assert_same(ntuple, tree)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_CHUNK_BYTES", 3000)
        assert_same(read(tmp_path / "ntuple.root", **options), tree)


def test_the_newest_cycle_of_a_tree_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        for n in (3, 5):
            file.mktree("events", {"event": "i8", "x": "f4"}).extend({"event": np.arange(n), "x": np.ones(n, "f4")})
        file["histogram"] = np.histogram([1.0, 2.0])
    assert len(read(path, features=["x"])) == 5
    assert len(read(f"{path}:events;1", features=["x"])) == 3
    assert len(read(path, tree="/events", features=["x"])) == 5


def test_trees_in_folders(tmp_path: Path, columns: Columns, write: Write) -> None:
    path = write(tmp_path / "a.root", columns(5), tree="nominal/events")
    assert len(read(path, features=["pt"])) == 5
    assert len(read(f"{path}:nominal/events", features=["pt"])) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": []}, "no feature is asked for"),
        ({"features": ["pt", ("pt", "mass")]}, "names must be unique; twice there: pt"),
        ({"features": ["pt"], "spectators": ["pt"]}, "names must be unique; twice there: pt"),
        ({"features": [("a", "b", "c")]}, "a pair .*or a hepml.data.Feature"),
    ],
)
def test_what_makes_no_dataset_is_refused(
    tmp_path: Path, columns: Columns, write: Write, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        read(write(tmp_path / "a.root", columns(3)), **options)


def test_samples_without_files_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="no sample is asked for"):
        read_samples([], features=[Feature("pt")])
    with pytest.raises(InvalidInputError, match="sample 's' has no files"):
        read_samples([SampleRequest("s", "signal", [])], features=[Feature("pt")])


def test_the_order_of_files_is_that_asked_for(tmp_path: Path, columns: Columns, write: Write) -> None:
    files = [write(tmp_path / f"{n}.root", columns(5, first_event=5 * n)) for n in (0, 1)]
    dataset = read(files[::-1], features=["pt"])
    assert dataset.identity.columns[1].tolist() == [5, 6, 7, 8, 9, 0, 1, 2, 3, 4]
    assert dataset.samples[0].files == tuple(str(TreeLocation(str(path))) for path in files[::-1])


def test_undefined_weight_of_a_dropped_event_warns(
    tmp_path: Path, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    table = {"x": np.array([1.0, 2.0], dtype="f4"), "w": np.array([1.0, np.nan]), "event": np.arange(2, dtype="u8")}
    dataset = read(write(tmp_path / "a.root", table, baskets=1), features=["x"], weight="w", selection="x < 2")
    assert dataset.weight.tolist() == [1.0]
    assert np.isnan(dataset.samples[0].sum_weights)
    assert "some weights of events that the selection drops are NaN" in caplog.text


def test_a_file_is_described_once_and_again_only_if_it_changed(
    tmp_path: Path, columns: Columns, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    open_file = source.open_file
    monkeypatch.setattr(source, "open_file", lambda path: opened.append(path) or open_file(path))
    paths = [write(tmp_path / f"{n}.root", columns(30, seed=n, first_event=30 * n)) for n in range(3)]
    first = read(paths, features=["pt"], threads=2)
    assert opened == list(map(str, paths))
    monkeypatch.setattr(friends, "_MOST_KEPT_BRANCHES", 12)
    opened.clear()
    assert_same(read(paths, features=["pt"]), first)
    assert len(opened) == 5
    stream = iterate(paths[0], features=["pt"])
    other = columns(30, seed=9)
    write(tmp_path / "0.root", other)
    np.testing.assert_array_equal(next(iter(stream)).X[:, 0], other["pt"])
