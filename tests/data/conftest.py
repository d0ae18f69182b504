"""Datasets in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from hepml.data import Dataset, Feature, Identity, SampleInfo

if TYPE_CHECKING:
    from collections.abc import Callable


def make(n: int = 10, *, seed: int = 1, first_event: int = 0, files: tuple[str, ...] = ("a.root",)) -> Dataset:
    rng = np.random.default_rng(seed)
    samples = (
        SampleInfo("sig", "signal", n_entries=2 * n, sum_weights=3.5, files=files),
        SampleInfo("bkg", "background", title="Background", n_entries=n, sum_weights=-1.0, files=files),
        SampleInfo("obs", "data", files=files),
    )
    return Dataset(
        X=np.asfortranarray(rng.normal(size=(n, 2)).astype(np.float32)),
        features=(Feature("pt", unit="GeV"), Feature("eta")),
        weight=rng.normal(1, 1, n),
        sample=np.arange(n, dtype=np.int32) % 3,
        samples=samples,
        identity=Identity(
            ("run", "event"), (np.ones(n, dtype=np.int64), np.arange(first_event, first_event + n, dtype=np.uint64))
        ),
        spectators={"mass": rng.random(n), "n": np.arange(n, dtype=np.int64)},
        fixed_part=None,
    )


@pytest.fixture
def make_dataset() -> Callable[..., Dataset]:
    return make
