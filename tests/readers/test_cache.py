"""Columns that were read before: equal to what reading gives, never stale, whole or made again."""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hepml.data import Dataset, Feature
from hepml.errors import (
    EmptySelectionError,
    FeatureValueError,
    InvalidInputError,
    OutputError,
    SchemaMismatchError,
    WeightError,
)
from hepml.readers import Cache, FriendRequest, Normalise, SampleRequest, cache_key, expand_files, read, read_samples

if TYPE_CHECKING:
    from pathlib import Path

FEATURES = ["pt", ("lpt", "log(pt + 1)"), ("first", "jet_pt[0]")]
OPTIONS: dict[str, Any] = {
    "features": FEATURES,
    "tree": "events",
    "weight": "weight",
    "selection": "pt > 10",
    "spectators": ["mass", "n_tracks"],
    "label": "signal",
}


@pytest.fixture
def file(tmp_path: Path, columns, write) -> Path:
    return write(tmp_path / "a.root", columns(500))


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("*"))


def assert_equal(one: Dataset, other: Dataset) -> None:
    assert np.array_equal(one.X.view(np.uint32), other.X.view(np.uint32))
    for mine, others in zip(one._arrays()[1:], other._arrays()[1:], strict=True):
        assert mine.dtype == others.dtype
        assert mine.tobytes() == others.tobytes()
    assert one.features == other.features
    assert one.samples == other.samples
    assert one.identity.names == other.identity.names
    assert list(one.spectators) == list(other.spectators)
    assert (one.fixed_part is None) == (other.fixed_part is None)


def assert_mapped(dataset: Dataset) -> None:
    assert dataset.X.flags.f_contiguous
    for array in dataset._arrays():
        assert isinstance(array, np.memmap)
        assert array.mode == "r"
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


class Reads:
    """Counts readings that no cache answered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from hepml.readers import reading

        original = reading._read_into
        self.count = 0

        def counted(*args: Any) -> Dataset:
            self.count += 1
            return original(*args)

        monkeypatch.setattr(reading, "_read_into", counted)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


def test_what_comes_from_a_cache_is_what_reading_gives(tmp_path, file, reads):
    plain = read(file, **OPTIONS)
    missed = read(file, **OPTIONS, cache=tmp_path / "cache")
    hit = read(file, **OPTIONS, cache=Cache(tmp_path / "cache"))
    assert reads.count == 2
    for dataset in (missed, hit):
        assert_equal(dataset, plain)
        assert_mapped(dataset)
    assert np.isnan(plain.column("first")).any()
    assert len(entries(tmp_path / "cache")) == 1


def requests(tmp_path, columns, write) -> list[SampleRequest]:
    one, two = columns(300), columns(200, seed=2, first_event=10_000)
    # the types of identity and spectators differ between files
    two |= {"event": two["event"].astype(np.int64), "n_tracks": two["n_tracks"].astype(np.int32)}
    write(tmp_path / "one.root", one)
    write(tmp_path / "two.root", two)
    write(tmp_path / "three.root", columns(100, seed=3))
    write(tmp_path / "friend.root", {"event": columns(100)["event"], "extra": np.arange(100.0)}, tree="friends")
    return [
        SampleRequest(
            "s", "signal", expand_files([tmp_path / "one.root", tmp_path / "two.root"], "events"), parts=[1, 3]
        ),
        SampleRequest(
            "b",
            "background",
            expand_files(tmp_path / "three.root", "events"),
            weight="abs(weight)",
            selection="charge > 0 && pt > 5",
            normalise=Normalise(2.0, 3.0, "events:weight"),
            max_events=80,
            title="B",
        ),
    ]


def test_samples_with_parts_normalisation_and_types_that_differ(tmp_path, columns, write, monkeypatch, reads):
    monkeypatch.setattr("hepml.readers.reading._CHUNK_BYTES", 2000)
    options = {"features": [Feature("pt")], "spectators": [Feature("event2", expression="event"), Feature("n_tracks")]}
    asked = requests(tmp_path, columns, write)
    plain = read_samples(asked, **options)
    assert plain.fixed_part is not None
    for _ in range(2):
        dataset = read_samples(asked, **options, cache=tmp_path / "cache")
        assert_equal(dataset, plain)
        assert_mapped(dataset)
    assert reads.count == 2


def test_a_spectator_that_no_type_holds_is_refused_as_without_a_cache(tmp_path, columns, write):
    one, two = columns(10), columns(10)
    one["n_tracks"] = np.full(10, -1, dtype=np.int64)
    two["n_tracks"] = np.full(10, 2**63, dtype=np.uint64)
    files = [write(tmp_path / "1.root", one), write(tmp_path / "2.root", two)]
    with pytest.raises(SchemaMismatchError, match="spectator 'n_tracks'"):
        read(files, features=["pt"], spectators=["n_tracks"], cache=tmp_path / "cache")
    assert entries(tmp_path / "cache") == []


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"selection": "pt < 0"}, EmptySelectionError, "none of 500 entries"),
        ({"weight": "exp(700 * (event < 4)) * exp(100)"}, WeightError, "4 of 500 weights are NaN or infinite"),
        ({"weight": "0 * pt"}, WeightError, "all 500 weights are zero"),
        (
            {"features": [("bad", "exp(1000 * (event == 7))")]},
            FeatureValueError,
            r"for 1 of 500 events .* selected event 7\)",
        ),
    ],
)
def test_errors_are_those_of_reading_and_leave_nothing(tmp_path, file, options, error, match):
    for cache in (None, tmp_path / "cache"):
        with pytest.raises(error, match=match):
            read(file, **{"features": ["pt"], "tree": "events", "cache": cache, **options})
    assert entries(tmp_path / "cache") == []


@pytest.mark.parametrize(
    "change",
    [
        {"features": ["pt"]},
        {"features": [*FEATURES[:2], Feature("first", expression="jet_pt[0]", missing=(12.0,))]},
        {"selection": "pt > 11"},
        {"weight": ""},
        {"spectators": ["mass"]},
        {"identity": ["event"]},
        {"label": "background"},
        {"name": "other"},
    ],
)
def test_another_question_is_another_entry(tmp_path, file, reads, change):
    for options in (OPTIONS, OPTIONS | change):
        assert_equal(read(file, **options, cache=tmp_path / "cache"), read(file, **options))
    assert reads.count == 4
    assert len(entries(tmp_path / "cache")) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"max_events": 50},
        {"scale": 2.0},
        {"normalise": Normalise(1.0, 1.0, 500.0)},
        {"bad_files": "skip"},
        {"parts": [3]},
        {"title": "T"},
        {"selection": "charge > 0"},
        {"weight": "2"},
        {"role": "data"},
    ],
)
def test_another_request_is_another_entry(tmp_path, file, reads, change):
    request = SampleRequest("s", "signal", expand_files(file, "events"))
    for asked in (request, replace(request, **change)):
        read_samples([asked], features=[Feature("pt")], cache=tmp_path / "cache")
    assert reads.count == 2


def test_friends_and_their_files_are_part_of_the_question(tmp_path, file, write, reads):
    friend = write(tmp_path / "friend.root", {"extra": np.arange(500.0)}, tree="friends")
    request = SampleRequest("s", "signal", expand_files(file, "events"), friends=[])
    joined = replace(request, friends=[FriendRequest(expand_files(friend, "friends"))])
    first = read_samples([joined], features=[Feature("extra")], cache=tmp_path / "cache")
    write(friend, {"extra": np.arange(500.0)[::-1]}, tree="friends")
    second = read_samples([joined], features=[Feature("extra")], cache=tmp_path / "cache")
    assert reads.count == 2
    assert np.array_equal(first.X, second.X[::-1])


def test_a_file_that_was_touched_or_replaced_is_read_again(tmp_path, file, columns, write, reads):
    cache = tmp_path / "cache"
    first = read(file, **OPTIONS, cache=cache)
    os.utime(file, ns=(0, 0))
    assert_equal(read(file, **OPTIONS, cache=cache), first)
    assert reads.count == 2
    # same length, same times, other content: what differs is what ROOT or the system alone writes
    before = file.stat()
    other = write(tmp_path / "other.root", columns(500, seed=9))
    size = max(before.st_size, other.stat().st_size)
    for path in (file, other):
        with path.open("ab") as stream:
            stream.truncate(size)
        os.utime(path, ns=(0, 0))
    second = read(file, **OPTIONS, cache=cache)
    other.replace(file)
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (size, 0)
    third = read(file, **OPTIONS, cache=cache)
    assert reads.count == 4
    assert_equal(second, first)
    assert len(third) != len(first)
    assert_equal(third, read(file, **OPTIONS))


def test_the_uuid_alone_tells_files_apart(file):
    identity = cache_key.file_identity(str(file))
    content = bytearray(file.read_bytes())
    # eight of its bytes, in the header of a small file
    content[50] ^= 1
    file.write_bytes(content)
    changed = cache_key.file_identity(str(file))
    assert identity is not None
    assert changed is not None
    assert identity[:2] == changed[:2]
    assert identity[4] != changed[4]


def test_other_libraries_and_other_code_are_another_question(tmp_path, file, monkeypatch, reads):
    for _ in range(2):
        read(file, **OPTIONS, cache=tmp_path / "cache")
    monkeypatch.setattr(cache_key, "_installed", lambda name: f"{name} of tomorrow")
    read(file, **OPTIONS, cache=tmp_path / "cache")
    monkeypatch.setattr(cache_key, "_code", lambda: "changed")
    read(file, **OPTIONS, cache=tmp_path / "cache")
    assert reads.count == 3


def damages() -> dict[str, Any]:
    def flip(place: float) -> Any:
        def change(content: bytes) -> bytes:
            at = int(place * len(content)) if place < 1 else int(place)
            return content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]

        return change

    return {
        "empty": lambda _: b"",
        "half": lambda content: content[: len(content) // 2],
        "one byte less": lambda content: content[:-1],
        "one byte more": lambda content: content + b"x",
        "no end": lambda content: content[:-64] + bytes(64),
        "first byte": flip(0),
        "features": flip(5000),
        "later column": flip(0.55),
        "description": lambda content: content.replace(b'"lpt"', b'"lqt"'),
        "something else": lambda _: hashlib.sha256(b"x").digest() * 400,
    }


@pytest.mark.parametrize("damage", damages().values(), ids=damages().keys())
def test_a_damaged_entry_is_made_again(tmp_path, file, reads, caplog, damage):
    first = read(file, **OPTIONS, cache=tmp_path / "cache")
    (entry,) = entries(tmp_path / "cache")
    content = entry.read_bytes()
    damaged = damage(content)
    assert damaged != content
    entry.unlink()
    entry.write_bytes(damaged)
    with caplog.at_level(logging.WARNING):
        again = read(file, **OPTIONS, cache=tmp_path / "cache")
    assert f"{entry} cannot be used and are made again" in caplog.text
    assert_equal(again, first)
    assert reads.count == 2
    assert_equal(read(file, **OPTIONS, cache=tmp_path / "cache"), first)
    assert reads.count == 2


def test_an_entry_under_the_name_of_another_is_not_believed(tmp_path, file, reads):
    read(file, **OPTIONS, cache=tmp_path / "cache")
    (first,) = entries(tmp_path / "cache")
    other = OPTIONS | {"selection": "pt > 11"}
    expected = read(file, **other, cache=tmp_path / "cache")
    (second,) = set(entries(tmp_path / "cache")) - {first}
    second.unlink()
    second.write_bytes(first.read_bytes())
    assert_equal(read(file, **other, cache=tmp_path / "cache"), expected)
    assert reads.count == 3


def test_a_reading_that_skips_files_is_not_kept(tmp_path, file, reads, caplog):
    bad = tmp_path / "b.root"
    bad.write_bytes(file.read_bytes()[:4000])
    request = SampleRequest("s", "signal", expand_files([file, bad], "events"), bad_files="skip")
    for _ in range(2):
        dataset = read_samples([request], features=[Feature("pt")], cache=tmp_path / "cache")
        assert_mapped(dataset)
        assert len(dataset) == 500
        assert [info.file for info in dataset.samples[0].skipped] == [f"{bad}:events"]
    assert "files were skipped" in caplog.text
    assert reads.count == 2
    assert entries(tmp_path / "cache") == []


def test_files_that_change_while_they_are_read_are_not_kept(tmp_path, file, monkeypatch, caplog):
    from hepml.readers import reading

    original = reading._read_into

    def disturbed(*args: Any) -> Dataset:
        dataset = original(*args)
        os.utime(file, ns=(1, 1))
        return dataset

    monkeypatch.setattr(reading, "_read_into", disturbed)
    read(file, **OPTIONS, cache=tmp_path / "cache")
    assert "files changed" in caplog.text
    assert entries(tmp_path / "cache") == []


def test_the_limit_is_kept_and_what_was_used_last_stays(tmp_path, file):
    folder = tmp_path / "cache"

    def asked(number: int, limit: int | str = "1 GB") -> Dataset:
        options = OPTIONS | {"selection": f"pt > {number}"}
        return read(file, **options, cache=Cache(folder, limit))

    first = asked(0)
    (kept,) = entries(folder)
    values = first.X.copy()
    for number in (1, 2):
        asked(number)
    for age, entry in enumerate(sorted(entries(folder), key=lambda path: path.stat().st_mtime_ns)):
        os.utime(entry, ns=(age + 1, age + 1))
    asked(0)
    size = max(entry.stat().st_size for entry in entries(folder))
    asked(3, limit=2 * size)
    assert len(entries(folder)) == 2
    assert kept in entries(folder)
    # what is in use stays readable when it is deleted
    asked(4, limit=1000)
    assert entries(folder) == []
    assert np.array_equal(first.X, values, equal_nan=True)


def test_an_entry_larger_than_the_limit_is_not_kept(tmp_path, file, caplog):
    assert_mapped(read(file, **OPTIONS, cache=Cache(tmp_path / "cache", "2 kB")))
    assert "is not kept, since the limit is 2 kB" in caplog.text
    assert entries(tmp_path / "cache") == []


def test_memory_is_that_of_chunks(tmp_path, write, monkeypatch):
    n_events, names = 300_000, ["a", "b", "c", "d", "e", "f"]
    monkeypatch.setattr("hepml.readers.reading._CHUNK_BYTES", 300_000)
    monkeypatch.setattr("hepml.readers.column_file._PIECE_BYTES", 400_000)
    rng = np.random.default_rng(1)
    columns = {name: rng.random(n_events).astype(np.float32) for name in names}
    path = write(tmp_path / "x.root", columns | {"event": np.arange(n_events)}, baskets=60)
    peaks = []
    for cache in (None, tmp_path / "cache", tmp_path / "cache"):
        tracemalloc.start()
        dataset = read(path, features=names, cache=cache)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        del dataset
    # without: six features of 4 bytes, weight, sample, part, identity in chunks and joined
    assert peaks[0] > n_events * (6 * 4 + 8 + 4 + 1 + 8)
    assert max(peaks[1:]) < n_events * 20


def test_a_limit_that_is_none_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="limit of the cache is 'much'"):
        Cache(tmp_path, "much")


def test_a_folder_that_cannot_be_written_is_named(tmp_path, file):
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match=r"cannot write to the cache in .*taken"):
        read(file, **OPTIONS, cache=tmp_path / "taken")


def test_what_a_killed_process_left_is_deleted_and_what_a_live_one_writes_stays(tmp_path, file):
    import fcntl

    folder = tmp_path / "cache"
    folder.mkdir()
    dead, live = folder / ".a.1.partial", folder / ".b.2.partial"
    dead.write_bytes(b"half")
    with live.open("xb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        read(file, **OPTIONS, cache=folder)
        assert not dead.exists()
        assert live.exists()


def test_names_that_identify_no_event_are_warned_of_every_time(tmp_path, columns, write, caplog):
    path = write(tmp_path / "x.root", {"x": columns(50)["mass"]})
    for _ in range(2):
        caplog.clear()
        dataset = read(path, features=["x"], cache=tmp_path / "cache")
        assert dataset.identity.is_fallback
        assert "no branches identify an event" in caplog.text


WORKER = """
import sys
import numpy as np
from hepml.readers import Cache, read
folder, path, seed, size = sys.argv[1:]
expected = {n: float(read(path, tree="events", features=["pt"], selection=f"pt > {n}").X.sum()) for n in range(4)}
rng = np.random.default_rng(int(seed))
for n in rng.integers(0, 4, 40):
    dataset = read(path, tree="events", features=["pt"], selection=f"pt > {n}", cache=Cache(folder, int(size)))
    assert float(dataset.X.sum()) == expected[n], n
"""


def test_processes_write_read_and_evict_at_once(tmp_path, file):
    folder = tmp_path / "cache"
    read(file, tree="events", features=["pt"], cache=folder)
    size = entries(folder)[0].stat().st_size
    # room for two of four
    arguments = [str(folder), str(file)]
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", WORKER, *arguments, str(seed), str(int(2.5 * size))],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for seed in range(3)
    ]
    for process in running:
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert "cannot be used" not in said
    assert 1 <= len(entries(folder)) <= 3
    assert all(entry.suffix == ".hepml-columns" for entry in entries(folder))
