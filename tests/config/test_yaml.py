"""YAML 1.2 scalars, refusals with their lines, and the round trip."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.config import dump_yaml, parse_yaml, read_yaml
from hepml.errors import AnalysisFileError

if TYPE_CHECKING:
    from pathlib import Path

SCALARS = [
    ("1e-3", 0.001),
    ("1E5", 1e5),
    ("-1.5e+2", -150.0),
    (".5", 0.5),
    ("1.", 1.0),
    ("+3", 3),
    ("-0", 0),
    ("017", 17),
    ("0o17", 15),
    ("0xFf", 255),
    ("18446744073709551615", 2**64 - 1),
    ("-.inf", -math.inf),
    (".INF", math.inf),
    ("true", True),
    ("FALSE", False),
    ("~", None),
    ("null", None),
    ("", None),
    # numbers, booleans and dates of YAML 1.1 are text in YAML 1.2
    ("NO", "NO"),
    ("yes", "yes"),
    ("on", "on"),
    ("1_000", "1_000"),
    ("0b1", "0b1"),
    ("190:20:30", "190:20:30"),
    ("2026-01-01", "2026-01-01"),
    ("=", "="),
    ("<<", "<<"),
    ("1e", "1e"),
    ("1 2", "1 2"),
    ("tRue", "tRue"),
    ("'1e-3'", "1e-3"),
    ('"true"', "true"),
    ("|\n 12", "12"),
]


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_scalars_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    found = parse_yaml(f"key: {text}").content["key"]
    assert found == value
    assert type(found) is type(value)


def test_nan_is_a_number() -> None:
    assert math.isnan(parse_yaml("key: .nan").content["key"])


def test_lines_of_keys_and_items_are_known() -> None:
    document = parse_yaml("a:\n  - b: 1\n    c: 2\n  -\n    b: 3\nd: [1,\n    2]\n")
    assert document.line(("a",)) == 1
    assert document.line(("a", 0, "c")) == 3
    assert document.line(("a", 1, "b")) == 5
    assert document.line(("d", 1)) == 7
    assert document.line(("a", 1, "b", "unknown", 5)) == 5, "the nearest value around it"


REFUSED = [
    ("a: 1\nb: 2\na: 3", 3, "duplicate key 'a' (first on line 1)"),
    ("x:\n  - {a: 1, b: 2,\n     a: 3}", 3, "duplicate key 'a' (first on line 2)"),
    ("a: 1\n'a': 2", 2, "duplicate key 'a'"),
    ("a: !!python/object/apply:os.system ['true']", 1, "not allowed: plain values only"),
    ("a: !!python/name:os.system", 1, "not allowed"),
    ("a:\n- !!str 123", 2, "not allowed"),
    ("a: !!int '3'", 1, "not allowed"),
    ("a: !!binary aGVsbG8=", 1, "not allowed"),
    ("!mine a: 1", 1, "not allowed"),
    ("? [a, b]\n: 1", 1, "a key must be plain text"),
    ("a: {b: 1}\n? {c: 1}\n: 2", 2, "a key must be plain text"),
    ("a: 1\n---\nb: 2", 2, "expected a single document"),
    ("a: [1, 2", 1, "not valid YAML"),
    ("a: 1\n b: 2", 2, "not valid YAML"),
    ("a:\n\t- 1", 2, "not valid YAML"),
    ("a: *nothing", 1, "undefined alias"),
    ("a: 1\nb: 'x\x00'", 2, "U+0000"),
    ('a: 1\nb: "\\ud800"', 2, "surrogate"),
    ('"\\udfff": 1', 1, "surrogate"),
    ("a: &x [*x]", 1, "nested deeper"),
    ("a: &x {b: *x}", 1, "nested deeper"),
]


@pytest.mark.parametrize(("text", "line", "reason"), REFUSED)
def test_what_is_refused_is_told_with_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(AnalysisFileError) as caught:
        parse_yaml(text, where="my.yaml")
    assert str(caught.value).startswith(f"my.yaml:{line}: ")
    assert reason in str(caught.value)


@pytest.mark.parametrize("text", ['a: "\\U11111111"', "%YAML " + "9" * 5000 + ".1\n---\na: 1"])
def test_escapes_and_directives_out_of_range_are_refused(text: str) -> None:
    with pytest.raises(AnalysisFileError, match=r"my\.yaml: not valid YAML"):
        parse_yaml(text, where="my.yaml")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused_before_it_is_built(opening: str) -> None:
    with pytest.raises(AnalysisFileError, match="nested deeper than 30 levels"):
        parse_yaml(opening * 5000)


def test_thirty_levels_are_enough() -> None:
    assert parse_yaml("[" * 30 + "]" * 30).content is not None


def test_aliases_repeat_values_within_limits() -> None:
    document = parse_yaml("a: &x {b: [1, 2]}\nc: *x\n")
    assert document.content == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}


def test_a_bomb_of_aliases_goes_off_harmlessly() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    start = time.process_time()
    with pytest.raises(AnalysisFileError, match="more than 30000 values"):
        parse_yaml("\n".join(lines))
    assert time.process_time() - start < 20


def test_many_values_and_long_texts_are_refused() -> None:
    with pytest.raises(AnalysisFileError, match="more than 30000 values"):
        parse_yaml("[" + "1," * 40_000 + "]")
    with pytest.raises(AnalysisFileError, match="300000 at most"):
        parse_yaml("a: " + "x" * 300_000)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    path = tmp_path / "analysis.yaml"
    with pytest.raises(AnalysisFileError, match=r"cannot read .*analysis\.yaml: No such file"):
        read_yaml(path)
    path.write_bytes(b"a: \xff\xfe")
    with pytest.raises(AnalysisFileError, match=r"analysis\.yaml: it is not UTF-8 text"):
        read_yaml(path)
    path.write_bytes(b"x" * 300_001)
    with pytest.raises(AnalysisFileError, match="has 300001 bytes"):
        read_yaml(path)
    with pytest.raises(AnalysisFileError, match="cannot read"):
        read_yaml(tmp_path)
    path.write_text("\ufeffa: μ\n", encoding="utf-8")
    assert read_yaml(path).content == {"a": "μ"}, "a byte order mark is no part of the text"
    path.write_text("", encoding="utf-8")
    assert read_yaml(path).content is None


# PyYAML reads back neither lone surrogates nor most control characters; both are refused when a file is read
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=30)
numbers = st.floats(allow_nan=False) | st.integers(-(2**70), 2**70)
plain = st.recursive(
    st.none() | st.booleans() | numbers | texts | st.sampled_from([text for text, _ in SCALARS]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(plain)
def test_what_is_written_is_read_back(content: Any) -> None:
    found = parse_yaml(dump_yaml(content)).content
    assert found == content
    assert repr(found) == repr(content), "also the types are the same, 1 is not 1.0 and True is not 1"


@given(st.text(max_size=200))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parse_yaml(text)
    except AnalysisFileError as error:
        assert str(error).startswith("YAML text")  # noqa: PT017


@given(st.text(alphabet="ab:- {}[],&*!|>'\"%#?\n\t\\xUu0189~", max_size=60))
def test_any_text_of_yaml_s_own_characters_is_parsed_or_refused(text: str) -> None:
    try:
        parse_yaml(text)
    except AnalysisFileError as error:
        assert str(error).startswith("YAML text")  # noqa: PT017
