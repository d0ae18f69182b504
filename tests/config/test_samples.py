"""How a sample is normalised, limited and read, as the analysis file says it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from hepml.config import AnalysisConfig, load_analysis, parse_analysis
from hepml.errors import AnalysisFileError

if TYPE_CHECKING:
    from pathlib import Path

BASE: dict[str, Any] = {
    "name": "toy",
    "samples": [{"name": "s", "role": "signal", "files": "s.root"}],
    "features": ["x"],
    "methods": {"BDT": {"kind": "xgboost"}},
}


def parse(**changes: Any) -> AnalysisConfig:
    content = copy.deepcopy(BASE)
    content["samples"][0] |= changes
    return parse_analysis(content, where="a.yaml")


def test_normalisation_takes_numbers_and_what_files_hold() -> None:
    sample = parse(normalise={"xsec": 48, "lumi": "Runs:lumi", "sumw": "counts[1]"}, max_events=10).samples[0]
    assert dict(sample.normalise or {}) == {"xsec": 48.0, "lumi": "Runs:lumi", "sumw": "counts[1]"}
    assert (sample.max_events, sample.bad_files) == (10, "error")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"normalise": {"xsec": 1, "lumi": 1}}, r"samples\[0\]\.normalise\.sumw: this key is needed"),
        ({"normalise": {"xsec": 1, "lumi": 1, "sumv": 1}}, r"unknown key; did you mean 'sumw'"),
        ({"normalise": {"xsec": -1, "lumi": 1, "sumw": 1}}, r"normalise\.xsec: must be positive"),
        ({"normalise": {"xsec": True, "lumi": 1, "sumw": 1}}, r"normalise\.xsec"),
        ({"normalise": {"xsec": 1, "lumi": 1, "sumw": "genweight"}}, r"must be a number, 'Tree:expression' or"),
        ({"normalise": 3}, r"samples\[0\]\.normalise"),
        ({"normalise": {"xsec": 1, "lumi": 1, "sumw": 1}, "max_events": 5}, "with `max_events` it must come from"),
        ({"normalise": {"xsec": 1, "lumi": 1, "sumw": 1}, "bad_files": "skip"}, "with `bad_files: skip` it must come"),
        ({"normalise": {"xsec": 1, "lumi": 1, "sumw": 1}, "role": "data"}, "data are not normalised"),
        ({"friends": [{"index": "event"}]}, "a friend needs `files`, or a `tree` in the files of the sample"),
        ({"friends": [{"files": "a.root", "idx": "event"}]}, r"friends\[0\]\.idx: unknown key; did you mean 'index'"),
        ({"max_events": 0}, r"max_events"),
        ({"bad_files": "ignore"}, r"bad_files"),
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(AnalysisFileError, match=message):
        parse(**changes)


def test_a_list_of_files_stands_beside_the_analysis(tmp_path: Path) -> None:
    (tmp_path / "analysis.yaml").write_text(
        "name: toy\nfeatures: [x]\nmethods: {BDT: {kind: xgboost}}\n"
        'samples: [{name: s, role: signal, files: ["@lists/s.txt", "https://host/a.root"], friends: [{files: f.root}]}]\n'
    )
    config = load_analysis(tmp_path / "analysis.yaml")
    assert config.samples[0].files == (f"@{tmp_path}/lists/s.txt", "https://host/a.root")
    assert config.samples[0].friends[0].files == (f"{tmp_path}/f.root",)
