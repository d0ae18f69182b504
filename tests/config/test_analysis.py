"""The analysis file: what it may hold, and how it is told what is wrong."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hepml.config import AnalysisConfig, dump_yaml, load_analysis, parse_analysis, parse_yaml
from hepml.errors import AnalysisFileError

SMALL = """\
name: small
samples:
  - name: sig
    role: signal
    files: sig.root
  - {name: bkg, role: background, files: [a.root, "b*.root:tree"]}
features:
  - met
  - {name: lpt, expression: log(pt), unit: GeV}
methods:
  BDT: {kind: xgboost}
"""


def parse(text: str) -> AnalysisConfig:
    return parse_analysis(parse_yaml(text, where="a.yaml"), where="a.yaml")


def problem(text: str) -> str:
    with pytest.raises(AnalysisFileError) as caught:
        parse(text)
    return str(caught.value)


def changed(old: str, new: str) -> str:
    assert SMALL.count(old) == 1, old
    return SMALL.replace(old, new)


def test_a_small_file_gets_documented_defaults() -> None:
    config = parse(SMALL)
    assert (config.split.train, config.split.validation, config.split.test) == (0.5, 0.2, 0.3)
    assert config.training.negative_weights == "signed"
    assert config.identity is None
    assert config.samples[1].files == ("a.root", "b*.root:tree")
    assert [feature.name for feature in config.features] == ["met", "lpt"]
    assert config.methods["BDT"].options == {}


def test_a_config_cannot_be_changed() -> None:
    config = parse(SMALL)
    with pytest.raises(ValidationError):
        config.seed = 2  # type: ignore[misc]
    with pytest.raises(ValidationError):
        config.samples[0].scale = 2.0  # type: ignore[misc]


def test_numbers_are_taken_as_expressions_and_single_values_as_lists() -> None:
    text = SMALL + "weight: 1\nmissing: -999\nidentity: event\nevaluation: {working_points: 0.5}\nselection: 1.5e3\n"
    config = parse(text)
    assert config.weight == "1"
    assert config.missing == (-999.0,)
    assert config.identity == ("event",)
    assert config.evaluation.working_points == (0.5,)
    assert config.selection == "1500.0"


def test_options_of_a_method_are_kept_for_its_kind() -> None:
    config = parse(changed("{kind: xgboost}", "{kind: xgboost, max_depth: 3, eta: 1e-2}"))
    assert config.methods["BDT"].options == {"max_depth": 3, "eta": 0.01}


# text that stands in SMALL, what replaces it, line, path, words of the message
WRONG = [
    ("    role: signal", "    rôle: signal", 4, "samples[0].rôle", "unknown key; did you mean 'role'?"),
    ("role: background,", "role: background, wieght: w,", 6, "samples[1].wieght", "did you mean 'weight'?"),
    ("unit: GeV", "units: GeV", 9, "features[1].units", "did you mean 'unit'?"),
    ("name: small", "name: small\nsplit: {trian: 0.5}", 2, "split.trian", "did you mean 'train'?"),
    ("name: small", "name: small\ntraining:\n  balanse: none", 3, "training.balanse", "did you mean 'balance'?"),
    ("name: small", "name: small\nreport: {stile: CMS}", 2, "report.stile", "did you mean 'style'?"),
    ("name: small", "name: small\nevaluation: {wp: 1}", 2, "evaluation.wp", "allowed: working_points, permutations"),
    ("name: small", "name: small\nspectators: [{nam: x}]", 2, "spectators[0].nam", "did you mean 'name'?"),
    ("name: small", "name: small\nsample: []", 2, "sample", "did you mean 'samples'"),
    ("    files: sig.root\n", "", 3, "samples[0].files", "this key is needed"),
    ("name: small\n", "", 1, "name", "this key is needed"),
    ("{kind: xgboost}", "{max_depth: 3}", 11, "methods.BDT.kind", "this key is needed"),
    ("BDT: {kind: xgboost}", "int: {}", 11, "methods.int.kind", "this key is needed"),
    ("{kind: xgboost}", "xgboost", 11, "methods.BDT", "must be a mapping of keys to values"),
    ("role: signal", "role: Signal", 4, "samples[0].role", "'signal', 'background', 'data', 'control' or 'apply_only'"),
    ("files: sig.root", "files: 5", 5, "samples[0].files", "must be text"),
    ("files: sig.root", "files: []", 5, "samples[0].files", "at least one file is needed"),
    ("files: sig.root", "files: {}", 5, "samples[0].files", "at least one file is needed"),
    ("files: sig.root", "files: {train: a.root, test: []}", 5, "samples[0].files", "at least one file is needed"),
    ("files: sig.root", "files: {tran: a.root}", 5, "samples[0].files.tran", "'train', 'validation' or 'test'"),
    ("files: sig.root", "files: {train: [a, 5]}", 5, "samples[0].files.train[1]", "must be text"),
    ("    files: sig.root", "    files: a\n    scale: yes", 6, "samples[0].scale", "must be a number (found 'yes')"),
    ("    files: sig.root", "    files: a\n    scale: true", 6, "samples[0].scale", "must be a number (found True)"),
    ("    files: sig.root", "    files: a\n    scale: .nan", 6, "samples[0].scale", "finite"),
    ("    files: sig.root", "    files: a\n    scale: [1]", 6, "samples[0].scale", "must be a number (found [1])"),
    ("    files: sig.root", "    files: a\n    blind: score", 3, "samples[0]", "only data are blinded"),
    ("name: small", "name: small\nseed: '1'", 2, "seed", "must be a number (found '1')"),
    ("name: small", "name: small\nseed: 1.5", 2, "seed", "whole number (found 1.5)"),
    ("name: small", "name: small\nseed: -1", 2, "seed", "greater than or equal to 0"),
    ("name: small", "name: small\nseed: true", 2, "seed", "must be a number (found True)"),
    ("name: small", "name: small\nversion: 2", 2, "version", "version 2 of hepml-analysis is not known"),
    ("name: small", "name: small\nformat: other", 2, "format", "hepml-analysis"),
    ("name: small", "name: small\nreader: pyroot", 2, "reader", "uproot"),
    ("name: small", "name: small\nselection: true", 2, "selection", "must be text"),
    ("name: small", "name: small\nmissing: none", 2, "missing", "must be a number (found 'none')"),
    ("name: small", "name: small\nmissing:\n - 1\n - x", 4, "missing[1]", "must be a number"),
    ("name: small", "name: small\nidentity: []", 2, "identity", "at least one integer expression"),
    ("name: small", "name: small\nidentity: ''", 2, "identity", "at least one integer expression"),
    ("name: small", "name: small\nsplit: {train: 0.9}", 2, "split", "is 1.4; it must be 1"),
    ("name: small", "name: small\nsplit: {train: -0.5}", 2, "split.train", "greater than or equal to 0"),
    ("name: small", "name: small\nsplit: 0.5", 2, "split", "must be a mapping"),
    (
        "name: small",
        "name: small\nevaluation: {working_points: [0.3, 1]}",
        2,
        "evaluation.working_points",
        "between 0 and 1",
    ),
    ("name: small", "name: small\nreport: {style: atlas}", 2, "report.style", "'ATLAS'"),
    ("name: small", "name: 5", 1, "name", "must be text"),
    ("name: small", "name: a/../b", 1, "name", "not a usable name"),
    ("  - met", "  - 1met", 8, "features[0]", "'1met' is not a usable name"),
    ("  - met", "  - 5", 8, "features[0]", "must be a mapping"),
    ("  - met", "  - lpt", 9, "features[1]", "a feature or spectator 'lpt' already"),
    ("name: small", "name: small\nspectators: [met]", 2, "spectators[0]", "a feature or spectator 'met' already"),
    ("name: bkg", "name: sig", 6, "samples[1]", "a sample 'sig' already"),
    ("  - met", "  - weight", 8, "features[0]", "'weight' is reserved for a column of scores.root"),
    ("BDT:", "classID:", 11, "methods.classID", "'classID' is reserved"),
    ("BDT:", "met:", 11, "methods.met", "'met' is a feature, spectator or identity as well"),
    ("BDT: {kind: xgboost}", "BDT: {kind: a}\n  BDT_seen: {kind: a}", 12, "methods.BDT_seen", "which events"),
    ("methods:\n  BDT: {kind: xgboost}", "methods: []", 10, "methods", "must be a mapping"),
    ("methods:\n  BDT: {kind: xgboost}", "methods: {}", 10, "methods", "must not be empty"),
]


@pytest.mark.parametrize(("old", "new", "line", "path", "words"), WRONG, ids=lambda value: str(value)[-25:])
def test_what_is_wrong_is_told_with_file_line_and_path(old: str, new: str, line: int, path: str, words: str) -> None:
    message = problem(changed(old, new))
    first = message.splitlines()[0]
    assert first.startswith(f"a.yaml:{line}: {path}: "), message
    assert words in first
    assert "\n" not in message, "one mistake is one message"
    assert not any(jargon in message for jargon in ("tuple", "dict", "instance of", "pydantic"))


def test_all_mistakes_are_told_at_once() -> None:
    text = changed("role: signal", "role: sgnal").replace("unit: GeV", "unt: GeV") + "sede: 1\n"
    lines = problem(text).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["samples[0].role", "features[1].unt", "sede"]


@pytest.mark.parametrize("text", ["", "- a", "just text", "5"])
def test_a_file_that_is_no_mapping_is_refused(text: str) -> None:
    assert "an analysis file is a mapping of keys" in problem(text)


def test_an_identity_branch_is_no_name_of_a_method() -> None:
    assert "methods.run: 'run' is a feature" in problem(changed("BDT:", "run:") + "identity: [run, event]\n")


@pytest.mark.parametrize("role", ["data", "control", "apply_only"])
def test_fixed_parts_are_for_what_is_trained_on(role: str) -> None:
    files = "files: {train: a.root, test: [b.root, c.root]}"
    config = parse(changed("files: sig.root", files))
    assert config.samples[0].files == {"train": ("a.root",), "test": ("b.root", "c.root")}
    text = SMALL.replace("role: signal\n    files: sig.root", f"role: {role}\n    {files}")
    assert "fixed parts (train, validation, test) are for signal and background" in problem(text)


@pytest.mark.parametrize("blind", ["score", "none", "mass > 120 && mass < 130"])
def test_data_may_be_blinded(blind: str) -> None:
    text = changed(
        "files: sig.root\n", f"files: sig.root\n  - {{name: obs, role: data, files: d.root, blind: '{blind}'}}\n"
    )
    assert parse(text).samples[1].blind == blind


@pytest.mark.parametrize("role", ["background", "control", "apply_only"])
def test_only_data_may_be_blinded(role: str) -> None:
    text = changed("files: sig.root\n", f"files: sig.root\n  - {{name: obs, role: {role}, files: d.root, blind: x}}\n")
    assert problem(text).startswith("a.yaml:6: samples[1]: only data are blinded")


def test_paths_are_taken_from_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "year [2026]"
    folder.mkdir()
    path = folder / "analysis.yaml"
    files = "[sig.root, ../x.root:events, '*.root', /abs/a.root, 'root://host//a.root', ~/h.root]"
    path.write_text(changed("files: sig.root", f"files: {files}"))
    monkeypatch.chdir(folder)
    escaped = str(folder).replace("[", "[[]")
    assert load_analysis("analysis.yaml").samples[0].files == (
        f"{folder}/sig.root",
        f"{folder}/../x.root:events",
        f"{escaped}/*.root",
        "/abs/a.root",
        "root://host//a.root",
        "~/h.root",
    )
    path.write_text(changed("files: sig.root", "files: {train: a.root, test: b.root}"))
    assert load_analysis(path).samples[0].files == {"train": (f"{folder}/a.root",), "test": (f"{folder}/b.root",)}
    path.write_text(SMALL + "sed: 1\n")
    with pytest.raises(AnalysisFileError, match=r"analysis\.yaml:12: sed: unknown key; did you mean 'seed'"):
        load_analysis(path)


def test_a_resolved_file_is_a_valid_file() -> None:
    text = SMALL + "missing: [-999, 1e30]\nsplit: {train: 0.6, validation: 0.1, test: 0.3}\nseed: 9007199254740993\n"
    config = parse(text.replace("files: sig.root", "files: {train: a.root, test: b.root}"))
    again = parse(dump_yaml(config.model_dump(mode="json")))
    assert again == config
    assert again.seed == 2**53 + 1


def test_committed_analyses_are_valid() -> None:
    paths = sorted((Path(__file__).parents[2] / "analyses").glob("*/*.yaml"))
    assert {"analysis.yaml", "folds.yaml"} <= {path.name for path in paths}
    for path in paths:
        config = load_analysis(path)
        assert parse(dump_yaml(config.model_dump(mode="json"))) == config


BASE = parse_yaml(SMALL).content
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(["name"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.sampled_from([*AnalysisConfig.model_fields]), values)
def test_any_value_of_any_key_is_taken_or_refused(key: str, value: Any) -> None:
    content = copy.deepcopy(BASE)
    content[key] = value
    try:
        parse_analysis(content, where="a.yaml")
    except AnalysisFileError as error:
        assert str(error).startswith("a.yaml")  # noqa: PT017


@given(st.sampled_from(["name", "role", "files", "tree", "selection", "weight", "scale", "title", "blind"]), values)
def test_any_value_of_any_key_of_a_sample_is_taken_or_refused(key: str, value: Any) -> None:
    content = copy.deepcopy(BASE)
    content["samples"][0][key] = value
    try:
        parse_analysis(content, where="a.yaml")
    except AnalysisFileError as error:
        assert str(error).startswith("a.yaml")  # noqa: PT017
