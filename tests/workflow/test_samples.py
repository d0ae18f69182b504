"""What a run tells of its samples."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np
import pytest
import uproot

from hepml import Analysis
from tests.workflow.toys import write_analysis, write_sample

if TYPE_CHECKING:
    from pathlib import Path


def test_normalised_and_skipped_files_stand_in_metrics_and_report(tmp_path: Path) -> None:
    for number, name in enumerate(["s1", "s2", "bad"]):
        path = write_sample(tmp_path / f"{name}.root", 400, mean=1, seed=number, first_event=1000 * number)
        with uproot.update(path) as file:
            file["Runs"] = {"sumw": np.array([500.0])}
    (tmp_path / "bad.root").write_bytes((tmp_path / "bad.root").read_bytes()[:2000])
    write_sample(tmp_path / "background.root", 800, mean=-1, seed=5)
    samples = [
        {
            "name": "signal",
            "role": "signal",
            "files": ["s1.root", "bad.root", "s2.root"],
            "bad_files": "skip",
            "selection": "x > -1 && x < 3",
            "normalise": {"xsec": 2, "lumi": 0.5, "sumw": "Runs:sumw"},
        },
        {"name": "background", "role": "background", "files": "background.root"},
    ]
    run = Analysis.from_file(write_analysis(tmp_path, samples=samples, selection="y > -2")).train(tmp_path / "run")
    row = run.metrics["samples"][0]
    cuts = [step["cut"] for step in row["cutflow"]]
    assert cuts == ["generated", "entries", "y > -2", "x > -1", "x < 3"]
    assert row["cutflow"][0]["sum_weights"] == pytest.approx(1000)
    # 800 entries of weight 0.5 for 1000 generated
    assert row["cutflow"][1] | {} == {
        "cut": "entries",
        "n_events": 800,
        "sum_weights": pytest.approx(400),
        "sum_weights_error": pytest.approx(0.5 * np.sqrt(800)),
        "n_effective": pytest.approx(800),
    }
    assert row["cutflow"][-1]["n_events"] == row["n_events"]
    assert row["cutflow"][-1]["sum_weights"] == pytest.approx(row["sum_weights"])
    (skipped,) = row["skipped"]
    assert skipped["file"].endswith("bad.root:events")
    page = html.unescape((run.path / "report.html").read_text(encoding="utf-8"))
    assert f"signal: {skipped['file']} is left out" in page
    assert "<code>x > -1</code>" in page
    assert "bad.root" in (run.path / "log.txt").read_text(encoding="utf-8")
    assert not any("bad.root" in record["path"] for record in run.provenance["files"])


def test_friends_of_an_analysis_file(tmp_path: Path) -> None:
    for name, mean in (("signal", 1.0), ("background", -1.0)):
        path = write_sample(tmp_path / f"{name}.root", 300, mean=mean, seed=7)
        with uproot.open(path) as file:
            arrays = file["events"].arrays(["x", "event_number"], library="np")
        order = np.random.default_rng(1).permutation(300)
        with uproot.update(path) as file:
            file.mktree("same", {"x2": "f4"}).extend({"x2": 2 * arrays["x"]})
        with uproot.recreate(tmp_path / f"more_{name}.root") as file:
            file.mktree("keyed", {"event_number": "u8", "x3": "f4"}).extend(
                {"event_number": arrays["event_number"][order], "x3": 3 * arrays["x"][order]}
            )
    samples = [
        {
            "name": name,
            "role": name,
            "files": f"{name}.root",
            "friends": [{"tree": "same"}, {"files": f"more_{name}.root", "tree": "keyed", "index": "event_number"}],
        }
        for name in ("signal", "background")
    ]
    analysis = Analysis.from_file(write_analysis(tmp_path, samples=samples, features=["x", "x2", "x3"]))
    dataset = analysis.read()
    np.testing.assert_array_equal(dataset.X[:, 1], 2 * dataset.X[:, 0])
    np.testing.assert_array_equal(dataset.X[:, 2], 3 * dataset.X[:, 0])
    paths = [record["path"] for record in analysis.train(tmp_path / "run").provenance["files"]]
    assert f"{tmp_path}/more_signal.root" in paths
