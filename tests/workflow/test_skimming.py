"""A skim holds what the analysis reads: the same numbers from a smaller file, made in constant memory."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import uproot
import yaml

from hepml import Analysis
from hepml.data import assign_parts
from hepml.errors import EmptySelectionError, HepmlError, InvalidInputError, OutputError, WeightError
from hepml.readers import streaming
from hepml.workflow import skim, skimming
from tests.workflow.toys import FIRST_EVENT, write_analysis, write_sample

if TYPE_CHECKING:
    from hepml.data import Dataset

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_sample(tmp_path / "signal.root", 400, mean=1.0, seed=1, negative=0.2)
    write_sample(tmp_path / "more.root", 300, mean=1.0, seed=3, first_event=1)
    write_sample(tmp_path / "background.root", 500, mean=-1.0, seed=2)
    return tmp_path


def samples(**of_signal: Any) -> list[dict[str, Any]]:
    return [
        {"name": "signal", "role": "signal", "files": ["signal.root", "more.root"], **of_signal},
        {"name": "background", "role": "background", "files": "background.root"},
    ]


def assert_same_events(found: Dataset, wanted: Dataset) -> None:
    np.testing.assert_array_equal(found.X, wanted.X)
    np.testing.assert_array_equal(found.weight, wanted.weight)
    np.testing.assert_array_equal(found.sample, wanted.sample)
    np.testing.assert_array_equal(found.label, wanted.label)
    for one, other in zip(found.identity.columns, wanted.identity.columns, strict=True):
        assert one.tolist() == other.tolist()
    for data in (found, wanted):
        assert data.X.dtype == np.float32
    for name, column in wanted.spectators.items():
        assert found.spectators[name].dtype == column.dtype
        np.testing.assert_array_equal(found.spectators[name], column)
    fractions = {"seed": 3, "train": 0.5, "validation": 0.2}
    np.testing.assert_array_equal(assign_parts(found.identity, **fractions), assign_parts(wanted.identity, **fractions))


def note(path: Path) -> Any:
    with uproot.open(path) as file:
        return json.loads(str(file["hepml"]))


@pytest.mark.parametrize("chunk_bytes", [200, 3_000, 16_000_000])
def test_an_analysis_of_the_skim_gives_the_same_events(
    folder: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
) -> None:
    analysis = Analysis.from_file(
        write_analysis(
            folder,
            samples=samples(weight="1 + 0.1*x", selection="y < 1", scale=0.3),
            selection="x > -1 && abs(y) < 2",
            features=["x", {"name": "ratio", "expression": "x/y", "unit": "GeV", "missing": [0.0]}],
            spectators=["y", {"name": "number", "expression": "event_number"}],
            identity=["run", "event_number + 1"],
        )
    )
    wanted = analysis.read()
    monkeypatch.setattr(skimming, "_CHUNK_BYTES", chunk_bytes)
    monkeypatch.setattr(skimming, "_ROWS_AT_ONCE", 50)
    result = skim(analysis, folder / "new" / "skim.root")
    again = Analysis.from_file(result.analysis)
    assert_same_events(again.read(), wanted)
    assert int(wanted.spectators["number"].max()) > FIRST_EVENT
    assert [sample.n_events for sample in result.samples] == np.bincount(wanted.sample).tolist()
    assert [sample.n_entries for sample in result.samples] == [700, 500]
    assert [sample.sum_weights for sample in result.samples] == pytest.approx(
        [row["sum_weights"] for row in wanted.summary()]
    )
    with uproot.open(result.path) as file:
        assert set(file.keys(cycle=False)) == {"hepml", "signal", "background"}
        tree = file["signal"]
        assert tree.keys() == ["run", "identity_1", "x", "ratio", "y", "number", "weight"]
        assert tree["ratio"].typename == "float"
        assert tree["identity_1"].typename in {"int64_t", "uint64_t"}


def test_training_on_the_skim_gives_the_same_model(folder: Path, tmp_path: Path) -> None:
    analysis = Analysis.from_file(write_analysis(folder, samples=samples(), selection="x > -2"))
    result = skim(analysis, tmp_path / "skim.root")
    first = analysis.train(tmp_path / "first").metrics["methods"]["BDT"]
    second = Analysis.from_file(result.analysis).train(tmp_path / "second").metrics["methods"]["BDT"]
    assert second["roc"] == first["roc"]


def test_the_worked_analysis_can_be_skimmed(tmp_path: Path) -> None:
    analysis = Analysis.from_file(PROJECT / "analyses" / "higgs_tautau" / "analysis.yaml")
    result = skim(analysis, tmp_path / "skim.root", threads=2)
    wanted = analysis.read()
    assert_same_events(Analysis.from_file(result.analysis).read(), wanted)
    facts = note(result.path)
    assert (facts["format"], facts["version"], facts["analysis"]) == ("hepml-skim", 1, "higgs_tautau")
    assert facts["selection"] == analysis.config.selection
    assert [item["expression"] for item in facts["features"]] == [item.expression for item in wanted.features]
    for found, request in zip(facts["samples"], analysis.requests(), strict=True):
        (record,) = found["files"]
        content = Path(request.files[0].path).read_bytes()
        assert (record["size"], record["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert found["n_entries"] >= found["n_events"] > 0
        assert found["cutflow"][0]["n_events"] == found["n_entries"]
    assert facts["libraries"]["uproot"]


def test_memory_does_not_grow_with_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skimming, "_CHUNK_BYTES", 1_000)
    monkeypatch.setattr(skimming, "_ROWS_AT_ONCE", 100)
    largest = []
    block = streaming.Block
    concatenate = skimming.Dataset.concatenate
    monkeypatch.setattr(streaming, "Block", lambda n, plan: largest.append(n) or block(n, plan))
    monkeypatch.setattr(
        skimming.Dataset, "concatenate", lambda parts: largest.append(sum(map(len, parts))) or concatenate(parts)
    )
    write_sample(folder / "signal.root", 20_000, mean=1.0, seed=1)
    skim(Analysis.from_file(write_analysis(folder)), folder / "skim.root")
    assert max(largest) < 300
    assert len(largest) > 200


def test_fixed_parts_stay_fixed(folder: Path) -> None:
    fixed = samples()
    fixed[0]["files"] = {"train": "signal.root", "test": "more.root"}
    analysis = Analysis.from_file(write_analysis(folder, samples=fixed))
    result = skim(analysis, folder / "skim.root")
    assert result.samples[0].trees == ("signal_train", "signal_test")
    again, wanted = Analysis.from_file(result.analysis).read(), analysis.read()
    assert_same_events(again, wanted)
    assert wanted.fixed_part is not None
    assert again.fixed_part is not None
    np.testing.assert_array_equal(again.fixed_part, wanted.fixed_part)
    fixed[1]["name"] = "signal_test"
    with pytest.raises(InvalidInputError, match="two samples would be written to a tree 'signal_test'"):
        skim(Analysis.from_file(write_analysis(folder, samples=fixed)), folder / "other.root")


def test_data_are_written_and_blinded_in_runs_as_before(folder: Path) -> None:
    data = [*samples(), {"name": "observed", "role": "data", "files": "more.root", "blind": "x > 0.5 && y > 0"}]
    data += [{"name": "shown", "role": "data", "files": "more.root", "blind": "none"}]
    analysis = Analysis.from_file(write_analysis(folder, samples=data, features=["y"], spectators=[]))
    result = skim(analysis, folder / "skim.root")
    assert [sample.n_events for sample in result.samples] == [700, 500, 300, 300]
    new = yaml.safe_load(result.analysis.read_text())
    assert [sample["blind"] for sample in new["samples"]] == [None, None, "__blind_0", "none"]
    first = analysis.train(folder / "first").metrics["samples"]
    second = Analysis.from_file(result.analysis).train(folder / "second").metrics["samples"]
    for one, other in zip(first, second, strict=True):
        assert one["n_events"] == other["n_events"]
    assert 0 < second[2]["n_events"] < 300


def test_columns_of_friends_become_columns_of_the_skim(folder: Path) -> None:
    with uproot.recreate(folder / "extra.root") as file:
        for tree, n_events in (("signal", 400), ("background", 500)):
            file.mktree(tree, {"z": "f4"}).extend({"z": np.arange(n_events, dtype=np.float32)})
    joined = [
        {"name": name, "role": name, "files": f"{name}.root", "friends": [{"files": "extra.root", "tree": name}]}
        for name in ("signal", "background")
    ]
    analysis = Analysis.from_file(write_analysis(folder, samples=joined, features=["x", "z"]))
    result = skim(analysis, folder / "skim.root")
    assert_same_events(Analysis.from_file(result.analysis).read(), analysis.read())
    assert [Path(record["path"]).name for record in note(result.path)["samples"][0]["files"]] == [
        "signal.root",
        "extra.root",
    ]
    with pytest.raises(OutputError, match="is an input"):
        skim(analysis, folder / "extra.root", overwrite=True)


def test_without_an_identity_the_skim_has_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("signal", "background"):
        with uproot.recreate(tmp_path / f"{name}.root") as file:
            file.mktree("events", {"x": "f4", "y": "f4", "weight": "f8"}).extend(
                {"x": np.arange(9, dtype=np.float32), "y": np.ones(9, dtype=np.float32), "weight": np.ones(9)}
            )
    analysis = Analysis.from_file(write_analysis(tmp_path))
    result = skim(analysis, tmp_path / "skim.root")
    assert "no branches identify an event" in caplog.text
    with uproot.open(result.path) as file:
        assert file["signal"].keys() == ["x", "y2", "y", "weight"]
    np.testing.assert_array_equal(Analysis.from_file(result.analysis).read().X, analysis.read().X)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"selection": "x > 1e9"}, EmptySelectionError, "'signal': none of 400 entries passes"),
        ({"weight": "0*weight"}, WeightError, "'signal', weight .*: all 400 weights are zero"),
        ({"weight": "weight*1e308*1e308"}, WeightError, "400 of 400 weights are NaN or infinite"),
        ({"features": [{"name": "a", "expression": "exp(1000 + 0*x)"}]}, HepmlError, "feature 'a' .*is infinite"),
        (
            {"features": [{"name": "pt-1", "expression": "x"}]},
            InvalidInputError,
            "'pt-1' would be read as an expression",
        ),
        (
            {"features": [{"name": "run", "expression": "x"}]},
            InvalidInputError,
            "the name is taken by the event's own run",
        ),
        ({"features": ["no_such"]}, HepmlError, "no_such"),
    ],
)
def test_what_cannot_be_skimmed_leaves_nothing(
    folder: Path, changes: Any, error: type[HepmlError], message: str
) -> None:
    analysis = Analysis.from_file(write_analysis(folder, **changes))
    before = sorted(folder.iterdir())
    with pytest.raises(error, match=message):
        skim(analysis, folder / "skim.root")
    assert sorted(folder.iterdir()) == before


def test_what_counts_over_all_files_is_settled_in_the_skim(folder: Path) -> None:
    for name, sumw in (("signal", 600.0), ("more", 1000.0)):
        with uproot.update(folder / f"{name}.root") as file:
            file.mktree("Runs", {"sumw": "f8"}).extend({"sumw": np.array([sumw])})
    normalise = {"xsec": 2.0, "lumi": 3.0, "sumw": "Runs:sumw"}
    settled = samples(max_events=550, normalise=normalise, scale=0.5)
    settled[1]["max_events"] = 1
    analysis = Analysis.from_file(write_analysis(folder, samples=settled, selection="x > -3"))
    result = skim(analysis, folder / "skim.root", threads=2)
    again, wanted = Analysis.from_file(result.analysis).read(), analysis.read()
    assert_same_events(again, wanted)
    assert [sample.n_entries for sample in result.samples] == [550, 1]
    new = yaml.safe_load(result.analysis.read_text())["samples"][0]
    assert (new["normalise"], new["max_events"], new["scale"]) == (None, None, 1.0)
    facts = note(result.path)["samples"][0]
    assert (facts["max_events"], facts["scale"]) == (550, 0.5)
    assert facts["normalise"] == normalise
    assert facts["cutflow"] == wanted.samples[0].cutflow.to_dict()
    assert facts["cutflow"][0] == {**facts["cutflow"][0], "cut": "generated", "sum_weights": 3000.0}
    assert facts["sum_weights"] == pytest.approx(wanted.summary()[0]["sum_weights"])
    assert result.samples[0].sum_weights == facts["sum_weights"]


def test_files_that_cannot_be_read_are_noted(folder: Path) -> None:
    analysis = Analysis.from_file(write_analysis(folder, samples=samples(bad_files="skip")))
    (folder / "more.root").write_bytes((folder / "more.root").read_bytes()[:2000])
    result = skim(analysis, folder / "skim.root")
    again = Analysis.from_file(result.analysis)
    assert_same_events(again.read(), analysis.read())
    assert [sample.bad_files for sample in again.config.samples] == ["error", "error"]
    facts = note(result.path)["samples"][0]
    assert [Path(record["path"]).name for record in facts["files"]] == ["signal.root"]
    (skipped,) = facts["skipped"]
    assert skipped["file"].endswith("more.root:events")
    assert "truncated" in skipped["reason"]
    assert facts["bad_files"] == "skip"
    (folder / "other").mkdir()
    strict = Analysis.from_file(write_analysis(folder, samples=samples()))
    with pytest.raises(HepmlError, match=r"more\.root is truncated"):
        skim(strict, folder / "other" / "skim.root")
    assert not list((folder / "other").iterdir())


def test_a_part_without_events_has_an_empty_tree(folder: Path) -> None:
    fixed = samples(selection="event_number > 1000")
    fixed[0]["files"] = {"train": "signal.root", "test": "more.root"}
    analysis = Analysis.from_file(write_analysis(folder, samples=fixed))
    result = skim(analysis, folder / "skim.root")
    with uproot.open(result.path) as file:
        assert [file[tree].num_entries for tree in result.samples[0].trees] == [400, 0]
        assert file["signal_test"].keys() == file["signal_train"].keys()
    assert_same_events(Analysis.from_file(result.analysis).read(), analysis.read())


def test_inputs_and_existing_files_are_kept(folder: Path) -> None:
    analysis = Analysis.from_file(write_analysis(folder))
    for name in ("signal.root", "skim.txt"):
        with pytest.raises(OutputError):
            skim(analysis, folder / name, overwrite=True)
    (folder / "skim.yaml").write_text("mine")
    with pytest.raises(OutputError, match=r"skim\.yaml exists already"):
        skim(analysis, folder / "skim.root")
    assert (folder / "skim.yaml").read_text() == "mine"
    assert not (folder / "skim.root").exists()
    told: list[tuple[str, float]] = []
    skim(analysis, folder / "skim.root", overwrite=True, progress=lambda name, done: told.append((name, done)))
    assert told == [("signal", 400 / 900), ("background", 1.0)]


def test_the_command(folder: Path) -> None:
    write_analysis(folder)
    command = [sys.executable, "-m", "hepml", "skim", "analysis.yaml", "-o", "skim.root"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "400" in run.stdout
    assert "written: skim.root and skim.yaml" in run.stdout
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "skim.root exists already" in run.stderr


def test_a_skim_of_rntuples_gives_the_same_events(folder: Path) -> None:
    analysis = Analysis.from_file(write_analysis(folder, samples=samples(selection="y < 1")))
    skim(analysis, folder / "skim.root", format="rntuple")
    with uproot.open(folder / "skim.root") as file:
        assert set(file.classnames().values()) == {"TObjString", "ROOT::RNTuple"}
    assert_same_events(Analysis.from_file(folder / "skim.yaml").read(), analysis.read())
