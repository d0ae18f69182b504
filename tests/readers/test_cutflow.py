"""What is left after each cut, and what may be wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hepml.data import Cutflow, CutflowStep, Dataset, Feature, effective_entries, sample_quality
from hepml.readers import SampleRequest, expand_files, read, read_samples, reading

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Columns = Callable[..., dict[str, Any]]
    Write = Callable[..., Path]


@pytest.mark.parametrize("chunk", [500, 32_000_000])
def test_each_step_counts_what_is_left(
    tmp_path: Path, columns: Columns, write: Write, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(reading, "_CHUNK_BYTES", chunk)
    table = columns(400)
    files = expand_files(
        [write(tmp_path / "a.root", table), write(tmp_path / "b.root", columns(100, seed=2, first_event=400))]
    )
    both = {name: np.concatenate([table[name], columns(100, seed=2)[name]]) for name in ("pt", "charge", "weight")}
    request = SampleRequest("s", "signal", files, selection="charge > 0", scale=3.0)
    dataset = read_samples(
        [request], features=[Feature("pt")], selection="pt > 10 && (jet_pt[0] > 20)", weight="weight"
    )
    steps = dataset.samples[0].cutflow.steps
    assert [step.cut for step in steps] == ["entries", "pt > 10", "jet_pt[0] > 20", "charge > 0"]
    assert [step.n_events for step in steps][0::3] == [500, len(dataset)]
    weight = 3.0 * both["weight"]
    for step, kept in zip(steps[:2], (weight, weight[both["pt"] > 10]), strict=True):
        assert step.n_events == len(kept)
        assert step.sum_weights == pytest.approx(kept.sum())
        assert step.sum_weights_error == pytest.approx(np.sqrt(np.square(kept).sum()))
        assert step.n_effective == pytest.approx(effective_entries(kept))
    assert steps[-1].sum_weights == pytest.approx(dataset.weight.sum())
    assert dataset.samples[0].sum_weights == steps[0].sum_weights
    assert len(dataset.samples[0].cutflow.to_dict()) == 4


def test_weights_that_a_cut_drops_may_be_anything(tmp_path: Path, columns: Columns, write: Write) -> None:
    table = columns(50)
    table["mass"][:2] = np.inf, -np.inf
    path = write(tmp_path / "a.root", table)
    dataset = read(path, features=["pt"], weight="mass", selection="mass < 1000 && mass > -1000")
    entries, below, both = dataset.samples[0].cutflow.steps
    assert np.isnan(entries.sum_weights)
    assert below.sum_weights == -np.inf
    assert both.sum_weights == pytest.approx(dataset.weight.sum())


def test_cutflows_of_two_readings_add_up(tmp_path: Path, columns: Columns, write: Write) -> None:
    one = read(write(tmp_path / "a.root", columns(50)), features=["pt"], selection="pt > 10", name="s")
    two = read(write(tmp_path / "b.root", columns(70, seed=2)), features=["pt"], selection="pt > 10", name="s")
    joined = Dataset.concatenate([one, two]).samples[0].cutflow
    assert [step.n_events for step in joined.steps] == [120, len(one) + len(two)]
    other = read(tmp_path / "b.root", features=["pt"], selection="pt > 11", name="s")
    assert Dataset.concatenate([one, other]).samples[0].cutflow == Cutflow()
    assert joined.scaled(2).steps[1].sum_weights_error == pytest.approx(2 * joined.steps[1].sum_weights_error)
    generated = Cutflow((CutflowStep("generated", None, 10.0, None),))
    assert (generated + generated.scaled(2)).steps[0] == CutflowStep("generated", None, 30.0, None)


def test_quality_finds_what_is_wrong(tmp_path: Path, columns: Columns, write: Write) -> None:
    table = columns(200)
    table["mass"][:7] = -999
    table["pt"][:5] = np.nan
    table["event"][10:13] = 5
    path = write(tmp_path / "a.root", table)
    dataset = read(path, features=["pt", "mass", ("one", "1"), "charge", ("far", "n_tracks*0.01 - 999")])
    (quality,) = sample_quality(dataset)
    found = {feature.name: feature for feature in quality.features}
    assert quality.n_repeated == 3
    assert (found["pt"].n_missing, found["pt"].n_sentinel, found["pt"].constant) == (5, 0, False)
    assert found["mass"].n_sentinel == 7
    assert found["one"].constant
    assert found["charge"].n_sentinel == 0
    # -999 may be a value where others come near it
    assert found["far"].n_sentinel == 0
    named = read(path, features=[Feature("mass", missing=(-999.0,))])
    (feature,) = sample_quality(named)[0].features
    assert (feature.n_missing, feature.n_sentinel) == (7, 0)


def test_quality_finds_what_float32_is_too_coarse_for(tmp_path: Path, columns: Columns, write: Write) -> None:
    table = columns(200) | {"time": 1.7e9 + np.linspace(0, 1280, 200)}
    names = ["time", ("late", "time - 1.7e9"), "mass", "n_tracks", ("far", "n_tracks + 5e6")]
    dataset = read(write(tmp_path / "a.root", table), features=names)
    found = {feature.name: feature.resolution for feature in sample_quality(dataset)[0].features}
    assert found["time"] == pytest.approx(0.1, rel=0.2)
    assert found["late"] < 1e-6
    assert found["mass"] < 1e-5
    # integers far from zero lie close, for float32, but are all there
    assert found["far"] == 0


def test_file_and_entry_repeat_nothing(tmp_path: Path, columns: Columns, write: Write) -> None:
    table = {"pt": columns(10)["pt"]}
    dataset = read(write(tmp_path / "a.root", table), features=["pt"])
    assert sample_quality(dataset)[0].n_repeated is None
