"""The committed toy of four Gaussian variables holds what its README says, and its script makes it again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import uproot

SAMPLE = Path(__file__).parents[2] / "data" / "four_gaussians"
VARIABLES = ("var1", "var2", "var3", "var4")
MEAN = np.array([0.3, 0.3, 0.4, 0.55])
CORRELATIONS = {
    "TreeS": (0.386, 0.597, 0.808, 0.696, 0.743, 0.860),
    "TreeB": (0.856, 0.914, 0.965, 0.927, 0.937, 0.971),
}
N_EVENTS = 6000


def events(path: Path) -> dict[str, dict[str, np.ndarray]]:
    with uproot.open(path) as file:
        return {name: file[name].arrays(library="np") for name in CORRELATIONS}


@pytest.fixture(scope="module")
def sample() -> dict[str, dict[str, np.ndarray]]:
    return events(SAMPLE / "four_gaussians.root")


def test_trees_columns_and_size(sample: dict[str, dict[str, np.ndarray]]) -> None:
    assert (SAMPLE / "four_gaussians.root").stat().st_size < 1_000_000
    for columns in sample.values():
        assert list(columns) == ["event_number", *VARIABLES]
        assert columns["event_number"].dtype == np.uint64
        assert {columns[name].dtype for name in VARIABLES} == {np.dtype(np.float32)}
        assert len(columns["var1"]) == N_EVENTS
    numbers = np.concatenate([columns["event_number"] for columns in sample.values()])
    assert len(np.unique(numbers)) == 2 * N_EVENTS


@pytest.mark.parametrize("tree", CORRELATIONS)
def test_means_variances_and_correlations(tree: str, sample: dict[str, dict[str, np.ndarray]]) -> None:
    values = np.stack([sample[tree][name].astype(np.float64) for name in VARIABLES])
    mean = MEAN if tree == "TreeS" else -MEAN
    # within four standard errors
    np.testing.assert_allclose(values.mean(axis=1), mean, atol=4 / np.sqrt(N_EVENTS))
    np.testing.assert_allclose(values.var(axis=1), 1.0, atol=4 * np.sqrt(2 / N_EVENTS))
    expected = np.array(CORRELATIONS[tree])
    found = np.corrcoef(values)[np.triu_indices(4, 1)]
    assert (abs(found - expected) < 4 * (1 - expected**2) / np.sqrt(N_EVENTS)).all()


def test_the_script_makes_it_again_and_more_events_begin_with_fewer(
    tmp_path: Path, sample: dict[str, dict[str, np.ndarray]]
) -> None:
    script = [sys.executable, str(SAMPLE / "make_sample.py")]
    for size, name, seed in ((N_EVENTS, "again", "100"), (N_EVENTS + 500, "more", "100"), (50, "other", "101")):
        arguments = ["-n", str(size), "-o", str(tmp_path / f"{name}.root"), "--seed", seed]
        run = subprocess.run([*script, *arguments], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
    again, more, other = (events(tmp_path / f"{name}.root") for name in ("again", "more", "other"))
    for tree, columns in sample.items():
        assert len(more[tree]["var1"]) == N_EVENTS + 500
        for name, values in columns.items():
            # the last digit of a product of matrices depends on the machine
            np.testing.assert_allclose(again[tree][name], values, rtol=1e-5, atol=1e-6)
            np.testing.assert_array_equal(more[tree][name][:N_EVENTS], again[tree][name])
        assert abs(other[tree]["var1"] - columns["var1"][:50]).min() > 0
