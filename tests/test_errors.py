"""Exceptions: their roots, their text, and the names that they suggest."""

from __future__ import annotations

import pytest

from hepml import errors
from hepml.errors import HepmlError, did_you_mean, missing_dependency, unknown_name

CLASSES = [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_has_one_root_and_prints_its_message(kind: type[HepmlError]) -> None:
    assert issubclass(kind, HepmlError)
    assert str(kind("no branch 'pt'")) == "no branch 'pt'"
    if kind is not HepmlError:
        builtin = [base for base in kind.__mro__ if base.__module__ == "builtins"]
        assert len(builtin) > 3, "beside Exception it should be the builtin that fits"


def test_an_error_without_a_message_has_no_text() -> None:
    assert str(HepmlError()) == ""


def test_builtin_handlers_catch_ours() -> None:
    with pytest.raises(FileNotFoundError, match="gone"):
        raise errors.MissingFileError("gone")  # noqa: EM101
    with pytest.raises(KeyError, match="gone"):
        raise errors.BranchNotFoundError("gone")  # noqa: EM101


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("lep_pT", ["lep_pt", "met"], "; did you mean 'lep_pt'?"),
        ("met", ["zzz"], ""),
        ("met", [], ""),
        ("jet_pt", ["jet_pt1", "jet_pt1", "jet_p"], "; did you mean 'jet_pt1' or 'jet_p'?"),
    ],
)
def test_near_names_are_suggested(name: str, known: list[str], expected: str) -> None:
    assert did_you_mean(name, known) == expected


def test_no_more_suggestions_than_asked_for() -> None:
    assert did_you_mean("pt", ["pt1", "pt2", "pt3"], limit=1).count("'") == 2


def test_an_unknown_name_lists_the_known_ones() -> None:
    error = unknown_name("classifier", "xgbost", ["xgboost", "hist"])
    assert str(error) == "unknown classifier 'xgbost'; did you mean 'xgboost'? (known: hist, xgboost)"
    assert str(unknown_name("plot", "qqq", ["roc"])) == "unknown plot 'qqq' (known: roc)"


def test_a_missing_library_tells_the_command_that_brings_it() -> None:
    error = missing_dependency("torch", "'nn' classifiers", "nn")
    assert isinstance(error, ImportError)
    assert str(error) == "torch is needed for 'nn' classifiers: pip install \"hepml-framework[nn]\""
