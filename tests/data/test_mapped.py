"""Parts of a dataset, and arrays that are mapped from files."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml.data import Dataset, Feature, Identity, SampleInfo
from hepml.data.mapped import fetch, is_mapped, release, row_blocks, take_rows
from hepml.errors import InvalidInputError


def make_dataset(n_events: int = 1000, n_features: int = 3) -> Dataset:
    rng = np.random.default_rng(1)
    return Dataset(
        X=np.asfortranarray(rng.normal(size=(n_events, n_features)).astype(np.float32)),
        features=tuple(Feature(f"x{number}") for number in range(n_features)),
        weight=rng.normal(size=n_events),
        sample=rng.integers(0, 2, n_events).astype(np.int32),
        samples=(SampleInfo("s", "signal"), SampleInfo("b", "background")),
        identity=Identity(("event",), (np.arange(n_events, dtype=np.uint64) + np.uint64(2**60),)),
        spectators={"mass": rng.normal(size=n_events)},
        fixed_part=rng.integers(0, 4, n_events).astype(np.int8),
    )


def on_disk(X, path, mode="r"):
    X.T.tofile(path)
    return np.memmap(path, dtype=X.dtype, mode=mode, shape=X.shape, order="F")


# 3 float32, weight, sample, identity, spectator, part
ROW_BYTES = 12 + 8 + 4 + 8 + 8 + 1


@settings(derandomize=True, deadline=None, max_examples=30)
@given(chunk=st.integers(1, 50_000), n_events=st.integers(0, 1200))
def test_parts_joined_are_the_dataset(chunk, n_events):
    dataset = make_dataset(n_events)
    parts = list(dataset.iterate(chunk))
    assert [len(part) for part in parts[:-1]] == [max(1, chunk // ROW_BYTES)] * (len(parts) - 1)
    assert sum(map(len, parts)) == n_events
    for part, start in zip(parts, np.cumsum([0, *map(len, parts)]), strict=False):
        rows = slice(start, start + len(part))
        assert np.array_equal(part.X, dataset.X[rows])
        assert np.array_equal(part.weight, dataset.weight[rows])
        assert np.array_equal(part.identity.columns[0], dataset.identity.columns[0][rows])
        assert np.array_equal(part.column("mass"), dataset.column("mass")[rows])
        assert np.array_equal(part.fixed_part, dataset.fixed_part[rows])
        assert part.samples == dataset.samples
        assert part.X.base is not None
        assert np.shares_memory(part.X, dataset.X)


def test_a_size_that_is_none_is_refused_at_once():
    with pytest.raises(InvalidInputError, match="chunk is 'big'"):
        make_dataset(10).iterate("big")


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_giving_pages_back_changes_no_value(tmp_path, mode):
    X = make_dataset(50_000).X
    mapped = on_disk(X, tmp_path / "X", mode)
    expected = X.copy()
    if mode != "r":
        mapped[123, 1] = expected[123, 1] = 7
    fetch(mapped)
    for rows, block in row_blocks(mapped, 1003):
        assert np.array_equal(block, expected[rows])
    release(mapped)
    release(mapped[17:40_000, 1])
    release(mapped[::2])
    release(mapped[::2, 1])
    release(mapped.T[1])
    assert np.array_equal(mapped, expected)
    assert is_mapped(np.asarray(mapped[5:, 1:])) == (mode != "c")


def test_arrays_in_memory_are_walked_over_just_so():
    values = np.arange(10)
    assert [block.tolist() for _, block in row_blocks(values, 4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert list(row_blocks(values[:0])) == []
    assert not is_mapped(values)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(rows=st.lists(st.integers(0, 999), max_size=50))
def test_rows_of_a_mapped_matrix_are_mapped_themselves(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("rows")
    X = make_dataset().X
    rows = np.array(rows, dtype=np.int64)
    chosen = take_rows(on_disk(X, folder / "X"), rows, folder)
    assert np.array_equal(chosen, X[rows])
    assert np.array_equal(take_rows(X, rows), X[rows])
    assert chosen.flags.f_contiguous
    assert is_mapped(chosen) == bool(len(rows))
    # its file has no name
    assert [entry.name for entry in folder.iterdir()] == ["X"]


@pytest.mark.parametrize(
    "index", [np.arange(1000) % 3 == 1, np.array([5, -1, 5, 0]), np.zeros(1000, dtype=bool), np.array([999])]
)
def test_a_large_selection_of_mapped_events_stays_on_disk(tmp_path, monkeypatch, index):
    dataset = make_dataset()
    mapped = replace(dataset, X=on_disk(dataset.X, tmp_path / "X"))
    monkeypatch.setattr("hepml.data.dataset._LARGEST_COPY", -1)
    chosen = mapped[index]
    assert is_mapped(chosen.X) == bool(len(chosen))
    assert np.array_equal(chosen.X, dataset[index].X)
    assert np.array_equal(chosen.weight, dataset[index].weight)


def test_a_mapped_dataset_is_indexed_and_walked_over_like_any_other(tmp_path):
    dataset = make_dataset()
    mapped = replace(dataset, X=on_disk(dataset.X, tmp_path / "X"))
    assert np.array_equal(mapped[dataset.weight > 0].X, dataset.X[dataset.weight > 0])
    for part, same in zip(mapped.iterate("10 kB"), dataset.iterate("10 kB"), strict=True):
        assert np.array_equal(part.X, same.X)


PEAK = """
import sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from hepml.data import Dataset, Feature, Identity, SampleInfo

n_events, n_features = int(sys.argv[2]), 3
X = np.memmap(sys.argv[1], np.float32, "r", shape=(n_events, n_features), order="F")
zeros = np.zeros(n_events)
dataset = Dataset(X, tuple(map(Feature, "abc")), zeros, zeros.astype(np.int32),
                  (SampleInfo("s", "signal"),), Identity(("event",), (zeros.astype(np.int64),)))

def resident():
    return int(next(l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith("RssFile")).split()[1])

before, peak, total = resident(), 0, 0.0
for part in dataset.iterate("4 MB"):
    total += float(part.X.sum(dtype=np.float64))
    peak = max(peak, resident() - before)
print(peak * 1024, total)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_of_a_walk_is_bounded_by_the_part(tmp_path):
    path = tmp_path / "X"
    np.ones(3 * 5_000_000, dtype=np.float32).tofile(path)
    found = subprocess.run(
        [sys.executable, "-c", PEAK, str(path), "5000000"], capture_output=True, text=True, check=True
    )
    peak, total = map(float, found.stdout.split())
    assert total == 3 * 5_000_000
    # of 60 MB; the kernel maps up to 2 MiB around each page that is touched, in each of three columns
    assert peak < 16e6
