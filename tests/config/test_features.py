"""Features that stand for the leading objects of a list."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from hepml.config import FeatureConfig, dump_yaml, leading_expressions, parse_analysis, parse_yaml
from hepml.errors import AnalysisFileError

JETS = {"name": "jet_pt", "leading": 2, "by": "jet_pt", "where": "abs(jet_eta) < 2.5", "pad": -9, "unit": "GeV"}


def analysis(*features: Any, **more: Any) -> dict[str, Any]:
    return {
        "name": "a",
        "samples": [{"name": "s", "role": "signal", "files": "s.root"}],
        "features": list(features),
        "methods": {"bdt": {"kind": "xgboost"}},
        **more,
    }


def test_leading_objects_become_ordinary_features() -> None:
    config = parse_analysis(
        analysis("met", {**JETS, "title": "$p_T$", "missing": -1}, {"name": "x", "expression": "y/2"})
    )
    assert [item.name for item in config.features] == ["met", "jet_pt_0", "jet_pt_1", "x"]
    assert config.features[2] == FeatureConfig(
        name="jet_pt_1",
        expression="Alt$(SortBy$(jet_pt[abs(jet_eta) < 2.5], jet_pt[abs(jet_eta) < 2.5])[1], -9)",
        unit="GeV",
        title="$p_T$ 1",
        missing=(-1.0,),
    )
    assert {type(item) for item in config.features} == {FeatureConfig}


def test_spectators_as_well_and_a_resolved_file_says_the_same() -> None:
    config = parse_analysis(analysis("met", spectators=[{"name": "mu_pt", "leading": 3}]))
    assert [item.expression for item in config.spectators] == ["mu_pt[0]", "mu_pt[1]", "mu_pt[2]"]
    again = parse_analysis(parse_yaml(dump_yaml(config.model_dump(mode="json"))))
    assert again == config


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "v[0]"),
        ({"pad": 0}, "Alt$(v[0], 0)"),
        ({"pad": -0.5}, "Alt$(v[0], -0.5)"),
        ({"by": "k"}, "SortBy$(v, k)[0]"),
        ({"by": "-k"}, "SortBy$(v, -k)[0]"),
        ({"where": "k > 1"}, "v[k > 1][0]"),
        ({"by": "v", "where": "k > 1"}, "SortBy$(v[k > 1], v[k > 1])[0]"),
        ({"by": "-v", "where": "k > 1"}, "SortBy$(v, -v)[SortBy$(k > 1, -v) != 0][0]"),
        ({"expression": "v/2"}, "SortBy$(v/2, 0)[0]"),
        ({"expression": "v/2", "where": "k > 1"}, "SortBy$(v/2, 0)[k > 1][0]"),
        ({"expression": "lep.pt", "by": "lep.pt"}, "SortBy$(lep.pt, lep.pt)[0]"),
    ],
)
def test_what_is_written(options: dict[str, Any], expected: str) -> None:
    assert leading_expressions(options.pop("expression", "v"), 1, **options) == (expected,)


@pytest.mark.parametrize(
    ("features", "path", "words"),
    [
        ([{**JETS, "leading": 0}], "features[0].leading", "greater than or equal to 1"),
        ([{**JETS, "leading": 101}], "features[0].leading", "less than or equal to 100"),
        ([{**JETS, "leading": True}], "features[0].leading", "must be a number"),
        ([{**JETS, "leading": 1.5}], "features[0].leading", "must be a whole number"),
        ([{"name": "jet_pt", "by": "jet_pt"}], "features[0].leading", "this key is needed"),
        ([{**JETS, "pad": "no"}], "features[0].pad", "must be a number"),
        ([{**JETS, "wher": "x > 1"}], "features[0].wher", "did you mean 'where'"),
        ([{"name": "x", "leadin": 2}], "features[0].leadin", "did you mean 'leading'"),
        (["met", "jet_pt_1", JETS], "features[2]", "there is a feature or spectator 'jet_pt_1' already"),
        ([{"name": "a b", "leading": 2}], "features[0].name", "not a usable name"),
        ([3], "features[0]", "mapping"),
    ],
)
def test_what_is_wrong_is_told_with_its_key(features: list[Any], path: str, words: str) -> None:
    with pytest.raises(AnalysisFileError) as caught:
        parse_analysis(parse_yaml(yaml.safe_dump(analysis(*features))))
    lines = str(caught.value).splitlines()
    assert len(lines) == 1
    assert f" {path}: " in lines[0]
    assert words in lines[0]
