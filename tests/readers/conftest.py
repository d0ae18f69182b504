"""Small ROOT files."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import pytest
import uproot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Columns = dict[str, Any]
    Write = Callable[..., Path]


def make_columns(n: int, *, seed: int = 1, first_event: int = 0) -> Columns:
    """Return columns of every type that can be read."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 4, n)
    jets = ak.unflatten(rng.exponential(40, counts.sum()).astype(np.float32), counts)
    return {
        "run": np.full(n, 300_000, dtype=np.uint32),
        "event": np.arange(first_event, first_event + n, dtype=np.uint64),
        "pt": rng.exponential(30, n).astype(np.float32),
        "mass": rng.normal(90, 3, n),
        "charge": rng.choice([-1, 1], n).astype(np.int8),
        "n_tracks": rng.integers(0, 200, n).astype(np.uint8),
        "trigger": rng.random(n) > 0.3,
        "weight": rng.normal(1, 0.5, n),
        "p4": rng.normal(size=(n, 4)).astype(np.float32),
        "jet": ak.zip({"pt": jets, "eta": jets / 50}),
    }


def branch_type(column: Any) -> Any:
    if isinstance(column, np.ndarray):
        return (column.dtype, column.shape[1:]) if column.ndim > 1 else column.dtype
    return column.type.content


def write_tree(path: Path, columns: Mapping[str, Any], *, tree: str = "events", baskets: int = 3) -> Path:
    """Write a TTree whose entries are spread over several baskets."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with uproot.recreate(path, compression=uproot.ZSTD(1)) as file:
        output = file.mktree(tree, {name: branch_type(column) for name, column in columns.items()})
        n = len(next(iter(columns.values())))
        edges = np.linspace(0, n, baskets + 1).astype(int)
        for start, stop in pairwise(edges.tolist()):
            if stop > start:
                output.extend({name: column[start:stop] for name, column in columns.items()})
    return path


@pytest.fixture
def columns() -> Callable[..., Columns]:
    return make_columns


@pytest.fixture
def write() -> Write:
    return write_tree
