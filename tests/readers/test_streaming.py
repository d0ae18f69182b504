"""Chunk by chunk: the events of a whole reading, with nothing that depends on the chunks."""

from __future__ import annotations

import os
import threading
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hepml
from hepml.data import Dataset, Feature
from hepml.errors import (
    BranchNotFoundError,
    EmptySelectionError,
    FeatureValueError,
    FileUnreadableError,
    HepmlError,
    InvalidInputError,
    WeightError,
)
from hepml.readers import (
    FriendRequest,
    Normalise,
    SampleRequest,
    TreeLocation,
    expand_files,
    iterate,
    read,
    read_samples,
    stream_samples,
    streaming,
)
from hepml.root_process import root_is_installed
from tests.readers.test_normalisation import damage_end_of_baskets, make_file
from tests.readers.test_reading import assert_same

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Columns = Callable[..., dict[str, Any]]
    Write = Callable[..., Path]

FEATURES = ["pt", ("lmass", "log(mass)"), ("ht", "Sum$(jet_pt)"), ("lead", "jet_pt[0]")]


def whole(stream: streaming.Stream) -> Dataset:
    chunks = list(stream)
    assert all(len(chunk) for chunk in chunks)
    return replace(Dataset.concatenate(chunks), samples=stream.samples)


def assert_same_samples(found: Dataset, wanted: Dataset) -> None:
    for one, other in zip(found.samples, wanted.samples, strict=True):
        assert replace(one, cutflow=other.cutflow, sum_weights=0.0) == replace(other, sum_weights=0.0)
        for step, known in zip(one.cutflow.steps, other.cutflow.steps, strict=True):
            assert (step.cut, step.n_events) == (known.cut, known.n_events)
            assert step.sum_weights == pytest.approx(known.sum_weights, rel=1e-12)
        assert one.sum_weights == pytest.approx(other.sum_weights, rel=1e-12)


def helpers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("hepml")]


def open_files(folder: Path) -> list[str]:
    return [
        name
        for entry in os.scandir("/proc/self/fd")
        if (name := _target(entry.path)).startswith(f"{folder.resolve()}/")
    ]


def _target(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115
    except FileNotFoundError:
        return ""


@pytest.fixture(scope="module")
def requests(tmp_path_factory: pytest.TempPathFactory) -> list[SampleRequest]:
    folder = tmp_path_factory.mktemp("stream")
    files = [make_file(folder / f"{n}.root", 60 + n, first=100 * n, sumw=100.0 + n) for n in range(4)]
    locations = [TreeLocation(str(path), "events") for path in files]
    normalise = Normalise(xsec="Runs:xsec", lumi=3.0, sumw="Runs:sumw")
    return [
        SampleRequest("s", "signal", locations[:2], weight="w", normalise=normalise, parts=[1, 2]),
        SampleRequest("b", "background", locations[2:], selection="x > -1", scale=0.3, title="Other"),
        SampleRequest("d", "data", locations[:3], weight="w", normalise=normalise, max_events=70),
    ]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chunk=st.integers(1, 4000), threads=st.sampled_from([1, 2, 3]), ahead=st.booleans(), selective=st.booleans())
def test_the_chunks_are_the_whole(
    requests: list[SampleRequest], chunk: int, threads: int, ahead: bool, selective: bool
) -> None:
    options: dict[str, Any] = {
        "features": [Feature("x"), Feature("x2", "x*x")],
        "spectators": [Feature("event"), Feature("w")],
        "selection": "event > 60 && x < 0.5" if selective else "",
        "identity": ["event"],
    }
    wanted = read_samples(requests, **options)
    stream = stream_samples(requests, **options, threads=threads, chunk=max(chunk, 20), read_ahead=ahead)
    found = whole(stream)
    assert_same(found, wanted)
    assert_same_samples(found, wanted)
    assert found.fixed_part is not None
    assert wanted.fixed_part is not None
    np.testing.assert_array_equal(found.fixed_part, wanted.fixed_part)
    assert stream.n_entries == (121, 125, 70)


def test_one_reading_and_the_next_are_the_same(tmp_path: Path, columns: Columns, write: Write) -> None:
    paths = [write(tmp_path / f"{n}.root", columns(200, seed=n, first_event=200 * n)) for n in range(2)]
    options: dict[str, Any] = {"features": FEATURES, "weight": "weight", "selection": "pt > 20", "label": 1}
    wanted = read(paths, **options)
    stream = hepml.iterate(paths, **options, chunk="4 kB", threads=2)
    with pytest.raises(InvalidInputError, match="when the stream was read to its end"):
        _ = stream.samples
    assert (stream.features, stream.identity, stream.spectators) == (wanted.features, ("run", "event"), ())
    for _ in range(2):
        chunks = list(stream)
        assert len(chunks) > 4
        for chunk in chunks:
            assert chunk.X.flags.f_contiguous
            assert [(info.name, info.role) for info in chunk.samples] == [("0", "signal")]
        assert_same(Dataset.concatenate(chunks), wanted)
        assert stream.samples[0].n_entries == 400
        assert stream.samples == wanted.samples or stream.samples[0].cutflow.steps[1].n_events == len(wanted)


def test_chunks_are_as_large_as_they_may_be(tmp_path: Path, columns: Columns, write: Write) -> None:
    path = write(tmp_path / "a.root", columns(10_000), baskets=100)
    for chunk, n_bytes in (("20 kB", 20_000), (50_000, 50_000), ("1 MB", 1_000_000)):
        # pt, run and event: 16 bytes of each entry
        lengths = [len(part) for part in iterate(path, features=["pt"], chunk=chunk)]
        assert sum(lengths) == 10_000
        assert max(lengths) * 16 <= 1.5 * n_bytes
        assert len(lengths) <= 1 + 2 * 160_000 / n_bytes
    for wrong, problem in (("100 MC", "MC"), ("much", "chunk is 'much'"), (0, "chunk is 0"), (1.5, "chunk is 1.5")):
        with pytest.raises(HepmlError, match=problem):
            iterate(path, features=["pt"], chunk=wrong)  # type: ignore[arg-type]


@pytest.mark.requires_root
@pytest.mark.skipif(not root_is_installed(), reason="PyROOT (extra root) is not installed")
def test_the_root_reader_streams_as_well(tmp_path: Path, columns: Columns, write: Write) -> None:
    path = write(tmp_path / "a.root", columns(200))
    options: dict[str, Any] = {"features": ["pt", "mass"], "weight": "weight", "selection": "pt > 20"}
    assert_same(whole(iterate(path, **options, reader="root", chunk=2000)), read(path, **options))


def test_friends_come_along(tmp_path: Path, columns: Columns, write: Write) -> None:
    files, friends = [], []
    for n in range(2):
        given = columns(100, seed=n, first_event=100 * n)
        files.append(write(tmp_path / f"{n}.root", given))
        friends.append(write(tmp_path / f"f{n}.root", {"event": given["event"], "score": given["mass"] / 2}))
    request = SampleRequest(
        "s", "signal", expand_files(files), friends=[FriendRequest(expand_files(friends), ("event",))]
    )
    options: dict[str, Any] = {"features": [Feature("pt"), Feature("score")]}
    found = whole(stream_samples([request], **options, chunk=1000))
    assert_same(found, read_samples([request], **options))
    assert found.samples[0].friends == tuple(map(str, friends))


def test_files_that_cannot_be_read_are_left_out_before_the_first_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither rows nor generated events of a file that fails at its end may be in the stream."""
    files = [
        make_file(tmp_path / f"{name}.root", 40, first=40 * number, sumw=100.0 * (number + 1))
        for number, name in enumerate("abcd")
    ]
    damage_end_of_baskets(files[1])
    files[2].write_bytes(files[2].read_bytes()[:300])
    request = SampleRequest(
        "s",
        "signal",
        [TreeLocation(str(path), "events") for path in files],
        weight="w",
        normalise=Normalise(xsec=2.0, lumi=3.0, sumw="Runs:sumw"),
    )
    options: dict[str, Any] = {"features": [Feature("x")], "identity": ["event"]}
    with pytest.raises(FileUnreadableError, match=r"[bc]\.root"):
        list(stream_samples([request], **options, chunk=200))
    skipping = replace(request, bad_files="skip")
    caplog.clear()
    stream = stream_samples([skipping], **options, chunk=200)
    found = whole(stream)
    wanted = read_samples([skipping], **options)
    assert_same(found, wanted)
    assert_same_samples(found, wanted)
    np.testing.assert_array_equal(found.identity.columns[0], np.r_[0:40, 120:160])
    lost, damaged = found.samples[0].skipped
    assert (lost.file, lost.n_entries) == (f"{files[2]}:events", None)
    assert (damaged.file, damaged.n_entries, damaged.sum_generated) == (f"{files[1]}:events", 40, 200.0)
    n_warnings = len(caplog.records)
    assert_same(whole(stream), wanted)
    # the second iteration knows the bad files
    assert len(caplog.records) == n_warnings
    # what fails after it was found to be good would be half in the stream
    iterator = iter(stream)
    next(iterator)
    damage_end_of_baskets(files[3])
    with pytest.raises(FileUnreadableError, match=r"d\.root"):
        list(iterator)
    assert not helpers()


def test_checks_are_those_of_a_whole_reading(tmp_path: Path, columns: Columns, write: Write) -> None:
    given = columns(300)
    given["weight"][250] = np.nan
    path = write(tmp_path / "a.root", given)
    with pytest.raises(BranchNotFoundError, match="no branch 'ptt'"):
        iterate(path, features=["ptt"])
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"selection": "pt < -1"}, EmptySelectionError, "none of 300 entries passes the selection"),
        ({"weight": "0*charge"}, WeightError, "all 300 weights are zero"),
        ({"weight": "weight"}, WeightError, "weights are NaN or infinite"),
        ({"features": [("a", "exp(1000*(event == 280))")]}, FeatureValueError, "feature 'a' .* is infinite"),
    ]
    for options, error, message in cases:
        for ahead in (False, True):
            asked = {"features": ["pt"], **options}
            with pytest.raises(error, match=message):
                read(path, **asked)
            with pytest.raises(error, match=message):
                list(iterate(path, **asked, chunk=2000, read_ahead=ahead))
    # some chunks have no weight but zero, the whole has
    assert len(whole(iterate(path, features=["pt"], weight="event > 290", chunk=1000))) == 300


@pytest.mark.parametrize("threads", [1, 2])
def test_who_stops_early_leaves_no_thread_and_no_open_file(
    tmp_path: Path, columns: Columns, write: Write, threads: int
) -> None:
    path = write(tmp_path / "a.root", columns(500))
    for chunk in iterate(path, features=["pt"], chunk=500, threads=threads):
        assert len(chunk)
        assert open_files(tmp_path)
        assert helpers()
        break
    assert not helpers()
    assert not open_files(tmp_path)

    def interrupted() -> None:
        for _ in iterate(path, features=["pt"], chunk=500, threads=threads):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not helpers()
    assert not open_files(tmp_path)


def test_one_thread_means_one_thread(tmp_path: Path, columns: Columns, write: Write) -> None:
    path = write(tmp_path / "a.root", columns(500))
    seen: set[bool] = set()

    def watch(*_: int) -> None:
        seen.add(bool(helpers()))

    options: dict[str, Any] = {"features": [Feature("pt")], "progress": watch}
    request = SampleRequest("s", "signal", expand_files(path))
    for threads, ahead in ((1, False), (2, True)):
        seen.clear()
        read_samples([request], **options, threads=threads)
        assert seen == {ahead}
    for ahead in (False, True):
        seen.clear()
        list(stream_samples([request], **options, read_ahead=ahead))
        assert seen == {ahead}


def test_chunks_that_the_consumer_let_go_are_gone(tmp_path: Path, columns: Columns, write: Write) -> None:
    path = write(tmp_path / "a.root", columns(500))
    gone = []
    for chunk in iterate(path, features=["pt"], chunk=500):
        gone.append(weakref.ref(chunk.X.base))
        del chunk
        assert gone[-1]() is None
